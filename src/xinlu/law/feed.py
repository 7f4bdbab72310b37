"""Feeds: items whose records machines send by the million, and how a machine that is wrong shows itself.

A file under ``standards/feeds/`` makes an item one that may come as observations, says in which roles a plate
names the vehicle of the day, and declares checks of the sensors. A check says which rows are doubted; a person decides.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from xinlu.law.source import Document, LawModel


class Clock(LawModel):
    """A clock that is wrong: a day after the receipt, or more than ``earliest_days`` before it."""

    check: Literal["clock"]
    title: str
    earliest_days: int = Field(gt=0)


class Stuck(LawModel):
    """A sensor that repeats itself: of the rows that are equal in ``by``, at least ``at_least`` and more than the share
    ``share`` are equal in ``same`` as well. Rows in which one of these is missing are left aside."""

    check: Literal["stuck"]
    title: str
    by: tuple[str, ...]
    same: tuple[str, ...]
    at_least: int = Field(gt=1)
    share: Decimal = Field(ge=0, lt=1)


SensorCheck = Annotated[Clock | Stuck, Field(discriminator="check")]


class Feed(LawModel):
    """One feed; its name is that of the file."""

    feed: str
    item: str
    title: str
    source: Document
    plates: tuple[str, ...] = ()
    """Roles that a plate fills: with the vehicle that bore it on the day of the record."""
    checks: tuple[SensorCheck, ...] = ()
