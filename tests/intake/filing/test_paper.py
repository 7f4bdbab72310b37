"""Papers are told by their content, and are nothing else beside."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from xinlu.intake.filing.paper import JPEG, PDF, PNG, Checked, check_paper
from xinlu.intake.filing.refusal import FilingRefused
from xinlu.law.filing import PaperLimits

LIMITS = PaperLimits(megabytes=10, pixels=40_000_000, most=6)


def image(form: str, size: tuple[int, int] = (64, 48), **more) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, form, **more)
    return out.getvalue()


def pdf(prepare=None, pages: int = 2) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if prepare:
        prepare(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("inside.html", "<script>alert(1)</script>")
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def hidden_in_png(data: bytes) -> bytes:
    whole = image("PNG")
    return whole[:-12] + chunk(b"teSt", data) + whole[-12:]


def wide_png(width: int, height: int) -> bytes:
    """A hundred megapixels in a few bytes: only the head says so."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\x00" * 1000)) + chunk(b"IEND", b"")


def scripted(writer: PdfWriter) -> None:
    action = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert('x')")}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(action)


def starts_a_program(writer: PdfWriter) -> None:
    action = DictionaryObject({NameObject("/S"): NameObject("/Launch"), NameObject("/F"): TextStringObject("a.exe")})
    writer.root_object[NameObject("/OpenAction")] = action


def carries_a_file(writer: PdfWriter) -> None:
    writer.add_attachment("a.exe", b"MZ")


def sealed(writer: PdfWriter) -> None:
    writer.encrypt("secret", algorithm="RC4-128")


def code(data: bytes) -> str:
    with pytest.raises(FilingRefused) as refused:
        check_paper(data, LIMITS)
    return refused.value.problem.code


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (image("PNG"), Checked(PNG)),
        (image("JPEG"), Checked(JPEG)),
        (image("JPEG", progressive=True), Checked(JPEG)),
        (image("PNG", size=(2000, 1500)), Checked(PNG)),
        (pdf(), Checked(PDF, 2)),
        (pdf() + b"\r\n", Checked(PDF, 2)),
    ],
)
def test_the_three_formats_are_taken(data: bytes, found: Checked) -> None:
    assert check_paper(data, LIMITS) == found


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (b"", "SF-108"),
        (b"%PDF-1.7" + b"0" * (10 * 1024 * 1024), "SF-101"),
        (b"MZ\x90\x00", "SF-102"),
        (b"GIF89a" + b"0" * 40, "SF-102"),
        (archive(), "SF-102"),
        (b"<html><script>", "SF-102"),
        (b" " + pdf(), "SF-102"),
        (wide_png(10_000, 10_000), "SF-103"),
        (wide_png(100_000, 100_000), "SF-103"),
        (image("PNG")[:-300], "SF-104"),
        (image("JPEG")[:-300], "SF-104"),
        (b"\xff\xd8\xff\xe0" + b"0" * 100, "SF-104"),
        (wide_png(50, 50), "SF-104"),
        (pdf()[:-30], "SF-104"),
        (b"%PDF-1.7\nnothing\n%%EOF", "SF-104"),
        (image("PNG") + archive(), "SF-105"),
        (image("JPEG") + archive(), "SF-105"),
        (image("JPEG") + b"<?php system($_GET['a']); ?>", "SF-105"),
        (image("JPEG") + pdf(), "SF-105"),
        (hidden_in_png(archive()), "SF-105"),
        (pdf() + archive(), "SF-105"),
        (pdf() + b"<script>", "SF-105"),
        (image("JPEG", comment=b"<script>alert(1)</script>"), "SF-105"),
        (image("JPEG", comment=b"%PDF-1.7 both"), "SF-105"),
        (pdf(scripted), "SF-105"),
        (pdf(starts_a_program), "SF-105"),
        (pdf(carries_a_file), "SF-105"),
        (pdf(sealed), "SF-106"),
    ],
)
def test_anything_else_is_refused_with_its_code(data: bytes, refused: str) -> None:
    assert code(data) == refused
