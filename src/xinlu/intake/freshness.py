"""Freshness: how long a source has been silent about an item, against the period of the catalogue.

The lamp is green while the last delivery lies within ``warn`` of the rhythm, yellow up to ``error``, red beyond it.
What comes by event has no lamp (grey): nothing can be expected on a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from django.db.models import Max

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.law.library import Library
from xinlu.law.quality import Rhythm, after, rhythm_of
from xinlu.ledger import queries
from xinlu.ledger.cuts import CHINA
from xinlu.ledger.models import Source

Colour = Literal["green", "yellow", "red", "grey"]
TITLES: Mapping[Colour, str] = {"green": "按期", "yellow": "临期", "red": "超期", "grey": "不定期"}


@dataclass(frozen=True)
class Lamp:
    """One item from one source: when something came last, until when the next is awaited, and the lamp."""

    item: str
    source: str
    source_title: str
    cadence: str
    last: date
    warns_after: date | None
    fails_after: date | None
    colour: Colour

    @property
    def title(self) -> str:
        """The lamp in words, for whoever does not see its colour."""
        return TITLES[self.colour]


def lamps(scope: Scope, *, on: date) -> list[Lamp]:
    """A lamp for each item and source that ever delivered it with a row accepted, by item and source."""
    law = current.library()
    rows = (
        queries.deliveries(scope)
        .filter(closed_at__isnull=False, accepted__gt=0)
        .exclude(source__kind=Source.Kind.XINLU)
        .order_by()
        .values_list("item", "source__code", "source__title")
        .annotate(last=Max("received_at"))
    )
    found = []
    for item, source, title, last in rows:
        if item in law.catalogue.items:
            cadence = law.catalogue.items[item].cadence
            found.append(_lamp(law, item, source, title, cadence, last.astimezone(CHINA).date(), on))
    return sorted(found, key=lambda one: (one.item, one.source))


def colour_of(rhythm: Rhythm | None, last: date, law: Library, *, on: date) -> tuple[date | None, date | None, Colour]:
    """The last days of green and of yellow, and the lamp on ``on``.

    Where the working calendar does not reach, nothing is guessed: grey.
    """
    if rhythm is None or rhythm.warn is None or rhythm.error is None:
        return None, None, "grey"
    warns, fails = after(last, rhythm.warn, law.calendar), after(last, rhythm.error, law.calendar)
    if warns is None or fails is None:
        return warns, fails, "grey"
    return warns, fails, "green" if on <= warns else "yellow" if on <= fails else "red"


def _lamp(law: Library, item: str, source: str, title: str, cadence: str, last: date, on: date) -> Lamp:
    rhythm = rhythm_of(law.quality.values(), item, cadence, on=on)
    warns, fails, colour = colour_of(rhythm, last, law, on=on)
    return Lamp(item, source, title, cadence, last, warns, fails, colour)
