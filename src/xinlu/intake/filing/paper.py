"""Papers that come with a filing: what they are is read from their content, and they are nothing else beside.

- PDF, JPEG or PNG by their first bytes; the name of the file counts for nothing and is not kept.
- A file begins and ends as its format does: nothing hangs on behind, no archive can be opened in it, and nothing at
  its head would be taken for another format.
- An image is decoded whole, within a limit of pixels that is asked of its head first.
- A PDF is read whole: no password, no script, no start of programs, no files in it, no forms that run.

The bytes are kept as they came, with their digest, under a random word: addresses and file names name nobody.
"""

from __future__ import annotations

import io
import re
import secrets
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image
from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from xinlu.access.scope import Scope
from xinlu.intake.filing.content import form_of, part_of
from xinlu.intake.filing.draft import attach, own
from xinlu.intake.filing.refusal import FilingRefused
from xinlu.intake.models import FilingPaper
from xinlu.journal.append import append
from xinlu.journal.digest import sm3
from xinlu.law.filing import PaperLimits

MEGABYTE = 1024 * 1024
FOLDER = "filing"
PDF, JPEG, PNG = "application/pdf", "image/jpeg", "image/png"
ENDINGS = {PDF: "pdf", JPEG: "jpg", PNG: "png"}
_HEADS = ((PDF, b"%PDF-"), (JPEG, b"\xff\xd8\xff"), (PNG, b"\x89PNG\r\n\x1a\n"))
_ARCHIVES = (b"PK\x05\x06", b"PK\x06\x06")
_COMMENT = 65_535 + 22
"""How far before its end the directory of a ZIP archive may stand."""
_PAGE = re.compile(rb"<\s*(?:!doctype|html|script|svg|\?php|iframe)", re.IGNORECASE)
_HEAD = 1024
"""So far into a file other programs look for what it is."""
_RUNS = frozenset(
    {"/JavaScript", "/JS", "/Launch", "/EmbeddedFile", "/EmbeddedFiles", "/XFA", "/RichMedia", "/SubmitForm"}
)
_MOST_PAGES = 500
_MOST_OBJECTS = 50_000


@dataclass(frozen=True)
class Checked:
    """What a paper is: its media type and number of pages."""

    media: str
    pages: int = 1


def check_paper(data: bytes, limits: PaperLimits) -> Checked:
    """Say what a paper is.

    Raises:
        FilingRefused: SF-101 too large, SF-102 another format, SF-103 too many pixels, SF-104 broken or cut off,
            SF-105 something else is in it, SF-106 a password, SF-108 empty.
    """
    if not data:
        raise FilingRefused("SF-108", "文件没有内容")
    if len(data) > limits.megabytes * MEGABYTE:
        raise FilingRefused("SF-101", f"文件 {len(data) / MEGABYTE:.1f} MB，超过 {limits.megabytes} MB")
    media = next((name for name, head in _HEADS if data.startswith(head)), None)
    if media is None:
        raise FilingRefused("SF-102", "按内容辨认，不是 PDF、JPG 或 PNG")
    _require_nothing_else(data, media)
    if media == PDF:
        return Checked(PDF, _pages(data))
    _require_end(data, media)
    _decode(data, media, limits.pixels)
    return Checked(media)


def hand_in(scope: Scope, filing: int, part: str, row: str, title: str, data: bytes, *, at: datetime) -> FilingPaper:
    """Keep a paper and put it to a row of the draft. ``title`` is one of those that the form names for the part.

    Raises:
        FilingRefused: as :func:`check_paper`; SF-002 locked, SF-007 no such row or title, SF-107 too many.
    """
    held = own(scope, filing)
    form = form_of(held.form)
    if title not in part_of(form, part).papers:
        raise FilingRefused("SF-007", f"“{part_of(form, part).title}”没有材料“{title}”")
    checked = check_paper(data, form.papers)
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        paper = FilingPaper(
            filing=held,
            token=token,
            title=title,
            media=checked.media,
            size=len(data),
            digest=sm3(data),
            pages=checked.pages,
            kept_at=at,
            kept_by=scope.key,
        )
        paper.save()
        attach(scope, paper, part, row, at=at)
        append(
            actor=scope.actor,
            verb="intake.paper.kept",
            obj=f"intake.filing:{held.pk}",
            facts={"paper": paper.pk, "digest": paper.digest, "size": paper.size},
            at=at,
        )
        # Last, so that what was refused leaves no bytes; bytes without a row are harmless, a row without is not.
        default_storage.save(_place(token), ContentFile(data))
    return paper


def read_paper(paper: FilingPaper) -> bytes:
    """The bytes of a paper, if they are those that were handed in.

    Raises:
        FilingRefused: SF-104, the file is gone or was changed.
    """
    try:
        with default_storage.open(_place(paper.token)) as kept:
            data: bytes = kept.read()
    except OSError:
        raise FilingRefused("SF-104", "附件的文件不在了") from None
    if sm3(data) != paper.digest:
        raise FilingRefused("SF-104", "附件与上传时的摘要不符")
    return data


