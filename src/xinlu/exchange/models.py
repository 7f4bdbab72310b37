"""Who may use the open interface, for what, and what became of each call.

A *client* is a system of somebody else that hands rows over for one source. An *agreement* says which items and fields
of that source may come, from which regions, for which purposes, until when, and how many rows a day. States are
computed from what was done (:class:`ClientAct`, :class:`AgreementAct`); nothing of it is overwritten.
"""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from xinlu.access.scope import Scope, ScopedQuerySet
from xinlu.ledger.models import Delivery, Source

_M = TypeVar("_M", bound=models.Model, covariant=True)


class Written(TypeError):
    """Somebody tried to change what is written once."""


class _Once(models.Model):
    """A row that is written once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Written(f"{type(self).__name__} {self.pk} is written; it cannot change")
        super().save(*args, **kwargs)


def of_sources(scope: Scope, prefix: str) -> Q:
    """Filter: the source at ``prefix`` belongs to the organ of an officer, or to one in its regions."""
    if scope.kind != "officer":
        return Q(pk__in=[])
    return Q(**{f"{prefix}organ__code": scope.organ}) | scope.in_regions(f"{prefix}organ__region")


class _OfSource(ScopedQuerySet[_M]):
    """What belongs to a source is seen by its organ, and by organs above its region."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        return of_sources(scope, "source__")


class _OfClient(ScopedQuerySet[_M]):
    """The same, one step further."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        return of_sources(scope, "client__source__")


# ── clients ─────────────────────────────────────────────────────────────────────────────────────


class Client(models.Model):
    """A system that calls the interface for one source. Its name at the door is ``code``."""

    code = models.CharField("客户端编号", max_length=40, unique=True)
    title = models.CharField("系统名称", max_length=120)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="clients", verbose_name="数据源")
    contact = models.CharField("责任人", max_length=60, blank=True)
    """Who answers for the system over there: a desk or a name, for the steward's page only."""
    registered_at = models.DateTimeField()

    objects = _OfSource["Client"].as_manager()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.title


class ClientAct(_Once):
    """One thing that was done to a client; the last one that opens or shuts the door says how it stands."""

    class Kind(models.TextChoices):
        """What was done."""

        REGISTERED = "registered", "登记"
        ROTATED = "rotated", "更换密钥"
        SUSPENDED = "suspended", "停用"
        RESUMED = "resumed", "恢复"

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="acts")
    number = models.PositiveIntegerField()
    """From 1 for each client."""
    kind = models.CharField(max_length=12, choices=Kind.choices)
    by = models.CharField(max_length=80)
    """Key of the actor, as in the journal."""
    at = models.DateTimeField()
    words = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["client", "number"]
        constraints = [
            models.UniqueConstraint(fields=["client", "number"], name="exchange_client_act_once"),
            models.CheckConstraint(name="exchange_client_stop_says_why", condition=~Q(kind="suspended") | ~Q(words="")),
        ]


class Credential(models.Model):
    """One pair of secrets of a client. The first is kept as a keyed digest, the second sealed: it must sign again."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="credentials")
    secret_digest = models.CharField(max_length=64, unique=True)
    sealed_key = models.CharField(max_length=400)
    issued_at = models.DateTimeField()
    valid_until = models.DateTimeField(null=True)
    """Set when a newer pair was issued: until then both are good."""

    class Meta:
        ordering = ["client", "issued_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["client"], condition=Q(valid_until__isnull=True), name="exchange_one_lasting_credential"
            ),
            models.CheckConstraint(
                name="exchange_credential_ends_later",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("issued_at")),
            ),
        ]


class Token(models.Model):
    """An access token, kept as a keyed digest."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.CharField(max_length=120)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(name="exchange_token_expires_later", condition=Q(expires_at__gt=F("issued_at"))),
        ]


