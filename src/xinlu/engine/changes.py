"""When a finding changes by itself: the first later day on which it differs although nothing new is recorded.

Time alone moves findings at edges: spans and ages end, periods roll on, attributes, relations and effective
periods begin or end, versions come into force. The edges are collected from law and facts, and the law is
evaluated on each in turn until an answer differs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import pyarrow as pa

from xinlu.engine import exact
from xinlu.engine.oracle import evaluate_meanings, understood
from xinlu.engine.oracle.setting import Tables, holds_at
from xinlu.engine.result import Finding, RunResult
from xinlu.law.catalogue import Catalogue
from xinlu.law.expression import Node
from xinlu.law.interval import parse_interval
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook
from xinlu.law.typing_rules import Ref

HORIZON = 60
"""Months after ``as_of`` that are looked at; what changes later is said not to change within reach."""

LONGEST = 36_525
"""Numbers of the law above this (a hundred years of days) are no lengths of time."""

Change = tuple[int, str]
"""A unit and an output."""


def next_change(
    books: Sequence[Rulebook],
    tables: Tables,
    *,
    catalogue: Catalogue,
    book: str,
    unit: int,
    output: str,
    as_of: date,
    known_at: datetime,
    peers: Mapping[str, Mapping[str, Any]] | None = None,
    months: int = HORIZON,
) -> date | None:
    """The first day after ``as_of`` on which ``output`` of ``unit`` differs; None within ``months``."""
    found = next_changes(
        books,
        tables,
        catalogue=catalogue,
        book=book,
        as_of=as_of,
        known_at=known_at,
        units=[unit],
        outputs=[output],
        peers=peers,
        months=months,
    )
    return found.get((unit, output))


def next_changes(
    books: Sequence[Rulebook],
    tables: Tables,
    *,
    catalogue: Catalogue,
    book: str,
    as_of: date,
    known_at: datetime,
    units: Collection[int] | None = None,
    outputs: Collection[str] | None = None,
    peers: Mapping[str, Mapping[str, Any]] | None = None,
    months: int = HORIZON,
    run: Callable[[date], RunResult] | None = None,
) -> dict[Change, date]:
    """For every finding of ``book`` that changes by itself within ``months``, the first day on which it does.

    A finding changes when its status or answer differs, or when its unit leaves the population. ``books``: as
    for :func:`xinlu.engine.oracle.evaluate`, with later versions if their coming into force shall count.
    ``run``: what evaluates a day (the oracle when None).

    Edges seen: every date in the facts and in the law, lengths of spans, ages and periods and counts of
    ``add_months``/``add_days`` added to them (two lengths at most), whole numbers of the law as completed
    months or days where ``months_between``/``days_between`` is used, turns of year and month, and the days on
    which versions come into force or end.
    """
    meanings = understood(books, catalogue=catalogue)
    known = {name: _known(table, known_at) for name, table in tables.items()}

    def by_oracle(day: date) -> RunResult:
        return evaluate_meanings(
            meanings, known, catalogue=catalogue, as_of=day, known_at=known_at, units=units, peers=peers
        )

    evaluated = run or by_oracle
    before = _answers(evaluated(as_of).findings[book], outputs)
    end = exact.add_months(as_of, months)
    changed: dict[Change, date] = {}
    for day in edges([m for versions in meanings for m in versions], known, after=as_of, until=end):
        now = _answers(evaluated(day).findings[book], outputs)
        for change in before.keys() - changed.keys():
            if now.get(change) != before[change]:
                changed[change] = day
        if len(changed) == len(before):
            break
    return changed


def _known(table: pa.Table | Sequence[dict[str, Any]], known_at: datetime) -> list[dict[str, Any]]:
    rows = table.to_pylist() if isinstance(table, pa.Table) else table
    return [row for row in rows if holds_at(known_at, row.get("recorded_at"), row.get("superseded_at"))]


def _answers(findings: Iterable[Finding], outputs: Collection[str] | None) -> dict[Change, tuple[Any, ...]]:
    chosen = (one for one in findings if outputs is None or one.output in outputs)
    return {(one.unit, one.output): (one.status, one.answer) for one in chosen}


# ── edges ───────────────────────────────────────────────────────────────────────────────────────


def edges(
    meanings: Sequence[Meaning], known: Mapping[str, Iterable[Mapping[str, Any]]], *, after: date, until: date
) -> list[date]:
    """The days in (after, until] on which time alone may change something, in order."""
    laws = [Law(meaning) for meaning in meanings]
    facts = {value for rows in known.values() for row in rows for value in _dates(row)}
    found: set[date] = set()
    for law in laws:
        bases = facts | law.dates
        moved = bases | {day for base in bases for day in law.reached(base, law.inner(known))}
        found |= {exact.add_days(day, one) for day in moved for one in (0, 1)}
        for base in moved:
            found.update(law.reached(base, law.outer))
            found.update(law.cycles(base, until))
        found |= law.turns(after, until)
    return sorted(day for day in found if after < day <= until)


def _dates(row: Mapping[str, Any]) -> Iterator[date]:
    for value in row.values():
        if isinstance(value, date) and not isinstance(value, datetime):
            yield value
        elif isinstance(value, list):
            yield from (one for one in value if isinstance(one, date))


Length = tuple[str, int]
"""``months`` or ``days``, and how many."""


class Law:
    """What one book version knows of time."""

    def __init__(self, meaning: Meaning) -> None:
        self.book = meaning.book
        self.nodes = [node for tree in meaning.expressions.values() for node in tree.walk()]

    @cached_property
    def calls(self) -> set[str]:
        """Functions that the book uses."""
        return {str(node.value) for node in self.nodes if node.op == "call"}

    @cached_property
    def dates(self) -> set[date]:
        """Dates that the law names, its own coming into force among them."""
        named = [node.value for node in self.nodes if node.op == "date"]
        named += [parameter.value for parameter in self.book.parameters.values()]
        named += [row.value for table in self.book.tables.values() for row in table.rows]
        named += [self.book.in_force.from_, self.book.in_force.until]
        return {one for one in named if isinstance(one, date)}

    @cached_property
    def numbers(self) -> set[int]:
        """Whole numbers that the law names: in expressions, parameters, tables and bands."""
        named: list[Any] = [node.value for node in self.nodes if node.op == "number"]
        named += [parameter.value for parameter in self.book.parameters.values()]
        texts = [text for output in self.book.outputs.values() if output.bands for text in output.bands.cut.values()]
        for table in self.book.tables.values():
            named += [value for row in table.rows for value in (row.value, *row.when)] + [table.otherwise]
            texts += [row.interval for row in table.rows if row.interval is not None]
        for text in texts:
            interval = parse_interval(text)
            named += [interval.low, interval.high]
        return _whole(named)

    @cached_property
    def outer(self) -> set[Length]:
        """Lengths of spans, ages and rolling periods, and numbers that are compared with a passed time."""
        texts = [self.book.period.rolling] if self.book.period else []
        for clause in self.book.clauses.values():
            if clause.span is not None:
                texts += [clause.span.for_, *(age.below for age in clause.span.ages)]
        found = {(text.split()[1], int(text.split()[0])) for text in texts if text}
        for function, unit in (("months_between", "months"), ("days_between", "days")):
            if function in self.calls:
                found |= {(unit, number) for number in self.numbers}
        return found

    def inner(self, known: Mapping[str, Iterable[Mapping[str, Any]]]) -> set[Length]:
        """Lengths that expressions add to dates."""
        found: set[Length] = set()
        for node in self.nodes:
            if node.op == "call" and node.value in {"add_months", "add_days"}:
                unit = str(node.value).removeprefix("add_")
                found |= {(unit, number) for number in self.counted(node.args[1], known)}
        return found

    def counted(self, node: Node, known: Mapping[str, Iterable[Mapping[str, Any]]]) -> set[int]:
        """What the count of an ``add_months`` or ``add_days`` may be."""
        sign = -1 if node.op == "neg" else 1
        bare = node.args[0] if node.op == "neg" else node
        if bare.op == "number" and isinstance(bare.value, Decimal):
            return {sign * int(bare.value)}
        columns = {n.value.name for n in node.walk() if n.op == "ref" and isinstance(n.value, Ref)}
        recorded = (row.get(name) for rows in known.values() for row in rows for name in columns)
        return {sign * number for number in self.numbers | _whole(recorded)}

    @staticmethod
    def reached(base: date, lengths: Iterable[Length]) -> Iterator[date]:
        """Days a length after ``base``, with those beside them: bounds may or may not include the day, and
        lengths counted back from ``as_of`` end up to three days later at the end of a month."""
        for unit, number in lengths:
            try:
                day = (exact.add_months if unit == "months" else exact.add_days)(base, number)
                yield from (exact.add_days(day, beside) for beside in range(-1, 4 if unit == "months" else 2))
            except (OverflowError, ValueError):  # beyond the calendar: no edge
                continue

    def cycles(self, base: date, until: date) -> Iterator[date]:
        """Beginnings of the cycles of an anniversary that starts on ``base``."""
        period = self.book.period
        if period is None or period.anniversary is None:
            return
        times = 0
        while (day := exact.add_length(base, period.every, times)) <= until:
            yield day
            times += 1

    def turns(self, after: date, until: date) -> set[date]:
        """Turns of the year, and of the month where the law reads the month."""
        months = (1,) if "month" not in self.calls else range(1, 13)
        years = range(after.year, until.year + 1)
        return {date(year, month, 1) for year in years for month in months}


def _whole(values: Iterable[Any]) -> set[int]:
    """The whole numbers among values that may be lengths of time."""
    numbers = (one for one in values if isinstance(one, Decimal | int) and not isinstance(one, bool))
    return {int(one) for one in numbers if one == int(one) and 0 <= one <= LONGEST}
