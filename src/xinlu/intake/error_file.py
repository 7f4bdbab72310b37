"""The queried rows of a delivery as a workbook: as delivered, with code, sentence, basis and next step beside them.

Whoever mends the rows there can hand the workbook over again: the added columns are recognised and passed over.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping

import xlsxwriter

from xinlu.access.scope import Scope
from xinlu.intake.columns import TOLD
from xinlu.intake.problems import advice
from xinlu.ledger.models import DeliveryRow

CHUNK = 2000


def error_file(scope: Scope, delivery: int) -> bytes | None:
    """The workbook for delivery number ``delivery``; None when ``scope`` may not know of it or no row is queried."""
    rows = DeliveryRow.objects.within(scope).filter(delivery=delivery, outcome="queried").order_by("number")
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
            cells = [str(row.number), row.code, row.sentence, basis, next_step]
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
