"""Read a delivered file into one table of cells: CSV in UTF-8 or GB 18030, XLSX, JSON, NDJSON.

Nothing is typed here. A cell is text, a number as the file has it (``Decimal``, ``int``, ``float``), a ``date``,
a ``bool``, a list of texts, or None when it is empty. What cannot be read is :class:`~xinlu.intake.problems.Refused`.
The file is gone through once, a piece at a time, and its lines wait in a :class:`~xinlu.intake.spool.Spool`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import IO, Any

from xinlu.intake.archive import MEGABYTE
from xinlu.intake.encoding import encoding_of
from xinlu.intake.objects import is_objects, objects_of
from xinlu.intake.problems import refuse
from xinlu.intake.spool import Spool
from xinlu.intake.workbook import LONGEST_CELL, MOST_COLUMNS, Merged, SheetPart, Workbook, open_workbook

Cell = str | int | float | Decimal | bool | date | list[str] | None
Line = tuple[int, list[Cell]]
"""Line of the file (1-based; of JSON: number of the object) and its cells."""

HEAD_ROOM = 20
"""Lines above the names of columns that do not count as rows."""
LONGEST_LINE = 2 * MEGABYTE
GUIDE_SHEETS = ("说明", "填报说明", "模板说明", "代码表", "字典", "readme")

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Old workbooks, and new ones with a password."""
STRANGERS = (
    (b"\x89PNG", "PNG 图片"),
    (b"\xff\xd8\xff", "JPEG 图片"),
    (b"GIF8", "GIF 图片"),
    (b"BM", "BMP 图片"),
    (b"II*\x00", "TIFF 图片"),
    (b"MM\x00*", "TIFF 图片"),
    (b"RIFF", "WebP 图片或音像"),
    (b"%PDF", "PDF 文件"),
    (b"{\\rtf", "RTF 文件"),
    (b"Rar!", "压缩包"),
    (b"7z\xbc\xaf", "压缩包"),
    (b"\x1f\x8b", "压缩包"),
    (b"MZ", "程序"),
    (b"\x7fELF", "程序"),
    (b"#!", "程序"),
    (b"<", "网页或 XML"),
    (b"SQLite format 3", "数据库"),
)
"""How files begin that are no tables, whatever their name says."""
ALSO_TEXT = (b"BM", b"MZ", b"RIFF", b"MM\x00*", b"II*\x00")
"""Of these, how a text may begin as well: then only the bytes behind tell."""


@dataclass(frozen=True)
class Limits:
    """How much one file may hold."""

    size: int
    """Bytes."""
    rows: int


UPLOAD = Limits(size=20 * MEGABYTE, rows=50_000)
"""Through a page."""
COMMAND = Limits(size=512 * MEGABYTE, rows=2_000_000)
"""From the command line."""


@dataclass(frozen=True)
class Sheet:
    """One table: its lines in order, blank ones left out, the line of column names among the first."""

    name: str
    form: str
    """csv, xlsx, json or ndjson."""
    encoding: str
    lines: Iterable[Line]
    """They can be gone through more than once."""
    headers: tuple[str, ...] | None = None
    """Of JSON, where the names are not a line."""
    merged: tuple[tuple[int, int], ...] = ()
    """First and last line of each group of merged cells."""


def read_sheet(data: bytes | IO[bytes], *, name: str, limits: Limits) -> Sheet:
    """The table in ``data``; ``name`` is the file's name, for messages and where the form is not plain.

    Raises:
        Refused: F01–F06, F11, F12, F14, F19.
    """
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    size = file.seek(0, 2)
    if size > limits.size:
        raise refuse("F04", f"文件 {size / MEGABYTE:.1f} MB，超过上限 {limits.size // MEGABYTE} MB", file=name)
    file.seek(0)
    head = file.read(4096)
    if _is_blank(file):
        raise refuse("F01", "文件是空的", file=name)
    if head[:8] == OLE:
        raise refuse("F03", "是旧式的 .xls 工作簿，或加了密码", file=name)
    if head[:4] == b"PK\x03\x04":
        return _workbook(file, name, limits)
    if name.lower().endswith((".xlsx", ".xlsm", ".xls")):
        raise refuse("F03", f"后缀是 Excel 工作簿，内容却{_like(head)}", file=name)
    _refuse_strangers(head, name)
    encoding = encoding_of(file, name=name)
    with _as_text(file, encoding) as text:
        opening = text.read(4096)
        told = encoding.removesuffix("-sig")
        if is_objects(opening, name):
            return _objects(text, name, told, limits)
        return Sheet(name=name, form="csv", encoding=told, lines=_lines(_csv(text, opening, name), name, limits))


def refuse_wide(columns: int, name: str) -> None:
    """Refuse more columns than any sheet has: each name is compared with every name of the catalogue."""
    if columns > MOST_COLUMNS:
        raise refuse("F03", f"有 {columns} 列，超过上限 {MOST_COLUMNS} 列", file=name)


def _is_blank(file: IO[bytes]) -> bool:
    file.seek(0)
    while piece := file.read(MEGABYTE):
        if piece.strip():
            return False
    return True


def _like(head: bytes) -> str:
    found = next((what for mark, what in STRANGERS if head.startswith(mark)), "")
    return f"是{found}" if found else "不是"


