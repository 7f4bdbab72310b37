"""``/overview/``: levels by sector and city, records by month, what was queried."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse

from xinlu.access.scope import Scope
from xinlu.dossier import queries
from xinlu.dossier.places import cities, city_code
from xinlu.gazette.current import catalogue, library
from xinlu.intake.problems import CODES
from xinlu.law.rulebook import Level, Rulebook
from xinlu.ledger import queries as ledger
from xinlu.registry import queries as registry
from xinlu.web import lawbook
from xinlu.web.moments import today
from xinlu.web.parts import Badge, Chart, Filter, FilterBar, Series, badge_of, shade_of_rank
from xinlu.web.remembered import remembered
from xinlu.web.rulebooks import sectors

MONTHS = 24
METRICS = (("rated", "有等级的主体数"), ("top", "最高两档占比（%）"), ("low", "最低一档主体数"))


@dataclass(frozen=True)
class BookLine:
    """One book with how many stand on which level."""

    book: Rulebook
    sector: str
    marks: tuple[tuple[Badge, int], ...]
    rated: int
    without: int


def overview(request: HttpRequest) -> HttpResponse:
    """The figures of what the asker may see, as of today."""
    scope, day = Scope.of(request.user), today()
    lines = book_lines(scope, day)
    bar = _bar(request, lines)
    chosen = next((line for line in lines if line.book.rulebook == bar.query.get("book")), lines[0] if lines else None)
    kinds = catalogue().kinds
    subjects = remembered("subjects", scope, day, lambda: registry.counts(scope))
    context = {
        "day": day,
        "lines": lines,
        "bar": bar,
        "chosen": chosen,
        "counts": [(kinds[kind].title, number) for kind, number in subjects.items() if kind in kinds],
        "months": months_chart(scope, day),
        "charts": city_charts(scope, day, chosen, bar.query.get("metric", "rated")) if chosen else (),
        "queried": queried_lines(scope),
    }
    return render(request, "web/overview.html", context)


def queried_lines(scope: Scope) -> list[tuple[str, str, int]]:
    """Code, what it means and rows, of what was queried in the deliveries of an officer’s scope."""
    if scope.kind != "officer":
        return []
    return [
        (code, CODES[code].title if code in CODES else "", number)
        for code, number in sorted(ledger.queried_codes(scope).items())
    ]


def _bar(request: HttpRequest, lines: list[BookLine]) -> FilterBar:
    books = tuple((line.book.rulebook, line.book.title) for line in lines)
    at = request.GET
    book = at.get("book", "") if at.get("book") in dict(books) else (books[0][0] if books else "")
    metric = at.get("metric", "") if at.get("metric") in dict(METRICS) else METRICS[0][0]
    return FilterBar(
        (
            Filter("book", "规则", "select", book, books, fixed=True),
            Filter("metric", "地图指标", "select", metric, METRICS, fixed=True),
        )
    )


def book_lines(scope: Scope, day: date) -> list[BookLine]:
    """Books with standings in force, by sector."""
    named, found = sectors(), []
    counted = remembered("standings by book", scope, day, lambda: queries.standings_by_book(scope, on=day))
    for book_id, outputs in counted.items():
        versions = library().rulebooks.get(book_id, ())
        book = next((b for b in versions if b.in_force.covers(day)), versions[-1] if versions else None)
        if book is None:
            continue
        main = next((name for name in book.outputs if name in outputs and any(outputs[name])), next(iter(outputs)))
        levels, counts = lawbook.levels_of(book, main), outputs[main]
        marks = tuple(
            (badge_of(level=step.level, levels=levels, kind=book.kind), counts.get(step.level, 0)) for step in levels
        )
        rated = sum(number for level, number in counts.items() if level)
        found.append(BookLine(book, named.get(book.sector, book.sector), marks, rated, counts.get("", 0)))
    order = list(named.values())
    return sorted(found, key=lambda line: (order.index(line.sector) if line.sector in order else 99, line.book.title))


def months_chart(scope: Scope, day: date) -> Chart:
    """Records by the month in which they occurred; ratings are results and not counted."""
    first = _months_back(day, MONTHS - 1)
    months = [_months_back(day, back) for back in range(MONTHS - 1, -1, -1)]
    by_item = remembered("months", scope, day, lambda: ledger.months(scope, on=day, since=first))
    ill = set(queries.section_items("bad"))
    every: Counter[date] = Counter()
    bad: Counter[date] = Counter()
    for item, numbers in by_item.items():
        if item != queries.RATING:
            every.update(numbers)
        if item in ill:
            bad.update(numbers)
    total = sum(every.values())
    return Chart(
        "months",
        "按月发生的记录",
        "line",
        tuple(f"{month:%Y-%m}" for month in months),
        (
            Series("全部记录", tuple(every[m] for m in months)),
            Series("不良记录", tuple(bad[m] for m in months), "orange"),
        ),
        "月份",
        "条",
        f"近 {MONTHS} 个月共 {total} 条。",
    )


def _months_back(day: date, back: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - back, 12)
    return date(year, month + 1, 1)


def city_charts(scope: Scope, day: date, line: BookLine, metric: str) -> tuple[Chart, Chart]:
    """The map and the levels by city of one book."""
    book = line.book
    output = next((name for name in book.outputs if lawbook.levels_of(book, name)), lawbook.main_output(book))
    levels = lawbook.levels_of(book, output)
    by_city: dict[str, dict[str, int]] = {city.code: {} for city in cities()}
    counted = remembered(
        f"regions of {book.rulebook} {output}",
        scope,
        day,
        lambda: ledger.region_level_counts(scope, book.rulebook, on=day, output=output),
    )
    for region, counts in counted.items():
        city = city_code(region)
        if city in by_city:
            for level, number in counts.items():
                by_city[city][level] = by_city[city].get(level, 0) + number
    numbers = tuple(_metric(metric, by_city[city.code], levels) for city in cities())
    title = dict(METRICS).get(metric, METRICS[0][1])
    names = tuple(city.short for city in cities())
    size = len(levels)
    return (
        Chart(
            "map",
            f"{title} · {book.title}",
            "map",
            names,
            (Series(title, numbers),),
            "设区市",
            "",
            "示意图，不作为划界依据",
            map=static("maps/zhejiang-cities.geojson"),
            tall=True,
        ),
        Chart(
            "cities",
            "各市等级分布",
            "stacked",
            names,
            tuple(
                Series(
                    badge_of(level=step.level, levels=levels, kind=book.kind).text,
                    tuple(by_city[city.code].get(step.level, 0) for city in cities()),
                    step.colour or f"rank-{shade_of_rank(rank, size)}",
                )
                for rank, step in enumerate(levels, 1)
            ),
            "设区市",
            "个",
            tall=True,
        ),
    )


def _metric(metric: str, counts: dict[str, int], levels: tuple[Level, ...]) -> int | Decimal | None:
    names = [step.level for step in levels]
    rated = sum(number for level, number in counts.items() if level)
    if metric == "low":
        return counts.get(names[-1], 0) if names else 0
    if metric == "top":
        if not rated:
            return None
        return (Decimal(100) * sum(counts.get(name, 0) for name in names[:2]) / rated).quantize(Decimal("0.1"))
    return rated


def overview_address(book: str) -> str:
    """The overview of one book."""
    return f"{reverse('web:overview')}?book={book}"
