"""``/indicators/``: the indicators of the plan by city and item, with trend and rank; each number leads to its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from xinlu.access.scope import Scope
from xinlu.assessment import clause_use
from xinlu.assessment.clause_use import UsedClause
from xinlu.gazette.current import library
from xinlu.intake import quantities
from xinlu.intake.quantities import Cell
from xinlu.law.indicator import Indicator, Share
from xinlu.ledger.cuts import PROVINCE, Cut, city_titles, month_after, months_back, newest_delivery
from xinlu.ledger.models import Delivery
from xinlu.web.chosen import officer
from xinlu.web.deliveries import title_of as item_title
from xinlu.web.deliveries import told_row
from xinlu.web.moments import today
from xinlu.web.parts import Chart, Filter, FilterBar, Pager, Series, page_number
from xinlu.web.remembered import remembered

MONTHS, YEARS, SIZE = 12, 4, 50
RUNNING = "12m"


@dataclass(frozen=True)
class Period:
    """What an address names: a month such as ``2026-06``, or the twelve months up to and with this one."""

    code: str
    title: str
    cut: Cut


@dataclass(frozen=True)
class Line:
    """One city or item: its share, with the addresses of the rows behind both numbers. ``rank`` among cities."""

    code: str
    title: str
    share: Share
    part_address: str
    whole_address: str
    rank: int | None = None

    @property
    def percent(self) -> str:
        """The share as people read it."""
        return self.share.percent


@dataclass(frozen=True)
class Told:
    """One indicator in one period."""

    indicator: Indicator
    line: Line
    reached: bool | None
    cities: tuple[Line, ...]
    items: tuple[Line, ...]

    @property
    def address(self) -> str:
        """Its own page."""
        return reverse("web:indicator", args=[self.indicator.indicator])


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All indicators: the figure of the province, and the cities side by side."""
    scope = officer(request)
    period, bar = _asked(request)
    told = [_told(scope, one, period) for one in in_order()]
    cities = [
        (title, [next((line for line in one.cities if line.code == code), None) for one in told])
        for code, title in city_titles().items()
    ]
    shown = [row for row in cities if any(row[1])]
    return render(request, "web/indicators.html", {"bar": bar, "period": period, "told": told, "cities": shown})


@login_required
@require_GET
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One indicator: its definition, figure, trend, cities with rank, and items."""
    scope, indicator = officer(request), _named(name)
    period, bar = _asked(request)
    told = _told(scope, indicator, period)
    target = indicator.target
    context = {
        "bar": bar,
        "period": period,
        "told": told,
        "indicator": indicator,
        "trend": _trend(scope, indicator),
        "target": f"{100 * target.share:.0f}%" if target else "",
        "target_items": "、".join(item_title(one) for one in target.items) if target else "",
    }
    return render(request, "web/indicator.html", context)


@login_required
@require_GET
def rows(request: HttpRequest, name: str) -> HttpResponse:
    """The rows behind one number, as many as it says."""
    scope, indicator, at = officer(request), _named(name), request.GET
    period, _ = _asked(request)
    part = indicator.numerator if at.get("part") == "numerator" else indicator.denominator
    city = at.get("city") if at.get("city") in city_titles() else None
    item = at.get("item") or None
    cut = Cut(period.cut.since, period.cut.until, city=city, item=item)
    total = _counts(scope, indicator, cut)[part.counts]
    keep = {key: at[key] for key in ("part", "period", "city", "item") if at.get(key)}
    pager = Pager(page_number(at.get("page")), SIZE, total, keep)
    context = {
        "indicator": indicator,
        "part": part,
        "period": period,
        "city": city_titles().get(city or "", ""),
        "item": item_title(item) if item else "",
        "pager": pager,
        "rows": _rows(scope, indicator, part.counts, cut, pager),
    }
    return render(request, "web/indicator_rows.html", context)


def in_order() -> list[Indicator]:
    """The indicators in force today, as they stand on the page."""
    found = [one for one in library().indicators.values() if one.in_force.covers(today())]
    return sorted(found, key=lambda one: (one.place, one.indicator))


def _named(name: str) -> Indicator:
    found = library().indicators.get(name)
    if found is None:
        raise Http404("没有这个指标")
    return found


def _asked(request: HttpRequest) -> tuple[Period, FilterBar]:
    day = today()
    year = Period(RUNNING, f"近 {MONTHS} 个月", Cut(months_back(day, MONTHS - 1), month_after(day)))
    months = [months_back(day, back) for back in range(MONTHS)]
    single = [Period(f"{one:%Y-%m}", f"{one:%Y 年 %m 月}", Cut(one, month_after(one))) for one in months]
    periods = {one.code: one for one in (year, *single)}
    chosen = periods.get(request.GET.get("period", ""), year)
    options = tuple((one.code, one.title) for one in periods.values())
    return chosen, FilterBar((Filter("period", "期间", "select", chosen.code, options, fixed=True),))


# ── counting ────────────────────────────────────────────────────────────────────────────────────


def _cells(scope: Scope, cut: Cut) -> list[Cell]:
    name = f"indicator cells {cut.since} {cut.until} {newest_delivery()}"
    return remembered(name, scope, today(), lambda: quantities.cube(scope, since=cut.since, until=cut.until))


def _clauses(scope: Scope, cut: Cut) -> list[UsedClause]:
    name = f"indicator clauses {cut.since} {cut.until} {newest_delivery()}"
    return remembered(name, scope, today(), lambda: clause_use.clauses(scope, Cut(cut.since, cut.until)))


def _counts(scope: Scope, indicator: Indicator, cut: Cut) -> dict[str, int]:
    if indicator.counts in ("clauses", "entries"):
        several = _clauses(scope, cut)
        return clause_use.quantities([o for o in several if cut.item in (None, o.item)], cut.city)
    cells = _cells(scope, cut)
    return quantities.total(o for o in cells if cut.city in (None, o.city) and cut.item in (None, o.item))


def _told(scope: Scope, indicator: Indicator, period: Period) -> Told:
    share = indicator.of(_counts(scope, indicator, period.cut))
    cities, items = _parts_of(scope, indicator, period)
    target = indicator.target
    aimed = share
    if target and target.items:
        parts = [line.share for line in items if line.code in target.items]
        aimed = Share(sum(one.part for one in parts), sum(one.whole for one in parts))
    return Told(
        indicator,
        _line(indicator, period, "", "全部", share),
        aimed.reaches(target.share) if target else None,
        cities,
        items,
    )


def _parts_of(scope: Scope, indicator: Indicator, period: Period) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    if indicator.counts in ("clauses", "entries"):
        several = _clauses(scope, period.cut)
        named = {o.item for o in several}

        def of_city(code: str) -> dict[str, int]:
            return clause_use.quantities(several, code)

        def of_item(code: str) -> dict[str, int]:
            return clause_use.quantities(o for o in several if o.item == code)

    else:
        cells = _cells(scope, period.cut)
        named = {o.item for o in cells}

        def of_city(code: str) -> dict[str, int]:
            return quantities.total(o for o in cells if o.city == code)

        def of_item(code: str) -> dict[str, int]:
            return quantities.total(o for o in cells if o.item == code)

    cities = [
        _line(indicator, period, code, title, indicator.of(of_city(code)), "city") for code, title in _cities(scope)
    ]
    items = [_line(indicator, period, code, item_title(code), indicator.of(of_item(code)), "item") for code in named]
    shown = sorted((one for one in items if one.share.whole), key=lambda one: (-one.share.whole, one.code))
    # Nothing of the units without a place is no finding about the province.
    told = (one for one in cities if one.share.whole and (one.share.part or one.code != PROVINCE))
    return _ranked(told), tuple(shown)


def _cities(scope: Scope) -> list[tuple[str, str]]:
    """The cities of a scope: who sees one of them is not shown the others as empty."""
    return [(c, t) for c, t in city_titles().items() if scope.everywhere or c in scope.regions or c == PROVINCE]


def _ranked(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Cities with their rank, equal shares with an equal one; the organs of the province have none."""
    several = list(lines)
    shares = [one.share.value for one in several if one.code != PROVINCE and one.share.value is not None]
    return tuple(
        Line(
            one.code, one.title, one.share, one.part_address, one.whole_address,
            None if one.code == PROVINCE or one.share.value is None
            else 1 + sum(other > one.share.value for other in shares),
        )
        for one in several
    )  # fmt: skip


