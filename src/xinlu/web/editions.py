"""``/catalogue/editions/``: the editions of the catalogue, and what differs between two of them, field by field."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from xinlu.gazette import editions as past
from xinlu.gazette import queries
from xinlu.gazette.editions import Past
from xinlu.gazette.models import Edition
from xinlu.law.catalogue import Catalogue
from xinlu.law.compare_catalogues import compare_catalogues
from xinlu.web.difference import changes
from xinlu.web.parts import Filter, FilterBar

DRAFT = "draft:"
KINDS = {"added": "新增", "removed": "删去", "changed": "改动"}
WHAT = {"item": "信息项", "codes": "代码表"}


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Two editions side by side; makers may put a draft beside the edition in force."""
    known = {one.key: one for one in past.editions()}
    drafts = _drafts(request)
    titles = {key: f"{one.version} 版" + ("" if one.edition else "（首版）") for key, one in known.items()}
    titles |= {f"{DRAFT}{one.pk}": f"{one.version} 版（草案）" for one in drafts.values()}
    keys = list(known)
    newest = keys[-1]
    before = request.GET.get("before") or (keys[-2] if len(keys) > 1 else newest)
    after = request.GET.get("after") or newest
    if before not in titles or after not in titles:
        raise Http404("没有这一版")
    found = [
        (WHAT[one.what], one.title, one.name, KINDS[one.kind], changes(one.before, one.after))
        for one in compare_catalogues(_catalogue(before, known, drafts), _catalogue(after, known, drafts))
    ]
    options = tuple(titles.items())
    bar = FilterBar(
        (
            Filter("before", "旧版", "select", before, options, fixed=True),
            Filter("after", "新版", "select", after, options, fixed=True),
        )
    )
    context = {
        "editions": list(reversed(known.values())),
        "bar": bar,
        "found": found,
        "before": titles[before],
        "after": titles[after],
        "same": before == after,
    }
    return render(request, "web/catalogue_editions.html", context)


def _drafts(request: HttpRequest) -> dict[str, Edition]:
    person = request.user
    if not (getattr(person, "drafts_law", False) or getattr(person, "publishes_law", False)):
        return {}
    rows = queries.amendments().filter(plane=Edition.Plane.CATALOGUE, state__in=("draft", "submitted"))
    return {f"{DRAFT}{one.pk}": one for one in rows}


def _catalogue(key: str, known: dict[str, Past], drafts: dict[str, Edition]) -> Catalogue:
    return past.drafted_catalogue(drafts[key]) if key in drafts else past.catalogue_of(known[key])
