"""Exchange: every wire, both ways. Clients and their agreements, the open API, connectors, what goes out."""
