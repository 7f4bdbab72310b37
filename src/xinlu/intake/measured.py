"""What the checks of quality said of deliveries, row by row, and what was decided about a delivery that was held.

Written once when the delivery is closed. What a delivery is worth (passed, warned, held, released) is computed from
these rows; nothing of it is stored.
"""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from django.db import models
from django.db.models import F, Q

from xinlu.access.scope import Scope, ScopedQuerySet
from xinlu.law.quality import Dimension, Fails
from xinlu.ledger import disclosure
from xinlu.ledger.models import Delivery, DeliveryRow

_M = TypeVar("_M", bound=models.Model, covariant=True)
DIMENSIONS = [one.value for one in Dimension]
WAYS = list(Fails.model_fields)


class CheckResultQuerySet(ScopedQuerySet[_M]):
    """Results are seen by whom the delivery is seen by."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        return disclosure.delivery_visible(scope, prefix="delivery__")


class CheckResult(models.Model):
    """What one check said of one delivery: ``failed`` of the ``ran`` rows that it looked at."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="check_results")
    rules = models.CharField(max_length=60)
    """File of quality rules that declares the check."""
    name = models.CharField(max_length=60)
    dimension = models.CharField(max_length=12, choices=[(one.value, one.title) for one in Dimension])
    month = models.DateField(db_index=True)
    """First day of the month in which the delivery came, in China."""
    way = models.CharField(max_length=20, choices=[(name, name) for name in WAYS])
    """How the check says which rows fail: the key of ``fails`` in its file."""
    ran = models.IntegerField()
    failed = models.IntegerField()
    floor = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    """Least share that had to pass; None where none was asked."""
    ceiling = models.DecimalField(max_digits=5, decimal_places=4, null=True)

    objects = CheckResultQuerySet["CheckResult"].as_manager()

    class Meta:
        ordering = ["delivery", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "name"], name="intake_check_once"),
            models.CheckConstraint(
                name="intake_check_counts", condition=Q(ran__gte=1, failed__gte=0, failed__lte=F("ran"))
            ),
            models.CheckConstraint(name="intake_check_dimension", condition=Q(dimension__in=DIMENSIONS)),
            models.CheckConstraint(name="intake_check_way", condition=Q(way__in=WAYS)),
        ]

    @property
    def breached(self) -> bool:
        """Whether fewer rows passed than the floor asks for."""
        return self.floor is not None and self.ran - self.failed < self.floor * self.ran

    @property
    def warned(self) -> bool:
        """Whether more rows failed than the ceiling lets pass."""
        return self.ceiling is not None and self.failed > self.ceiling * self.ran


class RowFaultQuerySet(ScopedQuerySet[_M]):
    """Failing rows are seen by whom the delivery is seen by."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        return disclosure.delivery_visible(scope, prefix="result__delivery__")


class RowFault(models.Model):
    """A row failed a check. There are as many as :attr:`CheckResult.failed` says."""

    result = models.ForeignKey(CheckResult, on_delete=models.CASCADE, related_name="faults")
    row = models.ForeignKey(DeliveryRow, on_delete=models.CASCADE, related_name="faults")

    objects = RowFaultQuerySet["RowFault"].as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["result", "row"], name="intake_fault_once")]


class Ruling(models.Model):
    """What somebody decided about a held delivery: let its good rows in, or let it rest."""

    class Kind(models.TextChoices):
        """Released: the rows were handed over again in ``made``. Dropped: nothing follows."""

        RELEASED = "released", "放行"
        DROPPED = "dropped", "作罢"

    delivery = models.OneToOneField(Delivery, on_delete=models.PROTECT, related_name="ruling")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.CharField("理由", max_length=400)
    by = models.CharField(max_length=80)
    at = models.DateTimeField()
    made = models.OneToOneField(Delivery, null=True, on_delete=models.PROTECT, related_name="released_from")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="intake_ruling_whole",
                condition=Q(kind="released", made__isnull=False) | Q(kind="dropped", made__isnull=True),
            ),
            models.CheckConstraint(name="intake_ruling_says_why", condition=~Q(reason="")),
        ]
