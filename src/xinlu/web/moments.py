"""The clock of the pages: the one place where a page learns what day and time it is."""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.utils import timezone


def today() -> date:
    """The day that pages show: ``XINLU_TODAY``, else the demo’s own day on the demo, else today in China."""
    return settings.TODAY or sample_day() or timezone.localdate()


def now() -> datetime:
    """This moment, with its zone; what is handed over and printed bears it, also on the demo."""
    return timezone.now()


def acting() -> datetime:
    """The moment by which deadlines are read and kept: now; on the demo, this time of its own day."""
    at = now()
    return datetime.combine(today(), timezone.localtime(at).timetz()) if sample_day() or settings.TODAY else at


def sample_day() -> date | None:
    """The last day of the demo province, where the site runs on one; None everywhere else."""
    marker = Path(settings.VAR) / "demo" / "built.json"
    try:
        return _day_of(marker, marker.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=4)
def _day_of(marker: Path, written: int) -> date:
    del written  # a marker that is written again is read again
    return date.fromisoformat(json.loads(marker.read_text(encoding="utf-8"))["today"])
