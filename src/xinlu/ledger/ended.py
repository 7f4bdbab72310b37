"""What ends the use or the publicity of a record before or beside its period, as filters of record versions.

All of it is asked of other records on a day: a penalty classification, a list, a repair. ``NOTHING`` where the rules of
the life cycle say nothing of an item, so that no other table is looked at.
"""

from __future__ import annotations

from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, TypeGuard

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, LessThan, LessThanOrEqual

from xinlu.gazette import current
from xinlu.law.life_cycle import Told
from xinlu.ledger.days import Day, MonthsLater
from xinlu.ledger.terms import Term

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from xinlu.ledger.models import Record

NOTHING = Q(pk__in=[])


def during(term: Term) -> Q:
    """Records that a term governs."""
    found = Q(item__in=term.names) if term.names else Q(item=term.item.item)
    if term.since is not None:
        found &= Q(occurred_on__gte=term.since)
    if term.until is not None:
        found &= Q(occurred_on__lt=term.until)
    return found


def alike(term: Term) -> tuple[object, ...]:
    """What decides how use and keeping of a record end: terms that are alike in it are asked about together."""
    adverse = is_adverse(term)
    life = term.life
    return (
        adverse,
        _start(term) if adverse else "",
        term.item.retention_months,
        life is not None and life.repaired is not None and term.item.field(life.repaired.number) is not None,
        life is not None and any(_says(one, term) for one in (life.set_aside, life.adverse.final, life.adverse.never)),
    )


def is_adverse(term: Term) -> bool:
    """Whether records of a term are adverse information (不良信息)."""
    return term.life is not None and term.item.nature in term.life.adverse.natures


def never(term: Term, on: date) -> Q:
    """Records that are no adverse information on a day: of a summary procedure, or not final yet."""
    if not is_adverse(term) or term.life is None:
        return NOTHING
    parts = []
    if _says(term.life.adverse.never, term):
        told = term.life.adverse.never
        parts.append(_child(told, Q(**{f"payload__{told.field}": "true"})))
    if _says(term.life.adverse.final, term):
        told = term.life.adverse.final
        parts.append(_child(told, Q(**{f"payload__{told.field}__gt": on.isoformat()})))
    return during(term) & reduce(or_, parts) if parts else NOTHING


def revoked(term: Term, on: date) -> Q:
    """Records whose decision was revoked (撤销) by ``on``."""
    told = term.life.set_aside if term.life else None
    if not _says(told, term):
        return NOTHING
    return during(term) & _child(told, Q(**{f"payload__{told.field}__lte": on.isoformat()}))


def repaired(term: Term, on: date) -> Q:
    """Records whose repair (信用修复) was granted by ``on``."""
    rule = term.life.repaired if term.life else None
    if rule is None or not is_adverse(term) or term.item.field(rule.number) is None:
        return NOTHING
    granted = _records().filter(
        Exact(KeyTextTransform(rule.names.number, F("payload")), KeyTextTransform(rule.number, OuterRef("payload"))),
        Exact(KeyTextTransform(rule.names.item, F("payload")), OuterRef("item")),
        # Not the plain column: SQLite would look through all repairs by day instead of those of the subject.
        LessThanOrEqual(Coalesce(F("occurred_on"), F("occurred_on")), on),
        item=rule.item,
        subject=OuterRef("subject"),
        **{f"payload__{rule.result.field}": rule.result.value},
    )
    return during(term) & Q(Exists(granted))


def lapsed(term: Term, on: date) -> Q:
    """Adverse records whose term of use is over on ``on``, and that no list holds which was running on its last day."""
    if not is_adverse(term) or term.life is None:
        return NOTHING
    adverse = term.life.adverse
    start = _start(term)
    over = during(term)
    if start == "occurred_on":
        over &= Q(occurred_on__lte=months_before(on, adverse.months))
    else:
        over &= Q(LessThanOrEqual(MonthsLater(Day(KeyTextTransform(start, F("payload"))), adverse.months), on))
    if adverse.held_by is None:
        return over
    return over & ~Q(Exists(_holding(term, start, on)))


def lapse_day(term: Term) -> MonthsLater:
    """SQL of the first day on which an adverse record is no longer used, lists left aside."""
    assert term.life is not None
    return MonthsLater(_outer_start(_start(term), F), term.life.adverse.months)


def _holding(term: Term, start: str, on: date) -> QuerySet[Record]:
    assert term.life is not None
    assert term.life.adverse.held_by is not None
    ends = MonthsLater(_outer_start(start, OuterRef), term.life.adverse.months)
    return _records().filter(
        Q(effective_until__isnull=True) | Q(effective_until__gt=on),
        LessThan(F("effective_from"), ends),
        item__in=term.life.adverse.held_by.items,
        subject=OuterRef("subject"),
    )


def _outer_start(start: str, reference: type[F]) -> Combinable:
    if start == "occurred_on":
        return reference(start)
    return Day(KeyTextTransform(start, reference("payload")))


def _start(term: Term) -> str:
    """The day from which the term of use counts: a field that the item has, else the day of recognition."""
    assert term.life is not None
    return next((name for name in term.life.adverse.starts if term.item.field(name)), "occurred_on")


def _says(told: Told | None, term: Term) -> TypeGuard[Told]:
    """Whether records of ``term`` have children that say it."""
    item = current.catalogue().items.get(told.item) if told else None
    return item is not None and item.parent == term.item.item


def _child(told: Told, where: Q) -> Q:
    return Q(Exists(_records().filter(where, item=told.item, parent=OuterRef("record"))))


def _records() -> QuerySet[Record]:
    """Current versions, whoever asks: what is asked of them is a fact about another record."""
    from xinlu.ledger.models import Record

    return Record._base_manager.filter(superseded_at__isnull=True)


def months_before(day: date, months: int) -> date:
    """The latest day whose period of ``months`` is over on ``day``.

    A period that started on ``s`` runs while ``day < add(s, months)``, where the day of the month is clamped
    at month ends; so ``s`` must lie after the last ``s`` for which ``add(s, months) <= day``.

    >>> months_before(date(2024, 2, 29), 12), months_before(date(2023, 2, 28), 12)
    (datetime.date(2023, 2, 28), datetime.date(2022, 2, 28))
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = _last_day(year, month + 1)
    # On the last day of a short month, every start at the end of the longer month is over as well.
    clamped = last if day.day == _last_day(day.year, day.month) else min(day.day, last)
    return date(year, month + 1, clamped)


def _last_day(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - date.resolution).day


def kept_over(term: Term, on: date) -> Q:
    """Records whose period of keeping (保存期限) is over on ``on``.

    Adverse records of an item without a period of its own are kept as long as they are used. None is let go of while
    its term of use runs on, whatever the catalogue says of keeping, unless the catalogue's period is the shorter one.
    """
    months = term.item.retention_months
    if not is_adverse(term) or term.life is None:
        return NOTHING if months is None else during(term) & Q(occurred_on__lte=months_before(on, months))
    if months is None:
        return lapsed(term, on)
    over = Q(occurred_on__lte=months_before(on, months))
    if months >= term.life.adverse.months:
        return over & lapsed(term, on)
    if term.life.adverse.held_by is None:
        return during(term) & over
    return during(term) & over & ~Q(Exists(_holding(term, _start(term), on)))
