"""Which units a book rates on a day, and which days count for each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from xinlu.engine import exact
from xinlu.engine.evaluation import Frame, Value
from xinlu.engine.oracle.setting import Setting, Unit, holds
from xinlu.law.catalogue import Catalogue
from xinlu.law.rulebook import Period

NO_START = "没有评价周期的起算日期"
NOT_BEGUN = "评价周期尚未开始"
NO_CYCLE = "还没有一个完整的评价周期"
PERIOD_REASONS = frozenset({NO_START, NOT_BEGUN, NO_CYCLE})
"""Why a unit has no period; such a unit is not rated."""


def add_units(setting: Setting) -> None:
    """Fill ``setting.units`` with the population, by number."""
    rates = setting.meaning.book.rates
    rows = _subjects(setting, rates.subject) if rates.subject else _records(setting, str(rates.record))
    for number, names in sorted(rows, key=lambda one: one[0]):
        if setting.only is not None and number not in setting.only:
            continue
        unit = _unit(setting, number, names)
        if _belongs(setting, unit):
            setting.units.append(unit)


def _subjects(setting: Setting, kind: str) -> Iterator[tuple[int, dict[str, Value]]]:
    for row in setting.known(f"subject_{kind}"):
        if holds(setting.as_of, row.get("valid_from"), row.get("valid_until")):
            yield row["subject"], {**row, "unit": row["subject"]}


def _records(setting: Setting, item: str) -> Iterator[tuple[int, dict[str, Value]]]:
    for row in setting.known(f"item_{item}"):
        if row["occurred_on"] <= setting.as_of:
            yield row["record"], columns_of(setting.catalogue, item, row)


def columns_of(catalogue: Catalogue, item: str, row: dict[str, Any]) -> dict[str, Value]:
    """A table row under the names of expressions: roles by their own name."""
    roles = {role.name: row.get(f"role_{role.name}") for role in catalogue.items[item].roles}
    return {**row, **roles}


def _unit(setting: Setting, number: int, names: dict[str, Value]) -> Unit:
    days: dict[str, Value] = {"as_of": setting.as_of}
    folds: dict[str, Value] = {}
    values: dict[str, Value] = {}
    frame = Frame(setting.meaning, {"unit": names, "day": days, "fold": folds, "value": values})
    begins, ends, reason = _period(setting, frame)
    days.update(period_from=begins, period_until=ends)
    return Unit(number, names, days, frame, reason, folds=folds, values=values)


def _belongs(setting: Setting, unit: Unit) -> bool:
    book = setting.meaning.book
    inside = unit.names.get("occurred_on"), unit.days["period_from"], unit.days["period_until"]
    if book.rates.record is not None and book.period is not None and not holds(*inside):
        return False
    governed = unit.frame.value("governed_by")
    return holds(governed, book.in_force.from_, book.in_force.until) and unit.frame.holds("rates", "where")


# ── period ──────────────────────────────────────────────────────────────────────────────────────

Bounds = tuple[date | None, date | None, str | None]
"""First day, the day after the last, and why there is no period (or None)."""


def _period(setting: Setting, frame: Frame) -> Bounds:
    period = setting.meaning.book.period
    if period is None:
        return None, setting.after, None
    if period.calendar_year is not None:
        return _calendar_year(period, setting)
    if period.rolling is not None:
        return exact.add_length(setting.after, period.rolling, -1), setting.after, None
    start = frame.value("period", "since" if period.since is not None else "of")
    if start is None:
        return None, setting.after, NO_START
    if start > setting.as_of:
        return (start if period.since is not None else None), setting.after, NOT_BEGUN
    if period.since is not None:
        return start, setting.after, None
    return _anniversary(period, start, setting.as_of)


def _calendar_year(period: Period, setting: Setting) -> Bounds:
    first = date(setting.as_of.year, 1, 1)
    if period.calendar_year == "running":
        return first, setting.after, None
    return date(first.year - 1, 1, 1), first, None


def _anniversary(period: Period, start: date, as_of: date) -> Bounds:
    count = int(period.every.split()[0])
    months = period.every.endswith("months")
    passed = exact.months_between(start, as_of) if months else (as_of - start).days
    cycle = passed // count
    if period.anniversary == "running":
        return exact.add_length(start, period.every, cycle), as_of + timedelta(days=1), None
    if cycle == 0:
        return None, None, NO_CYCLE
    return exact.add_length(start, period.every, cycle - 1), exact.add_length(start, period.every, cycle), None
