"""Take one version back: the version before it holds again, or the record is withdrawn where there was none."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db import transaction

from xinlu.gazette import current
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.sequence import last_change, next_change
from xinlu.ledger.draft import Draft, key_of
from xinlu.ledger.models import Record
from xinlu.ledger.versions import Version, supersede, write


@transaction.atomic
def take_back(version: int, *, reason: str, actor: Actor, at: datetime) -> bool:
    """Take back the version with this primary key; False when something came after it, and nothing is done.

    Nothing is overwritten: what holds again is written as a new version, known from ``at``.
    """
    last_change(hold=True)
    row = Record._base_manager.filter(pk=version, superseded_at__isnull=True).first()
    if row is None:
        return False
    before = Record._base_manager.filter(record=row.record, superseded_at=row.recorded_at, withdrawn=False).first()
    change = next_change()
    if before is None:
        supersede([(row.pk, row.recorded_at)], at=at, change=change, withdrawn=True, reason=reason)
    else:
        again = Version(_draft(before), row.record, (row.pk, row.recorded_at), reason)
        item = current.catalogue().items[row.item]
        write(item, [again], source=before.source_id, delivery=before.delivery_id, at=at, change=change)
    append(
        actor=actor,
        verb="ledger.version.taken_back",
        obj=f"ledger.change:{change}",
        facts={"record": row.record, "restored": before is not None, "reason": reason},
        at=at,
    )
    return True


def _draft(row: Record) -> Draft:
    roles: dict[str, tuple[int, ...]] = defaultdict(tuple)
    for role, number in row.roles.order_by("pk").values_list("role", "subject"):
        roles[role] += (number,)
    return Draft(
        number=row.row or 0,
        key=key_of(current.catalogue().items[row.item], payload=row.payload, roles=roles),
        occurred_on=row.occurred_on,
        effective_from=row.effective_from,
        effective_until=row.effective_until,
        payload=row.payload,
        roles=dict(roles),
        parent=row.parent,
    )
