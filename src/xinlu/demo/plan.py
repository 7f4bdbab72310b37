"""Planted answers: what each unit of each book must come out as, decided when its records were made.

The law's thresholds stand in the tables of archetypes, written from the documents, not read from the books: an
engine that agrees with the plan has understood the law in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

NOT_RATED = "not_rated"
OPEN = "open"

Answers = tuple[tuple[str, str], ...]


def said(value: Any) -> str:
    """An answer as text: level, number without needless zeros, ISO date, true/false, or not_rated, open.

    >>> said(Decimal("94.00")), said(None), said(True), said(date(2026, 1, 2))
    ('94', 'not_rated', 'true', '2026-01-02')
    """
    match value:
        case None:
            return NOT_RATED
        case bool():
            return "true" if value else "false"
        case Decimal() | int():
            return _plain(Decimal(value))
        case date():
            return value.isoformat()
    return str(value)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


@dataclass
class Planted:
    """The units of one archetype of a book on a day."""

    archetype: str
    answers: Answers
    units: list[str] = field(default_factory=list)


class Plan:
    """All planted answers, by book and day."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, date], dict[tuple[str, Answers], Planted]] = {}
        self._units: dict[tuple[str, date], dict[str, Answers]] = {}

    def expect(self, book: str, as_of: date, unit: str, archetype: str, **answers: Any) -> None:
        """Plant: on ``as_of`` the book says ``answers`` (output → value) of ``unit``. Later ones do not overrule.

        Raises:
            ValueError: the unit has another answer already.
        """
        told = tuple((output, said(value)) for output, value in sorted(answers.items()))
        units = self._units.setdefault((book, as_of), {})
        if units.setdefault(unit, told) is not told:
            raise ValueError(f"{book} {as_of} {unit}: planted twice ({archetype})")
        groups = self._groups.setdefault((book, as_of), {})
        groups.setdefault((archetype, told), Planted(archetype, told)).units.append(unit)

    def rest(self, book: str, as_of: date, unit: str, archetype: str, **answers: Any) -> None:
        """Plant unless the unit has an answer."""
        if unit not in self._units.get((book, as_of), {}):
            self.expect(book, as_of, unit, archetype, **answers)

    def answer(self, book: str, as_of: date, unit: str, output: str) -> str | None:
        """The planted answer; None when the unit has none."""
        return dict(self._units.get((book, as_of), {}).get(unit, ())).get(output)

    def answers(self, book: str, as_of: date) -> Mapping[str, Answers]:
        """Unit → answers."""
        return self._units.get((book, as_of), {})

    def days(self) -> list[tuple[str, date]]:
        """Books and days, sorted."""
        return sorted(self._groups)

    def manifest(self) -> dict[str, Any]:
        """The plan for ``manifest.json``: per book and day the archetypes with their answers and units, and counts."""
        books: dict[str, Any] = {}
        for book, as_of in self.days():
            groups = sorted(self._groups[book, as_of].values(), key=lambda one: (one.archetype, one.answers))
            counts: dict[str, Counter[str]] = {}
            for one in groups:
                for output, answer in one.answers:
                    counts.setdefault(output, Counter())[answer] += len(one.units)
            books.setdefault(book, {})[as_of.isoformat()] = {
                "units": sum(len(one.units) for one in groups),
                "counts": {output: dict(sorted(found.items())) for output, found in sorted(counts.items())},
                "archetypes": [
                    {"archetype": one.archetype, "answers": dict(one.answers), "units": one.units} for one in groups
                ],
            }
        return books
