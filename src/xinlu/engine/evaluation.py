"""The value of a typed expression, node by node.

Missing is ``None`` and behaves as in SQL: arithmetic and comparison on it are missing, ``and``/``or`` know
three values, and a condition that is missing does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from xinlu.engine import exact
from xinlu.law.expression import Node
from xinlu.law.interval import Interval, parse_interval
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Table, TableRow
from xinlu.law.types import Type
from xinlu.law.typing_rules import Ref

Value = Any
"""Decimal or int, str (text, level), date, bool, tuple or list, or None for missing."""


@dataclass(frozen=True)
class Frame:
    """What the names of an expression hold: for each space of :class:`Ref` its names and values.

    In the space ``attr`` a name is written ``alias.name``.
    """

    meaning: Meaning
    spaces: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def with_(self, **spaces: Mapping[str, Value]) -> Frame:
        """The same frame with some spaces replaced."""
        return replace(self, spaces={**self.spaces, **spaces})

    def read(self, ref: Ref) -> Value:
        """What the name holds now; missing when nobody has set it."""
        if ref.space == "param":
            return self.meaning.book.parameters[ref.name].value
        name = str(ref) if ref.space == "attr" else ref.name
        return self.spaces.get(ref.space, {}).get(name)

    def value(self, *path: str | int) -> Value:
        """The value of the book's expression at ``path``; missing when the book has none there."""
        node = self.meaning.expression(*path)
        return None if node is None else evaluate(node, self)

    def holds(self, *path: str | int) -> bool:
        """Whether the book's condition at ``path`` holds; a condition that the book leaves out does."""
        return self.meaning.expression(*path) is None or self.value(*path) is True


def evaluate(node: Node, frame: Frame) -> Value:
    """The value of ``node`` in ``frame``."""
    return _OPERATIONS[node.op](node, frame)


def rank(level: Value, levels: tuple[str, ...]) -> int | None:
    """1 for the best level, 2 for the next …; missing for a missing level or one outside of the set.

    >>> rank("A", ("AA", "A")), rank("X", ("AA", "A"))
    (2, None)
    """
    return levels.index(level) + 1 if level in levels else None


def levels_of(node: Node, frame: Frame) -> tuple[str, ...]:
    """The level set of a node of level type, best first; the book's where the type leaves it open."""
    found = node.type.levels if isinstance(node.type, Type) else None
    return found or tuple(one.level for one in frame.meaning.book.levels)


def _values(node: Node, frame: Frame) -> list[Value]:
    return [evaluate(arg, frame) for arg in node.args]


def _strict(function: Callable[..., Value]) -> Callable[[Node, Frame], Value]:
    """Missing when an argument is missing, else the function of the arguments."""

    def apply(node: Node, frame: Frame) -> Value:
        values = _values(node, frame)
        return None if any(one is None for one in values) else function(*values)

    return apply


def is_level(node: Node) -> bool:
    """Whether a node is of level type."""
    return isinstance(node.type, Type) and node.type.kind == "level"


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Node, Frame], Value]:
    def apply(node: Node, frame: Frame) -> Value:
        left, right = _values(node, frame)
        if is_level(node.args[0]):
            # A better level is "greater": ranks count from the best, so they turn round.
            right, left = (rank(one, levels_of(node.args[0], frame)) for one in (left, right))
        return None if left is None or right is None else test(left, right)

    return apply


def _and(node: Node, frame: Frame) -> Value:
    left, right = _values(node, frame)
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _or(node: Node, frame: Frame) -> Value:
    left, right = _values(node, frame)
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def _in(node: Node, frame: Frame) -> Value:
    sought, *options = _values(node, frame)
    if sought is None:
        return None
    if sought in [one for one in options if one is not None]:
        return True
    return None if None in options else False


def _case(node: Node, frame: Frame) -> Value:
    for when, then in zip(node.args[:-1:2], node.args[1:-1:2], strict=True):
        if evaluate(when, frame) is True:
            return evaluate(then, frame)
    return evaluate(node.args[-1], frame)


def _coalesce(node: Node, frame: Frame) -> Value:
    return next((one for one in _values(node, frame) if one is not None), None)


def _quotient(a: Decimal, b: Decimal, scale: Decimal = Decimal(exact.SCALE)) -> Value:
    return exact.quotient(a, b, int(scale))


