"""Rows of the truth as Arrow tables with the columns of ``docs/architecture.md``.

Text becomes what the catalogue says it is: number → DECIMAL(digits, scale), date → DATE, yes/no → BOOLEAN,
``many`` → a list. A table has its columns even when it has no rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import pyarrow as pa
from django.db.models import F

from xinlu.law.catalogue import Catalogue, Field, FieldType, Item, Role, SubjectKind
from xinlu.ledger.models import Record, RecordRole
from xinlu.registry.models import Relation, SubjectPeriod

BATCH = 5000
_Row = TypeVar("_Row")
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


def subject_rows(kind: SubjectKind, numbers: range) -> pa.Table:
    """All periods of the subjects of ``kind`` whose numbers lie in ``numbers``, by subject and time."""
    rows = (
        SubjectPeriod.objects.filter(subject__kind=kind.kind, subject__gte=numbers.start, subject__lt=numbers.stop)
        .order_by("subject", "valid_from", "recorded_at", "pk")
        .values_list(
            "subject", "name", "region", "valid_from", "valid_until", "recorded_at", "superseded_at", "attributes"
        )
    )
    with _closing(rows.iterator(BATCH)) as found:
        return _table(subject_schema(kind), found, 5, kind.attributes)


def relation_rows(numbers: range) -> pa.Table:
    """All statements of relations whose ``from_subject`` lies in ``numbers``."""
    rows = (
        Relation.objects.filter(from_subject__gte=numbers.start, from_subject__lt=numbers.stop)
        .order_by("from_subject", "relation", "to_subject", "valid_from", "recorded_at", "pk")
        .values_list(
            "relation", "from_subject", "to_subject", "valid_from", "valid_until", "recorded_at", "superseded_at"
        )
    )
    with _closing(rows.iterator(BATCH)) as found:
        return _table(RELATION, found, 5, ())


def item_rows(item: Item, numbers: range) -> pa.Table:
    """All versions of the records of ``item`` whose numbers lie in ``numbers``, by main subject, record and time."""
    found = Record._base_manager.filter(item=item.item, record__gte=numbers.start, record__lt=numbers.stop)
    roles = _roles(item, numbers)
    rows = found.order_by(F("subject").asc(nulls_first=True), "record", "recorded_at").values_list(
        "pk",
        "record",
        "parent",
        "occurred_on",
        "effective_from",
        "effective_until",
        "recorded_at",
        "superseded_at",
        "payload",
    )
    names = [role.name for role in item.roles]

    def with_roles(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        for pk, record, parent, *rest in rows:
            named = roles.get(pk, {})
            yield (record, parent, *(named.get(name) for name in names), *rest)

    with _closing(rows.iterator(BATCH)) as lines:
        return _table(item_schema(item), with_roles(lines), 5 + len(names), item.fields)


def _roles(item: Item, numbers: range) -> Mapping[int, dict[str, Any]]:
    many = {role.name for role in item.roles if role.many}
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    rows = (
        RecordRole.objects.filter(
            version__item=item.item, version__record__gte=numbers.start, version__record__lt=numbers.stop
        )
        .order_by("version", "role", "subject")
        .values_list("version", "role", "subject")
    )
    for version, role, subject in rows.iterator(BATCH):
        if role in many:
            found[version].setdefault(role, []).append(subject)
        else:
            found[version].setdefault(role, subject)
    return found


@contextmanager
def _closing(rows: Iterator[_Row]) -> Iterator[Iterator[_Row]]:
    """Close a server-side cursor when its reader stops half-way."""
    try:
        yield rows
    finally:
        if isinstance(rows, Generator):
            rows.close()


def _role_type(role: Role) -> pa.DataType:
    return pa.list_(pa.int64()) if role.many else pa.int64()


def _table(schema: pa.Schema, rows: Iterable[tuple[Any, ...]], times_at: int, fields: Sequence[Field]) -> pa.Table:
    """Columns before ``times_at`` as they are, then two times, then ``fields`` out of the mapping at the end."""
    fixed = times_at + len(KNOWN)
    columns: list[list[Any]] = [[] for _ in schema]
    readers = [(n, field.name, _reader(field)) for n, field in enumerate(fields, start=fixed)]
    for row in rows:
        for n in range(times_at):
            columns[n].append(row[n])
        for n in range(times_at, fixed):
            columns[n].append(_utc(row[n]))
        payload = row[fixed] if fields else {}
        for n, name, read in readers:
            value = payload.get(name)
            columns[n].append(None if value is None or value == "" else read(value))
    arrays = [pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _reader(field: Field) -> Callable[[Any], Any]:
    reader: Callable[[Any], Any] = {
        FieldType.NUMBER: _number(field.scale),
        FieldType.DATE: date.fromisoformat,
        FieldType.YES_NO: _YES_NO.__getitem__,
    }.get(field.type, str)
    if field.many:
        return lambda values: [reader(one) for one in values]
    return reader


_YES_NO = {"true": True, "false": False}


def _number(scale: int) -> Callable[[str], Decimal]:
    step = Decimal(1).scaleb(-scale)

    def read(text: str) -> Decimal:
        value = Decimal(text)
        if value != (kept := value.quantize(step)):
            raise ValueError(f"{text} has more than {scale} digits behind the point")
        return kept

    return read


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None)
