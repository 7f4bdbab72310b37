"""Intake (归集): the ways in, the checks, and what becomes of every row."""
