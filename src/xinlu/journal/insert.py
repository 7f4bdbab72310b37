"""Insert many rows at once.

PostgreSQL gets what ``bulk_create`` sends. On SQLite that spends most of its time on building statements; one prepared
statement for all rows halved the processor time of accepting a delivery, so there this is done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, models

BATCH = 2000
_M = TypeVar("_M", bound=models.Model)
_Adapt = Callable[[Any], Any]


def insert_many(model: type[_M], rows: Sequence[_M]) -> None:
    """Insert ``rows`` and give each its primary key. The caller holds a transaction in which it has written before.

    Like ``bulk_create`` it calls no ``save`` and sends no signal.
    """
    if not rows:
        return
    if connection.vendor != "sqlite":
        model._base_manager.bulk_create(rows, batch_size=BATCH)
        return
    meta = model._meta
    # The write lock is held, so nobody takes these numbers in between.
    if isinstance(meta.pk, models.AutoField):
        last = model._base_manager.aggregate(last=models.Max("pk"))["last"] or 0
        for number, row in enumerate(rows, start=last + 1):
            row.pk = number
    fields = meta.concrete_fields
    adapt = [_adapt(field) for field in fields]
    names = [field.attname for field in fields]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    statement = f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES ({places})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [[to(getattr(row, name)) for name, to in zip(names, adapt, strict=True)] for row in rows],
        )
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def insert_values(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of values under ``names`` (columns as attributes; all but the key and what may be missing).

    For rows that nobody asks for their key: no object is made of each on SQLite.
    """
    several = iter(rows)
    if connection.vendor != "sqlite":
        while batch := list(islice(several, BATCH)):
            made = [model(**dict(zip(names, row, strict=True))) for row in batch]
            model._base_manager.bulk_create(made, batch_size=BATCH)
        return
    fields = {field.attname: field for field in model._meta.concrete_fields}
    adapt = [_adapt(fields[name]) for name in names]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(fields[name].column)) for name in names)
    places = ", ".join(["%s"] * len(names))
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({places})"  # noqa: S608
    with connection.cursor() as cursor:
        while batch := [[to(value) for to, value in zip(adapt, row, strict=True)] for row in islice(several, BATCH)]:
            cursor.executemany(statement, batch)


def _adapt(field: models.Field[Any, Any]) -> _Adapt:
    match field:
        case models.JSONField():
            return _json
        case models.DateTimeField():
            return connection.ops.adapt_datetimefield_value
        case models.DateField():
            return _date
        case models.DecimalField():
            return _decimal
    return _as_it_is


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _date(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _as_it_is(value: Any) -> Any:
    return value
