"""What others may ask of the registry. Every question takes a scope first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from django.db.models import Count, Q, QuerySet

from xinlu.access import masking
from xinlu.access.scope import Scope
from xinlu.access.sealing import unseal
from xinlu.registry.enrol import BATCH, lookup_of
from xinlu.registry.models import NEVER_LISTED, Identifier, Relation, Subject, SubjectPeriod
from xinlu.registry.naming import initials, normalised, normalised_identifier

LIMIT = 50
"""A search gives no more; a blank one gives nothing."""

Why = Literal["identifier", "name", "prefix", "initials", "contains"]

_MASKS = {"id_number": "id_number", "certificate_no": "id_number", "phone": "phone", "plate": "plate"}


@dataclass(frozen=True)
class Hit:
    """A subject that a search found, and how: an exact identifier or name, a prefix, initials, or a part."""

    subject: Subject
    why: Why


def subject(scope: Scope, number: int) -> Subject | None:
    """The subject with ``number`` if the scope may know of it; a merged one is followed to the one kept."""
    found = Subject.objects.within(scope).filter(pk=number).first()
    if found is not None and found.merged_into_id is not None:
        return subject(scope, found.merged_into_id)
    return found


def subjects(scope: Scope, *, kind: str | None = None, region: str | None = None) -> QuerySet[Subject]:
    """The subjects of a scope that nobody absorbed, by number; natural persons are in it only for officers."""
    found = Subject.objects.within(scope).filter(merged_into__isnull=True).order_by("pk")
    if kind is not None:
        found = found.filter(kind=kind)
    return found if region is None else found.filter(region=region)


def find(scope: Scope, *, value: str, type_: str | None = None) -> Subject | None:
    """The subject that is known under an identifier now, of type ``type_`` or of any."""
    numbers = numbers_by_identifier(scope, [value], type_=type_)
    return subject(scope, numbers[value]) if value in numbers else None


def numbers_by_identifier(scope: Scope, values: Iterable[str], *, type_: str | None = None) -> dict[str, int]:
    """Value as given → subject number, for those that are known; made for whole deliveries.

    Without ``type_``, a value that two types know for different subjects is left out: it names nobody.
    """
    by_lookup: dict[str, set[str]] = {}
    for value in values:
        if normalised_identifier(value):
            by_lookup.setdefault(lookup_of(value, sealed=False), set()).add(value)
            by_lookup.setdefault(lookup_of(value, sealed=True), set()).add(value)
    found: dict[str, set[int]] = {}
    lookups = list(by_lookup)
    for start in range(0, len(lookups), BATCH):
        rows = Identifier.objects.filter(
            lookup__in=lookups[start : start + BATCH],
            superseded_at__isnull=True,
            **({"type": type_} if type_ else {}),
        )
        if scope.kind != "system":
            rows = rows.filter(subject__in=Subject.objects.within(scope))
        for lookup, number in rows.values_list("lookup", "subject_id"):
            for value in by_lookup[lookup]:
                found.setdefault(value, set()).add(number)
    return {value: next(iter(numbers)) for value, numbers in found.items() if len(numbers) == 1}


def search(
    scope: Scope,
    text: str,
    *,
    kind: str | None = None,
    regions: Collection[str] | None = None,
    limit: int = LIMIT,
) -> list[Hit]:
    """Subjects by what people type: exact identifier > exact name > prefix > pinyin initials > part of the name.

    ``regions`` are the division codes that count; None for all. Natural persons are found by exact identifier
    only, whoever asks. Inside one rank the order is by name.
    """
    name = normalised(text)
    if not name:
        return []
    limit = min(limit, LIMIT)
    named = subjects(scope, kind=kind).filter(natural_person=False)
    if regions is not None:
        named = named.filter(region__in=list(regions))
    letters = initials(text) if text.isascii() else ""
    ranks: list[tuple[Why, Q]] = [
        ("name", Q(normalised_name=name)),
        ("prefix", Q(normalised_name__startswith=name)),
    ]
    if letters:
        ranks.append(("initials", Q(pinyin_initials__startswith=letters)))
    ranks.append(("contains", Q(normalised_name__contains=name)))
    hits = [Hit(one, "identifier") for one in _by_identifier(scope, text, kind, regions)]
    for why, rank in ranks:
        if len(hits) >= limit:
            break
        seen = [hit.subject.pk for hit in hits]
        rows = named.filter(rank).exclude(pk__in=seen).order_by("normalised_name", "pk")
        hits.extend(Hit(row, why) for row in rows[: limit - len(hits)])
    return hits


def _by_identifier(scope: Scope, text: str, kind: str | None, regions: Collection[str] | None) -> list[Subject]:
    found = find(scope, value=text)
    if found is None or (kind and found.kind != kind) or (regions is not None and found.region not in regions):
        return []
    return [found]


def identifiers(scope: Scope, number: int) -> list[tuple[str, str]]:
    """(type, value) of a subject's current identifiers; masked for natural persons, unless the system asks."""
    one = subject(scope, number)
    if one is None:
        return []
    rows = Identifier.objects.filter(subject=one.pk, superseded_at__isnull=True).order_by("type", "pk")
    return [(row.type, _shown(scope, one, row)) for row in rows]


