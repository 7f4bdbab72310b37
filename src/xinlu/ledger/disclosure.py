"""Who may see what of the ledger. Asked of the catalogue each time; nothing is copied into the records.

A record goes by the words that were in force when its fact arose (:mod:`xinlu.ledger.terms`). It is gone from what the
public sees from the day after its last day on, and at once when it was repaired, its decision revoked, or its term of
use is over (:mod:`xinlu.ledger.ended`): these are questions, asked of the records themselves.

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
from xinlu.engine.exact import add_months
from xinlu.gazette import current
from xinlu.law import uses
from xinlu.law.catalogue import Disclosure, FieldType, Item, Publicity
from xinlu.ledger import ended
from xinlu.ledger.ended import months_before
from xinlu.ledger.terms import Term, terms
from xinlu.registry.models import NEVER_LISTED, Relation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xinlu.law.catalogue import Field
    from xinlu.ledger.models import Record

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


def stub_visible(scope: Scope) -> Q:
    """Filter of what is left of destroyed records: for officers, by the region and source that the record had."""
    if scope.kind != "officer":
        return NOTHING
    seen = [name for name, item in current.catalogue().items.items() if officer_sees_item(scope, item)]
    return Q(item__in=seen) & (Q(source__organ__code=scope.organ) | scope.in_regions("region"))


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


def shown_to_public(on: date) -> Q:
    """Filter: versions that anybody may see on the day ``on``."""
    return _published(current.catalogue().items, on, FIRMS & ~Q(subject__kind__in=NEVER_LISTED))


def _published(items: Mapping[str, Item], on: date, whose: Q) -> Q:
    parts = [_publicity(term, on) for name in items for term in terms()[name]]
    anybody = Q(superseded_at__isnull=True) & (Q(subject__isnull=True) | whose)
    return anybody & reduce(or_, parts, NOTHING)


def _publicity(term: Term, on: date) -> Q:
    """A record of a public item is shown from its start until its publicity ends.

    An end that only a rulebook can give is not known here: such a record is not shown.
    """
    rule = term.item.publicity
    if not uses.permits(term.item, uses.Use.PUBLICITY):
        return NOTHING
    found = ended.during(term)
    if rule is None:
        found &= Q(occurred_on__lte=on)
    elif rule.months is None and rule.until is None and rule.rulebook is not None:
        return NOTHING
    else:
        found &= _running(rule, on)
    return (
        found & ~ended.never(term, on) & ~ended.revoked(term, on) & ~ended.repaired(term, on) & ~ended.lapsed(term, on)
    )


def _begun(term: Term, on: date) -> Q:
    """Publicity of a record of a public item has begun, whether it lasts or not."""
    rule = term.item.publicity
    if not uses.permits(term.item, uses.Use.PUBLICITY):
        return NOTHING
    if rule is not None and rule.months is None and rule.until is None and rule.rulebook is not None:
        return NOTHING
    return ended.during(term) & _compare(rule.start if rule else "occurred_on", "lte", on)


def has_begun(on: date) -> Q:
    """Filter: records of firms under public items whose publicity had begun by ``on``."""
    parts = [_begun(term, on) for several in terms().values() for term in several]
    return (Q(subject__isnull=True) | (FIRMS & ~Q(subject__kind__in=NEVER_LISTED))) & reduce(or_, parts, NOTHING)


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


def publicity_days(version: Record, rule: Publicity) -> tuple[date | None, date | None]:
    """First day shown, and first day no longer shown, of one record by its own days; None: unknown or open."""

    def day(name: str) -> date | None:
        if name in COLUMNS:
            found: date | None = getattr(version, name)
            return found
        text = version.payload.get(name)
        return date.fromisoformat(text) if text else None

    begin = day(rule.start)
    ends = [add_months(begin, rule.months)] if begin is not None and rule.months is not None else []
    until = day(rule.until) if rule.until else None
    if until is not None:
        # A date field names the last day shown; the column effective_until names the first day after it.
        ends.append(until if rule.until == "effective_until" else until + date.resolution)
    return begin, min(ends, default=None)


def _compare(column: str, bound: str, day: date) -> Q:
    if column in COLUMNS:
        return Q(**{f"{column}__{bound}": day})
    return Q(**{f"payload__{column}__{bound}": day.isoformat()})


def _names(*, subject: int | None) -> Q:
    from xinlu.ledger.models import RecordRole

    return Q(Exists(RecordRole.objects.filter(version=OuterRef("pk"), subject=subject)))


def _names_in(scope: Scope) -> Q:
    from xinlu.ledger.models import RecordRole

    roles = RecordRole.objects.filter(scope.in_regions("subject__region"), version=OuterRef("pk"))
    return Q(Exists(roles))
