"""Look at the packed parts of a workbook before anything is unpacked: no bomb, no second file, nothing but tables."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from typing import IO

from xinlu.intake.problems import refuse

MEGABYTE = 1024 * 1024
MOST_ENTRIES = 200
MOST_MARKS = 2000
"""Marks of entries in the bytes of a file, some of which may be chance: beyond them no table of contents is read."""
MOST_UNZIPPED = 200 * MEGABYTE
HIGHEST_RATIO = 200
RATIO_MATTERS_FROM = 10 * MEGABYTE
PARTS = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels")
OTHER_FORMS = ("xl/workbook.bin", "mimetype", "content.xml")
"""Parts of the binary and the OpenDocument form."""
FOREIGN = (
    ("xl/vbaproject", "宏"),
    ("xl/macrosheets/", "宏"),
    ("xl/activex/", "控件"),
    ("xl/ctrlprops/", "控件"),
    ("xl/embeddings/", "嵌入的文件"),
    ("xl/media/", "图片"),
)
"""What a table of records has no use for: a program, a file in the file, or data that only eyes can read."""

_END = b"PK\x05\x06"
_ENTRY = b"PK\x01\x02"


def packed_parts(file: IO[bytes], *, name: str) -> dict[str, zipfile.ZipInfo]:
    """The parts of a workbook by name (small letters, slashes), none of which has been unpacked.

    Raises:
        Refused: F03 no workbook, F06 too much to unpack, F19 something beside tables.
    """
    size = file.seek(0, 2)
    if _marks(file) > MOST_MARKS:
        raise refuse("F06", f"压缩包里的文件超过 {MOST_MARKS} 个", file=name)
    entries = _entries(file, name)
    if len(entries) > MOST_ENTRIES:
        raise refuse("F06", f"压缩包里有 {len(entries)} 个文件，超过 {MOST_ENTRIES} 个", file=name)
    total = sum(one.file_size for one in entries)
    if total > MOST_UNZIPPED or (total > RATIO_MATTERS_FROM and total > HIGHEST_RATIO * size):
        raise refuse("F06", f"展开后有 {total // MEGABYTE} MB，不予展开", file=name)
    parts: dict[str, zipfile.ZipInfo] = {}
    for one in entries:
        plain = one.filename.replace("\\", "/").lower()
        if plain in parts:
            raise refuse("F19", f"压缩包里有两个“{plain[:60]}”，不知以哪个为准", file=name)
        if one.flag_bits & 1:
            raise refuse("F03", "工作簿加了密码", file=name)
        parts[plain] = one
    if not (parts.keys() >= set(PARTS) and parts.keys().isdisjoint(OTHER_FORMS)):
        raise refuse("F03", "不是 XLSX 工作簿", file=name)
    for head, what in FOREIGN:
        if any(part.startswith(head) and not part.endswith("/") for part in parts):
            raise refuse("F19", f"工作簿里有{what}", file=name)
    _refuse_company(file, size, entries, name)
    return parts


def _marks(file: IO[bytes]) -> int:
    """How many entries a table of contents could list, counted without reading it."""
    file.seek(0)
    found, tail = 0, b""
    while piece := file.read(MEGABYTE):
        found += (tail + piece).count(_ENTRY)
        tail = piece[-3:]
    return found


def _entries(file: IO[bytes], name: str) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(file) as packed:
            return packed.infolist()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, struct.error):
        raise refuse("F03", "工作簿损坏", file=name) from None


def _refuse_company(file: IO[bytes], size: int, entries: Sequence[zipfile.ZipInfo], name: str) -> None:
    """Refuse bytes before, between and behind the parts, where a second file of another kind would lie."""
    file.seek(max(0, size - 65_557))
    tail = file.read()
    place = tail.rfind(_END)
    end = size - len(tail) + place
    comment = struct.unpack_from("<H", tail, place + 20)[0] if 0 <= place <= len(tail) - 22 else -1
    if place < 0 or end + 22 + comment != size or comment > 0:
        raise refuse("F19", "工作簿末尾还接着别的内容", file=name)
    reached = 0
    for one in sorted(entries, key=lambda entry: entry.header_offset):
        if one.header_offset != reached:
            raise refuse("F19", "压缩包的各部分之间夹着别的内容", file=name)
        reached = _behind(file, one, name)
    start = struct.unpack_from("<I", tail, place + 16)[0]
    if start not in (reached, 0xFFFFFFFF):
        raise refuse("F19", "压缩包的目录之前夹着别的内容", file=name)


def _behind(file: IO[bytes], one: zipfile.ZipInfo, name: str) -> int:
    """Where the entry ends: head, name, what is said of it, data, and the note of sizes if it has one."""
    file.seek(one.header_offset)
    head = file.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise refuse("F03", "工作簿损坏", file=name)
    names, extra = struct.unpack_from("<HH", head, 26)
    end = one.header_offset + 30 + int(names) + int(extra) + one.compress_size
    if one.flag_bits & 8:
        file.seek(end)
        note = file.read(24)
        marked = 4 if note[:4] == b"PK\x07\x08" else 0
        # Sizes are given in four or in eight bytes each; which, only what comes next tells.
        for length in (marked + 12, marked + 20):
            if note[length : length + 2] == b"PK" or len(note) <= length:
                return end + length
    return end
