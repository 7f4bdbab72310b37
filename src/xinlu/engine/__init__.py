"""Rulebooks and rows in, findings and entries out. Pure: no Django, no clock, no network, no user."""
