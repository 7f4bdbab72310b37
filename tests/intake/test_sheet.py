"""Files of every form are read; bad ones are refused with a code, never with a stack trace."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.intake.conftest import Desk, as_csv, as_xlsx, penalty

from xinlu.intake.problems import CODES, Refused
from xinlu.intake.sheet import UPLOAD, Limits, read_sheet
from xinlu.ledger.models import Record


def payloads() -> list[Any]:
    return list(Record._base_manager.order_by("key").values_list("payload", flat=True))


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [one.code for one in refused.value.problems]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_csv_is_read_in_the_encodings_that_happen(desk: Desk, encoding: str) -> None:
    result = desk.hand(as_csv([penalty(1), penalty(2)], encoding=encoding))
    assert (result.accepted, result.queried) == (2, 0), result.problems
    assert payloads()[0]["party_name"] == "示例运输有限公司"


def test_the_same_rows_as_workbook_json_and_lines_are_the_same_facts(desk: Desk) -> None:
    row: dict[str, Any] = {**penalty(), "CF_NR_FK": 0.2, "CF_JDRQ": date(2024, 5, 20), "CF_GSJZQ": 46527}
    assert desk.hand(as_xlsx([list(row), list(row.values())]), "a.xlsx").accepted == 1
    plain = {**row, "CF_JDRQ": "2024年5月20日", "CF_GSJZQ": "20270520", "CF_CFLB": ["警告", "罚款"], "BZ": None}
    for data, name in (
        (json.dumps([plain], ensure_ascii=False), "a.json"),
        (json.dumps({"rows": [plain]}, ensure_ascii=False), "a.json"),
        (json.dumps(plain, ensure_ascii=False) + "\n\n" + json.dumps(plain, ensure_ascii=False), "a.ndjson"),
    ):
        result = desk.hand(data.encode(), name)
        assert result.duplicate == result.delivered, result.problems
    assert len(payloads()) == 1


def test_a_title_above_the_names_of_columns_is_passed_over_and_said(desk: Desk) -> None:
    def merge(book: Any, sheet: Any) -> None:
        sheet.merge_range(0, 0, 0, 5, "行政处罚信息表")

    row = penalty()
    result = desk.hand(as_xlsx([[], list(row), list(row.values())], prepare=merge), "a.xlsx")
    assert (result.accepted, [one.code for one in result.warnings]) == (1, ["F18"])


def test_merged_names_of_columns_are_refused(desk: Desk) -> None:
    row = penalty()

    def merge(book: Any, sheet: Any) -> None:
        sheet.merge_range(0, 0, 0, 1, "CF_XDR_MC")

    with pytest.raises(Refused) as refused:
        desk.hand(as_xlsx([list(row), list(row.values())], prepare=merge), "a.xlsx")
    assert codes(refused) == ["F09"]


def test_merged_cells_among_the_data_are_refused(desk: Desk) -> None:
    row = penalty()

    def merge(book: Any, sheet: Any) -> None:
        sheet.merge_range(1, 0, 2, 0, "示例运输有限公司")

    with pytest.raises(Refused) as refused:
        desk.hand(as_xlsx([list(row), list(row.values()), list(row.values())], prepare=merge), "a.xlsx")
    assert codes(refused) == ["F09"]


def test_a_number_that_was_a_long_identifier_is_queried(desk: Desk) -> None:
    row: dict[str, Any] = {**penalty(), "CF_CFJGDM": 3.3e17, "CF_XDR_SHXYM": 3.301e17}
    result = desk.hand(as_xlsx([list(row), list(row.values())], prepare=None), "a.xlsx")
    assert (result.queried, result.codes) == (1, {"E17": 1})


def test_two_sheets_with_data_are_refused_and_a_guide_is_not_counted(desk: Desk) -> None:
    row = penalty()
    rows = [list(row), list(row.values())]

    def second(name: str) -> Any:
        return lambda book, sheet: book.add_worksheet(name).write(0, 0, "怎样填写")

    assert desk.hand(as_xlsx(rows, prepare=second("填报说明")), "a.xlsx").accepted == 1
    with pytest.raises(Refused) as refused:
        desk.hand(as_xlsx(rows, prepare=second("数据2")), "a.xlsx")
    assert codes(refused) == ["F14"]


def _zip(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    return out.getvalue()


def _workbook(cells: str) -> bytes:
    """A workbook of one sheet by hand: ``cells`` is what stands inside ``sheetData``."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kin = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rels = "http://schemas.openxmlformats.org/package/2006/relationships"
    sheet = '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
    leads = f'<Relationship Id="rId1" Type="{kin}/worksheet" Target="worksheets/sheet1.xml"/>'
    parts = {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{kin}">{sheet}</workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{rels}">{leads}</Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    return _zip({name: text.encode() for name, text in parts.items()})


FAR = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c {}><v>1</v></c></row>'

REFUSED: list[tuple[str, str, bytes]] = [
    # Two cells far apart: a reader lays out all between them, and the process would end there.
    ("F06", "a.xlsx", _workbook(FAR.format('r="XFD1048576"'))),
    ("F06", "a.xlsx", _workbook(FAR.format("t='>' r = 'xfd1048576'"))),
    ("F06", "a.xlsx", _workbook(FAR.format("") + '<row r="1048577">' + "<c><v>1</v></c>" * 600 + "</row>")),
    ("F03", "a.xlsx", _zip({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<a/>"})),
    ("F03", "a.json", ("[{" + ",".join(f'"k{n}": 1' for n in range(600)) + "}]").encode()),
    ("F03", "a.csv", (",".join(f"k{n}" for n in range(600)) + "\n1,2\n").encode()),
    ("F01", "a.csv", b""),
    ("F01", "a.csv", b"\n \n"),
    ("F01", "a.csv", as_csv([penalty()]).splitlines()[0]),
    ("F01", "a.json", b"[]"),
    ("F02", "a.csv", "行政处罚信息,示例".encode() + b"\xff\xfe\xfa" + "甲乙".encode()),
    ("F02", "a.csv", b"abc\xff\xff\xff,\x80"),
    ("F03", "a.xlsx", b"PK\x03\x04 broken"),
    ("F03", "a.xlsx", as_xlsx([["a"], ["b"]])[:-400]),
    ("F03", "a.xlsx", _zip({"hello.txt": b"no workbook"})),
    ("F03", "a.xlsx", b"name,value\n1,2\n"),
    ("F03", "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600),
    ("F03", "a.csv", b'CF_WSH,CF_XDR_MC\n"a,b\n'),
    ("F06", "a.xlsx", _zip({"xl/sheet.xml": b"0" * 30_000_000})),
    ("F06", "a.xlsx", _zip({f"{n}.xml": b"" for n in range(201)})),
    ("F07", "a.csv", as_csv([{"CF_WSH": "1", "CF_XDR_MC": "甲"}])),
    ("F08", "a.csv", as_csv([{**penalty(), "行政处罚决定书文号": "乙"}])),
    ("F11", "a.bin", b"\x7fELF\x00\x00\x00"),
    ("F12", "a.json", b'{"rows": 3}'),
    ("F03", "a.csv", as_csv([penalty()]) + b"," * 5000 + b"\x00"),
    ("F12", "a.json", b'[{"CF_WSH": "a\\u0000"}]'),
    ("F12", "a.json", b'[{"CF_WSH": "\\ud83d"}]'),
    ("F12", "a.json", b"[1, 2]"),
    ("F12", "a.json", b'[{"a": {"b": 1}}]'),
    ("F12", "a.json", b"[" * 100_000),
    ("F12", "a.ndjson", b'{"a": 1}\n{"a": '),
]


@pytest.mark.parametrize(("code", "name", "data"), REFUSED, ids=lambda one: str(one)[:12])
def test_a_bad_file_is_refused_whole_with_a_code_a_basis_and_a_next_step(
    desk: Desk, code: str, name: str, data: bytes
) -> None:
    item = "administrative_penalty" if code in ("F07", "F08") else None
    with pytest.raises(Refused) as refused:
        desk.hand(data, name, item=item)
    assert codes(refused) == [code], str(refused.value)
    (problem,) = refused.value.problems
    assert problem.sentence
    assert problem.basis == CODES[code].basis
    assert problem.next_step
    assert payloads() == []


def test_what_nobody_recognises_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        desk.hand(b"apples,pears\n1,2\n")
    assert codes(refused) == ["F10"]
    with pytest.raises(Refused) as refused:
        desk.hand(as_csv([penalty()]), item="administrative_penalti")
    assert codes(refused) == ["F15"]
    assert "administrative_penalty" in str(refused.value)


def test_a_file_beyond_the_limits_of_an_upload_is_refused(desk: Desk) -> None:
    file = as_csv([penalty(number) for number in range(30)])
    for limits, code in ((Limits(size=1000, rows=10**6), "F04"), (Limits(size=10**7, rows=29), "F05")):
        with pytest.raises(Refused) as refused:
            desk.hand(file, limits=limits)
        assert codes(refused) == [code]
        assert payloads() == []
    assert (UPLOAD.size, UPLOAD.rows) == (20 * 1024 * 1024, 50_000)


def test_an_unknown_column_is_told_with_the_nearest_name_and_an_old_one_is_passed_over(desk: Desk) -> None:
    result = desk.hand(as_csv([{**penalty(), "处罚决定日其": "x", "SJC": "1"}]))
    (warning,) = result.warnings
    assert (warning.code, result.accepted) == ("F16", 1)
    assert "处罚决定日期" in warning.sentence


def test_a_row_with_more_cells_than_columns_is_queried(desk: Desk) -> None:
    file = as_csv([penalty(1), penalty(2)]).rstrip() + b",stray\r\n"
    assert desk.hand(file).codes == {"E24": 1}


@given(data=st.binary(max_size=400), name=st.sampled_from(["a.csv", "a.xlsx", "a.json", "a", "a.ndjson"]))
def test_no_bytes_at_all_end_in_anything_but_a_sheet_or_a_refusal(data: bytes, name: str) -> None:
    with suppress(Refused):
        list(read_sheet(data, name=name, limits=UPLOAD).lines)
