"""Editions of law files, published by a second person, then unchangeable."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Published(TypeError):
    """Somebody tried to change what has been published."""


class Edition(models.Model):
    """Law files that come into the house together. ``digest`` covers every file."""

    class State(models.TextChoices):
        """A draft can change; a published edition cannot."""

        DRAFT = "draft", "草案"
        PUBLISHED = "published", "已发布"

    title = models.CharField("名称", max_length=120)
    state = models.CharField("状态", max_length=12, choices=State.choices, default=State.DRAFT)
    digest = models.CharField(max_length=64)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="editions_written", verbose_name="起草人"
    )  # fmt: skip
    drafted_at = models.DateTimeField()
    publisher = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="editions_published",
        verbose_name="发布人",
    )
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="gazette_two_persons",
                condition=Q(publisher__isnull=True) | ~Q(publisher=F("author")),
            ),
            models.CheckConstraint(
                name="gazette_published_by_somebody",
                condition=Q(state="draft", publisher__isnull=True, published_at__isnull=True)
                | Q(state="published", publisher__isnull=False, published_at__isnull=False),
            ),
            models.UniqueConstraint(fields=["digest"], condition=Q(state="published"), name="gazette_published_once"),
        ]


class LawFile(models.Model):
    """One file of an edition, word for word."""

    class Plane(models.TextChoices):
        """Which of the three planes the file belongs to."""

        CATALOGUE = "catalogue", "信用信息目录"
        RULEBOOK = "rulebook", "规则"
        PROCEDURE = "procedure", "程序"
        OTHER = "other", "附属资料"

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="files")
    plane = models.CharField(max_length=12, choices=Plane.choices)
    identity = models.CharField(max_length=120)
    version = models.CharField(max_length=40, blank=True)
    valid_from = models.DateField(null=True)
    valid_until = models.DateField(null=True)
    path = models.CharField(max_length=240)
    """Relative to the folder of law files, with slashes."""
    content = models.TextField()
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["edition", "path"]
        constraints = [
            models.UniqueConstraint(fields=["edition", "path"], name="gazette_path_once"),
            models.CheckConstraint(
                name="gazette_file_ends_after_start",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
            ),
        ]
        indexes = [models.Index(fields=["plane", "identity"], name="gazette_file_identity")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.edition.state == Edition.State.PUBLISHED:
            raise Published(f"{self.path}: edition {self.edition_id} is published; draft a new edition")
        super().save(*args, **kwargs)
