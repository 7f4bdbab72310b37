"""Withdraw records: they stay in the past of the ledger, and are gone from its present."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.sequence import last_change, next_change
from xinlu.ledger.models import Record
from xinlu.ledger.versions import BATCH, supersede


@transaction.atomic
def withdraw(records: Sequence[int], *, reason: str, actor: Actor, at: datetime) -> int:
    """Withdraw the records with these numbers; gives how many were current. A reason is required."""
    if not reason.strip():
        raise ValueError("a withdrawal needs a reason")
    # What is read from here on is what will be there when it is written.
    last_change(hold=True)
    current: list[Record] = []
    for start in range(0, len(records), BATCH):
        current.extend(
            Record._base_manager.filter(record__in=records[start : start + BATCH], superseded_at__isnull=True).defer(
                "payload"
            )
        )
    if not current:
        return 0
    change = next_change()
    gone = [(row.pk, row.recorded_at) for row in current]
    supersede(gone, at=at, change=change, withdrawn=True, reason=reason)
    append(
        actor=actor,
        verb="ledger.record.withdrawn",
        obj=f"ledger.change:{change}",
        facts={"records": sorted(row.record for row in current), "reason": reason},
        at=at,
    )
    return len(current)
