"""The import template of an item: made from the catalogue, recognised when it comes back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook
from tests.intake.conftest import FIRM, Desk

from xinlu.gazette import current
from xinlu.intake.columns import item_layout
from xinlu.intake.problems import Refused
from xinlu.intake.template import DICTIONARY, GUIDE, SHEET, entries, mark_of, read_mark, template
from xinlu.law.item_schema import item_digest
from xinlu.law.library import load_catalogue, shipped
from xinlu.ledger.models import Record

CATALOGUE = load_catalogue(shipped())
HONOUR = CATALOGUE.items["honour"]


def cells(data: bytes, sheet: str) -> list[list[object]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_name(sheet).to_python(skip_empty_area=False)


def filled(rows: Sequence[dict[str, str]], *, mark: str = "", turned: bool = False) -> bytes:
    """The template of 荣誉 as somebody hands it back: ``rows`` by field, columns in turned order if asked."""
    names, shown = cells(template(HONOUR, CATALOGUE), SHEET)[:2]
    columns = list(zip(names, shown, strict=False))
    if turned:
        columns.reverse()
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet(SHEET)
        book.add_worksheet(GUIDE).write_string(0, 0, "说明")
        for place, (name, title) in enumerate(columns):
            said = mark if mark and read_mark(str(name)) else str(name)
            sheet.write_string(0, place, said)
            sheet.write_string(1, place, str(title))
            for line, row in enumerate(rows, 2):
                if value := row.get(str(name)):
                    sheet.write_string(line, place, value)
    return out.getvalue()


ROW = {
    "role:subject": FIRM,
    "honour_name": "示例荣誉",
    "honour_level": "省级",
    "granted_on": "2024-01-31",
    "organ_name": "示例单位",
}


def test_every_item_has_a_template_whose_columns_intake_knows() -> None:
    for item in CATALOGUE.items.values():
        columns = entries(item, CATALOGUE)
        for headers in ([one.name for one in columns], [one.heading for one in columns]):
            layout = item_layout(item, headers, CATALOGUE)
            assert (layout.missing, layout.unknown) == ([], ()), item.item


def test_a_template_has_three_sheets_a_hidden_line_with_names_and_its_mark() -> None:
    data = template(HONOUR, CATALOGUE)
    assert CalamineWorkbook.from_filelike(io.BytesIO(data)).sheet_names == [SHEET, GUIDE, DICTIONARY]
    names, shown = cells(data, SHEET)[:2]
    assert names[0] == "role:subject"
    assert shown[:2] == ["*获奖主体标识", "*荣誉名称"]
    mark = read_mark(str(names[-1]))
    assert mark is not None
    assert (mark.item, mark.edition, mark.digest) == ("honour", "2024", item_digest(HONOUR, catalogue=CATALOGUE))
    sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()
    assert 'r="1" spans' in sheet
    assert 'hidden="1"' in sheet.partition("<sheetData>")[2].partition("</row>")[0]
    assert f"{DICTIONARY}!$A$2:$A$6" in sheet  # five levels to choose from


def test_identifiers_are_text_and_a_sample_says_so() -> None:
    data = template(CATALOGUE.items["administrative_penalty"], CATALOGUE)
    packed = zipfile.ZipFile(io.BytesIO(data))
    sheet = packed.read("xl/worksheets/sheet1.xml").decode()
    first = sheet.partition("<cols>")[2].partition("/>")[0]
    style = int(first.partition('style="')[2].partition('"')[0])
    formats = packed.read("xl/styles.xml").decode().partition("<cellXfs")[2].split("<xf ")[1:]
    assert 'numFmtId="49"' in formats[style]
    assert "示例" in str(cells(template(HONOUR, CATALOGUE), GUIDE)[1][0])


def test_the_same_catalogue_gives_the_same_bytes() -> None:
    assert template(HONOUR, CATALOGUE) == template(HONOUR, CATALOGUE)


@pytest.mark.parametrize("turned", [False, True])
def test_a_filled_template_is_taken_without_a_word(desk: Desk, turned: bool) -> None:
    result = desk.hand(filled([ROW], turned=turned), "荣誉.xlsx")
    assert (result.accepted, result.queried, result.carries) == (1, 0, "honour")
    assert not {"F16", "F18", "F20"} & {one.code for one in result.warnings}
    assert Record._base_manager.get().payload["honour_level"] == "province"


def test_an_older_template_is_taken_with_a_warning(desk: Desk) -> None:
    result = desk.hand(filled([ROW], mark="xinlu-template:honour:2023:00ff"), "荣誉.xlsx")
    assert result.accepted == 1
    assert [one.code for one in result.warnings] == ["F20"]


def test_the_template_of_another_item_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        desk.hand(filled([ROW]), "荣誉.xlsx", item="commitment")
    assert [one.code for one in refused.value.problems] == ["F21"]
    assert desk.hand(filled([ROW]), "荣誉.xlsx", item=HONOUR.title).accepted == 1


def test_an_empty_template_has_no_rows(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        desk.hand(template(HONOUR, current.catalogue()), "荣誉.xlsx")
    assert [one.code for one in refused.value.problems] == ["F01"]


def test_the_mark_of_a_template_is_read_back() -> None:
    assert read_mark(mark_of(HONOUR, CATALOGUE)) is not None
    assert read_mark("荣誉名称") is None
