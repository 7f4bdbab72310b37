"""Exact primitives in SQL: division, roots, rounding, months, levels. One set per backend, one conformance table.

Every function takes SQL text of its arguments and gives SQL text: DuckDB's, or in portable steps a call by name for
which each backend has an expression of its own. ``tests/engine/test_conformance.py`` runs the same table of cases on
each backend and on the oracle before any book does.

DuckDB's own ``/``, ``avg`` and ``sqrt`` give binary floats, and its ``least``/``greatest`` skip missing arguments;
nothing here uses them for points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import Final

from xinlu.law.types import MOST_DIGITS, Type

CALL: Final = "xl_"
"""How the names of calls begin under which primitives stand in portable steps."""

_PORTABLE: ContextVar[bool] = ContextVar("portable", default=False)


@contextmanager
def portable() -> Iterator[None]:
    """While this is entered, primitives are written as calls by name, ``xl_quotient(a, 2, b, 3, 12)``: steps for a
    backend (:mod:`xinlu.engine.backends`), which puts its own expression in the place of each call. Otherwise they
    are written out as DuckDB's SQL, which costs DuckDB nothing."""
    token = _PORTABLE.set(True)
    try:
        yield
    finally:
        _PORTABLE.reset(token)


def is_portable() -> bool:
    """Whether steps are being written for other engines than DuckDB."""
    return _PORTABLE.get()


def _primitive(write: Callable[..., str]) -> Callable[..., str]:
    """A primitive that is a call by name in portable steps; scales stand in the call as plain numbers."""

    @wraps(write)
    def written(*args: str | int) -> str:
        if not _PORTABLE.get():
            return write(*args)
        return f"{CALL}{write.__name__}({', '.join(map(str, args))})"

    return written


_POWER = {scale: "1" + "0" * scale for scale in range(39)}


def decimal_type(digits: int, scale: int) -> str:
    """``DECIMAL(p, s)``; at least one digit before the point.

    >>> decimal_type(2, 2)
    'DECIMAL(3, 2)'
    """
    return f"DECIMAL({min(max(digits, scale + 1, 1), MOST_DIGITS)}, {scale})"


def sql_type(found: Type) -> str:
    """The SQL type in which a value of ``found`` is kept."""
    if found.kind == "number":
        return decimal_type(found.digits, found.scale)
    if found.kind == "list":
        return f"{sql_type(found.of)}[]" if found.of else "VARCHAR[]"
    return {"date": "DATE", "flag": "BOOLEAN", "subject": "BIGINT"}.get(found.kind, "VARCHAR")


def number_literal(value: Decimal) -> str:
    """An exact constant."""
    exponent = value.as_tuple().exponent
    scale = max(0, -exponent) if isinstance(exponent, int) else 0
    digits = len(str(abs(int(value)))) + scale
    return f"CAST('{value:f}' AS {decimal_type(digits, scale)})"


def text_literal(value: str) -> str:
    """A quoted constant."""
    return "'" + value.replace("'", "''") + "'"


def date_literal(value: date) -> str:
    """A date constant."""
    return f"DATE '{value.isoformat()}'"


def identifier(name: str) -> str:
    """A quoted column or table name."""
    return '"' + name.replace('"', '""') + '"'


def _unscaled(sql: str, scale: int) -> str:
    """The digits of a decimal as an integer of 38 digits."""
    if scale == 0:
        return f"CAST({sql} AS HUGEINT)"
    if scale > 12:
        # Multiplying would need twice the digits; writing the number down needs none.
        return f"CAST(replace(CAST({sql} AS VARCHAR), '.', '') AS HUGEINT)"
    return f"CAST(CAST({sql} AS DECIMAL(38, {scale})) * {_POWER[scale]} AS HUGEINT)"


