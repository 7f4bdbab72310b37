"""Entries of the design book over a few records, as the engine gives them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Entry:
    """One line of why."""

    step: str
    kind: str
    clause: str | None = None
    record: int | None = None
    row: int | None = None
    day: date | None = None
    raw: Decimal | None = None
    weight: Decimal | None = None
    share: Decimal | None = None
    text: str | None = None
    lost_to: int | None = None
    grade: str | None = "official"
    seq: int = 0


def entries_of_firm(records: dict[str, list]) -> list[Entry]:
    """The entries of the design book over the records of the small site, by item."""
    found: list[Entry] = []
    scores: dict[int, Decimal] = {}
    sections = records["section_evaluation"]
    for section in sections:
        found.append(Entry("section_score", "start", row=section.record, share=Decimal(100)))
        scores[section.record] = Decimal(100)
        for act in records["section_behaviour"]:
            if act.parent == section.record:
                points = -Decimal(act.payload["points"])
                scores[section.record] += points
                found.append(
                    Entry(
                        "section_score",
                        "hit",
                        "perform",
                        act.record,
                        section.record,
                        act.occurred_on,
                        points,
                        Decimal(1),
                        points,
                    )
                )
    prices = [Decimal(section.payload["contract_price"]) for section in sections]
    mean = Decimal(0)
    for section, price in zip(sections, prices, strict=True):
        share = (scores[section.record] * price / sum(prices)).quantize(Decimal("1e-12"))
        mean += share
        found.append(
            Entry(
                "work_mean",
                "row",
                None,
                section.record,
                None,
                section.occurred_on,
                scores[section.record],
                price,
                share,
            )
        )
    other = Decimal(0)
    for act in records["other_behaviour"]:
        points = -Decimal(act.payload["points"])
        other += points
        found.append(
            Entry("other_points", "hit", "other", act.record, None, act.occurred_on, points, Decimal(1), points)
        )
    found += [
        Entry("weighted", "value", raw=mean),
        Entry("total", "value", raw=mean + other),
        Entry("level", "band", raw=mean + other, text="A", grade="unverified"),
        Entry("level", "output", text="A", grade="unverified"),
        Entry("score", "output", raw=mean + other),
    ]
    return found
