"""Cells of a feed in SQL: what is plainly right is read by the million; everything else goes the way of other rows.

For each field there is a test of the usual spelling and a typed value. A row that fails one test is not wrong yet: it
is read by :class:`xinlu.intake.rows.RecordRows`, as a row of a file is, which gives it its value or its code and
sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.intake.cells import NO, YES
from xinlu.intake.rows import code_spellings
from xinlu.law.catalogue import Catalogue, Field, FieldType, Item
from xinlu.law.expression import Node, parse

INVISIBLE = "\u3000\ufeff\u200b\t\r\n "


@dataclass(frozen=True)
class Cell:
    """SQL of one field: ``value`` (typed, missing when blank) and ``plain`` (whether the value can be trusted)."""

    field: Field
    value: str
    plain: str


def text_of(column: str) -> str:
    """A cell without blanks and invisible signs around it; missing when nothing is left."""
    return f"nullif(trim({column}, {text_literal(INVISIBLE)}), '')"


def cell(field: Field, column: str, catalogue: Catalogue) -> Cell:
    """How cells in ``column`` (SQL of a text without blanks around it) are read for a field."""
    name = sql_type(field)
    if field.many:
        return Cell(field, f"CAST(NULL AS {name})", f"{column} IS NULL")
    match field.type:
        case FieldType.TEXT | FieldType.LEVEL:
            longest = f" AND length({column}) <= {field.length}" if field.length is not None else ""
            plain = f"NOT regexp_matches({column}, '[\u3000\ufeff\u200b]|[0-9][eE][+]'){longest}"
            value = column
        case FieldType.CODE:
            spelt = code_spellings(catalogue.code_lists[str(field.codes)])
            keys = ", ".join(text_literal(one) for one in spelt)
            codes = ", ".join(text_literal(one) for one in spelt.values())
            value = f"element_at(MAP([{keys}], [{codes}]), {column})"
            plain = f"{value} IS NOT NULL"
        case FieldType.NUMBER:
            whole, scale = (field.digits or 38) - field.scale, field.scale
            fraction = rf"([.][0-9]{{1,{scale}}})?" if scale else ""
            plain = rf"regexp_full_match({column}, '[-]?[0-9]{{1,{max(1, whole)}}}{fraction}')"
            value = f"TRY_CAST({column} AS {name})"
        case FieldType.DATE:
            plain = (
                rf"regexp_full_match({column}, '(19|20)\d{{2}}-\d{{2}}-\d{{2}}([T ]\d{{2}}:\d{{2}}.*)?') "
                f"AND TRY_CAST(left({column}, 10) AS DATE) IS NOT NULL AND {column} >= '1901'"
            )
            value = f"TRY_CAST(left({column}, 10) AS DATE)"
        case FieldType.YES_NO:
            yes, no = (", ".join(text_literal(one) for one in sorted(words)) for words in (YES, NO))
            value = f"CASE WHEN {column} IN ({yes}) THEN true WHEN {column} IN ({no}) THEN false END"
            plain = f"{value} IS NOT NULL"
    return Cell(field, value, f"({column} IS NULL OR ({plain}))")


def sql_type(field: Field) -> str:
    """The DuckDB type of a field, as the item's table has it."""
    one = {
        FieldType.NUMBER: f"DECIMAL({field.digits or 38}, {field.scale})",
        FieldType.DATE: "DATE",
        FieldType.YES_NO: "BOOLEAN",
    }.get(field.type, "VARCHAR")
    return f"{one}[]" if field.many else one


def broken_check(item: Item, text: str) -> str:
    """SQL that is true of rows (typed columns) for which a check of the item is false."""
    fields = {one.name: one for one in item.fields}
    return f"({_said(parse(text), fields)}) IS FALSE"


_SIGNS = {"=": "=", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "+": "+", "-": "-", "*": "*"}
_SIGNS |= {"and": "AND", "or": "OR"}


def _said(node: Node, fields: dict[str, Field]) -> str:
    parts = [_said(one, fields) for one in node.args]
    if node.op in _SIGNS:
        left, right = node.args
        for place, (mine, other) in enumerate(((left, right), (right, left))):
            # A day is written as a text beside a field of days.
            if mine.op == "text" and other.op == "name" and _type(other, fields) is FieldType.DATE:
                parts[place] = f"CAST({parts[place]} AS DATE)"
        return f"({parts[0]} {_SIGNS[node.op]} {parts[1]})"
    match node.op:
        case "name":
            return identifier(node.value[0])  # type: ignore[index]
        case "number":
            return str(node.value)
        case "text":
            return text_literal(str(node.value))
        case "date":
            return f"DATE '{node.value}'"
        case "flag":
            return "true" if node.value else "false"
        case "null":
            return "NULL"
        case "not":
            return f"(NOT {parts[0]})"
        case "neg":
            return f"(- {parts[0]})"
        case "is_null":
            return f"({parts[0]} IS NULL)"
        case "in":
            return f"({parts[0]} IN ({', '.join(parts[1:])}))"
        case "call":
            return _called(str(node.value), parts)
    raise NotImplementedError(f"{node.op} in a check of a feed")


def _type(node: Node, fields: dict[str, Field]) -> FieldType | None:
    found = fields.get(node.value[0])  # type: ignore[index]
    return found.type if found else None


def _called(name: str, parts: list[str]) -> str:
    plain = {"present": "({0} IS NOT NULL)", "missing": "({0} IS NULL)", "contains": "list_contains({0}, {1})"}
    plain |= {"size": "len({0})", "days_between": "date_diff('day', {0}, {1})"}
    if name in plain:
        return plain[name].format(*parts)
    if name in ("least", "greatest"):
        there = " AND ".join(f"{one} IS NOT NULL" for one in parts)
        return f"CASE WHEN {there} THEN {name}({', '.join(parts)}) END"
    if name in ("coalesce", "abs", "year", "month", "starts_with"):
        return f"{name}({', '.join(parts)})"
    raise NotImplementedError(f"{name}() in a check of a feed")
