"""Read a delivered file into one table of cells: CSV in UTF-8 or GB 18030, XLSX, JSON, NDJSON.

Nothing is typed here. A cell is text, a number as the file has it (``Decimal``, ``int``, ``float``), a ``date``,
a ``bool``, a list of texts, or None when it is empty. What cannot be read is :class:`~xinlu.intake.problems.Refused`.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from charset_normalizer import from_bytes
from python_calamine import CalamineWorkbook, PasswordError

from xinlu.intake.problems import refuse
from xinlu.intake.span import MOST_CELLS, is_plain_workbook, widest

Cell = str | int | float | Decimal | bool | date | list[str] | None
Line = tuple[int, list[Cell]]
"""Line of the file (1-based; of JSON: number of the object) and its cells."""

MEGABYTE = 1024 * 1024
LONGEST_CELL = 131_072
MOST_COLUMNS = 512
HEAD_ROOM = 20
"""Lines above the names of columns that do not count as rows."""
MOST_ENTRIES = 200
MOST_UNZIPPED = 200 * MEGABYTE
HIGHEST_RATIO = 200
RATIO_MATTERS_FROM = 10 * MEGABYTE
GUIDE_SHEETS = ("说明", "填报说明", "模板说明", "代码表", "readme")
SAMPLE = 65_536
CHINESE = ("gb18030", "gbk", "gb2312", "big5")


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
    headers: tuple[str, ...] | None = None
    """Of JSON, where the names are not a line."""
    merged: tuple[tuple[int, int], ...] = ()
    """First and last line of each group of merged cells."""


def read_sheet(data: bytes, *, name: str, limits: Limits) -> Sheet:
    """The table in ``data``; ``name`` is the file's name, for messages and where the form is not plain.

    Raises:
        Refused: F01–F06, F11, F12, F14.
    """
    if len(data) > limits.size:
        raise refuse("F04", f"文件 {len(data) / MEGABYTE:.1f} MB，超过上限 {limits.size // MEGABYTE} MB", file=name)
    if not data.strip():
        raise refuse("F01", "文件是空的", file=name)
    if data[:4] == b"PK\x03\x04" or data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _workbook(data, name, limits)
    if name.lower().endswith((".xlsx", ".xlsm", ".xls")):
        raise refuse("F03", "后缀是 Excel 工作簿，内容却不是", file=name)
    if b"\x00" in data[:4096] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise refuse("F11", "不是表格文件", file=name)
    text, encoding = decoded(data, name=name)
    if "\x00" in text:
        raise refuse("F03", "文件里有空字符，不是文本", file=name)
    opening = text.lstrip()[:1]
    if name.lower().endswith((".json", ".ndjson", ".jsonl")) or opening in ("[", "{"):
        return _json(text, name, encoding)
    return Sheet(name=name, form="csv", encoding=encoding, lines=_csv(text, name))


def refuse_wide(columns: int, name: str) -> None:
    """Refuse more columns than any sheet has: each name is compared with every name of the catalogue."""
    if columns > MOST_COLUMNS:
        raise refuse("F03", f"有 {columns} 列，超过上限 {MOST_COLUMNS} 列", file=name)


def decoded(data: bytes, *, name: str = "") -> tuple[str, str]:
    """The text and its encoding: UTF-8 (with or without a mark), UTF-16 with a mark, GB 18030; never a guess beyond.

    >>> decoded("浙江".encode("gbk"))
    ('浙江', 'gb18030')

    Raises:
        Refused: F02.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _strictly(data, "utf-16", name), "utf-16"
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError as error:
        wrong = error
    # Nearly any bytes can be read as GB 18030: a file that is UTF-8 but for a broken byte must not turn into
    # Chinese nonsense.
    if _nearly_utf8(data):
        raise refuse("F02", f"第 {wrong.start + 1} 个字节不是 UTF-8，文件可能被截断或混了编码", file=name)
    text = _strictly(data, "gb18030", name)
    best = from_bytes(data[:SAMPLE], cp_isolation=list(CHINESE)).best()
    if best is None or _looks_wrong(text):
        raise refuse("F02", "既不是 UTF-8，也不像 GB 18030（GBK）", file=name)
    return text, "gb18030"


