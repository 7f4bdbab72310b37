"""The import template of an item (导入模板): a workbook to fill in, made from the catalogue and nothing else.

Sheet 填报 has a hidden first line with the names of the fields and a mark – item, edition, digest of what a sender must
know – and below it the Chinese titles. Columns may be moved or deleted: each keeps its name. Sheet 说明 says what the
item is and what each column takes, 字典 lists the codes that the drop-downs offer. :mod:`xinlu.intake.table` reads the
mark back: the template of another item is refused, an older one is taken with a warning (``docs/deliveries.md``).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from xinlu.intake.columns import IDENTIFYING_FIELDS
from xinlu.intake.conditions import conditions
from xinlu.law.catalogue import Catalogue, Field, FieldType, Item
from xinlu.law.item_schema import item_digest
from xinlu.law.uses import DISCLOSURES, words

SHEET, GUIDE, DICTIONARY = "填报", "说明", "字典"
MARK = "xinlu-template"
ROWS = 50_000
"""Lines that have drop-downs and bounds: as many as one upload may hold."""
MADE = datetime(2024, 1, 1)  # noqa: DTZ001 a workbook keeps no zone
"""Time inside the workbook, so that the same catalogue gives the same bytes."""
FIRST_DAY = date(1901, 1, 1)
TEXT = 49
"""Number of the built-in format that keeps what is typed as text."""
DIGITS_OF_A_SPREADSHEET = 15
OPERATIONS = ("报送", "撤销")
TYPES = {
    FieldType.TEXT: "文字",
    FieldType.CODE: "代码（下拉选择）",
    FieldType.NUMBER: "数",
    FieldType.DATE: "日期，如 2024-01-31",
    FieldType.YES_NO: "是或否",
    FieldType.LEVEL: "等级",
}
CADENCES = {
    "realtime": "实时",
    "daily": "每日",
    "weekly": "每周",
    "monthly": "每月",
    "quarterly": "每季",
    "yearly": "每年",
    "event": "发生后及时",
}
GRADES = {"official": "正式", "secondary": "转引", "unverified": "待核", "sample": "示例"}
_SIGNS = 10
_WIDEST = 60


@dataclass(frozen=True)
class Entry:
    """One column to fill in: the name under which it is read, its title, and the field where it is one."""

    name: str
    title: str
    required: bool
    note: str = ""
    field: Field | None = None

    @property
    def heading(self) -> str:
        """The title as people see it: a star where it must be filled in, the unit in brackets."""
        unit = f"（单位：{self.field.unit}）" if self.field and self.field.unit else ""
        return f"{'*' if self.required else ''}{self.title}{unit}"


@dataclass(frozen=True)
class Mark:
    """What the hidden line of a template says of itself."""

    item: str
    edition: str
    digest: str


def entries(item: Item, catalogue: Catalogue) -> list[Entry]:
    """The columns of a template, in order: who, what, and whether a record is taken back."""
    names = {one.name for one in item.fields}
    found = []
    for role in item.roles:
        if role == item.roles[0] and names & IDENTIFYING_FIELDS.keys():
            continue  # said by fields of its own
        kinds = "、".join(catalogue.kinds[kind].title for kind in role.kinds if kind in catalogue.kinds)
        several = "；多个以分号隔开" if role.many else ""
        note = f"{kinds}的标识码：统一社会信用代码、号牌、身份证号、编号等{several}"
        found.append(Entry(f"role:{role.name}", f"{role.title}标识", role.required, note))
    found += [Entry(one.name, one.title, one.required, one.note, one) for one in item.fields]
    return [*found, Entry("op", "操作", False, "空着或填“报送”为报送，填“撤销”撤回已报的一条")]


def mark_of(item: Item, catalogue: Catalogue) -> str:
    """The mark that a template of ``item`` bears now."""
    return ":".join([MARK, item.item, catalogue.edition, item_digest(item, catalogue=catalogue)])


def read_mark(text: str) -> Mark | None:
    """The mark in a cell, or None where the cell holds something else.

    >>> read_mark("xinlu-template:honour:2024:00ff")
    Mark(item='honour', edition='2024', digest='00ff')
    """
    parts = text.split(":")
    if len(parts) != 4 or parts[0] != MARK:
        return None
    return Mark(*parts[1:])


def titles(codes: Sequence[str], shown: Sequence[str], item: Item | None, catalogue: Catalogue) -> tuple[str, ...]:
    """Names of columns from the hidden line: titles of today where ``item`` still has the field, else as shown."""
    known = {one.name: one.title for one in entries(item, catalogue)} if item else {}
    return tuple(known.get(code) or (shown[place] if place < len(shown) else "") for place, code in enumerate(codes))


def template(item: Item, catalogue: Catalogue) -> bytes:
    """The workbook."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": f"{item.title}导入模板", "created": MADE})
        look = _Look(book)
        columns = entries(item, catalogue)
        sheet, guide, codes = (book.add_worksheet(name) for name in (SHEET, GUIDE, DICTIONARY))
        places = _dictionary(codes, columns, catalogue, look)
        _sheet(sheet, columns, places, look, mark_of(item, catalogue))
        _guide(guide, item, columns, catalogue, look)
    return out.getvalue()


