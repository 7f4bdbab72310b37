"""``/``: search for a subject, and what may be found here.

The box is posted: what names a person must stand in no address, where browsers, proxies and logs keep it. Anything
else leads on to ``?q=``, which can be kept and passed on.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from xinlu.access import masking
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


@csrf_exempt  # A question changes nothing, and the public needs no cookie to ask it.
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """The search box; with ``?q=`` its results, of which no natural person is one."""
    scope, day = Scope.of(request.user), today()
    if request.method == "POST":
        return _asked(request, scope)
    text = request.GET.get("q", "").strip()[:LONGEST]
    context: dict[str, object] = {"q": text, "searched": "q" in request.GET}
    if "q" in request.GET:
        if is_private(text):
            return _unanswered(request, "证件号、手机号不写在网址里，请在上面的框中提交")
        bar = _bar(request, text)
        context["bar"] = bar
        city = bar.query.get("region")
        hits = queries.search(scope, text, on=day, kind=bar.query.get("kind"), regions=inside(city) if city else None)
        context["hits"] = [(hit, _marks(hit)) for hit in hits if not hit.subject.natural_person]
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


def is_private(text: str) -> bool:
    """Whether a search holds an identity or mobile number.

    >>> is_private("330106199001011230"), is_private("91330106MA2SAMP015")
    (True, False)
    """
    return masking.within(text) != text


def _asked(request: HttpRequest, scope: Scope) -> HttpResponse:
    """A natural person, found by number, is opened; every other question gets an address."""
    text = request.POST.get("q", "").strip()[:LONGEST]
    found = registry.find(scope, value=text) if text else None
    if found is not None and (found.natural_person or is_private(text)):
        return _see_other(redirect("web:subject", number=found.pk))
    if is_private(text):
        return _unanswered(request, "没有找到符合的主体")
    return _see_other(redirect(f"{reverse('web:home')}?{urlencode({'q': text})}"))


def _see_other(answer: HttpResponseRedirect) -> HttpResponse:
    """Whatever asked by POST goes on by GET."""
    answer.status_code = 303
    return answer


def _unanswered(request: HttpRequest, words: str) -> HttpResponse:
    """The page of results without any, and without what was asked."""
    return render(request, "web/results.html", {"q": "", "searched": True, "bar": _bar(request, ""), "told": words})


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