def _step(node: Node, frame: Frame) -> Value:
    level, count = _values(node, frame)
    levels = levels_of(node.args[0], frame)
    place = rank(level, levels)
    if place is None or count is None:
        return None
    return levels[min(max(place - 1 - int(count), 0), len(levels) - 1)]


def _extreme_level(choose: Callable[[Iterable[int]], int]) -> Callable[[Node, Frame], Value]:
    def apply(node: Node, frame: Frame) -> Value:
        levels = next((levels_of(arg, frame) for arg in node.args if is_level(arg)), ())
        ranks = [rank(one, levels) for one in _values(node, frame)]
        known = [one for one in ranks if one is not None]
        return None if len(known) < len(ranks) else levels[choose(known) - 1]

    return apply


# ── tables ──────────────────────────────────────────────────────────────────────────────────────

_interval: Callable[[str], Interval] = lru_cache(maxsize=4096)(parse_interval)


def _lookup(node: Node, frame: Frame) -> Value:
    name, *keys = _values(node, frame)
    if any(key is None for key in keys):
        return None
    table = frame.meaning.book.tables[name]
    index = next((i for i, row in enumerate(table.rows) if _fits(table, row, keys)), None)
    if index is None:
        return table.otherwise
    if table.rows[index].expr is not None:
        return frame.with_(x={"x": keys[0]}).value("tables", name, "rows", index, "expr")
    return table.rows[index].value


def _fits(table: Table, row: TableRow, keys: list[Value]) -> bool:
    if table.by == "number":
        return row.interval is not None and _interval(row.interval).contains(Decimal(keys[0]))
    return list(row.when) == keys


# ── dispatch ────────────────────────────────────────────────────────────────────────────────────

_CALLS: dict[str, Callable[[Node, Frame], Value]] = {
    "quotient": _strict(_quotient),
    "round": _strict(lambda x, digits: exact.rounded(x, int(digits))),
    "floor": _strict(exact.floor),
    "ceil": _strict(lambda x: -exact.floor(-x)),
    "abs": _strict(abs),
    "sqrt": _strict(exact.sqrt),
    "steps": _strict(exact.steps),
    "least": _strict(min),
    "greatest": _strict(max),
    "coalesce": _coalesce,
    "present": lambda node, frame: evaluate(node.args[0], frame) is not None,
    "missing": lambda node, frame: evaluate(node.args[0], frame) is None,
    "add_months": _strict(exact.add_months),
    "add_days": _strict(exact.add_days),
    "days_between": _strict(lambda a, b: Decimal((b - a).days)),
    "months_between": _strict(lambda a, b: Decimal(exact.months_between(a, b))),
    "year": _strict(lambda day: Decimal(day.year)),
    "month": _strict(lambda day: Decimal(day.month)),
    "lookup": _lookup,
    "step": _step,
    "worst": _extreme_level(max),
    "best": _extreme_level(min),
    "contains": _strict(lambda whole, part: part in whole),
    "size": _strict(lambda whole: Decimal(len(whole))),
    "starts_with": _strict(lambda text, start: text.startswith(start)),
}


def _constant(node: Node, frame: Frame) -> Value:  # noqa: ARG001 - one signature for every operation
    return node.value


_OPERATIONS: dict[str, Callable[[Node, Frame], Value]] = {
    **dict.fromkeys(("number", "text", "date", "flag", "null"), _constant),
    "ref": lambda node, frame: frame.read(node.value),  # type: ignore[arg-type]
    "neg": _strict(lambda a: -a),
    "+": _strict(lambda a, b: a + b),
    "-": _strict(lambda a, b: a - b),
    "*": _strict(lambda a, b: a * b),
    "=": _strict(lambda a, b: a == b),
    "<>": _strict(lambda a, b: a != b),
    "<": _ordered(lambda a, b: a < b),
    "<=": _ordered(lambda a, b: a <= b),
    ">": _ordered(lambda a, b: a > b),
    ">=": _ordered(lambda a, b: a >= b),
    "and": _and,
    "or": _or,
    "not": _strict(lambda a: not a),
    "in": _in,
    "is_null": lambda node, frame: evaluate(node.args[0], frame) is None,
    "case": _case,
    "call": lambda node, frame: _CALLS[str(node.value)](node, frame),
}
