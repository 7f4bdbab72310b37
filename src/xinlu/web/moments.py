"""The clock of the pages: the one place where a page learns what day and time it is."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone


def today() -> date:
    """Today in China."""
    return timezone.localdate()


def now() -> datetime:
    """This moment, with its zone."""
    return timezone.now()
