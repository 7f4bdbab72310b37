"""The page of a delivery that machines sent: its counts, and the rows that were not taken, from their file."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.personal import masked_sentence
from xinlu.intake.problems import advice
from xinlu.ledger import observations
from xinlu.ledger.models import Delivery
from xinlu.web.parts import Pager, page_number

SIZE = 50


def show(request: HttpRequest, delivery: Delivery) -> HttpResponse:
    """A delivery of a feed that the scope may see."""
    scope = Scope.of(request.user)
    pager = Pager(page_number(request.GET.get("page")), SIZE, delivery.queried, {})
    found = observations.queried_rows(scope, delivery.pk, most=SIZE, after=pager.rows.start)
    item = current.catalogue().items.get(delivery.item)
    rows = [(one, masked_sentence(delivery.item, one.sentence, _raw(one.raw)), *advice(one.code)) for one in found]
    files = observations.files_of(scope, delivery.pk)
    context = {"delivery": delivery, "item": item, "rows": rows, "pager": pager, "files": files}
    return render(request, "web/observed.html", context)


def _raw(text: str) -> Mapping[str, str]:
    """The row as it came, by column; a line that was no row has none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
