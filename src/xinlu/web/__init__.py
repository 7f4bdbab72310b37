"""Pages: the portal for the public and the console for officers. Each calls one query of a lower room."""
