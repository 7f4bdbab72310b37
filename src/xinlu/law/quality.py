"""Rules of data quality, declared beside the catalogue: files under ``standards/quality/``.

A *check* says of which rows of a delivery it is that they fail, to which of the six dimensions that belongs, and how
many may fail: below ``floor`` (the share of rows that pass) the whole delivery is held and what was there before stays
live; above ``ceiling`` (the share of rows that fail) somebody is warned. A *rhythm* says for each period of the
catalogue how soon after an event its row is due, and after which silence of a source its lamp turns.

One file speaks of all items, others of some; for an item the check of the same name in a file of its own stands in
place of the general one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, model_validator

from xinlu.law.calendar import WorkingCalendar
from xinlu.law.problem import LawError
from xinlu.law.source import Document, InForce, LawModel

_LENGTH = re.compile(r"([1-9]\d{0,3}) (working days|days)")


class Dimension(StrEnum):
    """The six dimensions of quality."""

    COMPLETENESS = "completeness"
    UNIQUENESS = "uniqueness"
    TIMELINESS = "timeliness"
    VALIDITY = "validity"
    ACCURACY = "accuracy"
    CONSISTENCY = "consistency"

    @property
    def title(self) -> str:  # type: ignore[override]  # as everywhere in the law, a title is a name in Chinese
        """The dimension in Chinese.

        >>> Dimension.ACCURACY.title
        '准确性'
        """
        return _TITLES[self]


_TITLES = {
    Dimension.COMPLETENESS: "完整性",
    Dimension.UNIQUENESS: "唯一性",
    Dimension.TIMELINESS: "及时性",
    Dimension.VALIDITY: "有效性",
    Dimension.ACCURACY: "准确性",
    Dimension.CONSISTENCY: "一致性",
}


def _length(text: str) -> str:
    if not _LENGTH.fullmatch(text):
        raise ValueError("写成 7 working days 或 35 days")
    return text


Length = Annotated[str, AfterValidator(_length)]
"""``7 working days`` or ``35 days``."""


def after(day: date, length: str, calendar: WorkingCalendar | None) -> date | None:
    """The last day that lies within ``length`` after ``day``; None where the working calendar does not reach.

    >>> after(date(2026, 3, 2), "35 days", None)
    datetime.date(2026, 4, 6)
    """
    number, unit = length.split(" ", 1)
    if unit == "days":
        return day + timedelta(days=int(number))
    if calendar is None:
        return None
    try:
        return calendar.add_working_days(day, int(number))
    except LawError:
        return None


def first_in_time(received: date, length: str, calendar: WorkingCalendar | None) -> date | None:
    """The earliest day from which ``length`` reaches ``received``: what happened before it comes late.

    None where the working calendar does not reach.

    >>> first_in_time(date(2026, 4, 6), "35 days", None)
    datetime.date(2026, 3, 2)
    """
    number, unit = length.split(" ", 1)
    if unit == "days":
        return received - timedelta(days=int(number))
    if calendar is None:
        return None
    try:
        return calendar.add_working_days(received, -int(number))
    except LawError:
        return None


class Without(LawModel):
    """Another record of the same subject must be near: of ``item``, in ``role`` there, at most ``days`` away."""

    item: str
    role: str
    """Role of this item whose subject the other record must name in any role."""
    days: int = Field(ge=0, le=3660)


class Fails(LawModel):
    """Which rows fail. Exactly one way to say it."""

    codes: tuple[str, ...] = ()
    """Rows that were queried with one of these codes, or accepted with a warning of one."""
    others: StrictBool = False
    """Rows that were queried with a code that no other check of the delivery names."""
    repeats: StrictBool = False
    """Rows that said what was known already."""
    late: StrictBool = False
    """Accepted rows that came later after their event than the rhythm of the item allows."""
    empty: tuple[str, ...] = ()
    """Accepted rows without a value in one of these fields."""
    name_differs: str | None = None
    """Accepted rows whose field does not say the registered name of their main subject."""
    before_registration: StrictBool = False
    """Accepted rows about a day on which their main subject was not registered yet."""
    without: Without | None = None
    """Accepted rows to which no other record answers."""

    @model_validator(mode="after")
    def _one_way(self) -> Fails:
        if sum(bool(getattr(self, name)) for name in type(self).model_fields) != 1:
            raise ValueError("不合格的行只能用一种写法说明")
        return self

    @property
    def way(self) -> str:
        """The one key that is given.

        >>> Fails(late=True).way
        'late'
        """
        return next(name for name in type(self).model_fields if getattr(self, name))

    @property
    def of_accepted(self) -> bool:
        """Whether it looks at accepted rows only, after they have become records."""
        return not (self.codes or self.others or self.repeats)


class Check(LawModel):
    """One declared check."""

    check: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
    title: str
    dimension: Dimension
    fails: Fails
    floor: Decimal | None = Field(default=None, gt=0, le=1)
    """Least share of rows that must pass; below it the delivery is held."""
    ceiling: Decimal | None = Field(default=None, ge=0, lt=1)
    """Largest share of rows that may fail without a warning."""
    source: Document | None = None
    """Where it comes from, if not from where the file does."""
    note: str = ""


class Rhythm(LawModel):
    """What a period of the catalogue means in days."""

    due: Length
    """How long after its event a row may come."""
    warn: Length | None = None
    """Silence of a source after which its lamp warns; None: nothing can be expected on a day."""
    error: Length | None = None


Cadence = Literal["realtime", "daily", "weekly", "monthly", "quarterly", "yearly", "event"]


class QualityRules(LawModel):
    """One file of quality rules."""

    quality: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    title: str
    source: Document
    in_force: InForce
    items: tuple[str, ...] = ()
    """Catalogue items that it speaks of; empty: all deliveries, those of subjects and relations too."""
    least_rows: int = Field(default=1, ge=1)
    """Of smaller deliveries no floor is asked: one wrong row of two says nothing about a system."""
    checks: tuple[Check, ...] = ()
    rhythms: dict[Cadence, Rhythm] = {}
    open_points: tuple[str, ...] = ()

    def speaks_of(self, carries: str, on: date) -> bool:
        """Whether it holds on a day for deliveries that carry ``carries`` (an item, ``kind:…``, ``relation:…``)."""
        return self.in_force.covers(on) and (not self.items or carries in self.items)


def checks_of(rules: Iterable[QualityRules], carries: str, *, on: date) -> tuple[tuple[QualityRules, Check], ...]:
    """Checks for a delivery that carries ``carries``, each with its file: general ones first, in the order of files.

    A check of a file that names the item replaces the general one of the same name.
    """
    found: dict[str, tuple[QualityRules, Check]] = {}
    for file in sorted(rules, key=lambda one: (bool(one.items), one.quality)):
        if file.speaks_of(carries, on):
            found.update((one.check, (file, one)) for one in file.checks)
    return tuple(found.values())


def rhythm_of(rules: Iterable[QualityRules], item: str, cadence: str, *, on: date) -> Rhythm | None:
    """The rhythm of an item: that of a file that names it, else the general one of its period."""
    ordered = sorted(rules, key=lambda one: (not one.items, one.quality))
    said = (one.rhythms.get(cadence) for one in ordered if one.speaks_of(item, on))  # type: ignore[call-overload]
    return next((one for one in said if one is not None), None)
