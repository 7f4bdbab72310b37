"""``/deliveries/``: what was handed over, what became of each row, and handing over a file."""

from __future__ import annotations

import io
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.error_file import hand_out
from xinlu.intake.personal import masked, masked_sentence
from xinlu.intake.problems import Refused, advice
from xinlu.intake.undo import taking_back, undo, withdraw
from xinlu.law.catalogue import Item
from xinlu.law.problem import Problem
from xinlu.ledger import queries as ledger
from xinlu.ledger.models import DeliveryRow, TakenBack
from xinlu.web import observed
from xinlu.web.moments import now, sample_day
from xinlu.web.parts import Filter, FilterBar, Pager, Tab, page_number

SIZE = 50
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class RowTold:
    """A row of a delivery: what became of it, why, on which basis, and what to do."""

    row: DeliveryRow
    sentence: str
    column: str
    value: str
    basis: str
    next_step: str


def _told(row: DeliveryRow, item: Item | None, carries: str) -> RowTold:
    titles = {name: field.title for field in item.fields for name in (*field.aliases, field.name)} if item else {}
    raw = masked(carries, row.raw)
    column = titles.get(row.field, row.field)
    value = raw.get(row.field, raw.get(column, ""))
    basis, next_step = advice(row.code)
    return RowTold(row, masked_sentence(carries, row.sentence, row.raw), column, value, basis, next_step)


def told_row(row: DeliveryRow) -> RowTold:
    """A row that was read with its delivery, as people may read it."""
    carries = row.delivery.item
    return _told(row, current.catalogue().items.get(carries), carries)


def title_of(carries: str) -> str:
    """What a delivery carries, in words: an item, subjects of a kind, or relations."""
    law = current.catalogue()
    if carries in law.items:
        return law.items[carries].title
    what, _, name = carries.partition(":")
    if what == "kind":
        return f"主体登记：{law.kinds[name].title}" if name in law.kinds else "主体登记"
    return "主体关系" if what == "relation" else "按行区分"


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """All deliveries of the scope, newest first."""
    scope, at = Scope.of(request.user), request.GET
    rows = ledger.deliveries(scope)
    sources = tuple(dict(rows.order_by("source__code").values_list("source__code", "source__title")).items())
    bar = FilterBar(
        (
            Filter("source", "数据源", "select", at.get("source", ""), sources),
            Filter("state", "状态", "select", at.get("state", ""), (("queried", "有疑问"), ("clean", "全部入库"))),
        )
    )
    if bar.query.get("source"):
        rows = ledger.deliveries(scope, source=bar.query["source"])
    if bar.query.get("state"):
        rows = rows.filter(queried__gt=0) if bar.query["state"] == "queried" else rows.filter(queried=0)
    pager = Pager(page_number(at.get("page")), SIZE, rows.count(), bar.query)
    shown = [(row, title_of(row.item)) for row in rows[pager.rows]]
    return render(request, "web/deliveries.html", {"rows": shown, "bar": bar, "pager": pager})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, number: int) -> HttpResponse:
    """One delivery with its rows; ``?outcome=`` picks which, queried ones first. POST ``step``: take it back."""
    scope = Scope.of(request.user)
    found = ledger.delivery(scope, number)
    if found is None:
        raise Http404("没有这个交付批次")
    if found.way == found.Way.FEED:
        return observed.show(request, found)
    problems: tuple[Problem, ...] = ()
    if request.method == "POST":
        problems = _take_back(request, scope, number)
        if not problems:
            return redirect("web:delivery", number=number)
    outcomes = DeliveryRow.Outcome
    wanted = request.GET.get("outcome", outcomes.QUERIED if found.queried else outcomes.ACCEPTED)
    here = wanted if wanted in outcomes.values else outcomes.QUERIED
    rows = ledger.rows(scope, number, outcome=here)
    pager = Pager(page_number(request.GET.get("page")), SIZE, rows.count(), {"outcome": here})
    counts = {outcomes.QUERIED: found.queried, outcomes.ACCEPTED: found.accepted, outcomes.DUPLICATE: found.duplicate}
    item = current.catalogue().items.get(found.item)
    context = {
        "delivery": found,
        "back": taking_back(scope, number, at=now()),
        "taken_back": TakenBack.objects.filter(delivery=number).first(),
        "problems": problems,
        "reason": request.POST.get("reason", ""),
        "title": title_of(found.item),
        "rows": [_told(row, item, found.item) for row in rows[pager.rows]],
        "here": here,
        "pager": pager,
        "tabs": [
            Tab(str(outcomes(key).label), f"?outcome={key}#rows", count, key == here) for key, count in counts.items()
        ],
    }
    return render(request, "web/delivery.html", context, status=422 if problems else 200)


def _take_back(request: HttpRequest, scope: Scope, number: int) -> tuple[Problem, ...]:
    """Undo or withdraw; gives what stands against it."""
    verb, said = (undo, "撤销") if request.POST.get("step") == "undo" else (withdraw, "撤回")
    try:
        done = verb(scope, number, reason=request.POST.get("reason", ""), at=now())
    except Refused as refused:
        return refused.problems
    words = f"批次 {number} 已{said}：撤下 {done.withdrawn} 条记录，恢复原有 {done.restored} 条。"
    messages.success(request, words)
    return ()


@login_required
def queried(request: HttpRequest, number: int) -> HttpResponseBase:
    """The queried rows of a delivery as a workbook that can be mended and handed over again."""
    data = hand_out(Scope.of(request.user), number, at=now())
    if data is None:
        raise Http404("没有这个交付批次，或其中没有疑问数据")
    name = f"{'示例省-' if sample_day() else ''}疑问数据-批次{number}.xlsx"
    return FileResponse(io.BytesIO(data), as_attachment=True, filename=name, content_type=WORKBOOK)
