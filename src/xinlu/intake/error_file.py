"""The queried rows of a delivery as a workbook: as delivered, with code, sentence, suggested value and what to do.

Whoever mends the rows there can hand the workbook over again: the added columns are recognised and passed over, and
rows that were taken meanwhile are duplicates by their business key.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

import xlsxwriter
from django.db import transaction

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.columns import TOLD
from xinlu.intake.personal import masked, masked_sentence
from xinlu.intake.problems import advice
from xinlu.intake.suggest import field_of, registered_names, suggestion
from xinlu.journal.append import append
from xinlu.ledger import queries
from xinlu.ledger.models import Delivery, DeliveryRow

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
    """The workbook for delivery number ``delivery``; None when ``scope`` may not know of it or no row is queried.

    It is the sheet that was delivered, with the queried rows only: the same columns in the same order, all of them
    text, what is wrong in red. A text that begins like a formula stays a text.
    """
    found = queries.delivery(scope, delivery)
    rows = DeliveryRow.objects.within(scope).filter(delivery=delivery, outcome="queried").order_by("number")
    if found is None or not rows.exists():
        return None
    clear = in_clear(scope, delivery)
    told = _Told(found)
    headers = told.headers(rows.values_list("raw", flat=True).iterator(CHUNK))
    out = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("疑问数据")
        text = book.add_format({"num_format": "@", "valign": "top"})
        long = book.add_format({"num_format": "@", "valign": "top", "text_wrap": True})
        red = book.add_format({"num_format": "@", "valign": "top", "bg_color": "#FFC7CE", "font_color": "#9C0006"})
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "num_format": "@"})
        sheet.freeze_panes(1, 2)
        sheet.set_column(0, 0, 8)
        sheet.set_column(2, 2, 48)
        sheet.set_column(3, 5, 30)
        sheet.set_column(len(TOLD), len(TOLD) + len(headers), 22, text)
        for place, name in enumerate([*TOLD, *headers]):
            sheet.write_string(0, place, name, head)
        line = 0
        for batch in _batches(rows.iterator(CHUNK)):
            for row, cells, raw in told.rows(batch, clear=clear):
                line += 1
                wrong = set(row.columns or [row.field])
                for place, cell in enumerate(cells):
                    sheet.write_string(line, place, cell, long)
                for place, name in enumerate(headers, len(TOLD)):
                    cell = str(raw.get(name, ""))
                    if name in wrong:
                        # A cell that should not be empty is red as well.
                        if cell:
                            sheet.write_string(line, place, cell, red)
                        else:
                            sheet.write_blank(line, place, None, red)
                    elif cell:
                        sheet.write_string(line, place, cell, text)
    return out.getvalue()


def _batches(rows: Iterator[DeliveryRow]) -> Iterator[list[DeliveryRow]]:
    while batch := list(islice(rows, CHUNK)):
        yield batch


class _Told:
    """What is told of the rows of one delivery."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.catalogue = current.catalogue()
        self.item = self.catalogue.items.get(delivery.item)

    def headers(self, raws: Iterator[Mapping[str, object] | None]) -> list[str]:
        """The columns as delivered, and behind them any that rows have beyond those."""
        names = dict.fromkeys(name for name in self.delivery.columns if name and name not in TOLD)
        for raw in raws:
            names.update(dict.fromkeys(name for name in raw or {} if name not in TOLD))
        return list(names)

    def rows(
        self, batch: Sequence[DeliveryRow], *, clear: bool
    ) -> Iterator[tuple[DeliveryRow, list[str], Mapping[str, object]]]:
        """Each row with what stands before it, and its content; masked unless ``clear``."""
        names = self._names(batch)
        for row in batch:
            raw: Mapping[str, object] = row.raw or {}
            sentence, carries = row.sentence, self.delivery.item
            meant = names.get(row.number) or suggestion(
                row.code, row.field, raw, item=self.item, catalogue=self.catalogue
            )
            if not clear:
                sentence, meant = (
                    masked_sentence(carries, sentence, raw),
                    masked(carries, {row.field: meant})[row.field],
                )
                raw = masked(carries, raw)
            basis, next_step = advice(row.code)
            yield row, [str(row.number), row.code, sentence, meant, basis, next_step], raw

    def _names(self, batch: Sequence[DeliveryRow]) -> dict[int, str]:
        """Number of a row whose name is not the registered one → the registered one."""
        codes = {}
        for row in batch:
            for name, value in (row.raw or {}).items() if row.code == "E26" else ():
                field = field_of(self.item, name)
                if field is not None and field.name == "uscc":
                    codes[row.number] = str(value)
        known = registered_names(("uscc", value) for value in codes.values())
        return {number: known[value] for number, value in codes.items() if value in known}
