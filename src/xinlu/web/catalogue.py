"""``/catalogue/``: the catalogue as people read it, what is made from it, and where its data is missing."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from xinlu.access.scope import Scope
from xinlu.dossier.coverage import Cell, coverage, places, records_at
from xinlu.gazette import current
from xinlu.gazette.printed import NATURES, NoFont, facts, note, printed, size
from xinlu.intake.template import template
from xinlu.law.catalogue import Item
from xinlu.law.item_schema import item_schema
from xinlu.law.library import Library
from xinlu.law.organs import Organs, load_organs
from xinlu.law.regions import load_regions
from xinlu.law.uses import DISCLOSURES, words
from xinlu.ledger import queries as ledger
from xinlu.registry.queries import shown_name
from xinlu.web.moments import today
from xinlu.web.parts import Filter, FilterBar, Pager, Pair, page_number

SIZE = 50
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHADES = {"green": "normal", "yellow": "due", "red": "overdue", "grey": "paused"}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every item, by sector."""
    law, at = current.library(), request.GET
    named = _sectors(law)
    bar = FilterBar(
        (
            Filter("sector", "业务领域", "select", at.get("sector", ""), tuple(named.items())),
            Filter("nature", "信息性质", "select", at.get("nature", ""), tuple(NATURES.items())),
            Filter(
                "disclosure", "披露方式", "select", at.get("disclosure", ""),
                tuple((one.value, title) for one, title in DISCLOSURES.items()),
            ),
        )
    )  # fmt: skip
    wanted = bar.query
    items = [one for one in law.catalogue.items.values() if all(getattr(one, key) == wanted[key] for key in wanted)]
    order = list(named)
    items.sort(key=lambda one: (order.index(one.sector) if one.sector in order else 99, one.title))
    rows = [(one, named.get(one.sector, one.sector), DISCLOSURES[one.disclosure], words(one)) for one in items]
    context = {"catalogue": law.catalogue, "rows": rows, "bar": bar, "total": len(law.catalogue.items)}
    return render(request, "web/catalogue.html", context)


@require_safe
def show(request: HttpRequest, item: str) -> HttpResponse:
    """One item: rules of collection and use, fields, checks, what is made from it."""
    law, one = current.library(), _item(item)
    context = {
        "item": one,
        "sector": _sectors(law).get(one.sector, one.sector),
        "catalogue": law.catalogue,
        "pairs": [Pair(title, value) for title, value in facts(one, law.catalogue, _organs(law))],
        "fields": [(field, size(field), note(field, law.catalogue)) for field in one.fields],
        "readers": [
            (book, version.version, version.title)
            for book, versions in law.rulebooks.items()
            for version in versions[-1:]
            if one.item in {version.rates.record, *(source.item for source in version.sources.values())}
        ],
    }
    return render(request, "web/catalogue_item.html", context)


@require_safe
def template_file(request: HttpRequest, item: str) -> HttpResponse:  # noqa: ARG001 a view
    """The import template."""
    data = template(_item(item), current.catalogue())
    return HttpResponse(data, content_type=WORKBOOK, headers=_named(f"{item}.xlsx"))


@require_safe
def schema_file(request: HttpRequest, item: str) -> HttpResponse:  # noqa: ARG001 a view
    """The JSON Schema of a row."""
    text = json.dumps(item_schema(_item(item), catalogue=current.catalogue()), ensure_ascii=False, indent=2)
    return HttpResponse(text, content_type="application/schema+json; charset=utf-8")


@require_safe
def paper(request: HttpRequest) -> HttpResponse:
    """The printed edition."""
    law = current.library()
    try:
        data = printed(law.catalogue, _organs(law))
    except NoFont as error:
        return render(request, "web/catalogue_unprinted.html", {"why": error.args[0]}, status=503)
    return HttpResponse(data, content_type="application/pdf", headers=_named(f"catalogue-{law.catalogue.edition}.pdf"))


@dataclass(frozen=True)
class Covered:
    """One item of the map. ``cells``: the address behind each city, and the cell where there are records."""

    item: Item
    sector: str
    cells: tuple[tuple[str, Cell | None, str], ...]
    total: int


@require_safe
@login_required
def covered(request: HttpRequest) -> HttpResponse:
    """Item × city: is there data, is it fresh."""
    scope, law = _officer(request), current.library()
    named, found = _sectors(law), coverage(scope, on=today())
    chosen, only = request.GET.get("sector", ""), request.GET.get("only", "")
    bar = FilterBar(
        (
            Filter("sector", "业务领域", "select", chosen, tuple(named.items())),
            Filter("only", "数据", "select", only, (("some", "有数据的"), ("none", "没有数据的"))),
        )
    )
    heads = places()
    rows = []
    for item in law.catalogue.items.values():
        cells = found[item.item]
        if (chosen and item.sector != chosen) or (only and (only == "some") != bool(cells)):
            continue
        here = reverse("web:catalogue-records", args=[item.item])
        line = tuple(
            (f"{here}?place={code}", cells.get(code), SHADES[cells[code].colour] if code in cells else "")
            for code, _ in heads
        )
        rows.append(Covered(item, named.get(item.sector, item.sector), line, sum(one.count for one in cells.values())))
    order = list(named)
    rows.sort(key=lambda one: (order.index(one.item.sector) if one.item.sector in order else 99, one.item.title))
    context = {
        "rows": rows,
        "heads": [name.removesuffix("市") for _, name in heads],
        "bar": bar,
        "with_data": sum(1 for cells in found.values() if cells),
        "total": len(found),
    }
    return render(request, "web/coverage.html", context)


@require_safe
@login_required
def records(request: HttpRequest, item: str) -> HttpResponse:
    """The records behind a cell of the map, each with its delivery."""
    scope, one = _officer(request), _item(item)
    place = request.GET.get("place", "")
    bar = FilterBar((Filter("place", "所在地", "select", place, places()),))
    rows = records_at(scope, one, place, on=today())
    pager = Pager(page_number(request.GET.get("page")), SIZE, rows.count(), bar.query)
    seen = set(ledger.deliveries(scope).values_list("pk", flat=True))
    shown = [
        (
            row,
            shown_name(scope, row.subject) if row.subject else "",
            row.delivery_id if row.delivery_id in seen else None,
        )
        for row in rows[pager.rows]
    ]
    context = {"item": one, "rows": shown, "pager": pager, "bar": bar}
    return render(request, "web/catalogue_records.html", context)


def _officer(request: HttpRequest) -> Scope:
    scope = Scope.of(request.user)
    if scope.kind != "officer":
        raise Http404("没有这个页面")
    return scope


def _item(name: str) -> Item:
    found = current.catalogue().items.get(name)
    if found is None:
        raise Http404("目录中没有这个信息项")
    return found


def _sectors(law: Library) -> dict[str, str]:
    return dict(law.catalogue.code_lists["sectors"].values) if "sectors" in law.catalogue.code_lists else {}


def _organs(law: Library) -> Organs:
    return load_organs(law.root / "organs.yaml", regions=load_regions(law.root / "regions.yaml"))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
