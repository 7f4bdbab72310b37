"""Typed expressions to SQL text, over the primitives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from xinlu.engine.compile import primitives as p
from xinlu.law.expression import Node
from xinlu.law.interval import Interval, parse_interval
from xinlu.law.rulebook import Table
from xinlu.law.types import QUOTIENT_SCALE, Type
from xinlu.law.typing_rules import Ref

Columns = Callable[[Ref], str]
"""Gives the SQL of a reference."""


@dataclass(frozen=True)
class Scalar:
    """Writes expressions of one book. ``tables``: its lookup tables; ``pieces``: typed piecewise expressions."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    pieces: Mapping[tuple[str, int], Node] = field(default_factory=dict)

    def sql(self, node: Node, columns: Columns) -> str:
        """SQL text of a typed tree; ``columns`` gives the SQL of names."""
        if node.op == "call":
            return _CALLS[str(node.value)](self, node, columns)
        if node.op == "ref":
            assert isinstance(node.value, Ref)
            return columns(node.value)
        if node.op in _CONSTANTS:
            return _CONSTANTS[node.op](node.value)
        return _OPERATORS[node.op](self, node, columns)

    def all(self, node: Node, columns: Columns) -> list[str]:
        """SQL text of every argument."""
        return [self.sql(arg, columns) for arg in node.args]

    def lookup(self, table_name: str, keys: list[str], found: Type, columns: Columns) -> str:
        """A table as CASE: equality of keys, or the interval of one number."""
        table = self.tables[table_name]
        lines = []
        for index, row in enumerate(table.rows):
            if table.by == "number":
                test = in_interval(keys[0], parse_interval(row.interval or "")) if row.interval else "TRUE"
            else:
                test = " AND ".join(f"({k}) = {constant(v)}" for k, v in zip(keys, row.when, strict=True)) or "TRUE"
            lines.append(f"WHEN {test} THEN {_as(found, self.piece(table_name, index, keys[0], columns))}")
        otherwise = f" ELSE {_as(found, constant(table.otherwise))}" if table.otherwise is not None else ""
        # A missing key is no key: without this the ELSE would answer for it.
        absent = " OR ".join(f"({key}) IS NULL" for key in keys)
        return f"(CASE WHEN {absent} THEN NULL {' '.join(lines)}{otherwise} END)"

    def piece(self, table_name: str, index: int, x: str, columns: Columns) -> str:
        node = self.pieces.get((table_name, index))
        value = self.tables[table_name].rows[index].value
        if node is not None:
            return self.sql(node, lambda ref: f"({x})" if ref.space == "x" else columns(ref))
        return constant(value) if value is not None else "NULL"


