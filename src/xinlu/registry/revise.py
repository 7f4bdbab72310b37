"""Revise what is known of subjects from a day on, without forgetting what was known before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from django.db import transaction

from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.insert import insert_many
from xinlu.journal.sequence import last_change, next_change
from xinlu.registry.enrol import BATCH, AttributeValue
from xinlu.registry.match_keys import Key, is_kept, name_keys, owners_of, renew_name_keys
from xinlu.registry.models import Subject, SubjectPeriod
from xinlu.registry.naming import initials, normalised


@dataclass(frozen=True)
class Revision:
    """From ``valid_from`` (until ``valid_until``, exclusive) the named attributes have these values.

    A value of None removes the attribute; what is not named stays. ``name`` and ``region`` None: unchanged.
    ``ends``: the subject ceases at ``valid_from``.
    """

    subject: int
    valid_from: date
    valid_until: date | None = None
    name: str | None = None
    region: str | None = None
    attributes: Mapping[str, AttributeValue | None] = field(default_factory=dict)
    ends: bool = False


@dataclass(frozen=True)
class _Piece:
    """A period on the drawing board; ``row`` is the stored period it came from unchanged."""

    valid_from: date
    valid_until: date | None
    name: str
    region: str
    attributes: Mapping[str, AttributeValue]
    row: int | None = None


@transaction.atomic
def revise_many(revisions: Sequence[Revision], *, actor: Actor, at: datetime) -> int:
    """Apply ``revisions`` in order; gives how many subjects changed. What is already so changes nothing.

    1. Each current period that a revision overlaps is cut at its edges; the part inside gets the new values.
    2. Days of the revision that no period covers get a period of their own.
    3. Stored periods that were cut are superseded at ``at``; the new pieces are recorded at ``at``.
    """
    # What is read from here on is what will be there when it is written.
    last_change(hold=True)
    wanted = defaultdict(list)
    for revision in revisions:
        wanted[revision.subject].append(revision)
    old = _current(list(wanted))
    new: dict[int, list[_Piece]] = {}
    for number, several in wanted.items():
        pieces = old[number]
        for revision in several:
            pieces = _spliced(pieces, revision)
        if {p.row for p in pieces} != {p.row for p in old[number]}:
            new[number] = pieces
    if new:
        _store(old, new, actor=actor, at=at)
    return len(new)


def revise(revision: Revision, *, actor: Actor, at: datetime) -> bool:
    """Apply one revision; False when it changed nothing."""
    return revise_many([revision], actor=actor, at=at) == 1


def _current(numbers: Sequence[int]) -> dict[int, list[_Piece]]:
    found: dict[int, list[_Piece]] = {number: [] for number in numbers}
    for start in range(0, len(numbers), BATCH):
        rows = SubjectPeriod.objects.filter(
            subject__in=numbers[start : start + BATCH], superseded_at__isnull=True
        ).order_by("subject", "valid_from")
        for row in rows:
            found[row.subject_id].append(
                _Piece(row.valid_from, row.valid_until, row.name, row.region, row.attributes, row.pk)
            )
    return found


def _spliced(pieces: list[_Piece], revision: Revision) -> list[_Piece]:
    result: list[_Piece] = []
    start, end = revision.valid_from, revision.valid_until
    cursor: date | None = start
    for piece in pieces:
        if not _overlap(piece, start, end):
            result.append(piece)
            continue
        if cursor is not None and cursor < piece.valid_from:
            result.extend(_gap(piece, revision, cursor, piece.valid_from))
        result.extend(_cut(piece, revision))
        cursor = piece.valid_until
    if cursor is not None and (end is None or cursor < end) and pieces:
        result.extend(_gap(pieces[-1], revision, cursor, end))
    return sorted(result, key=lambda p: p.valid_from)


def _gap(near: _Piece, revision: Revision, start: date, end: date | None) -> list[_Piece]:
    """A new period where there was none, with the name and region of a neighbour."""
    if revision.ends:
        return []
    bare = _Piece(start, end, near.name, near.region, {})
    return [_revised(bare, revision)]


def _cut(piece: _Piece, revision: Revision) -> list[_Piece]:
    start, end = revision.valid_from, revision.valid_until
    left = max(piece.valid_from, start)
    right = _earlier(piece.valid_until, end)
    inside = replace(piece, valid_from=left, valid_until=right, row=None)
    changed = None if revision.ends else _revised(inside, revision)
    if changed is not None and _same_facts(changed, piece):
        return [piece]
    parts = []
    if piece.valid_from < left:
        parts.append(replace(piece, valid_until=left, row=None))
    if changed is not None:
        parts.append(changed)
    if right is not None and right != piece.valid_until:
        parts.append(replace(piece, valid_from=right, row=None))
    return parts


def _revised(piece: _Piece, revision: Revision) -> _Piece:
    merged = {**piece.attributes, **revision.attributes}
    return replace(
        piece,
        name=revision.name or piece.name,
        region=piece.region if revision.region is None else revision.region,
        attributes={key: value for key, value in merged.items() if value is not None},
        row=None,
    )


def _same_facts(a: _Piece, b: _Piece) -> bool:
    return (a.name, a.region, a.attributes) == (b.name, b.region, b.attributes)


def _overlap(piece: _Piece, start: date, end: date | None) -> bool:
    return (piece.valid_until is None or start < piece.valid_until) and (end is None or piece.valid_from < end)


def _earlier(a: date | None, b: date | None) -> date | None:
    return min((d for d in (a, b) if d is not None), default=None)


def _store(
    old: Mapping[int, list[_Piece]],
    new: Mapping[int, list[_Piece]],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    change = next_change()
    kept = {p.row for pieces in new.values() for p in pieces}
    gone = [p.row for number in new for p in old[number] if p.row is not None and p.row not in kept]
    for start in range(0, len(gone), BATCH):
        SubjectPeriod.objects.filter(pk__in=gone[start : start + BATCH]).update(superseded_at=at, change=change)
    insert_many(
        SubjectPeriod,
        [
            SubjectPeriod(
                subject_id=number,
                name=p.name,
                region=p.region,
                attributes=dict(p.attributes),
                valid_from=p.valid_from,
                valid_until=p.valid_until,
                recorded_at=at,
                change=change,
            )
            for number, pieces in new.items()
            for p in pieces
            if p.row is None
        ],
    )
    _refresh_picture(new, change)
    append(
        actor=actor,
        verb="registry.subject.revised",
        obj=f"registry.change:{change}",
        facts={"subjects": len(new)},
        at=at,
    )


def _refresh_picture(new: Mapping[int, list[_Piece]], change: int) -> None:
    """Name and region by which people search are those of the latest period."""
    numbers = list(new)
    for start in range(0, len(numbers), BATCH):
        rows = list(Subject._base_manager.filter(pk__in=numbers[start : start + BATCH]))
        for row in rows:
            row.change = change
            if new[row.pk]:
                latest = new[row.pk][-1]
                row.name, row.region = latest.name, latest.region
                row.normalised_name = normalised(latest.name)
                row.pinyin_initials = "" if row.natural_person else initials(latest.name)
        kept = [row for row in rows if new[row.pk] and is_kept(row.kind, natural=row.natural_person)]
        renew_name_keys({row.pk: _keys(new[row.pk]) for row in kept})
        Subject._base_manager.bulk_update(
            rows, ["name", "region", "normalised_name", "pinyin_initials", "change"], batch_size=400
        )


def _keys(pieces: Sequence[_Piece]) -> set[Key]:
    return name_keys({one.name for one in pieces}, {who for one in pieces for who in owners_of(one.attributes)})
