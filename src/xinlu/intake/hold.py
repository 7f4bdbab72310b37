"""What becomes of a held delivery: somebody releases it, or it is dropped.

A held delivery is closed like any other: the rows that would have been accepted are queried with Q01 (below a floor)
or Q02 (no check looked at it) and keep what was delivered. So holding needs no state of its own, nothing that reads
records has to know of it, and what was there before stays in effect. Releasing hands the held rows over again, as a
new delivery of the same source that no floor is asked of; rows with mistakes of their own stay with the held one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from xinlu.access.scope import Scope
from xinlu.intake.columns import Wanted
from xinlu.intake.deliver import DeliveryResult, deliver_sheet
from xinlu.intake.judge import HELD, UNCHECKED
from xinlu.intake.measured import Ruling
from xinlu.intake.sheet import Sheet
from xinlu.journal.append import append
from xinlu.journal.digest import canonical, sm3
from xinlu.law.problem import Code, Problem
from xinlu.ledger import queries
from xinlu.ledger.models import Delivery, DeliveryRow

VERB_RELEASED, VERB_DROPPED = "intake.delivery.released", "intake.delivery.dropped"
WAITING = (HELD, UNCHECKED)
_BASIS = "质量规则（docs/quality.md）"
HOLD_CODES = {
    one.code: one
    for one in (
        Code("QH-01", "没有这个暂缓的批次", _BASIS, "请核对批次号；只能处理您可查看的批次"),
        Code("QH-02", "这个批次已经处理过", _BASIS, "请刷新页面，查看谁在何时作了决定"),
        Code("QH-03", "放行须由数据管理单位的另一人决定", _BASIS, "请由省级数据管理人员放行；报送人只能作罢"),
        Code("QH-04", "没有写明理由", _BASIS, "请写明为什么放行或作罢"),
    )
}
"""What can be wrong with a decision about a held delivery."""


class HoldRefused(ValueError):
    """A decision about a held delivery that cannot be taken."""

    def __init__(self, code: str) -> None:
        known = HOLD_CODES[code]
        self.problem = Problem(code=code, sentence=known.title, basis=known.basis, next_step=known.next_step)
        super().__init__(str(self.problem))


@dataclass(frozen=True)
class Hold:
    """A held delivery: how many rows wait, why, and what was decided."""

    delivery: Delivery
    waiting: int
    sentence: str
    ruling: Ruling | None

    @property
    def is_open(self) -> bool:
        """Whether nothing was decided yet."""
        return self.ruling is None


def hold_of(scope: Scope, delivery: int) -> Hold | None:
    """How delivery number ``delivery`` is held; None when it is not, or the scope may not know of it."""
    found = queries.delivery(scope, delivery)
    if found is None:
        return None
    rows = queries.rows(scope, delivery, outcome="queried").filter(code__in=WAITING)
    first = rows.first()
    if first is None:
        return None
    return Hold(found, rows.count(), first.sentence, Ruling.objects.filter(delivery=found).first())


def holds(scope: Scope) -> list[Delivery]:
    """Held deliveries of the scope about which nothing was decided, oldest first."""
    held = DeliveryRow.objects.within(scope).filter(code__in=WAITING, outcome="queried").values("delivery")
    found = queries.deliveries(scope).filter(pk__in=held, ruling__isnull=True)
    return list(found.order_by("received_at", "pk"))


@transaction.atomic
def release(scope: Scope, delivery: int, *, reason: str, at: datetime) -> DeliveryResult:
    """Hand the held rows over again as a new delivery; no floor is asked of it.

    Raises:
        HoldRefused: QH-01 not held or not in the scope; QH-02 decided already; QH-03 ``scope`` does not cover the
            whole province, or handed the delivery over itself; QH-04 no reason.
    """
    hold = _open(scope, delivery, reason)
    if not scope.everywhere or hold.delivery.received_by == scope.key:
        raise HoldRefused("QH-03")
    result = deliver_sheet(
        _sheet(hold.delivery),
        digest=sm3(canonical(["release", hold.delivery.pk, hold.delivery.digest])),
        source=hold.delivery.source,
        wanted=_wanted(hold.delivery.item),
        received_at=at,
        actor=scope.actor,
        way=hold.delivery.way,
        floors=False,
    )
    made = Delivery._base_manager.get(pk=result.delivery)
    _rule(hold, scope, Ruling.Kind.RELEASED, reason, at, made)
    return result


@transaction.atomic
def drop(scope: Scope, delivery: int, *, reason: str, at: datetime) -> Ruling:
    """Let the held delivery rest; nothing of it ever became effective, and nothing does.

    Raises:
        HoldRefused: QH-01, QH-02, QH-04; QH-03 ``scope`` is neither the delivering organ nor the whole province.
    """
    hold = _open(scope, delivery, reason)
    if not scope.everywhere and hold.delivery.source.organ.code != scope.organ:
        raise HoldRefused("QH-03")
    return _rule(hold, scope, Ruling.Kind.DROPPED, reason, at, None)


def _open(scope: Scope, delivery: int, reason: str) -> Hold:
    hold = hold_of(scope, delivery)
    if hold is None:
        raise HoldRefused("QH-01")
    if hold.ruling is not None:
        raise HoldRefused("QH-02")
    if not reason.strip():
        raise HoldRefused("QH-04")
    return hold


def _rule(hold: Hold, scope: Scope, kind: Ruling.Kind, reason: str, at: datetime, made: Delivery | None) -> Ruling:
    try:
        with transaction.atomic():
            ruling = Ruling.objects.create(
                delivery=hold.delivery, kind=kind, reason=reason.strip()[:400], by=scope.key, at=at, made=made
            )
    except IntegrityError:
        # Somebody else decided between the look and the act.
        raise HoldRefused("QH-02") from None
    append(
        actor=scope.actor,
        verb=VERB_RELEASED if made else VERB_DROPPED,
        obj=f"ledger.delivery:{hold.delivery.pk}",
        facts={"rows": hold.waiting, **({"made": made.pk} if made else {})},
        at=at,
    )
    return ruling


def _sheet(delivery: Delivery) -> Sheet:
    """The waiting rows as a table: their own numbers, the columns in the order in which they come."""
    rows = DeliveryRow._base_manager.filter(delivery=delivery, code__in=WAITING).order_by("number")
    raws = [(number, raw or {}) for number, raw in rows.values_list("number", "raw")]
    headers = tuple(dict.fromkeys(name for _, raw in raws for name in raw))
    lines = [(number, [raw.get(name) for name in headers]) for number, raw in raws]
    return Sheet(name=delivery.file_name, form="json", encoding="utf-8", lines=lines, headers=headers)


def _wanted(carries: str) -> Wanted:
    what, separator, name = carries.partition(":")
    if not separator:
        return Wanted(carries, None, None)
    if what == "kind":
        return Wanted(None, name or None, None)
    return Wanted(None, None, name)
