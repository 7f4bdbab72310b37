"""What is due: the rows of which one passes an edge between two days, although nothing new is recorded.

Spans and ages end, periods roll on, attributes, relations and effective periods begin or end. An edge lies at a
length of the law after a date of a row. The lengths are few, so the dates whose edges fall on a day are few, too:
they are worked out backwards, and the rows that have such a date are found. No list of future edges has to be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from xinlu.engine import exact
from xinlu.engine.changes import Law, Length
from xinlu.engine.compile import primitives as p
from xinlu.engine.find import Finder
from xinlu.law.catalogue import FieldType
from xinlu.law.meaning import Meaning
from xinlu.law.typing_rules import Ref

_EARLIEST = date(1900, 1, 1)
"""Anniversaries of earlier dates are not counted back to."""
_ROW_WISE = ("sources", "clauses", "governed_by", "rates")


@dataclass(frozen=True)
class Due:
    """Rows that pass an edge, by table."""

    rows: dict[str, pa.Table] = field(default_factory=dict)


def due(meaning: Meaning, finder: Finder, before: date, now: date) -> Due | str:
    """Rows that a version of a book reads and that pass an edge in (before, now]; or why everybody does."""
    days = [before + timedelta(days=one) for one in range(1, (now - before).days + 1)]
    reason = moves_everybody(meaning, days)
    if reason is not None:
        return reason
    law = Law(meaning)
    inner = law.inner({"": counted_values(meaning, law, finder)})
    late = _edges_of(law, inner, law.dates, days)
    if late:
        return "passes a date that the law names"
    bases = bases_of(law, inner, days)
    found = {}
    for table, columns in dated(meaning, finder).items():
        rows = finder.having(table, columns, sorted(bases))
        if rows.num_rows:
            found[table] = rows
    return Due(found)


def moves_everybody(meaning: Meaning, days: list[date]) -> str | None:
    """Why the law moves everybody in ``days``: it names the day itself beyond rows and hits, or a period turns."""
    book = meaning.book
    findings = {name for name, source in book.sources.items() if source.findings is not None}
    listed = {fold.over for fold in book.folds.values() if fold.mean or fold.worst_weighted}
    if findings & (listed | {clause.hits for clause in book.clauses.values()}):
        return "lines about findings carry the day"
    if book.governed_by == "as_of" and {book.in_force.from_, book.in_force.until} & set(days):
        return "another version comes into force"
    daily = {Ref("day", "as_of")}
    if book.period is None or book.period.calendar_year != "last_complete":
        daily |= {Ref("day", "period_until")}
    if book.period is not None and book.period.rolling is not None:
        daily |= {Ref("day", "period_from")}
    for path, tree in meaning.expressions.items():
        if path[0] in _ROW_WISE and path[2:3] != ("cap",):
            continue
        if any(node.op == "ref" and node.value in daily for node in tree.walk()):
            return "names the day itself"
    calls = {str(node.value) for tree in meaning.expressions.values() for node in tree.walk() if node.op == "call"}
    turning = calls & {"year", "month"} or (book.period is not None and book.period.calendar_year is not None)
    # A period ends the day after as_of, so that its year turns a day early.
    beside = {one + timedelta(days=more) for one in days for more in (0, 1)}
    if turning and any(one.day == 1 and (one.month == 1 or "month" in calls) for one in beside):
        return "the year turns"
    return None


# ── dates whose edges fall on some days ─────────────────────────────────────────────────────────


def bases_of(law: Law, inner: Iterable[Length], days: Iterable[date]) -> set[date]:
    """The dates from which an edge falls on one of ``days``."""
    wanted = set(days)
    direct = {one - timedelta(days=more) for one in wanted for more in (0, 1)}
    direct |= set(_back(law, law.outer, wanted))
    direct |= set(_turned_back(law, wanted))
    return direct | set(_back(law, inner, direct))


def _back(law: Law, lengths: Iterable[Length], days: set[date]) -> Iterator[date]:
    """Dates that a length (with the days beside) leads to one of ``days``."""
    for unit, number in set(lengths):
        for base in _before(unit, number, days):
            if not days.isdisjoint(law.reached(base, [(unit, number)])):
                yield base


def _before(unit: str, number: int, days: Iterable[date]) -> set[date]:
    """Dates near a length before one of ``days``."""
    found: set[date] = set()
    shift = exact.add_months if unit == "months" else exact.add_days
    for day in days:
        try:
            base = shift(day, -number)
            found |= {exact.add_days(base, beside) for beside in range(-6, 6)}
        except (OverflowError, ValueError):
            continue
    return found


def _turned_back(law: Law, days: set[date]) -> Iterator[date]:
    """Dates whose anniversaries fall on one of ``days``."""
    period = law.book.period
    if period is None or period.anniversary is None:
        return
    count, unit = int(period.every.split()[0]), period.every.split()[1]
    last, times = max(days), 0
    while True:
        candidates = _before(unit, count * times, days)
        if not candidates or max(candidates) < _EARLIEST:
            return
        for base in candidates:
            # The beginning of a cycle decides from the day itself, or the day after it.
            if base <= last and exact.add_length(base, period.every, times) in days:
                yield base
        times += 1


def _edges_of(law: Law, inner: Iterable[Length], dates: Iterable[date], days: Iterable[date]) -> bool:
    """Whether an edge of fixed dates falls on one of ``days``."""
    return not bases_of(law, inner, days).isdisjoint(dates)


# ── where dates are ─────────────────────────────────────────────────────────────────────────────


def dated(meaning: Meaning, finder: Finder) -> dict[str, list[str]]:
    """Table → columns with dates that the book may count from."""
    catalogue, book = finder.catalogue, meaning.book
    named = {
        node.value.name
        for tree in meaning.expressions.values()
        for node in tree.walk()
        if node.op == "ref" and isinstance(node.value, Ref)
    }
    found: dict[str, set[str]] = {}

    def of_item(name: str, effective: bool) -> None:
        item = catalogue.items[name]
        own = {one.name for one in item.fields if one.type is FieldType.DATE and one.name in named}
        span = (
            {"effective_from", "effective_until"} if effective else set(named) & {"effective_from", "effective_until"}
        )
        found.setdefault(f"item_{name}", set()).update({"occurred_on"} | own | span)

    def of_kind(name: str) -> None:
        kind = catalogue.kinds[name]
        own = {one.name for one in kind.attributes if one.type is FieldType.DATE and one.name in named}
        found.setdefault(f"subject_{name}", set()).update({"valid_from", "valid_until"} | own)

    if book.rates.subject is not None:
        of_kind(book.rates.subject)
    else:
        of_item(str(book.rates.record), False)
    for source in book.sources.values():
        if source.item is not None:
            of_item(source.item, source.on is not None)
        if source.relation or source.unit.relation:
            found["relation"] = {"valid_from", "valid_until"}
        for attributes in source.attributes.values():
            of_kind(attributes.kind)
    return {table: sorted(columns) for table, columns in found.items() if table in finder.tables}


def counted_values(meaning: Meaning, law: Law, finder: Finder) -> list[dict[str, Any]]:
    """The recorded numbers that the book adds to dates as months or days."""
    names = {
        one.value.name
        for node in law.nodes
        if node.op == "call" and node.value in {"add_months", "add_days"}
        for one in node.args[1].walk()
        if one.op == "ref" and isinstance(one.value, Ref)
    }
    if not names:
        return []
    found: list[dict[str, Any]] = []
    for table in dated(meaning, finder):
        for name in sorted(names & set(finder.schemas[table].names)):
            rows = finder.seen(table).rows(f"SELECT DISTINCT {p.identifier(name)} FROM {p.identifier(table)}")
            found += [{name: value} for (value,) in rows]
    return found
