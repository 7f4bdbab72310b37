"""Say that two subjects stand in a relation on certain days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.insert import insert_many
from xinlu.journal.sequence import last_change, next_change
from xinlu.registry.enrol import BATCH
from xinlu.registry.models import Relation


@dataclass(frozen=True)
class NewRelation:
    """``from_subject`` stands in ``relation`` to ``to_subject`` on [valid_from, valid_until).

    ``withdrawn``: it never did; the current statement is superseded and none takes its place.
    """

    relation: str
    from_subject: int
    to_subject: int
    valid_from: date
    valid_until: date | None = None
    withdrawn: bool = False

    @property
    def key(self) -> tuple[str, int, int, date]:
        """What makes two statements speak of the same relation."""
        return (self.relation, self.from_subject, self.to_subject, self.valid_from)


@transaction.atomic
def relate_many(relations: Sequence[NewRelation], *, actor: Actor, at: datetime) -> int:
    """State ``relations``; gives how many changed anything. The last of several about one relation holds.

    The same relation with another end supersedes the earlier statement: that is how a relation is ended.
    """
    # What is read from here on is what will be there when it is written.
    last_change(hold=True)
    wanted = {one.key: one for one in relations}
    current = _current({one.from_subject for one in wanted.values()})
    changed = [one for one in wanted.values() if _differs(one, current.get(one.key))]
    if not changed:
        return 0
    change = next_change()
    gone = [current[one.key].pk for one in changed if one.key in current]
    for start in range(0, len(gone), BATCH):
        Relation.objects.filter(pk__in=gone[start : start + BATCH]).update(superseded_at=at, change=change)
    insert_many(Relation, [_row(one, at, change) for one in changed if not one.withdrawn])
    append(
        actor=actor,
        verb="registry.relation.stated",
        obj=f"registry.change:{change}",
        facts={"relations": len(changed)},
        at=at,
    )
    return len(changed)


def relate(relation: NewRelation, *, actor: Actor, at: datetime) -> bool:
    """State one relation; False when it was so already."""
    return relate_many([relation], actor=actor, at=at) == 1


def _current(from_subjects: set[int]) -> dict[tuple[str, int, int, date], Relation]:
    numbers = sorted(from_subjects)
    found = {}
    for start in range(0, len(numbers), BATCH):
        for row in Relation.objects.filter(from_subject__in=numbers[start : start + BATCH], superseded_at__isnull=True):
            found[row.relation, row.from_subject_id, row.to_subject_id, row.valid_from] = row
    return found


def _differs(one: NewRelation, row: Relation | None) -> bool:
    if row is None:
        return not one.withdrawn
    return one.withdrawn or row.valid_until != one.valid_until


def _row(one: NewRelation, at: datetime, change: int) -> Relation:
    return Relation(
        relation=one.relation,
        from_subject_id=one.from_subject,
        to_subject_id=one.to_subject,
        valid_from=one.valid_from,
        valid_until=one.valid_until,
        recorded_at=at,
        change=change,
    )
