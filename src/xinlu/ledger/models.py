"""Records in two time axes, where they came from, and the standings.

A :class:`Record` row is one *version* of a record; ``record`` is the number that all its versions share.
"""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from django.db import models
from django.db.models import F, Q

from xinlu.access.models import Organ
from xinlu.access.scope import Scope, ScopedQuerySet
from xinlu.ledger import disclosure
from xinlu.registry.models import Subject

_M = TypeVar("_M", bound=models.Model, covariant=True)


class Source(models.Model):
    """A system of an organ that hands rows over."""

    class Kind(models.TextChoices):
        """Way in."""

        FILE = "file", "文件报送"
        PLATFORM = "platform", "平台对接"
        SELF = "self", "自主填报"
        XINLU = "xinlu", "本平台产生"

    code = models.CharField("数据源", max_length=60, unique=True)
    title = models.CharField("名称", max_length=120)
    organ = models.ForeignKey(Organ, on_delete=models.PROTECT, related_name="sources")
    kind = models.CharField(max_length=12, choices=Kind.choices)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.title


class DeliveryQuerySet(ScopedQuerySet[_M]):
    """Deliveries hold raw rows: the delivering organ sees them, and organs above its region."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        return disclosure.delivery_visible(scope, prefix="")


class DeliveryRowQuerySet(ScopedQuerySet[_M]):
    """Rows of a delivery are seen by whom the delivery is seen by."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        return disclosure.delivery_visible(scope, prefix="delivery__")


class Delivery(models.Model):
    """One handing-over of rows by one source. When it is closed, every row is accounted for."""

    class Way(models.TextChoices):
        """How the rows arrived: a source that hands over files today may call the interface tomorrow."""

        FILE = "file", "文件报送"
        API = "api", "接口报送"
        PULL = "pull", "主动抽取"
        FEED = "feed", "感知数据流"
        FORM = "form", "自主填报"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="deliveries")
    item = models.CharField(max_length=60, blank=True)
    """Catalogue item of the rows; empty when the rows say it themselves."""
    file_name = models.CharField(max_length=240, blank=True)
    digest = models.CharField(max_length=64)
    way = models.CharField("报送方式", max_length=8, choices=Way.choices, default=Way.FILE)
    received_at = models.DateTimeField(db_index=True)
    received_by = models.CharField(max_length=80)
    closed_at = models.DateTimeField(null=True)
    delivered = models.IntegerField(default=0)
    accepted = models.IntegerField(default=0)
    queried = models.IntegerField(default=0)
    duplicate = models.IntegerField(default=0)
    columns = models.JSONField(default=list)
    """Names of the columns as delivered, in their order."""

    objects = DeliveryQuerySet["Delivery"].as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["source", "digest"], name="ledger_delivery_digest")]
        constraints = [
            models.CheckConstraint(
                name="ledger_delivery_accounts_for_all",
                condition=Q(closed_at__isnull=True) | Q(delivered=F("accepted") + F("queried") + F("duplicate")),
            ),
            models.CheckConstraint(
                name="ledger_delivery_way_known",
                condition=Q(way__in=["file", "api", "pull", "feed", "form"]),
            ),
        ]


class TakenBack(models.Model):
    """A delivery was taken back whole; that can happen once."""

    class Kind(models.TextChoices):
        """Undone: soon, and before anything was made of it. Withdrawn: later, or after a standing had read it."""

        UNDONE = "undone", "已撤销"
        WITHDRAWN = "withdrawn", "已撤回"

    delivery = models.OneToOneField(Delivery, primary_key=True, on_delete=models.PROTECT, related_name="taken_back")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.CharField(max_length=400)
    by = models.CharField(max_length=80)
    at = models.DateTimeField()
    change = models.BigIntegerField(null=True, db_index=True)
    withdrawn = models.IntegerField(default=0)
    restored = models.IntegerField(default=0)

    class Meta:
        ordering = ["delivery"]
        constraints = [models.CheckConstraint(name="ledger_taken_back_says_why", condition=~Q(reason=""))]


class DeliveryRow(models.Model):
    """What became of one row."""

    class Outcome(models.TextChoices):
        """Accepted (a new record, version or withdrawal), queried (疑问数据), or a duplicate."""

        ACCEPTED = "accepted", "已入库"
        QUERIED = "queried", "疑问"
        DUPLICATE = "duplicate", "重复"

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="rows")
    number = models.IntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    code = models.CharField(max_length=20, blank=True)
    sentence = models.CharField(max_length=600, blank=True)
    field = models.CharField(max_length=80, blank=True)
    raw = models.JSONField(null=True)
    """The row as delivered, kept of a queried row."""
    record = models.BigIntegerField(null=True, db_index=True)
    columns = models.JSONField(null=True)
    """Of a queried row, the names of the columns that are wrong; ``field`` is the first."""

    objects = DeliveryRowQuerySet["DeliveryRow"].as_manager()

    class Meta:
        ordering = ["delivery", "number"]
        indexes = [
            models.Index(fields=["code", "-delivery"], condition=Q(outcome="queried"), name="ledger_row_queried"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="ledger_row_once"),
            models.CheckConstraint(
                name="ledger_queried_row_says_why",
                condition=~Q(outcome="queried") | (~Q(code="") & ~Q(sentence="")),
            ),
        ]