def _line(indicator: Indicator, period: Period, code: str, title: str, share: Share, by: str = "") -> Line:
    base = reverse("web:indicator-rows", args=[indicator.indicator])

    def address(part: str) -> str:
        return f"{base}?{urlencode({'part': part, 'period': period.code, **({by: code} if by else {})})}"

    return Line(code, title, share, address("numerator"), address("denominator"))


def _trend(scope: Scope, indicator: Indicator) -> Chart:
    """Month by month; of clauses, which are used in rounds, by the years up to now."""
    day = today()
    if indicator.counts in ("clauses", "entries"):
        ends = [months_back(month_after(day), MONTHS * back) for back in range(YEARS - 1, -1, -1)]
        cuts = [(f"至 {months_back(end, 1):%Y-%m}", Cut(months_back(end, MONTHS), end)) for end in ends]
        shares = [(title, indicator.of(_counts(scope, indicator, cut))) for title, cut in cuts]
        axis = "截至月份的十二个月"
    else:
        cells = _cells(scope, Cut(months_back(day, MONTHS - 1), month_after(day)))
        months = [months_back(day, back) for back in range(MONTHS - 1, -1, -1)]
        shares = [(f"{m:%Y-%m}", indicator.of(quantities.total(o for o in cells if o.month == m))) for m in months]
        axis = "收到的月份"
    numbers = tuple(None if share.value is None else 100 * share.value for _, share in shares)
    series = [Series(indicator.title, numbers, "blue")]
    if indicator.target:
        series.append(Series("目标", (100 * indicator.target.share,) * len(shares), "orange"))
    return Chart(
        "trend", f"{indicator.title}走势", "line", tuple(title for title, _ in shares), tuple(series), axis, "%",
        "没有数据的期间没有数，不是 0。",
    )  # fmt: skip


# ── rows ────────────────────────────────────────────────────────────────────────────────────────


def _rows(scope: Scope, indicator: Indicator, quantity: Any, cut: Cut, pager: Pager) -> list[Any]:
    match indicator.counts:
        case "clauses":
            several = [one for one in _clauses(scope, cut) if cut.item in (None, one.item)]
            found = clause_use.counted_by(several, quantity, cut.city)[pager.rows]
            return [(one, item_title(one.item), clause_use.quantities([one], cut.city)) for one in found]
        case "entries":
            listed = clause_use.entries(scope, quantity, cut, start=pager.rows.start, size=pager.size)
            return [(one, way_title(one.way)) for one in listed]
        case "records":
            records = quantities.listed(scope, quantity, cut)[pager.rows]
            return [(one, item_title(one.item), way_title(one.delivery.way)) for one in records]
    return [told_row(one) for one in quantities.listed(scope, quantity, cut)[pager.rows]]


def way_title(way: str) -> str:
    """How something came, in words."""
    return str(Delivery.Way(way).label) if way else "本平台产生"
