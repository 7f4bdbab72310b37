"""Read one sheet of a workbook a piece at a time.

A reader that lays the whole sheet out in memory takes 80 MB for fifty thousand rows, and half a terabyte for a sheet
of 700 bytes that names the cells A1 and XFD1048576. Here a row is built, handed on and forgotten. Cells come out as
python-calamine gives them; the tests compare the two. Where it gives nothing – a formula that was never worked out, an
error – the cell says so, since what people see in it must not silently count as empty.
"""

from __future__ import annotations

import math
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import IO, Any
from xml.parsers import expat

from xinlu.intake.archive import packed_parts
from xinlu.intake.problems import Refused, refuse
from xinlu.intake.spool import Texts

PIECE = 1 << 16
LONGEST_CELL = 131_072
LONGEST_TAG = 1 << 20
"""Bytes that one tag may take: the parser keeps them until the tag ends."""
MOST_COLUMNS = 512
MOST_CELLS = 30_000_000
"""Last row × last column that is filled. No table of records reaches so far."""
EMPTY_DAY = "1900-01-00"
"""What a serial below one day, or a length of time, is read as: a spreadsheet's empty date."""

Value = str | float | bool | date | None
Row = tuple[int, list[Value]]

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_BUILT_IN_DATES = frozenset([*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)])
_BUILT_IN_LENGTHS = frozenset([46])
_NOT_SHOWN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_LENGTH = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)


@dataclass(frozen=True)
class SheetPart:
    """A sheet as the workbook lists it: its title and the part that holds it."""

    title: str
    part: str


@dataclass
class Workbook:
    """An open workbook: its sheets, and what their cells need to be read."""

    name: str
    packed: zipfile.ZipFile
    parts: Mapping[str, zipfile.ZipInfo]
    sheets: list[SheetPart] = field(default_factory=list)
    starts_1904: bool = False
    texts: Texts = field(default_factory=Texts)
    styles: list[str] = field(default_factory=list)
    """By number of a cell's style: ``day``, ``length`` (of time) or nothing."""

    def rows(self, sheet: SheetPart, *, most_rows: int) -> Iterator[Row | Merged]:
        """The rows that hold something, in order, and behind them the merged cells."""
        reader = _SheetReader(self, most_rows)
        with _told(self.name):
            yield from reader.read(self.part(sheet.part))

    def part(self, name: str) -> IO[bytes]:
        """The bytes of a part."""
        found = self.parts.get(name.lower())
        if found is None:
            raise refuse("F03", f"工作簿缺少“{name[:60]}”", file=self.name)
        return self.packed.open(found)


@dataclass(frozen=True)
class Merged:
    """First and last line of a group of merged cells."""

    first: int
    last: int


