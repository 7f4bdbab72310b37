"""What others may ask of the ledger. Every question takes a scope first; ``on`` is the day of asking.

``on`` decides two things: whether the publicity of a record lasts, and which standing is in force. What a scope may
not see is not there: a question gives None, an empty list or no row, never a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q, QuerySet

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.ledger.disclosure import shown_fields
from xinlu.ledger.models import (
    Delivery,
    DeliveryRow,
    Record,
    RecordRole,
    Source,
    Standing,
    StandingQuerySet,
)
from xinlu.ledger.versions import BATCH
from xinlu.registry import queries as registry
from xinlu.registry.models import Subject


@dataclass(frozen=True)
class RoleShown:
    """A subject that a record names. ``number`` is None when the scope may not open it; then the name is masked."""

    role: str
    title: str
    name: str
    number: int | None


@dataclass(frozen=True)
class RecordShown:
    """A record version as a scope may see it: masked fields by name, and who stands in which role."""

    version: Record
    fields: Mapping[str, object]
    roles: tuple[RoleShown, ...]


# ── records ─────────────────────────────────────────────────────────────────────────────────────


def records(scope: Scope, *, on: date, item: str | None = None) -> QuerySet[Record]:
    """Current records of the scope, newest first."""
    found = Record.objects.within(scope, on=on).filter(superseded_at__isnull=True)
    if item is not None:
        found = found.filter(item=item)
    return found.select_related("subject", "source__organ").order_by("-occurred_on", "record")


def records_of(scope: Scope, subject: int, *, on: date, item: str | None = None) -> QuerySet[Record]:
    """Current records that name ``subject`` in any role, newest first."""
    # A list of keys, not a correlated question: the few versions of one subject are found first.
    named = RecordRole.objects.filter(subject=subject)
    return records(scope, on=on, item=item).filter(pk__in=named.values("version"))


def counts_of(scope: Scope, subject: int, *, on: date) -> dict[str, int]:
    """Item → number of current records that name ``subject``; the counts on the tabs of a dossier."""
    rows = records_of(scope, subject, on=on).order_by("item").values_list("item")
    return dict(rows.annotate(number=Count("pk")))


def record(scope: Scope, number: int, *, on: date) -> Record | None:
    """The current version of a record."""
    return records(scope, on=on).filter(record=number).first()


def versions(scope: Scope, number: int, *, on: date) -> list[Record]:
    """All versions of a record, oldest first. The public sees the current one only, if that."""
    found = Record.objects.within(scope, on=on).filter(record=number)
    return list(found.select_related("source__organ", "delivery").order_by("recorded_at"))


def children(scope: Scope, number: int, *, on: date) -> QuerySet[Record]:
    """Current records whose parent is record ``number``."""
    return records(scope, on=on).filter(parent=number)


def shown(scope: Scope, version: Record) -> RecordShown:
    """``version``, which the scope was given by a question above, with its fields masked and its roles named."""
    item = current.catalogue().items[version.item]
    titles = {role.name: role.title for role in item.roles}
    roles = list(RecordRole.objects.filter(version=version).select_related("subject").order_by("pk"))
    open_to = set(
        Subject.objects.within(scope).filter(pk__in=[one.subject_id for one in roles]).values_list("pk", flat=True)
    )
    names = {one.subject_id: (one.subject.name, registry.shown_name(scope, one.subject)) for one in roles}
    return RecordShown(
        version=version,
        fields=_renamed(shown_fields(scope, item, version.payload), dict(names.values())),
        roles=tuple(
            RoleShown(
                role=one.role,
                title=titles.get(one.role, one.role),
                name=names[one.subject_id][1],
                number=one.subject_id if one.subject_id in open_to else None,
            )
            for one in roles
        ),
    )


def _renamed(fields: Mapping[str, object], names: Mapping[str, str]) -> Mapping[str, object]:
    """Fields in which the names that the asker may not read stand as he may read them."""
    hidden = {clear: told for clear, told in names.items() if len(clear) > 1 and clear != told}
    if not hidden:
        return fields

    def told(value: object) -> object:
        if isinstance(value, list):
            return [told(one) for one in value]
        for clear, masked in hidden.items():
            value = value.replace(clear, masked) if isinstance(value, str) else value
        return value

    return {name: told(value) for name, value in fields.items()}


def numbers_by_key(item: str, keys: Iterable[str], *, source: Source | None = None) -> dict[str, int]:
    """Business key → record number of the current record: how a child finds its parent. For verbs, not pages.

    With ``source``, its own record is taken where two sources know the key.
    """
    wanted = list(dict.fromkeys(keys))
    found: dict[str, tuple[bool, int]] = {}
    for start in range(0, len(wanted), BATCH):
        rows = Record._base_manager.filter(
            item=item, key__in=wanted[start : start + BATCH], superseded_at__isnull=True
        ).values_list("key", "record", "source_id")
        for key, number, owner in rows:
            own = source is not None and owner == source.pk
            found[key] = max(found.get(key, (False, 0)), (own, number))
    return {key: number for key, (_, number) in found.items()}


def months(scope: Scope, *, on: date, since: date) -> dict[str, dict[date, int]]:
    """Item → first day of a month → number of current records that occurred in it, from ``since``."""
    rows = records(scope, on=on).filter(occurred_on__gte=since, occurred_on__lte=on)
    found: dict[str, dict[date, int]] = {}
    counted = rows.order_by("item", "occurred_on").values_list("item", "occurred_on").annotate(number=Count("pk"))
    for item, day, number in counted:
        of_item, first = found.setdefault(item, {}), day.replace(day=1)
        of_item[first] = of_item.get(first, 0) + number
    return found


# ── standings ───────────────────────────────────────────────────────────────────────────────────


def standings(scope: Scope, *, on: date, book: str | None = None) -> StandingQuerySet[Standing]:
    """Standings of the scope in force on ``on``, by subject."""
    found = Standing.objects.within(scope).in_force(on)
    if book is not None:
        found = found.filter(book=book)
    return found.select_related("subject", "version").order_by("subject", "book", "output", "as_of")


def standings_of(scope: Scope, subject: int, *, on: date) -> StandingQuerySet[Standing]:
    """Standings of one subject in force on ``on``."""
    return standings(scope, on=on).filter(subject=subject)


def standing(
    scope: Scope,
    subject: int,
    book: str,
    *,
    on: date,
    output: str | None = None,
    jurisdiction: str | None = None,
) -> Standing | None:
    """The standing of ``subject`` under ``book`` in force on ``on``: of several, the one with the latest ``as_of``."""
    found = standings_of(scope, subject, on=on).filter(book=book)
    if output is not None:
        found = found.filter(output=output)
    if jurisdiction is not None:
        found = found.filter(jurisdiction=jurisdiction)
    return found.order_by("-as_of", "-effective_from", "output", "pk").first()


def standing_history(scope: Scope, subject: int, book: str) -> list[Standing]:
    """Every standing that is known now under ``book``, past ones too, oldest first."""
    found = Standing.objects.within(scope).filter(subject=subject, book=book, version__superseded_at__isnull=True)
    return list(found.select_related("version").order_by("effective_from", "as_of", "output", "pk"))


def level_counts(
    scope: Scope, book: str, *, on: date, output: str | None = None, regions: Iterable[str] | None = None
) -> dict[str, int]:
    """Level → number of standings in force; ``""`` counts those without a level."""
    found = standings(scope, on=on, book=book)
    if output is not None:
        found = found.filter(output=output)
    if regions is not None:
        found = found.filter(subject__region__in=list(regions))
    return dict(found.order_by("level").values_list("level").annotate(number=Count("pk")))


def region_level_counts(scope: Scope, book: str, *, on: date, output: str | None = None) -> dict[str, dict[str, int]]:
    """Region code → level → number of standings in force: the data of the map."""
    found = standings(scope, on=on, book=book)
    if output is not None:
        found = found.filter(output=output)
    rows = found.order_by("subject__region", "level").values_list("subject__region", "level")
    result: dict[str, dict[str, int]] = {}
    for region, level, number in rows.annotate(number=Count("pk")):
        result.setdefault(region, {})[level] = number
    return result


# ── deliveries ──────────────────────────────────────────────────────────────────────────────────


def deliveries(scope: Scope, *, source: str | None = None) -> QuerySet[Delivery]:
    """Deliveries of the scope, newest first. Never anything for the public or a subject."""
    found = Delivery.objects.within(scope).select_related("source__organ").order_by("-received_at", "-pk")
    return found if source is None else found.filter(source__code=source)


def delivery(scope: Scope, number: int) -> Delivery | None:
    """One delivery."""
    return deliveries(scope).filter(pk=number).first()


def rows(scope: Scope, delivery: int, *, outcome: str | None = None) -> QuerySet[DeliveryRow]:
    """Rows of a delivery, by number."""
    found = DeliveryRow.objects.within(scope).filter(delivery=delivery).order_by("number")
    return found if outcome is None else found.filter(outcome=outcome)


def queried_codes(scope: Scope, *, source: str | None = None) -> dict[str, int]:
    """Error code → number of queried rows."""
    found = DeliveryRow.objects.within(scope).filter(outcome="queried")
    if source is not None:
        found = found.filter(Q(delivery__source__code=source))
    return dict(found.order_by("code").values_list("code").annotate(number=Count("pk")))