class RecordQuerySet(ScopedQuerySet[_M]):
    """Who sees which version; ``on`` is the day on which publicity must last."""

    def visible(self, scope: Scope, on: date | None) -> Q:
        return disclosure.record_visible(scope, on)

    def current(self) -> RecordQuerySet[_M]:
        """Versions that nothing has superseded."""
        return self.filter(superseded_at__isnull=True)


class Record(models.Model):
    """One version of one record under one catalogue item."""

    record = models.BigIntegerField("记录编号")
    item = models.CharField(max_length=60)
    key = models.CharField(max_length=400)
    """Business key: the parts that the catalogue names, joined by ``|``."""
    digest = models.CharField(max_length=64)
    """Of the content: payload, roles, dates and parent."""
    parent = models.BigIntegerField(null=True, db_index=True)
    subject = models.ForeignKey(Subject, null=True, on_delete=models.PROTECT, related_name="+")
    """Who stands in the main role."""
    occurred_on = models.DateField()
    effective_from = models.DateField()
    effective_until = models.DateField(null=True)
    payload = models.JSONField(default=dict)
    """Field → text, list of texts when ``many``; a missing field is absent."""
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    change = models.BigIntegerField(db_index=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.PROTECT, related_name="+")
    row = models.IntegerField(null=True)
    withdrawn = models.BooleanField(default=False)
    """The version was superseded by a withdrawal: nothing came after it."""
    reason = models.CharField(max_length=400, blank=True)
    """Why the version came, or went: correction, withdrawal, merge."""

    objects = RecordQuerySet["Record"].as_manager()

    class Meta:
        ordering = ["record", "recorded_at"]
        indexes = [
            models.Index(fields=["item", "key"], name="ledger_record_key"),
            models.Index(fields=["subject", "item"], name="ledger_record_subject"),
            models.Index(
                fields=["item", "-occurred_on", "record"],
                condition=Q(superseded_at__isnull=True),
                name="ledger_record_of_item",
            ),
            models.Index(
                fields=["-occurred_on", "record"],
                condition=Q(superseded_at__isnull=True),
                name="ledger_record_newest",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "item", "key"],
                condition=Q(superseded_at__isnull=True),
                name="ledger_record_current_once",
            ),
            models.UniqueConstraint(fields=["record", "recorded_at"], name="ledger_version_once"),
            models.CheckConstraint(
                name="ledger_record_superseded_later",
                condition=Q(superseded_at__isnull=True) | Q(superseded_at__gt=F("recorded_at")),
            ),
            models.CheckConstraint(
                name="ledger_record_ends_after_start",
                condition=Q(effective_until__isnull=True) | Q(effective_until__gte=F("effective_from")),
            ),
            models.CheckConstraint(
                name="ledger_withdrawn_is_superseded",
                condition=Q(withdrawn=False) | Q(superseded_at__isnull=False),
            ),
        ]


class RecordRole(models.Model):
    """A version names a subject in a role."""

    version = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="roles")
    role = models.CharField(max_length=40)
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="roles")

    class Meta:
        ordering = ["version", "role", "subject"]
        constraints = [
            models.UniqueConstraint(fields=["version", "role", "subject"], name="ledger_role_once"),
        ]
        indexes = [models.Index(fields=["subject", "role"], name="ledger_role_subject")]


