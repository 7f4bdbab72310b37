"""``/sensitivity/``: one number of a book changed, and both distributions side by side, for officers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from xinlu.assessment.compare import DRAFT
from xinlu.assessment.sensitivity import Knob, knobs, sensitivity
from xinlu.engine.compare import Impact
from xinlu.law.problem import LawError
from xinlu.law.rulebook import Rulebook
from xinlu.web import lawbook
from xinlu.web.chosen import book_asked, day_asked, officer, versions
from xinlu.web.impact import MatrixRow, matrix, sides_chart
from xinlu.web.parts import Chart, Filter, FilterBar, Problem

SECTIONS = {
    "parameters": "参数",
    "tables": "对照表",
    "clauses": "条款",
    "folds": "汇总",
    "values": "算式",
    "rated_when": "参评条件",
    "outputs": "结论",
    "period": "评价期",
    "valid": "有效期",
}


@dataclass(frozen=True)
class Card:
    """One output with its distribution before and after."""

    title: str
    impact: Impact
    chart: Chart | None
    """None for an output without levels, whose numbers only are compared."""
    heads: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


@login_required
@require_GET
def turn(request: HttpRequest) -> HttpResponse:
    """Choose a version, a number and its new value; with all three, what would follow."""
    scope, at, day = officer(request), request.GET, day_asked(request)
    said, place, number = at.get("book", ""), at.get("at", ""), at.get("number", "").strip()
    bar = FilterBar(
        (
            Filter("book", "规则", "select", said, (("", "请选择"), *versions(said)), fixed=True),
            Filter("as_of", "评价日", "date", day.isoformat(), fixed=True),
        )
    )
    context: dict[str, object] = {"bar": bar, "day": day, "place": place, "number": number}
    if not said:
        return render(request, "web/sensitivity.html", context)
    try:
        book = book_asked(request, said, day)
        found = knobs(book)
        chosen = next((one for one in found if one.place == place), None)
        context |= {"book": book, "said": said, "groups": _grouped(found), "chosen": chosen}
        if chosen is not None and number:
            turned = sensitivity(book, place, number, as_of=day, scope=scope)
            context |= {
                "found": turned,
                "cards": [_card(book, one) for one in turned.impacts if _says(book, one)],
                "same": [book.outputs[one.output].title for one in turned.impacts if not _says(book, one)],
                "draft": said.removeprefix(DRAFT) if said.startswith(DRAFT) else "",
            }
    except LawError as error:
        context["problems"] = [Problem(f"{one.sentence}。{one.next_step}", "number") for one in error.problems]
        return render(request, "web/sensitivity.html", context, status=422)
    return render(request, "web/sensitivity.html", context)


def address(said: str, place: str = "", number: str = "") -> str:
    """The query of the page for a book (``book@version`` or ``draft:7``), a place and a number."""
    return urlencode({"book": said, **({"at": place} if place else {}), **({"number": number} if number else {})})


def _grouped(found: tuple[Knob, ...]) -> list[tuple[str, list[Knob]]]:
    """Numbers by the part of the book in which they stand."""
    return [(SECTIONS[section], list(own)) for section, own in groupby(found, key=lambda one: one.section)]


def _says(book: Rulebook, impact: Impact) -> bool:
    """Levels always have their figures; other answers only where something changes."""
    return bool(lawbook.levels_of(book, impact.output) or impact.moved or impact.numbers_changed)


def _card(book: Rulebook, impact: Impact) -> Card:
    title = book.outputs[impact.output].title
    if not lawbook.levels_of(book, impact.output) and not impact.moved:
        return Card(title, impact, None, (), ())
    rows = tuple(matrix(book, impact))
    return Card(title, impact, sides_chart(book, impact, "现值", "改后"), tuple(row.title for row in rows), rows)