def read_by(scope: Scope, paper: FilingPaper, *, at: datetime) -> None:
    """Note in the journal that an office read a paper; a firm reads its own without a note."""
    if scope.kind != "subject":
        append(
            actor=scope.actor,
            verb="intake.paper.read",
            obj=f"intake.filing:{paper.filing_id}",
            facts={"paper": paper.pk, "digest": paper.digest},
            at=at,
        )


def _place(token: str) -> str:
    return f"{FOLDER}/{token[:2]}/{token}"


# ── nothing else is in it ───────────────────────────────────────────────────────────────────────


def _require_nothing_else(data: bytes, media: str) -> None:
    if any(mark in data[-_COMMENT:] for mark in _ARCHIVES):
        raise FilingRefused("SF-105", "文件同时是一个压缩包")
    head = data[:_HEAD]
    if any(name != media and mark in head for name, mark in _HEADS if name != JPEG):
        raise FilingRefused("SF-105", "文件开头夹着另一种格式")
    if media != PDF and _PAGE.search(head):
        raise FilingRefused("SF-105", "文件开头夹着网页或程序")


def _require_end(data: bytes, media: str) -> None:
    end = _end_of_png(data) if media == PNG else _end_of_jpeg(data)
    if end is None:
        raise FilingRefused("SF-104", "图像没有结尾，可能没有传完")
    if data[end:].strip(b"\x00\xff\r\n "):
        raise FilingRefused("SF-105", "图像之后还有别的内容")


def _end_of_png(data: bytes) -> int | None:
    """Where the last chunk ends."""
    place = 8
    while place + 12 <= len(data):
        length, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        place += 12 + length
        if kind == b"IEND":
            return place if place <= len(data) else None
    return None


def _end_of_jpeg(data: bytes) -> int | None:
    """Where the image ends: its segments one by one, then the mark of the end behind the compressed part."""
    place = 2
    while place + 2 <= len(data):
        if data[place] != 0xFF:
            return None
        mark = data[place + 1]
        if mark == 0xFF:
            place += 1
            continue
        if mark == 0xD9:
            return place + 2
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if mark == 0xDA:
            found = _behind_scan(data, place)
            if found is None:
                return None
            place = found
    return None


def _behind_scan(data: bytes, place: int) -> int | None:
    """The next mark behind compressed data that is neither stuffing nor a restart."""
    while (place := data.find(b"\xff", place)) >= 0 and place + 1 < len(data):
        if data[place + 1] != 0 and not 0xD0 <= data[place + 1] <= 0xD7 and data[place + 1] != 0xFF:
            return place
        place += 1
    return None


def _decode(data: bytes, media: str, most: int) -> None:
    formats = {PNG: ("PNG",), JPEG: ("JPEG", "MPO")}[media]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=formats) as image:
                pixels = image.width * image.height
                if pixels <= most:
                    image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FilingRefused("SF-103", f"图像超过 {most:,} 像素") from None
    except (OSError, SyntaxError, ValueError, EOFError):
        raise FilingRefused("SF-104", "图像读不出来") from None
    if pixels > most:
        raise FilingRefused("SF-103", f"图像有 {pixels:,} 像素，超过 {most:,}")


# ── PDF ─────────────────────────────────────────────────────────────────────────────────────────


def _pages(data: bytes) -> int:
    if b"%%EOF" not in data[-_HEAD:]:
        raise FilingRefused("SF-104", "PDF 没有结尾，可能没有传完")
    tail = data[data.rindex(b"%%EOF") + 5 :]
    if tail.strip(b"\x00\r\n \t"):
        raise FilingRefused("SF-105", "PDF 之后还有别的内容")
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted:
            raise FilingRefused("SF-106", "PDF 加了密码")
        pages = len(reader.pages)
        root = reader.trailer["/Root"]
        runs = next((name for name in _names(root) if name in _RUNS), None)
    except FilingRefused:
        raise
    except (PyPdfError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, IndexError):
        raise FilingRefused("SF-104", "PDF 读不出来") from None
    if runs is not None:
        raise FilingRefused("SF-105", f"PDF 中有会运行的内容或夹带的文件（{runs.removeprefix('/')}）")
    if not pages or pages > _MOST_PAGES:
        raise FilingRefused("SF-104", f"PDF 有 {pages} 页，应为 1 到 {_MOST_PAGES} 页")
    return pages


def _names(root: Any) -> Iterator[str]:
    """Every key and name in a document that can be reached from its root."""
    waiting, seen = [root], set()
    for _ in range(_MOST_OBJECTS):
        if not waiting:
            return
        one = waiting.pop()
        if isinstance(one, IndirectObject):
            if one.idnum in seen:
                continue
            seen.add(one.idnum)
            one = one.get_object()
        if isinstance(one, DictionaryObject):
            yield from map(str, one)
            waiting += [value for _, value in sorted(dict(one).items(), key=lambda pair: str(pair[0]))]
        elif isinstance(one, ArrayObject):
            waiting += list(one)
        elif isinstance(one, str):
            yield str(one)
    raise ValueError("too many objects")
