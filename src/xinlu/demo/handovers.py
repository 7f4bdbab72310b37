"""When what happened is handed over: twice a year, before the round of 30 June and after the turn of the year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

REGISTRATION_YEAR = 2021


@dataclass(frozen=True, order=True)
class Handover:
    """One handing-over: the year of its folder, and 1 or 2 for the half."""

    year: int
    half: int

    @property
    def folder(self) -> str:
        """Name under the folder of deliveries."""
        return f"{self.year}/{'h1' if self.half == 1 else 'h2'}"

    @property
    def received_at(self) -> datetime:
        """30 June, or 5 January of the next year, at eight in the evening in China or before."""
        if self.half == 1:
            return datetime(self.year, 6, 30, 4, tzinfo=UTC)
        return datetime(self.year + 1, 1, 5, 4, tzinfo=UTC)


def handover_of(day: date) -> Handover:
    """The one with which something of ``day`` comes; what was before the records comes with the registration.

    >>> [handover_of(date(*day)).folder for day in ((2024, 6, 30), (2024, 7, 1), (2015, 1, 1))]
    ['2024/h1', '2024/h2', '2021/h2']
    """
    if day.year <= REGISTRATION_YEAR:
        return Handover(REGISTRATION_YEAR, 2)
    return Handover(day.year, 1 if (day.month, day.day) <= (6, 30) else 2)


def handed_over(day: date, today: date) -> datetime:
    """When something of ``day`` becomes known: UTC without zone, as the engine has it."""
    moment = handover_of(min(day, today)).received_at
    return moment.replace(tzinfo=None)
