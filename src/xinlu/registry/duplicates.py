"""Entries that may be one subject: those without a USCC beside those that are alike. A person merges them, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from xinlu.access.scope import Scope
from xinlu.registry.candidates import SHOWN, candidates, load
from xinlu.registry.likeness import Known, Likeness, Said, likeness
from xinlu.registry.match_keys import places
from xinlu.registry.models import MatchKey, SubjectMerge
from xinlu.registry.queries import subjects

KINDS = ("enterprise", "sole_trader")
"""Kinds that have a USCC. Two that have one each are two subjects, however alike."""
LOOKED_AT = 500
"""Entries without a USCC that are compared at once."""


@dataclass(frozen=True)
class Duplicate:
    """An entry without a USCC, one that it is likely to be, and why."""

    bare: Known
    other: Known
    likeness: Likeness


def duplicates(scope: Scope) -> list[Duplicate]:
    """Pairs of the scope that are likely one subject, most alike first."""
    coded = MatchKey.objects.filter(subject=OuterRef("pk"), what=MatchKey.What.ORGAN)
    numbers = list(subjects(scope).filter(~Exists(coded), kind__in=KINDS).values_list("pk", flat=True)[:LOOKED_AT])
    known = load(scope, numbers)
    bare = [known[number] for number in numbers if number in known]
    found = candidates(scope, [said_of(one) for one in bare], limit=SHOWN + 1)
    pairs: dict[frozenset[int], Duplicate] = {}
    for one, several in zip(bare, found, strict=True):
        for other, alike in several:
            if other.number != one.number and alike.verdict == "likely":
                pairs.setdefault(frozenset((one.number, other.number)), Duplicate(one, other, alike))
    return sorted(pairs.values(), key=lambda pair: (-pair.likeness.score, pair.bare.number))


def compared(scope: Scope, one: int, other: int) -> tuple[Known, Known, Likeness] | None:
    """Two subjects of the scope with what speaks for and against their being one; None when one is not there."""
    known = load(scope, [one, other])
    if one not in known or other not in known:
        return None
    return known[one], known[other], likeness(said_of(known[other]), known[one], places())


def merges(scope: Scope) -> Sequence[SubjectMerge]:
    """Merges between subjects that the scope may know of, undone ones too, newest first."""
    seen = subjects(scope)
    return list(
        SubjectMerge.objects.filter(kept__in=seen.model.objects.within(scope))
        .select_related("kept", "absorbed")
        .order_by("-recorded_at", "-pk")[:100]
    )


def said_of(known: Known) -> Said:
    """A subject as if a row spoke of it."""
    return Said(known.codes, known.names[0].name, known.region, known.address, known.owner, None, (known.kind,))
