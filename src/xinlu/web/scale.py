"""The strip that shows where a number falls among the bands of a book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from xinlu.law.interval import Interval, parse_interval
from xinlu.law.rulebook import Level
from xinlu.web.parts import shade_of_rank, shown_level


@dataclass(frozen=True)
class Stripe:
    """One band: where it lies on the strip (percent from the left) and whether the number is in it."""

    level: str
    """As people write it."""
    words: str
    left: str
    width: str
    middle: str
    shade: str
    """Of its rank, 1 best … 5 worst, or the colour that the book gives the level."""
    here: bool
    bound: str
    """The number at its left edge; empty where it is open."""


@dataclass(frozen=True)
class Scale:
    """Bands from worst (left) to best, each as wide as the others, and the place of the number."""

    stripes: tuple[Stripe, ...]
    mark: str
    """Percent from the left, or empty when the number lies in no band."""
    number: Decimal | None
    words: str


def scale_of(*, cut: Mapping[str, str], levels: Sequence[Level], number: Decimal | None) -> Scale:
    """Lay out the bands of ``cut`` (level → interval text) and mark ``number``.

    >>> levels = [Level(level=name, title="") for name in ("A", "B")]
    >>> strip = scale_of(cut={"A": ">= 60", "B": "< 60"}, levels=levels, number=Decimal(60))
    >>> [stripe.level for stripe in strip.stripes], strip.mark, strip.stripes[1].here
    (['B', 'A'], '50%', True)
    """
    bands = sorted(((level, parse_interval(text)) for level, text in cut.items()), key=lambda band: _start(band[1]))
    width = Decimal(100) / max(1, len(bands))
    stripes = tuple(
        Stripe(
            level=shown_level(level, levels),
            words=interval_words(interval),
            left=_percent(width * i),
            width=_percent(width),
            middle=_percent(width * i + width / 2),
            shade=_shade(level, levels),
            here=number is not None and interval.contains(number),
            bound="" if interval.low is None else f"{interval.low.normalize():f}",
        )
        for i, (level, interval) in enumerate(bands)
    )
    mark, inside = "", ""
    for i, (level, interval) in enumerate(bands):
        if number is not None and interval.contains(number):
            mark = _percent(width * i + width * _share(interval, number, bands))
            inside = f"落在 {shown_level(level, levels)} 档（{interval_words(interval)}）"
    return Scale(stripes, mark, number, inside or "不在任何一档内")


def interval_words(interval: Interval) -> str:
    """An interval in the words of Chinese drafting.

    >>> [interval_words(parse_interval(text)) for text in ("[85, 95)", "< 60", "> 3", ">= 1200", "= 0")]
    ['85 以上不足 95', '不足 60', '超过 3', '1200 以上', '等于 0']
    """
    low, high = interval.low, interval.high
    if low is not None and low == high:
        return f"等于 {low}"
    start = "" if low is None else (f"{low} 以上" if interval.low_closed else f"超过 {low}")
    end = "" if high is None else (f"{high} 以下" if interval.high_closed else f"不足 {high}")
    return start + end or "任何数"


def _shade(level: str, levels: Sequence[Level]) -> str:
    for rank, step in enumerate(levels, 1):
        if step.level == level:
            return step.colour or str(shade_of_rank(rank, len(levels)))
    return "3"


def _start(interval: Interval) -> tuple[bool, Decimal]:
    return interval.low is not None, interval.low if interval.low is not None else Decimal(0)


def _share(interval: Interval, number: Decimal, bands: Sequence[tuple[str, Interval]]) -> Decimal:
    """How far into its band the number lies, 0 … 1; an open end is taken as wide as the widest closed band."""
    spans = [b.high - b.low for _, b in bands if b.high is not None and b.low is not None]
    span = max(spans, default=Decimal(100)) or Decimal(100)
    low = interval.low if interval.low is not None else (interval.high or Decimal(0)) - span
    high = interval.high if interval.high is not None else low + span
    return min(Decimal(1), max(Decimal(0), (number - low) / (high - low))) if high > low else Decimal("0.5")


def _percent(number: Decimal) -> str:
    return f"{number.quantize(Decimal('0.01')).normalize():f}%"
