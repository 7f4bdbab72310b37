"""The coverage map (归集覆盖): for each item and city, whether there are records and whether they are fresh.

A record counts for the city of the subject in its main role; one without a subject, or of a place outside the cities,
counts under no city. Only what the scope may see is counted, and each number equals the list behind it
(:func:`records_at`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Max, Q, QuerySet

from xinlu.access.scope import Scope
from xinlu.dossier.places import cities, city_code, inside
from xinlu.gazette import current
from xinlu.intake.freshness import TITLES, Colour, colour_of
from xinlu.law.catalogue import Item
from xinlu.law.quality import rhythm_of
from xinlu.ledger import queries as ledger
from xinlu.ledger.cuts import CHINA
from xinlu.ledger.models import Record

NOWHERE = "none"
"""Stands for records of no city."""


@dataclass(frozen=True)
class Cell:
    """One item in one city: current records, the day on which the last was recorded, and the lamp for that day."""

    count: int
    last: date
    colour: Colour

    @property
    def title(self) -> str:
        """The lamp in words."""
        return TITLES[self.colour]


def places() -> tuple[tuple[str, str], ...]:
    """Code and name of each column: the cities, then what lies in none."""
    return (*((one.code, one.name) for one in cities()), (NOWHERE, "省级及其他"))


def coverage(scope: Scope, *, on: date) -> Mapping[str, Mapping[str, Cell]]:
    """Item → city → cell, for every item of the catalogue in use; a city without records has no cell."""
    law = current.library()
    rows = (
        ledger.records(scope, on=on)
        .order_by()
        .values_list("item", "subject__region")
        .annotate(count=Count("pk"), last=Max("recorded_at"))
    )
    sums: dict[tuple[str, str], tuple[int, date]] = {}
    named = {code for code, _ in places()}
    for item, region, count, last in rows:
        city = city_code(region or "")
        key = item, city if city in named else NOWHERE
        before = sums.get(key, (0, date.min))
        sums[key] = before[0] + count, max(before[1], last.astimezone(CHINA).date())
    found: dict[str, dict[str, Cell]] = {item: {} for item in law.catalogue.items}
    for (item, city), (count, last) in sums.items():
        if item in found:
            rhythm = rhythm_of(law.quality.values(), item, law.catalogue.items[item].cadence, on=on)
            found[item][city] = Cell(count, last, colour_of(rhythm, last, law, on=on)[2])
    return found


def records_at(scope: Scope, item: Item, place: str, *, on: date) -> QuerySet[Record]:
    """The records behind one cell, newest first; ``place`` empty: of all."""
    rows = ledger.records(scope, on=on, item=item.item)
    if place == NOWHERE:
        inner = {code for one in cities() for code in inside(one.code)}
        return rows.filter(Q(subject__isnull=True) | ~Q(subject__region__in=sorted(inner)))
    if place:
        # 义乌 lies in 金华 on a map and counts for itself.
        own = sorted(code for code in inside(place) if city_code(code) == place)
        return rows.filter(subject__region__in=own)
    return rows
