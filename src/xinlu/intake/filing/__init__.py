"""Self-filing (自主填报): what a firm says of itself, its people and its works; drafted, checked and handed over."""
