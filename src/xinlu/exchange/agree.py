"""Agreements between two persons: proposed by one, approved, refused, suspended, resumed or ended by others.

An agreement says what may come, never what must: it is proposed within the catalogue in force (an item is used only
for purposes that it permits) and within the regions of the organ whose source it is. What it lets in is enforced where
rows are received (:mod:`xinlu.exchange.receive`), below every endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import models, transaction
from django.db.models import Max, Q

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.dossier.places import inside, place_name, regions
from xinlu.exchange.models import Agreement, AgreementAct, Line
from xinlu.exchange.refusal import Refused
from xinlu.exchange.rights import require_approver, require_steward
from xinlu.gazette import current
from xinlu.journal.append import append
from xinlu.law import uses
from xinlu.law.catalogue import Item
from xinlu.ledger.models import Source

PURPOSES: Mapping[str, str] = {use.value: title for use, title in uses.TITLES.items()}
"""Uses of the catalogue, in words."""
Kind = AgreementAct.Kind


@dataclass(frozen=True)
class Wanted:
    """One item of a proposal. ``fields`` empty: all of it; ``region_role`` empty: subjects of every region."""

    item: str
    fields: tuple[str, ...] = ()
    region_role: str = ""


@transaction.atomic
def propose(
    *,
    source: Source,
    title: str,
    items: Sequence[Wanted],
    purposes: Sequence[str],
    regions: Sequence[str],
    valid_from: date,
    valid_until: date,
    daily_limit: int,
    proposer: Person,
    at: datetime,
) -> Agreement:
    """Write a proposal; it lets nothing in until another person approves it.

    Raises:
        Refused: EX-102 … EX-111, see :mod:`xinlu.exchange.refusal`.
    """
    require_steward(proposer, source)
    _is_whole(title, items, purposes, regions, valid_from, valid_until, daily_limit)
    for one in items:
        _within_catalogue(one, purposes)
    _within_regions(source, regions)
    agreement = Agreement._base_manager.create(
        source=source,
        title=title.strip()[:120],
        purposes=sorted(set(purposes)),
        regions=sorted(set(regions)),
        valid_from=valid_from,
        valid_until=valid_until,
        daily_limit=daily_limit,
        proposer=proposer,
    )
    lines = [
        Line(agreement=agreement, item=one.item, fields=sorted(set(one.fields)), region_role=one.region_role)
        for one in items
    ]
    Line.objects.bulk_create(lines)
    _note(agreement, Kind.PROPOSED, proposer, at)
    return agreement


@transaction.atomic
def approve(agreement: Agreement, *, approver: Person, at: datetime) -> Agreement:
    """Let the agreement hold from its first day on.

    Raises:
        Refused: EX-101 by the proposer, EX-102, EX-103 … EX-105 the catalogue or the organ changed meanwhile,
            EX-106 another agreement covers an item on some of the days, EX-107.
    """
    held = _held(agreement)
    require_approver(approver, held.source)
    if held.proposer_id == approver.pk:
        raise Refused("EX-101", "提出人不能批准自己提出的协议")
    _in(held, Kind.PROPOSED)
    for line in held.lines.all():
        _within_catalogue(Wanted(line.item, tuple(line.fields), line.region_role), held.purposes)
    _within_regions(held.source, held.regions)
    _alone(held)
    held.approver = approver
    held.save()
    _note(held, Kind.APPROVED, approver, at)
    return held


@transaction.atomic
def refuse(agreement: Agreement, *, approver: Person, reason: str, at: datetime) -> None:
    """Send a proposal back for good, with a reason."""
    held = _held(agreement)
    require_approver(approver, held.source)
    _in(held, Kind.PROPOSED)
    _note(held, Kind.REFUSED, approver, at, _reason(reason, "退回"))


@transaction.atomic
def suspend(agreement: Agreement, *, person: Person, reason: str, at: datetime) -> None:
    """Let nothing in for the time being, with a reason. One person is enough to shut."""
    held = _held(agreement)
    require_approver(person, held.source)
    _in(held, Kind.APPROVED, Kind.RESUMED)
    _note(held, Kind.SUSPENDED, person, at, _reason(reason, "暂停"))


@transaction.atomic
def resume(agreement: Agreement, *, person: Person, at: datetime) -> None:
    """Let rows in again; not by the person who suspended it: opening takes two, too (EX-101)."""
    held = _held(agreement)
    require_approver(person, held.source)
    if _in(held, Kind.SUSPENDED).person_id == person.pk:
        raise Refused("EX-101", "暂停人不能自己恢复，请由另一人恢复")
    _alone(held)
    _note(held, Kind.RESUMED, person, at)


@transaction.atomic
def end(agreement: Agreement, *, person: Person, reason: str, at: datetime) -> None:
    """End the agreement for good, with a reason."""
    held = _held(agreement)
    require_approver(person, held.source)
    _in(held, Kind.APPROVED, Kind.RESUMED, Kind.SUSPENDED)
    _note(held, Kind.ENDED, person, at, _reason(reason, "终止"))


# ── how it stands ───────────────────────────────────────────────────────────────────────────────

OPEN = (Kind.APPROVED, Kind.RESUMED)


def last_act(agreement: Agreement) -> AgreementAct:
    """What was done last."""
    return agreement.acts.select_related("person").order_by("-number")[0]


def in_force(source: Source, item: str, *, on: date) -> tuple[Agreement, Line] | None:
    """The agreement that lets rows of ``item`` in on ``on``, with its line; None when there is none."""
    lines = Line.objects.filter(
        agreement__in=_approved(source).filter(valid_from__lte=on, valid_until__gt=on).values("pk"), item=item
    )
    for line in lines.select_related("agreement__source__organ").order_by("agreement"):
        if last_act(line.agreement).kind in OPEN:
            return line.agreement, line
    return None


def _approved(source: Source) -> models.QuerySet[Agreement]:
    return Agreement._base_manager.filter(source=source, approver__isnull=False)


def allowed(line: Line, item: Item) -> frozenset[str]:
    """Names of the fields and roles that may come under ``line``; ``op`` always may."""
    named = line.fields or [one.name for one in item.fields] + [one.name for one in item.roles]
    return frozenset(named)


def regions_within(agreement: Agreement) -> frozenset[str]:
    """Every division code at or below the regions of the agreement."""
    return frozenset(code for region in agreement.regions for code in inside(region))


# ── what a proposal must be ─────────────────────────────────────────────────────────────────────


def _is_whole(
    title: str,
    items: Sequence[Wanted],
    purposes: Sequence[str],
    places: Sequence[str],
    valid_from: date,
    valid_until: date,
    daily_limit: int,
) -> None:
    if not title.strip():
        raise Refused("EX-109", "没有写协议名称", place="title")
    if not items:
        raise Refused("EX-109", "没有选择信息项", place="items")
    if len({one.item for one in items}) != len(items):
        raise Refused("EX-109", "同一信息项列了两次", place="items")
    if not purposes:
        raise Refused("EX-109", "没有选择用途", place="purposes")
    if not places:
        raise Refused("EX-109", "没有选择区划", place="regions")
    if valid_until <= valid_from:
        raise Refused("EX-109", "止期应晚于起期", place="valid_until")
    if daily_limit < 1:
        raise Refused("EX-109", "每日行数上限应为正整数", place="daily_limit")


def _within_catalogue(one: Wanted, purposes: Sequence[str]) -> None:
    item = current.catalogue().items.get(one.item)
    if item is None:
        raise Refused("EX-104", f"目录中没有信息项“{one.item}”", place="items")
    for purpose in purposes:
        if purpose not in PURPOSES or not uses.permits(item, uses.Use(purpose)):
            words = uses.words(item)
            said = PURPOSES.get(purpose, purpose)
            raise Refused("EX-103", f"{item.title}不得用于{said}；目录允许：{words}", place="purposes")
    roles = {role.name: role for role in item.roles}
    if one.region_role and one.region_role not in roles:
        raise Refused("EX-104", f"{item.title}没有角色“{one.region_role}”", place="items")
    if one.fields:
        _has_what_it_needs(one, item)


def _has_what_it_needs(one: Wanted, item: Item) -> None:
    fields = {field.name: field.title for field in item.fields}
    roles = {role.name: role.title for role in item.roles}
    unknown = sorted(set(one.fields) - fields.keys() - roles.keys())
    if unknown:
        raise Refused("EX-104", f"{item.title}没有数据项“{unknown[0]}”", place="items")
    needed = [field.name for field in item.fields if field.required]
    needed += [part.removeprefix("role:") for part in item.key]
    needed += [role.name for role in item.roles if role.required]
    missing = [name for name in dict.fromkeys(needed) if name not in one.fields]
    if missing:
        titles = "、".join((fields | roles)[name] for name in missing)
        raise Refused("EX-111", f"{item.title}的{titles}没有列入", place="items")


def _within_regions(source: Source, places: Sequence[str]) -> None:
    known = regions()
    for code in places:
        if code not in known:
            raise Refused("EX-105", f"没有区划 {code}", place="regions")
        if not (source.organ.everywhere or code in source.organ.regions):
            raise Refused("EX-105", f"{place_name(code)}不在{source.organ.name}的管辖范围内", place="regions")


def _alone(agreement: Agreement) -> None:
    """Refuse (EX-106) when another agreement of the source lets an item in on some of the same days."""
    items = list(agreement.lines.values_list("item", flat=True))
    others = _approved(agreement.source).filter(
        Q(valid_from__lt=agreement.valid_until) & Q(valid_until__gt=agreement.valid_from), lines__item__in=items
    )
    for other in others.exclude(pk=agreement.pk).distinct().order_by("pk"):
        if last_act(other).kind in OPEN:
            raise Refused("EX-106", f"协议 {other.pk}“{other.title}”在同一时期已包含其中的信息项")


def _held(agreement: Agreement) -> Agreement:
    # The source, too: two agreements of one source are not approved side by side.
    found: Agreement = (
        Agreement._base_manager.select_for_update(of=("self", "source"))
        .select_related("source__organ")
        .get(pk=agreement.pk)
    )
    return found


def _in(agreement: Agreement, *kinds: Kind) -> AgreementAct:
    last = last_act(agreement)
    if last.kind not in kinds:
        raise Refused("EX-107", f"协议现在的状态是“{last.get_kind_display()}”")
    return last


def _reason(words: str, what: str) -> str:
    if not words.strip():
        raise Refused("EX-108", f"{what}要写明理由", place="words")
    return words.strip()[:400]


def _note(agreement: Agreement, kind: Kind, person: Person, at: datetime, words: str = "") -> None:
    last = AgreementAct.objects.filter(agreement=agreement).aggregate(last=Max("number"))["last"] or 0
    AgreementAct.objects.create(agreement=agreement, number=last + 1, kind=kind, person=person, at=at, words=words)
    facts = {"source": agreement.source.code, "number": last + 1}
    if kind is Kind.PROPOSED:
        facts |= {
            "items": sorted(agreement.lines.values_list("item", flat=True)),
            "purposes": agreement.purposes,
            "regions": agreement.regions,
            "valid_from": agreement.valid_from,
            "valid_until": agreement.valid_until,
            "daily_limit": agreement.daily_limit,
        }
    append(
        actor=Scope.of(person).actor,
        verb=f"exchange.agreement.{kind.value}",
        obj=f"exchange.agreement:{agreement.pk}",
        facts=facts,
        at=at,
    )
