"""The shape of the tables that the engine reads (``docs/architecture.md``, "Tables"), as Arrow schemas.

The columnar copy, a facts file and the generators of the tests all make tables of these shapes.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from xinlu.law.catalogue import Catalogue, Field, FieldType, Item, SubjectKind

NUMBER_DIGITS: Final = 18
"""Digits of a number whose catalogue entry names none."""

_KNOWN: Final = (
    pa.field("recorded_at", pa.timestamp("us"), nullable=False),
    pa.field("superseded_at", pa.timestamp("us")),
)
_PLAIN: Final = {
    FieldType.TEXT: pa.string(),
    FieldType.CODE: pa.string(),
    FieldType.LEVEL: pa.string(),
    FieldType.DATE: pa.date32(),
    FieldType.YES_NO: pa.bool_(),
}

RELATION_SCHEMA: Final = pa.schema(
    [
        pa.field("relation", pa.string(), nullable=False),
        pa.field("from_subject", pa.int64(), nullable=False),
        pa.field("to_subject", pa.int64(), nullable=False),
        pa.field("valid_from", pa.date32(), nullable=False),
        pa.field("valid_until", pa.date32()),
        *_KNOWN,
    ]
)


REMEMBERED = 8
_remembered: dict[int, tuple[Catalogue, dict[str, pa.Table]]] = {}


def arrow_type(field: Field) -> pa.DataType:
    """The Arrow type of a catalogue field; ``many`` makes a list.

    >>> arrow_type(Field(name="fine", title="罚款", type="number", digits=18, scale=6))
    Decimal128Type(decimal128(18, 6))
    """
    if field.type is FieldType.NUMBER:
        plain = pa.decimal128(field.digits or NUMBER_DIGITS, field.scale)
    else:
        plain = _PLAIN[field.type]
    return pa.list_(plain) if field.many else plain


def subject_schema(kind: SubjectKind) -> pa.Schema:
    """Columns of ``subject_<kind>``: one row per period of equal attributes."""
    return pa.schema(
        [
            pa.field("subject", pa.int64(), nullable=False),
            pa.field("name", pa.string()),
            pa.field("region", pa.string()),
            pa.field("valid_from", pa.date32(), nullable=False),
            pa.field("valid_until", pa.date32()),
            *_KNOWN,
            *(pa.field(a.name, arrow_type(a)) for a in kind.attributes),
        ]
    )


def item_schema(item: Item) -> pa.Schema:
    """Columns of ``item_<item>``: one row per version of a record."""
    roles = (pa.field(f"role_{r.name}", pa.list_(pa.int64()) if r.many else pa.int64()) for r in item.roles)
    return pa.schema(
        [
            pa.field("record", pa.int64(), nullable=False),
            pa.field("parent", pa.int64()),
            *roles,
            pa.field("occurred_on", pa.date32(), nullable=False),
            pa.field("effective_from", pa.date32(), nullable=False),
            pa.field("effective_until", pa.date32()),
            *_KNOWN,
            *(pa.field(f.name, arrow_type(f)) for f in item.fields),
        ]
    )


def schemas(catalogue: Catalogue) -> dict[str, pa.Schema]:
    """Every table of a catalogue by name, in a fixed order."""
    return {name: table.schema for name, table in empty_tables(catalogue).items()}


def empty_tables(catalogue: Catalogue) -> dict[str, pa.Table]:
    """Every table of a catalogue without rows, in a fixed order. Made once for a catalogue: a case of five rows asks
    for all tables, and most items are read by no book."""
    known = _remembered.get(id(catalogue))
    if known is None or known[0] is not catalogue:
        made = {
            **{f"subject_{name}": subject_schema(kind) for name, kind in catalogue.kinds.items()},
            "relation": RELATION_SCHEMA,
            **{f"item_{name}": item_schema(item) for name, item in catalogue.items.items()},
        }
        known = catalogue, {name: schema.empty_table() for name, schema in made.items()}
        if len(_remembered) >= REMEMBERED:
            _remembered.clear()
        _remembered[id(catalogue)] = known
    return dict(known[1])
