"""双公示 going out: what was told to the provincial platform, and what it answered. States are computed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from xinlu.exchange.models import _Once
from xinlu.ledger.models import Record


class Submission(_Once):
    """One file for the platform (上报批次): rows of one item, in one version of the rule."""

    item = models.CharField("信息项", max_length=60)
    rule = models.CharField("报送规定版本", max_length=40)
    digest = models.CharField(max_length=64)
    """Of what the rows say: a file that is made again later must say the same."""
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=80)

    class Meta:
        ordering = ["pk"]


class SubmissionRow(_Once):
    """One version of a record, told once."""

    class Operation(models.TextChoices):
        """What the platform is to do."""

        REPORT = "report", "新增"
        CORRECT = "correct", "更正"
        WITHDRAW = "withdraw", "撤销"

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="rows")
    number = models.PositiveIntegerField()
    """From 1 in each file."""
    record = models.BigIntegerField("记录编号")
    version = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="submission_rows")
    """What was said; of a withdrawal, the version that was told last."""
    operation = models.CharField("操作", max_length=10, choices=Operation.choices)
    attempt = models.PositiveIntegerField(default=0)
    """How often the same was told before, each time again because a person asked for it."""

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["record", "-id"], name="exchange_told_of_record")]
        constraints = [
            models.UniqueConstraint(fields=["submission", "number"], name="exchange_told_number"),
            models.UniqueConstraint(fields=["submission", "record"], name="exchange_told_once_a_file"),
            models.UniqueConstraint(fields=["version", "operation", "attempt"], name="exchange_told_once"),
        ]


class PlatformReceipt(_Once):
    """One file of answers (回执) that was read."""

    digest = models.CharField(max_length=64, unique=True)
    file_name = models.CharField(max_length=240, blank=True)
    read_at = models.DateTimeField()
    read_by = models.CharField(max_length=80)

    class Meta:
        ordering = ["pk"]


class SubmissionEvent(_Once):
    """What happened to a row after it was told."""

    class Kind(models.TextChoices):
        """The platform took it, sent it back, or a person asks to tell it again."""

        ACCEPTED = "accepted", "成功"
        RETURNED = "returned", "退回"
        AGAIN = "again", "要求再报"

    row = models.ForeignKey(SubmissionRow, on_delete=models.PROTECT, related_name="events")
    number = models.PositiveIntegerField()
    """From 1 for each row."""
    kind = models.CharField(max_length=10, choices=Kind.choices)
    at = models.DateTimeField()
    by = models.CharField(max_length=80)
    receipt = models.ForeignKey(PlatformReceipt, null=True, on_delete=models.PROTECT, related_name="events")
    remote = models.CharField("平台编号", max_length=80, blank=True)
    code = models.CharField(max_length=40, blank=True)
    """The platform's own code."""
    sentence = models.CharField(max_length=600, blank=True)

    class Meta:
        ordering = ["row", "number"]
        constraints = [
            models.UniqueConstraint(fields=["row", "number"], name="exchange_told_event_once"),
            models.CheckConstraint(
                name="exchange_answer_has_a_receipt",
                condition=(Q(kind="again") & Q(receipt__isnull=True) & ~Q(sentence=""))
                | (~Q(kind="again") & Q(receipt__isnull=False)),
            ),
        ]
