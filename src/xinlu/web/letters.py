"""``/quality/letters/``: the quality letters of a month, each with its rows, papers and work orders."""

from __future__ import annotations

import io
from datetime import date

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from xinlu.access.scope import Scope
from xinlu.casework.refusal import Refused
from xinlu.casework.returned_rows import cases_of, follow, return_rows
from xinlu.intake import measures
from xinlu.intake.letter import Letter, letter, letters
from xinlu.intake.letter_file import hand_out
from xinlu.law.indicator import Share
from xinlu.ledger.cuts import months_back, newest_delivery
from xinlu.web.chosen import officer
from xinlu.web.moments import acting, now, sample_day, today
from xinlu.web.parts import Filter, FilterBar, Pager, page_number
from xinlu.web.remembered import remembered

MONTHS, SIZE = 24, 50
TYPES = {"pdf": "application/pdf", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The sources that delivered in a month."""
    scope = officer(request)
    newest = measures.newest_month(scope, on=today()) or today().replace(day=1)
    month = _month(request.GET.get("month", "")) or newest
    months = [months_back(newest, back) for back in range(MONTHS)]
    options = tuple((f"{one:%Y-%m}", f"{one:%Y 年 %m 月}") for one in months)
    bar = FilterBar((Filter("month", "月份", "select", f"{month:%Y-%m}", options, fixed=True),))
    return render(request, "web/letters.html", {"bar": bar, "month": month, "rows": letters(scope, month)})


@login_required
@require_GET
def show(request: HttpRequest, source: str, month: str) -> HttpResponse:
    """One letter on the screen: figures, refused rows, and where the work order of each stands."""
    scope, found = _found(request, source, month)
    pager = Pager(page_number(request.GET.get("page")), SIZE, len(found.rows))
    shown = found.rows[pager.rows]
    orders = cases_of(scope, [one.row.pk for one in shown], now=acting())
    sums = found.dimensions()
    context = {
        "letter": found,
        "month": month,
        "counts": found.counts(),
        "dimensions": [(one.title, ran, failed, Share(ran - failed, ran).percent) for one, ran, failed in sums],
        "pager": pager,
        "rows": [(one, orders.get(one.row.pk)) for one in shown],
        "may_return": scope.everywhere,
    }
    return render(request, "web/letter.html", context)


@login_required
@require_GET
def paper(request: HttpRequest, source: str, month: str, form: str) -> HttpResponseBase:
    """The letter to take away."""
    scope, found = _found(request, source, month)
    if form not in TYPES:
        raise Http404("没有这种格式")
    data = hand_out(scope, found, form, sample=sample_day() is not None, at=now())
    name = f"{'示例省-' if sample_day() else ''}数据质量函-{found.reference}.{form}"
    return FileResponse(io.BytesIO(data), as_attachment=True, filename=name, content_type=TYPES[form])


@login_required
@require_POST
def send_back(request: HttpRequest, source: str, month: str) -> HttpResponse:
    """Open a work order for each refused row of the letter."""
    scope, found = _found(request, source, month)
    if not scope.everywhere:
        raise Http404("没有这一页")
    try:
        opened = return_rows(scope, source, found.month, at=acting())
        messages.success(request, f"已退回 {len(opened)} 行，报送单位的待办里可以看到" if opened else "没有要退回的行")
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("web:letter", source, month)


@login_required
@require_POST
def check_again(request: HttpRequest, source: str, month: str) -> HttpResponse:
    """Look up which returned rows were delivered again."""
    scope, _ = _found(request, source, month)
    moved = follow(scope, at=acting())
    messages.success(request, f"{moved} 行已重报入库，等待核对" if moved else "没有新的重报")
    return redirect("web:letter", source, month)


def _found(request: HttpRequest, source: str, month: str) -> tuple[Scope, Letter]:
    scope, day = officer(request), _month(month)
    if day is None:
        raise Http404("没有这封质量函")
    name = f"letter {source} {day} {newest_delivery()}"
    found = remembered(name, scope, today(), lambda: letter(scope, source, day))
    if found is None:
        raise Http404("没有这封质量函")
    return scope, found


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
