"""Take a whole delivery back: what stood before it stands again, and what it brought first is withdrawn.

Nothing is overwritten. The versions that the delivery wrote stay in the past of the ledger; what holds again is written
as a new version, known from the moment of taking back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from django.db import transaction

from xinlu.gazette import current
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.sequence import last_change, next_change
from xinlu.ledger.draft import Draft
from xinlu.ledger.models import Delivery, DeliveryRow, Record, RecordRole, TakenBack
from xinlu.ledger.versions import Version, supersede, write

BATCH = 500
VERBS = {
    TakenBack.Kind.UNDONE: "ledger.delivery.undone",
    TakenBack.Kind.WITHDRAWN: "ledger.delivery.withdrawn",
}


@transaction.atomic
def take_back_delivery(
    delivery: Delivery, *, kind: TakenBack.Kind, reason: str, actor: Actor, at: datetime
) -> TakenBack:
    """Take ``delivery`` back once and for all; gives what was done.

    1. Of every record whose current version came by it: the version before it is written again, under its own source
       and delivery; without one, the record is withdrawn.
    2. A record that it withdrew, and that nobody has brought back since, holds again.
    3. A record that something later changed stays as it is.

    Raises:
        IntegrityError: it was taken back before.
        ValueError: no reason is given.
    """
    if not reason.strip():
        raise ValueError("taking back needs a reason")
    # What is read from here on is what will be there when it is written.
    last_change(hold=True)
    done = TakenBack._base_manager.create(delivery=delivery, kind=kind, reason=reason[:400], by=actor.key, at=at)
    change = next_change()
    why = f"delivery {delivery.pk} {kind.value}"
    for batch in _batches(_current(delivery)):
        before = _before(batch, delivery)
        restored = [row for row in batch if row.record in before]
        gone = [(row.pk, row.recorded_at) for row in batch if row.record not in before]
        supersede(gone, at=at, change=change, withdrawn=True, reason=why)
        _write([(before[row.record], (row.pk, row.recorded_at)) for row in restored], why, at=at, change=change)
        done.withdrawn += len(gone)
        done.restored += len(restored)
    for batch in _batches(_withdrawn_by(delivery)):
        _write([(row, None) for row in batch], why, at=at, change=change)
        done.restored += len(batch)
    done.change = change
    done.save()
    append(
        actor=actor,
        verb=VERBS[kind],
        obj=f"ledger.delivery:{delivery.pk}",
        facts={"withdrawn": done.withdrawn, "restored": done.restored, "reason": reason, "change": change},
        at=at,
    )
    return done


def changed_since(delivery: Delivery) -> int:
    """How many records of ``delivery`` something later changed or withdrew."""
    mine = Record._base_manager.filter(delivery=delivery, superseded_at__isnull=False)
    still = Record._base_manager.filter(delivery=delivery, superseded_at__isnull=True)
    return mine.exclude(record__in=still.values("record")).values("record").distinct().count()


def children_of_others(delivery: Delivery) -> int:
    """How many current records of other deliveries belong to a record of ``delivery``."""
    mine = Record._base_manager.filter(delivery=delivery, superseded_at__isnull=True)
    found = Record._base_manager.filter(parent__in=mine.values("record"), superseded_at__isnull=True)
    return found.exclude(delivery=delivery).count()


def _current(delivery: Delivery) -> Iterator[Record]:
    numbers = list(
        Record._base_manager.filter(delivery=delivery, superseded_at__isnull=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    for start in range(0, len(numbers), BATCH):
        yield from Record._base_manager.filter(pk__in=numbers[start : start + BATCH]).defer("payload").order_by("pk")


def _before(rows: Sequence[Record], delivery: Delivery) -> dict[int, Record]:
    """Record number → the version that held when ``delivery`` came."""
    held = Record._base_manager.filter(
        record__in=[row.record for row in rows],
        recorded_at__lt=delivery.received_at,
        superseded_at=delivery.received_at,
        withdrawn=False,
    )
    return {row.record: row for row in held.exclude(delivery=delivery).order_by("pk")}


def _withdrawn_by(delivery: Delivery) -> Iterator[Record]:
    """The versions that rows of ``delivery`` withdrew, of records that nothing has brought back since."""
    accepted = DeliveryRow._base_manager.filter(delivery=delivery, outcome="accepted", record__isnull=False)
    numbers = [one for one in accepted.order_by("record").values_list("record", flat=True) if one is not None]
    for start in range(0, len(numbers), BATCH):
        several = numbers[start : start + BATCH]
        held = Record._base_manager.filter(record__in=several, withdrawn=True, superseded_at=delivery.received_at)
        current_ones = Record._base_manager.filter(record__in=several, superseded_at__isnull=True)
        yield from held.exclude(record__in=list(current_ones.values_list("record", flat=True))).order_by("pk")


def _write(
    several: Sequence[tuple[Record, tuple[int, datetime] | None]], why: str, *, at: datetime, change: int
) -> None:
    """Write versions again, each in place of the one beside it."""
    roles: dict[int, dict[str, tuple[int, ...]]] = defaultdict(dict)
    named = RecordRole.objects.filter(version__in=[row.pk for row, _ in several]).order_by("pk")
    for version, role, subject in named.values_list("version", "role", "subject"):
        roles[version][role] = (*roles[version].get(role, ()), subject)
    groups: dict[tuple[str, int, int | None], list[Version]] = defaultdict(list)
    for row, instead in several:
        made = Draft(
            number=row.row or 0,
            key=row.key,
            occurred_on=row.occurred_on,
            effective_from=row.effective_from,
            effective_until=row.effective_until,
            payload=row.payload,
            roles=roles[row.pk],
            parent=row.parent,
        )
        groups[row.item, row.source_id, row.delivery_id].append(Version(made, row.record, instead, why))
    items = current.catalogue().items
    for (item, source, origin), versions in groups.items():
        write(items[item], versions, source=source, delivery=origin, at=at, change=change)


def _batches(rows: Iterable[Record]) -> Iterator[list[Record]]:
    several = iter(rows)
    while batch := list(islice(several, BATCH)):
        yield batch
