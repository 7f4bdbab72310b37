"""The life cycle of records: 采集 → 入库 → 公示 → 届满 / 修复 / 撤销 → 归档 → 销毁.

In which stage a record stands is asked of the record, of the law in force when its fact arose, and of the day: nothing
of it is kept. Only two steps need a deed, archiving and destroying; they have verbs of their own
(:mod:`xinlu.ledger.archive`, :mod:`xinlu.ledger.destroy`) and leave a row.

Each record stands in exactly one stage: that of its last version.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, TextChoices, Value, When

from xinlu.access.scope import Scope
from xinlu.ledger import disclosure, ended
from xinlu.ledger.models import Archived, DeliveryRow, Destroyed, Record
from xinlu.ledger.terms import merged, term_of, terms
from xinlu.registry.models import NEVER_LISTED

if TYPE_CHECKING:
    from xinlu.ledger.terms import Term


class Stage(TextChoices):
    """Where a record stands, in the order of a life."""

    COLLECTED = "collected", "采集"
    HELD = "held", "入库"
    SHOWN = "shown", "公示"
    OVER = "over", "公示届满"
    LAPSED = "lapsed", "使用届满"
    REPAIRED = "repaired", "修复"
    WITHDRAWN = "withdrawn", "撤销"
    ARCHIVED = "archived", "归档"
    DESTROYED = "destroyed", "销毁"


WORDS = {
    Stage.COLLECTED: "收到而未入库的疑问数据",
    Stage.HELD: "在用，不公示或尚未公示",
    Stage.SHOWN: "在用，正在公示",
    Stage.OVER: "在用，公示期已过",
    Stage.LAPSED: "不良信息使用期限已过，待归档",
    Stage.REPAIRED: "已准予修复，不再公示",
    Stage.WITHDRAWN: "报送单位撤回，或决定被撤销",
    Stage.ARCHIVED: "已退出使用，只在档案中可查",
    Stage.DESTROYED: "只留存根：编号、摘要、事由",
}


@dataclass(frozen=True)
class Step:
    """One step of a record's life. ``at``: when it was stamped; ``day``: the day that follows from the law.

    ``words`` says by what. A step with a day after the day of asking is still to come.
    """

    stage: Stage
    words: str
    at: datetime | None = None
    day: date | None = None


def staged(scope: Scope, *, on: date, item: str | None = None) -> QuerySet[Record]:
    """The last version of each record that ``scope`` may see, with its ``stage`` on the day ``on``.

    Without queried rows and destroyed records, which are no versions.
    """
    found = Record.objects.within(scope, on=on).filter(last_versions())
    if item is not None:
        found = found.filter(item=item)
    return found.annotate(stage=_stage(on, item))


def counts(scope: Scope, *, on: date, item: str | None = None) -> dict[Stage, int]:
    """Stage → number of records, of every stage. Queried rows count as 采集, stubs as 销毁."""
    rows = staged(scope, on=on, item=item).order_by("stage").values_list("stage").annotate(number=Count("pk"))  # type: ignore[misc]
    found = dict(rows)
    found[Stage.COLLECTED] = collected(scope, item=item).count()
    found[Stage.DESTROYED] = destroyed(scope, item=item).count()
    return {stage: found.get(stage, 0) for stage in Stage}


def rows(scope: Scope, stage: Stage, *, on: date, item: str | None = None) -> QuerySet[Record]:
    """Records in one stage, newest first; as many as :func:`counts` says."""
    found = staged(scope, on=on, item=item).filter(stage=stage)  # type: ignore[misc]
    return found.select_related("subject", "source__organ").order_by("-occurred_on", "record")


def collected(scope: Scope, *, item: str | None = None) -> QuerySet[DeliveryRow]:
    """Rows that were delivered and are no record: queried."""
    found = DeliveryRow.objects.within(scope).filter(outcome=DeliveryRow.Outcome.QUERIED)
    if item is not None:
        found = found.filter(delivery__item=item)
    return found.select_related("delivery__source__organ").order_by("-delivery", "number")


def destroyed(scope: Scope, *, item: str | None = None) -> QuerySet[Destroyed]:
    """Stubs of destroyed records, newest first."""
    found = Destroyed.objects.within(scope).select_related("source__organ", "order").order_by("-destroyed_at", "record")
    return found if item is None else found.filter(item=item)


def last_versions() -> Q:
    """Filter: the version by which a record stands. Of one that was withdrawn or archived, its last one."""
    later = Record._base_manager.filter(record=OuterRef("record"), recorded_at__gt=OuterRef("recorded_at"))
    ended_by_deed = Q(withdrawn=True) | Q(Exists(Archived.objects.filter(version=OuterRef("pk"))))
    return Q(superseded_at__isnull=True) | (ended_by_deed & ~Q(Exists(later)))


def history(scope: Scope, record: int, *, on: date) -> list[Step]:
    """The life of one record, step by step: what was stamped and what follows from the law. Empty if not to be seen."""
    versions = list(
        Record.objects.within(scope, on=on)
        .filter(record=record)
        .select_related("delivery__source")
        .order_by("recorded_at")
    )
    if not versions:
        stub = destroyed(scope).filter(record=record).first()
        return _of_stub(stub) if stub else []
    last = versions[-1]
    term = term_of(last.item, last.occurred_on)
    steps = [*_arrived(versions), *(_of_law(last, term) if term else []), *_of_others(last, term, on), *_ended(last)]
    return sorted(steps, key=_moment)


def stage_of(scope: Scope, record: int, *, on: date) -> Stage | None:
    """The stage of one record; None where there is none to be seen."""
    found = staged(scope, on=on).filter(record=record).values_list("stage", flat=True).first()  # type: ignore[misc]
    if found is None:
        return Stage.DESTROYED if destroyed(scope).filter(record=record).exists() else None
    return Stage(found)


def some(part: Iterable[Q]) -> Q:
    """Any of several filters; of none, nothing."""
    return reduce(or_, part, ended.NOTHING)


def _stage(on: date, item: str | None) -> Case:
    """The first that is true decides."""
    every = merged((one for name, several in terms().items() if item in (None, name) for one in several), ended.alike)
    in_archive = Q(Exists(Archived.objects.filter(version=OuterRef("pk"))))
    return Case(
        When(in_archive, then=Value(Stage.ARCHIVED)),
        When(Q(withdrawn=True), then=Value(Stage.WITHDRAWN)),
        When(some(ended.revoked(one, on) for one in every), then=Value(Stage.WITHDRAWN)),
        When(some(ended.lapsed(one, on) for one in every), then=Value(Stage.LAPSED)),
        When(some(ended.repaired(one, on) for one in every), then=Value(Stage.REPAIRED)),
        When(some(ended.never(one, on) for one in every), then=Value(Stage.HELD)),
        When(disclosure.shown_to_public(on), then=Value(Stage.SHOWN)),
        When(disclosure.has_begun(on), then=Value(Stage.OVER)),
        default=Value(Stage.HELD),
        output_field=CharField(),
    )


# ── one record ──────────────────────────────────────────────────────────────────────────────────


def _moment(step: Step) -> tuple[date, int]:
    day = step.day or (step.at.date() if step.at else date.min)
    return day, list(Stage).index(step.stage)


def _arrived(versions: list[Record]) -> list[Step]:
    first = versions[0]
    found = []
    if first.delivery is not None:
        words = f"{first.delivery.source.title}，批次 {first.delivery.pk} 第 {first.row} 行"
        found.append(Step(Stage.COLLECTED, words, at=first.delivery.received_at))
    found.append(Step(Stage.HELD, "入库", at=first.recorded_at))
    found += [Step(Stage.HELD, one.reason or "更正", at=one.recorded_at) for one in versions[1:]]
    return found


def _of_law(last: Record, term: Term) -> list[Step]:
    """Days that follow from the record and the law alone."""
    found = []
    listed = Record._base_manager.filter(pk=last.pk)
    publicity = term.item.publicity
    listed_kind = last.subject is None or not (last.subject.natural_person or last.subject.kind in NEVER_LISTED)
    if term.item.disclosure == "public" and publicity is not None and listed_kind:
        begin, end = disclosure.publicity_days(last, publicity)
        if begin is not None:
            found.append(Step(Stage.SHOWN, "公示开始", day=begin))
        if end is not None:
            found.append(Step(Stage.OVER, "公示期满，自该日起不再公示", day=end))
    if ended.is_adverse(term) and term.life is not None:
        day = listed.annotate(day=ended.lapse_day(term)).values_list("day", flat=True).first()
        if day is not None:
            words = f"{term.life.source.document}：自该日起不再使用；届时仍在严重失信名单的，到移出为止"
            found.append(Step(Stage.LAPSED, words, day=day))
    return found


def _of_others(last: Record, term: Term | None, on: date) -> list[Step]:
    """What other records say of this one."""
    if term is None or term.life is None:
        return []
    found = []
    same = Record._base_manager.filter(pk=last.pk)
    if same.filter(ended.repaired(term, on)).exists():
        rule = term.life.repaired
        assert rule is not None
        granted = Record._base_manager.filter(
            item=rule.item,
            subject=last.subject_id,
            superseded_at__isnull=True,
            **{f"payload__{rule.names.number}": last.payload.get(rule.number)},
        ).order_by("occurred_on")
        found += [Step(Stage.REPAIRED, rule.clause, day=one.occurred_on, at=one.recorded_at) for one in granted[:1]]
    if same.filter(ended.revoked(term, on)).exists() and term.life.set_aside is not None:
        told = term.life.set_aside
        child = Record._base_manager.filter(parent=last.record, item=told.item, superseded_at__isnull=True).first()
        if child is not None:
            day = date.fromisoformat(child.payload[told.field])
            found.append(Step(Stage.WITHDRAWN, told.clause, day=day, at=child.recorded_at))
    return found


def _ended(last: Record) -> list[Step]:
    if last.withdrawn:
        return [Step(Stage.WITHDRAWN, last.reason, at=last.superseded_at)]
    archived = Archived.objects.filter(version=last).first()
    if archived is None:
        return []
    return [Step(Stage.ARCHIVED, archived.get_because_display(), at=archived.archived_at)]


def _of_stub(stub: Destroyed) -> list[Step]:
    return [
        Step(Stage.ARCHIVED, stub.get_because_display(), at=stub.archived_at),
        Step(Stage.DESTROYED, stub.order.reason, at=stub.destroyed_at),
    ]
