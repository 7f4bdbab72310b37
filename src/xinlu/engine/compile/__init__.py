"""From a rulebook's meaning to a short list of relational steps, each a table or view."""
