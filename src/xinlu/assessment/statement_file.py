"""The impact statement as a workbook: what it says, then everybody who moves.

Names are written as whoever takes the file may read them, by the same rule as on pages. Every text is written as
text, so that no cell becomes a formula, whatever a name begins with.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter
from django.conf import settings
from django.db import transaction

from xinlu.access.scope import Scope
from xinlu.assessment.compare import Statement
from xinlu.assessment.groups import in_order
from xinlu.engine.compare import ABSENT, Impact, Shift
from xinlu.journal.append import append
from xinlu.law.regions import load_regions
from xinlu.law.rulebook import Rulebook

VERB_TAKEN = "assessment.statement.taken"
MOST = 1_000_000
"""Rows of one sheet: a workbook holds no more."""
PLACES = {"rated": "已评", "not_rated": "未评", "open": "待人工", ABSENT: "不在范围", "true": "是", "false": "否"}

Sheet = Any


@transaction.atomic
def hand_out(scope: Scope, statement: Statement, *, at: datetime, sample: bool = False) -> bytes:
    """:func:`workbook` for somebody who takes it away; the journal keeps who took which one."""
    data = workbook(scope, statement, sample=sample)
    append(
        actor=scope.actor,
        verb=VERB_TAKEN,
        obj=f"assessment.statement:{statement.folder.name}",
        facts={
            "before": f"{statement.before.rulebook}@{statement.before.version}",
            "after": f"{statement.after.rulebook}@{statement.after.version}",
            "as_of": statement.as_of,
        },
        at=at,
    )
    return data


def workbook(scope: Scope, statement: Statement, *, sample: bool = False) -> bytes:
    """The workbook. ``sample``: says on the first sheet that the data are made up."""
    out = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        _Writer(book, scope, statement).write(sample)
    return out.getvalue()


def place_title(book: Rulebook, output: str, place: str) -> str:
    """A place of the matrix as people read it: letters as they are, codes by their titles."""
    levels = book.outputs[output].levels or book.levels
    titles = {one.level: one.title for one in levels}
    if place in titles:
        return place if place.isascii() and place.upper() == place else titles[place] or place
    return PLACES.get(place, place)


def causes_of(statement: Statement, shift: Shift) -> str:
    """Why a unit moves, in a line: what kept it from being rated, clauses with what they add or take more, then those
    that move the level."""
    parts = [f"{clause_title(statement, one.clause)}（{_signed(one.change)}）" for one in shift.clauses]
    parts += [clause_title(statement, one) for one in shift.moves]
    for side, place, reason in (("现行", shift.before, shift.reason_before), ("拟行", shift.after, shift.reason_after)):
        if place == ABSENT:
            parts.insert(0, f"{side}不在参评范围")
        elif place in ("not_rated", "open"):
            parts.insert(0, f"{side}{PLACES[place]}" + (f"：{reason}" if reason else ""))
    return "；".join(parts) or "算法或参数不同"


def clause_title(statement: Statement, clause: str) -> str:
    """A clause by its title; an article or a numbered move in words."""
    for book in (statement.after, statement.before):
        if clause in book.clauses:
            return book.clauses[clause].title
    number = clause.removeprefix("move ")
    return f"第 {number} 项调整" if number != clause else clause


def _signed(number: Decimal) -> str:
    text = f"{number.normalize():f}"
    return f"+{text}" if number > 0 else text


class _Writer:
    def __init__(self, book: Any, scope: Scope, statement: Statement) -> None:
        self.book, self.scope, self.statement = book, scope, statement
        self.text = book.add_format({"num_format": "@", "valign": "top", "text_wrap": True})
        self.head = book.add_format({"bold": True, "bg_color": "#EEF4FB", "bottom": 1, "text_wrap": True})
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.regions = load_regions(Path(settings.STANDARDS) / "regions.yaml")

    def write(self, sample: bool) -> None:
        found = {name: self.statement.impact(self.scope, name) for name in self.statement.outputs}
        self.summary(found, sample)
        for name, impact in found.items():
            self.figures(impact)
            if impact.moved:
                self.movers(name)

    def summary(self, found: Mapping[str, Impact], sample: bool) -> None:
        statement = self.statement
        sheet = self.sheet("说明", (24, 60))
        sheet.write_string(0, 0, "影响评估", self.title)
        facts = [
            ("现行", f"{statement.before.title} {statement.before.version}"),
            ("拟行", f"{statement.after.title} {statement.after.version}"),
            ("评价日", statement.as_of.isoformat()),
            ("范围", "全省" if self.scope.everywhere else "本单位可查看的主体"),
            *((("数据", "示例数据，不是真实主体"),) if sample else ()),
        ]
        for name, impact in found.items():
            parts = f"全体 {impact.population} = 不变 {impact.unchanged} + 变动 {impact.moved}"
            facts.append((self.output_title(name), f"{parts}；未交代 {impact.unaccounted}"))
        for row, (title, words) in enumerate(facts, 2):
            self.cells(sheet, row, (title, words))

    def figures(self, impact: Impact) -> None:
        title = self.output_title(impact.output)
        sheet = self.sheet(f"{title}-矩阵", (24, *[12] * max(len(impact.places), 5)))
        places = [self.place(impact.output, one) for one in impact.places]
        self.cells(sheet, 0, ("现行＼拟行", *places, "合计"), head=True)
        row = 1
        for before, words in zip(impact.places, places, strict=True):
            numbers = [impact.matrix.get((before, after), 0) for after in impact.places]
            self.cells(sheet, row, (words, *numbers, sum(numbers)))
            row += 1
        totals = [sum(impact.matrix.get((one, after), 0) for one in impact.places) for after in impact.places]
        self.cells(sheet, row, ("合计", *totals, impact.population))
        row += 2
        self.cells(sheet, row, ("条款", "涉及的变动主体"), head=True)
        for clause, number in sorted(impact.by_clause.items(), key=lambda pair: (-pair[1], pair[0])):
            row += 1
            self.cells(sheet, row, (clause_title(self.statement, clause), number))
        for grouping in self.statement.groupings:
            row += 2
            self.cells(sheet, row, (grouping.title, "主体", "变动", "变好", "变差", grouping.words), head=True)
            own = {one.group: one for one in impact.groups if one.kind == grouping.name}
            for code in in_order(grouping, own):
                row += 1
                one = own[code]
                self.cells(sheet, row, (grouping.title_of(code), one.units, one.changed, one.better, one.worse))

    def movers(self, output: str) -> None:
        sheet = self.sheet(f"{self.output_title(output)}-变动", (36, 20, 12, 12, 14, 14, 60))
        sheet.freeze_panes(1, 0)
        heads = ("主体", "所在地", "现行", "拟行", "现行数值", "拟行数值", "原因")
        self.cells(sheet, 0, heads, head=True)
        for row, one in enumerate(self.statement.movers(self.scope, output, most=MOST), 1):
            shift = one.shift
            region = self.regions.full_name(one.region) if one.region in self.regions else one.region
            places = (self.place(output, shift.before), self.place(output, shift.after))
            numbers = (shift.number_before, shift.number_after)
            self.cells(sheet, row, (one.name, region, *places, *numbers, causes_of(self.statement, shift)))

    def sheet(self, name: str, widths: Sequence[int]) -> Sheet:
        clean = "".join("－" if sign in "[]:*?/\\'" else sign for sign in name)[:31]
        taken = {one.get_name() for one in self.book.worksheets()}
        number = 2
        while clean in taken:
            clean = f"{clean[:28]}-{number}"
            number += 1
        sheet = self.book.add_worksheet(clean)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        return sheet

    def cells(
        self, sheet: Sheet, row: int, values: Iterable[str | int | Decimal | None], *, head: bool = False
    ) -> None:
        for place, value in enumerate(values):
            if isinstance(value, str):
                sheet.write_string(row, place, value, self.head if head else self.text)
            elif value is not None:
                sheet.write_number(row, place, float(value))

    def output_title(self, output: str) -> str:
        return self.statement.after.outputs[output].title

    def place(self, output: str, place: str) -> str:
        return place_title(self.statement.after, output, place)
