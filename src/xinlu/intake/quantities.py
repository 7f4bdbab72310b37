"""Quantities of rows and records for the indicators of the plan: counted by set, listed by the same conditions.

:func:`cube` counts everything at once, by city of the delivering organ, item, month of arrival and way in; any figure
on a page is a sum over it. :func:`listed` gives the rows behind a figure. Both see what the scope sees of deliveries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from xinlu.access.scope import Scope
from xinlu.intake.measured import CheckResult, RowFault
from xinlu.law.indicator import QuantityName
from xinlu.law.quality import Dimension
from xinlu.ledger import queries
from xinlu.ledger.cuts import AUTOMATIC, CHINA, PROVINCE, Cut, city_of, midnight, regions_in_cities
from xinlu.ledger.models import Delivery, DeliveryRow, Record, Source

FORM = (Dimension.COMPLETENESS, Dimension.UNIQUENESS, Dimension.VALIDITY, Dimension.CONSISTENCY)
"""Dimensions in which a refused row breaks the form that it should have (合规)."""
REFUSES = ("codes", "others")
"""Ways in which a check says which rows fail, where those are refused rows."""
QUANTITIES: tuple[QuantityName, ...] = (
    "records_automatic",
    "records_effective",
    "rows_on_time",
    "rows_due",
    "rows_compliant",
    "rows_judged",
    "rows_accepted",
)


@dataclass(frozen=True)
class Cell:
    """Quantities of one city, item, month and way in."""

    city: str
    item: str
    month: date
    way: str
    numbers: Mapping[str, int]


def cube(scope: Scope, *, since: date, until: date) -> list[Cell]:
    """Every quantity of rows and records of the deliveries that came in the months from ``since`` to ``until``.

    Four questions to the database, each one grouping; nothing is read row by row.
    """
    asked = deliveries_in(scope, Cut(since, until))
    found: dict[tuple[str, str, date, str], dict[str, int]] = {}
    place_of: dict[int, tuple[str, str, date, str]] = {}
    months = asked.annotate(month=TruncMonth("received_at", tzinfo=CHINA)).values_list(
        "pk", "source__organ__region", "item", "month", "way", "delivered", "duplicate", "accepted"
    )
    for pk, region, item, month, way, delivered, duplicate, accepted in months:
        place = (city_of(region), item, month.date().replace(day=1), way)
        place_of[pk] = place
        numbers = found.setdefault(place, dict.fromkeys(QUANTITIES, 0))
        numbers["rows_judged"] += delivered - duplicate
        numbers["rows_compliant"] += delivered - duplicate
        numbers["rows_accepted"] += accepted
    for pk, refused, ran, late in _results(asked):
        numbers = found[place_of[pk]]
        numbers["rows_compliant"] -= refused
        numbers["rows_due"] += ran
        numbers["rows_on_time"] += ran - late
    for pk, effective in _effective(asked):
        numbers = found[place_of[pk]]
        numbers["records_effective"] += effective
        if place_of[pk][3] in AUTOMATIC:
            numbers["records_automatic"] += effective
    return [Cell(*place, numbers) for place, numbers in sorted(found.items())]


def total(cells: Iterable[Cell]) -> dict[str, int]:
    """The quantities of several cells together."""
    found: dict[str, int] = {str(name): 0 for name in QUANTITIES}
    for cell in cells:
        for name, number in cell.numbers.items():
            found[name] += number
    return found


def listed(scope: Scope, quantity: QuantityName, cut: Cut) -> QuerySet[Any]:
    """The rows (:class:`DeliveryRow`) or records (:class:`Record`) that ``quantity`` counts; as many as it says."""
    asked = deliveries_in(scope, cut)
    if quantity in ("records_automatic", "records_effective"):
        chosen = asked.filter(way__in=AUTOMATIC) if quantity == "records_automatic" else asked
        found = Record._base_manager.filter(delivery__in=chosen.values("pk"), superseded_at__isnull=True)
        return found.select_related("source__organ", "delivery").order_by("-recorded_at", "record")
    rows = DeliveryRow.objects.within(scope).filter(delivery__in=asked.values("pk"))
    rows = rows.select_related("delivery__source__organ").order_by("-delivery", "number")
    if quantity in ("rows_due", "rows_on_time"):
        return _due(rows, late=False if quantity == "rows_on_time" else None)
    judged = rows.exclude(outcome="duplicate")
    match quantity:
        case "rows_judged":
            return judged
        case "rows_accepted":
            return judged.filter(outcome="accepted")
        case "rows_compliant":
            refused = RowFault._base_manager.filter(_of_form("result__"), row=OuterRef("pk"))
            return judged.exclude(Exists(refused))
    raise ValueError(f"{quantity} counts neither rows nor records")


def deliveries_in(scope: Scope, cut: Cut) -> QuerySet[Delivery]:
    """Closed deliveries of the scope, but for what this platform makes itself."""
    found = queries.deliveries(scope).order_by().filter(closed_at__isnull=False)
    found = found.exclude(source__kind=Source.Kind.XINLU)
    found = found.filter(received_at__gte=midnight(cut.since), received_at__lt=midnight(cut.until))
    if cut.item is not None:
        found = found.filter(item=cut.item)
    if cut.source is not None:
        found = found.filter(source__code=cut.source)
    if cut.city is not None:
        cities = regions_in_cities()
        here = [region for region, city in cities.items() if city == cut.city]
        own = Q(source__organ__region__in=here)
        found = found.filter(~Q(source__organ__region__in=list(cities)) if cut.city == PROVINCE else own)
    return found


def _of_form(prefix: str) -> Q:
    dimensions = [one.value for one in FORM]
    return Q(**{f"{prefix}way__in": REFUSES, f"{prefix}dimension__in": dimensions})


def _results(asked: QuerySet[Delivery]) -> Iterable[tuple[int, int, int, int]]:
    rows = CheckResult._base_manager.filter(delivery__in=asked.values("pk")).order_by().values("delivery")
    late = Q(way="late")
    counted = rows.annotate(
        refused=Sum("failed", filter=_of_form(""), default=0),
        due=Sum("ran", filter=late, default=0),
        late=Sum("failed", filter=late, default=0),
    )
    return counted.values_list("delivery", "refused", "due", "late")


def _effective(asked: QuerySet[Delivery]) -> Iterable[tuple[int, int]]:
    rows = Record._base_manager.filter(delivery__in=asked.values("pk"), superseded_at__isnull=True).order_by()
    return rows.values_list("delivery").annotate(number=Count("pk"))


def _due(rows: QuerySet[DeliveryRow], *, late: bool | None) -> QuerySet[DeliveryRow]:
    """Accepted rows that brought a record for the first time and were held against a time limit."""
    held = CheckResult._base_manager.filter(delivery=OuterRef("delivery"), way="late")
    earlier = Record._base_manager.filter(record=OuterRef("record"), recorded_at__lt=OuterRef("recorded_at"))
    first = Record._base_manager.filter(
        ~Exists(earlier), record=OuterRef("record"), recorded_at=OuterRef("delivery__received_at")
    )
    found = rows.filter(Exists(held), Exists(first), outcome="accepted")
    if late is None:
        return found
    failed = RowFault._base_manager.filter(row=OuterRef("pk"), result__way="late")
    return found.filter(Exists(failed)) if late else found.exclude(Exists(failed))
