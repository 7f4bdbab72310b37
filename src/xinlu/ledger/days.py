"""Days in SQL: days that a payload holds as text, and a day some months later, with one meaning on both databases."""

from __future__ import annotations

from typing import Any

from django.db.models import DateField, F, Func
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KT


class Day(Func):
    """A text ``2024-03-01`` of a payload as a day. On SQLite days are such texts."""

    arity = 1
    output_field = DateField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS date)", **extra)


class MonthsLater(Func):
    """A day ``months`` months later; a day that the month lacks becomes its last: 2024-02-29 + 12 is 2025-02-28."""

    arity = 1
    output_field = DateField()

    def __init__(self, day: Combinable, months: int, **extra: Any) -> None:
        self.months = int(months)
        super().__init__(day, **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:  # noqa: ARG002
        day, given = compiler.compile(self.source_expressions[0])
        later = f"date({day}, '+{self.months} months')"
        # SQLite runs over into the next month.
        sql = (
            f"CASE WHEN substr({later}, 9) < substr({day}, 9) "
            f"THEN date({day}, '+{self.months} months', 'start of month', '-1 day') ELSE {later} END"
        )
        return sql, [*given] * 4

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:  # noqa: ARG002
        day, given = compiler.compile(self.source_expressions[0])
        return f"CAST({day} + interval '{self.months} months' AS date)", given

    def __repr__(self) -> str:
        return f"MonthsLater({self.source_expressions[0]!r}, {self.months})"


def day_of(name: str, *, columns: tuple[str, ...]) -> Combinable:
    """The day in a column, or in a field of the payload."""
    return F(name) if name in columns else Day(KT(f"payload__{name}"))
