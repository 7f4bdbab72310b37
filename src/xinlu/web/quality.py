"""``/quality/``: six dimensions by item, source and month, what arrived and whether it is fresh, held deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from xinlu.access.scope import Scope
from xinlu.gazette.current import catalogue, library
from xinlu.intake import measures
from xinlu.intake.freshness import Lamp, lamps
from xinlu.intake.hold import HoldRefused, drop, hold_of, holds, release
from xinlu.intake.measures import Handed, Measure
from xinlu.law.quality import Dimension
from xinlu.ledger import queries as ledger
from xinlu.ledger.cuts import Cut, month_after, months_back, newest_delivery
from xinlu.web.chosen import officer
from xinlu.web.deliveries import title_of, told_row
from xinlu.web.moments import now, today
from xinlu.web.parts import Chart, Filter, FilterBar, Pager, Series, page_number
from xinlu.web.remembered import remembered

MONTHS, SIZE = 24, 50
COUNTS = {
    "delivered": "上报量",
    "accepted": "入库量",
    "updated": "更新量",
    "queried": "疑问量",
    "unlinked": "未关联量",
    "duplicate": "重复量",
}
"""Numbers of what was handed over, as they stand in the table."""
CADENCES = {
    "realtime": "实时",
    "daily": "每日",
    "weekly": "每周",
    "monthly": "每月",
    "quarterly": "每季",
    "yearly": "每年",
    "event": "不定期",
}
SHADES = {"green": "normal", "yellow": "due", "red": "overdue", "grey": "paused"}


@dataclass(frozen=True)
class Cell:
    """One dimension of one item from one source, with the address of the row checks that failed."""

    measure: Measure
    percent: str
    address: str


@dataclass(frozen=True)
class Row:
    """One item from one source."""

    handed: Handed
    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Arrival:
    """What one source handed over of one item, with its lamp."""

    handed: Handed
    title: str
    cadence: str
    counts: tuple[tuple[int, str], ...]
    in_time: str
    lamp: Lamp | None
    shade: str


@login_required
@require_GET
def matrix(request: HttpRequest) -> HttpResponse:
    """The six dimensions in one month."""
    scope, at = officer(request), request.GET
    newest = measures.newest_month(scope, on=today()) or today().replace(day=1)
    month = _month(at.get("month", ""), newest)
    cut = Cut(month, month_after(month), source=at.get("source") or None)
    handed = _handed(scope, cut)
    keep = {"month": f"{month:%Y-%m}"}
    rows = [Row(one, title_of(one.item), _cells(one, keep)) for one in handed]
    overall = [_overall(handed, dimension, {**keep, **_source(cut)}) for dimension in Dimension]
    context = {
        "bar": _bar(scope, month, newest, cut.source),
        "month": month,
        "dimensions": list(Dimension),
        "rows": rows,
        "overall": overall,
        "checks": _checks(scope, cut, keep),
        "holds": holds(scope),
        "trend": _trend(scope, month),
    }
    return render(request, "web/quality.html", context)


@login_required
@require_GET
def faults(request: HttpRequest) -> HttpResponse:
    """The row checks that failed behind one number of the matrix."""
    scope, at = officer(request), request.GET
    month = _month(at.get("month", ""), today().replace(day=1))
    cut = Cut(month, month_after(month), item=at.get("item") or None, source=at.get("source") or None)
    known = [one.value for one in Dimension]
    dimension = Dimension(at["dimension"]) if at.get("dimension") in known else None
    found = measures.faults(scope, cut, dimension=dimension, check=at.get("check") or None)
    keep = {key: at[key] for key in ("month", "item", "source", "dimension", "check") if at.get(key)}
    pager = Pager(page_number(at.get("page")), SIZE, found.count(), keep)
    titles = check_titles()
    rows = [(titles.get(one.result.name, one.result.name), one.result, told_row(one.row)) for one in found[pager.rows]]
    context = {
        "month": month,
        "dimension": dimension,
        "check": titles.get(at.get("check", ""), ""),
        "item": title_of(at["item"]) if at.get("item") else "",
        "pager": pager,
        "rows": rows,
    }
    return render(request, "web/quality_faults.html", context)


@login_required
@require_GET
def arrivals(request: HttpRequest) -> HttpResponse:
    """What arrived of each item from each source, and how long it has been silent."""
    scope, at = officer(request), request.GET
    newest = today().replace(day=1)
    month = _month(at.get("month", ""), newest) if at.get("month") else None
    since, until = (month, month_after(month)) if month else (months_back(newest, 11), month_after(newest))
    cut = Cut(since, until, source=at.get("source") or None)
    keep = {"month": f"{month:%Y-%m}"} if month else {}
    handed = _handed(scope, cut)
    by_place = {(one.item, one.source): one for one in lamps(scope, on=today())}
    rows = [_arrival(one, by_place.get((one.item, one.source)), keep) for one in handed]
    silent = [
        (title_of(one.item), CADENCES[one.cadence], one, SHADES[one.colour])
        for one in by_place.values()
        if one.colour in ("red", "yellow") and (one.item, one.source) not in {(h.item, h.source) for h in handed}
    ]
    sums = [(COUNTS[name], sum(getattr(one, name) for one in handed), _address(keep, cut, name)) for name in COUNTS]
    context = {
        "bar": _bar(scope, month, newest, cut.source, every=True),
        "month": month,
        "items": len(catalogue().items),
        "with_data": len({one.item for one in by_place.values()}),
        "sums": sums,
        "heads": list(COUNTS.values()),
        "rows": rows,
        "silent": silent,
    }
    return render(request, "web/arrivals.html", context)


@login_required
@require_GET
def arrived(request: HttpRequest) -> HttpResponse:
    """The rows behind one number of what arrived."""
    scope, at = officer(request), request.GET
    what = at.get("what", "delivered")
    if what not in COUNTS:
        raise Http404("没有这一列")
    newest = today().replace(day=1)
    month = _month(at.get("month", ""), newest) if at.get("month") else None
    since, until = (month, month_after(month)) if month else (months_back(newest, 11), month_after(newest))
    cut = Cut(since, until, item=at.get("item") or None, source=at.get("source") or None)
    found = measures.rows_of(scope, cut, what)
    keep = {key: at[key] for key in ("month", "item", "source", "what") if at.get(key)}
    pager = Pager(page_number(at.get("page")), SIZE, found.count(), keep)
    context = {
        "what": COUNTS[what],
        "month": month,
        "item": title_of(at["item"]) if at.get("item") else "",
        "pager": pager,
        "rows": [told_row(row) for row in found[pager.rows]],
    }
    return render(request, "web/arrival_rows.html", context)


@login_required
@require_GET
def held(request: HttpRequest, number: int) -> HttpResponse:
    """A held delivery: why, what waits, and who decided what."""
    scope = officer(request)
    found = hold_of(scope, number)
    if found is None:
        raise Http404("没有这个暂缓的批次")
    rows = ledger.rows(scope, number, outcome="queried").select_related("delivery__source__organ")
    pager = Pager(page_number(request.GET.get("page")), SIZE, rows.count())
    context = {
        "hold": found,
        "title": title_of(found.delivery.item),
        "may_release": scope.everywhere and found.delivery.received_by != scope.key,
        "may_drop": scope.everywhere or found.delivery.source.organ.code == scope.organ,
        "pager": pager,
        "rows": [told_row(row) for row in rows[pager.rows]],
    }
    return render(request, "web/held.html", context)


@login_required
@require_POST
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Release a held delivery, or drop it."""
    scope, reason = officer(request), request.POST.get("reason", "")
    try:
        if request.POST.get("what") == "release":
            result = release(scope, number, reason=reason, at=now())
            messages.success(request, f"已放行：批次 {result.delivery} 入库 {result.accepted} 行")
            return redirect("web:delivery", result.delivery)
        drop(scope, number, reason=reason, at=now())
        messages.success(request, "已作罢：本批次没有任何内容生效")
    except HoldRefused as refused:
        if refused.problem.code == "QH-01":
            raise Http404("没有这个暂缓的批次") from None
        messages.error(request, f"{refused.problem.code} {refused.problem.sentence}。{refused.problem.next_step}")
    return redirect("web:held", number)


