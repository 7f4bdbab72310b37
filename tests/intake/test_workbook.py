"""Workbooks are read a row at a time, and come out as a reader that takes them whole gives them."""

from __future__ import annotations

import io
import random
import zipfile
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook
from tests.intake.workbooks import by_hand, packed

from xinlu.intake.problems import Refused
from xinlu.intake.spool import Texts
from xinlu.intake.workbook import Merged, open_workbook

FORMATS = (
    "yyyy-mm-dd",
    'yyyy"年"m"月"d"日"',
    "h:mm",
    "[h]:mm:ss",
    "0.00",
    "0%",
    "General",
    "#,##0.00_ ",
    '"d"0',
    "[Red]0.0;[Blue]-0.0",
    '上午/下午h"时"mm"分"',
    r"\d0",
    "0.00E+00",
    "yyyy/m/d;@",
    "@",
    *(1, 2, 10, 14, 15, 20, 22, 27, 30, 31, 36, 45, 46, 47, 49, 50, 57, 58),
)


def rows(data: bytes, *, most: int = 10_000) -> list[Any]:
    book = open_workbook(io.BytesIO(data), name="a.xlsx")
    return list(book.rows(book.sheets[0], most_rows=most))


def _as_read_here(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.date()
    return "1900-01-00" if isinstance(value, time | timedelta) else None if value == "" else value


def _whole(data: bytes) -> list[tuple[int, list[Any]]]:
    """The same by python-calamine, in the shape of :func:`rows`."""
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
    found = []
    for number, row in enumerate(sheet.to_python(skip_empty_area=False), 1):
        cells = [_as_read_here(value) for value in row]
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            found.append((number, cells))
    return found


def workbook_of(seed: int, *, memory: bool) -> bytes:
    """Cells of every sort, scattered."""
    draw, out = random.Random(seed), io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": memory, "date_1904": seed % 5 == 0}) as book:
        sheet = book.add_worksheet()
        formats = [book.add_format({"num_format": one}) for one in FORMATS]
        for line in range(60):
            if draw.random() < 0.2:
                continue
            for place in range(12):
                match draw.randrange(9):
                    case 0:
                        sheet.write_number(line, place, draw.choice([0.25, 45322, 45322.5, 1.0, 330106, 1e17, 0.1]))
                    case 1 | 2:
                        number = draw.choice([36526, 45322, 45322.999, 0, 0.5, 2_958_465, 3e6, 61, 12.5])
                        sheet.write_number(line, place, number, draw.choice(formats))
                    case 3 | 4:
                        sheet.write_string(line, place, draw.choice(["浙江", " 空 ", "a_x000D_b", "\x02", "=1+1", "0"]))
                    case 5:
                        sheet.write_boolean(line, place, draw.random() < 0.5)
                    case 6:
                        sheet.write_formula(line, place, "=1+1", None, draw.choice([2, "文", True]))
                    case 7:
                        sheet.write_blank(line, place, None, draw.choice(formats))
    return out.getvalue()


@pytest.mark.parametrize("seed", range(20))
def test_a_workbook_reads_as_another_reader_reads_it_whole(seed: int) -> None:
    data = workbook_of(seed, memory=bool(seed % 2))
    assert [(number, cells) for number, cells in rows(data)] == _whole(data)


def test_what_people_see_and_a_reader_drops_is_told() -> None:
    cells = '<c r="A1"><f>SUM(B1:B9)</f></c><c r="B1" t="e"><v>#N/A</v></c><c r="C1" t="str"><f>B1</f><v></v></c>'
    assert rows(by_hand(f'<row r="1">{cells}<c r="D1"><v>1</v></c></row>')) == [(1, ["=SUM(B1:B9)", "#N/A", None, 1.0])]


def test_cells_and_rows_that_do_not_say_their_place_stand_behind_the_one_before() -> None:
    cells = (
        "<row><c><v>1</v></c><c/><c><v>3</v></c></row><row r='4'><c r='B4' t='inlineStr'><is><t>甲</t></is></c></row>"
    )
    assert rows(by_hand(cells)) == [(1, [1.0, None, 3.0]), (4, [None, "甲"])]


def test_merged_cells_come_behind_the_rows() -> None:
    data = by_hand(
        "<row r='1'><c r='A1'><v>1</v></c></row>", behind='<mergeCells><mergeCell ref="A1:B3"/></mergeCells>'
    )
    assert rows(data) == [(1, [1.0]), Merged(1, 3)]


def test_readings_beside_a_text_are_no_part_of_it_and_prefixes_do_not_matter() -> None:
    shared = "<sst><si><r><t>浙</t></r><rPh><t>zhe</t></rPh><r><t>江</t></r></si></sst>"
    data = by_hand('<row r="1"><c r="A1" t="s"><v>0</v></c></row>', prefix="x:", shared=shared)
    assert rows(data) == [(1, ["浙江"])]


CELL = '<row r="1"><c r="A1"><v>1</v></c></row>'
BROKEN = {
    "a row twice": CELL + CELL,
    "rows upside down": '<row r="2"><c r="A2"><v>1</v></c></row>' + CELL,
    "cells upside down": '<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>',
    "a cell of another row": '<row r="1"><c r="A7"><v>1</v></c></row>',
    "no number": '<row r="1"><c r="A1"><v>1,5</v></c></row>',
    "not finite": '<row r="1"><c r="A1"><v>NaN</v></c></row>',
    "no such text": '<row r="1"><c r="A1" t="s"><v>7</v></c></row>',
    "a NUL": '<row r="1"><c r="A1" t="str"><v>a_x0000_</v></c></row>',
    "half a sign": '<row r="1"><c r="A1" t="str"><v>_xD83D_</v></c></row>',
    "a column beyond all": '<row r="1"><c r="XFE1"><v>1</v></c></row>',
    "too wide": '<row r="1"><c r="ZZ1"><v>1</v></c></row>',
    "a text without end": f'<row r="1"><c r="A1" t="str"><v>{"长" * 140_000}</v></c></row>',
    "a tag without end": f'<row r="1"><c r="A1" t="{"x" * 3_000_000}"><v>1</v></c></row>',
    "not closed": '<row r="1">',
}


@pytest.mark.parametrize("cells", BROKEN.values(), ids=BROKEN)
def test_what_contradicts_itself_is_refused(cells: str) -> None:
    with pytest.raises(Refused) as refused:
        rows(by_hand(cells))
    assert [one.code for one in refused.value.problems] == ["F03"]


def test_a_document_type_is_refused_before_it_can_name_anything() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "cccccccccc"><!ENTITY d "&b;&b;&b;&b;">]>'
    with pytest.raises(Refused, match="文档类型"):
        rows(by_hand(CELL, before=bomb))


