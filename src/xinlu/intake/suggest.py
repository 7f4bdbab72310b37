"""What a queried cell was probably meant to be: shown beside the row, never taken by itself.

A suggestion is given where the wrong value leads to one other that would be right. Names and identifiers of persons are
never suggested.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from rapidfuzz import fuzz, process

from xinlu.access.scope import Scope
from xinlu.intake.columns import plain, spellings
from xinlu.intake.rows import code_spellings
from xinlu.law.catalogue import Catalogue, Field, Item
from xinlu.law.identifiers import half_width, is_valid
from xinlu.registry.models import Subject
from xinlu.registry.queries import numbers_by_identifier

LIKE_ENOUGH, AHEAD = 50, 10
"""Of a hundred: how like the nearest word must be, and how much more than the next one."""
MATCHING = Scope.system("suggesting names for queried rows")
_TWINS = str.maketrans("OIZS", "0125")
"""Letters that no unified social credit code has, and the digits that they are taken for."""
_DAY = re.compile(r"(\d{4})\D+(\d{1,2})\D+(\d{1,2})")
_SWAPPED = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
Row = Mapping[str, object]


def suggestion(code: str, column: str, raw: Row, *, item: Item | None, catalogue: Catalogue) -> str:
    """The suggested value for ``column`` of a row that was queried with ``code``; empty when nothing can be said.

    Names are looked up for many rows at once by :func:`registered_names`.
    """
    said = str(raw.get(column, ""))
    field = field_of(item, column)
    match code:
        case "E02":
            return _uscc(said)
        case "E04":
            return _day(said)
        case "E05" if field is not None and field.codes in catalogue.code_lists:
            return _nearest(said, code_spellings(catalogue.code_lists[field.codes]))
        case "E06" if field is not None and field.length:
            return said[: field.length]
        case "E13":
            found = _NUMBER.findall(half_width(said).replace(",", ""))
            return found[0] if len(found) == 1 else ""
        case "E14" if field is not None:
            return _rounded(said, field)
        case "E15":
            return {"对": "是", "错": "否", "不是": "否", "没有": "否", "无": "否"}.get(said, "")
        case "E23":
            return "撤销" if "撤" in said or "删" in said else ""
        case "E27":
            return _divided(said)
        case "E31":
            return said.lstrip("=+-@\t ") if not said.startswith("#") else ""
    return ""


def registered_names(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Identifier → registered name, of firms and traders only; ``rows``: type of identifier and value."""
    by_type: dict[str, list[str]] = {}
    for type_, value in rows:
        by_type.setdefault(type_, []).append(value)
    found: dict[str, str] = {}
    for type_, values in by_type.items():
        numbers = numbers_by_identifier(MATCHING, values, type_=type_)
        names = dict(
            Subject.objects.within(MATCHING)
            .filter(pk__in=set(numbers.values()), natural_person=False)
            .values_list("pk", "name")
        )
        found.update((value, names[number]) for value, number in numbers.items() if number in names)
    return found


def field_of(item: Item | None, column: str) -> Field | None:
    """The field that a column of this name carries."""
    wanted = plain(column)
    for one in item.fields if item else ():
        if wanted in {plain(name) for name in spellings(one)}:
            return one
    return None


def _uscc(said: str) -> str:
    text = "".join(sign for sign in unicodedata.normalize("NFKC", said) if sign.isalnum()).upper().translate(_TWINS)
    return text if text != said and is_valid("uscc", text) else ""


def _day(said: str) -> str:
    text = half_width(said)
    if found := _SWAPPED.search(text):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        # 5/20/2024 can be read in one way only, 5/6/2024 in two.
        month, day = (first, second) if second > 12 else (second, first)
        return f"{year}-{month:02}-{day:02}" if month <= 12 < day <= 31 else ""
    if (found := _DAY.search(text)) and 1 <= int(found[2]) <= 12 and 1 <= int(found[3]) <= 28:
        return f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}"
    return ""


def _nearest(said: str, known: Mapping[str, str]) -> str:
    near = process.extract(said, list(known), scorer=fuzz.ratio, limit=5)
    if not near or near[0][1] < LIKE_ENOUGH:
        return ""
    rivals = [score for word, score, _ in near if known[word] != known[near[0][0]]]
    return near[0][0] if near[0][1] >= max(rivals, default=0) + AHEAD else ""


def _rounded(said: str, field: Field) -> str:
    try:
        value = Decimal(half_width(said).replace(",", ""))
        if abs(value) >= Decimal(10) ** ((field.digits or 38) - field.scale):
            return ""
        return format(value.quantize(Decimal(1).scaleb(-field.scale)), "f")
    except InvalidOperation:
        return ""


def _divided(said: str) -> str:
    try:
        return f"{(Decimal(half_width(said).replace(',', '')) / 10_000).normalize():f}"
    except InvalidOperation:
        return ""
