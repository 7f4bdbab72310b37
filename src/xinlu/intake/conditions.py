"""Row checks of the catalogue (``checks`` of an item) as functions of a row, with a sentence for people.

A check fails only when it is false; with a missing value in it that nothing guards it says nothing, as in SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from xinlu.law.catalogue import Catalogue, Field, FieldType, Item
from xinlu.law.expression import Node, parse

Row = Mapping[str, Any]
Part = Callable[[Row], Any]


class NotACheck(ValueError):
    """A check uses something that no row check may use."""


@dataclass(frozen=True)
class Condition:
    """One check: ``fails`` tells of a row of typed values; ``columns`` are the fields that it reads."""

    text: str
    sentence: str
    columns: tuple[str, ...]
    needed: tuple[str, ...]
    """Fields of which the check asks whether they are there."""
    test: Part

    def fails(self, row: Row) -> bool:
        """Whether the check is false of a row (typed values by field; missing ones absent)."""
        return self.test(row) is False


def conditions(item: Item, catalogue: Catalogue) -> tuple[Condition, ...]:
    """The checks of ``item``.

    Raises:
        NotACheck: a function that is not for single rows.
        xinlu.law.expression.ExpressionError: not an expression.
    """
    return tuple(_condition(text, item, catalogue) for text in item.checks)


def _condition(text: str, item: Item, catalogue: Catalogue) -> Condition:
    tree = parse(text)
    names = {one.name: one for one in item.fields}
    said = [node.value for node in tree.walk() if node.op == "name"]
    columns = tuple(dict.fromkeys(str(value[0]) for value in said if isinstance(value, tuple)))
    asked = [node.args[0].value for node in tree.walk() if node.op == "call" and node.value == "present"]
    needed = tuple(str(value[0]) for value in asked if isinstance(value, tuple))
    unknown = [name for name in columns if name not in names]
    if unknown:
        raise NotACheck(f"{item.item}: {text}: no field {unknown[0]}")
    return Condition(text, _Words(names, catalogue).say(tree), columns, needed, compiled(tree))


def typed(one: Field) -> Callable[[Any], Any]:
    """How a payload text of a field becomes a value to compare."""
    single = _TYPES.get(one.type, str)
    if one.many:
        return lambda values: [single(value) for value in values]
    return single


def _is_true(text: str) -> bool:
    return text == "true"


_TYPES: dict[FieldType, Callable[[str], Any]] = {
    FieldType.NUMBER: Decimal,
    FieldType.DATE: date.fromisoformat,
    FieldType.YES_NO: _is_true,
}


# ── compiling ───────────────────────────────────────────────────────────────────────────────────


def compiled(node: Node) -> Part:
    """A function of a row for an expression; None stands for missing."""
    parts = [compiled(one) for one in node.args]
    match node.op:
        case "number" | "text" | "date" | "flag" | "null":
            value = node.value
            return lambda _row: value
        case "name":
            name = node.value[0]  # type: ignore[index]
            return lambda row: row.get(name)
        case "and":
            return lambda row: _all(parts, row)
        case "or":
            return lambda row: _any(parts, row)
        case "not":
            return lambda row: None if (found := parts[0](row)) is None else not found
        case "is_null":
            return lambda row: parts[0](row) is None
        case "in":
            return lambda row: None if (found := parts[0](row)) is None else found in [p(row) for p in parts[1:]]
        case "call":
            return _called(str(node.value), parts)
    if node.op in _OPERATORS:
        return _strict(_OPERATORS[node.op], parts)
    raise NotACheck(f"{node.op} is not for row checks")


def _all(parts: list[Part], row: Row) -> bool | None:
    missing = False
    for part in parts:
        found = part(row)
        if found is False:
            return False
        missing = missing or found is None
    return None if missing else True


def _any(parts: list[Part], row: Row) -> bool | None:
    missing = False
    for part in parts:
        found = part(row)
        if found is True:
            return True
        missing = missing or found is None
    return None if missing else False


def _strict(function: Callable[..., Any], parts: list[Part]) -> Part:
    def apply(row: Row) -> Any:
        values = [part(row) for part in parts]
        return None if None in values else function(*values)

    return apply


def _called(name: str, parts: list[Part]) -> Part:
    if name == "present":
        return lambda row: parts[0](row) is not None
    if name == "missing":
        return lambda row: parts[0](row) is None
    if name == "coalesce":
        return lambda row: next((v for p in parts if (v := p(row)) is not None), None)
    if name not in _FUNCTIONS:
        raise NotACheck(f"{name}() is not for row checks")
    return _strict(_FUNCTIONS[name], parts)


_OPERATORS: dict[str, Callable[..., Any]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "neg": lambda a: -a,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": lambda several, one: one in several,
    "size": lambda several: Decimal(len(several)),
    "abs": abs,
    "least": min,
    "greatest": max,
    "year": lambda day: Decimal(day.year),
    "month": lambda day: Decimal(day.month),
    "days_between": lambda a, b: Decimal((b - a).days),
    "starts_with": lambda text, head: text.startswith(head),
}


# ── saying ──────────────────────────────────────────────────────────────────────────────────────

_SIGNS = {"=": "为", "<>": "不为", "<": "小于", "<=": "不大于", ">": "大于", ">=": "不小于", "and": "且", "or": "或"}
_DAY_SIGNS = {"<": "早于", "<=": "不晚于", ">": "晚于", ">=": "不早于"}


class _Words:
    """A check in words, with titles of fields and names of codes."""

    def __init__(self, fields: Mapping[str, Field], catalogue: Catalogue) -> None:
        self.fields = fields
        self.catalogue = catalogue

    def say(self, node: Node) -> str:
        if node.op in _SIGNS:
            return self._binary(node)
        match node.op:
            case "name":
                return self.fields[node.value[0]].title  # type: ignore[index]
            case "not" if node.args[0].op == "is_null":
                return f"{self.say(node.args[0].args[0])}已填写"
            case "not":
                return f"并非（{self.say(node.args[0])}）"
            case "is_null":
                return f"{self.say(node.args[0])}未填写"
            case "in":
                several = "、".join(self._constant(one, node.args[0]) for one in node.args[1:])
                return f"{self.say(node.args[0])}为 {several} 之一"
            case "call":
                return self._call(node)
        return self._constant(node, None)

    def _binary(self, node: Node) -> str:
        left, right = node.args
        signs = {**_SIGNS, **_DAY_SIGNS} if self._is_day(left) or self._is_day(right) else _SIGNS
        return f"{self.say(left)}{signs[node.op]}{self._constant(right, left)}"

    def _call(self, node: Node) -> str:
        first = self.say(node.args[0])
        match node.value:
            case "present":
                return f"{first}已填写"
            case "missing":
                return f"{first}未填写"
            case "coalesce":
                return first
            case "contains":
                return f"{first}含{self._constant(node.args[1], node.args[0])}"
        return f"{node.value}({'、'.join(self.say(one) for one in node.args)})"

    def _constant(self, node: Node, beside: Node | None) -> str:
        if node.op not in ("text", "number", "date", "flag", "null"):
            return self.say(node) if node.op != "neg" else f"-{self.say(node.args[0])}"
        field = self.fields.get(beside.value[0]) if beside is not None and beside.op == "name" else None  # type: ignore[index]
        if field is not None and field.codes in self.catalogue.code_lists:
            return f"“{self.catalogue.code_lists[field.codes].values.get(str(node.value), node.value)}”"
        return str(node)

    def _is_day(self, node: Node) -> bool:
        field = self.fields.get(node.value[0]) if node.op == "name" else None  # type: ignore[index]
        return field is not None and field.type is FieldType.DATE
