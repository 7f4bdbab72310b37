"""Lineage: from a record back to the lines of the files that brought it, and from a line on to its record.

The other half, from an entry to its record, stands in the entry itself; :mod:`xinlu.assessment.lineage` finds the
entries that rest on a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from xinlu.access.scope import Scope
from xinlu.ledger import queries
from xinlu.ledger.models import Delivery, DeliveryRow, Record


@dataclass(frozen=True)
class Origin:
    """Where one version of a record came from.

    ``delivery`` is None when no delivery brought it, or when the scope may not know of that one; ``line`` is the line
    of the delivered file (of JSON: the number of the object).
    """

    version: Record
    source: str
    delivery: Delivery | None
    line: int | None
    reason: str
    known_from: datetime
    known_until: datetime | None


def origins(scope: Scope, record: int, *, on: date) -> list[Origin]:
    """Where each version of a record that ``scope`` may see came from, oldest first; empty for none."""
    found = []
    for version in queries.versions(scope, record, on=on):
        delivery = queries.delivery(scope, version.delivery_id) if version.delivery_id else None
        found.append(
            Origin(
                version=version,
                source=version.source.title,
                delivery=delivery,
                line=version.row if delivery else None,
                reason=version.reason,
                known_from=version.recorded_at,
                known_until=version.superseded_at,
            )
        )
    return found


def rows_about(scope: Scope, record: int) -> list[DeliveryRow]:
    """Every delivered row that brought the record, corrected it, took it back or repeated it, in order of arrival."""
    found = DeliveryRow.objects.within(scope).filter(record=record).select_related("delivery__source__organ")
    return list(found.order_by("delivery__received_at", "delivery", "number"))


def record_of_line(scope: Scope, delivery: int, line: int) -> int | None:
    """The record that a line of a delivered file became, or says again; None for a queried row or nothing seen."""
    row = queries.rows(scope, delivery).filter(number=line).first()
    return row.record if row is not None else None
