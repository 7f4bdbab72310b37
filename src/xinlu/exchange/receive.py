"""Receive rows from a client: the one verb behind every endpoint that takes rows.

The rows take the road of every other delivery (:func:`xinlu.intake.deliver.deliver_sheet`): same checks, same outcomes.
What is added is what an agreement asks. In order:

1. The key of a call that was received before gives the receipt of then; with another content it is refused (EX-021).
2. The body is read (EX-030, EX-031, EX-033), the agreement in force for source and item is found (EX-010), and the
   columns are laid against its fields (EX-011).
3. The rows are taken from the allowance of the day; one row too many refuses all (EX-012).
4. Intake judges and writes. Rows about subjects outside the agreed regions are queried (E09).
5. The receipt is written in the same transaction: either all of it happened, or nothing.

In the sandbox the same happens and is rolled back; only the allowance of the sandbox stays used.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F

from xinlu.access import masking
from xinlu.access.scope import Scope
from xinlu.exchange.agree import allowed, in_force, regions_within
from xinlu.exchange.body import ROWS, SIZE, Rows, named_in, numbered_rows_of, rows_of, sheet_of
from xinlu.exchange.models import Agreement, Allowance, Client, Line, Receipt
from xinlu.exchange.refusal import Refused
from xinlu.exchange.tokens import Caller
from xinlu.gazette import current
from xinlu.intake.columns import Wanted
from xinlu.intake.deliver import DeliveryResult, Mode, deliver_sheet
from xinlu.intake.problems import Fault
from xinlu.intake.rows import Parsed
from xinlu.intake.sheet import Limits, Sheet
from xinlu.journal.append import append
from xinlu.journal.digest import canonical, sm3
from xinlu.journal.sequence import last_change
from xinlu.law import uses
from xinlu.law.catalogue import Catalogue, Item
from xinlu.law.problem import Problem
from xinlu.ledger.models import Delivery, DeliveryRow
from xinlu.registry.models import Subject

CHINA = ZoneInfo("Asia/Shanghai")
Clock = Callable[[], datetime]
"""Asked once the writers of the ledger stand in line: the time of knowledge is the order of writing."""


@dataclass(frozen=True)
class Judged:
    """What became of the rows. ``receipt`` None: in the sandbox."""

    receipt: Receipt | None
    delivery: Delivery
    rows: tuple[DeliveryRow, ...]
    warnings: tuple[Mapping[str, str], ...]
    again: bool = False
    """The same key had been received before; nothing was done now."""


class _OnlyTried(Exception):
    """Rolls the sandbox back; carries what was found."""

    def __init__(self, judged: Judged) -> None:
        super().__init__()
        self.judged = judged


def receive(caller: Caller, item: str, body: bytes, *, key: str, clock: Clock, mode: Mode = "accept_good") -> Judged:
    """Take in the rows of ``body`` under ``item``; ``key`` makes it happen once.

    Raises:
        Refused: see :mod:`xinlu.exchange.refusal`; nothing was written.
        xinlu.intake.problems.Refused: intake takes the batch in no form (F…); nothing was written.
    """
    asked = sm3(canonical({"operation": "records", "item": item, "mode": mode, "body": sm3(body)}))
    if (before := _received(caller.client, key, asked)) is not None:
        return before
    rows = rows_of(body)
    with transaction.atomic():
        last_change(hold=True)
        if (before := _received(caller.client, key, asked)) is not None:
            return before
        agreed = _Agreed.find(caller, item, clock())
        sheet = agreed.sheet(rows)
        agreed.take(len(rows.objects), sandbox=False)
        done = agreed.deliver(sheet, digest=sm3(f"{item}:".encode() + body), mode=mode)
        return agreed.write(done, key=key, asked=asked)


def try_out(caller: Caller, item: str, body: bytes, *, clock: Clock, mode: Mode = "accept_good") -> Judged:
    """What :func:`receive` would do with the rows now: judged in full, nothing written.

    Raises:
        Refused: as :func:`receive`.
    """
    rows = rows_of(body)
    agreed = _Agreed.find(caller, item, clock())
    sheet = agreed.sheet(rows)
    agreed.take(len(rows.objects), sandbox=True)
    try:
        with transaction.atomic():
            last_change(hold=True)
            agreed.at = clock()
            done = agreed.deliver(sheet, digest=sm3(f"{item}:".encode() + body), mode=mode)
            raise _OnlyTried(agreed.judged(done))
    except _OnlyTried as tried:
        return tried.judged


def resend(caller: Caller, receipt: Receipt, body: bytes, *, key: str, clock: Clock) -> Judged:
    """Hand the queried rows of ``receipt`` over again, under their old numbers.

    Rows in the body stand in for the kept ones of the same number; an empty body sends all of them as they were – what
    a row lacked may have arrived since: its subject, its parent record.

    Raises:
        Refused: as :func:`receive`; EX-037 a row that is not queried there, or none is.
    """
    item = receipt.delivery.item
    asked = sm3(canonical({"operation": "resend", "receipt": receipt.number, "body": sm3(body)}))
    if (before := _received(caller.client, key, asked)) is not None:
        return before
    sent = numbered_rows_of(body)
    with transaction.atomic():
        last_change(hold=True)
        if (before := _received(caller.client, key, asked)) is not None:
            return before
        agreed = _Agreed.find(caller, item, clock())
        rows = _again(receipt, sent)
        sheet = agreed.sheet(rows)
        agreed.take(len(rows.objects), sandbox=False)
        content = canonical([rows.numbers, [{k: str(v) for k, v in one.items()} for one in rows.objects]])
        done = agreed.deliver(sheet, digest=sm3(f"{receipt.number}:{content}"), mode="accept_good")
        return agreed.write(done, key=key, asked=asked, resends=receipt)


def _again(receipt: Receipt, sent: Rows | None) -> Rows:
    queried = DeliveryRow.objects.within(Scope.system("rows of a receipt"))
    kept = dict(queried.filter(delivery=receipt.delivery_id, outcome="queried").values_list("number", "raw"))
    if sent is None:
        if not kept:
            raise Refused("EX-037", "回执中没有疑问行")
        return Rows([kept[number] or {} for number in sorted(kept)], sorted(kept))
    for place, number in enumerate(sent.numbers):
        if number not in kept:
            raise Refused("EX-037", f"回执的第 {number} 行不是疑问数据", place=f"/rows/{place}/row")
    return sent


def _received(client: Client, key: str, asked: str) -> Judged | None:
    """What became of the call that had this key."""
    found = (
        Receipt.objects.within(Scope.system("a key that was used"))
        .select_related("delivery__source__organ", "client__source__organ", "resends", "agreement")
        .filter(client=client, key=key)
        .first()
    )
    if found is None:
        return None
    if found.digest != asked:
        raise Refused("EX-021", "这个 Idempotency-Key 已用于内容不同的请求", place="Idempotency-Key")
    return Judged(found, found.delivery, _rows(found.delivery), tuple(found.warnings), again=True)


def _rows(delivery: Delivery) -> tuple[DeliveryRow, ...]:
    rows = DeliveryRow.objects.within(Scope.system("rows of a receipt")).filter(delivery=delivery)
    return tuple(rows.order_by("number"))


# ── what an agreement asks ──────────────────────────────────────────────────────────────────────


@dataclass
class _Agreed:
    """One call under one agreement."""

    caller: Caller
    agreement: Agreement
    line: Line
    item: Item
    catalogue: Catalogue
    at: datetime

    @classmethod
    def find(cls, caller: Caller, item: str, at: datetime) -> _Agreed:
        catalogue = current.catalogue()
        known = catalogue.items.get(item)
        if known is None:
            raise Refused("EX-035", f"目录中没有信息项“{item[:60]}”", place="item")
        found = in_force(caller.client.source, item, on=_day(at))
        if found is None:
            raise Refused("EX-010", f"本数据源没有包含“{known.title}”的生效协议", place="item")
        # The catalogue may have taken a use away since the agreement was approved.
        if not all(uses.permits(known, uses.Use(purpose)) for purpose in found[0].purposes):
            raise Refused("EX-103", f"目录现已不允许{known.title}用于协议的用途", place="item")
        return cls(caller, *found, known, catalogue, at)

    def sheet(self, rows: Rows) -> Sheet:
        """The rows as a table, when they hold nothing that was not agreed."""
        sheet = sheet_of(rows, self.item, catalogue=self.catalogue, name=f"接口报送-{self.item.item}.json")
        may = allowed(self.line, self.item)
        named = named_in(rows, self.item, catalogue=self.catalogue)
        beyond = {name: key for name, key in named.items() if name not in may}
        if beyond:
            keys = "、".join(beyond.values())
            place = f"/rows/*/{next(iter(beyond.values()))}"
            raise Refused("EX-011", f"协议没有包含数据项 {keys}", place=place)
        return sheet

    def take(self, rows: int, *, sandbox: bool) -> None:
        """Use up ``rows`` of the day; compare and set, so that two calls at once cannot both have the last rows."""
        day, limit = _day(self.at), self.agreement.daily_limit
        said = {"agreement": self.agreement, "day": day, "sandbox": sandbox}
        Allowance.objects.get_or_create(**said, defaults={"limit": limit})
        free = Allowance.objects.filter(**said, rows__lte=limit - rows)
        if rows <= limit and free.update(rows=F("rows") + rows, limit=limit):
            return
        used = Allowance.objects.values_list("rows", flat=True).get(**said)
        raise Refused(
            "EX-012",
            f"协议每日 {limit} 行，今日已用 {used} 行，余 {max(limit - used, 0)} 行；本次 {rows} 行，全部未收",
            retry_after=_seconds_left(self.at),
        )

    def deliver(self, sheet: Sheet, *, digest: str, mode: Mode) -> DeliveryResult:
        """Take the road of every delivery."""
        return deliver_sheet(
            sheet,
            digest=digest,
            source=self.caller.client.source,
            wanted=Wanted(item=self.item.item),
            received_at=self.at,
            actor=self.caller.actor,
            mode=mode,
            limits=Limits(size=SIZE, rows=ROWS),
            catalogue=self.catalogue,
            way=Delivery.Way.API,
            also=self._within_regions if self.line.region_role else None,
        )

    def _within_regions(self, parsed: Sequence[Parsed]) -> None:
        role, wanted = self.line.region_role, regions_within(self.agreement)
        numbers = {number for row in parsed for number in row.roles.get(role, ())}
        everybody = Subject.objects.within(Scope.system("regions of an agreement"))
        places = dict(everybody.filter(pk__in=numbers).values_list("pk", "region"))
        known = self.item.role(role)
        title = known.title if known else role
        for row in parsed:
            outside = [places.get(number, "") for number in row.roles.get(role, ())]
            if any(place not in wanted for place in outside):
                row.faults.append(Fault("E09", f"{title}的所在地不在协议的区划内", title, role))

    def write(self, done: DeliveryResult, *, key: str, asked: str, resends: Receipt | None = None) -> Judged:
        """Write the receipt."""
        judged = self.judged(done)
        receipt = Receipt._base_manager.create(
            number=f"R{_day(self.at):%Y%m%d}-{secrets.token_hex(5).upper()}",
            client=self.caller.client,
            agreement=self.agreement,
            delivery=judged.delivery,
            key=key,
            digest=asked,
            given_at=self.at,
            warnings=list(judged.warnings),
            resends=resends,
        )
        append(
            actor=self.caller.actor,
            verb="exchange.receipt.given",
            obj=f"exchange.receipt:{receipt.number}",
            facts={
                "client": self.caller.client.code,
                "agreement": self.agreement.pk,
                "item": self.item.item,
                "delivery": judged.delivery.pk,
                "key": sm3(key),
                "rows": done.delivered,
                "resends": resends.number if resends else "",
            },
            at=self.at,
        )
        return Judged(receipt, judged.delivery, judged.rows, judged.warnings)

    def judged(self, done: DeliveryResult) -> Judged:
        """What was delivered, as it stands in the ledger now."""
        delivery = Delivery._base_manager.select_related("source__organ").get(pk=done.delivery)
        return Judged(None, delivery, _rows(delivery), tuple(_warning(one) for one in done.warnings))


def _warning(one: Problem) -> dict[str, str]:
    return {"code": one.code, "sentence": masking.within(one.sentence), "basis": one.basis, "next_step": one.next_step}


def _day(at: datetime) -> date:
    """Days of agreements and limits are days in China."""
    return at.astimezone(CHINA).date()


def _seconds_left(at: datetime) -> int:
    here = at.astimezone(CHINA)
    return 86_400 - (here.hour * 3600 + here.minute * 60 + here.second)
