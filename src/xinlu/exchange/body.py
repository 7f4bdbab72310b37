"""The body of a call: JSON into rows, and rows into the table that intake reads. Nothing is typed or judged here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from xinlu.exchange.refusal import Refused
from xinlu.intake.columns import item_layout
from xinlu.intake.problems import Refused as FileRefused
from xinlu.intake.sheet import Cell, Sheet
from xinlu.law.catalogue import Catalogue, Item

SIZE = 5 * 1024 * 1024
"""Bytes of one body."""
ROWS = 1000
"""Rows of one body."""
COLUMNS = 512
LONGEST = 131_072
"""Characters of one value."""

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Rows:
    """The rows of a body, each with its number: from 1, or of the receipt whose rows are sent again."""

    objects: Sequence[Object]
    numbers: Sequence[int]


class _Twice(ValueError):
    """A key stands twice in one object."""


def rows_of(body: bytes) -> Rows:
    """The rows of ``{"rows": [{…}, …]}``.

    >>> rows_of(b'{"rows": [{"decision_no": "A-1", "fine_amount": 0.20}]}').objects[0]["fine_amount"]
    Decimal('0.20')

    Raises:
        Refused: EX-030 too large, EX-031 too many rows, EX-033 not of this form.
    """
    found = _object(body)
    unknown = sorted(found.keys() - {"rows"})
    if unknown:
        raise Refused("EX-033", f"正文里有不认识的“{unknown[0][:40]}”", place=f"/{_token(unknown[0][:40])}")
    return Rows(found["rows"], range(1, len(found["rows"]) + 1)) if _are_rows(found.get("rows")) else _no_rows()


def numbered_rows_of(body: bytes) -> Rows | None:
    """The rows of a body in which each names the row that it stands for in ``row``; None for an empty body.

    Raises:
        Refused: as :func:`rows_of`; EX-037 a row without a number, or two with one.
    """
    if not body.strip():
        return None
    rows = rows_of(body)
    numbers: list[int] = []
    for place, one in enumerate(rows.objects):
        number = one.get("row")
        if type(number) is not int or number < 1 or number in numbers:
            raise Refused("EX-037", "重报的每一行都要在 row 中写明回执中的行号，且不重复", place=f"/rows/{place}/row")
        numbers.append(number)
    return Rows([{k: v for k, v in one.items() if k != "row"} for one in rows.objects], numbers)


def sheet_of(rows: Rows, item: Item, *, catalogue: Catalogue, name: str) -> Sheet:
    """The table of ``rows``. Columns that the item needs and no row has are added empty, so that what is missing is
    told of each row (E01) and never of the whole batch.

    Raises:
        Refused: EX-033 an object within an object, two names of one field, or too many columns.
    """
    headers = _headers(rows.objects)
    _no_nesting(rows.objects)
    try:
        layout = item_layout(item, headers, catalogue, file=name)
    except FileRefused as refused:
        raise Refused("EX-033", refused.problems[0].sentence, place="/rows") from None
    headers += [title for title in layout.missing if title not in headers]
    lines = [
        (number, [_cell(one.get(key)) for key in headers])
        for number, one in zip(rows.numbers, rows.objects, strict=True)
    ]
    return Sheet(name=name, form="json", encoding="utf-8", lines=lines, headers=tuple(headers))


def named_in(rows: Rows, item: Item, *, catalogue: Catalogue) -> dict[str, str]:
    """Field or role of the item → the key under which some row gives it a value."""
    used = {key for one in rows.objects for key, value in one.items() if _cell(value) is not None}
    headers = [header for header in _headers(rows.objects) if header in used]
    layout = item_layout(item, headers, catalogue)
    found = {name: column.header for name, column in layout.fields.items()}
    return found | {role: columns[0][0].header for role, columns in layout.roles.items() if role not in found}


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > SIZE:
        raise Refused("EX-030", f"正文超过上限 {SIZE // 1024 // 1024} MB", place="")
    try:
        text = body.decode("utf-8")
        found = json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once_each)
    except UnicodeDecodeError:
        raise Refused("EX-033", "正文不是 UTF-8 编码") from None
    except _Twice as twice:
        raise Refused("EX-033", f"同一个对象里“{twice}”写了两次") from None
    except (ValueError, RecursionError) as error:
        place = f"第 {error.lineno} 行第 {error.colno} 列" if isinstance(error, json.JSONDecodeError) else ""
        raise Refused("EX-033", f"正文{place}不是 JSON") from None
    if not isinstance(found, dict):
        raise Refused("EX-033", "正文应为一个对象")
    if "\\u" in text and not _storable(found):
        raise Refused("EX-033", "含有不成字的字符（空字符或半个代理对）")
    return found


def _are_rows(rows: object) -> bool:
    if not isinstance(rows, list) or not rows or not all(isinstance(one, dict) for one in rows):
        return False
    if len(rows) > ROWS:
        raise Refused("EX-031", f"一批 {len(rows)} 行，超过上限 {ROWS} 行", place="/rows")
    return True


def _no_rows() -> Rows:
    raise Refused("EX-033", "rows 应为对象的数组，至少一行", place="/rows")


def _headers(objects: Sequence[Object]) -> list[str]:
    headers = list(dict.fromkeys(key for one in objects for key in one))
    if len(headers) > COLUMNS:
        raise Refused("EX-033", f"有 {len(headers)} 个不同的键，超过上限 {COLUMNS} 个", place="/rows")
    return headers


def _no_nesting(objects: Sequence[Object]) -> None:
    for place, one in enumerate(objects):
        for key, value in one.items():
            plain_list = isinstance(value, list) and all(isinstance(part, str | int | Decimal) for part in value)
            if isinstance(value, list | dict) and not plain_list:
                raise Refused("EX-033", "一行里不能再套对象", place=f"/rows/{place}/{_token(key)}")
            if isinstance(value, str) and len(value) > LONGEST:
                raise Refused("EX-033", f"一个值超过 {LONGEST} 个字", place=f"/rows/{place}/{_token(key)}")


def _token(key: str) -> str:
    """A key within a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _cell(value: Any) -> Cell:
    if isinstance(value, list):
        return [str(part) for part in value] or None
    if isinstance(value, str) and not value.strip():
        return None
    result: Cell = value
    return result


def _storable(found: Object) -> bool:
    """Whether a database can hold every text: no NUL, no half of a surrogate pair."""
    whole = json.dumps(found, ensure_ascii=False, default=str)
    return "\\u0000" not in whole and not any(0xD800 <= ord(sign) <= 0xDFFF for sign in whole)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1)[:40])
    return found


def _no_constant(word: str) -> None:
    raise ValueError(word)
