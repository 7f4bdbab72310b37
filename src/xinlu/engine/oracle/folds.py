"""Folds: many rows or hits into one value, of a unit or of a row of a source.

Every fold writes the entries from which its value can be computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from xinlu.engine import exact
from xinlu.engine.answers import answer_columns
from xinlu.engine.evaluation import Value, is_level, levels_of, rank
from xinlu.engine.oracle.hits import NOTHING, groups, write_hit
from xinlu.engine.oracle.setting import Hit, Row, Setting, Unit
from xinlu.engine.result import stored
from xinlu.law.rulebook import Fold
from xinlu.law.source import Grade

ONE = Decimal(1)


def add_fold(setting: Setting, name: str) -> None:
    """Work out one fold for every unit, or for every row of its ``per`` source as a new column."""
    fold = setting.meaning.book.folds[name]
    for unit in setting.units:
        if fold.per is None:
            unit.folds[name] = _Folding(setting, name, fold, unit).value()
            continue
        for row in unit.kept(fold.per):
            row.columns[name] = _Folding(setting, name, fold, unit, row).value()
        _write_strays(setting, name, fold, unit)


def _write_strays(setting: Setting, name: str, fold: Fold, unit: Unit) -> None:
    """Hits whose row is not there stay visible, though no row takes them up."""
    reached = {row.key for row in unit.kept(str(fold.per))}
    for hit in unit.hits_of(fold.sum or (fold.running.clauses if fold.running else ())):
        key = link(fold, hit.row, setting.meaning.book.clauses[hit.clause].hits)
        if key not in reached:
            write_hit(unit, name, hit, hit.points, key)


def link(fold: Fold, row: Row, source: str) -> int | None:
    """The key of the ``per`` row to which a row of ``source`` belongs."""
    if fold.by is not None:
        return row.columns.get(fold.by)
    return row.key if source == fold.per else row.parent_key


@dataclass
class _Folding:
    """One fold of one unit (or of one row ``into`` of its ``per`` source)."""

    setting: Setting
    name: str
    fold: Fold
    unit: Unit
    into: Row | None = None

    # ── what is folded ──────────────────────────────────────────────────────────────────────────

    def belongs(self, row: Row, source: str) -> bool:
        return self.into is None or link(self.fold, row, source) == self.into.key

    def hits(self, clauses: tuple[str, ...]) -> list[Hit]:
        """Hits of the clauses, losers included, in the order in which law counts."""
        sources = self.setting.meaning.book.clauses
        return [hit for hit in self.unit.hits_of(clauses) if self.belongs(hit.row, sources[hit.clause].hits)]

    def rows(self) -> list[Row]:
        """Rows of ``over`` that pass ``where``, in the order in which law counts."""
        source = str(self.fold.over)
        rows = [row for row in self.unit.kept(source) if self.belongs(row, source)]
        return [row for row in rows if self.unit.row_frame(row).holds("folds", self.name, "where")]

    def pairs(self, key: str) -> list[tuple[Row, Value]]:
        """Rows with the value of the operation's expression, rows where it is missing left out."""
        found = [(row, self.of(row, key)) for row in self.rows()]
        return [(row, value) for row, value in found if value is not None]

    def of(self, row: Row, *key: str | int) -> Value:
        """The value of one of the fold's expressions over a row; numbers at 12 digits at most."""
        value = self.unit.row_frame(row).value("folds", self.name, *key)
        return self.trimmed(value)

    @staticmethod
    def trimmed(value: Value) -> Value:
        if not isinstance(value, Decimal) or int(value.as_tuple().exponent) >= -exact.SCALE:
            return value
        return stored(value)

    def limit(self, *key: str) -> Value:
        """One of the fold's expressions over unit names."""
        return self.trimmed(self.unit.frame.value("folds", self.name, *key))

    # ── entries ─────────────────────────────────────────────────────────────────────────────────

    @property
    def grade(self) -> Grade:
        return self.setting.provenance.fold(self.name)

    def write(self, kind: str, grade: Grade | None = None, **columns: Any) -> None:
        row = self.into.key if self.into else None
        self.unit.write(self.name, kind, grade or self.grade, row=row, **columns)

    def write_difference(self, kind: str, share: Decimal, **columns: Any) -> None:
        """A closing entry, when there is something to close."""
        if share != 0:
            self.write(kind, share=share, **columns)

    def read(self, value: Value, rows: list[Row], giver: Row | None = None) -> Value:
        """The entry of a value that is read rather than added up; gives the value back."""
        grade = Grade.weakest(self.grade, *(row.grade for row in rows))
        self.write("read", grade, record=giver.key if giver else None, **answer_columns(value))
        return value

    def value(self) -> Value:
        """The fold's value; writes its entries."""
        operation = next(one for one in _OPERATIONS if getattr(self.fold, one) not in (None, False))
        return _OPERATIONS[operation](self)


