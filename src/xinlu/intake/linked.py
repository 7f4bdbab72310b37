"""What people said of rows that wait for their subject. Only ever added to; what holds is computed from it."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.db.models import Q

from xinlu.ledger.models import DeliveryRow
from xinlu.registry.models import Subject


class Linking(models.Model):
    """One judgement on one place of a queried row: who is meant, that nobody shown is, or that a judgement is undone.

    ``place`` names the role and what stood there. ``said`` is a keyed digest of what the row says of the subject, by
    which the same spelling is recognised when it comes again. ``shown`` are the candidates that were on the page.
    """

    class Kind(models.TextChoices):
        """Equal: a later registration has the identifier, nobody had to decide."""

        CONFIRMED = "confirmed", "已确认"
        EQUAL = "equal", "标识相同"
        NONE = "none", "都不是"
        UNDONE = "undone", "已撤销"

    row = models.ForeignKey(DeliveryRow, on_delete=models.PROTECT, related_name="linkings")
    place = models.CharField(max_length=140)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    subject = models.ForeignKey(Subject, null=True, on_delete=models.PROTECT, related_name="+")
    undoes = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="undone_by")
    record = models.BigIntegerField(null=True)
    """The record that the row became with this judgement."""
    version = models.BigIntegerField(null=True)
    """The version that was written, None when the ledger had it already."""
    said = models.CharField(max_length=64, blank=True, db_index=True)
    shown = models.JSONField(default=list)
    reason = models.CharField(max_length=400)
    by = models.CharField(max_length=80)
    organ = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField()

    class Meta:
        app_label = "intake"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="intake_linking_names_whom",
                condition=Q(kind__in=["confirmed", "equal"], subject__isnull=False)
                | Q(kind__in=["none", "undone"], subject__isnull=True),
            ),
            models.CheckConstraint(
                name="intake_linking_undoes_one", condition=Q(kind="undone") ^ Q(undoes__isnull=True)
            ),
            models.CheckConstraint(name="intake_linking_says_why", condition=~Q(reason="")),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(f"linking {self.pk} is written; it cannot change")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        raise TypeError(f"linking {self.pk} is written; it cannot be deleted")
