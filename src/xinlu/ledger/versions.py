"""Write versions of records: the one place where the record table changes.

Everything that a verb of this room does to records comes down to two acts: a version is written, and the version
before it, if there is one, is superseded at the same instant under the same change number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from xinlu.journal.insert import insert_many, insert_values
from xinlu.journal.sequence import take
from xinlu.law.catalogue import Item
from xinlu.ledger.draft import Draft
from xinlu.ledger.models import Record, RecordRole, Standing

BATCH = 2000
RATING = "rating_result"


class ClockBackwards(ValueError):
    """A version would be recorded before, or at the same instant as, the one it supersedes."""


@dataclass(frozen=True)
class Version:
    """A version to write. ``record`` None: a new record. ``supersedes``: primary key and time of the one before."""

    draft: Draft
    record: int | None = None
    supersedes: tuple[int, datetime] | None = None
    reason: str = ""


def write(
    item: Item,
    versions: Sequence[Version],
    *,
    source: int,
    delivery: int | None,
    at: datetime,
    change: int,
) -> list[int]:
    """Write ``versions`` of ``item``; gives their record numbers in order."""
    supersede([v.supersedes for v in versions if v.supersedes], at=at, change=change)
    fresh = iter(take("record", count=sum(v.record is None for v in versions)))
    numbers = [next(fresh) if v.record is None else v.record for v in versions]
    main = item.roles[0].name if item.roles else ""
    rows = [
        _row(item, main, v, number, source=source, delivery=delivery, at=at, change=change)
        for v, number in zip(versions, numbers, strict=True)
    ]
    insert_many(Record, rows)
    insert_values(RecordRole, ("version_id", "role", "subject_id"), _roles(rows, versions))
    if item.item == RATING:
        insert_many(Standing, [_standing(row) for row in rows])
    return numbers


def supersede(
    before: Sequence[tuple[int, datetime]],
    *,
    at: datetime,
    change: int,
    withdrawn: bool = False,
    reason: str = "",
) -> None:
    """Supersede the versions with these primary keys and times of recording."""
    for _, recorded_at in before:
        if recorded_at >= at:
            raise ClockBackwards(f"recorded at {recorded_at.isoformat()}, superseded at {at.isoformat()}")
    keys = [key for key, _ in before]
    values = {"superseded_at": at, "change": change, "withdrawn": withdrawn}
    if reason:
        values["reason"] = reason
    for start in range(0, len(keys), BATCH):
        part = Record._base_manager.filter(pk__in=keys[start : start + BATCH], superseded_at__isnull=True)
        if part.update(**values) != len(keys[start : start + BATCH]):
            raise RuntimeError("a version was superseded by somebody else in the meantime")


def _row(
    item: Item,
    main: str,
    version: Version,
    number: int,
    *,
    source: int,
    delivery: int | None,
    at: datetime,
    change: int,
) -> Record:
    draft = version.draft
    return Record(
        record=number,
        item=item.item,
        key=draft.key,
        digest=draft.digest,
        parent=draft.parent,
        subject_id=next(iter(draft.roles.get(main, ())), None),
        occurred_on=draft.occurred_on,
        effective_from=draft.effective_from,
        effective_until=draft.effective_until,
        payload=dict(draft.payload),
        recorded_at=at,
        change=change,
        source_id=source,
        delivery_id=delivery,
        row=draft.number if delivery is not None else None,
        reason=version.reason,
    )


def _roles(rows: Sequence[Record], versions: Sequence[Version]) -> Iterable[tuple[int, str, int]]:
    for row, version in zip(rows, versions, strict=True):
        for role, numbers in version.draft.roles.items():
            for number in dict.fromkeys(numbers):
                yield row.pk, role, number


def _standing(row: Record) -> Standing:
    if row.subject_id is None:
        raise ValueError("a standing needs a subject")

    def text(name: str) -> str:
        return str(row.payload.get(name) or "")

    return Standing(
        version=row,
        subject_id=row.subject_id,
        book=text("book"),
        book_version=text("book_version"),
        output=text("output"),
        kind=text("kind"),
        status=text("status"),
        level=text("level"),
        score=Decimal(text("score")) if text("score") else None,
        grade=text("grade"),
        jurisdiction=text("jurisdiction"),
        run=text("run"),
        as_of=date.fromisoformat(text("as_of_day")) if text("as_of_day") else row.occurred_on,
        effective_from=row.effective_from,
        effective_until=row.effective_until,
    )
