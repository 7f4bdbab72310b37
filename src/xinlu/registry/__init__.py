"""The registry: who can be rated, under which identifiers, related to whom and when."""