def _strictly(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise refuse("F02", f"第 {error.start + 1} 个字节不合 {encoding} 编码", file=name) from None


def _nearly_utf8(data: bytes) -> bool:
    """Whether most signs beyond ASCII can be read as UTF-8."""
    signs = [sign for sign in data.decode("utf-8", errors="replace") if ord(sign) > 127]
    return sum(sign != "\ufffd" for sign in signs) > len(signs) * 0.8


def _looks_wrong(text: str) -> bool:
    """Whether text read as GB 18030 holds signs that no Chinese sheet has: private use, or control signs."""
    return any(0xE000 <= ord(sign) <= 0xF8FF or (ord(sign) < 32 and sign not in "\t\r\n\x1a") for sign in text[:SAMPLE])


# ── CSV ─────────────────────────────────────────────────────────────────────────────────────────


def _csv(text: str, name: str) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refuse("F03", f"第 {reader.line_num} 行的引号或分隔有误（{error}）", file=name) from None
        if any(cell.strip() for cell in cells):
            yield reader.line_num, [cell if cell.strip() else None for cell in cells]


def _separator(text: str) -> str:
    head = text[: text.find("\n")] if "\n" in text else text
    return max((",", "\t", ";"), key=lambda sign: (head.count(sign), sign == ","))


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────


def _json(text: str, name: str, encoding: str) -> Sheet:
    objects, form = _objects(text, name)
    if "\\u" in text and not _storable(objects):
        raise refuse("F12", "含有不成字的字符（空字符或半个代理对）", file=name)
    headers: dict[str, int] = {}
    for one in objects:
        for key in one:
            headers.setdefault(key, len(headers))
        refuse_wide(len(headers), name)
    if not objects or not headers:
        raise refuse("F01", "文件中没有数据", file=name)
    names = tuple(headers)
    lines = [(number, [_plain(one.get(key), name, number) for key in names]) for number, one in enumerate(objects, 1)]
    return Sheet(name=name, form=form, encoding=encoding, lines=lines, headers=names)


def _objects(text: str, name: str) -> tuple[list[dict[str, Any]], str]:
    try:
        if name.lower().endswith((".ndjson", ".jsonl")):
            return _many(text, name), "ndjson"
        try:
            whole = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
        except json.JSONDecodeError:
            if text.lstrip()[:1] == "{" and "\n" in text.strip():
                return _many(text, name), "ndjson"
            raise
    except (ValueError, RecursionError) as error:
        place = f"第 {error.lineno} 行" if isinstance(error, json.JSONDecodeError) else ""
        raise refuse("F12", f"{place}不是 JSON", file=name) from None
    if isinstance(whole, dict):
        whole = whole.get("rows", [whole])
    if not isinstance(whole, list) or not all(isinstance(one, dict) for one in whole):
        raise refuse("F12", "应为对象的数组", file=name)
    return whole, "json"


def _storable(objects: list[dict[str, Any]]) -> bool:
    """Whether every text is one that a database can hold: no NUL, no half of a surrogate pair."""
    whole = json.dumps(objects, ensure_ascii=False, default=str)
    return "\\u0000" not in whole and not any(0xD800 <= ord(sign) <= 0xDFFF for sign in whole)


def _many(text: str, name: str) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = json.loads(line, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise refuse("F12", f"第 {number} 行不是 JSON", file=name, line=number) from None
        if not isinstance(one, dict):
            raise refuse("F12", f"第 {number} 行应为一个对象", file=name, line=number)
        found.append(one)
    return found


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _plain(value: Any, name: str, number: int) -> Cell:
    if isinstance(value, list) and all(isinstance(part, str | int | Decimal) for part in value):
        return [str(part) for part in value] or None
    if isinstance(value, list | dict):
        raise refuse("F12", f"第 {number} 个对象里还套着对象", file=name, line=number)
    if isinstance(value, str) and not value.strip():
        return None
    result: Cell = value
    return result


# ── workbooks ───────────────────────────────────────────────────────────────────────────────────


def _workbook(data: bytes, name: str, limits: Limits) -> Sheet:
    if data[:2] != b"PK":
        raise refuse("F03", "是旧式的 .xls 工作簿，或加了密码", file=name)
    _refuse_bomb(data, name)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [(title, book.get_sheet_by_name(title)) for title in book.sheet_names]
        filled = [(title, sheet) for title, sheet in sheets if sheet.start is not None]
        if len(filled) > 1:
            filled = [pair for pair in filled if pair[0].strip().lower() not in GUIDE_SHEETS]
        if not filled:
            raise refuse("F01", "工作簿里没有数据", file=name)
        if len(filled) > 1:
            titles = "、".join(title for title, _ in filled)
            raise refuse("F14", f"有 {len(filled)} 张工作表含数据：{titles}", file=name)
        sheet = filled[0][1]
        if sheet.total_height > limits.rows + HEAD_ROOM:
            raise refuse("F05", f"有 {sheet.total_height} 行，超过上限 {limits.rows} 行", file=name)
        refuse_wide(sheet.total_width, name)
        merged = tuple((start[0] + 1, end[0] + 1) for start, end in sheet.merged_cell_ranges or ())
        rows = sheet.to_python(skip_empty_area=False)
    except PasswordError:
        raise refuse("F03", "工作簿加了密码", file=name) from None
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        # The reader is native code: its panics are no Exception.
        if hasattr(error, "problems"):
            raise
        raise refuse("F03", "工作簿损坏，或不是 Excel 工作簿", file=name) from None
    return Sheet(name=name, form="xlsx", encoding="", lines=_filled(rows), merged=merged)


def _filled(rows: list[list[Any]]) -> Iterator[Line]:
    for number, row in enumerate(rows, 1):
        cells = [_cell(value) for value in row]
        if any(cell is not None for cell in cells):
            yield number, cells


def _cell(value: Any) -> Cell:
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, time | timedelta):
        # A serial below one day: what a spreadsheet makes of an empty date.
        return "1900-01-00"
    result: Cell = value
    return result


def _refuse_bomb(data: bytes, name: str) -> None:
    """Unpack once, counting: a workbook whose parts are far bigger than they look is not handed on."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            entries = packed.infolist()
            if len(entries) > MOST_ENTRIES:
                raise refuse("F06", f"压缩包里有 {len(entries)} 个文件，超过 {MOST_ENTRIES} 个", file=name)
            total = sum(one.file_size for one in entries)
            if total > MOST_UNZIPPED or (total > RATIO_MATTERS_FROM and total > HIGHEST_RATIO * len(data)):
                raise refuse("F06", f"展开后有 {total // MEGABYTE} MB，不予展开", file=name)
            for one in entries:
                _unpack(packed, one)
            if not is_plain_workbook(packed):
                raise refuse("F03", "不是 XLSX 工作簿", file=name)
            if widest(packed) > MOST_CELLS:
                raise refuse("F06", "单元格散得太开，铺开后放不下", file=name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        if hasattr(error, "problems"):
            raise
        raise refuse("F03", "工作簿损坏或加了密码", file=name) from None


def _unpack(packed: zipfile.ZipFile, one: zipfile.ZipInfo) -> None:
    """Read to the end: a part that is longer than it says fails its check sum here."""
    with packed.open(one) as part:
        while part.read(MEGABYTE):
            pass
