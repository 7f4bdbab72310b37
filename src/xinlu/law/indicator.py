"""Indicators of the plan (指标利用率, 自动化归集率 …): each defined once, in a file under ``standards/indicators/``.

An indicator is a share of two *quantities*. The file says in words what each counts, where the definition comes from
and which share is aimed at; the quantities are a closed list, because somebody has to count them. Each is counted by
the room that owns its rows, so whoever shows an indicator asks two rooms at most and divides here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from xinlu.law.source import Document, InForce, LawModel

Rows = Literal["clauses", "records", "entries", "delivered_rows"]
"""What a quantity counts."""
QuantityName = Literal[
    "clauses_used",
    "clauses_with_source",
    "records_automatic",
    "records_effective",
    "entries_automatic",
    "entries_of_records",
    "rows_on_time",
    "rows_due",
    "rows_compliant",
    "rows_judged",
    "rows_accepted",
]

QUANTITIES: dict[QuantityName, Rows] = {
    "clauses_used": "clauses",
    "clauses_with_source": "clauses",
    "records_automatic": "records",
    "records_effective": "records",
    "entries_automatic": "entries",
    "entries_of_records": "entries",
    "rows_on_time": "delivered_rows",
    "rows_due": "delivered_rows",
    "rows_compliant": "delivered_rows",
    "rows_judged": "delivered_rows",
    "rows_accepted": "delivered_rows",
}
"""Quantity → what it counts. Numerator and denominator of an indicator count the same things."""

_SHARE = Decimal("0.0001")


class Part(LawModel):
    """Numerator or denominator: the quantity and what it counts, in words."""

    counts: QuantityName
    words: str


class Target(LawModel):
    """The share that is aimed at, and who said so. ``items``: it was said of these catalogue items only."""

    share: Decimal = Field(gt=0, le=1)
    items: tuple[str, ...] = ()
    source: Document


class Indicator(LawModel):
    """One indicator, exactly as its file says."""

    indicator: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    title: str
    formula: str
    """In words, as an official would write it."""
    numerator: Part
    denominator: Part
    source: Document
    """Where the *definition* comes from; the plan names most indicators without defining them."""
    in_force: InForce
    target: Target | None = None
    place: int = 0
    """Order on the page."""

    @property
    def counts(self) -> Rows:
        """What the indicator counts."""
        return QUANTITIES[self.denominator.counts]

    def of(self, quantities: Mapping[str, int]) -> Share:
        """The indicator from counted quantities.

        Raises:
            KeyError: one of the two was not counted.
        """
        return Share(quantities[self.numerator.counts], quantities[self.denominator.counts])


@dataclass(frozen=True)
class Share:
    """``part`` of ``whole``; no share where there is nothing to share."""

    part: int
    whole: int

    @property
    def value(self) -> Decimal | None:
        """The share with four digits, half up; None for a whole of 0, which is not a share of 0.

        >>> Share(2, 3).value, Share(0, 0).value
        (Decimal('0.6667'), None)
        """
        if not self.whole:
            return None
        return (Decimal(self.part) / self.whole).quantize(_SHARE, ROUND_HALF_UP)

    @property
    def percent(self) -> str:
        """The share as people read it, rounded down: 100.0% means all of them, and a target is not reached by rounding.

        >>> Share(19, 20).percent, Share(99_999, 100_000).percent, Share(0, 0).percent
        ('95.0%', '99.9%', '—')
        """
        if not self.whole:
            return "—"
        return f"{(Decimal(100 * self.part) / self.whole).quantize(Decimal('0.1'), ROUND_DOWN)}%"

    def reaches(self, target: Decimal) -> bool | None:
        """Whether the share, not rounded, is ``target`` or more; None without a share.

        >>> Share(19, 20).reaches(Decimal("0.95")), Share(94, 100).reaches(Decimal("0.95"))
        (True, False)
        """
        return None if not self.whole else Decimal(self.part) >= target * self.whole
