"""``/``: search for a subject, and what may be found here."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from xinlu.access.scope import Scope
from xinlu.dossier import queries
from xinlu.dossier.places import cities, inside
from xinlu.gazette.current import catalogue
from xinlu.registry import queries as registry
from xinlu.web.moments import today
from xinlu.web.parts import Filter, FilterBar
from xinlu.web.remembered import remembered
from xinlu.web.rulebooks import book_rows
from xinlu.web.subject import StandingCard, standing_cards

LONGEST = 60
"""Characters of a search that count."""


def home(request: HttpRequest) -> HttpResponse:
    """The search box; with ``?q=`` its results."""
    scope, day = Scope.of(request.user), today()
    text = request.GET.get("q", "").strip()[:LONGEST]
    context: dict[str, object] = {"q": text, "searched": "q" in request.GET}
    if "q" in request.GET:
        bar = _bar(request, text)
        context["bar"] = bar
        city = bar.query.get("region")
        hits = queries.search(scope, text, on=day, kind=bar.query.get("kind"), regions=inside(city) if city else None)
        context["hits"] = [(hit, _marks(hit)) for hit in hits]
        context["limit"] = registry.LIMIT
        return render(request, "web/results.html", context)
    counts = remembered("subjects", scope, day, lambda: registry.counts(scope))
    rows = [
        row for row in book_rows(day) if row.state == "in_force" and row.kind in ("行业信用评价", "安全码", "名单认定")
    ]
    kinds = catalogue().kinds
    context["counts"] = [(kinds[kind].title, number) for kind, number in counts.items() if kind in kinds]
    context["rows"] = sorted(rows, key=lambda row: (row.sector, row.book.title))[:9]
    return render(request, "web/home.html", context)


def _marks(hit: queries.Found) -> list[StandingCard]:
    """The standings worth a glance: levels first; being on no list is told in the file only."""
    cards = [card for card in standing_cards(hit.subject.pk, hit.standings) if card.badge.shape != "unlisted"]
    return sorted(cards, key=lambda card: card.badge.shape != "level")[:2]


def _bar(request: HttpRequest, text: str) -> FilterBar:
    at = request.GET
    kinds = tuple((kind.kind, kind.title) for kind in catalogue().kinds.values() if not kind.natural_person)
    places = tuple((city.code, city.name) for city in cities())
    wanted = (
        Filter("kind", "主体类别", "select", at.get("kind", ""), kinds),
        Filter("region", "设区市", "select", at.get("region", ""), places),
    )
    return FilterBar(wanted, {"q": text})
