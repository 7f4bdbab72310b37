"""Subjects (信用主体), their periods of equal attributes, identifiers and dated relations.

Two time axes throughout: ``valid_from``/``valid_until`` (exclusive) say when it was true, ``recorded_at``/
``superseded_at`` when we knew. ``change`` is the number of the last change that touched the row.
"""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from xinlu.access.scope import Scope, ScopedQuerySet
from xinlu.registry.naming import NAME_LENGTH

NEVER_LISTED = ("vehicle",)
"""Kinds that are not natural persons but lead to one; the public finds them by no list."""

_S = TypeVar("_S", bound=models.Model, covariant=True)


def _operated_by(subject: int | None) -> Q:
    """Vehicles and the like to which a subject stands in a relation, as known now."""
    return Q(
        Exists(Relation.objects.filter(from_subject=subject, to_subject=OuterRef("pk"), superseded_at__isnull=True))
    )


class SubjectQuerySet(ScopedQuerySet[_S]):
    """The public sees firms, never persons; officers see all firms, and the persons of their regions.

    A subject sees itself and its vehicles beside what the public sees; it does not see the persons it employs.
    """

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        listed = Q(natural_person=False) & ~Q(kind__in=NEVER_LISTED)
        match scope.kind:
            case "subject":
                return listed | Q(pk=scope.subject) | (Q(natural_person=False) & _operated_by(scope.subject))
            case "officer":
                return Q(natural_person=False) | scope.in_regions("region")
        return listed


class Subject(models.Model):
    """Who can be rated. The number is what the engine knows; the columns here are the current picture."""

    kind = models.CharField("类别", max_length=40)
    name = models.CharField("名称", max_length=NAME_LENGTH)
    normalised_name = models.CharField(max_length=NAME_LENGTH, db_index=True)
    pinyin_initials = models.CharField(max_length=NAME_LENGTH, db_index=True, blank=True)
    region = models.CharField("所在地", max_length=12, blank=True, db_index=True)
    natural_person = models.BooleanField("自然人", default=False)
    enrolled_at = models.DateTimeField()
    merged_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="absorbed")
    change = models.BigIntegerField()

    objects = SubjectQuerySet["Subject"].as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["kind", "region"], name="registry_subject_kind_region")]
        constraints = [
            models.CheckConstraint(
                name="registry_subject_not_into_itself",
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("pk")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class SubjectPeriod(models.Model):
    """Attributes of a subject while they stay equal."""

    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="periods")
    name = models.CharField(max_length=NAME_LENGTH)
    region = models.CharField(max_length=12, blank=True)
    attributes = models.JSONField(default=dict)
    """Attribute → text (list of texts when ``many``); numbers, dates and yes/no as text: ``"3.20"``, ``"true"``."""
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    change = models.BigIntegerField(db_index=True)

    class Meta:
        ordering = ["subject", "valid_from", "recorded_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "valid_from"],
                condition=Q(superseded_at__isnull=True),
                name="registry_period_current_once",
            ),
            models.CheckConstraint(
                name="registry_period_ends_after_start",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
            ),
            models.CheckConstraint(
                name="registry_period_superseded_later",
                condition=Q(superseded_at__isnull=True) | Q(superseded_at__gte=F("recorded_at")),
            ),
        ]


class Identifier(models.Model):
    """A number under which a subject is known. Of natural persons only the sealed value is kept.

    ``lookup`` is the normalised value, or ``h:`` and the blind index of a sealed one.
    """

    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="identifiers")
    type = models.CharField(max_length=40)
    value = models.CharField(max_length=80, blank=True)
    sealed = models.CharField(max_length=400, blank=True)
    lookup = models.CharField(max_length=80, db_index=True)
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    change = models.BigIntegerField()

    class Meta:
        ordering = ["subject", "type", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["type", "lookup"],
                condition=Q(superseded_at__isnull=True),
                name="registry_identifier_current_once",
            ),
            models.CheckConstraint(
                name="registry_identifier_clear_or_sealed",
                condition=Q(value="") ^ Q(sealed=""),
            ),
        ]


class MatchKey(models.Model):
    """A spelling under which candidates are found when no identifier is equal; follows from names and identifiers."""

    class What(models.TextChoices):
        """Core of a name, its sound, blind index of an owner's name, organisation code inside a USCC."""

        CORE = "core", "字号和行业"
        SOUND = "sound", "读音"
        OWNER = "owner", "经营者"
        ORGAN = "organ", "组织机构代码"

    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=8, choices=What.choices)
    key = models.CharField(max_length=120)

    class Meta:
        ordering = ["subject", "what", "key"]
        constraints = [models.UniqueConstraint(fields=["subject", "what", "key"], name="registry_match_key_once")]
        indexes = [models.Index(fields=["what", "key"], name="registry_match_key")]


class Relation(models.Model):
    """``from_subject`` stands in ``relation`` to ``to_subject`` on the days [valid_from, valid_until)."""

    relation = models.CharField(max_length=40)
    from_subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="relations_from")
    to_subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="relations_to")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    change = models.BigIntegerField(db_index=True)

    class Meta:
        ordering = ["relation", "from_subject", "to_subject", "valid_from", "recorded_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["relation", "from_subject", "to_subject", "valid_from"],
                condition=Q(superseded_at__isnull=True),
                name="registry_relation_current_once",
            ),
            models.CheckConstraint(
                name="registry_relation_ends_after_start",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
            ),
            models.CheckConstraint(
                name="registry_relation_superseded_later",
                condition=Q(superseded_at__isnull=True) | Q(superseded_at__gte=F("recorded_at")),
            ),
        ]


class SubjectMerge(models.Model):
    """Two entries were one subject: ``absorbed`` is read as ``kept`` until the merge is undone."""

    kept = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="merges_kept")
    absorbed = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="merges_absorbed")
    reason = models.CharField(max_length=400)
    recorded_at = models.DateTimeField()
    change = models.BigIntegerField()
    undone_at = models.DateTimeField(null=True)
    undone_change = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["recorded_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["absorbed"], condition=Q(undone_at__isnull=True), name="registry_absorbed_once"
            ),
            models.CheckConstraint(name="registry_merge_of_two", condition=~Q(kept=F("absorbed"))),
        ]
