"""Who may see what of the ledger. Asked of the catalogue each time; nothing is copied into the records.

| asker | records | standings |
| --- | --- | --- |
| public | public items of firms while their publicity lasts; never of vehicles | of firms, rated |
| the subject itself | all its own but internal ones, and the public's | its own, and the public's |
| officer | in region and sector up to the data level; of own sources; and the public's | in region; of firms |
| system | all | all |
"""

from __future__ import annotations

from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from xinlu.access import masking
from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.law.catalogue import Disclosure, FieldType, Item, Publicity
from xinlu.registry.models import NEVER_LISTED, Relation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xinlu.law.catalogue import Field

NOTHING = Q(pk__in=[])
FIRMS = Q(subject__natural_person=False)
COLUMNS = ("occurred_on", "effective_from", "effective_until")


class DayMissing(ValueError):
    """Publicity was asked for without a day."""


def delivery_visible(scope: Scope, *, prefix: str) -> Q:
    """Filter of deliveries (``prefix`` leads to the delivery) for a scope that is not the system's."""
    if scope.kind != "officer":
        return NOTHING
    own = Q(**{f"{prefix}source__organ__code": scope.organ})
    hidden = [name for name, item in current.catalogue().items.items() if not officer_sees_item(scope, item)]
    return own | (scope.in_regions(f"{prefix}source__organ__region") & ~Q(**{f"{prefix}item__in": hidden}))


def record_visible(scope: Scope, on: date | None) -> Q:
    """Filter of record versions for a scope that is not the system's."""
    if on is None:
        raise DayMissing("which records are public depends on the day: .within(scope, on=day)")
    items = current.catalogue().items
    match scope.kind:
        case "subject":
            own = [name for name, item in items.items() if item.disclosure != Disclosure.INTERNAL]
            return _published(items, on, _listed(scope)) | (Q(item__in=own) & _names(subject=scope.subject))
        case "officer":
            return _for_officer(scope, items, on)
    return _published(items, on, _listed(scope))


def _listed(scope: Scope) -> Q:
    """Filter by ``subject``: firms, and of the vehicles only those that the asker operates."""
    listed = Q(subject__natural_person=False) & ~Q(subject__kind__in=NEVER_LISTED)
    if scope.kind != "subject":
        return listed
    held = Relation.objects.filter(from_subject=scope.subject, superseded_at__isnull=True)
    return listed | (Q(subject__natural_person=False) & Q(subject__in=held.values("to_subject")))


def _for_officer(scope: Scope, items: Mapping[str, Item], on: date) -> Q:
    seen = {name for name, item in items.items() if officer_sees_item(scope, item)}
    if scope.everywhere:
        # All of an item that he sees is his already; publicity is asked of the others only.
        others = {name: item for name, item in items.items() if name not in seen}
        return Q(item__in=sorted(seen)) | _published(others, on, FIRMS)
    here = Q(source__organ__code=scope.organ) | _names_in(scope)
    return (Q(item__in=sorted(seen)) & here) | _published(items, on, FIRMS)


def officer_sees_item(scope: Scope, item: Item) -> bool:
    """Whether sector and data level of ``item`` lie in an officer's scope."""
    return scope.covers_sector(item.sector) and scope.sees_level(item.level)


def standing_visible(scope: Scope) -> Q:
    """Filter of standings for a scope that is not the system's."""
    rated = Q(status="rated")
    match scope.kind:
        case "subject":
            return (_listed(scope) & rated) | Q(subject=scope.subject)
        case "officer":
            return (FIRMS & rated) | scope.in_regions("subject__region")
    return _listed(scope) & rated


def shown_fields(scope: Scope, item: Item, payload: Mapping[str, object]) -> dict[str, object]:
    """The payload as ``scope`` may see it: fields above its level are masked, or left out when no mask is named.

    The subject itself and officers see L3 values masked too; a clear value is a separate, logged act. Identity and
    mobile numbers inside a text are masked whatever its level.
    """
    shown: dict[str, object] = {}
    for field in item.fields:
        value = payload.get(field.name)
        if value is None:
            continue
        if scope.kind == "system" or field.level == "L1" or _in_clear(scope, field):
            shown[field.name] = value if scope.kind == "system" else free_text(field, value)
        elif field.mask != "none":
            shown[field.name] = _masked(field, value)
    return shown


def free_text(field: Field, value: object) -> object:
    """``value`` with the numbers of persons in it masked, if the field is a text that anything may stand in."""
    if field.type is not FieldType.TEXT:
        return value
    if isinstance(value, list):
        return [masking.within(str(one)) for one in value]
    return masking.within(str(value))


def _in_clear(scope: Scope, field: Field) -> bool:
    return field.level == "L2" and scope.sees_level("L2")


def _masked(field: Field, value: object) -> object:
    if isinstance(value, list):
        return [masking.mask(field.mask, str(one)) for one in value]
    return masking.mask(field.mask, str(value))


def _published(items: Mapping[str, Item], on: date, whose: Q) -> Q:
    parts = [_publicity(item, on) for item in items.values() if item.disclosure == Disclosure.PUBLIC]
    anybody = Q(superseded_at__isnull=True) & (Q(subject__isnull=True) | whose)
    return anybody & reduce(or_, parts, NOTHING)


def _publicity(item: Item, on: date) -> Q:
    """A public item is shown from its start until its publicity ends.

    An end that only a rulebook can give is not known here: such a record is not shown.
    """
    found = Q(item=item.item)
    rule = item.publicity
    if rule is None:
        return found & Q(occurred_on__lte=on)
    if rule.months is None and rule.until is None and rule.rulebook is not None:
        return NOTHING
    return found & _running(rule, on)


def _running(rule: Publicity, on: date) -> Q:
    found = _compare(rule.start, "lte", on)
    if rule.months is not None:
        found &= _compare(rule.start, "gt", months_before(on, rule.months))
    if rule.until is not None:
        # A date field names the last day shown; the column effective_until names the first day after it.
        last = _compare(rule.until, "gt" if rule.until == "effective_until" else "gte", on)
        if rule.until == "effective_until":
            last |= Q(effective_until__isnull=True)
        elif rule.until not in COLUMNS:
            last |= Q(**{f"payload__{rule.until}__isnull": True})
        found &= last
    return found


def _compare(column: str, bound: str, day: date) -> Q:
    if column in COLUMNS:
        return Q(**{f"{column}__{bound}": day})
    return Q(**{f"payload__{column}__{bound}": day.isoformat()})


def months_before(day: date, months: int) -> date:
    """The latest day whose publicity of ``months`` is over on ``day``.

    A record that started on ``s`` is shown while ``day < add(s, months)``, where the day of the month is clamped
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


def _names(*, subject: int | None) -> Q:
    from xinlu.ledger.models import RecordRole

    return Q(Exists(RecordRole.objects.filter(version=OuterRef("pk"), subject=subject)))


def _names_in(scope: Scope) -> Q:
    from xinlu.ledger.models import RecordRole

    roles = RecordRole.objects.filter(scope.in_regions("subject__region"), version=OuterRef("pk"))
    return Q(Exists(roles))
