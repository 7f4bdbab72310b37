"""``/lineage/<record>/``: one record from the line of the file to the entries that rest on it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from xinlu.access.scope import Scope
from xinlu.assessment.lineage import effects
from xinlu.gazette.current import catalogue
from xinlu.ledger import queries as ledger
from xinlu.ledger.lineage import origins, rows_about
from xinlu.web.indicators import way_title
from xinlu.web.moments import today
from xinlu.web.parts import Pair
from xinlu.web.remembered import remembered

KINDS = {"hit": "计分", "lost": "竞合未计", "move": "调整", "condition": "按条件", "read": "取数", "row": "明细行"}


@login_required
@require_GET
def record(request: HttpRequest, number: int) -> HttpResponse:
    """Source file and line → delivered row → versions of the record → entries of published rounds."""
    scope, day = Scope.of(request.user), today()
    found = origins(scope, number, on=day)
    if not found:
        raise Http404("没有这条记录")
    newest = found[-1].version
    shown = ledger.shown(scope, newest)
    item = catalogue().items[newest.item]
    titles = {one.name: one.title for one in item.fields}
    used = remembered(f"lineage {number}", scope, day, lambda: effects(scope, number, since=newest.occurred_on))
    context = {
        "number": number,
        "item": item,
        "newest": newest,
        "roles": shown.roles,
        "fields": [
            Pair(titles.get(name, name), value, wide=len(str(value)) > 40) for name, value in shown.fields.items()
        ],
        "origins": [(one, way_title(one.delivery.way) if one.delivery else "") for one in found],
        "rows": rows_about(scope, number),
        "effects": [(one, KINDS.get(one.kind, one.kind)) for one in used],
    }
    return render(request, "web/lineage.html", context)