class Nonce(models.Model):
    """A number that a client has used once. The constraint is what makes it once."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+")
    nonce = models.CharField(max_length=64)
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["client", "nonce"], name="exchange_nonce_once")]


# ── agreements ──────────────────────────────────────────────────────────────────────────────────


class Agreement(models.Model):
    """What a source may hand over through the interface: proposed by one person, approved by another."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="agreements", verbose_name="数据源")
    title = models.CharField("名称", max_length=120)
    purposes = models.JSONField("用途", default=list)
    """Uses of the catalogue (``rating``, ``publicity`` …), each permitted by every item of the agreement."""
    regions = models.JSONField("区划", default=list)
    """Codes of divisions; each stands for those below it too."""
    valid_from = models.DateField("起")
    valid_until = models.DateField("止")
    """The first day on which it no longer holds."""
    daily_limit = models.PositiveIntegerField("每日行数上限")
    proposer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="agreements_proposed", verbose_name="提出人"
    )  # fmt: skip
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="agreements_approved",
        verbose_name="批准人",
    )

    objects = _OfSource["Agreement"].as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="exchange_two_persons", condition=Q(approver__isnull=True) | ~Q(approver=F("proposer"))
            ),
            models.CheckConstraint(
                name="exchange_agreement_ends_after_start", condition=Q(valid_until__gt=F("valid_from"))
            ),
            models.CheckConstraint(name="exchange_agreement_lets_something_in", condition=Q(daily_limit__gt=0)),
        ]


class Line(models.Model):
    """One item of an agreement."""

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="lines")
    item = models.CharField(max_length=60)
    fields = models.JSONField(default=list)
    """Names of fields and roles that may come; empty: all of the item."""
    region_role = models.CharField(max_length=60, blank=True)
    """The role whose subject must be registered in the regions of the agreement; empty: wherever it is."""

    class Meta:
        ordering = ["agreement", "item"]
        constraints = [models.UniqueConstraint(fields=["agreement", "item"], name="exchange_line_once")]


class AgreementAct(_Once):
    """One thing that was done to an agreement."""

    class Kind(models.TextChoices):
        """What was done."""

        PROPOSED = "proposed", "提出"
        APPROVED = "approved", "批准"
        REFUSED = "refused", "退回"
        SUSPENDED = "suspended", "暂停"
        RESUMED = "resumed", "恢复"
        ENDED = "ended", "终止"

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="acts")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    words = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["agreement", "number"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "number"], name="exchange_agreement_act_once"),
            models.UniqueConstraint(
                fields=["agreement"], condition=Q(kind="approved"), name="exchange_agreement_approved_once"
            ),
            models.CheckConstraint(
                name="exchange_agreement_stop_says_why",
                condition=~Q(kind__in=["refused", "suspended", "ended"]) | ~Q(words=""),
            ),
        ]


class Allowance(models.Model):
    """How many rows of an agreement were judged on a day. The constraint is the daily limit."""

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="allowances")
    day = models.DateField()
    sandbox = models.BooleanField(default=False)
    rows = models.PositiveIntegerField(default=0)
    limit = models.PositiveIntegerField()

    class Meta:
        ordering = ["agreement", "day", "sandbox"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "day", "sandbox"], name="exchange_allowance_once"),
            models.CheckConstraint(name="exchange_within_daily_limit", condition=Q(rows__lte=F("limit"))),
        ]


# ── calls ───────────────────────────────────────────────────────────────────────────────────────


class Receipt(models.Model):
    """What a client got for one handing-over. The same key gives the same receipt."""

    number = models.CharField("回执号", max_length=24, unique=True)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="receipts")
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="receipts")
    delivery = models.OneToOneField(Delivery, on_delete=models.PROTECT, related_name="receipt")
    key = models.CharField(max_length=128)
    """``Idempotency-Key`` of the call."""
    digest = models.CharField(max_length=64)
    """SM3 of what was asked: operation and body."""
    given_at = models.DateTimeField()
    warnings = models.JSONField(default=list)
    """Of the whole batch: code, sentence, basis, next step."""
    resends = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="resent")
    """The receipt whose queried rows were handed over again; their numbers are kept."""

    objects = _OfClient["Receipt"].as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["client", "key"], name="exchange_key_once")]


class Call(_Once):
    """One call of a known client, for the steward's page: how it ended, and how long it took."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="calls")
    at = models.DateTimeField()
    operation = models.CharField(max_length=60)
    item = models.CharField(max_length=60, blank=True)
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=20, blank=True)
    """Of the problem, when it was refused."""
    sentence = models.CharField(max_length=400, blank=True)
    rows = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(default=0)

    objects = _OfClient["Call"].as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["client", "-at"], name="exchange_call_of_client")]


# Further tables of the room, which rest on the above.
import xinlu.exchange.publicity_models  # noqa: E402
import xinlu.exchange.pull_models  # noqa: E402, F401
