"""Broken deliveries, made from good ones by named mutators, each with the codes that may answer it.

A mutant is a whole file. Mutators of rows put one good row and one spoilt row into a file of every form; mutators of
files spoil the bytes. ``heavy`` ones try to fill the memory and are looked at in a process of their own.
"""

# Tables are read by the line.
# ruff: noqa: E501

from __future__ import annotations

import csv
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import xlsxwriter
from tests.intake.conftest import DRIVER, FIRM, ORGAN, PLATE, penalty
from tests.intake.workbooks import by_hand, packed

from xinlu.law.catalogue import Catalogue, Field, FieldType, Item
from xinlu.law.identifiers import make_id_number, make_uscc

Row = dict[str, Any]
PENALTY = "administrative_penalty"
ITEMS = (PENALTY, "accident", "complaint", "overlimit_related_act", "commitment", "inspection", "operating_licence")
"""Of different shape, and such that a good row can be made from their fields alone."""
FORMS = ("csv", "gbk.csv", "xlsx", "json", "ndjson")
FORMULAS = (
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)*cmd|'/C calc'!A0",
    "+cmd|'/C calc'!A0",
    "-2+3+cmd|'/C calc'!A0",
    '=HYPERLINK("http://示例.invalid","点这里")',
    "=1+1",
)


@dataclass(frozen=True)
class Mutant:
    """A file, what it says it holds, and the codes one of which must answer it."""

    name: str
    file: str
    data: bytes | Callable[[], bytes]
    codes: frozenset[str]
    item: str | None = PENALTY
    heavy: bool = False

    def bytes(self) -> bytes:
        """The file; heavy ones are made when they are wanted."""
        return self.data if isinstance(self.data, bytes) else self.data()


def codes(*several: str) -> frozenset[str]:
    """The codes one of which must answer."""
    return frozenset(several)


# ── good rows ───────────────────────────────────────────────────────────────────────────────────


def good_row(item: Item, catalogue: Catalogue, number: int = 1) -> Row:
    """A row of ``item`` that is in order, from its fields alone."""
    if item.item == PENALTY:
        return dict(penalty(number))
    row = {one.title: _good(one, catalogue, number) for one in item.fields}
    for role in item.roles:
        known = {"enterprise": FIRM, "practitioner": DRIVER, "vehicle": PLATE}
        value = next((known[kind] for kind in role.kinds if kind in known), None)
        if value is not None:
            row[f"role:{role.name}"] = value
    return row


def _good(one: Field, catalogue: Catalogue, number: int) -> str:
    match one.type:
        case FieldType.CODE:
            return next(iter(catalogue.code_lists[one.codes or ""].values))
        case FieldType.NUMBER:
            return "1"
        case FieldType.DATE:
            return "2024-05-20"
        case FieldType.YES_NO:
            return "是"
        case FieldType.LEVEL:
            return "A"
    if one.name == "uscc" or one.name.endswith("_uscc"):
        return ORGAN
    if one.mask == "id_number":
        return make_id_number(7, region="330106")
    if one.mask == "plate":
        return PLATE
    return f"示例{number}"


# ── forms ───────────────────────────────────────────────────────────────────────────────────────


