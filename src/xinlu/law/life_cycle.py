"""The life cycle plane: what the law says of all records alike about use, publicity and an early end.

How long one item is shown and kept stands in the catalogue. A file under ``standards/life-cycle/`` says what holds
for adverse information of every item: how long it is used, from which day, what lengthens that, and which other
records end it before its time. A folder without such a file sets no limits beyond those of the catalogue.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from xinlu.law.source import Document, InForce, LawModel

Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Told(LawModel):
    """A field of another item, on a child of the record, that says something about it."""

    item: str
    field: str
    clause: str = ""


class Held(LawModel):
    """Lists on which the subject stands: while it does, the record stays in use."""

    items: tuple[str, ...]
    clause: str = ""


class Adverse(LawModel):
    """Adverse information (不良信息) and its term of use."""

    natures: tuple[Literal["basic", "good", "bad", "rating", "commitment", "other"], ...]
    """Natures of items that count as adverse."""
    months: int = Field(gt=0)
    """Term of use, from the day of recognition; at month ends clamped."""
    clause: str = ""
    starts: tuple[str, ...] = ()
    """Date fields that begin the term in place of ``occurred_on`` where an item has one; empty: not yet begun."""
    held_by: Held | None = None
    final: Told | None = None
    """Date from which the record is adverse information at all; a missing one holds nothing back."""
    never: Told | None = None
    """Yes: the record is no adverse information, and never shown."""


class Equal(LawModel):
    """A field and the code that it must have."""

    field: str
    value: str


class Named(LawModel):
    """Fields that name another record: its item, and its number."""

    item: str
    number: str


class Repaired(LawModel):
    """Records that repair others: item, what makes one count, and how it names what it repairs."""

    item: str
    result: Equal
    names: Named
    number: str
    """Field of the repaired record that holds the number."""
    clause: str = ""


class TakenDown(LawModel):
    """How soon a record must be gone from every surface."""

    expired_by: Clock
    """Time of day, in China, on the day after the last day shown."""
    withdrawn_within: int = Field(gt=0)
    """Minutes after a withdrawal or revocation is known."""
    clause: str = ""


class LifeCycle(LawModel):
    """One version of the rules of the life cycle."""

    life_cycle: str
    version: str
    title: str
    in_force: InForce
    source: Document
    summary: str = ""
    open_points: tuple[str, ...] = ()
    adverse: Adverse
    set_aside: Told | None = None
    """Date on a child of the record from which the decision behind it is revoked (撤销)."""
    repaired: Repaired | None = None
    taken_down: TakenDown


def in_force_on(versions: tuple[LifeCycle, ...], day: date) -> LifeCycle | None:
    """The version that governs an event of ``day``: the one in force, before the first one the first.

    >>> in_force_on((), date(2024, 1, 1)) is None
    True
    """
    ordered = sorted(versions, key=lambda one: one.in_force.from_)
    found = [one for one in ordered if one.in_force.from_ <= day]
    return found[-1] if found else next(iter(ordered), None)
