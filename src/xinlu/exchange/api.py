"""``/api/v1``: the open interface for systems of cities and partners. Each endpoint calls one verb or query.

Who calls is known by a token (:mod:`xinlu.exchange.tokens`); whatever hands rows over is signed, too
(:mod:`xinlu.exchange.signature`). What a caller may do is not decided here but where it is done.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.security import HttpBearer

from xinlu.exchange import answers, clients, queries, tokens
from xinlu.exchange.agree import allowed
from xinlu.exchange.body import ROWS, SIZE
from xinlu.exchange.models import Nonce, Receipt
from xinlu.exchange.openapi import SIGNED, finished
from xinlu.exchange.receive import Judged, receive, resend, try_out
from xinlu.exchange.refusal import Refused
from xinlu.exchange.shapes import (
    AgreedItems,
    ReceiptPage,
    ReceiptWhole,
    RowPage,
    TokenGiven,
    TokenRefused,
)
from xinlu.exchange.signature import WINDOW, signed_of, verify
from xinlu.exchange.tokens import Caller
from xinlu.exchange.watch import note, told_of, unexpected
from xinlu.gazette import current
from xinlu.intake.problems import Refused as FileRefused
from xinlu.law.item_schema import item_schema

PAGE = 100
MOST = 200
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class OpenApi(NinjaAPI):
    """django-ninja, with a document that says what really comes."""

    def get_openapi_schema(self, **said: Any) -> OpenAPISchema:
        """The document: problems as problem+json, OAuth 2.0, signatures, and the schema of every item."""
        return finished(super().get_openapi_schema(**said), current.catalogue())


api = OpenApi(
    title="信路开放接口",
    version="1.0",
    description="供设区市和协作单位的业务系统报送信用信息。说明见 docs/api.md。",
    docs_url=None,
    urls_namespace="open-api",
)


# ── who calls ───────────────────────────────────────────────────────────────────────────────────


class WithToken(HttpBearer):
    """A token that is good for ``need``."""

    def __init__(self, need: str) -> None:
        super().__init__()
        self.need = need

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """The caller, noted with the call."""
        caller = tokens.caller_of(token, at=timezone.now())
        told_of(request).caller = caller
        caller.require(self.need)
        return caller


class WithSignature(WithToken):
    """The same, and the request is signed by the same client."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """The caller, when method, path and body are as it signed them, now and once."""
        caller = super().authenticate(request, token)
        at = timezone.now()
        signed = signed_of(request.headers, at=at)
        body = _body(request)
        keys = clients.signing_keys(caller.client, at=at)
        verify(signed, keys, method=str(request.method), path=request.get_full_path(), body=body)
        Nonce.objects.filter(seen_at__lt=at - 2 * WINDOW).delete()
        try:
            with transaction.atomic():
                Nonce.objects.create(client=caller.client, nonce=signed.nonce, seen_at=at)
        except IntegrityError:
            raise Refused("EX-005", "这个随机数已经用过", place="X-Nonce") from None
        return caller


def _body(request: HttpRequest) -> bytes:
    length = request.headers.get("Content-Length", "0")
    if length.isdigit() and int(length) > SIZE:
        raise Refused("EX-030", f"正文超过上限 {SIZE // 1024 // 1024} MB")
    return request.body


def _caller(request: HttpRequest, operation: str, item: str = "") -> Caller:
    told = told_of(request)
    told.operation, told.item = operation, item
    assert told.caller is not None
    return told.caller


# ── tokens ──────────────────────────────────────────────────────────────────────────────────────


@api.post(
    "/oauth/token",
    response={200: TokenGiven, 400: TokenRefused, 401: TokenRefused},
    summary="取得访问令牌（OAuth 2.0 客户端凭证）",
    tags=["认证"],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "grant_type": {"const": "client_credentials"},
                            "client_id": {"type": "string"},
                            "client_secret": {"type": "string"},
                            "scope": {"type": "string"},
                        },
                        "required": ["grant_type"],
                    }
                }
            },
        }
    },
)
def give_token(request: HttpRequest) -> HttpResponse:
    """客户端编号与密钥放在 Basic 认证头或表单中；令牌一小时有效。"""
    return tokens.answer(request)


# ── what may come ───────────────────────────────────────────────────────────────────────────────


@api.get("/items", auth=WithToken("records"), response=AgreedItems, summary="现在可以报送的信息项", tags=["目录"])
def list_items(request: HttpRequest) -> HttpResponse:
    """生效协议中的信息项，以及今日还能报送多少行。"""
    caller = _caller(request, "items")
    law, day = current.catalogue(), timezone.localdate()
    found = []
    for one in queries.agreements(caller.scope, on=day, source=caller.client.source.code):
        for line in one.lines if one.state == "in_force" else ():
            if (item := law.items.get(line.item)) is None:
                continue
            may = allowed(line, item)
            names = [field.name for field in item.fields] + [role.name for role in item.roles]
            found.append(
                {
                    "item": item.item,
                    "title": item.title,
                    "agreement": one.agreement.pk,
                    "fields": [name for name in dict.fromkeys(names) if name in may],
                    "key": list(item.key),
                    "purposes": one.agreement.purposes,
                    "regions": one.agreement.regions,
                    "region_role": line.region_role or None,
                    "valid_from": one.agreement.valid_from.isoformat(),
                    "valid_until": one.agreement.valid_until.isoformat(),
                    "daily_limit": one.agreement.daily_limit,
                    "left_today": one.left,
                    "schema_at": f"/api/v1/items/{item.item}/schema",
                }
            )
    return answers.answer({"items": found, "most_rows": ROWS, "most_bytes": SIZE})


@api.get(
    "/items/{item}/schema", auth=WithToken("records"), response=dict, summary="信息项的 JSON Schema", tags=["目录"]
)
def show_schema(request: HttpRequest, item: str) -> HttpResponse:
    """由目录生成：一行该是什么样子。"""
    _caller(request, "schema", item)
    law = current.catalogue()
    if item not in law.items:
        raise Refused("EX-035", f"目录中没有信息项“{item[:60]}”", place="item")
    return answers.answer(item_schema(law.items[item], catalogue=law), kind="application/schema+json")


# ── rows ────────────────────────────────────────────────────────────────────────────────────────

Mode = Literal["accept_good", "all_or_nothing"]


@api.post(
    "/items/{item}/records",
    auth=WithSignature("records"),
    response={200: ReceiptWhole, 201: ReceiptWhole},
    summary="报送一批（按业务主键新增、更正或撤回）",
    tags=["报送"],
    openapi_extra=SIGNED,
)
def send_records(request: HttpRequest, item: str, mode: Mode = "accept_good") -> HttpResponse:
    """201：收下，给回执；200：同一个键已收过，给同一份回执，什么也没有再做。"""
    caller = _caller(request, "records", item)
    judged = receive(caller, item, _json(request), key=_key(request), clock=timezone.now, mode=mode)
    return _receipt(request, judged)


@api.post(
    "/sandbox/items/{item}/records",
    auth=WithSignature("sandbox"),
    response={200: ReceiptWhole},
    summary="试报一批：同样核对，什么也不写入",
    tags=["报送"],
    openapi_extra=SIGNED,
)
def try_records(request: HttpRequest, item: str, mode: Mode = "accept_good") -> HttpResponse:
    """联调沙箱：与正式报送同一条路，最后全部撤回。"""
    caller = _caller(request, "sandbox", item)
    judged = try_out(caller, item, _json(request), clock=timezone.now, mode=mode)
    return _receipt(request, judged)


@api.post(
    "/receipts/{number}/resend",
    auth=WithSignature("records"),
    response={200: ReceiptWhole, 201: ReceiptWhole},
    summary="重报回执中的疑问行",
    tags=["报送"],
    openapi_extra=SIGNED,
)
def resend_rows(request: HttpRequest, number: str) -> HttpResponse:
    """正文为空：按原样重报全部疑问行；否则每行以 row 指明替换哪一行。"""
    caller = _caller(request, "resend")
    body = _json(request) if _body(request).strip() else b""
    receipt = _own(caller, number)
    told_of(request).item = receipt.delivery.item
    return _receipt(request, resend(caller, receipt, body, key=_key(request), clock=timezone.now))


# ── receipts ────────────────────────────────────────────────────────────────────────────────────


@api.get("/receipts", auth=WithToken("records"), response=ReceiptPage, summary="回执列表", tags=["回执"])
def list_receipts(request: HttpRequest, cursor: str | None = None, limit: int = PAGE) -> HttpResponse:
    """从旧到新；cursor 接着上一页，可以一直用它等新的回执。"""
    caller = _caller(request, "receipts")
    after, most = answers.place_of(cursor), _limit(limit)
    found = list(queries.receipts(caller.scope, caller.client, after=after)[: most + 1])
    more = answers.cursor(found[most - 1].pk) if len(found) > most else None
    return answers.answer({"receipts": [answers.in_list(one) for one in found[:most]], "next": more})


@api.get("/receipts/{number}", auth=WithToken("records"), response=ReceiptWhole, summary="一份回执", tags=["回执"])
def show_receipt(request: HttpRequest, number: str) -> HttpResponse:
    """与报送时给出的相同。"""
    caller = _caller(request, "receipt")
    receipt = _own(caller, number)
    return answers.answer(answers.of_receipt(receipt, queries.rows(caller.scope, receipt)))


@api.get("/receipts/{number}/rows", auth=WithToken("records"), response=RowPage, summary="回执的行", tags=["回执"])
def list_rows(
    request: HttpRequest,
    number: str,
    outcome: Literal["accepted", "queried", "duplicate"] | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> HttpResponse:
    """按行号；outcome 只看一种去处。"""
    caller = _caller(request, "rows")
    after, most = answers.place_of(cursor), _limit(limit)
    receipt = _own(caller, number)
    found = queries.rows(caller.scope, receipt, outcome=outcome, after=after, most=most + 1)
    more = answers.cursor(found[most - 1].number) if len(found) > most else None
    rows = [answers.of_row(one, receipt.delivery.item) for one in found[:most]]
    return answers.answer({"rows": rows, "next": more})


def _receipt(request: HttpRequest, judged: Judged) -> HttpResponse:
    told_of(request).rows = 0 if judged.again else judged.delivery.delivered
    said = answers.of_judged(judged)
    if judged.receipt is None:
        return answers.answer(said)
    headers = {"Location": f"/api/v1/receipts/{judged.receipt.number}"}
    if judged.again:
        return answers.answer(said, headers={**headers, "Idempotency-Replayed": "true"})
    return answers.answer(said, 201, headers=headers)


def _own(caller: Caller, number: str) -> Receipt:
    found = queries.receipt(caller.scope, caller.client, number)
    if found is None:
        raise Refused("EX-035", "没有这份回执", place="number")
    return found


def _limit(said: int) -> int:
    if not 1 <= said <= MOST:
        raise Refused("EX-034", f"limit 应在 1 与 {MOST} 之间", place="limit")
    return said


def _key(request: HttpRequest) -> str:
    said = request.headers.get("Idempotency-Key", "").strip().strip('"')
    if not _KEY.fullmatch(said):
        raise Refused("EX-020", "请求头 Idempotency-Key 应为 1～128 个字母、数字或 ._:-", place="Idempotency-Key")
    return said


def _json(request: HttpRequest) -> bytes:
    if request.content_type != answers.JSON:
        raise Refused("EX-032", f"正文类型是 {(request.content_type or '空')[:60]}", place="Content-Type")
    return _body(request)


# ── what is refused ─────────────────────────────────────────────────────────────────────────────


@api.exception_handler(Refused)
def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    return note(request, error)


@api.exception_handler(FileRefused)
def _file_refused(request: HttpRequest, error: FileRefused) -> HttpResponse:
    told = told_of(request)
    told.code, told.sentence = error.problems[0].code, error.problems[0].sentence
    return answers.file_refused(error, request=told.number)


@api.exception_handler(AuthenticationError)
def _no_token(request: HttpRequest, error: AuthenticationError) -> HttpResponse:  # noqa: ARG001
    return note(request, Refused("EX-001", "请求没有带访问令牌", place="Authorization"))


@api.exception_handler(ValidationError)
def _wrong_parameter(request: HttpRequest, error: ValidationError) -> HttpResponse:
    where: Any = error.errors[0].get("loc") if error.errors else None
    place = str(where[-1]) if where else ""
    return note(request, Refused("EX-034", f"参数 {place} 的值不对", place=place))


@api.exception_handler(HttpError)
def _other(request: HttpRequest, error: HttpError) -> HttpResponse:
    return note(request, Refused("EX-034", str(error)[:200]))


@api.exception_handler(Exception)
def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    return unexpected(request, error)
