"""Who the identifiers of a delivery belong to: looked up by the batch, remembered for the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from xinlu.access.scope import Scope
from xinlu.intake.cells import shown
from xinlu.intake.problems import Fault
from xinlu.law.identifiers import TITLES, Kind, check, is_scientific, normalise
from xinlu.registry.match_keys import places
from xinlu.registry.models import Subject, SubjectPeriod
from xinlu.registry.naming import normalised
from xinlu.registry.queries import numbers_by_identifier

BATCH = 2000
MATCHING = Scope.system("matching the subjects of a delivery")
"""A delivery may name subjects of other regions; what it may *write* is the source's business."""

Reference = tuple[str, str]
"""Type of identifier (empty: any) and value."""

FAULT_CODES = {"uscc": "E02", "id_number": "E03"}


@dataclass(frozen=True, slots=True)
class Person:
    """What matching needs to know of a subject."""

    number: int
    kind: str
    name: str
    """Normalised."""
    natural: bool


@dataclass
class People:
    """Subjects by identifier, for one file."""

    numbers: dict[Reference, int | None] = field(default_factory=dict)
    known: dict[int, Person] = field(default_factory=dict)
    names: dict[int, set[str]] = field(default_factory=dict)

    def load(self, references: Iterable[Reference]) -> None:
        """Look up what is not known yet, all at once."""
        by_type: dict[str, set[str]] = {}
        for one in references:
            if one not in self.numbers:
                by_type.setdefault(one[0], set()).add(one[1])
        for type_, values in by_type.items():
            found = numbers_by_identifier(MATCHING, sorted(values), type_=type_ or None)
            for value in values:
                self.numbers[type_, value] = found.get(value)
        self._load_subjects({n for n in self.numbers.values() if n is not None} - self.known.keys())

    def _load_subjects(self, numbers: set[int]) -> None:
        wanted = sorted(numbers)
        for start in range(0, len(wanted), BATCH):
            rows = Subject.objects.within(MATCHING).filter(pk__in=wanted[start : start + BATCH])
            for pk, kind, name, natural in rows.values_list("pk", "kind", "normalised_name", "natural_person"):
                self.known[pk] = Person(pk, kind, name, natural)

    def find(self, reference: Reference) -> Person | None:
        """The subject of an identifier that was loaded."""
        number = self.numbers.get(reference)
        return self.known.get(number) if number is not None else None

    def is_called(self, person: Person, name: str) -> bool:
        """Whether ``name`` is, or once was, the registered name, in any spelling: 有限公司, 有限责任公司, 運輸公司."""
        wanted = normalised(name)
        if wanted == person.name or wanted in self._names(person.number):
            return True
        return not person.natural and any(places().same(wanted, one) for one in self._names(person.number))

    def _names(self, number: int) -> set[str]:
        if number not in self.names:
            rows = SubjectPeriod.objects.filter(subject=number).values_list("name", flat=True).distinct()
            self.names[number] = {normalised(name) for name in rows}
        return self.names[number]


def unknown_subject(reference: Reference, *, types: Iterable[str], column: str, title: str, field: str = "") -> Fault:
    """Why nobody was found: the identifier is spoilt or wrong, or nobody has it."""
    type_, value = reference
    if is_scientific(value):
        return Fault("E17", f"{title}“{shown(value)}”成了科学计数法，后面的位数已丢失", column, field)
    kind = type_ or likely_type(value, tuple(types))
    if kind and (wrong := identifier_fault(kind, value, column=column, field=field)):
        return wrong
    return Fault("E08", f"{title}“{shown(value)}”未登记", column, field)


def likely_type(value: str, types: tuple[str, ...]) -> str:
    """Which of the possible types a value was meant to be; empty when that is open.

    >>> likely_type("91330106XL00000747", ("uscc", "organisation_code", "code"))
    'uscc'
    """
    if len(value) == 18 and value[:8].isdigit():
        if "id_number" in types and value[:17].isdigit() and not ("uscc" in types and value[0] == "9"):
            return "id_number"
        if "uscc" in types and value[0] == "9":
            return "uscc"
    free = {"code", "certificate_no", "organisation_code"} & set(types)
    return "" if free or len(set(types)) != 1 else types[0]


def identifier_fault(type_: str, value: str, *, column: str, field: str = "") -> Fault | None:
    """What the check digits and form of an identifier say."""
    if type_ not in TITLES:
        return None
    wrong = _checked(type_, value)
    if wrong is None:
        return None
    code, sentence = wrong
    return Fault(code, sentence, column, field)


@lru_cache(maxsize=20_480)
def _checked(type_: str, value: str) -> tuple[str, str] | None:
    kind: Kind = type_  # type: ignore[assignment]
    found = check(kind, value)
    if found is None:
        return None
    return ("E17" if found.code in ("ID-102", "ID-103") else FAULT_CODES.get(type_, "E21"), found.sentence)


@lru_cache(maxsize=16384)
def tidy(type_: str, value: str) -> str:
    """The normal form of an identifier."""
    kind: Kind = type_  # type: ignore[assignment]
    return normalise(kind, value) if type_ in TITLES else value
