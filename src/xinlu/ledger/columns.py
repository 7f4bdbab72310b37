"""Columns of the columnar copy, as ``docs/architecture.md`` lists them, and the SQL that makes them from raw rows.

Text becomes what the catalogue says it is: number → DECIMAL(digits, scale), date → DATE, yes/no → BOOLEAN,
``many`` → a list. What cannot become it stops the query with an error that names the record: nothing is rounded,
guessed or left out.
"""

# Names of the catalogue are quoted, texts are literals.
# ruff: noqa: S608
from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa

from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.law.catalogue import Catalogue, Field, FieldType, Item, Role, SubjectKind
from xinlu.ledger.stage import further_roles

TIME = pa.timestamp("us")
KNOWN = [("recorded_at", TIME), ("superseded_at", TIME)]
VALID = [("valid_from", pa.date32()), ("valid_until", pa.date32())]
RELATION = pa.schema(
    [("relation", pa.string()), ("from_subject", pa.int64()), ("to_subject", pa.int64()), *VALID, *KNOWN]
)


def field_type(field: Field) -> pa.DataType:
    """The column type of a field."""
    one = {
        FieldType.NUMBER: pa.decimal128(field.digits or 38, field.scale),
        FieldType.DATE: pa.date32(),
        FieldType.YES_NO: pa.bool_(),
    }.get(field.type, pa.string())
    return pa.list_(one) if field.many else one


def subject_schema(kind: SubjectKind) -> pa.Schema:
    """Columns of ``subject_<kind>``."""
    return pa.schema(
        [
            ("subject", pa.int64()),
            ("name", pa.string()),
            ("region", pa.string()),
            *VALID,
            *KNOWN,
            *((field.name, field_type(field)) for field in kind.attributes),
        ]
    )


def item_schema(item: Item) -> pa.Schema:
    """Columns of ``item_<item>``."""
    return pa.schema(
        [
            ("record", pa.int64()),
            ("parent", pa.int64()),
            *((f"role_{role.name}", _role_type(role)) for role in item.roles),
            ("occurred_on", pa.date32()),
            ("effective_from", pa.date32()),
            ("effective_until", pa.date32()),
            *KNOWN,
            *((field.name, field_type(field)) for field in item.fields),
        ]
    )


def schemas(catalogue: Catalogue) -> dict[str, pa.Schema]:
    """Every table of the columnar copy."""
    return {
        **{f"subject_{kind.kind}": subject_schema(kind) for kind in catalogue.kinds.values()},
        "relation": RELATION,
        **{f"item_{item.item}": item_schema(item) for item in catalogue.items.values()},
    }


def subject_query(kind: SubjectKind, rows: str) -> str:
    """DuckDB SELECT of ``subject_<kind>`` from ``rows``, a relation of raw periods (:data:`xinlu.ledger.stage.PERIOD`).

    Of several rows with one key, which differ only in when they were superseded, the last one written holds.
    """
    fields = _fields(kind.attributes, "subject")
    return (
        f"SELECT subject, name, region, {_valid()}, {_known()}{fields} "
        f"FROM {_parsed(rows, 'attributes', kind.attributes)} r "
        "QUALIFY row_number() OVER (PARTITION BY subject, r.valid_from, r.recorded_at ORDER BY r.id DESC) = 1"
    )


def relation_query(rows: str) -> str:
    """DuckDB SELECT of ``relation`` from raw relations, of equal keys the last one written."""
    key = "relation, from_subject, to_subject, r.valid_from, r.recorded_at"
    return (
        f"SELECT relation, from_subject, to_subject, {_valid()}, {_known()} FROM {rows} r "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY r.id DESC) = 1"
    )


def item_query(item: Item, rows: str, roles: str | None) -> str:
    """DuckDB SELECT of ``item_<item>`` from raw versions and, where the item has further roles, from raw roles.

    A role that names one subject takes the lowest number, should a version name several.
    """
    further = further_roles(item)
    named = []
    for place, role in enumerate(item.roles):
        if role.name not in further:
            source = "r.subject"
        elif roles is None:
            source = f"CAST(NULL AS {'BIGINT[]' if role.many else 'BIGINT'})"
        else:
            source = f"g.g{place}"
        named.append(f", {source} AS {identifier('role_' + role.name)}")
    joined = ""
    if further and roles is not None:
        gathered = ", ".join(
            f"{'list(subject ORDER BY subject)' if role.many else 'min(subject)'} "
            f"FILTER (WHERE role = {text_literal(role.name)}) AS g{place}"
            for place, role in enumerate(item.roles)
            if role.name in further
        )
        joined = f" LEFT JOIN (SELECT version, {gathered} FROM {roles} GROUP BY version) g ON g.version = r.id"
    dates = ", ".join(
        f"CAST(r.{name} AS DATE) AS {name}" for name in ("occurred_on", "effective_from", "effective_until")
    )
    return (
        f"SELECT r.record, r.parent{''.join(named)}, {dates}, {_known()}{_fields(item.fields, 'record')} "
        f"FROM {_parsed(rows, 'payload', item.fields)} r{joined}"
    )


def _role_type(role: Role) -> pa.DataType:
    return pa.list_(pa.int64()) if role.many else pa.int64()


def _valid() -> str:
    return "CAST(r.valid_from AS DATE) AS valid_from, CAST(r.valid_until AS DATE) AS valid_until"


def _known() -> str:
    return "CAST(r.recorded_at AS TIMESTAMP) AS recorded_at, CAST(r.superseded_at AS TIMESTAMP) AS superseded_at"


def _parsed(rows: str, column: str, fields: Sequence[Field]) -> str:
    """``rows`` with a struct ``said`` of the texts that the JSON in ``column`` holds under the names of ``fields``."""
    if not fields:
        return rows
    shape = json.dumps({field.name: ["VARCHAR"] if field.many else "VARCHAR" for field in fields})
    return f"(SELECT *, from_json({column}, {text_literal(shape)}) AS said, {column} AS whole FROM {rows})"


def _fields(fields: Sequence[Field], number: str) -> str:
    return "".join(f", {_field(field, number)} AS {identifier(field.name)}" for field in fields)


def _field(field: Field, number: str) -> str:
    where = f"'{number} ' || r.{number} || ': {field.name} "
    value = f"r.said.{identifier(field.name)}"
    if not field.many:
        return _typed(field, f"nullif({value}, '')", where)
    one = _typed(field, "one", where)
    listed = value if one == "one" else f"list_transform({value}, lambda one: {one})"
    found = f"r.whole ->> {text_literal('$.' + field.name)}"
    # A text where a list should be would otherwise be read as missing.
    return f"CASE WHEN {value} IS NULL AND {found} <> '' THEN error({where}is no list') ELSE {listed} END"


def _typed(field: Field, text: str, where: str) -> str:
    match field.type:
        case FieldType.NUMBER:
            plain = f"[+-]?[0-9]*([.][0-9]{{0,{field.scale}}}0*)?"
            return (
                f"CASE WHEN {text} IS NULL THEN NULL WHEN regexp_full_match({text}, '{plain}') "
                f"THEN CAST({text} AS DECIMAL({field.digits or 38}, {field.scale})) "
                f"ELSE error({where}is no number of at most {field.scale} digits behind the point') END"
            )
        case FieldType.DATE:
            return f"CAST({text} AS DATE)"
        case FieldType.YES_NO:
            return (
                f"CASE {text} WHEN 'true' THEN true WHEN 'false' THEN false ELSE "
                f"CASE WHEN {text} IS NOT NULL THEN error({where}is neither true nor false') END END"
            )
    return text
