"""Judge a delivery by the quality rules: which checks ran, how many rows failed each, and whether a floor was broken.

Runs inside the transaction of the delivery, in two steps:

1. :func:`judge`, after the rows were taken and before anything is final. Checks by code count the outcomes; the
   others ask the database once, for all of them together.
2. :func:`keep`, after the delivery was closed: the results, and each failing row, by one statement a check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from xinlu.gazette import current
from xinlu.intake.measured import CheckResult, RowFault
from xinlu.law.library import Library
from xinlu.law.quality import Check, QualityRules, checks_of, first_in_time, rhythm_of
from xinlu.ledger.models import Delivery, DeliveryRow, Record, RecordRole
from xinlu.ledger.record import Kind, Outcome
from xinlu.registry.models import SubjectPeriod

CHINA = ZoneInfo("Asia/Shanghai")
HELD, UNCHECKED = "Q01", "Q02"
"""Codes of the rows of a delivery that was held: below a floor, or looked at by no check."""
_CHUNK = 900


@dataclass(frozen=True)
class Judged:
    """One check over one delivery. ``rows``: numbers of the failing rows where they would be lost by holding."""

    rules: QualityRules
    check: Check
    ran: int
    failed: int
    floor: Decimal | None
    rows: tuple[int, ...] | None = None

    @property
    def breached(self) -> bool:
        """Whether fewer rows passed than the floor asks for."""
        return self.floor is not None and self.ran - self.failed < self.floor * self.ran

    @property
    def words(self) -> str:
        """How it stands against its floor, for people."""
        share = Decimal(100) * (self.ran - self.failed) / self.ran
        return f"“{self.check.title}”的行占 {share:.1f}%，低于最低占比 {100 * (self.floor or 0):.0f}%"


def judge(delivery: Delivery, outcomes: Sequence[Outcome]) -> list[Judged]:
    """Every check that ran over the rows of ``delivery``; none is in the list that had no row to look at."""
    law, carries, on = current.library(), delivery.item, received_on(delivery)
    declared = checks_of(law.quality.values(), carries, on=on)
    size = len(outcomes)
    counts = _by_code(declared, outcomes)
    counts |= _by_record(delivery, declared, law, on)
    found = []
    for rules, check in declared:
        ran, failed = counts.get(check.check, (0, 0))
        if ran:
            floor = check.floor if size >= rules.least_rows else None
            found.append(_with_rows(delivery, law, Judged(rules, check, ran, failed, floor), on))
    return found


def keep(delivery: Delivery, judged: Iterable[Judged]) -> None:
    """Write what the checks said of a closed delivery, and which rows failed them."""
    several = list(judged)
    results = CheckResult._base_manager.bulk_create(
        [
            CheckResult(
                delivery=delivery,
                rules=one.rules.quality,
                name=one.check.check,
                dimension=one.check.dimension.value,
                month=received_on(delivery).replace(day=1),
                way=one.check.fails.way,
                ran=one.ran,
                failed=one.failed,
                floor=one.floor,
                ceiling=one.check.ceiling,
            )
            for one in several
        ]
    )
    law, on = current.library(), received_on(delivery)
    named = _named([(one.rules, one.check) for one in several])
    for one, result in zip(several, results, strict=True):
        for rows in _failing_rows(delivery, law, one, on, named) if one.failed else ():
            _insert(result, rows)


def received_on(delivery: Delivery) -> date:
    """The day in China on which a delivery came."""
    return delivery.received_at.astimezone(CHINA).date()


# ── checks by code: over the outcomes ───────────────────────────────────────────────────────────


def _by_code(declared: Sequence[tuple[QualityRules, Check]], outcomes: Sequence[Outcome]) -> dict[str, tuple[int, int]]:
    codes = Counter(one.code for one in outcomes if one.code)
    refused = Counter(one.code for one in outcomes if one.outcome == "queried")
    repeats = sum(one.outcome == "duplicate" for one in outcomes)
    named, size = _named(declared), len(outcomes)
    found = {}
    for _, check in declared:
        fails = check.fails
        if fails.codes:
            found[check.check] = (size, sum(codes[code] for code in fails.codes))
        elif fails.others:
            found[check.check] = (size, sum(number for code, number in refused.items() if code not in named))
        elif fails.repeats:
            found[check.check] = (size, repeats)
    return found


def _named(declared: Iterable[tuple[QualityRules, Check]]) -> frozenset[str]:
    """Codes that some check names; what is held is no mistake of its row."""
    return frozenset({HELD, UNCHECKED, "E29"}.union(*(check.fails.codes for _, check in declared)))


# ── checks of records: one question to the database ─────────────────────────────────────────────


def _by_record(
    delivery: Delivery, declared: Sequence[tuple[QualityRules, Check]], law: Library, on: date
) -> dict[str, tuple[int, int]]:
    if delivery.item not in law.catalogue.items:
        return {}
    asked: dict[str, Count] = {}
    for _, check in declared:
        if check.fails.of_accepted and (failing := _failing(delivery, law, check, on)) is not None:
            over, fails = failing
            asked[f"ran_{check.check}"] = Count("pk", filter=over)
            asked[f"failed_{check.check}"] = Count("pk", filter=over & fails)
    if not asked:
        return {}
    numbers: dict[str, int] = _records(delivery).aggregate(**asked)
    names = [name.removeprefix("ran_") for name in numbers if name.startswith("ran_")]
    return {name: (numbers[f"ran_{name}"], numbers[f"failed_{name}"]) for name in names}


def _records(delivery: Delivery) -> QuerySet[Record]:
    """The versions that came with a delivery, not those by which the ledger followed a merge."""
    return Record._base_manager.filter(delivery=delivery, recorded_at=delivery.received_at)


def _failing(delivery: Delivery, law: Library, check: Check, on: date) -> tuple[Q, Q] | None:
    """Of the versions that came with a delivery: which are looked at, and which of them fail."""
    fails, item = check.fails, law.catalogue.items[delivery.item]
    everyone = Q(pk__isnull=False)
    if fails.late:
        rhythm = rhythm_of(law.quality.values(), item.item, item.cadence, on=on)
        first = first_in_time(on, rhythm.due, law.calendar) if rhythm else None
        earlier = Record._base_manager.filter(record=OuterRef("record"), recorded_at__lt=OuterRef("recorded_at"))
        return None if first is None else (~Q(Exists(earlier)), Q(occurred_on__lt=first))
    if fails.empty:
        # One after the other: a field is empty when the payload has no such key.
        missing = Q()
        for name in fails.empty:
            missing |= ~Q(payload__has_key=name)
        return everyone, missing
    named = Q(subject__isnull=False)
    if fails.name_differs:
        said = KeyTextTransform(fails.name_differs, OuterRef("payload"))
        alike = SubjectPeriod.objects.filter(subject=OuterRef("subject"), superseded_at__isnull=True, name=said)
        return named & Q(subject__natural_person=False), ~Q(Exists(alike))
    if fails.before_registration:
        known = SubjectPeriod.objects.filter(
            subject=OuterRef("subject"), superseded_at__isnull=True, valid_from__lte=OuterRef("occurred_on")
        )
        return named, ~Q(Exists(known))
    if fails.without:
        return everyone, ~Q(Exists(_answers(check)))
    raise AssertionError(check.check)


def _answers(check: Check) -> QuerySet[RecordRole]:
    """Another record that names the same subject, near in time."""
    near = check.fails.without
    assert near is not None
    mine = RecordRole.objects.filter(version=OuterRef(OuterRef("pk")), role=near.role).values("subject")
    found = RecordRole.objects.filter(
        subject__in=mine, version__item=near.item, version__superseded_at__isnull=True
    ).exclude(version=OuterRef("pk"))
    # Days are compared as text-free dates on both databases: the event lies within so many days on either side.
    return found.filter(version__occurred_on__gte=_shifted(-near.days), version__occurred_on__lte=_shifted(near.days))


def _shifted(days: int) -> Any:
    from django.db.models import DateField, ExpressionWrapper

    return ExpressionWrapper(OuterRef("occurred_on") + timedelta(days=days), output_field=DateField())


def _with_rows(delivery: Delivery, law: Library, one: Judged, on: date) -> Judged:
    """Keep the numbers of the rows that broke a floor as records: holding the delivery takes the records back."""
    if not (one.breached and one.check.fails.of_accepted):
        return one
    found = _failing(delivery, law, one.check, on)
    assert found is not None
    numbers = _records(delivery).filter(found[0] & found[1]).order_by("row").values_list("row", flat=True)
    return Judged(one.rules, one.check, one.ran, one.failed, one.floor, tuple(n for n in numbers if n is not None))


# ── keeping the failing rows ────────────────────────────────────────────────────────────────────


def _failing_rows(
    delivery: Delivery, law: Library, one: Judged, on: date, named: frozenset[str]
) -> Iterable[QuerySet[DeliveryRow]]:
    rows, fails = DeliveryRow._base_manager.filter(delivery=delivery), one.check.fails
    if one.rows is not None:
        for start in range(0, len(one.rows), _CHUNK):
            yield rows.filter(number__in=one.rows[start : start + _CHUNK])
    elif fails.codes:
        yield rows.filter(code__in=fails.codes)
    elif fails.others:
        yield rows.filter(outcome="queried").exclude(code__in=named)
    elif fails.repeats:
        yield rows.filter(outcome="duplicate")
    elif (failing := _failing(delivery, law, one.check, on)) is not None:
        versions = _records(delivery).filter(failing[0] & failing[1])
        yield rows.filter(number__in=versions.values("row"))


def _insert(result: CheckResult, rows: QuerySet[DeliveryRow]) -> None:
    """One statement, however many rows: they never pass through this program."""
    query, params = rows.order_by().values("pk").query.sql_with_params()
    table, quote = RowFault._meta.db_table, connection.ops.quote_name
    columns = f"{quote('result_id')}, {quote('row_id')}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(table)} ({columns}) SELECT %s, chosen.* FROM ({query}) AS chosen",  # noqa: S608
            [result.pk, *params],
        )


def judge_older() -> int:
    """Judge deliveries that were closed before there were quality rules; gives how many. None of them is held."""
    done = 0
    for delivery in Delivery._base_manager.filter(closed_at__isnull=False, check_results__isnull=True).order_by("pk"):
        rows = DeliveryRow._base_manager.filter(delivery=delivery).values_list("number", "outcome", "code")
        judged = judge(delivery, [Outcome(number, cast(Kind, kind), code=code) for number, kind, code in rows])
        with transaction.atomic():
            keep(delivery, [replace(one, floor=None) for one in judged])
        done += bool(judged)
    return done
