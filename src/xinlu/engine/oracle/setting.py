"""What one evaluation works on: the tables as known at a time, the day, and a unit with all that is found of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pyarrow as pa

from xinlu.engine.evaluation import Frame, Value
from xinlu.engine.provenance import Provenance
from xinlu.engine.result import SEQ, Entry, Finding, stored
from xinlu.law.catalogue import Catalogue
from xinlu.law.meaning import Meaning
from xinlu.law.source import Grade

Plain = dict[str, Any]
Tables = Mapping[str, "pa.Table | Sequence[Plain]"]


def holds(day: date | None, begins: date | None, ends: date | None) -> bool:
    """Whether [begins, ends) holds ``day``; a missing end is open, a missing day or begin holds nothing.

    >>> holds(date(2024, 1, 1), date(2024, 1, 1), None), holds(date(2024, 1, 1), None, None)
    (True, False)
    """
    return day is not None and begins is not None and begins <= day and (ends is None or day < ends)


@dataclass
class Row:
    """One row of a source, attached to one unit.

    ``key``: the record, or the subject or unit at the far end for a relation or a finding.
    ``excluded``: number of the exclusion that applies, None for a row that counts.
    """

    key: int
    day: date | None
    columns: dict[str, Value]
    begins: date | None = None
    ends: date | None = None
    parent_key: int | None = None
    parent: Row | None = None
    attributes: dict[str, Value] = field(default_factory=dict)
    each: Value = None
    excluded: int | None = None
    grade: Grade = Grade.OFFICIAL

    def attached(self, *, parent: Row | None = None, parent_key: int | None = None) -> Row:
        """A copy of its own for one unit, so that units do not share columns."""
        key = parent_key if parent is not None else self.parent_key
        return replace(self, columns=dict(self.columns), attributes={}, parent=parent, parent_key=key)

    @property
    def order(self) -> tuple[Any, ...]:
        """The order in which law counts: date, then key (then the value of ``each``)."""
        return (self.day or date.min, self.key, self.each is not None, self.each if self.each is not None else 0)


@dataclass(eq=False)
class Hit:
    """A row that a clause hits, with the points that count after the limit of one hit and the age weight."""

    clause: str
    number: int
    """Place of the clause in the book: the last tie breaker."""
    row: Row
    raw: Decimal
    weight: Decimal
    points: Decimal
    grade: Grade
    winner: Hit | None = None

    @property
    def order(self) -> tuple[Any, ...]:
        """Date, key, clause order."""
        return (*self.row.order, self.number)

    def key_of(self, column: str) -> Value:
        """What the hit has in a column of a contest or cap."""
        special = {"unit": True, "record": self.row.key, "parent": self.row.parent_key}
        return special[column] if column in special else self.row.columns.get(column)


@dataclass(eq=False)
class Unit:
    """One unit of the population and what has been found of it so far."""

    number: int
    names: dict[str, Value]
    days: dict[str, Value]
    frame: Frame
    unrated: str | None = None
    """Why there is no period for the unit, or None."""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    hits: list[Hit] = field(default_factory=list)
    folds: dict[str, Value] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    run_of: dict[str, list[Decimal]] = field(default_factory=dict)
    """Running fold → balances after each step, the start first."""
    entries: list[Entry] = field(default_factory=list)

    def kept(self, source: str) -> list[Row]:
        """The rows of a source that are not excluded, in the order in which law counts."""
        return [row for row in self.rows.get(source, []) if row.excluded is None]

    def hits_of(self, clauses: Collection[str]) -> list[Hit]:
        """The hits of some clauses, losers included, by date, key and clause order."""
        return sorted((hit for hit in self.hits if hit.clause in clauses), key=lambda hit: hit.order)

    def row_frame(self, row: Row) -> Frame:
        """The names of a row expression."""
        parent = row.parent.columns if row.parent else {}
        return self.frame.with_(row=row.columns, attr=row.attributes, parent=parent)

    def write(self, step: str, kind: str, grade: Grade | None, **columns: Any) -> None:
        """Add an entry; numbers are kept at 12 digits."""
        columns |= {name: stored(columns[name]) for name in ("raw", "weight", "share") if name in columns}
        columns.setdefault("seq", SEQ.get(kind, 0))
        self.entries.append(Entry(self.number, step, kind, grade=grade.value if grade else None, **columns))


@dataclass
class Setting:
    """The law and facts of one evaluation of one book version."""

    meaning: Meaning
    catalogue: Catalogue
    tables: Tables
    as_of: date
    known_at: datetime
    findings: Mapping[str, Sequence[Finding]] = field(default_factory=dict)
    """Findings of the books that this one reads."""
    peers: Mapping[str, Any] = field(default_factory=dict)
    """Frozen peer statistics by value name."""
    units: list[Unit] = field(default_factory=list)
    only: Collection[int] | None = None
    """Units that are worked out; None for all."""

    @cached_property
    def provenance(self) -> Provenance:
        """Grades of the parts of the book."""
        return Provenance(self.meaning)

    @property
    def after(self) -> date:
        """The day after ``as_of``."""
        return self.as_of + timedelta(days=1)

    @cached_property
    def _known(self) -> dict[str, list[Plain]]:
        return {}

    def known(self, table: str) -> list[Plain]:
        """The rows of a table that were known at ``known_at``; none when there is no such table."""
        if table not in self._known:
            found = self.tables.get(table, [])
            rows = found.to_pylist() if isinstance(found, pa.Table) else found
            self._known[table] = [
                row for row in rows if holds_at(self.known_at, row.get("recorded_at"), row.get("superseded_at"))
            ]
        return self._known[table]

    def subject(self, kind: str, number: Value, day: date | None) -> Plain | None:
        """The attribute row of a subject on a day, or None."""
        rows = self._subjects(kind).get(number, []) if not isinstance(number, list) else []
        return next((row for row in rows if holds(day, row.get("valid_from"), row.get("valid_until"))), None)

    def _subjects(self, kind: str) -> dict[int, list[Plain]]:
        known = self._subject_rows.get(kind)
        if known is None:
            known = self._subject_rows[kind] = {}
            for row in self.known(f"subject_{kind}"):
                known.setdefault(row["subject"], []).append(row)
        return known

    @cached_property
    def _subject_rows(self) -> dict[str, dict[int, list[Plain]]]:
        return {}


def holds_at(moment: datetime, recorded: datetime | None, superseded: datetime | None) -> bool:
    """Whether a row was known at ``moment``; a row that does not say when was always known."""
    return (recorded is None or recorded <= moment) and (superseded is None or superseded > moment)
