"""What every call of the interface has: a number, a place in the record of calls, and an answer in one form.

A middleware, because a call can end before any endpoint is reached: no such address, no such method, no token.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from xinlu.access import masking
from xinlu.exchange import answers
from xinlu.exchange.models import Call
from xinlu.exchange.refusal import Refused
from xinlu.exchange.tokens import Caller
from xinlu.journal.append import append

ROOT = "/api/"
IN_JOURNAL = frozenset({"EX-003", "EX-004", "EX-005", "EX-006", "EX-007", "EX-010", "EX-011", "EX-012"})
"""Refusals that somebody who answers for security asks about; the others are slips of a program."""
_log = logging.getLogger("xinlu.exchange")


class Told:
    """What an endpoint says of its own call while it is at it."""

    def __init__(self) -> None:
        self.number = str(uuid.uuid4())
        self.caller: Caller | None = None
        self.operation = ""
        self.item = ""
        self.rows = 0
        self.code = ""
        self.sentence = ""


def told_of(request: HttpRequest) -> Told:
    """The notes on a call."""
    found: Told = request.told_of_call  # type: ignore[attr-defined]
    return found


def watch_calls(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware for everything below ``/api/``."""

    def watched(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(ROOT):
            return answer(request)
        told, started = Told(), time.perf_counter()
        request.told_of_call = told  # type: ignore[attr-defined]
        response = _in_one_form(answer(request), told)
        response["X-Request-Id"] = told.number
        if told.caller is not None:
            _keep(told, told.caller, response.status_code, int((time.perf_counter() - started) * 1000))
        return response

    return watched


def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    """An error that nobody foresaw: the trace goes to the log, never to the caller."""
    told = told_of(request)
    if isinstance(error, OperationalError):
        return note(request, Refused("EX-038", "数据库正忙，没有写入任何数据", retry_after=5))
    _log.error("call %s (%s) failed", told.number, told.operation or request.method, exc_info=error)
    return note(request, Refused("EX-039", f"系统内部出错，请求编号 {told.number}"))


def note(request: HttpRequest, error: Refused) -> HttpResponse:
    """Answer a refusal and remember it with the call."""
    told = told_of(request)
    told.code, told.sentence = error.problem.code, error.problem.sentence
    return answers.refused(error, request=told.number)


def _in_one_form(response: HttpResponse, told: Told) -> HttpResponse:
    """Answers of the framework – no such address, no such method – as problems of ours."""
    if response.status_code < 400 or response.get("Content-Type", "").startswith((answers.PROBLEM, answers.JSON)):
        return response
    code = {404: "EX-035", 405: "EX-036"}.get(response.status_code, "EX-034")
    words = {"EX-035": "没有这个地址", "EX-036": "这个地址不支持这种方法", "EX-034": "请求有误"}[code]
    told.code, told.sentence = code, words
    ours = answers.refused(Refused(code, words), request=told.number)
    if "Allow" in response:
        ours["Allow"] = response["Allow"]
    return ours


def _keep(told: Told, caller: Caller, status: int, milliseconds: int) -> None:
    at = timezone.now()
    sentence = masking.within(told.sentence)[:400]
    said: dict[str, Any] = {"status": status, "code": told.code, "operation": told.operation, "item": told.item}
    try:
        Call._base_manager.create(
            client=caller.client,
            at=at,
            sentence=sentence,
            rows=told.rows,
            milliseconds=milliseconds,
            **{**said, "operation": told.operation[:60], "item": told.item[:60]},
        )
        if told.code in IN_JOURNAL:
            append(
                actor=caller.actor,
                verb="exchange.call.refused",
                obj=f"exchange.client:{caller.client.code}",
                facts=said,
                at=at,
            )
    except OperationalError:
        # The rows are written or refused by now, and the client must hear which.
        _log.warning("call %s could not be kept: the database is busy", told.number)
