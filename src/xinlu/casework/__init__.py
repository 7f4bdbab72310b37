"""Casework (办件): the machine of cases. Append-only actions, computed states, one queue, deadlines in working time."""
