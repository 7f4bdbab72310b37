"""Open a locked filing again for some working days, when that was granted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from xinlu.gazette import current
from xinlu.intake.filing.content import form_of
from xinlu.intake.filing.take import filing_about
from xinlu.intake.models import FilingUnlocking
from xinlu.journal.append import append
from xinlu.journal.effects import Doing
from xinlu.law.clock import CHINA


def unlock_filing(doing: Doing) -> Mapping[str, Any]:
    """Effect ``intake.unlock_filing``: the filing is open for the days that its form gives, from the next day on."""
    filing = filing_about(doing.about)
    until = _until(doing.at.astimezone(CHINA).date(), form_of(filing.form).unlocked_working_days)
    FilingUnlocking.objects.create(filing=filing, at=doing.at, until=until, case=doing.case)
    append(
        actor=doing.actor,
        verb="intake.filing.unlocked",
        obj=f"intake.filing:{filing.pk}",
        facts={"until": until},
        at=doing.at,
    )
    return {"until": until.isoformat()}


def _until(day: date, working_days: int) -> date:
    calendar = current.library().calendar
    if calendar is None:
        raise ValueError("the law has no working calendar")
    return calendar.add_working_days(day, working_days) + timedelta(days=1)
