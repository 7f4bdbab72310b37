"""``/impact/``: the impact statement of one version of a book against another, for officers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from xinlu.access.scope import Scope
from xinlu.assessment import compare
from xinlu.assessment.compare import Mover, Statement
from xinlu.assessment.groups import Grouping, in_order
from xinlu.assessment.statement_file import causes_of, clause_title, hand_out, place_title
from xinlu.dossier.places import place_name
from xinlu.engine.compare import ABSENT, GroupCount, Impact
from xinlu.law.problem import LawError
from xinlu.law.rulebook import Rulebook
from xinlu.web import lawbook
from xinlu.web.chosen import book_asked, day_asked, officer, versions
from xinlu.web.deliveries import WORKBOOK
from xinlu.web.moments import now, sample_day
from xinlu.web.parts import Badge, Chart, Filter, FilterBar, Problem, Series, Tab, badge_of

SHOWN = 100
"""Movers listed on the page; the workbook has all."""


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix. ``turn``: ``better``, ``worse``, ``other`` or ``same``."""

    number: int
    turn: str


@dataclass(frozen=True)
class MatrixRow:
    """Where units stood before, and where they stand now."""

    title: str
    cells: tuple[Cell, ...]
    total: int


@dataclass(frozen=True)
class GroupTable:
    """One way to divide the population, with its groups in order."""

    grouping: Grouping
    rows: tuple[tuple[str, GroupCount], ...]


@dataclass(frozen=True)
class MoverRow:
    """One unit that stands elsewhere."""

    mover: Mover
    place: str
    before: Badge | str
    after: Badge | str
    why: str
    address: bool


@login_required
@require_GET
def impact(request: HttpRequest) -> HttpResponse:
    """Choose two versions and a day; with all three, the statement over the units that the asker may see."""
    scope, at, day = officer(request), request.GET, day_asked(request)
    before, after = at.get("before", ""), at.get("after", "")
    bar = FilterBar(
        (
            Filter("before", "现行", "select", before, _offered(before), fixed=True),
            Filter("after", "拟行", "select", after, _offered(after), fixed=True),
            Filter("as_of", "评价日", "date", day.isoformat(), fixed=True),
        )
    )
    context: dict[str, object] = {"bar": bar, "day": day}
    if before and after:
        try:
            sides = [book_asked(request, one, day) for one in (before, after)]
            compare.comparable(*sides)
            if compare.is_quick(*sides, as_of=day):
                context |= _shown(compare.impact(*sides, as_of=day), scope, at.get("output", ""), bar)
            else:
                context["command"] = f"xinlu compare {before} {after} --as-of {day}"
        except LawError as error:
            context["problems"] = [Problem(f"{one.sentence}。{one.next_step}") for one in error.problems]
            return render(request, "web/impact.html", context, status=422)
    return render(request, "web/impact.html", context)


@login_required
@require_GET
def workbook(request: HttpRequest) -> HttpResponseBase:
    """The statement with everybody who moves, as a workbook; the journal keeps who took it."""
    scope, at, day = officer(request), request.GET, day_asked(request)
    before, after = (book_asked(request, at.get(side, ""), day) for side in ("before", "after"))
    statement = compare.impact(before, after, as_of=day)
    data = hand_out(scope, statement, at=now(), sample=sample_day() is not None)
    name = f"{'示例省-' if sample_day() else ''}影响评估-{after.rulebook}-{after.version}-{day}.xlsx"
    return FileResponse(io.BytesIO(data), as_attachment=True, filename=name, content_type=WORKBOOK)


def _offered(said: str) -> tuple[tuple[str, str], ...]:
    return (("", "请选择"), *versions(said))


def _shown(statement: Statement, scope: Scope, output: str, bar: FilterBar) -> dict[str, object]:
    outputs = statement.outputs
    after = statement.after
    if output not in outputs:
        output = next((name for name in outputs if lawbook.levels_of(after, name)), outputs[0])
    found = statement.impact(scope, output)
    query = bar.query
    return {
        "statement": statement,
        "found": found,
        "scope_words": "全省" if scope.everywhere else "您可查看的主体",
        "tabs": [
            Tab(after.outputs[name].title, "?" + urlencode({**query, "output": name}), here=name == output)
            for name in outputs
        ],
        "file": urlencode(query),
        "levelled": bool(lawbook.levels_of(after, output)),
        "heads": [place_title(after, output, one) for one in found.places],
        "matrix": matrix(after, found),
        "totals": [after_count for _, _, after_count in found.sides],
        "sides": sides_chart(after, found, "现行", "拟行"),
        "clauses": _clauses(statement, found),
        "groups": list(group_tables(statement, found)),
        "movers": list(_movers(statement, scope, output)) if found.moved else [],
        "rest": max(0, found.moved - SHOWN),
    }


def matrix(book: Rulebook, found: Impact) -> list[MatrixRow]:
    """The migration matrix, better and worse told by the order of the levels."""
    levels = [one.level for one in lawbook.levels_of(book, found.output)]

    def turn(before: str, after: str) -> str:
        if before == after:
            return "same"
        if before in levels and after in levels:
            return "better" if levels.index(after) < levels.index(before) else "worse"
        return "other"

    rows = []
    for before in found.places:
        cells = tuple(Cell(found.matrix.get((before, after), 0), turn(before, after)) for after in found.places)
        rows.append(MatrixRow(place_title(book, found.output, before), cells, sum(one.number for one in cells)))
    return rows


def sides_chart(book: Rulebook, found: Impact, before: str, after: str) -> Chart:
    """Both distributions side by side."""
    return Chart(
        f"sides-{found.output}",
        "前后分布",
        "bar",
        tuple(place_title(book, found.output, place) for place, _, _ in found.sides),
        (
            Series(before, tuple(old for _, old, _ in found.sides), "grey"),
            Series(after, tuple(new for _, _, new in found.sides), "blue"),
        ),
        "结论",
        "个",
    )


def _clauses(statement: Statement, found: Impact) -> list[tuple[str, str, int]]:
    """Clause (empty where it is none of the newer book), its title, and movers that it has a part in."""
    rows = sorted(found.by_clause.items(), key=lambda pair: (-pair[1], pair[0]))
    known = statement.after.clauses
    return [(name if name in known else "", clause_title(statement, name), number) for name, number in rows]


def group_tables(statement: Statement, found: Impact) -> Iterator[GroupTable]:
    """The groupings that say something: those with more than one group, or with a known one."""
    for grouping in statement.groupings:
        own = {one.group: one for one in found.groups if one.kind == grouping.name}
        if set(own) <= {""}:
            continue
        yield GroupTable(grouping, tuple((grouping.title_of(code), own[code]) for code in in_order(grouping, own)))


def _movers(statement: Statement, scope: Scope, output: str) -> Iterator[MoverRow]:
    for one in statement.movers(scope, output, most=SHOWN):
        yield MoverRow(
            one,
            place_name(one.region),
            place_badge(statement.before, output, one.shift.before),
            place_badge(statement.after, output, one.shift.after),
            causes_of(statement, one.shift),
            not statement.labels.records,
        )


def place_badge(book: Rulebook, output: str, place: str) -> Badge | str:
    """A place as a badge where it is a level or none, else in words."""
    levels = lawbook.levels_of(book, output)
    if place in [one.level for one in levels]:
        return badge_of(level=place, levels=levels, kind=book.kind)
    if place in ("not_rated", "open"):
        return badge_of(level=None, status=place)
    return place_title(book, output, place) if place != ABSENT else "不在范围"
