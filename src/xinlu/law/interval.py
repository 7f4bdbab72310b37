"""Intervals of exact numbers, as bands and tables write them: ``[85, 95)``, ``< 60``, ``>= 1200``.

Chinese bound words have fixed meanings: 以上/以下/以内/届满 include the number (``>=``, ``<=``, ``[``, ``]``),
超过/不足/未满 exclude it (``>``, ``<``, ``(``, ``)``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_PAIR = re.compile(rf"([\[(])\s*({_NUMBER})?\s*[,，]\s*({_NUMBER})?\s*([\])])")
_BOUND = re.compile(rf"(<=|>=|<|>|=|≤|≥)?\s*({_NUMBER})")
_SIGNS = {"≤": "<=", "≥": ">="}


class IntervalError(ValueError):
    """An interval text that cannot be read; the message is a Chinese sentence."""


@dataclass(frozen=True)
class Interval:
    """A range of exact numbers; a missing end is open (no bound) on that side."""

    low: Decimal | None
    low_closed: bool
    high: Decimal | None
    high_closed: bool

    def contains(self, x: Decimal) -> bool:
        """Whether ``x`` lies inside.

        >>> parse_interval("[85, 95)").contains(Decimal("95"))
        False
        """
        if self.low is not None and (x < self.low or (x == self.low and not self.low_closed)):
            return False
        return self.high is None or x < self.high or (x == self.high and self.high_closed)

    def __str__(self) -> str:
        """The text in the usual spelling.

        >>> str(parse_interval("( 2 ,3]")), str(parse_interval("≥5")), str(parse_interval("7"))
        ('(2, 3]', '>= 5', '= 7')
        """
        if self.low is None and self.high is None:
            return "(, )"
        if self.low is None:
            return f"{'<=' if self.high_closed else '<'} {self.high}"
        if self.high is None:
            return f"{'>=' if self.low_closed else '>'} {self.low}"
        if self.low == self.high:
            return f"= {self.low}"
        return f"{'[' if self.low_closed else '('}{self.low}, {self.high}{']' if self.high_closed else ')'}"


def parse_interval(text: str) -> Interval:
    """Read one interval text.

    ``[a, b)`` in the four bracket forms, ``< a``, ``<= a``, ``> a``, ``>= a``, ``= a`` or a bare number
    (that number only). Numbers are plain decimals, never in exponent form.

    >>> parse_interval("[85, 95)")
    Interval(low=Decimal('85'), low_closed=True, high=Decimal('95'), high_closed=False)
    >>> parse_interval("< 60").low is None
    True

    Raises:
        IntervalError: the text is no interval, or holds no number at all (``[5, 5)``, ``[9, 3]``).
    """
    stripped = text.strip()
    if pair := _PAIR.fullmatch(stripped):
        return _pair(stripped, *pair.groups())
    if bound := _BOUND.fullmatch(stripped):
        sign, number = bound.groups()
        sign, value = _SIGNS.get(sign, sign), Decimal(number)
        if sign in (None, "="):
            return Interval(value, True, value, True)
        if sign.startswith("<"):
            return Interval(None, False, value, sign == "<=")
        return Interval(value, sign == ">=", None, False)
    raise IntervalError(f"“{text}”不是区间，应写作“[85, 95)”“< 60”“>= 1200”这样的形式")


def _pair(text: str, opening: str, low: str | None, high: str | None, closing: str) -> Interval:
    interval = Interval(
        Decimal(low) if low else None,
        opening == "[" and low is not None,
        Decimal(high) if high else None,
        closing == "]" and high is not None,
    )
    if interval.low is not None and interval.high is not None:
        closed = interval.low_closed and interval.high_closed
        if interval.low > interval.high or (interval.low == interval.high and not closed):
            raise IntervalError(f"区间“{text}”里没有任何数，请检查上下限的先后与括号")
    return interval


@dataclass(frozen=True)
class Grid:
    """An interval as the first and last whole multiples of 10⁻ˢᶜᵃˡᵉ inside it; None is unbounded."""

    first: int | None
    last: int | None

    @property
    def empty(self) -> bool:
        """Whether no number of this scale lies inside, e.g. ``(1, 2)`` at scale 0."""
        return self.first is not None and self.last is not None and self.first > self.last


def on_grid(interval: Interval, scale: int) -> Grid:
    """The numbers with ``scale`` digits behind the point that lie in ``interval``.

    >>> on_grid(parse_interval("(1, 3)"), 0)
    Grid(first=2, last=2)
    >>> on_grid(parse_interval("[59.5, 60)"), 1)
    Grid(first=595, last=599)
    """
    return Grid(
        None if interval.low is None else _first(interval.low, scale, interval.low_closed),
        None if interval.high is None else -_first(interval.high.copy_negate(), scale, interval.high_closed),
    )


def _first(low: Decimal, scale: int, closed: bool) -> int:
    # Integers on purpose: Decimal arithmetic, even a minus sign, rounds beyond 28 digits.
    numerator, denominator = low.as_integer_ratio()
    quotient, rest = divmod(numerator * int(10**scale), denominator)
    return quotient if closed and rest == 0 else quotient + 1


def gaps(intervals: Iterable[Interval], scale: int) -> tuple[Interval, ...]:
    """The ranges between the lowest and highest of ``intervals`` that none of them holds, at ``scale``.

    Ranges below the lowest and above the highest are not gaps; see :func:`ends`.

    >>> [str(g) for g in gaps([parse_interval("< 60"), parse_interval("(60, 75]")], 0)]
    ['= 60']
    >>> [str(g) for g in gaps([parse_interval("<= 59"), parse_interval(">= 60")], 0)]
    []
    >>> [str(g) for g in gaps([parse_interval("<= 59"), parse_interval(">= 60")], 1)]
    ['[59.1, 59.9]']
    """
    found: list[Interval] = []
    reached: int | None = None
    begun = False
    for grid in _sorted(intervals, scale):
        if begun and reached is None:
            break
        if begun and reached is not None and grid.first is not None and grid.first > reached + 1:
            found.append(_between(reached + 1, grid.first - 1, scale))
        if not begun or grid.last is None:
            reached = grid.last
        elif reached is not None:
            reached = max(reached, grid.last)
        begun = True
    return tuple(found)


def overlap(a: Interval, b: Interval, scale: int) -> Interval | None:
    """The numbers of ``scale`` that lie in both, or None.

    >>> str(overlap(parse_interval("[85, 95]"), parse_interval("[95, 100]"), 0))
    '= 95'
    """
    left, right = on_grid(a, scale), on_grid(b, scale)
    firsts = [f for f in (left.first, right.first) if f is not None]
    lasts = [n for n in (left.last, right.last) if n is not None]
    first, last = max(firsts, default=None), min(lasts, default=None)
    if left.empty or right.empty or Grid(first, last).empty:
        return None
    low = None if first is None else _decimal(first, scale)
    high = None if last is None else _decimal(last, scale)
    return Interval(low, low is not None, high, high is not None)


def ends(intervals: Sequence[Interval]) -> tuple[bool, bool]:
    """Whether some interval is unbounded below, and whether some is unbounded above.

    >>> ends([parse_interval("< 60"), parse_interval("[60, 100]")])
    (True, False)
    """
    return any(i.low is None for i in intervals), any(i.high is None for i in intervals)


def _sorted(intervals: Iterable[Interval], scale: int) -> list[Grid]:
    grids = [g for g in (on_grid(i, scale) for i in intervals) if not g.empty]
    return sorted(grids, key=lambda g: (g.first is not None, g.first or 0))


def _between(first: int, last: int, scale: int) -> Interval:
    return Interval(_decimal(first, scale), True, _decimal(last, scale), True)


def _decimal(units: int, scale: int) -> Decimal:
    return Decimal((0 if units >= 0 else 1, tuple(int(d) for d in str(abs(units))), -scale))
