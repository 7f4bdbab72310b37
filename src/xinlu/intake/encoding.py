"""Which encoding a text file has: looked at whole, a piece at a time, and never guessed beyond what happens."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO

from xinlu.intake.problems import refuse

PIECE = 1 << 18
SAMPLE = 65_536
CHINESE = ("gb18030", "gbk", "gb2312", "big5")


def encoding_of(file: IO[bytes], *, name: str = "") -> str:
    """``utf-8-sig`` (with or without a mark), ``utf-16`` with a mark, or ``gb18030``.

    >>> import io
    >>> encoding_of(io.BytesIO("浙江".encode("gbk")))
    'gb18030'

    Raises:
        Refused: F02 no such encoding, F03 a NUL sign.
    """
    file.seek(0)
    if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
        _strictly(file, "utf-16", name)
        return "utf-16"
    wrong = _first_wrong(file, "utf-8-sig", name)
    if wrong is None:
        return "utf-8-sig"
    # Nearly any bytes can be read as GB 18030: a file that is UTF-8 but for a broken byte must not turn into
    # Chinese nonsense.
    if _nearly_utf8(file):
        raise refuse("F02", f"第 {wrong + 1} 个字节不是 UTF-8，文件可能被截断或混了编码", file=name)
    _strictly(file, "gb18030", name)
    # Tables of its own, which files in UTF-8 do not need.
    from charset_normalizer import from_bytes

    file.seek(0)
    sample = file.read(SAMPLE)
    text = codecs.getincrementaldecoder("gb18030")().decode(sample)
    best = from_bytes(sample, cp_isolation=list(CHINESE)).best()
    if best is None or _looks_wrong(text):
        raise refuse("F02", "既不是 UTF-8，也不像 GB 18030（GBK）", file=name)
    return "gb18030"


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


def _first_wrong(file: IO[bytes], encoding: str, name: str) -> int | None:
    """The place of the first byte that is not of ``encoding``."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    for piece in _pieces(file):
        waiting = len(decoder.getstate()[0])
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            return done - waiting + error.start
        if "\x00" in text:
            raise refuse("F03", "文件里有空字符，不是文本", file=name)
        done += len(piece)
    try:
        waiting = len(decoder.getstate()[0])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return done - waiting + error.start
    return None


def _strictly(file: IO[bytes], encoding: str, name: str) -> None:
    wrong = _first_wrong(file, encoding, name)
    if wrong is not None:
        raise refuse("F02", f"第 {wrong + 1} 个字节不合 {encoding} 编码", file=name)


def _nearly_utf8(file: IO[bytes]) -> bool:
    """Whether most signs beyond ASCII can be read as UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    signs = broken = 0
    for piece in _pieces(file):
        text = decoder.decode(piece)
        signs += len(text) - len(text.encode("ascii", "ignore"))
        broken += text.count("\ufffd")
    return signs - broken > signs * 0.8


def _looks_wrong(text: str) -> bool:
    """Whether text read as GB 18030 holds signs that no Chinese sheet has: private use, or control signs."""
    return any(0xE000 <= ord(sign) <= 0xF8FF or (ord(sign) < 32 and sign not in "\t\r\n\x1a") for sign in text)
