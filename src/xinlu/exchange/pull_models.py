"""Pulls (抽取): each attempt of a connection and, step by step, what became of it. States are computed."""

from __future__ import annotations

from typing import TypeVar

from django.db import models
from django.db.models import Q

from xinlu.exchange.models import _OfSource, _Once
from xinlu.ledger.models import Delivery, Source

_M = TypeVar("_M", bound=models.Model, covariant=True)


class Pull(_Once):
    """One attempt to fetch what waits at a connection."""

    connection = models.CharField("连接", max_length=60)
    """Its name; the connection itself stands in the file of connections."""
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="pulls", verbose_name="数据源")
    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=80)

    objects = _OfSource["Pull"].as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["connection", "-id"], name="exchange_pull_of_connection")]


class PullStep(_Once):
    """One thing that happened in a pull."""

    class Kind(models.TextChoices):
        """What happened."""

        TAKEN = "taken", "已交付"
        POSTPONED = "postponed", "留待下次"
        REFUSED = "refused", "整件退回"
        FAILED = "failed", "中断"
        FINISHED = "finished", "完成"

    ENDS = (Kind.FAILED, Kind.FINISHED)

    pull = models.ForeignKey(Pull, on_delete=models.PROTECT, related_name="steps")
    number = models.PositiveIntegerField()
    """From 1 for each pull."""
    kind = models.CharField(max_length=10, choices=Kind.choices)
    at = models.DateTimeField()
    connection = models.CharField(max_length=60)
    """That of the pull, so that the database sees what was taken twice."""
    name = models.CharField("名称", max_length=240, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    again = models.PositiveIntegerField(default=0)
    """How often the same thing was handed over on request before."""
    mark = models.JSONField(null=True)
    """How far the connection got with this step."""
    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.PROTECT, related_name="pull_steps")
    code = models.CharField(max_length=20, blank=True)
    sentence = models.CharField(max_length=600, blank=True)

    class Meta:
        ordering = ["pull", "number"]
        indexes = [models.Index(fields=["connection", "fingerprint"], name="exchange_step_fingerprint")]
        constraints = [
            models.UniqueConstraint(fields=["pull", "number"], name="exchange_pull_step_once"),
            models.UniqueConstraint(
                fields=["connection", "fingerprint", "again"], condition=Q(kind="taken"), name="exchange_taken_once"
            ),
            models.UniqueConstraint(
                fields=["pull"], condition=Q(kind__in=["failed", "finished"]), name="exchange_pull_ends_once"
            ),
            models.CheckConstraint(
                name="exchange_taken_is_a_delivery",
                condition=~Q(kind="taken") | (Q(delivery__isnull=False) & ~Q(fingerprint="")),
            ),
            models.CheckConstraint(
                name="exchange_trouble_says_why",
                condition=Q(kind__in=["taken", "finished"]) | (~Q(code="") & ~Q(sentence="")),
            ),
        ]


class PullAsked(_Once):
    """Somebody asks that a connection is tried again at once; what was refused is then tried again, too."""

    connection = models.CharField(max_length=60, db_index=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by = models.CharField(max_length=80)

    objects = _OfSource["PullAsked"].as_manager()

    class Meta:
        ordering = ["pk"]
