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
        """A draft can change; what is submitted waits for another person; a published edition never changes."""

        DRAFT = "draft", "草案"
        SUBMITTED = "submitted", "待审核"
        PUBLISHED = "published", "已发布"
        WITHDRAWN = "withdrawn", "已作废"

    class Plane(models.TextChoices):
        """Which of the three planes an amendment changes."""

        CATALOGUE = "catalogue", "信用信息目录"
        RULEBOOK = "rulebook", "规则"
        PROCEDURE = "procedure", "程序"

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
    plane = models.CharField("类别", max_length=12, choices=Plane.choices, blank=True)
    """Of an amendment: what it changes. Empty: a whole folder of law files, as the first edition is."""
    identity = models.CharField("标识", max_length=120, blank=True)
    """Of an amendment: rulebook or procedure; ``catalogue`` for the catalogue."""
    version = models.CharField("新版本", max_length=40, blank=True)
    copied_from = models.CharField("抄自版本", max_length=40, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="gazette_two_persons",
                condition=Q(publisher__isnull=True) | ~Q(publisher=F("author")),
            ),
            models.CheckConstraint(
                name="gazette_published_by_somebody",
                condition=(~Q(state="published") & Q(publisher__isnull=True, published_at__isnull=True))
                | Q(state="published", publisher__isnull=False, published_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["digest"], condition=Q(state="published", plane=""), name="gazette_published_once"
            ),
            models.UniqueConstraint(
                fields=["plane", "identity", "version"],
                condition=~Q(plane="") & ~Q(state="withdrawn"),
                name="gazette_version_once",
            ),
            models.CheckConstraint(
                name="gazette_amendment_whole",
                condition=Q(plane="", identity="", version="") | (~Q(plane="") & ~Q(identity="") & ~Q(version="")),
            ),
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
    replaces = models.CharField(max_length=64, blank=True)
    """Digest of the file of the same path that was in use when this one was copied; empty for a new file."""

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

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        if self.edition.state == Edition.State.PUBLISHED:
            raise Published(f"{self.path}: edition {self.edition_id} is published; it stays")
        return super().delete(*args, **kwargs)


class Step(models.Model):
    """One thing that was done to an amendment. Written once: each save of a text stays readable."""

    class Kind(models.TextChoices):
        """What was done."""

        DRAFTED = "drafted", "起草"
        SAVED = "saved", "保存"
        SUBMITTED = "submitted", "提交审核"
        TAKEN_BACK = "taken_back", "收回修改"
        REFUSED = "refused", "退回"
        PUBLISHED = "published", "发布"
        WITHDRAWN = "withdrawn", "作废"

    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="steps")
    number = models.PositiveIntegerField()
    """From 1 in each edition."""
    kind = models.CharField(max_length=12, choices=Kind.choices)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="law_steps")
    at = models.DateTimeField()
    words = models.CharField(max_length=400, blank=True)
    """Why, or what was changed, as the person wrote it."""
    path = models.CharField(max_length=240, blank=True)
    """Of a save: which file."""
    content = models.TextField(blank=True)
    """Of a save: the whole text after it."""
    digest = models.CharField(max_length=64)
    """Of a save: of the text; else of the edition."""

    class Meta:
        ordering = ["edition", "number"]
        constraints = [
            models.UniqueConstraint(fields=["edition", "number"], name="gazette_step_once"),
            models.CheckConstraint(name="gazette_refusal_says_why", condition=~Q(kind="refused") | ~Q(words="")),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Published(f"step {self.number} of edition {self.edition_id} is written; it cannot change")
        super().save(*args, **kwargs)
