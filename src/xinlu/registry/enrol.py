"""Enrol subjects: the first period of their attributes and the identifiers they are known under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import transaction

from xinlu.access.sealing import blind_index, seal
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.insert import insert_many
from xinlu.journal.sequence import next_change
from xinlu.registry.match_keys import Key, add_keys, code_keys, is_kept, missing_code_keys, name_keys, owners_of
from xinlu.registry.models import Identifier, Subject, SubjectPeriod
from xinlu.registry.naming import initials, normalised, normalised_identifier

BATCH = 2000

AttributeValue = str | list[str]


class IdentifierTaken(ValueError):
    """An identifier already belongs to somebody else."""

    def __init__(self, type_: str) -> None:
        super().__init__(f"RG-001：标识 {type_} 已登记在另一主体名下，请先查重或合并。")


@dataclass(frozen=True)
class NewSubject:
    """A subject to enrol. Attribute values are text in the catalogue's spelling (``"3.20"``, ``"true"``, ISO dates)."""

    kind: str
    name: str
    region: str
    identifiers: Mapping[str, str]
    valid_from: date
    valid_until: date | None = None
    natural_person: bool = False
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


@transaction.atomic
def enrol_many(subjects: Sequence[NewSubject], *, actor: Actor, at: datetime) -> list[int]:
    """Enrol ``subjects``; gives their numbers in the same order.

    Raises :class:`IdentifierTaken` when an identifier is in use, and then enrols nobody.
    """
    if not subjects:
        return []
    change = next_change()
    rows = [_subject(one, at, change) for one in subjects]
    insert_many(Subject, rows)
    numbers = [row.pk for row in rows]
    pairs = list(zip(numbers, subjects, strict=True))
    insert_many(SubjectPeriod, [_period(number, one, at, change) for number, one in pairs])
    identifiers = [
        identifier(number, type_, value, sealed=one.natural_person, at=at, change=change)
        for number, one in pairs
        for type_, value in one.identifiers.items()
    ]
    _refuse_taken(identifiers)
    insert_many(Identifier, identifiers)
    add_keys({n: _keys(one) for n, one in pairs if is_kept(one.kind, natural=one.natural_person)})
    append(
        actor=actor,
        verb="registry.subject.enrolled",
        obj=f"registry.change:{change}",
        facts={"subjects": len(numbers), "first": numbers[0], "last": numbers[-1]},
        at=at,
    )
    return numbers


def enrol(subject: NewSubject, *, actor: Actor, at: datetime) -> int:
    """Enrol one subject; gives its number."""
    return enrol_many([subject], actor=actor, at=at)[0]


@transaction.atomic
def add_identifiers(identifiers: Sequence[tuple[int, str, str]], *, actor: Actor, at: datetime) -> None:
    """Give subjects further identifiers: (subject number, type, value)."""
    change = next_change()
    persons = set(
        Subject._base_manager.filter(pk__in={number for number, _, _ in identifiers}, natural_person=True).values_list(
            "pk", flat=True
        )
    )
    rows = [
        identifier(number, type_, value, sealed=number in persons, at=at, change=change)
        for number, type_, value in identifiers
    ]
    _refuse_taken(rows)
    insert_many(Identifier, rows)
    add_keys(missing_code_keys([one for one in identifiers if one[0] not in persons]))
    append(
        actor=actor,
        verb="registry.identifier.added",
        obj=f"registry.change:{change}",
        facts={"identifiers": len(rows)},
        at=at,
    )


def lookup_of(value: str, *, sealed: bool) -> str:
    """How an identifier is looked up: the normalised value, or the blind index of a sealed one."""
    clear = normalised_identifier(value)
    return f"h:{blind_index(clear)}" if sealed else clear


def identifier(number: int, type_: str, value: str, *, sealed: bool, at: datetime, change: int) -> Identifier:
    """An identifier row, not saved."""
    clear = normalised_identifier(value)
    return Identifier(
        subject_id=number,
        type=type_,
        value="" if sealed else clear,
        sealed=seal(clear) if sealed else "",
        lookup=lookup_of(value, sealed=sealed),
        recorded_at=at,
        change=change,
    )


def _refuse_taken(rows: Sequence[Identifier]) -> None:
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        wanted = {(row.type, row.lookup) for row in part}
        found = Identifier.objects.filter(
            lookup__in=[row.lookup for row in part], superseded_at__isnull=True
        ).values_list("type", "lookup")
        for pair in found:
            if pair in wanted:
                raise IdentifierTaken(pair[0])


def _keys(one: NewSubject) -> set[Key]:
    return name_keys([one.name], owners_of(one.attributes)) | code_keys(one.identifiers.items())


def _subject(one: NewSubject, at: datetime, change: int) -> Subject:
    return Subject(
        kind=one.kind,
        name=one.name,
        normalised_name=normalised(one.name),
        # A natural person is found by identifier only, never by name.
        pinyin_initials="" if one.natural_person else initials(one.name),
        region=one.region,
        natural_person=one.natural_person,
        enrolled_at=at,
        change=change,
    )


def _period(number: int, one: NewSubject, at: datetime, change: int) -> SubjectPeriod:
    return SubjectPeriod(
        subject_id=number,
        name=one.name,
        region=one.region,
        attributes=dict(one.attributes),
        valid_from=one.valid_from,
        valid_until=one.valid_until,
        recorded_at=at,
        change=change,
    )