def test_texts_beyond_a_few_megabytes_wait_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Texts, "IN_MEMORY", 100)
    texts = Texts()
    several = [f"文字{n}" for n in range(500)]
    for one in several:
        texts.add(one)
    assert [texts[n] for n in range(500)] == several
    assert [texts[n] for n in (499, 0, 250, 3)] == ["文字499", "文字0", "文字250", "文字3"]
    with pytest.raises(IndexError):
        texts[500]


FOREIGN = {
    "an image": {"xl/media/image1.png": b"\x89PNG"},
    "a macro": {"xl/vbaProject.bin": b"x"},
    "a file": {"xl/embeddings/oleObject1.bin": b"x"},
    "a control": {"xl/activeX/activeX1.xml": b"x"},
    "the sheet twice": {"XL/worksheets/SHEET1.xml": b"<a/>"},
}


@pytest.mark.parametrize("more", FOREIGN.values(), ids=FOREIGN)
def test_a_workbook_that_holds_more_than_tables_is_refused(more: dict[str, bytes]) -> None:
    with pytest.raises(Refused) as refused:
        rows(by_hand(CELL, more=more))
    assert [one.code for one in refused.value.problems] == ["F19"]


def _between(data: bytes) -> bytes:
    """The same with strange bytes between the parts and their table, every place in the table still right."""
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as book:
        book.comment = b""
        book.start_dir += 40  # type: ignore[attr-defined]
        book._didModify = True  # type: ignore[attr-defined]
    return out.getvalue()


@pytest.mark.parametrize("data", [by_hand(CELL) + b"<html>", _between(by_hand(CELL)), b"PK\x03\x04" + by_hand(CELL)])
def test_a_second_file_before_between_or_behind_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        rows(data)
    assert [one.code for one in refused.value.problems] == ["F19"]


def test_a_table_of_contents_without_end_is_not_read() -> None:
    with pytest.raises(Refused) as refused:
        rows(packed({f"{number}": b"" for number in range(2500)}))
    assert [one.code for one in refused.value.problems] == ["F06"]


def test_days_are_days() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        book.add_worksheet().write_datetime(0, 0, datetime(2024, 5, 20), book.add_format({"num_format": 14}))
    assert rows(out.getvalue()) == [(1, [date(2024, 5, 20)])]
