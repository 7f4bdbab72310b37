"""The strip that shows where a number falls among the bands of a book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from xinlu.law.interval import Interval, parse_interval
from xinlu.law.rulebook import Level
from xinlu.web.parts import shade_of_rank


@dataclass(frozen=True)
class Stripe:
    """One band: where it lies on the strip (percent from the left) and whether the number is in it."""

    level: str
    words: str
    left: str
    width: str
    middle: str
    shade: int
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
    names = [step.level for step in levels]
    bands = sorted(((level, parse_interval(text)) for level, text in cut.items()), key=lambda band: _start(band[1]))
    width = Decimal(100) / max(1, len(bands))
    stripes = tuple(
        Stripe(
            level=level,
            words=interval_words(interval),
            left=_percent(width * i),
            width=_percent(width),
            middle=_percent(width * i + width / 2),
            shade=shade_of_rank(names.index(level) + 1, len(names)) if level in names else 3,
            here=number is not None and interval.contains(number),
            bound="" if interval.low is None else f"{interval.low.normalize():f}",
        )
        for i, (level, interval) in enumerate(bands)
    )
    mark, inside = "", ""
    for i, (level, interval) in enumerate(bands):
        if number is not None and interval.contains(number):
            mark = _percent(width * i + width * _share(interval, number, bands))
            inside = f"落在 {level} 档（{interval_words(interval)}）"
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
