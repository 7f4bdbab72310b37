"""What self-filing keeps: filings, their drafts, what was submitted, papers, approvals and unlockings.

Only a draft changes. Everything else is written once; whether a filing may be edited, and which version holds, is
computed from it.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NoReturn, TypeVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from xinlu.access.scope import Scope, ScopedQuerySet
from xinlu.registry.models import Subject

_M = TypeVar("_M", bound=models.Model, covariant=True)


class WrittenOnce(TypeError):
    """Somebody tried to change or delete what was filed."""


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


class FilingQuerySet(ScopedQuerySet[_M]):
    """A firm sees its own filings; offices of its region see those that were ever submitted, never a mere draft."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        match scope.kind:
            case "subject":
                return Q(subject=scope.subject)
            case "officer" if scope.covers_sector("construction"):
                submitted = Exists(FilingVersion.objects.filter(filing=OuterRef("pk")))
                return scope.in_regions("subject__region") & Q(submitted)
        return Q(pk__in=[])


class Filing(_Once):
    """What one firm files in one year on one form."""

    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="filings")
    form = models.CharField("表单", max_length=60)
    year = models.PositiveIntegerField("年度")
    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=80)

    objects = FilingQuerySet["Filing"].as_manager()

    class Meta:
        ordering = ["-year", "pk"]
        verbose_name = verbose_name_plural = "自主填报"
        constraints = [
            models.UniqueConstraint(fields=["subject", "form", "year"], name="intake_filing_once_a_year"),
        ]


class FilingDraft(models.Model):
    """What the firm is writing, as typed, right or wrong. Nobody else sees it."""

    filing = models.OneToOneField(Filing, primary_key=True, on_delete=models.PROTECT, related_name="draft")
    content = models.JSONField(default=dict)
    """Part → rows; see :mod:`xinlu.intake.filing.content`."""
    saved_at = models.DateTimeField()
    saved_by = models.CharField(max_length=80)


class FilingVersion(_Once):
    """What was submitted, word for word."""

    filing = models.ForeignKey(Filing, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField("版本")
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    submitted_at = models.DateTimeField("提交时间")
    submitted_by = models.CharField(max_length=80)

    class Meta:
        ordering = ["filing", "number"]
        constraints = [
            models.UniqueConstraint(fields=["filing", "number"], name="intake_filing_version_once"),
            models.CheckConstraint(name="intake_filing_version_from_one", condition=Q(number__gte=1)),
        ]


class FilingApproval(_Once):
    """A version was approved and handed over."""

    version = models.OneToOneField(FilingVersion, primary_key=True, on_delete=models.PROTECT, related_name="approval")
    at = models.DateTimeField()
    case = models.BigIntegerField()
    """Number of the case that approved it; a number and not a key, because cases stand on a higher floor."""
    deliveries = models.JSONField(default=list)
    """Numbers of the deliveries that it became."""


class FilingUnlocking(_Once):
    """A locked filing may be changed until the day ``until`` (exclusive)."""

    filing = models.ForeignKey(Filing, on_delete=models.PROTECT, related_name="unlockings")
    at = models.DateTimeField()
    until = models.DateField()
    case = models.BigIntegerField(unique=True)

    class Meta:
        ordering = ["filing", "at"]


class FilingPaper(_Once):
    """A paper that was handed in. Its bytes lie under ``token``, which says nothing of whom it concerns."""

    filing = models.ForeignKey(Filing, on_delete=models.PROTECT, related_name="papers")
    token = models.CharField(max_length=64, unique=True)
    title = models.CharField("材料", max_length=80)
    media = models.CharField(max_length=20)
    size = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    pages = models.PositiveIntegerField(default=1)
    kept_at = models.DateTimeField()
    kept_by = models.CharField(max_length=80)

    class Meta:
        ordering = ["filing", "pk"]
        constraints = [
            models.CheckConstraint(
                name="intake_paper_media_known",
                condition=Q(media__in=["application/pdf", "image/jpeg", "image/png"]),
            ),
        ]


# What the checks of quality said stands in a module of its own.
from xinlu.intake.linked import Linking  # noqa: E402
from xinlu.intake.measured import CheckResult, RowFault, Ruling  # noqa: E402

__all__ = ["CheckResult", "Linking", "RowFault", "Ruling"]
