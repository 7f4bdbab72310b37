"""Archive records whose use is over: they leave every present use, and stay readable in the archive.

The deed supersedes the current version, so that the columnar copy and every question about the present lose the
record by the ordinary road, and a run that knows what was known before still finds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.digest import canonical, sm3
from xinlu.journal.insert import insert_many
from xinlu.journal.sequence import last_change, next_change
from xinlu.ledger import ended
from xinlu.ledger.life import last_versions, some
from xinlu.ledger.models import Archived, Because, Record
from xinlu.ledger.terms import Term, merged, terms
from xinlu.ledger.versions import BATCH, supersede

VERB_ARCHIVED: Final = "ledger.records.archived"


@dataclass(frozen=True)
class Touched:
    """What a deed touches, or would. ``by``: (item, reason) → number of records. ``digest``: of all their numbers."""

    by: Mapping[tuple[str, str], int]
    digest: str

    @property
    def records(self) -> int:
        """How many in all."""
        return sum(self.by.values())


@dataclass(frozen=True)
class Due:
    """One version that a deed is about."""

    pk: int
    record: int
    item: str
    recorded_at: datetime
    is_current: bool
    because: Because


def archive(*, on: date, actor: Actor, at: datetime, item: str | None = None, dry_run: bool = False) -> Touched:
    """Archive every record whose use is over on the day ``on``, of one item or of all; gives what was touched.

    1. A record is due when its term of use or its period of keeping is over, or its decision was revoked; its
       children go with it.
    2. Its current version is superseded at ``at``; one that was withdrawn before only gets its mark.
    3. One event of the journal holds day, numbers by item and reason, and the digest of all record numbers.

    ``dry_run``: the same answer, and nothing changes. Nothing due: no event.
    """
    with transaction.atomic():
        # What is read from here on is what will be there when it is written.
        last_change(hold=True)
        due = _due(on, item)
        touched = touched_by([(one.record, one.item, one.because) for one in due])
        if due and not dry_run:
            _write(due, touched, on=on, actor=actor, at=at)
    return touched


def due_by(on: date, item: str | None = None) -> QuerySet[Record]:
    """Last versions of records that are due for the archive on ``on``, children left aside. For verbs and counts."""
    wanted = some(_over(one, on) for one in _every(item))
    return Record._base_manager.filter(last_versions(), wanted, archived__isnull=True)


def touched_by(records: Sequence[tuple[int, str, str]]) -> Touched:
    """Numbers and digest of (record, item, reason)."""
    by = Counter((item, str(because)) for _, item, because in records)
    return Touched(dict(sorted(by.items())), sm3(canonical(sorted(number for number, _, _ in records))))


def _every(item: str | None) -> list[Term]:
    """Terms of one item or of all, those that are alike as one."""
    return merged((one for name, several in terms().items() if item in (None, name) for one in several), ended.alike)


def _over(term: Term, on: date) -> Q:
    return ended.lapsed(term, on) | ended.revoked(term, on) | ended.kept_over(term, on)


def _due(on: date, item: str | None) -> list[Due]:
    found: dict[int, Due] = {}
    for term in _every(item):
        for because, wanted in (
            (Because.REVOKED, ended.revoked(term, on)),
            (Because.LAPSED, ended.lapsed(term, on)),
            (Because.RETAINED, ended.kept_over(term, on)),
        ):
            if wanted == ended.NOTHING:
                continue
            rows = Record._base_manager.filter(last_versions(), wanted, archived__isnull=True)
            for one in _read(rows, because):
                found.setdefault(one.record, one)
    return [*found.values(), *_children(found)]


def _children(parents: Mapping[int, Due]) -> Iterator[Due]:
    """Children of what goes, and theirs."""
    known, waiting = set(parents), sorted(parents)
    while waiting:
        part, waiting = waiting[:BATCH], waiting[BATCH:]
        rows = Record._base_manager.filter(last_versions(), parent__in=part, archived__isnull=True)
        for one in _read(rows, Because.PARENT):
            if one.record not in known:
                known.add(one.record)
                waiting.append(one.record)
                yield one


def _read(rows: QuerySet[Record], because: Because) -> Iterator[Due]:
    columns = rows.order_by("record").values_list("pk", "record", "item", "recorded_at", "superseded_at")
    for pk, record, item, recorded_at, superseded_at in columns.iterator(chunk_size=BATCH):
        yield Due(pk, record, item, recorded_at, superseded_at is None, because)


def _write(due: Sequence[Due], touched: Touched, *, on: date, actor: Actor, at: datetime) -> None:
    change = next_change()
    current = [(one.pk, one.recorded_at) for one in due if one.is_current]
    supersede(current, at=at, change=change, reason="archived")
    insert_many(
        Archived,
        [
            Archived(
                version_id=one.pk,
                record=one.record,
                because=one.because,
                archived_at=at,
                archived_by=actor.key,
                change=change,
            )
            for one in due
        ],
    )
    append(
        actor=actor,
        verb=VERB_ARCHIVED,
        obj=f"ledger.change:{change}",
        facts={"day": on, "records": touched.records, "digest": touched.digest, "by": told(touched)},
        at=at,
    )


def told(touched: Touched) -> dict[str, int]:
    """Item and reason → number, as facts of an event."""
    return {f"{item}:{because}": number for (item, because), number in touched.by.items()}
