"""A table or view of another database."""
