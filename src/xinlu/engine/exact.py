"""Exact arithmetic and calendar of the oracle: integers and Decimals, never a binary float.

Only quotients and roots lose digits; both round half up, away from zero, at a stated scale.
"""

from __future__ import annotations

import calendar
import math
from datetime import date, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow])
"""Decimal arithmetic that refuses to round; run every evaluation inside ``localcontext(EXACT)``."""

SCALE = 12


def _shifted(whole: int, scale: int) -> Decimal:
    return Decimal(whole).scaleb(-scale, context=EXACT)


def quotient(a: Decimal, b: Decimal, scale: int = SCALE) -> Decimal | None:
    """a ÷ b at ``scale`` digits, half up away from zero; missing when ``b`` is 0.

    >>> quotient(Decimal(-1), Decimal(8), 2)
    Decimal('-0.13')
    """
    if b == 0:
        return None
    (top, under), (divided, by) = Decimal(a).as_integer_ratio(), Decimal(b).as_integer_ratio()
    numerator, denominator = top * by * 10**scale, under * divided
    size = (2 * abs(numerator) + abs(denominator)) // (2 * abs(denominator))
    return _shifted(size if (numerator < 0) == (denominator < 0) else -size, scale)


def rounded(x: Decimal, scale: int) -> Decimal:
    """``x`` at ``scale`` digits, half up away from zero.

    >>> rounded(Decimal("-2.5"), 0)
    Decimal('-3')
    """
    found = quotient(x, Decimal(1), scale)
    assert found is not None
    return found


def floor(x: Decimal) -> Decimal:
    """The largest whole number not above ``x``.

    >>> floor(Decimal("-0.1"))
    Decimal('-1')
    """
    return Decimal(math.floor(x))


def steps(x: Decimal, size: Decimal) -> Decimal | None:
    """How many whole steps of ``size`` go into ``x``: floor(x ÷ size), exactly; missing when ``size`` is 0.

    >>> steps(Decimal("0.30"), Decimal("0.1"))
    Decimal('3')
    """
    if size == 0:
        return None
    (top, under), (divided, by) = Decimal(x).as_integer_ratio(), Decimal(size).as_integer_ratio()
    return Decimal((top * by) // (under * divided))


def sqrt(x: Decimal) -> Decimal | None:
    """Square root at 12 digits, half up; missing below 0.

    >>> sqrt(Decimal(2))
    Decimal('1.414213562373')
    """
    if x < 0:
        return None
    top, under = Decimal(x).as_integer_ratio()
    return _shifted((math.isqrt(4 * top * 10 ** (2 * SCALE) // under) + 1) // 2, SCALE)


def add_months(day: date, months: int) -> date:
    """Calendar months later (earlier if negative), clamped at the end of the month.

    >>> add_months(date(2024, 1, 31), 1)
    datetime.date(2024, 2, 29)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + int(months), 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def add_days(day: date, days: int) -> date:
    """Days later (earlier if negative)."""
    return day + timedelta(days=int(days))


def add_length(day: date, length: str, times: int = 1) -> date:
    """``day`` plus ``times`` a length such as ``12 months`` or ``730 days``.

    >>> add_length(date(2024, 3, 31), "1 months", -1)
    datetime.date(2024, 2, 29)
    """
    count, unit = length.split()
    add = add_months if unit == "months" else add_days
    return add(day, int(count) * times)


def months_between(a: date, b: date) -> int:
    """Completed months from ``a`` to ``b``: the largest n with add_months(a, n) <= b.

    >>> months_between(date(2024, 1, 31), date(2024, 2, 29))
    1
    """
    months = (b.year - a.year) * 12 + b.month - a.month
    while add_months(a, months) > b:
        months -= 1
    return months
