"""``/deliveries/``: what was handed over, what became of each row, and handing over a file."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.problems import advice
from xinlu.law.catalogue import Item
from xinlu.ledger import queries as ledger
from xinlu.ledger.models import DeliveryRow
from xinlu.web.parts import Filter, FilterBar, Pager, Tab, page_number

SIZE = 50


@dataclass(frozen=True)
class RowTold:
    """A row of a delivery: what became of it, why, on which basis, and what to do."""

    row: DeliveryRow
    column: str
    value: str
    basis: str
    next_step: str


def _told(row: DeliveryRow, item: Item | None) -> RowTold:
    titles = {field.name: field.title for field in item.fields} if item else {}
    raw = row.raw or {}
    column = titles.get(row.field, row.field)
    value = raw.get(row.field, raw.get(column, ""))
    basis, next_step = advice(row.code)
    return RowTold(row, column, str(value or ""), basis, next_step)


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """All deliveries of the scope, newest first."""
    scope, at = Scope.of(request.user), request.GET
    rows = ledger.deliveries(scope)
    sources = tuple(dict(rows.order_by("source__code").values_list("source__code", "source__title")).items())
    bar = FilterBar(
        (
            Filter("source", "数据源", "select", at.get("source", ""), sources),
            Filter("state", "状态", "select", at.get("state", ""), (("queried", "有疑问"), ("clean", "全部入库"))),
        )
    )
    if bar.query.get("source"):
        rows = ledger.deliveries(scope, source=bar.query["source"])
    if bar.query.get("state"):
        rows = rows.filter(queried__gt=0) if bar.query["state"] == "queried" else rows.filter(queried=0)
    pager = Pager(page_number(at.get("page")), SIZE, rows.count(), bar.query)
    items = current.catalogue().items
    shown = [(row, items[row.item].title if row.item in items else "按行区分") for row in rows[pager.rows]]
    return render(request, "web/deliveries.html", {"rows": shown, "bar": bar, "pager": pager})


@login_required
def show(request: HttpRequest, number: int) -> HttpResponse:
    """One delivery with its rows; ``?outcome=`` picks which, queried ones first."""
    scope = Scope.of(request.user)
    found = ledger.delivery(scope, number)
    if found is None:
        raise Http404("没有这个交付批次")
    outcomes = DeliveryRow.Outcome
    wanted = request.GET.get("outcome", outcomes.QUERIED if found.queried else outcomes.ACCEPTED)
    here = wanted if wanted in outcomes.values else outcomes.QUERIED
    rows = ledger.rows(scope, number, outcome=here)
    pager = Pager(page_number(request.GET.get("page")), SIZE, rows.count(), {"outcome": here})
    counts = {outcomes.QUERIED: found.queried, outcomes.ACCEPTED: found.accepted, outcomes.DUPLICATE: found.duplicate}
    item = current.catalogue().items.get(found.item)
    context = {
        "delivery": found,
        "item": item,
        "rows": [_told(row, item) for row in rows[pager.rows]],
        "here": here,
        "pager": pager,
        "tabs": [
            Tab(str(outcomes(key).label), f"?outcome={key}#rows", count, key == here) for key, count in counts.items()
        ],
    }
    return render(request, "web/delivery.html", context)
