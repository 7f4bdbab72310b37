"""A book with one thing changed by the smallest step: a number, a bound sign, an order, a length or a date."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from xinlu.law.marks import Marked
from xinlu.law.problem import LawError
from xinlu.law.rulebook import Rulebook
from xinlu.law.shape import shape

_PROSE = frozenset(
    {
        "title",
        "text",
        "note",
        "clause",
        "summary",
        "source",
        "open_points",
        "grade",
        "because",
        "withheld",
        "partial",
        "between",
        "valid",
        "out_of",
        "rulebook",
        "version",
        "kind",
        "sector",
        "item",
        "relation",
        "findings",
        "role",
        "code",
        "label",
        "colour",
    }
)
"""Keys whose text is read by people, names a thing, or is only shown beside a finding (``valid``, ``out_of``):
no run reads them."""
_ORDERED = frozenset({"conditions", "moves", "rated_when", "levels", "ages"})
"""Lists in which order is law."""
_LENGTH = re.compile(r"(\d+) (months|days)")
_INTERVAL = re.compile(r"\s*(?:[\[(].*[\])]|(?:<=|>=|<|>|=)\s*-?[\d.]+)\s*")
_TOKEN = re.compile(r"'(?:[^']|'')*'|<=|>=|<>|!=|<|>|[A-Za-z_][\w.]*|\d+(?:\.\d+)?")
_TURNED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_BRACKETS = {"[": "(", "(": "[", "]": ")", ")": "]"}

_TURNED_ROUND = "next, this"
_OF_A_NUMBER = "0123456789."

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Mutant:
    """``place`` in the file held ``before`` and now holds ``after``."""

    place: Place
    before: str
    after: str
    data: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.place))}: {self.before} → {self.after}"

    @property
    def change(self) -> str:
        """The place with nothing but what changed: ``values.share.is 65 → 64``; for an order the place,
        or the titles of the moves that changed places."""
        place = ".".join(map(str, self.place))
        if self.after == _TURNED_ROUND:
            return place if not self.before else f"{place.rsplit('.', 1)[0]} {self.before}"
        same = _alike(self.before, self.after)
        while same and self.before[same - 1] in _OF_A_NUMBER:
            same -= 1
        was, now = self.before[same:], self.after[same:]
        end = _alike(was[::-1], now[::-1])
        while end and was[len(was) - end] in _OF_A_NUMBER:
            end -= 1
        return f"{place} {was[: len(was) - end]} → {now[: len(now) - end]}"

    def book(self, marked: Marked) -> Rulebook | None:
        """The changed book, or None when it is no rulebook any more."""
        try:
            return shape(Rulebook, type(marked)(self.data, marked.marks, ""))
        except (LawError, ValueError):
            return None


def _alike(a: str, b: str) -> int:
    """How many characters at the beginning are the same."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def mutants(data: Mapping[str, Any], *, levels: bool = True) -> Iterator[Mutant]:
    """Every smallest change of a book's file, in the order of the file; ``levels``: whether anything orders them."""
    for place, value in _leaves(data, ()):
        for after in _neighbours(place, value):
            yield Mutant(place, _plain(value), _plain(after), _put(data, place, after))
    for mutant in _swapped(data, data, ()):
        if levels or "levels" not in mutant.place:
            yield mutant


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _leaves(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            # Inside ``parameters`` and the like a key is a name, whatever it says.
            named = len(place) == 1 and place[0] in {"parameters", "tables", "sources", "clauses", "folds", "values"}
            if named or str(key) not in _PROSE:
                yield from _leaves(one, (*place, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, one in enumerate(value):
            yield from _leaves(one, (*place, index))
    else:
        yield place, value


def _neighbours(place: Place, value: Any) -> Iterator[Any]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, (Decimal, int)):
        yield from _stepped(Decimal(value))
    elif isinstance(value, str):
        yield from _of_text(place, value)


def _stepped(number: Decimal) -> Iterator[Decimal]:
    exponent = number.as_tuple().exponent
    step = Decimal(1).scaleb(min(int(exponent), 0))
    yield number + step
    yield number - step


def _of_text(place: Place, text: str) -> Iterator[str]:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        day = date.fromisoformat(text)
        yield from ((day + timedelta(days=n)).isoformat() for n in (1, -1))
    elif found := _LENGTH.fullmatch(text):
        yield from (f"{int(found.group(1)) + n} {found.group(2)}" for n in (1, -1))
    elif place[-1] == "in" or "cut" in place:
        yield from _of_interval(text)
    elif place[-1] in {"calendar_year", "anniversary"}:
        yield "running" if text == "last_complete" else "last_complete"
    elif place[-1] == "aim":
        yield "back" if text == "forward" else "forward"
    elif not (place[-1] == "otherwise" and "rated_when" in place):
        yield from _of_expression(text)


def _of_interval(text: str) -> Iterator[str]:
    for found in re.finditer(r"<=|>=|<|>|-?\d+(?:\.\d+)?|[\[\]()]", text):
        yield from _replaced(text, found, _BRACKETS)


def _of_expression(text: str) -> Iterator[str]:
    for found in _TOKEN.finditer(text):
        if not found.group().startswith("'"):
            yield from _replaced(text, found, {})
    for found in re.finditer(r"date '(\d{4}-\d{2}-\d{2})'", text):
        day = date.fromisoformat(found.group(1))
        for n in (1, -1):
            yield text[: found.start(1)] + (day + timedelta(days=n)).isoformat() + text[found.end(1) :]


def _replaced(text: str, found: re.Match[str], more: Mapping[str, str]) -> Iterator[str]:
    token = found.group()
    options = [{**_TURNED, **more}[token]] if token in _TURNED or token in more else []
    if re.fullmatch(r"-?\d+(?:\.\d+)?", token):
        options = [f"{one:f}" for one in _stepped(Decimal(token))]
    for option in options:
        yield text[: found.start()] + option + text[found.end() :]


def _swapped(data: Mapping[str, Any], value: Any, place: Place) -> Iterator[Mutant]:
    """Neighbours in a list change places where order is law."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _swapped(data, one, (*place, str(key)))
    elif isinstance(value, (list, tuple)) and place and place[-1] in _ORDERED:
        for index in range(len(value) - 1):
            turned = [*value[:index], value[index + 1], value[index], *value[index + 2 :]]
            titles = [str(one.get("title", "")) for one in value[index : index + 2]]
            named = " / ".join(titles) if place[-1] == "moves" and all(titles) else ""
            yield Mutant((*place, index), named, _TURNED_ROUND, _put(data, place, turned))


def _put(data: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    key, rest = place[0], place[1:]
    if isinstance(data, Mapping):
        return {name: _put(one, rest, value) if str(name) == key else one for name, one in data.items()}
    return [_put(one, rest, value) if index == key else one for index, one in enumerate(data)]
