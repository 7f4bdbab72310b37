"""Turn a delivered cell into the catalogue's spelling of its value, or say what is wrong with it.

Spelling: numbers with the field's scale (``"12.50"``), dates ISO, yes/no ``"true"``/``"false"``, codes as codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from xinlu.intake.problems import Fault
from xinlu.intake.sheet import Cell
from xinlu.law.catalogue import Field, FieldType
from xinlu.law.identifiers import half_width, is_scientific

Value = str | list[str]
Reader = Callable[[Cell], Value | Fault]

TEN_THOUSAND = Decimal(10_000)
EXCEL_DAY_0 = date(1899, 12, 30)
FIRST_SERIAL, LAST_SERIAL = 10_000, 80_000
"""Serials that are taken for days: 1927 to 2119; 2024 alone is a year, not a day."""
EARLIEST = date(1901, 1, 1)
REMEMBERED = 4_000
LOST_DIGITS = 10**15
"""From here on a spreadsheet's number has lost digits."""

YES = frozenset({"是", "y", "yes", "true", "t", "1", "有", "√"})
NO = frozenset({"否", "n", "no", "false", "f", "0", "无", "×"})
_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s]+\d{1,2}:\d{2}.*)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?")
_MONEY = re.compile(r"(?:人民币|¥|￥)?(-?[\d.]+)(万元|元|万)?(?:整)?")
_FORMULA = re.compile(r"[=@]\S|[+\-](?:.*[|!]|\s*[A-Za-z]\w*\()", re.DOTALL)
_NOT_WORKED_OUT = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!|FIELD!|GETTING_DATA)")
_LIST = re.compile(r"[;；、,，|]")


class Unreadable(ValueError):
    """A text is not what it should be; the sentence says so in Chinese."""


def reader(one: Field, *, header: str, codes: Mapping[str, str] | None) -> Reader:
    """How cells of field ``one`` under ``header`` are read.

    ``codes``: every spelling → code, for a code field. A list is cut at ； ; 、 , ， and |.
    """
    title = one.title
    single = _SINGLE[one.type](one, header, codes or {})

    def fresh(cell: Cell) -> Value | Fault:
        try:
            if one.many:
                parts = cell if isinstance(cell, list) else _LIST.split(_text(cell))
                found = [single(part.strip()) for part in parts if part.strip()]
                return list(dict.fromkeys(found))
            return single(cell)
        except _Wrong as wrong:
            return Fault(wrong.code, f"{title}{wrong.sentence}", header, one.name)

    if one.type is FieldType.TEXT:
        return fresh
    known: dict[str, Value | Fault] = {}

    def read(cell: Cell) -> Value | Fault:
        """The same few texts come again and again; only texts are remembered, since 1, 1.0 and True are one key."""
        if type(cell) is not str:
            return fresh(cell)
        found = known.get(cell)
        if found is None:
            found = fresh(cell)
            if len(known) < REMEMBERED:
                known[cell] = found
        return found

    return read


