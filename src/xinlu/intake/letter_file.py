"""The quality letter as papers: a PDF to read and sign, a workbook to mend rows in."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path

import typst
import xlsxwriter
from django.db import transaction

import xinlu
from xinlu.access.scope import Scope
from xinlu.intake.columns import TOLD
from xinlu.intake.letter import Letter
from xinlu.journal.append import append
from xinlu.law.indicator import Share

TEMPLATE = Path(__file__).with_name("letter.typ")
PRINT = Path(xinlu.__file__).parent / "web" / "static" / "built" / "print"
"""Where set-up puts whole fonts for papers; without it a Chinese font of the machine is taken."""
FONTS = ("Noto Sans SC", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "SimHei", "PingFang SC")
"""Chinese fonts in the order in which they are taken."""
WORDS = ("行号", "问题代码", "问题说明", "依据", "怎么办")
"""What is told of a row, under the names of an error file."""
MOST_ROWS = 400
"""Rows of a PDF; the workbook has all of them."""
SAMPLE = "示例数据：本函及所列单位、数据均为虚构"


@transaction.atomic
def hand_out(scope: Scope, one: Letter, form: str, *, sample: bool, at: datetime) -> bytes:
    """The letter as ``pdf`` or ``xlsx`` for somebody who takes it away; the journal keeps who, and whether in clear."""
    data = as_pdf(one, sample=sample, at=at) if form == "pdf" else as_workbook(one, sample=sample, at=at)
    append(
        actor=scope.actor,
        verb="intake.letter.read",
        obj=f"ledger.source:{one.source.code}",
        facts={"month": f"{one.month:%Y-%m}", "form": form, "clear": one.clear, "rows": len(one.rows)},
        at=at,
    )
    return data


def as_pdf(one: Letter, *, sample: bool, at: datetime) -> bytes:
    """The letter as a PDF; equal letters give equal bytes."""
    said = json.dumps(_said(one, sample=sample), ensure_ascii=False)
    data: bytes = typst.compile(
        TEMPLATE,
        sys_inputs={"letter": said},
        font_paths=[PRINT] if PRINT.is_dir() else [],
        timestamp=int(at.timestamp()),
        format="pdf",
    )
    return data


def as_workbook(one: Letter, *, sample: bool, at: datetime) -> bytes:
    """The letter as a workbook: a page of figures, and the refused rows of each item as they were delivered.

    Who mends the rows can hand their sheet over again: the columns beside them are known or passed over.
    """
    out = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": _title(one), "created": at.replace(tzinfo=None)})
        text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        head = book.add_format({"bold": True, "num_format": "@", "text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet("填报说明")
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 3, 18)
        lines = [[_title(one)], *([[SAMPLE]] if sample else []), [_opening(one)], [_closing(one)], []]
        lines += [["交付", "入库", "疑问", "重复"], [str(n) for n in one.counts().values()], []]
        lines += [["维度", "检查的行", "不合格", "合格占比"], *_dimensions(one)]
        lines += [[], ["代码", "含义", "行"], *([code, title, str(n)] for code, title, n in one.codes)]
        for number, cells in enumerate(lines):
            for place, cell in enumerate(cells):
                sheet.write_string(number, place, cell, head if number == 0 else text)
        for carries in dict.fromkeys(row.row.delivery.item for row in one.rows):
            _rows_sheet(book, one, carries, head, text)
    return out.getvalue()


def _rows_sheet(book: xlsxwriter.Workbook, one: Letter, carries: str, head: object, text: object) -> None:
    rows = [row for row in one.rows if row.row.delivery.item == carries]
    headers = list(dict.fromkeys(name for row in rows for name in row.raw))
    taken = {sheet.get_name() for sheet in book.worksheets()}
    name = "".join("－" if sign in "[]:*?/\\：" else sign for sign in rows[0].item_title)[:28]
    sheet = book.add_worksheet(name if name not in taken else f"{name}{len(taken)}")
    sheet.freeze_panes(1, 0)
    heads = [*TOLD, "批次", "重报情况"]
    sheet.set_column(2, 2, 48)
    sheet.set_column(3, 4, 36)
    for place, title in enumerate([*heads, *headers]):
        sheet.write_string(0, place, title, head)
    for line, row in enumerate(rows, 1):
        said = dict(
            zip(WORDS, (str(row.row.number), row.row.code, row.sentence, row.basis, row.next_step), strict=True)
        )
        cells = [*(said.get(name, "") for name in TOLD), str(row.row.delivery_id), row.state]
        cells += [row.raw.get(name, "") for name in headers]
        for place, cell in enumerate(cells):
            if cell:
                sheet.write_string(line, place, cell, text)


def _said(one: Letter, *, sample: bool) -> dict[str, object]:
    counts, shown = one.counts(), one.rows[:MOST_ROWS]
    left = len(one.rows) - len(shown)
    return {
        "title": _title(one),
        "reference": one.reference,
        "source": one.source.title,
        "to": f"{one.source.organ.name}：",
        "opening": _opening(one),
        "closing": _closing(one),
        "signed": "示例：交通运输信用信息数据管理单位" if sample else "交通运输信用信息数据管理单位",
        "sample": SAMPLE if sample else "",
        "fonts": list(FONTS),
        "figures": [
            ["交付（行）", str(counts["delivered"])],
            ["入库", str(counts["accepted"])],
            ["疑问", str(counts["queried"])],
            ["重复", str(counts["duplicate"])],
            ["已重报", str(one.answered)],
        ],
        "dimensions": _dimensions(one),
        "rows": [
            [str(row.row.delivery_id), str(row.row.number), row.row.code, row.sentence, row.next_step, row.state]
            for row in shown
        ],
        "cut": f"本函列出前 {len(shown)} 行，其余 {left} 行见所附工作簿。" if left else "",
    }


def _title(one: Letter) -> str:
    return f"数据质量函（{one.month:%Y 年} {one.month.month} 月）"


def _opening(one: Letter) -> str:
    items = "、".join(dict.fromkeys(row.item_title for row in one.rows)) or "各信息项"
    return (
        f"贵单位数据源“{one.source.title}”{one.month.year} 年 {one.month.month} 月报送的数据已经检查。"
        f"{items}中有 {one.refused} 行退回，其中 {one.answered} 行已经重报入库。逐行原因见下表。"
    )


def _closing(one: Letter) -> str:
    if not one.refused:
        return "本月没有需要重报的行。"
    when = f"请于 {one.due.isoformat()} 前" if one.due else "请在收到本函后"
    return f"{when}在原系统改正，用工作簿中的表或原系统重新报送；只需重报退回的行。期限为示例。"


def _dimensions(one: Letter) -> list[list[str]]:
    return [
        [dimension.title, str(ran), str(failed), Share(ran - failed, ran).percent]
        for dimension, ran, failed in one.dimensions()
    ]
