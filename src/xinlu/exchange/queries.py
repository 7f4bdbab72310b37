"""What a client may ask: its own receipts, its agreements, the items that it may hand over.

Each question takes the caller's scope first; of what the scope holds, a client sees its own part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from xinlu.access.scope import Scope
from xinlu.exchange.agree import OPEN, last_act
from xinlu.exchange.models import Agreement, AgreementAct, Allowance, Client, Line, Receipt
from xinlu.ledger.models import DeliveryRow


@dataclass(frozen=True)
class Standing:
    """How an agreement stands on a day."""

    agreement: Agreement
    lines: tuple[Line, ...]
    state: str
    """``proposed``, ``refused``, ``coming``, ``in_force``, ``suspended``, ``ended`` or ``expired``."""
    last: AgreementAct
    used: int
    """Rows of the day, without those of the sandbox."""

    @property
    def left(self) -> int:
        """Rows that may still come on the day."""
        return max(self.agreement.daily_limit - self.used, 0) if self.state == "in_force" else 0


STATES = {
    "proposed": "待批准",
    "refused": "已退回",
    "coming": "未到期起",
    "in_force": "生效中",
    "suspended": "已暂停",
    "ended": "已终止",
    "expired": "已到期",
}


def state_of(agreement: Agreement, last: AgreementAct, *, on: date) -> str:
    """The state that the last act and the day give."""
    if last.kind not in OPEN:
        return str(last.kind)
    if on < agreement.valid_from:
        return "coming"
    return "in_force" if on < agreement.valid_until else "expired"


def agreements(scope: Scope, *, on: date, source: str | None = None) -> list[Standing]:
    """Agreements of the scope as they stand on ``on``, oldest first."""
    rows = Agreement.objects.within(scope).select_related("source__organ", "proposer", "approver")
    if source is not None:
        rows = rows.filter(source__code=source)
    return [standing(one, on=on) for one in rows.prefetch_related("lines").order_by("pk")]


def standing(agreement: Agreement, *, on: date) -> Standing:
    """One agreement, which the scope was given, as it stands on ``on``."""
    last = last_act(agreement)
    used = Allowance.objects.filter(agreement=agreement, day=on, sandbox=False).values_list("rows", flat=True).first()
    return Standing(agreement, tuple(agreement.lines.all()), state_of(agreement, last, on=on), last, used or 0)


def receipts(scope: Scope, client: Client, *, after: int = 0) -> QuerySet[Receipt]:
    """Receipts of one client, oldest first, from behind the one with key ``after``."""
    found = Receipt.objects.within(scope).filter(client=client, pk__gt=after)
    return found.select_related("delivery__source__organ", "client", "resends", "agreement").order_by("pk")


def receipt(scope: Scope, client: Client, number: str) -> Receipt | None:
    """The receipt with a number, if it is the client's own."""
    return receipts(scope, client).filter(number=number).first()


def rows(
    scope: Scope, receipt: Receipt, *, outcome: str | None = None, after: int = 0, most: int | None = None
) -> Sequence[DeliveryRow]:
    """Rows of a receipt by number, from behind row ``after``."""
    found = DeliveryRow.objects.within(scope).filter(delivery=receipt.delivery_id, number__gt=after)
    if outcome is not None:
        found = found.filter(outcome=outcome)
    return list(found.order_by("number")[:most])