class _Wrong(Exception):
    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def shown(value: object) -> str:
    """A cell as people see it, cut to 40 signs.

    >>> shown(2.0)
    '2'
    """
    text = _text(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    match value:
        case None:
            return ""
        case bool():
            return "是" if value else "否"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < LOST_DIGITS else repr(value)
        case date():
            return value.isoformat()
        case list():
            return "；".join(map(str, value))
    return str(value)


def plain_text(cell: Cell) -> str:
    """The text of a cell: full-width blanks and invisible signs gone, a whole number without a point.

    >>> plain_text(330106.0), plain_text("　浙江 ")
    ('330106', '浙江')
    """
    return _text(cell).replace("\u3000", " ").replace("\ufeff", "").replace("\u200b", "").strip()


def no_text(text: str) -> str:
    """What a spreadsheet would make of a text that is none: a formula, which may do anything, or an error.

    >>> no_text("=cmd|'/C calc'!A0"), no_text("#N/A"), no_text("+86 571"), no_text("-")
    ('是公式', '是错误值', '', '')
    """
    if text[:1] in "=@+-" and _FORMULA.match(text):
        return "是公式"
    return "是错误值" if text[:1] == "#" and _NOT_WORKED_OUT.match(text) else ""


def lost_digits(cell: Cell) -> bool:
    """Whether a spreadsheet has made a number of an identifier and dropped digits of it.

    >>> lost_digits(3.3e17), lost_digits("3.3E+17"), lost_digits("91330106XL00000746")
    (True, True, False)
    """
    if isinstance(cell, float):
        return abs(cell) >= LOST_DIGITS
    return isinstance(cell, str) and "+" in cell and is_scientific(cell)


# ── kinds ───────────────────────────────────────────────────────────────────────────────────────


def _as_text(one: Field, _header: str, _codes: Mapping[str, str]) -> Callable[[Cell], str]:
    longest = one.length

    def read(cell: Cell) -> str:
        text = plain_text(cell)
        if lost_digits(cell):
            raise _Wrong("E17", f"“{shown(cell)}”成了科学计数法，后面的位数已丢失")
        if what := no_text(text):
            raise _Wrong("E31", f"“{shown(cell)}”{what}")
        if longest is not None and len(text) > longest:
            raise _Wrong("E06", f"有 {len(text)} 个字，超过上限 {longest} 个")
        return text

    return read


def _as_code(_one: Field, _header: str, codes: Mapping[str, str]) -> Callable[[Cell], str]:
    def read(cell: Cell) -> str:
        text = plain_text(cell)
        found = codes.get(text) or codes.get(half_width(text).lower())
        if found is None:
            raise _Wrong("E05", f"“{shown(cell)}”不在代码表中")
        return found

    return read


def _as_level(one: Field, header: str, codes: Mapping[str, str]) -> Callable[[Cell], str]:
    return _as_text(one, header, codes)


def _as_number(one: Field, header: str, _codes: Mapping[str, str]) -> Callable[[Cell], str]:
    in_yuan = one.unit == "万元" and ("（元）" in header or "(元)" in header)
    percent = one.scale >= 2 and not one.unit
    unit = one.unit
    quantum = Decimal(1).scaleb(-one.scale)
    most = Decimal(10) ** ((one.digits or 38) - one.scale)

    def read(cell: Cell) -> str:
        try:
            value = number(cell, unit=unit, percent=percent)
        except Unreadable as wrong:
            raise _Wrong("E13", str(wrong)) from None
        if in_yuan and not (isinstance(cell, str) and "万" in cell):
            value = value / TEN_THOUSAND if not (isinstance(cell, str) and "元" in cell) else value
        rounded = value.quantize(quantum) if abs(value) < most else None
        if rounded is None:
            raise _Wrong("E14", f"“{shown(cell)}”超出 {(one.digits or 38) - one.scale} 位整数")
        if rounded != value and (not isinstance(cell, float) or abs(rounded - value) > Decimal("1e-9")):
            raise _Wrong("E14", f"“{shown(cell)}”的小数超出 {one.scale} 位")
        return format(rounded, "f")

    return read


def _as_date(_one: Field, _header: str, _codes: Mapping[str, str]) -> Callable[[Cell], str]:
    def read(cell: Cell) -> str:
        try:
            return day(cell)
        except Unreadable as wrong:
            raise _Wrong("E04", str(wrong)) from None

    return read


def _as_yes_no(_one: Field, _header: str, _codes: Mapping[str, str]) -> Callable[[Cell], str]:
    def read(cell: Cell) -> str:
        if isinstance(cell, bool):
            return "true" if cell else "false"
        word = half_width(plain_text(cell)).lower()
        if word in YES:
            return "true"
        if word in NO:
            return "false"
        raise _Wrong("E15", f"“{shown(cell)}”应为是或否")

    return read


_SINGLE: dict[FieldType, Callable[[Field, str, Mapping[str, str]], Callable[[Cell], str]]] = {
    FieldType.TEXT: _as_text,
    FieldType.CODE: _as_code,
    FieldType.LEVEL: _as_level,
    FieldType.NUMBER: _as_number,
    FieldType.DATE: _as_date,
    FieldType.YES_NO: _as_yes_no,
}


# ── numbers and days ────────────────────────────────────────────────────────────────────────────


def number(cell: Cell, *, unit: str = "", percent: bool = False) -> Decimal:
    """The exact number in a cell; ``2000元`` becomes 0.2 where the unit is 万元, ``12%`` 0.12 where asked.

    A binary number of a spreadsheet stands for the shortest decimal that prints it.

    >>> number("1,234.50"), number("2000元", unit="万元"), number(0.1)
    (Decimal('1234.50'), Decimal('0.2'), Decimal('0.1'))

    Raises:
        Unreadable: a Chinese sentence.
    """
    if isinstance(cell, bool | date | list):
        raise Unreadable(f"“{shown(cell)}”不是数")
    if isinstance(cell, Decimal | int):
        return _finite(Decimal(cell), cell)
    if isinstance(cell, float):
        return _finite(Decimal(repr(cell)), cell)
    return _number(str(cell), unit, percent)


@lru_cache(maxsize=16384)
def _number(text: str, unit: str, percent: bool) -> Decimal:
    plain = half_width(text).replace(",", "").replace(" ", "")
    divisor = Decimal(1)
    if percent and plain.endswith("%"):
        plain, divisor = plain[:-1], Decimal(100)
    if unit in ("万元", "元") and (money := _MONEY.fullmatch(plain)):
        plain = money[1]
        divisor = _MONEY_DIVISOR.get((unit, money[2] or ""), Decimal(1))
    elif unit and plain.endswith(unit):
        plain = plain.removesuffix(unit)
    try:
        return _finite(Decimal(plain) / divisor, text)
    except InvalidOperation:
        raise Unreadable(f"“{shown(text)}”不是数") from None


_MONEY_DIVISOR = {
    ("万元", "元"): TEN_THOUSAND,
    ("元", "万元"): 1 / TEN_THOUSAND,
    ("元", "万"): 1 / TEN_THOUSAND,
}


def _finite(value: Decimal, cell: object) -> Decimal:
    if not value.is_finite():
        raise Unreadable(f"“{shown(cell)}”不是数")
    return value


def day(cell: Cell) -> str:
    """The day in a cell as ISO text: 2024-01-31, 2024/1/31, 20240131, 2024年1月31日, or a spreadsheet's serial.

    >>> day("2024/1/31"), day(20240131), day("45322")
    ('2024-01-31', '2024-01-31', '2024-01-31')

    Raises:
        Unreadable: a Chinese sentence; days before 1901 are what a spreadsheet makes of an empty date.
    """
    if isinstance(cell, date):
        return _plausible(cell, cell)
    if isinstance(cell, bool | list):
        raise Unreadable(f"“{shown(cell)}”不是日期")
    return _day(_text(cell))


@lru_cache(maxsize=16384)
def _day(text: str) -> str:
    plain = half_width(text)
    try:
        if found := _DAY.fullmatch(plain) or _COMPACT.fullmatch(plain):
            return _plausible(date(int(found[1]), int(found[2]), int(found[3])), text)
        if (found := _SERIAL.fullmatch(plain)) and FIRST_SERIAL <= int(found[1]) <= LAST_SERIAL:
            return _plausible(EXCEL_DAY_0 + timedelta(days=int(found[1])), text)
    except ValueError as error:
        if isinstance(error, Unreadable):
            raise
        if plain.startswith("1900"):
            raise Unreadable(f"“{shown(text)}”是电子表格的空日期") from None
        raise Unreadable(f"“{shown(text)}”没有这一天") from None
    if plain in ("0", "1"):
        raise Unreadable(f"“{shown(text)}”是电子表格的空日期")
    raise Unreadable(f"“{shown(text)}”不是日期")


def _plausible(found: date, cell: object) -> str:
    if found < EARLIEST:
        raise Unreadable(f"“{shown(cell)}”是电子表格的空日期（1900 年），不是真的日期")
    return found.isoformat()