def _shown(scope: Scope, one: Subject, row: Identifier) -> str:
    clear = unseal(row.sealed) if row.sealed else row.value
    if scope.kind == "system" or not (row.sealed or (one.kind == "vehicle" and scope.is_public)):
        return clear
    return masking.mask(_MASKS.get(row.type, "id_number"), clear)


def main_identifiers(scope: Scope, numbers: Sequence[int], *, type_: str) -> dict[int, str]:
    """Subject number → clear identifier of ``type_``, for lists of firms; sealed ones are left out."""
    rows = Identifier.objects.filter(
        subject__in=Subject.objects.within(scope).filter(pk__in=numbers),
        type=type_,
        sealed="",
        superseded_at__isnull=True,
    )
    return dict(rows.values_list("subject_id", "value"))


def shown_name(scope: Scope, one: Subject) -> str:
    """The name as ``scope`` may read it.

    A natural person's is in full for officers in scope and for itself only; a vehicle's is its plate, which
    officers and whoever operates it read in full.
    """
    hidden = one.natural_person or one.kind in NEVER_LISTED
    if not hidden or scope.kind == "system" or scope.subject == one.pk:
        return one.name
    if scope.kind == "officer" and (not one.natural_person or scope.covers_region(one.region)):
        return one.name
    if one.natural_person:
        return masking.name(one.name)
    return one.name if _sees(scope, one) else masking.plate(one.name)


def _sees(scope: Scope, one: Subject) -> bool:
    return scope.kind == "subject" and Subject.objects.within(scope).filter(pk=one.pk).exists()


def period(scope: Scope, number: int, *, on: date) -> SubjectPeriod | None:
    """What is known now of a subject on the day ``on``; None when it was not there."""
    one = subject(scope, number)
    if one is None:
        return None
    return (
        SubjectPeriod.objects.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=on),
            subject=one.pk,
            superseded_at__isnull=True,
            valid_from__lte=on,
        )
        .order_by("-valid_from")
        .first()
    )


def history(scope: Scope, number: int) -> list[SubjectPeriod]:
    """Every statement about a subject, superseded ones too, by day and time of knowledge."""
    one = subject(scope, number)
    if one is None:
        return []
    return list(SubjectPeriod.objects.filter(subject=one.pk).order_by("valid_from", "recorded_at", "pk"))


def relations(scope: Scope, number: int, *, on: date) -> list[Relation]:
    """Relations of a subject in force on ``on`` whose other end the scope may know of."""
    one = subject(scope, number)
    if one is None:
        return []
    visible = Subject.objects.within(scope)
    return list(
        Relation.objects.filter(
            Q(from_subject=one.pk) | Q(to_subject=one.pk),
            Q(valid_until__isnull=True) | Q(valid_until__gt=on),
            from_subject__in=visible,
            to_subject__in=visible,
            superseded_at__isnull=True,
            valid_from__lte=on,
        )
        .select_related("from_subject", "to_subject")
        .order_by("relation", "valid_from", "pk")
    )


def counts(scope: Scope) -> Mapping[str, int]:
    """Kind → number of subjects in the scope."""
    rows = subjects(scope).order_by("kind").values_list("kind").annotate(number=Count("pk"))
    return dict(rows)