class _Look:
    """The formats of one workbook."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.book = book
        self.text = book.add_format({"num_format": TEXT})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self.head = self._head("#EEF2F7")
        self.must = self._head("#FDE9D9")
        self.strong = book.add_format({"bold": True})
        self.large = book.add_format({"bold": True, "font_size": 14})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self.warning = book.add_format({"bold": True, "font_color": "#B42318"})

    def _head(self, colour: str) -> Format:
        return self.book.add_format(
            {"bold": True, "text_wrap": True, "valign": "top", "num_format": TEXT, "bg_color": colour, "border": 1}
        )

    def of(self, one: Field | None) -> Format:
        """Format of a column. Long numbers stay text: a spreadsheet keeps fifteen digits."""
        if one is not None and one.type is FieldType.DATE and not one.many:
            return self.day
        if one is not None and one.type is FieldType.NUMBER and (one.digits or 18) <= DIGITS_OF_A_SPREADSHEET:
            return self.book.add_format({"num_format": "0." + "0" * one.scale if one.scale else "0"})
        return self.text


def _sheet(sheet: Worksheet, columns: list[Entry], places: dict[str, str], look: _Look, mark: str) -> None:
    for place, one in enumerate(columns):
        heading = one.heading
        width = min(30, max(_SIGNS, 2 * len(heading) + 2))
        sheet.set_column(place, place, width, look.of(one.field))
        sheet.write_string(0, place, one.name, look.text)
        sheet.write_string(1, place, heading, look.must if one.required else look.head)
        _bounds(sheet, place, one, places)
    sheet.write_string(0, len(columns), mark, look.text)
    sheet.set_row(0, None, None, {"hidden": True})
    sheet.set_column(len(columns), len(columns), None, None, {"hidden": True})
    sheet.set_row(1, 32)
    sheet.freeze_panes(2, 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(1)


def _bounds(sheet: Worksheet, place: int, one: Entry, places: dict[str, str]) -> None:
    """Drop-downs, days and numbers; they warn while one types, and intake judges again."""
    found: dict[str, object] | None = None
    field = one.field
    if one.name == "op":
        found = {"validate": "list", "source": list(OPERATIONS)}
    elif field is None or field.many:
        found = None
    elif field.type is FieldType.CODE and field.codes in places:
        found = {"validate": "list", "source": places[str(field.codes)]}
    elif field.type is FieldType.YES_NO:
        found = {"validate": "list", "source": ["是", "否"]}
    elif field.type is FieldType.DATE:
        found = {"validate": "date", "criteria": ">=", "value": FIRST_DAY}
    elif field.type is FieldType.NUMBER:
        most = 10 ** min((field.digits or 38) - field.scale, DIGITS_OF_A_SPREADSHEET)
        found = {"validate": "decimal", "criteria": "between", "minimum": -most, "maximum": most}
    elif field.length is not None:
        found = {"validate": "length", "criteria": "<=", "value": min(field.length, 32767)}
    if found is None:
        return
    found |= {"error_title": "请核对", "error_message": f"{one.title}不合要求，见“说明”", "error_type": "warning"}
    sheet.data_validation(2, place, ROWS + 1, place, found)


def _dictionary(sheet: Worksheet, columns: list[Entry], catalogue: Catalogue, look: _Look) -> dict[str, str]:
    """Write each code list once; gives list → the range of its names."""
    ids = dict.fromkeys(one.field.codes for one in columns if one.field and one.field.codes in catalogue.code_lists)
    found = {}
    for number, name in enumerate(ids):
        codes, left = catalogue.code_lists[str(name)], number * 3
        sheet.set_column(left, left, 28)
        sheet.set_column(left + 1, left + 1, 22)
        sheet.write_string(0, left, codes.title, look.head)
        sheet.write_string(0, left + 1, "代码", look.head)
        for line, (code, title) in enumerate(codes.values.items(), 1):
            sheet.write_string(line, left, title, look.text)
            sheet.write_string(line, left + 1, code, look.text)
        letter = xlsxwriter.utility.xl_col_to_name(left)
        found[str(name)] = f"={DICTIONARY}!${letter}$2:${letter}${len(codes.values) + 1}"
    sheet.freeze_panes(1, 0)
    return found


def _guide(sheet: Worksheet, item: Item, columns: list[Entry], catalogue: Catalogue, look: _Look) -> None:
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 30)
    sheet.set_column(2, 3, 14)
    sheet.set_column(4, 4, _WIDEST)
    sheet.write_string(0, 0, f"{item.title}导入模板", look.large)
    line = 1
    if item.source.grade.value != "official":
        sheet.write_string(
            line, 0, f"来源等级：{GRADES[item.source.grade.value]}。{item.source.document}", look.warning
        )
        line += 1
    named = {one.name: one.title for one in item.fields} | {f"role:{one.name}": one.title for one in item.roles}
    facts = [
        ("目录", f"{catalogue.title}，{catalogue.edition} 版"),
        ("归集依据", item.legal_basis),
        ("报送频次", CADENCES[item.cadence]),
        ("披露方式", DISCLOSURES[item.disclosure]),
        ("允许的用途", words(item)),
        ("业务主键", "、".join(named.get(part, part) for part in item.key)),
        (
            "填报方法",
            "在“填报”表中自第三行起填写，每行一条；带 * 的必填。第一行是隐藏的列名，请勿删改；可以调换或删去列。",
        ),
    ]
    for title, text in facts:
        sheet.write_string(line, 0, title, look.strong)
        sheet.write_string(line, 1, text)
        line += 1
    line += 1
    for place, title in enumerate(("列", "列名", "类型", "长度或位数", "说明")):
        sheet.write_string(line, place, title, look.head)
    for one in columns:
        line += 1
        for place, text in enumerate(_row(one, catalogue)):
            sheet.write_string(line, place, text, look.wrapped)
    line += 2
    for number, check in enumerate(conditions(item, catalogue)):
        sheet.write_string(line + number, 0, "核对规则" if not number else "", look.strong)
        sheet.write_string(line + number, 1, check.sentence)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _row(one: Entry, catalogue: Catalogue) -> tuple[str, str, str, str, str]:
    field = one.field
    if field is None:
        return one.heading, one.name, "文字", "", one.note
    size = ""
    if field.type is FieldType.NUMBER:
        size = f"{field.digits or 38} 位" + (f"，小数 {field.scale} 位" if field.scale else "")
    elif field.length:
        size = f"{field.length} 字以内"
    told = [one.note] if one.note else []
    if field.many:
        told.append("多个值以分号隔开")
    if field.codes in catalogue.code_lists:
        told.append(f"取值见“{DICTIONARY}”：{catalogue.code_lists[str(field.codes)].title}")
    if field.level in ("L3", "L4"):
        told.append("敏感个人信息，展示时脱敏")
    return one.heading, one.name, TYPES[field.type], size, "；".join(told)
