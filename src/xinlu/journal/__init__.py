"""The journal: what happened, in a chain that nobody can change unseen, and one sequence of changes."""
