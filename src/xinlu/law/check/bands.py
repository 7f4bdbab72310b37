"""Bands and tables by number: every number falls into exactly one."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations

from xinlu.law.check.notes import Notes
from xinlu.law.interval import Interval, IntervalError, ends, gaps, overlap, parse_interval
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Bands, Rulebook, Table
from xinlu.law.types import MOST_DIGITS, QUOTIENT_SCALE, Type


def check_bands(book: Rulebook, meaning: Meaning | None, notes: Notes) -> None:
    """Intervals that cannot be read, gaps, overlaps, and numbers with too many digits."""
    for name, output in book.outputs.items():
        if output.bands is not None:
            _bands(book, output.bands, name, meaning, notes)
    for name, table in book.tables.items():
        if table.by == "number":
            _table(table, name, notes)
    _digits(book, notes)


def _bands(book: Rulebook, bands: Bands, name: str, meaning: Meaning | None, notes: Notes) -> None:
    path = ("outputs", name, "bands", "cut")
    cut: dict[str | int, Interval] = {}
    for level, text in bands.cut.items():
        try:
            cut[level] = parse_interval(text)
        except IntervalError as error:
            notes.add("LAW-401", str(error), *path, level)
    if len(cut) < len(bands.cut):
        return
    scale = _scale(meaning, name, cut)
    _exactly_one(cut, scale, path, notes)
    below, above = ends(list(cut.values()))
    fold = book.folds.get(bands.of.strip())
    if not below and not (fold and fold.floor):
        low = min(i.low for i in cut.values() if i.low is not None)
        notes.add("LAW-404", f"没有一档包括小于 {low} 的数", *path)
    if not above and not (fold and fold.ceiling):
        high = max(i.high for i in cut.values() if i.high is not None)
        notes.add("LAW-404", f"没有一档包括大于 {high} 的数", *path)


def _scale(meaning: Meaning | None, output: str, cut: dict[str | int, Interval]) -> int:
    node = meaning.expression("outputs", output, "bands", "of") if meaning else None
    if node is not None and isinstance(node.type, Type):
        return node.type.scale
    return max(QUOTIENT_SCALE, _written_scale(cut.values()))


def _written_scale(intervals: object) -> int:
    bounds = [b for i in intervals for b in (i.low, i.high) if b is not None]  # type: ignore[attr-defined]
    return max((-int(b.as_tuple().exponent) for b in bounds), default=0)


def _exactly_one(cut: dict[str | int, Interval], scale: int, path: tuple[str | int, ...], notes: Notes) -> None:
    for gap in gaps(cut.values(), scale):
        notes.add("LAW-402", f"没有一档包括 {gap} 的数（该值有 {scale} 位小数）", *path)
    for (one, first), (other, second) in combinations(cut.items(), 2):
        if both := overlap(first, second, scale):
            notes.add("LAW-403", f"“{one}”与“{other}”都包括 {both} 的数", *path, other)


def _table(table: Table, name: str, notes: Notes) -> None:
    path = ("tables", name, "rows")
    rows: dict[str | int, Interval] = {}
    for index, row in enumerate(table.rows):
        if row.interval is None:
            notes.add("LAW-206", "按数查的表，每行要用 in 写明区间", *path, index)
            continue
        try:
            rows[index] = parse_interval(row.interval)
        except IntervalError as error:
            notes.add("LAW-401", str(error), *path, index, "in")
    for (_, first), (other, second) in combinations(rows.items(), 2):
        if both := overlap(first, second, QUOTIENT_SCALE):
            notes.add("LAW-403", f"对照表“{name}”有两行都包括 {both} 的数", *path, other)
    if table.otherwise is None:
        for gap in gaps(rows.values(), _written_scale(rows.values())):
            notes.add("LAW-421", f"对照表“{name}”没有一行包括 {gap} 的数，查得缺失", *path)


def _digits(book: Rulebook, notes: Notes) -> None:
    for name, parameter in book.parameters.items():
        if isinstance(parameter.value, Decimal) and _too_long(parameter.value):
            notes.add("LAW-414", f"参数“{name}”超过 {MOST_DIGITS} 位", "parameters", name, "value")
    for name, table in book.tables.items():
        for index, row in enumerate(table.rows):
            values = (row.value, *row.when)
            if any(isinstance(v, Decimal) and _too_long(v) for v in values):
                sentence = f"对照表“{name}”的数超过 {MOST_DIGITS} 位"
                notes.add("LAW-414", sentence, "tables", name, "rows", index)


def _too_long(number: Decimal) -> bool:
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    return max(len(digits), len(digits) + exponent, -exponent) > MOST_DIGITS
