"""``/double-publicity/``: how permits and penalties stand with the provincial platform, and what is to be told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from xinlu.access.scope import Scope
from xinlu.exchange import publicity
from xinlu.exchange.outgoing import file_name, hand_out
from xinlu.exchange.publicity import Standings
from xinlu.exchange.publicity_models import Submission
from xinlu.exchange.publicity_problems import NotReported, told
from xinlu.exchange.receipt import ReceiptResult, read_receipt
from xinlu.exchange.submit import may_report, send_again, submit
from xinlu.intake.problems import Refused
from xinlu.intake.sheet import UPLOAD
from xinlu.law.problem import Problem
from xinlu.law.reporting import Reporting, Table
from xinlu.web.makers import person_of
from xinlu.web.moments import now, today
from xinlu.web.parts import Pager, Tab, page_number

P = ParamSpec("P")
SIZE = 50
FILES = 10
"""Files that the page lists."""
TYPES = {"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "csv": "text/csv; charset=utf-8"}
LAMPS = {
    "overdue": ("overdue", "超期"),
    "soon": ("due", "临期"),
    "open": ("normal", "正常"),
    "unknown": ("paused", "日历未及"),
    "timely": ("normal", "按时"),
    "late": ("due", "超期报"),
}
STATUS = {"pending": "todo", "sent": "doing", "returned": "returned", "done": "done", "withdrawn": "withdrawn"}
OPERATIONS = {"report": "新增", "correct": "更正", "withdraw": "撤销"}


def for_reporters(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Only for data stewards of the province; for others there is no such page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not may_report(person_of(request)):
            raise Http404("没有这个页面")
        return view(request, *args, **kwargs)

    signed_in: Callable[..., HttpResponse] = login_required(guarded)
    return signed_in


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Counts of both sheets, and the records of one state of one of them."""
    return _page(request)


def _page(
    request: HttpRequest, *, problems: tuple[Problem, ...] = (), read: ReceiptResult | None = None
) -> HttpResponse:
    person = person_of(request)
    if person.organ is None:
        raise Http404("没有这个页面")
    scope, day = Scope.of(person), today()
    rule = publicity.rule_on(day)
    if rule is None:
        return render(request, "web/publicity.html", {"problems": (told("DP-001", "没有生效的双公示报送规定"),)})
    table = _table(rule, request.GET.get("item", ""))
    state = request.GET.get("state", "pending")
    state = state if state in publicity.STATES else "pending"
    counts = {one.item: publicity.counts(scope, one) for one in rule.tables}
    rows = Standings(scope, table, state, day, rule)
    pager = Pager(
        page_number(request.GET.get("page")), SIZE, counts[table.item][state], {"item": table.item, "state": state}
    )
    found = rows.cut(pager.rows.start, pager.rows.stop)
    context = {
        "rule": rule,
        "table": table,
        "state": state,
        "figures": [_figures(scope, one, counts[one.item], day, rule) for one in rule.tables],
        "tabs": _tabs(table, counts[table.item], state),
        "rows": [(one, *LAMPS[one.lamp], STATUS[one.state], OPERATIONS[one.operation]) for one in found],
        "pager": pager,
        "states": publicity.STATES,
        "reporter": may_report(person),
        "again": may_report(person) and state in ("sent", "returned"),
        "files": publicity.submissions(scope)[:FILES],
        "titles": {one.item: one.title for one in rule.tables},
        "problems": problems,
        "read": read,
    }
    return render(request, "web/publicity.html", context, status=422 if problems else 200)


def _table(rule: Reporting, item: str) -> Table:
    return rule.table(item) or rule.tables[-1]


def _figures(scope: Scope, table: Table, counts: dict[str, int], day: date, rule: Reporting) -> dict[str, object]:
    since = day.replace(day=1)
    until = since.replace(year=since.year + since.month // 12, month=since.month % 12 + 1)
    in_time, total = publicity.timeliness(scope, table, since=since, until=until, rule=rule)
    return {
        "table": table,
        "counts": counts,
        "clock": publicity.overdue(scope, table, on=day, rule=rule),
        "in_time": in_time,
        "told": total,
        "share": round(100 * in_time / total, 1) if total else None,
    }


def _tabs(table: Table, counts: dict[str, int], here: str) -> list[Tab]:
    return [
        Tab(title, f"?item={table.item}&state={state}#rows", counts[state], state == here)
        for state, title in publicity.STATES.items()
    ]


def _back(item: str, state: str) -> HttpResponse:
    return redirect(f"{reverse('web:publicity')}?item={item}&state={state}")


@require_POST
@for_reporters
def make(request: HttpRequest) -> HttpResponse:
    """Put what is to be told of one sheet into one file."""
    item = request.POST.get("item", "")
    try:
        made = submit(item, actor=Scope.of(person_of(request)).actor, at=now())
    except NotReported as refused:
        return _page(request, problems=(refused.problem,))
    if made is None:
        messages.info(request, "没有待报的。")
        return _back(item, "pending")
    messages.success(request, f"已生成上报批次 {made.pk}，共 {made.rows.count()} 行。请下载文件，交给省平台。")
    return _back(item, "sent")


@require_POST
@for_reporters
def download(request: HttpRequest, number: int) -> HttpResponse:
    """The file of a submission; that it was handed out is kept."""
    found = Submission.objects.filter(pk=number).first()
    form = request.POST.get("form", "xlsx")
    if found is None or form not in TYPES:
        raise Http404("没有这个上报批次")
    try:
        data = hand_out(found, form, actor=Scope.of(person_of(request)).actor, at=now())  # type: ignore[arg-type]
    except NotReported as refused:
        return _page(request, problems=(refused.problem,))
    answer = HttpResponse(data, content_type=TYPES[form])
    answer.headers["Content-Disposition"] = _attachment(file_name(found, form))  # type: ignore[arg-type]
    return answer


def _attachment(name: str) -> str:
    return content_disposition_header(as_attachment=True, filename=name) or "attachment"


@require_POST
@for_reporters
def receipt(request: HttpRequest) -> HttpResponse:
    """Read a file of the platform's answers."""
    file = request.FILES.get("file")
    if file is None or isinstance(file, list):
        return _page(request, problems=(told("DP-007", "没有选择回执文件"),))
    if (file.size or 0) > UPLOAD.size:
        return _page(request, problems=(told("DP-007", "回执文件太大"),))
    try:
        read = read_receipt(
            file.read(), name=file.name or "", actor=Scope.of(person_of(request)).actor, at=now(), limits=UPLOAD
        )
    except Refused as refused:
        return _page(request, problems=refused.problems)
    except NotReported as refused:
        return _page(request, problems=(refused.problem,))
    return _page(request, read=read)


@require_POST
@for_reporters
def again(request: HttpRequest) -> HttpResponse:
    """Let chosen records be told again, with a reason."""
    records = [int(one) for one in request.POST.getlist("record") if one.isascii() and one.isdigit()]
    try:
        if not records:
            raise NotReported("DP-005", "没有选择记录")
        count = send_again(
            records, reason=request.POST.get("reason", ""), actor=Scope.of(person_of(request)).actor, at=now()
        )
    except NotReported as refused:
        return _page(request, problems=(refused.problem,))
    messages.success(request, f"{count} 条列为待报。")
    return _back(request.POST.get("item", ""), "pending")
