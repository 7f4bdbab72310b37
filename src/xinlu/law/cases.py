"""Cases beside a rulebook: in officials' words, facts and the answers the law gives to them.

The model of a ``<version>.cases.yaml``; :mod:`xinlu.engine.cases` runs them.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import Field

from xinlu.law.library import Filed
from xinlu.law.marks import read
from xinlu.law.shape import shape
from xinlu.law.source import InForce, LawModel

FEWEST = 5
"""Cases that a book has at least."""


class ExpectedFinding(LawModel):
    """The long form of an expected output."""

    status: str | None = None
    reason: str | None = None
    """A part of the reason given."""
    answer: Decimal | bool | str | None = None


class Case(LawModel):
    """One case; ``facts`` add to the file's ``given``."""

    case: str = Field(min_length=1)
    basis: str = ""
    as_of: str | None = None
    known_at: str | None = None
    note: str = ""
    facts: dict[str, Any] = {}
    expect: dict[str, dict[str, Decimal | bool | str | ExpectedFinding] | str] = {}
    """Unit → output → answer; ``absent`` for what is not in the population."""
    values: dict[str, dict[str, Decimal | bool | str | None]] = {}
    """Unit → fold or value → what it comes to."""
    entries: dict[str, tuple[dict[str, Any], ...]] = {}
    """Unit → lines of why, each of which must exist."""


class Cases(LawModel):
    """A cases file."""

    book: str
    version: str
    in_force: InForce | None = None
    """The days on which these cases take the version to be in force; None: its own. Cases that were copied with
    an earlier version keep that version's days, for their facts lie there."""
    given: dict[str, Any] = {}
    note: str = ""
    cases: tuple[Case, ...] = Field(max_length=2_000)


def read_cases(path: Path, *, name: str | None = None) -> tuple[Cases, Filed]:
    """Read a cases file.

    Raises:
        LawError: every mistake of form with its line.
    """
    filed = Filed(read(path, name=name), path)
    return shape(Cases, filed.marked), filed