def open_workbook(file: IO[bytes], *, name: str) -> Workbook:
    """Open a workbook and read what stands beside its sheets.

    Raises:
        Refused: F03 broken or no workbook, F06 too much to unpack, F19 something beside tables.
    """
    parts = packed_parts(file, name=name)
    with _told(name):
        book = Workbook(name, zipfile.ZipFile(file), parts)
        leads = _leads(book)
        _sheets(book, leads)
        if "xl/styles.xml" in parts:
            _styles(book)
        if "xl/sharedstrings.xml" in parts:
            _shared(book)
    return book


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Whatever is wrong inside is told as a broken workbook."""
    try:
        yield
    except Refused:
        raise
    except (expat.ExpatError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise refuse("F03", "工作簿损坏，或不是 Excel 工作簿", file=name) from error
    except (ValueError, LookupError, OverflowError) as error:
        raise refuse("F03", "工作簿里有读不懂的单元格", file=name) from error


# ── XML, a piece at a time ──────────────────────────────────────────────────────────────────────


class _Local(dict[str, str]):
    """Name of an element → the same without its prefix."""

    def __missing__(self, name: str) -> str:
        self[name] = local = name.rpartition(":")[2]
        return local


def _parser(name: str) -> Any:
    def no_doctype(*_: object) -> None:
        raise refuse("F03", "工作簿里有文档类型声明", file=name)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = no_doctype
    return parser


def _fed(parser: Any, part: IO[bytes], name: str) -> Iterator[None]:
    """Feed ``part`` piece by piece; gives control back after each."""
    done = 0
    with part:
        while piece := part.read(PIECE):
            parser.Parse(piece, False)
            done += len(piece)
            if done - parser.CurrentByteIndex > LONGEST_TAG:
                raise refuse("F03", "工作簿里有过长的标记", file=name)
            yield
        parser.Parse(b"", True)
    yield


def _elements(book: Workbook, part: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every element of a small part: local name and attributes, without prefixes."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = _parser(book.name)
    parser.StartElementHandler = lambda name, said: found.append(
        (name.rpartition(":")[2], {key.rpartition(":")[2]: value for key, value in said.items()})
    )
    for _ in _fed(parser, book.part(part), book.name):
        yield from found
        found.clear()


# ── what stands beside the sheets ───────────────────────────────────────────────────────────────


def _leads(book: Workbook) -> dict[str, str]:
    """Id → part, of sheets."""
    found = {}
    for tag, said in _elements(book, "xl/_rels/workbook.xml.rels"):
        if tag == "Relationship" and said.get("Type", "").endswith("/worksheet"):
            target = said.get("Target", "").replace("\\", "/")
            found[said.get("Id", "")] = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
    return found


def _sheets(book: Workbook, leads: Mapping[str, str]) -> None:
    for tag, said in _elements(book, "xl/workbook.xml"):
        if tag == "workbookPr":
            book.starts_1904 = said.get("date1904", "") in ("1", "true", "on")
        elif tag == "sheet" and said.get("id") in leads:
            book.sheets.append(SheetPart(said.get("name", ""), leads[said["id"]]))
            if len(book.sheets) > 100:
                raise refuse("F14", "工作表超过 100 张", file=book.name)


def _styles(book: Workbook) -> None:
    codes: dict[int, str] = {}
    inside = False
    for tag, said in _elements(book, "xl/styles.xml"):
        if tag == "numFmt":
            codes[int(said["numFmtId"])] = said.get("formatCode", "")
        elif tag == "cellXfs":
            inside = True
        elif tag == "cellStyles":
            inside = False
        elif tag == "xf" and inside and len(book.styles) < 100_000:
            number = int(said.get("numFmtId", "0"))
            book.styles.append(_kind_of(codes[number]) if number in codes else _built_in(number))


def _built_in(number: int) -> str:
    return "day" if number in _BUILT_IN_DATES else "length" if number in _BUILT_IN_LENGTHS else ""


def _kind_of(code: str) -> str:
    """Whether a number format shows a day, a length of time, or a number.

    >>> _kind_of('yyyy"年"m"月"'), _kind_of("[h]:mm"), _kind_of('"d"0.0'), _kind_of("[Red]0")
    ('day', 'length', '', '')
    """
    shown = _NOT_SHOWN.sub("", code.partition(";")[0])
    if _LENGTH.search(shown):
        return "length"
    plain = shown.lower()
    if "general" in plain or "e+" in plain or "@" in plain:
        return ""
    return "day" if any(sign in plain for sign in "ymdhs") else ""


def _shared(book: Workbook) -> None:
    """The texts that cells share. Readings (``rPh``) beside a text are no part of it."""
    local = _Local()
    parts: list[str] = []
    inside = aside = False
    length = 0

    def start(name: str, _: object) -> None:
        nonlocal inside, aside, length
        tag = local[name]
        if tag == "t":
            inside = not aside
        elif tag == "si":
            parts.clear()
            length = 0
        elif tag == "rPh":
            aside = True

    def end(name: str) -> None:
        nonlocal inside, aside
        tag = local[name]
        if tag == "t":
            inside = False
        elif tag == "si":
            book.texts.add(_unescaped("".join(parts), book.name))
        elif tag == "rPh":
            aside = False

    def text(said: str) -> None:
        nonlocal length
        if inside:
            parts.append(said)
            length += len(said)
            if length > LONGEST_CELL:
                raise refuse("F03", f"单元格里的文字超过 {LONGEST_CELL} 个字", file=book.name)

    parser = _parser(book.name)
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    for _ in _fed(parser, book.part("xl/sharedstrings.xml"), book.name):
        pass


def _unescaped(text: str, name: str) -> str:
    """``_x000D_`` stands for a sign that XML cannot hold."""
    if "_x" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        try:
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise refuse("F03", "单元格里有半个字符", file=name) from None
        if "\x00" in text:
            raise refuse("F03", "单元格里有空字符", file=name)
    return text


# ── rows ────────────────────────────────────────────────────────────────────────────────────────


class _Columns(dict[str, int]):
    """Letters of a column → its place, A at 0."""

    def __missing__(self, letters: str) -> int:
        place = 0
        for letter in letters.upper():
            if not "A" <= letter <= "Z":
                raise ValueError(letters)
            place = place * 26 + ord(letter) - 64
            if place > 16_384:
                raise ValueError(letters)
        self[letters] = place - 1
        return place - 1


class _SheetReader:
    """Builds rows from the XML of one sheet."""

    def __init__(self, book: Workbook, most_rows: int) -> None:
        self.book = book
        self.name = book.name
        self.most_rows = most_rows
        self.epoch = date(1904, 1, 1) if book.starts_1904 else date(1899, 12, 30)
        self.last = (date.max - self.epoch).days + 1
        self.days = [kind == "day" for kind in book.styles]
        self.lengths = [kind == "length" for kind in book.styles]
        self.ready: list[Row | Merged] = []
        self.before = 0
        self.reach = 0

    def read(self, part: IO[bytes]) -> Iterator[Row | Merged]:
        parser = _parser(self.name)
        ready = self.ready

        def root(name: str, _: object) -> None:
            prefix = name.rpartition(":")[0]
            handlers = self._handlers(f"{prefix}:" if prefix else "")
            parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = handlers

        parser.StartElementHandler = root
        for _ in _fed(parser, part, self.name):
            yield from ready
            ready.clear()

    def _handlers(self, prefix: str) -> tuple[Any, Any, Any]:
        """One set of functions over local names: a cell takes five calls, and there are a million cells."""
        c, v, t, f, row, reading, merge = (prefix + tag for tag in ("c", "v", "t", "f", "row", "rPh", "mergeCell"))
        known = frozenset(("c", "v", "t", "f", "row", "mergeCell"))
        columns, shared = _Columns(), self.book.texts
        inside = aside = False
        kind = style = said = line = ""
        formula: str | None = None
        column = -1
        number = 0
        cells: list[Value] = []

        def start(name: str, told: dict[str, str]) -> None:
            nonlocal inside, aside, kind, style, formula, column, said, number, line, cells
            if name == c:
                kind, style = told.get("t", ""), told.get("s", "")
                place = told.get("r")
                if place is None:
                    column += 1
                else:
                    letters = place.rstrip("0123456789")
                    found = columns[letters]
                    if found <= column:
                        raise refuse("F03", f"第 {number} 行的单元格次序颠倒", file=self.name)
                    if place[len(letters) :] != line:
                        self._placed(place[len(letters) :], number)
                    column = found
                formula, said = None, ""
            elif name == v or (name == t and not aside):
                inside = True
            elif name == row:
                number, line = self._begin(told.get("r"))
                column, cells = -1, []
            elif name == f:
                inside, formula = True, ""
            elif name == reading:
                aside = True
            elif name == merge:
                self._merge(told.get("ref", ""))
            elif name.rpartition(":")[2] in known and name != t:
                raise refuse("F03", "工作簿的标记前缀不一致", file=self.name)

        def end(name: str) -> None:
            nonlocal inside, aside, formula, said
            if name in (v, t):
                inside = False
            elif name == c:
                if kind == "s":
                    value: Value = shared[int(said)] if said else None
                else:
                    value = self._value(kind, style, said, formula)
                if value is None or (value.__class__ is str and not value.strip()):
                    return
                if column != len(cells):
                    self._refuse_wide(column + 1, number)
                    cells.extend([None] * (column - len(cells)))
                cells.append(value)
            elif name == row:
                self._end(number, cells)
            elif name == f:
                inside, formula, said = False, said, ""
            elif name == reading:
                aside = False

        def text(more: str) -> None:
            nonlocal said
            if inside:
                said += more
                if len(said) > LONGEST_CELL:
                    raise refuse("F03", f"单元格里的文字超过 {LONGEST_CELL} 个字", file=self.name)

        return start, end, text

    def _begin(self, said: str | None) -> tuple[int, str]:
        number = int(said) if said else self.before + 1
        if number <= self.before:
            raise refuse("F03", f"第 {number} 行出现两次，或行次颠倒", file=self.name)
        return number, str(number)

    def _placed(self, digits: str, number: int) -> None:
        """A cell that says its row says the one in which it stands."""
        if digits and int(digits) != number:
            raise refuse("F03", f"单元格的行号 {digits[:9]} 与所在的行 {number} 不符", file=self.name)

    def _refuse_wide(self, columns: int, number: int) -> None:
        if columns > MOST_COLUMNS:
            self._refuse_reach(columns, number)
            raise refuse("F03", f"有 {columns} 列，超过上限 {MOST_COLUMNS} 列", file=self.name)

    def _refuse_reach(self, columns: int, number: int) -> None:
        self.reach = max(self.reach, columns)
        if number * self.reach > MOST_CELLS:
            raise refuse("F06", "单元格散得太开，铺开后放不下", file=self.name)

    def _end(self, number: int, cells: list[Value]) -> None:
        self.before = number
        if not cells:
            return
        self._refuse_reach(len(cells), number)
        self._refuse_wide(len(cells), number)
        if number > self.most_rows:
            raise refuse("F05", f"有 {number} 行以上，超过上限", file=self.name)
        self.ready.append((number, cells))

    def _merge(self, reference: str) -> None:
        first, _, last = reference.partition(":")
        lines = [int("".join(sign for sign in one if sign.isdigit())[:9] or 0) for one in (first, last or first)]
        self.ready.append(Merged(lines[0], lines[1]))

    def _value(self, kind: str, style: str, said: str, formula: str | None) -> Value:
        if kind in ("str", "inlineStr", "d"):
            return _unescaped(said, self.name) or None
        if not said:
            # A program wrote the formula and left the working out to whoever opens the sheet.
            return f"={formula or '…'}" if formula is not None and kind != "str" else None
        if kind == "b":
            return said.strip() not in ("0", "false")
        if kind == "e":
            return said
        return self._number(float(said), int(style) if style else 0)

    def _number(self, value: float, style: int) -> Value:
        if not math.isfinite(value):
            raise ValueError("not a number")
        if style >= len(self.days):
            return value
        if self.lengths[style]:
            return EMPTY_DAY
        if not self.days[style] or value >= self.last:
            return value
        whole = round(value * 86_400_000) // 86_400_000
        if whole < 1:
            return EMPTY_DAY
        # The 29th of February 1900, which spreadsheets count and no calendar has.
        return self.epoch + timedelta(days=whole + (whole < 60 and not self.book.starts_1904))