@_primitive
def quotient(a: str, a_scale: int, b: str, b_scale: int, scale: int) -> str:
    """a ÷ b at ``scale``, half away from zero, in integers; missing when b is 0 or either is missing.

    A divisor with many digits behind the point would push the dividend beyond 38 digits; it is divided by
    hand, six digits at a time.
    """
    if b_scale - a_scale > 11:
        return _long_quotient(a, a_scale, b, b_scale, scale)
    shift = scale + b_scale - a_scale
    top, bottom = f"abs({_unscaled(a, a_scale)})", f"abs({_unscaled(b, b_scale)})"
    if shift >= 0:
        top = f"({top} * {_POWER[shift]}::HUGEINT)"
    else:
        bottom = f"({bottom} * {_POWER[-shift]}::HUGEINT)"
    divisor = f"nullif({bottom}, 0)"
    whole = f"({top} // {divisor} + CASE WHEN {top} % {divisor} * 2 >= {bottom} THEN 1 ELSE 0 END)"
    return scaled_down(_signed(a, b, whole), scale)


def _signed(a: str, b: str, whole: str) -> str:
    return f"(CASE WHEN (({a}) < 0) <> (({b}) < 0) THEN -{whole} ELSE {whole} END)"


def _long_quotient(a: str, a_scale: int, b: str, b_scale: int, scale: int) -> str:
    """Division by hand: whole part, then blocks of six digits from what is left over."""
    common = max(a_scale, b_scale)
    left = f"(abs({_unscaled(a, a_scale)}) * {_POWER[common - a_scale]}::HUGEINT)"
    divisor = f"nullif(abs({_unscaled(b, b_scale)}) * {_POWER[common - b_scale]}::HUGEINT, 0)"
    digits = f"({left} // {divisor})"
    for block in [6] * (scale // 6) + ([scale % 6] if scale % 6 else []):
        more = f"(({left} % {divisor}) * {_POWER[block]}::HUGEINT)"
        digits = f"({digits} * {_POWER[block]}::HUGEINT + {more} // {divisor})"
        left = more
    whole = f"({digits} + CASE WHEN ({left} % {divisor}) * 2 >= {divisor} THEN 1 ELSE 0 END)"
    return scaled_down(_signed(a, b, whole), scale)


def scaled_down(integer: str, scale: int) -> str:
    """An integer read as a decimal with ``scale`` digits behind the point."""
    if scale == 0:
        return f"CAST({integer} AS DECIMAL(38, 0))"
    unit = f"CAST('0.{'0' * (scale - 1)}1' AS DECIMAL({scale + 1}, {scale}))"
    return f"CAST(CAST({integer} AS DECIMAL(38, 0)) * {unit} AS DECIMAL(38, {scale}))"


@_primitive
def rounded(a: str, digits: int, scale: int, to: int) -> str:
    """Half away from zero at ``to`` digits behind the point."""
    if to >= scale:
        return f"CAST({a} AS {decimal_type(digits - scale + to, to)})"
    return f"CAST({a} AS {decimal_type(digits - scale + 1 + to, to)})"


@_primitive
def floored(a: str, scale: int) -> str:
    """The greatest whole number not above."""
    return f"CAST({a} AS DECIMAL(38, 0))" if scale == 0 else f"CAST(floor({a}) AS DECIMAL(38, 0))"


@_primitive
def ceiled(a: str, scale: int) -> str:
    """The smallest whole number not below."""
    return f"CAST({a} AS DECIMAL(38, 0))" if scale == 0 else f"CAST(ceil({a}) AS DECIMAL(38, 0))"


@_primitive
def steps(a: str, a_scale: int, b: str, b_scale: int) -> str:
    """Whole steps of size b in a: floor(a ÷ b), exactly; missing when b is 0."""
    scale = max(a_scale, b_scale)
    top = f"({_unscaled(a, a_scale)} * {_POWER[scale - a_scale]}::HUGEINT)"
    bottom = f"nullif({_unscaled(b, b_scale)} * {_POWER[scale - b_scale]}::HUGEINT, 0)"
    # // cuts towards zero; below zero with a rest the floor is one lower.
    floor = f"({top} // {bottom} - CASE WHEN {top} % {bottom} <> 0 AND ({top} < 0) <> ({bottom} < 0) THEN 1 ELSE 0 END)"
    return f"CAST({floor} AS DECIMAL(38, 0))"


@_primitive
def root(a: str, scale: int, to: int) -> str:
    """Square root at ``to`` digits, half up, exact; missing below 0.

    The float root is only a first guess: two Newton steps in integers, then a correction by one, make it the
    integer root of 4·n, whose half rounds half up.
    """
    shift = 2 * to - scale
    scaled = f"{_unscaled(a, scale)} * {_POWER[shift]}::HUGEINT"
    guess = f"CAST(sqrt(CAST({_N} AS DOUBLE)) AS HUGEINT)"
    once = f"(({guess} + {_N} // greatest({guess}, 1)) // 2)"
    twice = f"(({once} + {_N} // greatest({once}, 1)) // 2)"
    above = f"({twice} + 1)"
    below = (
        f"(CASE WHEN {twice} * {twice} > {_N} THEN {twice} - 1 "
        f"WHEN {above} * {above} <= {_N} THEN {above} ELSE {twice} END)"
    )
    half_up = f"(CASE WHEN {_N} - {below} * {below} > {below} THEN {below} + 1 ELSE {below} END)"
    answer = scaled_down(half_up, to)
    return f"(SELECT CASE WHEN {_N} >= 0 THEN {answer} END FROM (SELECT {scaled} AS _n))"


_N = '"_n"'


def extreme(name: str, parts: Sequence[str]) -> str:
    """``least`` or ``greatest`` that is missing when one part is missing."""
    absent = " OR ".join(f"({part}) IS NULL" for part in parts)
    return f"(CASE WHEN {absent} THEN NULL ELSE {name}({', '.join(parts)}) END)"


@_primitive
def add_months(day: str, months: str) -> str:
    """Calendar months later, clamped at the end of the month."""
    return f"CAST(({day}) + to_months(CAST({months} AS INTEGER)) AS DATE)"


@_primitive
def add_days(day: str, days: str) -> str:
    """Days later."""
    return f"(({day}) + CAST({days} AS INTEGER))"


def add_length(day: str, length: str, sign: int = 1) -> str:
    """``12 months`` or ``730 days`` later (earlier with sign −1)."""
    count, unit = length.split()
    shift = add_months if unit == "months" else add_days
    return shift(day, str(sign * int(count)))


@_primitive
def days_between(a: str, b: str) -> str:
    """b − a in days."""
    return f"CAST(date_diff('day', {a}, {b}) AS DECIMAL(7, 0))"


@_primitive
def months_between(a: str, b: str) -> str:
    """Completed months from a to b: the largest n with add_months(a, n) <= b."""
    n = f"((year({b}) - year({a})) * 12 + month({b}) - month({a}))"
    return f"CAST({n} - CASE WHEN {add_months(a, n)} > ({b}) THEN 1 ELSE 0 END AS DECIMAL(7, 0))"


@_primitive
def clamped(start: str, amounts: str, low: str, high: str, kind: str) -> str:
    """The list of states of a run between two bounds: where it starts, and the state after each of ``amounts``."""
    step = f"list_append(s, CAST(least({high}, greatest({low}, s[-1] + a[1])) AS {kind}))"
    lists = f"list_prepend([{start}], list_transform({amounts}, lambda a: [a]))"
    return f"list_reduce({lists}, lambda s, a: {step})"


def rank(level: str, levels: Sequence[str]) -> str:
    """A level as a number: the worst is 1, the best len(levels); missing when unknown.

    >>> rank("x", ("A", "B"))
    "(CASE x WHEN 'A' THEN 2 WHEN 'B' THEN 1 END)"
    """
    lines = " ".join(f"WHEN {text_literal(one)} THEN {len(levels) - i}" for i, one in enumerate(levels))
    return f"(CASE {level} {lines} END)"


def unrank(number: str, levels: Sequence[str]) -> str:
    """The level of a rank, held to the ends of the set."""
    lines = " ".join(f"WHEN {len(levels) - i} THEN {text_literal(one)}" for i, one in enumerate(levels))
    return f"(CASE greatest(1, least({len(levels)}, {number})) {lines} END)"
