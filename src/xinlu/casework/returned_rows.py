"""Returned rows (疑问数据工单): one case for each refused row, from its return to the delivery in which it is right.

The quality letter says what was refused; here somebody answers for it. Procedure ``returned-row``: returned → fixed →
re-delivered → closed. That a row was delivered again and accepted is read from the ledger, never ticked by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction

from xinlu.access.scope import Scope
from xinlu.casework import queries
from xinlu.casework.act import act
from xinlu.casework.models import Case
from xinlu.casework.open_case import NewCase, Sits, open_cases
from xinlu.casework.state import Standing
from xinlu.gazette import current
from xinlu.intake.hold import WAITING
from xinlu.intake.letter import answered
from xinlu.intake.quantities import deliveries_in
from xinlu.ledger.cuts import Cut, month_after
from xinlu.ledger.models import DeliveryRow

PROCEDURE = "returned-row"
ABOUT = "ledger.row:"
STEWARD = "zj-info-centre"
"""Organ that answers for the data of the province; the officer's own organ where he returns the rows."""
_SYSTEM = Scope.system("following deliveries")


def about(row: int) -> str:
    """How a case says which row it is about.

    >>> about(7)
    'ledger.row:7'
    """
    return f"{ABOUT}{row}"


@transaction.atomic
def return_rows(scope: Scope, source: str, month: date, *, at: datetime) -> list[Case]:
    """Open a case for each row of a source that was refused in the month and has none yet.

    Rows that wait with a held delivery are not the source's to mend; rows that were accepted since need no case.
    Gives the cases in the order of the rows; none where nothing is left to return.

    Raises:
        Refused: CW-001, CW-002, the procedure is not in force.
    """
    asked = deliveries_in(scope, Cut(month, month_after(month), source=source)).values("pk")
    rows = DeliveryRow.objects.within(scope).filter(delivery__in=asked, outcome="queried").exclude(code__in=WAITING)
    found = list(rows.select_related("delivery__source__organ").order_by("delivery", "number"))
    known = set(
        Case._base_manager.filter(procedure=PROCEDURE, about__in=[about(one.pk) for one in found]).values_list(
            "about", flat=True
        )
    )
    done = answered(found)
    fresh = [one for one in found if one.pk not in done and about(one.pk) not in known]
    steward = scope.organ or STEWARD
    return open_cases(PROCEDURE, [_new(one, steward) for one in fresh], actor=scope.actor, at=at)


def follow(scope: Scope, *, at: datetime) -> int:
    """Move every open case whose row was delivered again and accepted to 已重报; gives how many moved.

    Reads the ledger, so it can run after each delivery and any number of times.
    """
    stands = [one for one in queries.open_cases(scope, now=at, procedure=PROCEDURE) if "redeliver" in one.possible]
    numbers = {int(one.case.about.removeprefix(ABOUT)): one for one in stands}
    rows = DeliveryRow._base_manager.filter(pk__in=numbers).select_related("delivery__source")
    moved = 0
    for row, delivery in answered(rows).items():
        one = numbers[row]
        act(_SYSTEM, one.number, "redeliver", seen=one.seen, at=at, facts={"delivery": delivery})
        moved += 1
    return moved


def cases_of(scope: Scope, rows: Iterable[int], *, now: datetime) -> dict[int, Standing]:
    """Refused row → its newest case that ``scope`` sees."""
    found = queries.cases_about(scope, [about(one) for one in rows], now=now, procedure=PROCEDURE)
    return {int(one.case.about.removeprefix(ABOUT)): one for one in found}


def _new(row: DeliveryRow, steward: str) -> NewCase:
    delivery = row.delivery
    item = current.catalogue().items.get(delivery.item)
    title = item.title if item else "主体登记"
    return NewCase(
        about=about(row.pk),
        title=f"{title}：批次 {delivery.pk} 第 {row.number} 行，{row.code}",
        seats={"source": Sits(organ=delivery.source.organ.code), "steward": Sits(organ=steward)},
        region=delivery.source.organ.region,
        sector=item.sector if item else "all",
        facts={"code": row.code, "delivery": delivery.pk},
    )
