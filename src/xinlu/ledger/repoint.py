"""Follow merges and splits of subjects: records that name the one get a version that names the other."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db.models import Exists, OuterRef

from xinlu.gazette import current
from xinlu.journal.inbox import apply_once, unapplied
from xinlu.journal.models import Event
from xinlu.journal.sequence import next_change
from xinlu.ledger.draft import Draft, key_of
from xinlu.ledger.models import Record, RecordRole
from xinlu.ledger.versions import Version, write
from xinlu.registry.merge import VERB_MERGED, VERB_SPLIT

CONSUMER = "ledger.repoint"


def follow_merges(*, at: datetime) -> int:
    """Apply every merge and split that the ledger has not applied yet, each once; gives how many."""
    applied = 0
    for event in list(unapplied(CONSUMER, verbs=[VERB_MERGED, VERB_SPLIT])):
        applied += apply_once(CONSUMER, event, effect=lambda e: _apply(e, at), at=at)
    return applied


def _apply(event: Event, at: datetime) -> None:
    kept, absorbed = event.facts["kept"], event.facts["absorbed"]
    mark = f"merge {event.object}"
    if event.verb == VERB_MERGED:
        _repoint(_naming(absorbed), {absorbed: kept}, reason=mark, at=at)
    else:
        # Only what the merge re-pointed goes back; what was recorded of the kept one since stays its own.
        moved = _naming(kept).filter(reason=mark)
        _repoint(moved, {kept: absorbed}, reason=f"split {event.object}", at=at)


def _naming(subject: int):  # type: ignore[no-untyped-def]
    named = RecordRole.objects.filter(version=OuterRef("pk"), subject=subject)
    return Record._base_manager.filter(Exists(named), superseded_at__isnull=True)


def _repoint(rows, names: dict[int, int], *, reason: str, at: datetime) -> None:  # type: ignore[no-untyped-def]
    groups: dict[tuple[str, int, int | None], list[Record]] = defaultdict(list)
    for row in rows.order_by("record"):
        groups[row.item, row.source_id, row.delivery_id].append(row)
    if not groups:
        return
    change = next_change()
    items = current.catalogue().items
    for (name, source, delivery), several in groups.items():
        item = items[name]
        versions = []
        for row in several:
            roles: dict[str, list[int]] = defaultdict(list)
            for role, number in row.roles.order_by("pk").values_list("role", "subject"):
                roles[role].append(names.get(number, number))
            named = {role: tuple(dict.fromkeys(numbers)) for role, numbers in roles.items()}
            draft = Draft(
                number=row.row or 0,
                key=key_of(item, payload=row.payload, roles=named),
                occurred_on=row.occurred_on,
                effective_from=row.effective_from,
                effective_until=row.effective_until,
                payload=row.payload,
                roles=named,
                parent=row.parent,
            )
            versions.append(Version(draft, row.record, (row.pk, row.recorded_at), reason))
        write(item, versions, source=source, delivery=delivery, at=at, change=change)
