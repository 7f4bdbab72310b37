"""The queried rows of a delivery as a workbook: as delivered, with code, sentence, basis and next step beside them.

Whoever mends the rows there can hand the workbook over again: the added columns are recognised and passed over.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import datetime

import xlsxwriter
from django.db import transaction

from xinlu.access.scope import Scope
from xinlu.intake.columns import TOLD
from xinlu.intake.personal import masked, masked_sentence
from xinlu.intake.problems import advice
from xinlu.journal.append import append
from xinlu.ledger import queries
from xinlu.ledger.models import DeliveryRow

CHUNK = 2000


@transaction.atomic
def hand_out(scope: Scope, delivery: int, *, at: datetime) -> bytes | None:
    """:func:`error_file` for somebody who takes it away: the journal keeps who, which one, and whether in clear."""
    data = error_file(scope, delivery)
    if data is not None:
        append(
            actor=scope.actor,
            verb="intake.error_file.read",
            obj=f"ledger.delivery:{delivery}",
            facts={"clear": in_clear(scope, delivery)},
            at=at,
        )
    return data


def in_clear(scope: Scope, delivery: int) -> bool:
    """Whether ``scope`` gets the rows as they were delivered: the delivering organ does, to mend them.

    Everybody else reads personal data masked.
    """
    if scope.kind == "system":
        return True
    found = queries.delivery(scope, delivery)
    return found is not None and found.source.organ.code == scope.organ and scope.sees_level("L3")


def error_file(scope: Scope, delivery: int) -> bytes | None:
    """The workbook for delivery number ``delivery``; None when ``scope`` may not know of it or no row is queried."""
    clear = in_clear(scope, delivery)
    rows = (
        DeliveryRow.objects.within(scope)
        .filter(delivery=delivery, outcome="queried")
        .order_by("number")
        .select_related("delivery")
    )
    headers = _headers(raw for raw in rows.values_list("raw", flat=True).iterator(CHUNK))
    if headers is None:
        return None
    out = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("疑问数据")
        text = book.add_format({"num_format": "@"})
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "num_format": "@"})
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 0, 8)
        sheet.set_column(2, 2, 48)
        sheet.set_column(3, 4, 36)
        for place, name in enumerate([*TOLD, *headers]):
            sheet.write_string(0, place, name, head)
        for line, row in enumerate(rows.iterator(CHUNK), 1):
            basis, next_step = advice(row.code)
            raw: Mapping[str, object] = row.raw or {}
            sentence = row.sentence
            if not clear:
                carries = row.delivery.item
                raw, sentence = masked(carries, raw), masked_sentence(carries, sentence, raw)
            cells = [str(row.number), row.code, sentence, basis, next_step]
            cells += [str(raw.get(name, "")) for name in headers]
            for place, cell in enumerate(cells):
                if cell:
                    sheet.write_string(line, place, cell, text)
    return out.getvalue()


def _headers(raws: Iterator[Mapping[str, object] | None]) -> list[str] | None:
    """Every column of the rows, in the order in which they come; None without rows."""
    names: dict[str, None] = {}
    empty = True
    for raw in raws:
        empty = False
        names.update(dict.fromkeys(raw or {}))
    return None if empty else list(names)
