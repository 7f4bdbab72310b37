"""The three planes of law as typed, checked data: catalogue, rulebook, procedure.

Pure: no Django, no clock, no network, no user. Dates, actor and law are arguments.
"""