def _refuse_strangers(head: bytes, name: str) -> None:
    wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    binary = b"\x00" in head and not wide
    for mark, what in STRANGERS:
        if start.startswith(mark) and (binary or mark not in ALSO_TEXT):
            raise refuse("F11", f"是{what}，不是表格", file=name)
    if binary:
        raise refuse("F11", "不是表格文件", file=name)
    if b"%PDF-" in head[:1024]:
        raise refuse("F11", "开头藏着 PDF 文件，不是表格", file=name)


@contextmanager
def _as_text(file: IO[bytes], encoding: str) -> Iterator[io.TextIOWrapper]:
    """The file as text, and afterwards the file again: a wrapper would close it when it goes."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        yield text
    finally:
        text.detach()


def _lines(lines: Iterable[Line], name: str, limits: Limits) -> Spool[Line]:
    """All lines, as far as there may be any: a sheet of a million rows is refused where the limit is passed."""
    found: Spool[Line] = Spool()
    for line in lines:
        found.add(line)
        if len(found) > limits.rows + HEAD_ROOM:
            raise refuse("F05", f"超过上限 {limits.rows} 行", file=name)
    return found


# ── CSV ─────────────────────────────────────────────────────────────────────────────────────────


def _csv(text: IO[str], opening: str, name: str) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_CELL)
    text.seek(0)
    reader = csv.reader(_bounded(text, name), delimiter=_separator(opening), strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refuse("F03", f"第 {reader.line_num} 行的引号或分隔有误（{error}）", file=name) from None
        if any(cell.strip() for cell in cells):
            yield reader.line_num, [cell if cell.strip() else None for cell in cells]


def _bounded(text: IO[str], name: str) -> Iterator[str]:
    """The lines of a text none of which fills the memory."""
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise refuse("F03", f"有一行超过 {LONGEST_LINE:,} 个字", file=name)
        yield line


def _separator(text: str) -> str:
    head = text[: text.find("\n")] if "\n" in text else text
    return max((",", "\t", ";"), key=lambda sign: (head.count(sign), sign == ","))


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────


def _objects(text: IO[str], name: str, encoding: str, limits: Limits) -> Sheet:
    form, objects = objects_of(text, name=name)
    places: dict[str, int] = {}

    def lines() -> Iterator[Line]:
        for count, (number, one) in enumerate(objects, 1):
            for key in one:
                if key not in places:
                    _refuse_unstorable(key, name)
                    places[key] = len(places)
                    refuse_wide(len(places), name)
            yield count, [_plain(one[key], name, number) if key in one else None for key in places]

    found = _lines(lines(), name, limits)
    if not len(found) or not places:
        raise refuse("F01", "文件中没有数据", file=name)
    return Sheet(name=name, form=form, encoding=encoding, lines=found, headers=tuple(places))


def _refuse_unstorable(text: str, name: str) -> None:
    """Refuse what no database can hold: NUL, and half of a surrogate pair."""
    if "\x00" in text or (not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)):
        raise refuse("F12", "含有不成字的字符（空字符或半个代理对）", file=name)


def _plain(value: Any, name: str, number: int) -> Cell:
    if isinstance(value, str):
        if not value.strip():
            return None
        _refuse_unstorable(value, name)
        if len(value) > LONGEST_CELL:
            raise refuse("F12", f"第 {number} 个对象里有超过 {LONGEST_CELL} 个字的文字", file=name, line=number)
        return value
    if isinstance(value, list) and all(isinstance(part, str | int | Decimal) for part in value):
        for part in value:
            _refuse_unstorable(str(part), name)
        return [str(part) for part in value] or None
    if isinstance(value, list | dict):
        raise refuse("F12", f"第 {number} 个对象里还套着对象", file=name, line=number)
    result: Cell = value
    return result


# ── workbooks ───────────────────────────────────────────────────────────────────────────────────


def _workbook(file: IO[bytes], name: str, limits: Limits) -> Sheet:
    book = open_workbook(file, name=name)
    most = limits.rows + HEAD_ROOM
    filled = [sheet for sheet in book.sheets if _has_rows(book, sheet, most)]
    if len(filled) > 1:
        filled = [sheet for sheet in filled if not _is_guide(sheet)]
    if not filled:
        raise refuse("F01", "工作簿里没有数据", file=name)
    if len(filled) > 1:
        titles = "、".join(sheet.title for sheet in filled)
        raise refuse("F14", f"有 {len(filled)} 张工作表含数据：{titles}", file=name)
    merged: list[tuple[int, int]] = []

    def lines() -> Iterator[Line]:
        for row in book.rows(filled[0], most_rows=most):
            if isinstance(row, Merged):
                merged.append((row.first, row.last))
            else:
                yield row[0], list(row[1])

    found = _lines(lines(), name, limits)
    if not len(found):
        raise refuse("F01", "工作簿里没有数据", file=name)
    return Sheet(name=name, form="xlsx", encoding="", lines=found, merged=tuple(merged))


def _has_rows(book: Workbook, sheet: SheetPart, most: int) -> bool:
    return isinstance(next(book.rows(sheet, most_rows=most), None), tuple)


def _is_guide(sheet: SheetPart) -> bool:
    return sheet.title.strip().lower() in GUIDE_SHEETS