# ── sums ────────────────────────────────────────────────────────────────────────────────────────


def _sum(folding: _Folding) -> Decimal:
    start = folding.limit("start") or NOTHING
    folding.write_difference("start", start)
    hits = folding.hits(folding.fold.sum or ())
    total = start
    for hit in hits:
        write_hit(folding.unit, folding.name, hit, hit.points, folding.into.key if folding.into else None)
        total += hit.points if hit.winner is None else NOTHING
    for hit, excess in _excesses(folding, [hit for hit in hits if hit.winner is None]):
        folding.write("cap", hit.grade, clause=hit.clause, share=excess)
        total += excess
    return _bounded(folding, total)


def _excesses(folding: _Folding, hits: list[Hit]) -> Iterator[tuple[Hit, Decimal]]:
    """For each occasion of a capped clause: a hit of it, and what the cap gives back."""
    for clause in dict.fromkeys(hit.clause for hit in hits):
        cap = folding.setting.meaning.book.clauses[clause].cap
        if cap is None:
            continue
        limit = folding.unit.frame.value("clauses", clause, "cap", "limit")
        for group in groups([hit for hit in hits if hit.clause == clause], cap.per):
            excess = sum((abs(hit.points) for hit in group), NOTHING) - limit
            if excess > 0:
                yield group[0], -excess if sum(hit.points for hit in group) > 0 else excess


def _bounded(folding: _Folding, total: Decimal) -> Decimal:
    for kind, choose in (("ceiling", min), ("floor", max)):
        limit: Decimal | None = folding.limit(kind)
        if limit is not None:
            after: Decimal = choose(total, limit)
            folding.write_difference(kind, after - total)
            total = after
    return total


def _running(folding: _Folding) -> Decimal:
    running = folding.fold.running
    assert running is not None
    balance: Decimal = folding.limit("running", "start")
    folding.write_difference("start", balance)
    left = _Allowance(folding)
    balances = [balance]
    for hit in folding.hits(running.clauses):
        share = left.take(hit) if hit.winner is None else NOTHING
        write_hit(folding.unit, folding.name, hit, share, folding.into.key if folding.into else None)
        if hit.winner is not None:
            continue
        after = _clamped(folding, balance + share)
        where = {"clause": hit.clause, "record": hit.row.key, "day": hit.row.day}
        folding.write_difference("clamp", after - balance - share, **where)
        balance = after
        balances.append(balance)
    folding.unit.run_of[folding.name] = balances
    return balance


def _clamped(folding: _Folding, balance: Decimal) -> Decimal:
    ceiling, floor = folding.limit("running", "ceiling"), folding.limit("running", "floor")
    if ceiling is not None:
        balance = min(balance, ceiling)
    return balance if floor is None else max(balance, floor)


class _Allowance:
    """What is left of the caps of clauses along a run: hits count until the limit is used up."""

    def __init__(self, folding: _Folding) -> None:
        self.folding = folding
        self.used: dict[tuple[Any, ...], Decimal] = {}

    def take(self, hit: Hit) -> Decimal:
        """How much of the hit counts, signed."""
        cap = self.folding.setting.meaning.book.clauses[hit.clause].cap
        if cap is None:
            return hit.points
        occasion = tuple(hit.key_of(column) for column in cap.per)
        key = (hit.clause, *occasion) if None not in occasion else (id(hit),)
        limit = self.folding.unit.frame.value("clauses", hit.clause, "cap", "limit")
        used = self.used.get(key, NOTHING)
        counts = min(abs(hit.points), max(limit - used, NOTHING))
        self.used[key] = used + counts
        return Decimal(counts if hit.points > 0 else -counts)


# ── means ───────────────────────────────────────────────────────────────────────────────────────


def _mean(folding: _Folding) -> Decimal | None:
    pairs = folding.pairs("mean")
    if folding.fold.weight is None:
        return _weighted(folding, [(row, value, ONE) for row, value in pairs])
    weighed = [(row, value, folding.of(row, "weight")) for row, value in pairs]
    return _weighted(folding, [(row, value, weight) for row, value, weight in weighed if weight is not None])


def _worst_weighted(folding: _Folding) -> Decimal | None:
    pairs = sorted(folding.pairs("worst_weighted"), key=lambda pair: (-pair[1], *pair[0].order))
    return _weighted(folding, [(row, value, Decimal(place)) for place, (row, value) in enumerate(pairs, 1)])


