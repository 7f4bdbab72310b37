"""What the interface answers, as plain JSON: receipts with their rows, problems, pages.

Row sentences are masked here as on every other surface: the other system keeps what it is told in its logs.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse

from xinlu.access import masking
from xinlu.exchange.models import Receipt
from xinlu.exchange.receive import Judged
from xinlu.exchange.refusal import CODES, Refused
from xinlu.gazette import current
from xinlu.intake.personal import masked_sentence
from xinlu.intake.problems import CODES as ROW_CODES
from xinlu.intake.problems import Refused as FileRefused
from xinlu.intake.problems import advice
from xinlu.law.problem import Problem
from xinlu.ledger.models import Delivery, DeliveryRow

CHINA = ZoneInfo("Asia/Shanghai")
JSON = "application/json"
PROBLEM = "application/problem+json"


def told(at: datetime) -> str:
    """A moment with the offset of China.

    >>> from datetime import UTC
    >>> told(datetime(2026, 11, 22, 1, 30, tzinfo=UTC))
    '2026-11-22T09:30:00+08:00'
    """
    return at.astimezone(CHINA).isoformat(timespec="seconds")


def answer(
    said: object, status: int = 200, *, kind: str = JSON, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """An answer that no cache keeps."""
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return HttpResponse(
        text, status=status, content_type=kind, headers={"Cache-Control": "no-store", **(headers or {})}
    )


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(type(value).__name__)


# ── receipts ────────────────────────────────────────────────────────────────────────────────────


def of_judged(judged: Judged) -> dict[str, Any]:
    """What a client gets for its rows."""
    sandbox = judged.receipt is None
    return {
        **_summary(judged.receipt, judged.delivery, codes=(one.code for one in judged.rows)),
        "warnings": list(judged.warnings),
        "rows": [of_row(one, judged.delivery.item, sandbox=sandbox) for one in judged.rows],
    }


def of_receipt(receipt: Receipt, rows: Sequence[DeliveryRow]) -> dict[str, Any]:
    """The same for a receipt that was given before."""
    return of_judged(Judged(receipt, receipt.delivery, tuple(rows), tuple(receipt.warnings)))


def in_list(receipt: Receipt) -> dict[str, Any]:
    """A receipt in a list of receipts: without its rows."""
    found = _summary(receipt, receipt.delivery, codes=())
    del found["codes"]
    return found


def _summary(receipt: Receipt | None, delivery: Delivery, *, codes: Iterable[str]) -> dict[str, Any]:
    known = current.catalogue().items.get(delivery.item)
    return {
        "receipt": receipt.number if receipt else None,
        "sandbox": receipt is None,
        "item": delivery.item,
        "title": known.title if known else delivery.item,
        "received_at": told(delivery.received_at),
        "resends": receipt.resends.number if receipt and receipt.resends else None,
        "delivered": delivery.delivered,
        "accepted": delivery.accepted,
        "queried": delivery.queried,
        "duplicate": delivery.duplicate,
        "codes": dict(sorted(Counter(code for code in codes if code).items())),
    }


def of_row(row: DeliveryRow, carries: str, *, sandbox: bool = False) -> dict[str, Any]:
    """What became of one row: outcome, and where something is to be said code, sentence, place, basis, next step."""
    found: dict[str, Any] = {"row": row.number, "outcome": str(row.outcome), "record": None if sandbox else row.record}
    if not row.code:
        return found
    basis, next_step = advice(row.code)
    column = f"/{row.field.replace('~', '~0').replace('/', '~1')}" if row.field else ""
    return {
        **found,
        "code": row.code,
        "sentence": masked_sentence(carries, row.sentence, row.raw) if row.raw else masking.within(row.sentence),
        "place": f"/rows/{row.number - 1}{column}",
        "basis": basis,
        "next_step": next_step,
    }


# ── problems ────────────────────────────────────────────────────────────────────────────────────


def refused(error: Refused, *, request: str) -> HttpResponse:
    """A refusal as problem+json (RFC 9457)."""
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="xinlu"'
    return problem(error.problem, error.status, request=request, more=error.more, headers=headers)


def file_refused(error: FileRefused, *, request: str) -> HttpResponse:
    """A batch that intake takes in no form, with the codes of files (F…)."""
    first, *more = error.problems
    return problem(first, 422, request=request, more=more)


def problem(
    one: Problem,
    status: int,
    *,
    request: str,
    more: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """``title`` is the code's, ``detail`` the sentence; ``code``, ``place``, ``basis`` and ``next_step`` are ours."""
    return answer(
        {
            "type": f"urn:xinlu:problem:{one.code}",
            "title": _title(one.code),
            "status": status,
            "detail": masking.within(one.sentence),
            "instance": f"urn:uuid:{request}",
            "code": one.code,
            "place": masking.within(one.file),
            "basis": one.basis,
            "next_step": one.next_step,
            "more": [
                {"code": other.code, "sentence": other.sentence, "basis": other.basis, "next_step": other.next_step}
                for other in more
            ],
        },
        status,
        kind=PROBLEM,
        headers=headers,
    )


def _title(code: str) -> str:
    known = CODES.get(code) or ROW_CODES.get(code)
    return known.title if known else code


# ── pages ───────────────────────────────────────────────────────────────────────────────────────


def cursor(last: int) -> str:
    """Where the next page begins; for the other side a word without meaning.

    >>> place_of(cursor(17))
    17
    """
    return base64.urlsafe_b64encode(f"after:{last}".encode()).decode().rstrip("=")


def place_of(said: str | None) -> int:
    """The place behind a cursor; 0 for none.

    Raises:
        Refused: EX-034 it is none of ours.
    """
    if not said:
        return 0
    try:
        word = base64.b64decode(said + "=" * (-len(said) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        word = ""
    number = word.removeprefix("after:")
    if word.startswith("after:") and number.isascii() and number.isdigit() and len(number) < 19:
        return int(number)
    raise Refused("EX-034", "cursor 不是本接口给出的", place="cursor")
