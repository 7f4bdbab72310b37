"""What may be asked of clients, agreements and receipts; every question takes a scope first.

A client asks with the scope of a machine of its organ, and of what that holds gets its own part. A steward asks with
the scope of a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from django.db.models import Avg, Count, Q, QuerySet, Sum

from xinlu.access.scope import Scope
from xinlu.exchange.agree import OPEN, last_act
from xinlu.exchange.clients import is_suspended
from xinlu.exchange.models import Agreement, AgreementAct, Allowance, Call, Client, Line, Receipt
from xinlu.ledger.models import DeliveryRow

CHINA = ZoneInfo("Asia/Shanghai")


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


# ── for the steward's page ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Volume:
    """What a client did in a span of days."""

    calls: int
    refused: int
    """Calls that were refused as a whole."""
    delivered: int
    accepted: int
    queried: int
    duplicate: int
    milliseconds: int | None
    """Of a call, on average; None without calls."""

    @property
    def kept(self) -> Decimal | None:
        """Share of the delivered rows that stand in the ledger, one digit of a percent; None without rows."""
        if not self.delivered:
            return None
        share = Decimal(100 * (self.accepted + self.duplicate)) / self.delivered
        return share.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class ClientRow:
    """A client in the list: how it stands, what it did the day before, and what went wrong last."""

    client: Client
    suspended: bool
    items: int
    """Items that an agreement in force lets in."""
    yesterday: Volume
    last_error: Call | None
    last_call: Call | None


def clients(scope: Scope, *, source: str | None = None) -> QuerySet[Client]:
    """Clients of the scope, by organ and code."""
    found = Client.objects.within(scope).select_related("source__organ").order_by("source__organ__code", "code")
    return found if source is None else found.filter(source__code=source)


def client_rows(scope: Scope, *, on: date) -> list[ClientRow]:
    """Every client of the scope with the figures of the day before ``on``."""
    before = on - timedelta(days=1)
    return [
        ClientRow(
            client=client,
            suspended=is_suspended(client),
            items=sum(
                len(one.lines) for one in agreements(scope, on=on, source=client.source.code) if one.state == "in_force"
            ),
            yesterday=volume(scope, client, first=before, last=before),
            last_error=calls(scope, client).filter(status__gte=400).first(),
            last_call=calls(scope, client).first(),
        )
        for client in clients(scope)
    ]


def calls(scope: Scope, client: Client) -> QuerySet[Call]:
    """Calls of a client, newest first."""
    return Call.objects.within(scope).filter(client=client).order_by("-at", "-pk")


def volume(scope: Scope, client: Client, *, first: date, last: date) -> Volume:
    """What a client did from ``first`` to ``last``, both included, by the days of China."""
    since, until = _midnight(first), _midnight(last + timedelta(days=1))
    made = Call.objects.within(scope).filter(client=client, at__gte=since, at__lt=until)
    told = made.aggregate(calls=Count("pk"), refused=Count("pk", filter=Q(status__gte=400)), mean=Avg("milliseconds"))
    given = Receipt.objects.within(scope).filter(client=client, given_at__gte=since, given_at__lt=until)
    kinds = ("delivered", "accepted", "queried", "duplicate")
    rows = given.aggregate(**{kind: Sum(f"delivery__{kind}") for kind in kinds})
    return Volume(
        calls=told["calls"],
        refused=told["refused"],
        milliseconds=None if told["mean"] is None else round(told["mean"]),
        **{kind: rows[kind] or 0 for kind in kinds},
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA)