def _weighted(folding: _Folding, parts: list[tuple[Row, Decimal, Decimal]]) -> Decimal | None:
    """Σ w·x ÷ Σ w, an entry for each row and one that closes what the quotients lost."""
    weights = sum((weight for _, _, weight in parts), NOTHING)
    value = exact.quotient(sum((x * weight for _, x, weight in parts), NOTHING), weights)
    shares = NOTHING
    for row, x, weight in parts:
        share = exact.quotient(x * weight, weights)
        shares += share or NOTHING
        _write_row(folding, row, raw=x, weight=weight, share=share)
    if value is not None:
        folding.write_difference("rounding", value - shares)
    return value


def _write_row(folding: _Folding, row: Row, **numbers: Decimal | None) -> None:
    """One row of a mean; in a ``per`` fold ``row`` is the row into which it goes."""
    grade = Grade.weakest(folding.grade, row.grade)
    folding.write("row", grade, record=row.key, day=row.day, **numbers)


# ── reads ───────────────────────────────────────────────────────────────────────────────────────


def _total(folding: _Folding) -> Value:
    pairs = folding.pairs("total")
    total = sum((value for _, value in pairs), NOTHING) if pairs else None
    return folding.read(total, [row for row, _ in pairs])


def _count(folding: _Folding) -> Value:
    rows = folding.rows()
    return folding.read(Decimal(len(rows)), rows)


def _distinct(folding: _Folding) -> Value:
    pairs = folding.pairs("distinct")
    return folding.read(Decimal(len({value for _, value in pairs})), [row for row, _ in pairs])


def _ranked(folding: _Folding, pairs: list[tuple[Row, Value]]) -> list[tuple[Row, Value, Any]]:
    """Rows with what they are ordered by: levels by their set (better is more), all else by itself."""
    key = "min" if folding.fold.min is not None else "max"
    node = folding.setting.meaning.expression("folds", folding.name, key)
    if node is None or not is_level(node):
        return [(row, value, value) for row, value in pairs]
    levels = levels_of(node, folding.unit.frame)
    ranks = [(row, value, rank(value, levels)) for row, value in pairs]
    return [(row, value, -place) for row, value, place in ranks if place is not None]


def _extreme(key: str, choose: Callable[[list[Any]], Any]) -> Callable[[_Folding], Value]:
    def fold(folding: _Folding) -> Value:
        ranked = _ranked(folding, folding.pairs(key))
        if not ranked:
            return folding.read(None, [])
        best = choose([measure for _, _, measure in ranked])
        giver, value = next((row, value) for row, value, measure in ranked if measure == best)
        return folding.read(value, [row for row, _, _ in ranked], giver)

    return fold


def _end(key: str, place: int) -> Callable[[_Folding], Value]:
    def fold(folding: _Folding) -> Value:
        pairs = folding.pairs(key)
        if not pairs:
            return folding.read(None, [])
        giver, value = pairs[place]
        return folding.read(value, [giver], giver)

    return fold


def _ratio(folding: _Folding) -> Value:
    parts = [(row, folding.of(row, "ratio", 0), folding.of(row, "ratio", 1)) for row in folding.rows()]
    parts = [(row, above, below) for row, above, below in parts if above is not None and below is not None]
    above = sum((one for _, one, _ in parts), NOTHING)
    below = sum((one for _, _, one in parts), NOTHING)
    return folding.read(exact.quotient(above, below), [row for row, _, _ in parts])


def _share(folding: _Folding) -> Value:
    rows = folding.rows()
    held = sum(1 for row in rows if folding.of(row, "share") is True)
    return folding.read(exact.quotient(Decimal(held), Decimal(len(rows))), rows)


def _tally(folding: _Folding) -> Value:
    hits = [hit for hit in folding.hits(folding.fold.tally or ()) if hit.winner is None]
    rows = [hit.row for hit in hits]
    if folding.fold.distinct is None:
        return folding.read(Decimal(len(hits)), rows)
    values = {value for row in rows if (value := folding.of(row, "distinct")) is not None}
    return folding.read(Decimal(len(values)), rows)


def _crossings(folding: _Folding) -> Value:
    balances = folding.unit.run_of.get(str(folding.fold.crossings), [])
    line = folding.limit("at_or_below")
    falls = sum(1 for before, after in pairwise(balances) if after <= line < before)
    return folding.read(Decimal(falls), [])


_OPERATIONS: dict[str, Callable[[_Folding], Value]] = {
    "sum": _sum,
    "running": _running,
    "tally": _tally,
    "mean": _mean,
    "worst_weighted": _worst_weighted,
    "total": _total,
    "count": _count,
    "distinct": _distinct,
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "first": _end("first", 0),
    "last": _end("last", -1),
    "ratio": _ratio,
    "share": _share,
    "crossings": _crossings,
}
"""Operations by their key; ``tally`` stands before ``distinct``, which may go with it."""