def as_file(form: str, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as a file of one of :data:`FORMS`."""
    several = list(rows)
    headers = list(dict.fromkeys(name for row in several for name in row))
    if form == "json":
        return json.dumps(several, ensure_ascii=False).encode()
    if form == "ndjson":
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in several).encode()
    if form == "xlsx":
        return workbook(headers, several)
    out = io.StringIO()
    writer = csv.DictWriter(out, headers, restval="")
    writer.writeheader()
    writer.writerows(several)
    return out.getvalue().encode("gbk" if form == "gbk.csv" else "utf-8")


def workbook(
    headers: list[str], rows: list[Mapping[str, Any]], prepare: Callable[[Any, Any], None] | None = None
) -> bytes:
    """Rows of texts as a workbook."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("数据")
        for line, row in enumerate([dict(zip(headers, headers, strict=True)), *rows]):
            for place, name in enumerate(headers):
                if row.get(name) not in (None, ""):
                    sheet.write_string(line, place, str(row[name]))
        if prepare is not None:
            prepare(book, sheet)
    return out.getvalue()


# ── spoilt rows ─────────────────────────────────────────────────────────────────────────────────

Spoilt = Iterator[tuple[str, Row, frozenset[str]]]


def _column(item: Item, one: Field, row: Row) -> str:
    return next((name for name in (*one.aliases, one.title, one.name) if name in row), one.title)


def spoilt_fields(item: Item, row: Row) -> Spoilt:
    """Each field, spoilt in every way that its type can be."""
    for one in item.fields:
        column = _column(item, one, row)
        if one.required:
            yield f"blank {one.name}", {**row, column: ""}, codes("E01")
        for what, value, expected in _spoilt_values(one):
            yield f"{what} {one.name}", {**row, column: value}, expected


def _spoilt_values(one: Field) -> Iterator[tuple[str, str, frozenset[str]]]:
    match one.type:
        case FieldType.CODE:
            yield "no such code in", "口头批评并罚站", codes("E05")
        case FieldType.DATE:
            for value in ("去年", "2024-02-30", "1900-01-00", "2024/13/01", "20240132", "24.5.20", "0"):
                yield f"day {value} in", value, codes("E04")
        case FieldType.NUMBER:
            for value in ("两千", "NaN", "Infinity", "--1", "0x1F", "1.2.3", "12 3x"):
                yield f"number {value} in", value, codes("E13")
            yield "too many digits in", "9" * 40, codes("E14")
            yield "too many decimals in", "0." + "1" * 30, codes("E14")
        case FieldType.YES_NO:
            yield "maybe in", "也许", codes("E15")
        case FieldType.TEXT if (
            one.mask not in ("id_number", "plate") and "uscc" not in one.name and one.name != "organisation_code"
        ):
            for value in FORMULAS:
                yield f"formula {value[:12]} in", value, codes("E31")
            yield "error value in", "#REF!", codes("E31")
            if one.length:
                yield "too long", "长" * (one.length + 1), codes("E06")
        case FieldType.TEXT:
            yield "nonsense in", "!!!", codes("E02", "E03", "E08", "E17", "E21")


def spoilt_subjects(item: Item, row: Row) -> Spoilt:
    """Who is meant, spoilt."""
    column = "CF_XDR_SHXYM" if item.item == PENALTY else f"role:{item.roles[0].name}"
    if column not in row:
        return
    said = str(row[column])
    flipped = said[:-1] + ("1" if said[-1] != "1" else "2")
    yield "check digit", {**row, column: flipped}, codes("E02", "E03", "E08", "E21")
    yield "cut off", {**row, column: said[:-3]}, codes("E02", "E03", "E08", "E21")
    yield "nobody", {**row, column: make_uscc(4711, region="330106")}, codes("E08", "E02", "E03", "E21")
    yield "scientific", {**row, column: "9.13301E+17"}, codes("E17")
    yield "swapped signs", {**row, column: said[1] + said[0] + said[2:]}, codes("E02", "E03", "E08", "E21")
    yield "formula as identifier", {**row, column: "=1+1"}, codes("E02", "E03", "E08", "E21", "E31")
    if "vehicle" not in item.roles[0].kinds:
        yield "vehicle as subject", {**row, column: PLATE}, codes("E18", "E02", "E03", "E08", "E21")


def spoilt_meaning(item: Item, row: Row) -> Spoilt:
    """What each cell may say, and the row may not."""
    yield "operation", {**row, "操作": "覆盖"}, codes("E23")
    yield "withdraws the unknown", {**row, "操作": "撤销"}, codes("LD-003")
    if item.item != PENALTY:
        return
    yield "yuan for ten thousands", {**row, "CF_NR_FK": "2000"}, codes("E27")
    yield "a hundred million", {**row, "CF_NR_FK": "20000", "CF_NR": "罚款"}, codes("E27")
    yield "percent for an amount", {**row, "CF_NR_FK": "20%"}, codes("E13")
    yield "minus", {**row, "CF_NR_FK": "-1"}, codes("E16")
    yield "publicity before decision", {**row, "CF_GSJZQ": "2024-05-01"}, codes("E10")
    yield "from the future", {**row, "CF_JDRQ": "2031-01-01"}, codes("E28", "E10")
    yield "summary procedure", {**row, "CF_NR": "依简易程序罚款2000元"}, codes("E20")
    yield "summary number", {**row, "CF_WSH": "浙杭交简罚〔2024〕1号"}, codes("E20")
    yield "name of another", {**row, "CF_XDR_MC": "示例物流有限公司"}, codes("E26")
    yield "identity number in a public text", {**row, "CF_SY": "张某（11010519491231002X）驾驶"}, codes("E12")
    yield (
        "two subjects",
        {**row, "行政相对人标识": FIRM, "行政相对人统一社会信用代码": make_uscc(2, region="330106")},
        codes("E22"),
    )


def row_mutants(catalogue: Catalogue) -> Iterator[Mutant]:
    """Every spoilt row of every item, in a file of every form, behind a good one."""
    for name in ITEMS:
        item = catalogue.items[name]
        row, other = good_row(item, catalogue, 1), good_row(item, catalogue, 2)
        for spoil in (spoilt_fields(item, row), spoilt_subjects(item, row), spoilt_meaning(item, row)):
            for what, spoilt, expected in spoil:
                for form in FORMS:
                    yield Mutant(
                        f"{name}: {what} ({form})", f"a.{form}", partial(as_file, form, [other, spoilt]), expected, name
                    )


# ── spoilt files ────────────────────────────────────────────────────────────────────────────────


def file_mutants(catalogue: Catalogue) -> Iterator[Mutant]:
    """Files that are spoilt as files."""
    rows = [penalty(1), penalty(2)]
    for form in FORMS:
        yield from _truncated(form, as_file(form, rows))
        yield from _headers(form, rows)
        yield from _repeated(form, rows)
    yield from _encodings(rows)
    yield from _csv_shapes(rows)
    yield from _json_shapes(rows)
    yield from _cells_of_workbooks(rows)
    yield from _strangers(rows)
    yield from _bombs(rows)


def _truncated(form: str, data: bytes) -> Iterator[Mutant]:
    expected = {"csv": codes("F02", "F03", "E01", "E24", "E16", "E31", "F01"), "xlsx": codes("F03", "F19")}
    for share in (10, 35, 60, 85, 97):
        cut = data[: len(data) * share // 100]
        wanted = expected.get(form.split(".")[-1], codes("F12", "F02", "F03"))
        yield Mutant(f"cut at {share} % ({form})", f"a.{form}", cut, wanted | {"F07", "F10", "E02"})


def _headers(form: str, rows: list[Row]) -> Iterator[Mutant]:
    def renamed(old: str, new: str) -> bytes:
        return as_file(form, [{new if name == old else name: value for name, value in row.items()} for row in rows])

    file = f"a.{form}"
    yield Mutant(f"a column missing ({form})", file, renamed("CF_JDRQ", "无关的列"), codes("F07"))
    yield Mutant(f"a column misspelt ({form})", file, renamed("CF_WSH", "CF_W5H"), codes("F07"))
    yield Mutant(f"a column twice ({form})", file, renamed("BZ", "行政处罚决定书文号"), codes("F08"))
    yield Mutant(
        f"columns of nothing ({form})", file, as_file(form, [{"甲": 1, "乙": 2}] * 2), codes("F10", "F07"), None
    )
    wide = [{**row, **{f"列{n}": "1" for n in range(600)}} for row in rows]
    yield Mutant(f"600 columns more ({form})", file, as_file(form, wide), codes("F03"))
    yield Mutant(f"no such item ({form})", file, as_file(form, rows), codes("F15"), "administrative_penalties")


def _repeated(form: str, rows: list[Row]) -> Iterator[Mutant]:
    first = rows[0]
    other = {**first, "CF_NR_FK": "0.3", "CF_NR": "罚款3000元"}
    yield Mutant(f"one key, two contents ({form})", f"a.{form}", as_file(form, [first, other]), codes("E07"))


def _encodings(rows: list[Row]) -> Iterator[Mutant]:
    text = as_file("csv", rows).decode()
    good = text.encode()
    place = good.index("示例".encode())
    gbk = text.encode("gbk")
    for name, data in {
        "a broken byte in UTF-8": good[:place] + b"\xff" + good[place:],
        "half a sign in UTF-8": good[: place + 1] + good[place + 3 :],
        "UTF-8 and GBK mixed": good + gbk,
        "a broken byte in GBK": gbk.replace("示例".encode("gbk"), b"\xff\xff\xca", 1),
        "UTF-16 without a mark": text.encode("utf-16-le"),
        "UTF-16 cut in a sign": text.encode("utf-16")[:-1],
        "UTF-32": text.encode("utf-32"),
        "a NUL in a text": good.replace(b"BZ", b"B\x00Z"),
        "UTF-7": text.encode("utf-7"),
        "control signs in GBK": gbk.replace("示例".encode("gbk"), b"\x01\x02\x03\x04"),
        "Big5": text.translate(TRADITIONAL).encode("big5", "ignore"),
        "Shift JIS": text.translate(TRADITIONAL).encode("shift_jis", "ignore"),
        "Latin-1": "CF_WSH,CF_XDR_MC\nÄÖÜß,Ünïcödé\n".encode("latin-1"),
    }.items():
        expected = codes("F01", "F02", "F03", "F07", "F11", "E01", "E02", "E04", "E05", "E16", "E26", "E41")
        yield Mutant(f"encoding: {name}", "a.csv", data, expected)


TRADITIONAL = str.maketrans("罚决书处〔〕", "罰決書處()")


def _csv_shapes(rows: list[Row]) -> Iterator[Mutant]:
    lines = as_file("csv", rows).decode().splitlines()
    text = "\n".join(lines)
    for name, data, expected in (
        (
            "an open quote",
            text.replace("超限运输", '"超限运输', 1).replace(",超", ',"超', 1),
            codes("F03", "E24", "E01"),
        ),
        ("a stray cell", text + ",多出一格", codes("E24")),
        ("a cell of a megabyte", text.replace("超限运输", "长" * 200_000, 1), codes("F03", "E06")),
        ("only names of columns", lines[0], codes("F01")),
        ("nothing but blanks", " \n\n  \n", codes("F01")),
        ("nothing", "", codes("F01")),
        ("fixed width", "CF_WSH      CF_XDR_MC\n1           甲\n", codes("F10", "F07")),
        ("an error page", "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", codes("F11")),
    ):
        yield Mutant(f"csv: {name}", "a.csv", data.encode(), expected)


def _json_shapes(rows: list[Row]) -> Iterator[Mutant]:
    one = json.dumps(rows[0], ensure_ascii=False)
    for name, file, text in (
        ("a number", "a.json", "3"),
        ("an array of numbers", "a.json", "[1, 2]"),
        ("an array of arrays", "a.json", "[[1], [2]]"),
        ("rows that are no array", "a.json", '{"rows": 3}'),
        ("an object in an object", "a.json", '[{"CF_WSH": {"a": 1}}]'),
        ("a key twice", "a.json", f'[{one[:-1]}, "CF_WSH": "别的文号"}}]'),
        ("not a number", "a.json", '[{"CF_NR_FK": NaN}]'),
        ("infinite", "a.json", '[{"CF_NR_FK": -Infinity}]'),
        ("a NUL", "a.json", '[{"CF_WSH": "a\\u0000"}]'),
        ("half a pair", "a.json", '[{"CF_WSH": "\\ud83d"}]'),
        ("a key that is half a pair", "a.json", '[{"\\ud83d": "1"}]'),
        ("too deep", "a.json", "[" * 100_000),
        ("objects too deep", "a.json", '{"a":' * 100_000),
        ("a number of ten thousand digits", "a.json", f'[{{"CF_NR_FK": {"9" * 10_000}}}]'),
        ("behind the end", "a.json", f"[{one}] [{one}]"),
        ("no comma", "a.json", f"[{one} {one}]"),
        ("a comma too many", "a.json", f"[{one},]"),
        ("single quotes", "a.json", one.replace('"', "'")),
        ("a comment", "a.json", f"// 说明\n[{one}]"),
        ("an array by lines", "a.ndjson", f"[{one}]\n"),
        ("half a line", "a.ndjson", f"{one}\n{one[:40]}\n"),
        ("two in a line", "a.ndjson", f"{one} {one}\n"),
        ("rows and nonsense", "a.json", f'{{"rows": [{one}], nonsense}}'),
    ):
        yield Mutant(f"json: {name}", file, text.encode(), codes("F12"))


def _cells_of_workbooks(rows: list[Row]) -> Iterator[Mutant]:
    headers = list(rows[0])

    def book(prepare: Callable[[Any, Any], None], several: list[Mapping[str, Any]] | None = None) -> bytes:
        return workbook(headers, list(several or rows), prepare)

    at = headers.index
    for name, prepare, expected in (
        ("an identifier as number", lambda b, s: s.write_number(2, at("CF_XDR_SHXYM"), 9.133e17), codes("E17")),
        ("an error", lambda b, s: s.write_formula(2, at("CF_WFXW"), "=NA()", None, "#N/A"), codes("E31")),
        ("an error for a day", lambda b, s: s.write_formula(2, at("CF_JDRQ"), "=NA()", None, "#VALUE!"), codes("E04")),
        ("an empty day", lambda b, s: s.write_number(2, at("CF_JDRQ"), 0, b.add_format({"num_format": 14})), codes("E04")),
        ("yes for a day", lambda b, s: s.write_boolean(2, at("CF_JDRQ"), True), codes("E04")),
        ("a day for an amount", lambda b, s: s.write_number(2, at("CF_NR_FK"), 45000, b.add_format({"num_format": 14})), codes("E13")),
        ("merged data", lambda b, s: s.merge_range(1, 0, 2, 0, "示例运输有限公司"), codes("F09")),
        ("merged names", lambda b, s: s.merge_range(0, 0, 0, 1, "CF_XDR_MC"), codes("F09", "F07")),
        ("a second sheet", lambda b, s: b.add_worksheet("又一张").write(0, 0, "数据"), codes("F14")),
        ("a hidden second sheet", lambda b, s: _hidden(b), codes("F14")),
    ):  # fmt: skip
        yield Mutant(f"workbook: {name}", "a.xlsx", book(prepare), expected)
    cell = '<row r="1"><c r="A1" t="inlineStr"><is><t>CF_WSH</t></is></c></row>'
    far = '<row r="1048576"><c r="{}"><v>1</v></c></row>'
    for name, cells, expected in (
        ("a formula that nobody worked out", _by_hand(rows), codes("E31")),
        ("cells far apart", cell + far.format("XFD1048576"), codes("F06")),
        ("rows far apart", cell + far.format("A1048576"), codes("F05")),
        ("columns far apart", cell.replace("</row>", '<c r="ZZZ1"><v>1</v></c></row>'), codes("F03")),
        ("a row twice", cell + cell, codes("F03")),
        ("a NUL", cell.replace("CF_WSH", "a_x0000_"), codes("F03")),
        ("half a pair", cell.replace("CF_WSH", "_xD800_"), codes("F03")),
        ("no such text", cell.replace("inlineStr", "s").replace("<is><t>CF_WSH</t></is>", "<v>9</v>"), codes("F03")),
        ("an entity", cell.replace("CF_WSH", "&boom;"), codes("F03")),
    ):
        yield Mutant(f"workbook: {name}", "a.xlsx", by_hand(cells), expected)
    doctype = '<!DOCTYPE a [<!ENTITY b "' + "c" * 1000 + '"><!ENTITY d "' + "&b;" * 1000 + '">]>'
    yield Mutant("workbook: a billion laughs", "a.xlsx", by_hand(cell, before=doctype), codes("F03"))


def _hidden(book: Any) -> None:
    sheet = book.add_worksheet("藏着")
    sheet.write(0, 0, "数据")
    sheet.hide()


def _by_hand(rows: list[Row]) -> str:
    """Two rows of texts, of which the second has a formula without a value where the kind of offence stands."""
    lines = []
    for line, cells in enumerate((list(rows[0]), list(rows[0].values()), list(rows[1].values())), 1):
        told = [f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells]
        if line == 3:
            told[list(rows[0]).index("CF_WFXW")] = "<c><f>Sheet2!A1</f></c>"
        lines.append(f"<row>{''.join(told)}</row>")
    return "".join(lines)


def png(width: int, height: int) -> bytes:
    """A grey picture of this size; 100 megapixels take 100 kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    line = b"\x00" * (width + 1)
    data = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _strangers(rows: list[Row]) -> Iterator[Mutant]:
    """Files of other kinds, and files of two kinds at once."""
    good, sheet = as_file("csv", rows), as_file("xlsx", rows)
    small = png(8, 8)
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600
    for name, file, data, expected in (
        ("a picture", "a.png", small, codes("F11")),
        ("a picture called csv", "a.csv", small, codes("F11")),
        ("a picture called xlsx", "a.xlsx", small, codes("F03")),
        ("JPEG", "a.csv", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x00" * 99, codes("F11")),
        ("PDF", "a.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", codes("F11")),
        ("PDF before a table", "a.csv", b"%PDF-1.4,\n" + good, codes("F11")),
        ("PDF in the first cell", "a.csv", b"CF_WSH,%PDF-1.4\n" + good, codes("F11")),
        ("GIF before a table", "a.csv", b"GIF89a,\n" + good, codes("F11")),
        ("a table before an archive", "a.csv", good + sheet, codes("F02", "F03", "F11")),
        ("an archive before a page", "a.xlsx", sheet + b"<html><script>alert(1)</script>", codes("F19")),
        ("a page before an archive", "a.xlsx", b"<html></html>" + sheet, codes("F03")),
        ("a picture before an archive", "a.xlsx", small + sheet, codes("F03")),
        ("a comment behind an archive", "a.xlsx", packed(_parts(sheet), comment=b"<html>"), codes("F19")),
        ("a page", "a.csv", b"<html><table><tr><td>CF_WSH</td></tr></table></html>", codes("F11")),
        ("a page called xls", "a.xls", b"<html><table></table></html>", codes("F03")),
        ("SVG", "a.csv", b"<svg xmlns='http://www.w3.org/2000/svg'/>", codes("F11")),
        ("RTF", "a.csv", b"{\\rtf1 CF_WSH}", codes("F11", "F12")),
        ("a script", "a.csv", b"#!/bin/sh\necho CF_WSH,CF_XDR_MC\n", codes("F11")),
        ("a program", "a.csv", b"MZ\x90\x00" + b"\x00" * 99, codes("F11")),
        ("gzip", "a.csv", zlib.compress(good, wbits=31), codes("F11", "F02", "F03")),
        ("an old workbook", "a.xls", old, codes("F03")),
        ("a workbook with a password", "a.xlsx", old, codes("F03")),
        ("a table in an archive", "a.xlsx", packed({"a.csv": good}), codes("F03")),
        ("a letter", "a.xlsx", packed({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<a/>"}), codes("F03")),
        ("OpenDocument", "a.xlsx", packed({"mimetype": b"x", "content.xml": b"<a/>"}), codes("F03")),
        ("a binary workbook", "a.xlsx", packed({**_parts(sheet), "xl/workbook.bin": b"x"}), codes("F03")),
        ("a macro", "a.xlsm", packed({**_parts(sheet), "xl/vbaProject.bin": b"x"}), codes("F19")),
        ("a picture in a workbook", "a.xlsx", packed({**_parts(sheet), "xl/media/image1.png": small}), codes("F19")),
        ("a file in a workbook", "a.xlsx", packed({**_parts(sheet), "xl/embeddings/a.bin": b"x"}), codes("F19")),
        ("a control in a workbook", "a.xlsx", packed({**_parts(sheet), "xl/activeX/a.xml": b"x"}), codes("F19")),
        ("two sheets of one name", "a.xlsx", _twice(sheet), codes("F19")),
        ("a workbook without sheets", "a.xlsx", packed({"xl/workbook.xml": b"<workbook/>", "xl/_rels/workbook.xml.rels": b"<a/>"}), codes("F01", "F03")),
    ):  # fmt: skip
        yield Mutant(f"stranger: {name}", file, data, expected)


def _parts(book: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _twice(book: bytes) -> bytes:
    parts = _parts(book)
    return packed({**parts, "XL/worksheets/Sheet1.xml": parts["xl/worksheets/sheet1.xml"]})


def _bombs(rows: list[Row]) -> Iterator[Mutant]:
    """Files that unfold to more than they show."""
    sheet = as_file("xlsx", rows)

    def with_part(name: str, data: bytes) -> bytes:
        return packed({**_parts(sheet), name: data})

    def million(cell: str) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in _parts(by_hand("")).items():
                if "sheet1" not in name:
                    archive.writestr(name, data)
            with archive.open("xl/worksheets/sheet1.xml", "w") as part:
                part.write(b"<worksheet><sheetData>")
                for start in range(0, 1_048_576, 65_536):
                    several = [f"<row>{cell.format(n * 7919 % 999_983)}</row>" for n in range(start, start + 65_536)]
                    part.write("".join(several).encode())
                part.write(b"</sheetData></worksheet>")
        return out.getvalue()

    line = as_file("ndjson", rows[:1])
    for name, file, make, expected in (
        ("a part of 30 MB of nothing", "a.xlsx", lambda: with_part("xl/theme/a.xml", b"0" * 30_000_000), codes("F06")),
        ("a part of 250 MB", "a.xlsx", lambda: with_part("xl/a.bin", b"0" * 250_000_000), codes("F06")),
        ("four hundred parts", "a.xlsx", lambda: packed({f"{n}.xml": b"" for n in range(400)}), codes("F06")),
        ("thirty thousand parts", "a.xlsx", lambda: packed({f"{n}.xml": b"" for n in range(30_000)}), codes("F06")),
        ("a part that says it is small", "a.xlsx", lambda: _lying(sheet), codes("F03", "F19")),
        ("a text of 150 MB", "a.xlsx", lambda: by_hand("", shared=f"<sst><si><t>{noise(150_000_000)}</t></si></sst>"), codes("F03", "F06")),
        ("a tag of 100 MB", "a.xlsx", lambda: by_hand(f'<row r="1"><c r="A1" t="{noise(100_000_000)}"/></row>'), codes("F03", "F06")),
        ("a million rows", "a.xlsx", lambda: million("<c><v>{}</v></c><c><v>2</v></c>"), codes("F05")),
        ("a million rows of texts", "a.xlsx", lambda: million('<c t="inlineStr"><is><t>第{}号</t></is></c>'), codes("F05")),
        ("a million lines", "a.csv", lambda: b"CF_WSH,CF_XDR_MC\n" + b"1,2\n" * 1_000_000, codes("F05")),
        ("a million objects", "a.json", lambda: b"[" + b'{"CF_WSH":1},' * 999_999 + b'{"CF_WSH":1}]', codes("F05")),
        ("a million objects by lines", "a.ndjson", lambda: b'{"CF_WSH": 1}\n' * 1_000_000, codes("F05")),
        ("a hundred megapixels", "a.png", lambda: png(10_000, 10_000), codes("F11")),
        ("a hundred megapixels called csv", "a.csv", lambda: png(10_000, 10_000), codes("F11")),
        ("a hundred megapixels called xlsx", "a.xlsx", lambda: png(10_000, 10_000), codes("F03")),
        ("a hundred megapixels in a workbook", "a.xlsx", lambda: with_part("xl/media/a.png", png(10_000, 10_000)), codes("F19")),
        ("one line of 19 MB", "a.csv", lambda: b"a" * 19_000_000, codes("F03", "F01")),
        ("one object of 19 MB", "a.json", lambda: b'[{"CF_WSH": "' + b"a" * 19_000_000 + b'"}]', codes("F12")),
        ("one object that never ends", "a.json", lambda: b'[{"a":"' + b'b","c":"' * 2_000_000, codes("F12", "F03")),
        ("21 MB", "a.csv", lambda: b"CF_WSH\n" + line * 40_000, codes("F04")),
        ("19 MB of blanks", "a.csv", lambda: b" \n" * 9_500_000, codes("F01")),
        ("half a million columns", "a.csv", lambda: b"a," * 500_000 + b"\n1,2\n", codes("F03")),
        ("half a million keys", "a.json", lambda: ("[{" + ",".join(f'"k{n}":1' for n in range(500_000)) + "}]").encode(), codes("F03", "F12")),
    ):  # fmt: skip
        yield Mutant(f"bomb: {name}", file, make, expected, heavy=True)


def noise(size: int) -> str:
    """Text that packs to a fortieth, so that the ratio gives nothing away."""
    import random

    draw = random.Random(1)
    part = "".join(draw.choices("abcdefgh", k=4000)) + "x" * 90_000
    return (part * (size // len(part) + 1))[:size]


def _lying(book: bytes) -> bytes:
    """A workbook whose first sheet is said to be ten bytes long."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    return book.replace(struct.pack("<I", size), struct.pack("<I", 10))


def all_mutants(catalogue: Catalogue) -> list[Mutant]:
    """Every mutant, light ones first."""
    found = [*row_mutants(catalogue), *file_mutants(catalogue)]
    return sorted(found, key=lambda one: one.heavy)