class StandingQuerySet(ScopedQuerySet[_M]):
    """Published standings of firms are everybody's; those of persons are their own and their region's."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        return disclosure.standing_visible(scope)

    def in_force(self, on: date) -> StandingQuerySet[_M]:
        """Standings that are known now and in force on ``on``."""
        return self.filter(
            Q(effective_until__isnull=True) | Q(effective_until__gt=on),
            version__superseded_at__isnull=True,
            effective_from__lte=on,
        )


class Standing(models.Model):
    """The columns of a version of the item 评价结果 by which standings are asked for."""

    class Kind(models.TextChoices):
        """How the standing came to be."""

        PUBLISHED = "published", "发布"
        CARRIED = "carried", "沿用"
        INHERITED = "inherited", "承继"
        IMPORTED = "imported", "引入"

    version = models.OneToOneField(Record, primary_key=True, on_delete=models.PROTECT)
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="standings")
    book = models.CharField(max_length=120)
    book_version = models.CharField(max_length=40, blank=True)
    output = models.CharField(max_length=60)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    status = models.CharField(max_length=12)
    level = models.CharField(max_length=40, blank=True)
    score = models.DecimalField(max_digits=18, decimal_places=6, null=True)
    grade = models.CharField(max_length=12, blank=True)
    jurisdiction = models.CharField(max_length=40, blank=True)
    run = models.CharField(max_length=80, blank=True)
    as_of = models.DateField()
    effective_from = models.DateField()
    effective_until = models.DateField(null=True)

    objects = StandingQuerySet["Standing"].as_manager()

    class Meta:
        ordering = ["subject", "book", "output", "effective_from"]
        indexes = [
            models.Index(fields=["subject", "book"], name="ledger_standing_subject"),
            models.Index(fields=["book", "output", "level"], name="ledger_standing_level"),
        ]


class Because(models.TextChoices):
    """Why a record was archived."""

    LAPSED = "lapsed", "不良信息使用期限届满"
    RETAINED = "retained", "保存期限届满"
    REVOKED = "revoked", "决定被撤销"
    PARENT = "parent", "随上级记录"


class Archived(models.Model):
    """A version that a deed took out of use. It stays readable in the archive until its record is destroyed."""

    version = models.OneToOneField(Record, primary_key=True, on_delete=models.PROTECT, related_name="archived")
    record = models.BigIntegerField(db_index=True)
    because = models.CharField(max_length=10, choices=Because.choices)
    archived_at = models.DateTimeField()
    archived_by = models.CharField(max_length=80)
    change = models.BigIntegerField(db_index=True)

    class Meta:
        ordering = ["version"]
        constraints = [
            models.CheckConstraint(
                name="ledger_archived_for_a_reason",
                condition=Q(because__in=["lapsed", "retained", "revoked", "parent"]),
            ),
        ]


class Destruction(models.Model):
    """An order to destroy archived records whose time is over: one person proposes it, another one carries it out.

    ``digest`` is that of the numbers of all records that the order names, so that nobody carries out another list.
    """

    as_of = models.DateField("截至")
    item = models.CharField(max_length=60, blank=True)
    """Catalogue item; empty for all."""
    reason = models.CharField("事由", max_length=400)
    records = models.IntegerField("记录数")
    digest = models.CharField(max_length=64)
    proposed_by = models.CharField(max_length=80)
    proposed_at = models.DateTimeField()
    done_by = models.CharField(max_length=80, blank=True)
    done_at = models.DateTimeField(null=True)
    change = models.BigIntegerField(null=True, db_index=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="ledger_destroyed_by_two", condition=Q(done_by="") | ~Q(done_by=F("proposed_by"))
            ),
            models.CheckConstraint(
                name="ledger_destruction_whole",
                condition=Q(done_by="", done_at__isnull=True, change__isnull=True)
                | (~Q(done_by="") & Q(done_at__isnull=False, change__isnull=False)),
            ),
            models.CheckConstraint(name="ledger_destruction_says_why", condition=~Q(reason="")),
        ]


class DestroyedQuerySet(ScopedQuerySet[_M]):
    """Stubs are seen by the officers who would have seen the record."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        return disclosure.stub_visible(scope)


class Destroyed(models.Model):
    """What is left of a destroyed record: that it was, under which item, the digest of its content, and why it went.

    Nothing here leads to a person: ``key`` is a keyed digest by which the record is known if it comes again.
    """

    record = models.BigIntegerField(primary_key=True)
    item = models.CharField(max_length=60)
    key = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    """Content of the last version, as :attr:`Record.digest` had it."""
    versions = models.IntegerField()
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    region = models.CharField(max_length=12, blank=True)
    because = models.CharField(max_length=10, choices=Because.choices)
    archived_at = models.DateTimeField()
    destroyed_at = models.DateTimeField()
    order = models.ForeignKey(Destruction, on_delete=models.PROTECT, related_name="stubs")

    objects = DestroyedQuerySet["Destroyed"].as_manager()

    class Meta:
        ordering = ["record"]
        indexes = [models.Index(fields=["item", "key"], name="ledger_destroyed_key")]


class ObservationFileQuerySet(ScopedQuerySet[_M]):
    """Files of observations are seen by whom their delivery is seen by."""

    def visible(self, scope: Scope, on: date | None) -> Q:  # noqa: ARG002
        return disclosure.delivery_visible(scope, prefix="delivery__")


class ObservationFile(models.Model):
    """One file of observations. The rows in the files are the truth; which files are in force is said here.

    A file is written once and never changed. Its name tells the digest of its content.
    """

    class Kind(models.TextChoices):
        """What the rows are."""

        BASE = "base", "过车记录"
        LATER = "later", "更正与撤回"
        INDEX = "index", "行与记录"
        QUERIED = "queried", "疑问数据"

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="observation_files")
    item = models.CharField(max_length=60)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=120)
    rows = models.BigIntegerField()
    size = models.BigIntegerField()
    first_record = models.BigIntegerField(null=True)
    last_record = models.BigIntegerField(null=True)
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    change = models.BigIntegerField(db_index=True)

    objects = ObservationFileQuerySet["ObservationFile"].as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["item", "kind", "first_day", "last_day"], name="ledger_observed_days"),
            models.Index(fields=["kind", "first_record", "last_record"], name="ledger_observed_records"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["item", "name"], name="ledger_observed_once"),
            models.CheckConstraint(
                name="ledger_observed_kind", condition=Q(kind__in=["base", "later", "index", "queried"])
            ),
        ]