def constant(value: object) -> str:
    """SQL text of a parameter, table key or table value."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Decimal):
        return p.number_literal(value)
    if isinstance(value, date):
        return p.date_literal(value)
    return p.text_literal(str(value))


def in_interval(sql: str, interval: Interval) -> str:
    """Whether a number lies in an interval."""
    tests = []
    if interval.low is not None:
        tests.append(f"({sql}) {'>=' if interval.low_closed else '>'} {p.number_literal(interval.low)}")
    if interval.high is not None:
        tests.append(f"({sql}) {'<=' if interval.high_closed else '<'} {p.number_literal(interval.high)}")
    return " AND ".join(tests) or "TRUE"


def _type(node: Node) -> Type:
    assert isinstance(node.type, Type)
    return node.type


def _binary(writer: Scalar, node: Node, columns: Columns) -> str:
    left, right = writer.all(node, columns)
    return f"({left} {node.op} {right})"


def _comparison(writer: Scalar, node: Node, columns: Columns) -> str:
    left, right = writer.all(node, columns)
    found = _type(node.args[0])
    if found.kind == "level" and found.levels and node.op not in {"=", "<>"}:
        left, right = p.rank(left, found.levels), p.rank(right, found.levels)
    return f"({left} {node.op} {right})"


def _as(found: Type, sql: str) -> str:
    """A branch cast to the type of the whole: DuckDB would cut the digits of mixed decimals."""
    return f"CAST({sql} AS {p.sql_type(found)})" if found.kind == "number" else sql


def _case(writer: Scalar, node: Node, columns: Columns) -> str:
    parts = writer.all(node, columns)
    parts = [_as(_type(node), one) if i % 2 or i == len(parts) - 1 else one for i, one in enumerate(parts)]
    lines = " ".join(f"WHEN {w} THEN {t}" for w, t in zip(parts[:-1:2], parts[1:-1:2], strict=True))
    return f"(CASE {lines} ELSE {parts[-1]} END)"


def _in(writer: Scalar, node: Node, columns: Columns) -> str:
    item, *options = writer.all(node, columns)
    return f"({item} IN ({', '.join(options)}))"


_CONSTANTS: dict[str, Callable[[object], str]] = {
    "number": constant,
    "text": constant,
    "date": constant,
    "flag": constant,
    "null": lambda value: "NULL",
}

_OPERATORS: dict[str, Callable[[Scalar, Node, Columns], str]] = {
    "+": _binary,
    "-": _binary,
    "*": _binary,
    **dict.fromkeys(("=", "<>", "<", "<=", ">", ">="), _comparison),
    "and": lambda w, n, c: f"({' AND '.join(w.all(n, c))})",
    "or": lambda w, n, c: f"({' OR '.join(w.all(n, c))})",
    "not": lambda w, n, c: f"(NOT {w.sql(n.args[0], c)})",
    "neg": lambda w, n, c: f"(-{w.sql(n.args[0], c)})",
    "is_null": lambda w, n, c: f"({w.sql(n.args[0], c)} IS NULL)",
    "in": _in,
    "case": _case,
}


def _quotient(writer: Scalar, node: Node, columns: Columns) -> str:
    a, b = (writer.sql(arg, columns) for arg in node.args[:2])
    scale = _type(node).scale if len(node.args) == 3 else QUOTIENT_SCALE
    return p.quotient(a, _type(node.args[0]).scale, b, _type(node.args[1]).scale, scale)


def _round(writer: Scalar, node: Node, columns: Columns) -> str:
    found = _type(node.args[0])
    return p.rounded(writer.sql(node.args[0], columns), found.digits, found.scale, _type(node).scale)


def _steps(writer: Scalar, node: Node, columns: Columns) -> str:
    a, b = writer.all(node, columns)
    return p.steps(a, _type(node.args[0]).scale, b, _type(node.args[1]).scale)


def _coalesce(writer: Scalar, node: Node, columns: Columns) -> str:
    return f"coalesce({', '.join(_as(_type(node), part) for part in writer.all(node, columns))})"


def _extreme(name: str) -> Callable[[Scalar, Node, Columns], str]:
    def write(writer: Scalar, node: Node, columns: Columns) -> str:
        return p.extreme(name, [_as(_type(node), part) for part in writer.all(node, columns)])

    return write


def _step(writer: Scalar, node: Node, columns: Columns) -> str:
    level, count = writer.all(node, columns)
    levels = _type(node).levels or ()
    # A level outside of the set has no rank and no step.
    moved = f"{p.rank(level, levels)} + ({count})"
    return f"(CASE WHEN {moved} IS NULL THEN NULL ELSE {p.unrank(moved, levels)} END)"


def _better(pick: str) -> Callable[[Scalar, Node, Columns], str]:
    def write(writer: Scalar, node: Node, columns: Columns) -> str:
        levels = _type(node).levels or ()
        ranks = [p.rank(part, levels) for part in writer.all(node, columns)]
        chosen = p.extreme(pick, ranks)
        return f"(CASE WHEN {chosen} IS NULL THEN NULL ELSE {p.unrank(chosen, levels)} END)"

    return write


def _lookup(writer: Scalar, node: Node, columns: Columns) -> str:
    keys = [writer.sql(arg, columns) for arg in node.args[1:]]
    return writer.lookup(str(node.args[0].value), keys, _type(node), columns)


_CALLS: dict[str, Callable[[Scalar, Node, Columns], str]] = {
    "quotient": _quotient,
    "round": _round,
    "floor": lambda w, n, c: p.floored(w.sql(n.args[0], c), _type(n.args[0]).scale),
    "ceil": lambda w, n, c: p.ceiled(w.sql(n.args[0], c), _type(n.args[0]).scale),
    "abs": lambda w, n, c: f"abs({w.sql(n.args[0], c)})",
    "sqrt": lambda w, n, c: p.root(w.sql(n.args[0], c), _type(n.args[0]).scale, QUOTIENT_SCALE),
    "steps": _steps,
    "least": _extreme("least"),
    "greatest": _extreme("greatest"),
    "coalesce": _coalesce,
    "present": lambda w, n, c: f"({w.sql(n.args[0], c)} IS NOT NULL)",
    "missing": lambda w, n, c: f"({w.sql(n.args[0], c)} IS NULL)",
    "add_months": lambda w, n, c: p.add_months(*w.all(n, c)),
    "add_days": lambda w, n, c: p.add_days(*w.all(n, c)),
    "days_between": lambda w, n, c: p.days_between(*w.all(n, c)),
    "months_between": lambda w, n, c: p.months_between(*w.all(n, c)),
    "year": lambda w, n, c: f"CAST(year({w.sql(n.args[0], c)}) AS DECIMAL(4, 0))",
    "month": lambda w, n, c: f"CAST(month({w.sql(n.args[0], c)}) AS DECIMAL(4, 0))",
    "lookup": _lookup,
    "step": _step,
    "worst": _better("least"),
    "best": _better("greatest"),
    "contains": lambda w, n, c: "list_contains({}, {})".format(*w.all(n, c)),
    "starts_with": lambda w, n, c: "starts_with({}, {})".format(*w.all(n, c)),
    "size": lambda w, n, c: f"CAST(len({w.sql(n.args[0], c)}) AS DECIMAL(18, 0))",
}
