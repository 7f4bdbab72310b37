"""Read rows from JSON, an object at a time: an array of objects, ``{"rows": […]}``, or one object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any

from xinlu.intake.problems import Refused, refuse

PIECE = 1 << 18
LARGEST = 1 << 22
"""Signs of one object."""
LINES = (".ndjson", ".jsonl")
Object = dict[str, Any]

_ROWS = re.compile(r'\s*\{\s*"rows"\s*:\s*(?=\[)')
_BLANK = re.compile(r"[ \t\r\n]*")


def is_objects(opening: str, name: str) -> bool:
    """Whether text that begins with ``opening`` is JSON, by its name or its first sign."""
    return name.lower().endswith((".json", *LINES)) or opening.lstrip()[:1] in ("[", "{")


def objects_of(text: IO[str], *, name: str) -> tuple[str, Iterator[tuple[int, Object]]]:
    """``json`` or ``ndjson``, and the objects with their numbers (of lines: the line).

    Raises:
        Refused: F12 not JSON, not objects, a key twice, a sign that cannot be kept.
    """
    if name.lower().endswith(LINES):
        return "ndjson", _by_line(text, name)
    stream = _Stream(text, name)
    opening = stream.opening()
    if opening == "[":
        return "json", enumerate(stream.array(), 1)
    if opening != "{":
        raise refuse("F12", "不是 JSON", file=name)
    if found := _ROWS.match(stream.text):
        stream.place = found.end()
        return "json", enumerate(stream.rows(), 1)
    try:
        whole = stream.object()
    except Refused:
        if "\n" not in stream.text.strip():
            raise
        return "ndjson", _by_line(text, name)
    if not stream.rest().strip():
        rows = whole.get("rows", [whole])
        if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
            raise refuse("F12", "应为对象的数组", file=name)
        return "json", enumerate(rows, 1)
    return "ndjson", _by_line(text, name)


class _Stream:
    """Text of which only as much is held as the next object takes."""

    def __init__(self, source: IO[str], name: str) -> None:
        source.seek(0)
        self.source = source
        self.name = name
        self.text = ""
        self.place = 0
        self.ended = False
        self.decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once_each)

    def more(self, size: int = PIECE) -> bool:
        """Read on; what was gone through is dropped."""
        piece = self.source.read(size)
        self.ended = not piece
        self.text = self.text[self.place :] + piece
        self.place = 0
        return not self.ended

    def opening(self) -> str:
        """The next sign that is not blank; empty at the end."""
        while True:
            self.place = _BLANK.match(self.text, self.place).end()  # type: ignore[union-attr]
            if self.place < len(self.text):
                return self.text[self.place]
            if self.ended or not self.more():
                return ""

    def object(self) -> Object:
        """The object that begins here."""
        size = PIECE
        while True:
            try:
                found, self.place = self.decoder.raw_decode(self.text, self.place)
            except (ValueError, RecursionError) as error:
                if not isinstance(error, json.JSONDecodeError) or self.ended:
                    raise refuse("F12", "不是 JSON", file=self.name) from None
                if len(self.text) - self.place > LARGEST:
                    raise refuse("F12", "有一个对象过大", file=self.name) from None
                self.more(size)
                size *= 2
            else:
                return found  # type: ignore[no-any-return]

    def array(self) -> Iterator[Object]:
        """The objects of the array that is the whole text."""
        yield from self._members()
        if self.opening():
            raise refuse("F12", "数组之后还有内容", file=self.name)

    def rows(self) -> Iterator[Object]:
        """The objects of ``rows``; what stands beside it must be JSON, too."""
        yield from self._members()
        self.text, self.place = '{"rows":0' + self.text[self.place :], 0
        self.object()
        if self.opening():
            raise refuse("F12", "对象之后还有内容", file=self.name)

    def _members(self) -> Iterator[Object]:
        self.opening()
        self.place += 1
        if self.opening() == "]":
            self.place += 1
            return
        count = 0
        while True:
            count += 1
            if self.opening() != "{":
                what = "应为对象的数组" if self.opening() else "不是 JSON：数组没有结束"
                raise refuse("F12", f"第 {count} 项{what}", file=self.name, line=count)
            yield self.object()
            sign = self.opening()
            self.place += 1
            if sign == "]":
                return
            if sign != ",":
                raise refuse("F12", f"第 {count} 个对象之后不是 JSON", file=self.name, line=count)

    def rest(self) -> str:
        """What follows, at least its beginning."""
        self.opening()
        return self.text[self.place :]


def _by_line(text: IO[str], name: str) -> Iterator[tuple[int, Object]]:
    text.seek(0)
    decode = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once_each).decode
    number = 0
    while line := text.readline(LARGEST + 1):
        number += 1
        if len(line) > LARGEST:
            raise refuse("F12", f"第 {number} 行过长", file=name, line=number)
        if not line.strip():
            continue
        try:
            one = decode(line)
        except (ValueError, RecursionError):
            raise refuse("F12", f"第 {number} 行不是 JSON", file=name, line=number) from None
        if not isinstance(one, dict):
            raise refuse("F12", f"第 {number} 行应为一个对象", file=name, line=number)
        yield number, one


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _once_each(pairs: list[tuple[str, Any]]) -> Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found
