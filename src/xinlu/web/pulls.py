"""``/pulls/``: systems that data is fetched from – when last, what came of it, when next, and another try."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from xinlu.access.scope import Scope
from xinlu.exchange import pulls
from xinlu.exchange.connections import read_connections
from xinlu.exchange.connectors.trouble import CODES
from xinlu.exchange.pull import ask_again
from xinlu.exchange.pulls import ConnectionTold, PullTold
from xinlu.exchange.rights import STEWARDS
from xinlu.intake.problems import advice
from xinlu.web.deliveries import title_of
from xinlu.web.makers import person_of
from xinlu.web.moments import now
from xinlu.web.parts import Pager, Pair, page_number

SIZE = 20
_LAMP_OF = {"never": "paused", "running": "normal", "done": "normal", "waiting": "due"}
_STATUS_OF = {"taken": "done", "postponed": "todo", "refused": "returned", "failed": "returned", "finished": "done"}


@dataclass(frozen=True)
class Row:
    """A connection with its lamp and what somebody should do."""

    told: ConnectionTold
    lamp: str
    words: str
    next_step: str

    @property
    def last(self) -> PullTold | None:
        """The last pull."""
        return self.told.last


def _row(one: ConnectionTold) -> Row:
    trouble = one.trouble
    return Row(
        one, _LAMP_OF.get(one.state, "overdue"), pulls.STATES[one.state], _next_step(trouble.code if trouble else "")
    )


def _next_step(code: str) -> str:
    return CODES[code].next_step if code in CODES else advice(code)[1]


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """All connections of the scope, those that somebody must look at first."""
    person = person_of(request)
    if person.organ is None:
        raise Http404("没有这个页面")
    rows = [_row(one) for one in pulls.connections(Scope.of(person), at=now())]
    order = {"overdue": 0, "due": 1, "paused": 2, "normal": 3}
    rows.sort(key=lambda row: order[row.lamp])
    may_see = Scope.of(person).everywhere
    context = {
        "rows": rows,
        "counts": {lamp: sum(row.lamp == lamp for row in rows) for lamp in order},
        "problems": read_connections().problems if may_see else (),
        "steward": person.role in STEWARDS,
    }
    return render(request, "web/pulls.html", context)


@require_GET
@login_required
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One connection with its pulls, step by step."""
    person = person_of(request)
    scope, at = Scope.of(person), now()
    one = pulls.connection_told(scope, name, at=at)
    if one is None:
        raise Http404("没有这个数据连接")
    rows = pulls.pulls(scope, name)
    pager = Pager(page_number(request.GET.get("page")), SIZE, rows.count())
    listed = [(told, _steps(told)) for told in (pulls.told(row, at=at) for row in rows[pager.rows])]
    context = {
        "row": _row(one),
        "pairs": _pairs(one),
        "listed": listed,
        "pager": pager,
        "states": pulls.STATES,
        "steward": person.role in STEWARDS,
    }
    return render(request, "web/pull.html", context)


def _steps(told: PullTold) -> list[tuple[object, str, str]]:
    """Steps worth a line: each with its status and what to do."""
    return [(step, _STATUS_OF[step.kind], _next_step(step.code)) for step in told.steps if step.kind != "finished"]


def _pairs(one: ConnectionTold) -> list[Pair]:
    link, source = one.connection, one.source
    carries = (
        link.item
        or (f"kind:{link.kind}" if link.kind is not None else "")
        or (f"relation:{link.relation}" if link.relation is not None else "")
    )
    every = {"m": "分钟", "h": "小时", "d": "天"}
    return [
        Pair("方式", link.kind_of_system.title),
        Pair("数据源", f"{source.title}（{source.code}）" if source else link.source),
        Pair("机构", source.organ.name if source else "—"),
        Pair("内容", title_of(carries) if carries else "按列名辨认"),
        Pair("间隔", f"每 {link.every[:-1]} {every[link.every[-1]]}" if link.every else "有人要求时"),
        Pair("有疑问行时", "整件不入库" if link.mode == "all_or_nothing" else "合格的行入库"),
    ]


@require_POST
@login_required
def again(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for another try at the next turn, also of what was refused."""
    person = person_of(request)
    scope = Scope.of(person)
    one = pulls.connection_told(scope, name, at=now())
    if one is None or person.role not in STEWARDS:
        raise Http404("没有这个数据连接")
    ask_again(one.connection, scope, at=now())
    messages.success(request, f"已列入下一轮抽取：{one.connection.title}")
    return redirect("web:pull", name=name)
