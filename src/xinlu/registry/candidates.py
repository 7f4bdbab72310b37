"""Who may be meant: candidates for rows without an equal identifier, found by keys and never by reading everybody.

1. Codes: the valid ones that are one slip away from a wrong code are looked up as identifiers, sealed ones by their
   blind index; an organisation code also inside each USCC.
2. Names: the core of the name, how it is read, and the owner's name are looked up as match keys. Former names have
   keys too.
3. Each candidate is compared with the row (:mod:`xinlu.registry.likeness`), and the best are given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Count

from xinlu.access.scope import Scope
from xinlu.access.sealing import unseal
from xinlu.registry.codes_near import near
from xinlu.registry.enrol import lookup_of
from xinlu.registry.likeness import Called, Known, Likeness, Said, likeness, ranked
from xinlu.registry.match_keys import Key, called_keys, owner_key, owners_of, places
from xinlu.registry.models import Identifier, MatchKey, Subject, SubjectPeriod
from xinlu.registry.naming import normalised_identifier

BATCH = 2000
SHOWN = 5
"""Candidates of one row that are given."""
BLOCK = 200
"""Subjects of one key that are compared; of a larger block, those in the city that the row names."""

SEALED = ("id_number", "certificate_no")
_BY_LENGTH = {
    **dict.fromkeys((17, 18, 19), ("uscc", "id_number")),
    **dict.fromkeys((8, 9, 10), ("organisation_code",)),
}
"""What a code of unknown type may be, by its length."""
Candidate = tuple[Known, Likeness]


def candidates(scope: Scope, rows: Sequence[Said], *, limit: int = SHOWN) -> list[list[Candidate]]:
    """For each row the subjects of the scope that it may mean, most alike first; often none."""
    found: list[list[Candidate]] = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        numbers = _numbers(part)
        known = load(scope, set().union(*numbers))
        table = places()
        for said, several in zip(part, numbers, strict=True):
            fits = {known[n].number: known[n] for n in several if n in known and _may_be(said, known[n])}
            best = ranked((one, likeness(said, one, table)) for one in fits.values())
            found.append(best[:limit])
    return found


def _may_be(said: Said, known: Known) -> bool:
    return not said.kinds or known.kind in said.kinds


# ── keys ────────────────────────────────────────────────────────────────────────────────────────


def _numbers(rows: Sequence[Said]) -> list[set[int]]:
    """For each row the numbers of subjects that share a key with it."""
    found: list[set[int]] = [set() for _ in rows]
    by_lookup: dict[str, set[int]] = defaultdict(set)
    by_key: dict[Key, set[int]] = defaultdict(set)
    for place, said in enumerate(rows):
        for lookup in _lookups(said):
            by_lookup[lookup].add(place)
        for key in _keys(said):
            by_key[key].add(place)
    for lookup, number in _by_lookup(by_lookup):
        for place in by_lookup[lookup]:
            found[place].add(number)
    _by_key(rows, by_key, found)
    return found


def _lookups(said: Said) -> set[str]:
    """How the codes of a row, and those one slip away, are looked up."""
    found: set[str] = set()
    for type_, value in said.given:
        clear = normalised_identifier(value)
        if not clear:
            continue
        types = (type_,) if type_ else _BY_LENGTH.get(len(clear), ())
        for one in types or ("",):
            codes = {clear, *map(normalised_identifier, near(one, value))} if one else {clear}
            if one == "uscc" and len(clear) == 18:
                codes.add(clear[8:17])
            found |= {lookup_of(code, sealed=False) for code in codes}
            if one in (*SEALED, ""):
                found |= {lookup_of(code, sealed=True) for code in codes}
    return found


def _keys(said: Said) -> set[Key]:
    found = called_keys(said.name)
    if said.owner:
        found.add(owner_key(said.owner))
    for type_, value in said.given:
        clear = normalised_identifier(value)
        if type_ in ("", "organisation_code") and 8 <= len(clear) <= 10:
            found |= {("organ", one) for one in (clear, *near("organisation_code", clear))}
    return found


def _by_lookup(lookups: Mapping[str, Collection[int]]) -> Iterable[tuple[str, int]]:
    wanted = sorted(lookups)
    for start in range(0, len(wanted), BATCH):
        rows = Identifier.objects.filter(lookup__in=wanted[start : start + BATCH], superseded_at__isnull=True)
        yield from rows.order_by().values_list("lookup", "subject_id")


def _by_key(rows: Sequence[Said], by_key: Mapping[Key, set[int]], found: list[set[int]]) -> None:
    cities = _Cities(rows)
    by_what: dict[str, list[str]] = defaultdict(list)
    for what, key in sorted(by_key):
        by_what[what].append(key)
    for what, keys in by_what.items():
        for start in range(0, len(keys), BATCH):
            held = MatchKey.objects.filter(what=what, key__in=keys[start : start + BATCH]).order_by()
            sizes = dict(held.values_list("key").annotate(size=Count("pk")))
            small = [key for key, size in sizes.items() if size <= BLOCK]
            for key, number, region in held.filter(key__in=small).values_list("key", "subject_id", "subject__region"):
                for place in by_key[what, key]:
                    # Many bear one person's name: it leads to those in the city that the row names.
                    if what != "owner" or cities.near(place, region):
                        found[place].add(number)
            for key in sorted(sizes.keys() - set(small)):
                for place in sorted(by_key[what, key]):
                    found[place] |= set(_near_by(held.filter(key=key), rows[place]))


class _Cities:
    """In which city each row says that its subject is."""

    def __init__(self, rows: Sequence[Said]) -> None:
        self.table = places()
        self.rows = rows
        self.known: dict[int, str] = {}

    def near(self, place: int, region: str) -> bool:
        """Whether ``region`` lies in the city of the row in ``place``, or the row says none."""
        if place not in self.known:
            said = self.rows[place]
            self.known[place] = self._city(said.region or self.table.of_address(said.address)[0])
        city = self.known[place]
        return not city or region not in self.table.parents or self._city(region) == city

    def _city(self, code: str) -> str:
        """The division below the province; empty for the province itself and for what is not known."""
        line = self.table.line(code) if code in self.table.parents else ()
        return line[-2] if len(line) > 1 else ""


def _near_by(held: Any, said: Said) -> list[int]:
    """Of a block too large to compare: those in the division that the row names, else the first."""
    table = places()
    region = said.region or table.of_address(said.address)[0]
    if region in table.parents:
        line = table.line(region)
        held = held.filter(subject__region__in=[code for code in table.parents if line[0] in table.line(code)])
    return list(held.order_by("subject").values_list("subject_id", flat=True)[:BLOCK])


# ── what is known ───────────────────────────────────────────────────────────────────────────────


def load(scope: Scope, numbers: Collection[int]) -> dict[int, Known]:
    """What comparing needs to know of subjects in the scope; an absorbed one gives whoever absorbed it."""
    heads = _heads(numbers)
    found: dict[int, Known] = {}
    wanted = sorted(set(heads.values()))
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        subjects = list(Subject.objects.within(scope).filter(pk__in=part, merged_into__isnull=True))
        absorbed = {n: head for n, head in heads.items() if n != head}
        periods = _periods(part, absorbed)
        codes = _codes(part)
        for one in subjects:
            found[one.pk] = _known(one, periods.get(one.pk, []), codes.get(one.pk, ()))
    return {number: found[head] for number, head in heads.items() if head in found}


def _heads(numbers: Collection[int]) -> dict[int, int]:
    """Number → the number it is read as."""
    heads = {number: number for number in numbers}
    open_ = set(numbers)
    while open_:
        merged: dict[int, int] = {}
        part = sorted(open_)
        for start in range(0, len(part), BATCH):
            rows = Subject._base_manager.filter(pk__in=part[start : start + BATCH], merged_into__isnull=False)
            merged.update({n: head for n, head in rows.values_list("pk", "merged_into") if head is not None})
        heads = {number: merged.get(head, head) for number, head in heads.items()}
        open_ = set(merged.values())
    return heads


def _periods(numbers: Sequence[int], absorbed: Mapping[int, int]) -> dict[int, list[SubjectPeriod]]:
    found: dict[int, list[SubjectPeriod]] = defaultdict(list)
    current = SubjectPeriod.objects.filter(subject__in=numbers, superseded_at__isnull=True)
    for row in current.order_by("subject", "valid_from"):
        found[row.subject_id].append(row)
    inside = [number for number, head in absorbed.items() if head in set(numbers)]
    for row in SubjectPeriod.objects.filter(subject__in=inside).order_by("subject", "-recorded_at"):
        # Names of an absorbed entry are former names of the kept one.
        found[absorbed[row.subject_id]].insert(0, row)
    return found


def _codes(numbers: Sequence[int]) -> dict[int, tuple[tuple[str, str], ...]]:
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    rows = Identifier.objects.filter(subject__in=numbers, superseded_at__isnull=True).order_by("subject", "type", "pk")
    for number, type_, value, sealed in rows.values_list("subject_id", "type", "value", "sealed"):
        found[number].append((type_, unseal(sealed) if sealed else value))
    return {number: tuple(several) for number, several in found.items()}


def _known(one: Subject, periods: Sequence[SubjectPeriod], codes: tuple[tuple[str, str], ...]) -> Known:
    last = periods[-1] if periods else None
    attributes: Mapping[str, Any] = last.attributes if last else {}
    names = {one.name: Called(one.name, last.valid_from if last else None)}
    for row in reversed(periods):
        names.setdefault(row.name, Called(row.name, row.valid_from, row.valid_until))
    return Known(
        number=one.pk,
        kind=one.kind,
        names=tuple(names.values()),
        codes=codes,
        region=one.region,
        address=str(attributes.get("address") or ""),
        owner=next(iter(owners_of(attributes)), ""),
        natural=one.natural_person,
    )
