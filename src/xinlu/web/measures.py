"""``/measures/``: model measures (模型体检) of one round of a book, for officers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from xinlu.access.scope import Scope
from xinlu.assessment import queries
from xinlu.assessment.checkup import (
    Checkup,
    ClauseUse,
    check_up,
    last_round,
    outcomes_of,
)
from xinlu.assessment.models import Run
from xinlu.assessment.statement_file import place_title
from xinlu.assessment.statistics import LEAST, LEAST_EVENTS, Between
from xinlu.gazette.current import library
from xinlu.ledger.models import Delivery
from xinlu.web import lawbook
from xinlu.web.chosen import officer
from xinlu.web.moments import today
from xinlu.web.parts import Chart, Filter, FilterBar, Series, shade_of_rank
from xinlu.web.remembered import remembered

TOO_FEW = "未足样本"
OWN = "本平台产生"
STABLE = ((Decimal("0.1"), "稳定"), (Decimal("0.25"), "有变化，宜查原因"))
"""Customary readings of a PSI, below each bound; above the last: 变化大."""


@dataclass(frozen=True)
class Figure:
    """One figure with what it means; a figure that is missing says why."""

    title: str
    value: str
    words: str = ""


@dataclass(frozen=True)
class ClauseRow:
    """One clause with its hits by way in, in the order of the columns."""

    use: ClauseUse
    ways: tuple[int, ...]


@login_required
@require_GET
def measures(request: HttpRequest) -> HttpResponse:
    """Choose a book, a round and an outcome; the measures over the units that the asker may see."""
    scope, at = officer(request), request.GET
    ran = set(queries.runs(scope).order_by().values_list("book", flat=True).distinct())
    books = tuple(
        sorted(((name, found[-1].title) for name, found in library().rulebooks.items() if name in ran), key=_title)
    )
    book = at.get("book", "") if at.get("book") in dict(books) else ""
    rounds = list(queries.runs(scope, book=book)) if book else []
    run = next((one for one in rounds if one.code == at.get("run")), None) or _newest(rounds)
    outcomes = outcomes_of(run) if run else ()
    outcome = next((one for one in outcomes if one.name == at.get("outcome")), outcomes[0] if outcomes else None)
    near = _points(at.get("near", ""))
    bar = FilterBar(
        (
            Filter("book", "规则", "select", book, (("", "请选择"), *books), fixed=True),
            Filter("run", "批次", "select", run.code if run else "", tuple(map(_round, rounds)), fixed=True),
            Filter(
                "outcome",
                "事后结果",
                "select",
                outcome.name if outcome else "",
                tuple((one.name, one.title) for one in outcomes),
                fixed=True,
            ),
            Filter("near", "临界：距分界几分", value=f"{near.normalize():f}", fixed=True),
        )
    )
    context: dict[str, object] = {"bar": bar, "books": bool(books), "run": run}
    if run is not None:
        last = last_round(run)
        name = f"measures {run.code} {run.pk} {last.pk if last else 0} {outcome.name if outcome else ''} {near}"
        found = remembered(
            name, scope, today(), lambda: check_up(run, scope, today=today(), last=last, outcome=outcome, near=near)
        )
        context |= _shown(found, scope)
    return render(request, "web/measures.html", context)


def address(book: str, run: str = "") -> str:
    """The measures of a book, of its newest round or of a named one."""
    return f"{reverse('web:measures')}?{urlencode({'book': book, **({'run': run} if run else {})})}"


def _title(row: tuple[str, str]) -> str:
    return row[1]


def _newest(rounds: list[Run]) -> Run | None:
    """The newest published round, else the newest trial."""
    return next((one for one in rounds if one.is_published), rounds[0] if rounds else None)


def _round(run: Run) -> tuple[str, str]:
    return run.code, f"{run.as_of} {'已发布' if run.is_published else '试算'}（{run.code.rpartition('-')[2]}）"


def _points(text: str) -> Decimal:
    try:
        number = Decimal(text.strip() or "1")
    except InvalidOperation:
        return Decimal(1)
    return number if number.is_finite() and 0 < number <= 1000 else Decimal(1)


def _shown(found: Checkup, scope: Scope) -> dict[str, object]:
    ways = sorted({way for one in found.clauses for way in one.arrivals}, key=[*Delivery.Way.values, ""].index)
    uses = sorted(found.clauses, key=lambda one: (one.idle, -(one.hits or 0), -one.units))
    return {
        "found": found,
        "output_title": found.book.outputs[found.output].title,
        "scope_words": "全省" if scope.everywhere else "您可查看的主体",
        "figures": _figures(found),
        "ways": [Delivery.Way(way).label if way else OWN for way in ways],
        "clauses": [ClauseRow(one, tuple(one.arrivals.get(way, 0) for way in ways)) for one in uses],
        "levels": _levels_chart(found),
        "level_heads": [place_title(found.book, found.output, one.level) for one in found.levels if one.level],
        "cities": _cities_chart(found),
        "city_rows": [(found.fairness.grouping.title_of(one.code), one) for one in found.fairness.cities]
        if found.fairness
        else [],
        "by_level": _between(found.fairness.by_level if found.fairness else None),
        "by_number": _between(found.fairness.by_number if found.fairness else None),
        "edges": [
            (place_title(found.book, found.output, one.upper), place_title(found.book, found.output, one.lower), one)
            for one in found.edges
        ],
        "least": LEAST,
        "least_events": LEAST_EVENTS,
    }


def _figures(found: Checkup) -> list[Figure]:
    used = len(found.clauses) - len(found.idle)
    rows = [
        Figure("评价单元", f"{found.units:,}", f"有结论 {found.rated:,}"),
        Figure("用到的条款", f"{used}／{len(found.clauses)}", f"从未命中 {len(found.idle)} 条"),
        *_clause_use(found),
    ]
    if found.last is not None:
        rows.append(Figure("等级稳定性 PSI", *_stable(found.stability)))
        rows.append(Figure("数值稳定性 PSI", *_stable(found.stability_of_numbers)))
    if found.outcome is not None:
        whole = found.outcome.bands[0].found
        value = TOO_FEW if whole.auc is None else f"{whole.auc:.3f}"
        words = "" if whole.low is None else f"95% 区间 {whole.low:.3f}–{whole.high:.3f}"
        rows.append(Figure("区分度 AUC", value, words or f"发生 {whole.events} 个"))
    return rows


def _clause_use(found: Checkup) -> list[Figure]:
    """指标利用率 of this book in this round, as the indicator file defines it."""
    indicator = library().indicators.get("clause_use")
    if indicator is None:
        return []
    sourced = [one for one in found.clauses if one.has_source]
    used = sum(not one.idle for one in sourced)
    share = indicator.of({"clauses_used": used, "clauses_with_source": len(sourced)})
    value = TOO_FEW if share.value is None else f"{share.value:.1%}"
    return [Figure(indicator.title, value, f"有数据来源的条款 {share.whole} 条，用到 {share.part} 条")]


def _stable(psi: float | None) -> tuple[str, str]:
    if psi is None:
        return TOO_FEW, ""
    words = next((words for bound, words in STABLE if psi < bound), "变化大，须查原因")
    return f"{psi:.3f}", words


def _between(found: Between | None) -> Figure:
    if found is None:
        return Figure("", TOO_FEW)
    p = "p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}"
    words = "各市差异超出偶然" if found.p < 0.01 else "未见超出偶然的差异"
    effect = "" if found.effect is None else f"，Cramér V = {found.effect:.2f}（0 无差异，1 完全不同）"
    merged = f"，按 {found.levels} 档" if found.levels else ""
    return Figure("", words, f"{p}{effect}；{found.groups} 市 {found.units:,} 个{merged}")


def _levels_chart(found: Checkup) -> Chart:
    titles = tuple(
        place_title(found.book, found.output, one.level) if one.level else "没有等级" for one in found.levels
    )
    series = [Series(f"本期 {found.run.as_of}", tuple(one.units for one in found.levels), "blue")]
    if found.last is not None:
        series.insert(0, Series(f"上期 {found.last.as_of}", tuple(one.before for one in found.levels), "grey"))
    return Chart("levels", "等级分布", "bar", titles, tuple(series), "等级", "个")


def _cities_chart(found: Checkup) -> Chart | None:
    """Shares of levels by city, in per cent."""
    fair, levels = found.fairness, lawbook.levels_of(found.book, found.output)
    if fair is None or not any(sum(one.levels) for one in fair.cities):
        return None
    rows = [one for one in fair.cities if sum(one.levels)]
    return Chart(
        "cities",
        "各市等级占比",
        "stacked",
        tuple(fair.grouping.title_of(one.code) for one in rows),
        tuple(
            Series(
                place_title(found.book, found.output, step.level),
                tuple((Decimal(100) * one.levels[at] / sum(one.levels)).quantize(Decimal("0.1")) for one in rows),
                step.colour or f"rank-{shade_of_rank(at + 1, len(levels))}",
            )
            for at, step in enumerate(levels)
        ),
        "设区市",
        "%",
        tall=True,
    )