def check_titles() -> dict[str, str]:
    """Name of a check → what must hold, in words; an item's own wording comes last and wins."""
    rules = sorted(library().quality.values(), key=lambda one: (bool(one.items), one.quality))
    return {check.check: check.title for one in rules for check in one.checks}


def _handed(scope: Scope, cut: Cut) -> list[Handed]:
    name = f"handed {cut.since} {cut.until} {cut.source} {newest_delivery()}"
    return remembered(name, scope, today(), lambda: measures.handed(scope, cut))


def _month(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return otherwise


def _source(cut: Cut) -> dict[str, str]:
    return {"source": cut.source} if cut.source else {}


def _cells(one: Handed, keep: dict[str, str]) -> tuple[Cell, ...]:
    place = {**keep, "item": one.item, "source": one.source}
    return tuple(
        _cell(one.dimensions.get(dimension, Measure()), {**place, "dimension": dimension}) for dimension in Dimension
    )


def _cell(measure: Measure, query: dict[str, str]) -> Cell:
    return Cell(measure, measure.share.percent, f"{reverse('web:quality-faults')}?{urlencode(query)}")


def _overall(handed: list[Handed], dimension: Dimension, keep: dict[str, str]) -> tuple[str, Cell]:
    found = Measure()
    for one in handed:
        found = found.plus(one.dimensions.get(dimension, Measure()))
    return dimension.title, _cell(found, {**keep, "dimension": dimension})


def _checks(scope: Scope, cut: Cut, keep: dict[str, str]) -> list[tuple[str, str, Cell]]:
    titles = check_titles()
    return [
        (titles.get(name, name), dimension.title, _cell(measure, {**keep, **_source(cut), "check": name}))
        for name, dimension, measure in measures.checks_in(scope, cut)
    ]


def _arrival(one: Handed, lamp: Lamp | None, keep: dict[str, str]) -> Arrival:
    place = {**keep, "item": one.item, "source": one.source}
    item = catalogue().items.get(one.item)
    late = one.dimensions.get(Dimension.TIMELINESS, Measure())
    return Arrival(
        one,
        title_of(one.item),
        CADENCES[item.cadence] if item else "—",
        tuple(
            (getattr(one, name), f"{reverse('web:arrived')}?{urlencode({**place, 'what': name})}") for name in COUNTS
        ),
        late.share.percent,
        lamp,
        SHADES[lamp.colour] if lamp else "",
    )


def _address(keep: dict[str, str], cut: Cut, what: str) -> str:
    return _rows_address({**keep, **_source(cut), "what": what})


def _rows_address(query: dict[str, str]) -> str:
    return f"{reverse('web:arrived')}?{urlencode(query)}"


def _bar(scope: Scope, month: date | None, newest: date, source: str | None, *, every: bool = False) -> FilterBar:
    months = [months_back(newest, back) for back in range(MONTHS)]
    options = tuple((f"{one:%Y-%m}", f"{one:%Y 年 %m 月}") for one in months)
    chosen = f"{month:%Y-%m}" if month else ""
    known = dict(ledger.deliveries(scope).order_by("source__code").values_list("source__code", "source__title"))
    return FilterBar(
        (
            Filter("month", "月份", "select", chosen, (("", "近 12 个月"), *options) if every else options, fixed=True),
            Filter("source", "数据源", "select", source or "", tuple(known.items())),
        )
    )


def _trend(scope: Scope, month: date) -> Chart:
    found = measures.months_of(scope, until=month, number=12)
    series = tuple(
        Series(
            dimension.title,
            tuple(
                None if (share := of.get(dimension, Measure()).share.value) is None else 100 * share for _, of in found
            ),
        )
        for dimension in Dimension
    )
    words = "各维度合格的检查占比；没有交付的月份没有数。"
    return Chart(
        "trend", "近 12 个月六个维度", "line", tuple(f"{m:%Y-%m}" for m, _ in found), series, "月份", "%", words
    )
