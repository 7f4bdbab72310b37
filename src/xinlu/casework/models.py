"""Cases (办件), who takes part in them, and their actions.

A case has no column that says where it stands: its actions say it, read by the version of the procedure under which
it was opened (:mod:`xinlu.casework.queries`). Rows are written once.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NoReturn, TypeVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from xinlu.access.scope import ALL, Scope, ScopedQuerySet

_M = TypeVar("_M", bound=models.Model, covariant=True)


class WrittenOnce(TypeError):
    """Somebody tried to change or delete a row of a case."""


class _Once(models.Model):
    """A row that is written once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise WrittenOnce(f"{self._meta.label} {self.pk} is written; it cannot change")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        raise WrittenOnce(f"{self._meta.label} {self.pk} is written; it cannot be deleted")


class CaseQuerySet(ScopedQuerySet[_M]):
    """Who takes part sees a case, and so do supervising offices of its region and business field."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        match scope.kind:
            case "subject":
                return _seated(subject=scope.subject)
            case "officer":
                fields = Q() if ALL in scope.sectors else Q(sector__in=[ALL, *scope.sectors])
                return _seated(organ=scope.organ) | (scope.in_regions("region") & ~Q(region="") & fields)
        return Q(pk__in=[])


def _seated(**whose: object) -> Q:
    return Q(Exists(Seat.objects.filter(case=OuterRef("pk"), **whose)))


class Case(_Once):
    """One thing that goes through one version of one procedure. Its number is its primary key."""

    procedure = models.CharField("程序", max_length=60)
    version = models.CharField("版本", max_length=40)
    about = models.CharField(max_length=120)
    """``room.noun:key`` of what it is about."""
    turn = models.PositiveIntegerField(default=1)
    """How many cases of this procedure there have been about the same thing, this one included."""
    title = models.CharField("事项", max_length=200)
    """For lists: names no natural person."""
    subject = models.BigIntegerField("信用主体编号", null=True, db_index=True)
    region = models.CharField("所在地", max_length=12, blank=True, db_index=True)
    sector = models.CharField("业务领域", max_length=40, default=ALL)
    facts = models.JSONField(default=dict)
    """What the opener said beside; effects are told it."""
    opened_at = models.DateTimeField("立案时间")
    opened_by = models.CharField(max_length=80)

    objects = CaseQuerySet["Case"].as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = verbose_name_plural = "办件"
        indexes = [models.Index(fields=["about"], name="casework_case_about")]
        constraints = [
            models.UniqueConstraint(fields=["procedure", "about", "turn"], name="casework_one_case_a_turn"),
            models.CheckConstraint(name="casework_turn_from_one", condition=Q(turn__gte=1)),
        ]


class Seat(_Once):
    """Who plays a party of the procedure in a case: an organ, or a subject for itself."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="seats")
    party = models.CharField(max_length=40)
    organ = models.CharField(max_length=40, blank=True)
    subject = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["case", "party"]
        constraints = [
            models.UniqueConstraint(fields=["case", "party"], name="casework_one_seat_a_party"),
            models.CheckConstraint(
                name="casework_organ_or_subject",
                condition=(Q(organ="") & Q(subject__isnull=False)) | (~Q(organ="") & Q(subject__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["organ", "party"], name="casework_seat_organ"),
            models.Index(fields=["subject", "party"], name="casework_seat_subject"),
        ]


class Action(_Once):
    """One thing that somebody did in a case: who, when, what, why, with which papers."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="actions")
    number = models.PositiveIntegerField()
    """From 1 in each case; who acts says how many he has seen, and of two only one gets the number."""
    name = models.CharField(max_length=40)
    party = models.CharField(max_length=40)
    by = models.CharField(max_length=80)
    organ = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField()
    words = models.TextField(blank=True)
    points = models.JSONField(default=list)
    """Of a reason: what is wrong where, each with ``field``, ``title``, ``rule`` and ``words``."""
    papers = models.JSONField(default=list)
    """Each with ``title`` and ``digest``."""
    results = models.JSONField(default=dict)
    """Effect → what it gave."""

    class Meta:
        ordering = ["case", "number"]
        constraints = [
            models.UniqueConstraint(fields=["case", "number"], name="casework_action_once"),
            models.CheckConstraint(name="casework_action_from_one", condition=Q(number__gte=1)),
        ]
