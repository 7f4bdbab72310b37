"""How far the cells of a workbook reach, read from its bytes before any reader makes room for them.

A workbook of 700 bytes may name the cells A1 and XFD1048576. A reader that lays out everything between them asks for
half a terabyte, and the process ends there; no error could be caught.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

MOST_CELLS = 30_000_000
"""Rows × columns of one sheet, empty cells between filled ones included: about 1 GB while it is read."""
PARTS = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels")
OTHER_FORMS = ("xl/workbook.bin", "mimetype", "content.xml")
"""Parts of the binary and the OpenDocument form, which say in other ways how far they reach."""

_PLACE = re.compile(rb"""(?<![\w.-])r\s*=\s*["']\s*([A-Za-z]*)(\d+)""")
_BARE = rb"""<(?:[^\s<>/:]+:)?%s(?:\s+(?!r\s*=)[^\s=<>/]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>"""
_BARE_CELL, _BARE_ROW = re.compile(_BARE % rb"c"), re.compile(_BARE % rb"row")


def is_plain_workbook(packed: zipfile.ZipFile) -> bool:
    """Whether an archive is an XLSX workbook and nothing else."""
    names = {one.replace("\\", "/").lower() for one in packed.namelist()}
    return names.issuperset(PARTS) and names.isdisjoint(OTHER_FORMS)


def widest(packed: zipfile.ZipFile) -> int:
    """Rows × columns of the sheet that needs the most room; never less than a reader would lay out."""
    return max((rows * columns for rows, columns in _spans(packed)), default=0)


def _spans(packed: zipfile.ZipFile) -> Iterator[tuple[int, int]]:
    for one in packed.infolist():
        data = packed.read(one)
        if b"sheetData" in data:
            yield span(data)


def span(sheet: bytes) -> tuple[int, int]:
    """At most how many rows and columns the XML of a sheet reaches.

    Cells and rows that do not say their place stand behind the one before; each may push the edge by one.

    >>> span(b'<sheetData><row r="2"><c r="AB2"/><c><v>1</v></c></row></sheetData>')
    (2, 29)
    """
    places = set(_PLACE.findall(sheet))
    rows = max((int(digits[:9]) for _, digits in places), default=0)
    columns = max((_column(letters) for letters in {letters for letters, _ in places}), default=0)
    return rows + len(_BARE_ROW.findall(sheet)), columns + len(_BARE_CELL.findall(sheet))


def _column(letters: bytes) -> int:
    """The number of a column: A is 1, XFD is 16384.

    >>> _column(b"XFD"), _column(b"")
    (16384, 0)
    """
    number = 0
    for letter in letters.upper()[:9]:
        number = number * 26 + letter - 64
    return number
