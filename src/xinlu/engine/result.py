"""What a run gives back: findings and entries, with the columns of ``docs/architecture.md``.

Rows as slotted dataclasses (oracle, recompute, explanation) or as Arrow tables (the compiled run); both
ways convert without loss and sort in one canonical order, so that two runs can be compared byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from operator import attrgetter
from typing import Any

import pyarrow as pa

NUMBER_SCALE = 12
"""Digits behind the point of every number in findings and entries."""

_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_NUMBER = pa.decimal128(38, NUMBER_SCALE)

FINDINGS_SCHEMA = pa.schema(
    [
        ("unit", pa.int64()),
        ("output", pa.string()),
        ("status", pa.string()),
        ("number", _NUMBER),
        ("level", pa.string()),
        ("day", pa.date32()),
        ("flag", pa.bool_()),
        ("text", pa.string()),
        ("reason", pa.string()),
        ("grade", pa.string()),
    ]
)

ENTRIES_SCHEMA = pa.schema(
    [
        ("unit", pa.int64()),
        ("step", pa.string()),
        ("kind", pa.string()),
        ("clause", pa.string()),
        ("record", pa.int64()),
        ("row", pa.int64()),
        ("day", pa.date32()),
        ("raw", _NUMBER),
        ("weight", _NUMBER),
        ("share", _NUMBER),
        ("text", pa.string()),
        ("lost_to", pa.int64()),
        ("grade", pa.string()),
        ("seq", pa.int32()),
    ]
)

SEQ: Mapping[str, int] = {
    "start": 0, "read": 0, "fact": 0, "value": 0, "band": 0, "condition": 0,
    "hit": 1, "row": 1, "lost": 1, "excluded": 1, "clamp": 1,
    "cap": 2, "ceiling": 3, "floor": 4, "rounding": 5, "status": 8, "output": 9,
}  # fmt: skip
"""Order of the kinds inside a step; the n-th move of an output has ``n`` itself."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run says of one unit for one output.

    ``status`` is ``rated``, ``not_rated`` or ``open``. A rated finding has one of ``number``, ``level``,
    ``day``, ``flag``, ``text``; the others have a Chinese ``reason``. ``grade``: the weakest source grade
    of what made it.
    """

    unit: int
    output: str
    status: str
    number: Decimal | None = None
    level: str | None = None
    day: date | None = None
    flag: bool | None = None
    text: str | None = None
    reason: str | None = None
    grade: str | None = None

    @property
    def answer(self) -> Decimal | str | date | bool | None:
        """The one answer column that is filled, or None.

        >>> Finding(1, "level", "rated", level="AA").answer
        'AA'
        """
        filled = (self.level, self.number, self.day, self.flag, self.text)
        return next((one for one in filled if one is not None), None)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of why (积分明细); the table in ``docs/architecture.md`` says what each kind fills."""

    unit: int
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
    grade: str | None = None
    seq: int = 0


@dataclass(frozen=True)
class RunResult:
    """Findings and entries by book id, each in canonical order."""

    findings: dict[str, list[Finding]]
    entries: dict[str, list[Entry]]

    def finding(self, book: str, unit: int, output: str) -> Finding | None:
        """The finding of ``unit`` for ``output``; None when the unit is not in the population."""
        return next((f for f in self.findings[book] if f.unit == unit and f.output == output), None)

    def of(self, book: str, unit: int) -> tuple[list[Finding], list[Entry]]:
        """Findings and entries of one unit."""
        found = [one for one in self.findings[book] if one.unit == unit]
        return found, [one for one in self.entries[book] if one.unit == unit]


def stored(number: Decimal | int | None) -> Decimal | None:
    """``number`` as findings and entries keep it: 12 digits behind the point, half up away from zero.

    >>> stored(Decimal("0.0000000000005"))
    Decimal('1E-12')
    """
    if number is None:
        return None
    return Decimal(number).quantize(Decimal(1).scaleb(-NUMBER_SCALE), context=_EXACT)


def _missing_first(row: Finding | Entry, *names: str) -> tuple[Any, ...]:
    values = (getattr(row, name) for name in names)
    return tuple((value is not None, value if value is not None else 0) for value in values)


def sorted_findings(findings: Iterable[Finding]) -> list[Finding]:
    """By unit, then output name."""
    return sorted(findings, key=lambda one: (one.unit, one.output))


def sorted_entries(entries: Iterable[Entry]) -> list[Entry]:
    """By unit, step, seq, row, clause, day, kind, record, then text and share; missing comes first."""
    names = ("row", "clause", "day", "kind", "record", "text", "share", "raw")
    return sorted(entries, key=lambda one: (one.unit, one.step, one.seq, *_missing_first(one, *names)))


def findings_table(findings: Iterable[Finding]) -> pa.Table:
    """Findings as an Arrow table with :data:`FINDINGS_SCHEMA`."""
    return _table(list(findings), FINDINGS_SCHEMA)


def entries_table(entries: Iterable[Entry]) -> pa.Table:
    """Entries as an Arrow table with :data:`ENTRIES_SCHEMA`."""
    return _table(list(entries), ENTRIES_SCHEMA)


def findings_of(table: pa.Table) -> list[Finding]:
    """Rows of an Arrow table with (at least) the columns of :data:`FINDINGS_SCHEMA`, in canonical order."""
    return sorted_findings(_rows(table, Finding))


def entries_of(table: pa.Table) -> list[Entry]:
    """Rows of an Arrow table with (at least) the columns of :data:`ENTRIES_SCHEMA`, in canonical order."""
    return sorted_entries(_rows(table, Entry))


def _table(rows: Sequence[Finding | Entry], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*map(attrgetter(*schema.names), rows), strict=True)) or [()] * len(schema)
    return pa.table([pa.array(column, part.type) for column, part in zip(columns, schema, strict=True)], schema=schema)


def _rows(table: pa.Table, kind: type[Any]) -> list[Any]:
    names = [one.name for one in fields(kind)]
    return [kind(**row) for row in table.select(names).to_pylist()]
