"""The error file is the delivered sheet, with what is wrong and what was probably meant; mended, it goes in again."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from tests.intake.conftest import FIRM, SYSTEM, Desk, as_csv, as_xlsx, penalty

from xinlu.gazette import current
from xinlu.intake.columns import TOLD
from xinlu.intake.error_file import error_file
from xinlu.intake.suggest import suggestion
from xinlu.ledger.models import Record


def sheet_of(data: bytes) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()


def file_of(delivery: int) -> bytes:
    data = error_file(SYSTEM, delivery)
    assert data is not None
    return data


def test_it_has_the_columns_as_delivered_even_those_that_are_empty_in_every_queried_row(desk: Desk) -> None:
    rows = [penalty(1), penalty(2, CF_CFJG="", CF_FRDB=""), penalty(3, CF_CFJG="", CF_FRDB="")]
    result = desk.hand(as_csv(rows))
    head, *_ = sheet_of(file_of(result.delivery))
    assert head == [*TOLD, *penalty()]


def test_the_wrong_cells_are_red_also_those_that_should_not_be_empty(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(1, CF_JDRQ="去年", CF_CFLB="口头批评", CF_CFJG="")]))
    data = file_of(result.delivery)
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        styles, sheet = book.read("xl/styles.xml").decode(), book.read("xl/worksheets/sheet1.xml").decode()
    assert "FFFFC7CE" in styles
    formats = re.findall(r"<xf [^>]*>", styles.partition("<cellXfs")[2].partition("</cellXfs>")[0])
    (red,) = [str(place) for place, one in enumerate(formats) if 'applyFill="1"' in one]
    names = [letters for letters, style in re.findall(r'<c r="([A-Z]+)2" s="(\d+)"', sheet) if style == red]
    head = sheet_of(data)[0]
    assert {head[_place(letters)] for letters in names} == {"CF_JDRQ", "CF_CFLB", "CF_CFJG"}


def _place(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def test_mended_rows_go_in_and_the_others_are_duplicates(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(1), penalty(2, CF_JDRQ="去年"), penalty(3, CF_CFLB="口头批评")]))
    head, *rows = sheet_of(file_of(result.delivery))
    for row in rows:
        told = dict(zip(head, row, strict=True))
        row[head.index("CF_JDRQ")] = told["CF_JDRQ"].replace("去年", "2024-05-20")
        row[head.index("CF_CFLB")] = told["CF_CFLB"].replace("口头批评", "警告;罚款")
    mended = as_xlsx([head, *rows])
    again = desk.hand(mended, "疑问数据.xlsx")
    assert (again.accepted, again.queried, again.warnings) == (2, 0, ())
    assert desk.hand(mended, "疑问数据.xlsx").duplicate == 2
    assert Record._base_manager.filter(superseded_at__isnull=True).count() == 3


def test_an_error_file_of_an_error_file_does_not_grow(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(1, CF_JDRQ="去年")]))
    again = desk.hand(file_of(result.delivery), "疑问数据.xlsx")
    assert sheet_of(file_of(again.delivery))[0] == [*TOLD, *penalty()]


SUGGESTED = [
    ("E02", "CF_XDR_SHXYM", f"{FIRM[:-1]} {FIRM[-1]}".lower(), FIRM),
    ("E02", "CF_XDR_SHXYM", "91330106", ""),
    ("E04", "CF_JDRQ", "20/5/2024", "2024-05-20"),
    ("E04", "CF_JDRQ", "5/6/2024", ""),
    ("E04", "CF_JDRQ", "2024年5月20号", "2024-05-20"),
    ("E04", "CF_JDRQ", "去年", ""),
    ("E05", "CF_CFLB", "罚 款", "罚款"),
    ("E13", "CF_NR_FK", "约0.2万", "0.2"),
    ("E13", "CF_NR_FK", "0.2或0.3", ""),
    ("E14", "CF_NR_FK", "0.12345678", "0.123457"),
    ("E27", "CF_NR_FK", "2000", "0.2"),
    ("E31", "BZ", "=1+1", "1+1"),
    ("E31", "BZ", "#N/A", ""),
    ("E03", "CF_XDR_ZJHM", "330106199001011230", ""),
]


@pytest.mark.parametrize(("code", "column", "said", "meant"), SUGGESTED)
def test_a_value_is_suggested_where_only_one_can_be_meant(code: str, column: str, said: str, meant: str) -> None:
    law = current.catalogue()
    item = law.items["administrative_penalty"]
    assert suggestion(code, column, {column: said}, item=item, catalogue=law) == meant


def test_the_registered_name_of_a_firm_is_suggested(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(1, CF_XDR_MC="示例物流有限公司")]))
    head, row = sheet_of(file_of(result.delivery))
    assert dict(zip(head, row, strict=True))["建议值"] == "示例运输有限公司"
