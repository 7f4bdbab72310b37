"""When an answer changes by itself: nothing new is recorded, only days pass.

An answer can change only on a day that some date in the facts, some length of time in the book or the turn of
a period makes special. Those days are tried in order with the same facts; the first day on which the answer is
another is found to the day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from xinlu.engine.exact import add_months
from xinlu.engine.result import Finding
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook
from xinlu.law.typing_rules import Ref

YEARS: Final = 10
"""How far ahead is looked."""

_DAY = timedelta(days=1)
_DATE_FUNCTIONS = {"add_months", "add_days", "days_between", "months_between"}
_ELAPSED = {"days_between", "months_between", "year", "month"}

Key = tuple[int, str]
"""Unit and output."""
Look = Callable[[date], Iterable[Finding]]
"""The findings of the book on a day, on the same facts and at the same time of knowledge."""


def next_changes(
    look: Look,
    tables: Mapping[str, pa.Table],
    meanings: Iterable[Meaning],
    *,
    as_of: date,
    years: int = YEARS,
) -> dict[Key, date]:
    """For each unit and output that changes by itself within ``years`` after ``as_of``: the first such day.

    ``meanings``: the book and those it reads. A change of the answer, the status, or of being in the population
    counts; a change of the reason only does not. What turns and turns back between two special days is not seen.
    """
    now = _answers(look(as_of))
    found: dict[Key, date] = {}
    last_same = as_of
    for day in special_days(tables, tuple(meanings), after=as_of, until=add_months(as_of, years * 12)):
        if len(found) == len(now):
            break
        changed = _changed(now, _answers(look(day))) - found.keys()
        for key in sorted(changed):
            found[key] = _first(look, now, key, last_same, day)
        last_same = day
    return found


def _answers(findings: Iterable[Finding]) -> dict[Key, tuple[Any, ...]]:
    return {(f.unit, f.output): (f.status, f.answer) for f in findings}


def _changed(now: Mapping[Key, tuple[Any, ...]], then: Mapping[Key, tuple[Any, ...]]) -> set[Key]:
    return {key for key, answer in now.items() if then.get(key) != answer}


def _first(look: Look, now: Mapping[Key, tuple[Any, ...]], key: Key, same: date, other: date) -> date:
    """The first day of (same, other] on which ``key`` is different; mostly ``other`` itself."""
    step = _DAY
    while other - same > _DAY:
        middle = other - step if step is _DAY else same + (other - same) // 2
        step = 2 * _DAY
        if _answers(look(middle)).get(key) == now[key]:
            same = middle
        else:
            other = middle
    return other


def special_days(
    tables: Mapping[str, pa.Table], meanings: tuple[Meaning, ...], *, after: date, until: date
) -> list[date]:
    """Days in (after, until] on which something may begin, end or be counted anew, in order."""
    bases = sorted(set(_dates(tables)) | {d for m in meanings for d in _book_dates(m.book)})
    lengths = {length for m in meanings for length in _lengths(m)}
    days: set[date] = set()
    for base in bases:
        days |= {base, base + _DAY}
        for months, extra in lengths:
            days |= _edges(base, months, extra)
    for meaning in meanings:
        days |= set(_turns(meaning, bases, after, until))
    return sorted(d for d in days if after < d <= until)


def _dates(tables: Mapping[str, pa.Table]) -> Iterator[date]:
    for table in tables.values():
        for column, field in zip(table.columns, table.schema, strict=True):
            if pa.types.is_date(field.type) and table.num_rows:
                yield from (d for d in column.unique().to_pylist() if d is not None and d.year > 1900)


def _book_dates(book: Rulebook) -> Iterator[date]:
    yield book.in_force.from_
    if book.in_force.until is not None:
        yield book.in_force.until
    yield from (p.value for p in book.parameters.values() if isinstance(p.value, date))


def _edges(base: date, months: int, extra: int) -> set[date]:
    """The days on which a length from ``base`` ends, counted forward or back, included or not."""
    try:
        forward = add_months(base, months) + timedelta(days=extra)
        back = forward
        while add_months(back - timedelta(days=extra), -months) < base:
            back += _DAY
        return {forward, forward + _DAY, back, back + _DAY}
    except (OverflowError, ValueError):  # beyond the calendar
        return set()


def _lengths(meaning: Meaning) -> Iterator[tuple[int, int]]:
    """Months and days of every length that the book names, in keys or as numbers beside dates."""
    for text in _texts(meaning.book.model_dump(mode="python")):
        number, _, unit = text.partition(" ")
        if unit in ("months", "days") and number.isdigit():
            yield (int(number), 0) if unit == "months" else (0, int(number))
    for node in meaning.expressions.values():
        whole = list(node.walk())
        if not any(n.op == "call" and n.value in _DATE_FUNCTIONS for n in whole):
            continue
        for one in whole:
            value = one.value
            if one.op == "ref" and isinstance(value, Ref) and value.space == "param":
                value = meaning.book.parameters[value.name].value
            if isinstance(value, Decimal) and value == int(value):
                size = abs(int(value))
                yield from ((m, d) for m, d in ((size, 0), (0, size)) if m <= 600 and d <= 20_000)
    if meaning.book.tables and _uses(meaning, _DATE_FUNCTIONS):
        for table in meaning.book.tables.values():
            for row in table.rows:
                if isinstance(row.value, Decimal) and row.value == int(row.value) and abs(row.value) <= 600:
                    yield (abs(int(row.value)), 0)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)


def _uses(meaning: Meaning, functions: set[str]) -> bool:
    nodes = (n for node in meaning.expressions.values() for n in node.walk())
    return any(n.op == "call" and n.value in functions for n in nodes)


def _turns(meaning: Meaning, bases: Iterable[date], after: date, until: date) -> Iterator[date]:
    """Turns of the book's period, and the months of a book that counts elapsed time."""
    period = meaning.book.period
    if period is not None and period.calendar_year is not None:
        yield from (date(year, 1, 1) for year in range(after.year + 1, until.year + 1))
    if period is not None and period.anniversary is not None:
        number, _, unit = period.every.partition(" ")
        for base in bases:
            yield from _cycles(base, int(number), unit, after, until)
    if _uses(meaning, _ELAPSED):
        for base in bases:
            for day in _cycles(base, 1, "months", after, add_months(after, 36)):
                yield from (day, day + _DAY)


def _cycles(base: date, number: int, unit: str, after: date, until: date) -> Iterator[date]:
    months, days = (number, 0) if unit == "months" else (0, number)
    count = max(0, (after.year - base.year) * 12 // months - 1) if months else max(0, (after - base).days // days)
    day = base
    while day <= until:
        day = add_months(base, months * count) + timedelta(days=days * count)
        if after < day <= until:
            yield day
        count += 1
