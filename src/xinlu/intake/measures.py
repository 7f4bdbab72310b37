"""Quality of what was delivered, per item, source and month, in six dimensions; and what a source handed over.

A figure counts *row checks*: each row once for each check that looked at it. So the figures of a dimension are sums
over its checks, and the row checks that failed can be listed one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum

from xinlu.access.scope import Scope
from xinlu.intake.measured import CheckResult, RowFault
from xinlu.intake.quantities import deliveries_in
from xinlu.law.indicator import Share
from xinlu.law.quality import Dimension
from xinlu.ledger.cuts import CHINA, Cut, months_back
from xinlu.ledger.models import Delivery, DeliveryRow, Record

COUNTED = ("delivered", "accepted", "updated", "queried", "unlinked", "duplicate")
"""Numbers of :class:`Handed` that count rows."""
UNLINKED = "E08"
"""Code of rows whose subject is not known."""


@dataclass(frozen=True)
class Measure:
    """One dimension of one item from one source: ``failed`` of ``ran`` row checks.

    ``warned``: some check let more rows fail than its ceiling; ``breached``: some delivery fell below a floor.
    """

    ran: int = 0
    failed: int = 0
    warned: bool = False
    breached: bool = False

    @property
    def share(self) -> Share:
        """What passed."""
        return Share(self.ran - self.failed, self.ran)

    def plus(self, other: Measure) -> Measure:
        """Both together."""
        return Measure(
            self.ran + other.ran,
            self.failed + other.failed,
            self.warned or other.warned,
            self.breached or other.breached,
        )


@dataclass(frozen=True)
class Handed:
    """What one source handed over of one item: rows, and what became of them."""

    item: str
    source: str
    source_title: str
    organ: str
    delivered: int = 0
    accepted: int = 0
    queried: int = 0
    duplicate: int = 0
    updated: int = 0
    """Accepted rows that gave a record a new version."""
    unlinked: int = 0
    """Queried rows whose subject is not known."""
    last: date | None = None
    """The last day on which something came."""
    dimensions: dict[Dimension, Measure] = field(default_factory=dict)

    @property
    def overall(self) -> Measure:
        """All dimensions together."""
        found = Measure()
        for one in self.dimensions.values():
            found = found.plus(one)
        return found


def handed(scope: Scope, cut: Cut) -> list[Handed]:
    """What every source handed over of every item in the period, with its quality; by item, then source."""
    asked = deliveries_in(scope, cut)
    measured = _measured(asked)
    updated = _pairs(Record._base_manager.filter(delivery__in=asked.values("pk"), reason="correction"), "pk")
    unlinked = DeliveryRow._base_manager.filter(delivery__in=asked.values("pk"), outcome="queried", code=UNLINKED)
    waiting = _pairs(unlinked, "pk")
    rows = asked.values_list("item", "source__code", "source__title", "source__organ__name").annotate(
        delivered=Sum("delivered"),
        accepted=Sum("accepted"),
        queried=Sum("queried"),
        duplicate=Sum("duplicate"),
        last=Max("received_at"),
    )
    found = []
    for item, source, title, organ, delivered, accepted, queried, duplicate, last in rows:
        found.append(
            Handed(
                item, source, title, organ, delivered, accepted, queried, duplicate,
                updated.get((item, source), 0), waiting.get((item, source), 0),
                last.astimezone(CHINA).date(), measured.get((item, source), {}),
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: (one.item, one.source))


def rows_of(scope: Scope, cut: Cut, what: str) -> QuerySet[DeliveryRow]:
    """The rows that a number of :class:`Handed` counts: ``delivered``, ``accepted``, ``queried``, ``duplicate``,
    ``updated`` or ``unlinked``."""
    rows = DeliveryRow.objects.within(scope).filter(delivery__in=deliveries_in(scope, cut).values("pk"))
    rows = rows.select_related("delivery__source__organ").order_by("-delivery", "number")
    match what:
        case "delivered":
            return rows
        case "accepted" | "queried" | "duplicate":
            return rows.filter(outcome=what)
        case "unlinked":
            return rows.filter(outcome="queried", code=UNLINKED)
        case "updated":
            corrected = Record._base_manager.filter(
                record=OuterRef("record"), recorded_at=OuterRef("delivery__received_at"), reason="correction"
            )
            return rows.filter(Exists(corrected), outcome="accepted")
    raise ValueError(f"no rows are called {what}")


def faults(
    scope: Scope, cut: Cut, *, dimension: Dimension | None = None, check: str | None = None
) -> QuerySet[RowFault]:
    """Row checks that failed in the period: as many as the measures say."""
    found = RowFault.objects.within(scope).filter(result__delivery__in=deliveries_in(scope, cut).values("pk"))
    if dimension is not None:
        found = found.filter(result__dimension=dimension.value)
    if check is not None:
        found = found.filter(result__name=check)
    return found.select_related("result__delivery__source", "row").order_by("-result__delivery", "row__number", "pk")


def checks_in(scope: Scope, cut: Cut) -> list[tuple[str, Dimension, Measure]]:
    """Each check that ran in the period: its name, dimension and what it found, by dimension."""
    rows = _results(deliveries_in(scope, cut)).values_list("name", "dimension").annotate(**_SUMS)
    order = list(Dimension)
    found = [(name, Dimension(dimension), Measure(*_counts(numbers))) for name, dimension, *numbers in rows]
    return sorted(found, key=lambda one: (order.index(one[1]), one[0]))


def months_of(scope: Scope, *, until: date, number: int) -> list[tuple[date, dict[Dimension, Measure]]]:
    """The dimensions month by month, ``number`` months up to and with that of ``until``."""
    first = months_back(until, number - 1)
    rows = CheckResult.objects.within(scope).filter(month__gte=first, month__lte=until).order_by()
    found: dict[date, dict[Dimension, Measure]] = {months_back(until, back): {} for back in range(number - 1, -1, -1)}
    for month, dimension, *numbers in rows.values_list("month", "dimension").annotate(**_SUMS):
        found[month][Dimension(dimension)] = Measure(*_counts(numbers))
    return list(found.items())


def newest_month(scope: Scope, *, on: date) -> date | None:
    """The first day of the last month in which something was judged, up to that of ``on``."""
    rows = CheckResult.objects.within(scope).filter(month__lte=on).order_by("-month")
    return rows.values_list("month", flat=True).first()


_SUMS = {
    "rows_ran": Sum("ran"),
    "rows_failed": Sum("failed"),
    "warned": Count("pk", filter=Q(ceiling__isnull=False, failed__gt=F("ceiling") * F("ran"))),
    "breached": Count("pk", filter=Q(floor__isnull=False, failed__gt=F("ran") - F("floor") * F("ran"))),
}
"""Row checks, those that failed, checks above their ceiling, checks below their floor."""


def _counts(numbers: Iterable[int | Decimal]) -> tuple[int, int, bool, bool]:
    ran, failed, warned, breached = numbers
    return int(ran), int(failed), bool(warned), bool(breached)


def _results(asked: QuerySet[Delivery]) -> QuerySet[CheckResult]:
    return CheckResult._base_manager.filter(delivery__in=asked.values("pk")).order_by()


def _measured(asked: QuerySet[Delivery]) -> dict[tuple[str, str], dict[Dimension, Measure]]:
    rows = _results(asked).values_list("delivery__item", "delivery__source__code", "dimension").annotate(**_SUMS)
    found: dict[tuple[str, str], dict[Dimension, Measure]] = {}
    for item, source, dimension, *numbers in rows:
        found.setdefault((item, source), {})[Dimension(dimension)] = Measure(*_counts(numbers))
    return found


def _pairs(rows: QuerySet[DeliveryRow] | QuerySet[Record], what: str) -> dict[tuple[str, str], int]:
    """Item and source → how many rows."""
    counted = rows.order_by().values_list("delivery__item", "delivery__source__code").annotate(number=Count(what))
    return {(item, source): number for item, source, number in counted}
