"""The parts that pages are made of, as data: what a template needs to draw a badge, a pager, a chart.

Each class says what its part shows; ``templates/web/parts/`` draws it and ``/design/`` shows all of them.
Nothing here asks the database or the clock.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlencode

from xinlu.law.rulebook import Level

GLYPH_OF_COLOUR = {
    "green": "disc",
    "blue": "disc",
    "yellow": "triangle",
    "orange": "diamond",
    "red": "square",
    "grey": "ring",
}
"""A second sign beside the colour, so that nobody needs to see the colour."""

SHADES = {1: (1,), 2: (1, 5), 3: (1, 3, 5), 4: (1, 2, 3, 5), 5: (1, 2, 3, 4, 5)}
"""Which of the five shades the ranks of a set of n levels get, best first."""

_STAR = re.compile(r"^(?:star)?([一二三四五1-5])\s*(?:星|$)")
_LETTERS = re.compile(r"^[A-Z]{1,5}[+-]?$")
_STARS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5}


def shade_of_rank(rank: int, size: int) -> int:
    """The shade (1 best … 5 worst) of the ``rank``-th level, from 1, of a set of ``size`` levels.

    >>> [shade_of_rank(rank, 4) for rank in (1, 2, 3, 4)]
    [1, 2, 3, 5]
    >>> [shade_of_rank(rank, 6) for rank in range(1, 7)]
    [1, 2, 3, 3, 4, 5]
    """
    if size in SHADES:
        return SHADES[size][rank - 1]
    return 1 + ((rank - 1) * 8 + size - 1) // (2 * (size - 1))


# ── badges ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Badge:
    """A level as people see it: shape by kind of rating, colour by rank in its set, letter always there."""

    shape: Literal["level", "stars", "code", "capsule", "flag", "listed", "unlisted", "pill", "determined"]
    text: str
    css: str
    label: str
    """What a screen reader says and a tooltip shows."""
    glyph: str = ""
    on: tuple[bool, ...] = ()
    """Of stars: which are filled."""


def badge_of(
    *,
    level: str | None,
    levels: Sequence[Level] = (),
    kind: str = "industry_credit",
    status: str = "rated",
    flag: bool | None = None,
) -> Badge:
    """The badge of an answer.

    ``levels`` is the declared set, best first; ``kind`` the kind of the book; ``flag`` the yes or no of a list.
    An answer that is not there gives 未评 or 待人工, never a level.

    >>> four = [Level(level=name, title="") for name in ("AAA", "AA", "A", "B")]
    >>> badge_of(level="A", levels=four).css, badge_of(level="A", levels=four).label
    ('rank-3', 'A，第 3 档，共 4 档')
    >>> badge_of(level=None).text
    '未评'
    """
    if flag is not None and not level:
        return _listed(flag)
    if not level:
        return _absent(status)
    names = [step.level for step in levels]
    step = levels[names.index(level)] if level in names else None
    text = shown_level(level, levels)
    if step and step.colour:
        return _coloured(text, step.colour, kind)
    if stars := _STAR.match(level):
        return _starred(stars.group(1), max(5, len(names)))
    if kind == "public_credit":
        return Badge("pill", f"公共信用 {text}", "outline-pill", f"公共信用 {text}")
    if step is None:
        return Badge("determined", text, "determined", text)
    rank = names.index(level) + 1
    if not _LETTERS.match(text):
        return _outcome(text, rank, len(names))
    words = f"{text} {step.title}".strip() if step.title != text else text
    label = f"{words}，第 {rank} 档，共 {len(names)} 档"
    return Badge("level", text, f"rank-{shade_of_rank(rank, len(names))}", label)


def shown_level(level: str, levels: Sequence[Level] = ()) -> str:
    """A level as people write it: a letter grade as it is, a code by its title.

    >>> shown_level("blue", [Level(level="blue", title="蓝码")]), shown_level("AA", [Level(level="AA", title="优")])
    ('蓝码', 'AA')
    """
    if _LETTERS.match(level):
        return level
    return next((step.title for step in levels if step.level == level and step.title), level)


def _outcome(text: str, rank: int, size: int) -> Badge:
    """An answer in words (列入, 停业整顿): outlined, never a letter’s colours."""
    label = f"{text}，第 {rank} 种结论，共 {size} 种"
    if rank == 1:
        return Badge("unlisted", text, "unlisted", label, "ring")
    if rank == size:
        return Badge("listed", text, "listed", label, "square")
    return Badge("determined", text, "between", label, "triangle")


def _absent(status: str) -> Badge:
    if status == "open":
        return Badge("level", "待人工", "rank-open", "待人工认定，尚无等级")
    return Badge("level", "未评", "rank-none", "未参评或数据不足，没有等级")


def _listed(on: bool) -> Badge:
    if on:
        return Badge("listed", "列入", "listed", "列入名单", "square")
    return Badge("unlisted", "未列入", "unlisted", "未列入名单", "ring")


def _coloured(text: str, colour: str, kind: str) -> Badge:
    glyph = GLYPH_OF_COLOUR[colour]
    if kind == "warning":
        words = text if "预警" in text else f"{text}预警"
        return Badge("flag", words, f"flag code-{colour}", words)
    if kind == "business_code":
        return Badge("capsule", text, f"capsule code-{colour}", text, glyph)
    return Badge("code", text, f"colour-code code-{colour}", text, glyph)


def _starred(sign: str, size: int) -> Badge:
    count = _STARS.get(sign) or int(sign)
    words = f"{'零一二三四五六七八九'[count]}星" if count < 10 else f"{count} 星"
    return Badge("stars", words, "stars", f"{words}级，满级 {size} 星", on=tuple(i < count for i in range(size)))


GRADES = {
    "official": ("正式", "条文原文已核对"),
    "secondary": ("转引", "见于转引、表格或报告，未见原文"),
    "unverified": ("待核", "已知有此规定，未见文本"),
    "sample": ("示例", "本系统拟定的示例，不是法定规则"),
}
"""Grade of a source → its tag and what it means."""


# ── lists: pager, filters, tabs ─────────────────────────────────────────────


@dataclass(frozen=True)
class Pager:
    """Where a list stands: ``page`` from 1, ``size`` rows a page, ``total`` rows.

    >>> pager = Pager(page=2, size=20, total=45, query={"q": "路桥"})
    >>> pager.first, pager.last, pager.pages, pager.address(3)
    (21, 40, 3, '?q=%E8%B7%AF%E6%A1%A5&page=3')
    """

    page: int
    size: int
    total: int
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def pages(self) -> int:
        return max(1, math.ceil(self.total / self.size))

    @property
    def first(self) -> int:
        return min(self.total, (self.page - 1) * self.size + 1)

    @property
    def last(self) -> int:
        return min(self.total, self.page * self.size)

    @property
    def rows(self) -> slice:
        return slice((self.page - 1) * self.size, self.page * self.size)

    def address(self, page: int) -> str:
        """The address of another page of the same list."""
        return "?" + urlencode({**self.query, "page": page})

    @property
    def links(self) -> list[tuple[int, str]]:
        """Page numbers worth a link; 0 stands for a gap."""
        near = {1, self.pages, *range(self.page - 2, self.page + 3)}
        numbers = sorted(number for number in near if 1 <= number <= self.pages)
        links: list[tuple[int, str]] = []
        for number in numbers:
            if links and number - links[-1][0] > 1:
                links.append((0, ""))
            links.append((number, self.address(number)))
        return links

    @property
    def before(self) -> str:
        return self.address(self.page - 1) if self.page > 1 else ""

    @property
    def after(self) -> str:
        return self.address(self.page + 1) if self.page < self.pages else ""


def page_number(text: str | None) -> int:
    """The page that an address asks for; anything else than a positive number is page 1.

    >>> page_number("3"), page_number("x"), page_number("-1")
    (3, 1, 1)
    """
    return max(1, int(text)) if text and text.isascii() and text.isdigit() and len(text) < 7 else 1


@dataclass(frozen=True)
class Filter:
    """One field of a filter bar. ``options`` are (value, title) pairs of a select."""

    name: str
    title: str
    kind: Literal["text", "select", "date"] = "text"
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()
    placeholder: str = ""
    fixed: bool = False
    """Always has one of its values: no “all”, nothing to take away."""

    @property
    def wide(self) -> bool:
        """Takes two places: one of its titles is long."""
        return any(len(title) > 12 for _, title in self.options)

    @property
    def words(self) -> str:
        """The chosen value as a person reads it."""
        return dict(self.options).get(self.value, self.value)


@dataclass(frozen=True)
class FilterBar:
    """Filters whose whole state is the address, so a list can be shared and the back button works."""

    filters: tuple[Filter, ...]
    keep: Mapping[str, str] = field(default_factory=dict)
    """Other parts of the address that the form carries along."""

    @property
    def query(self) -> dict[str, str]:
        return {**self.keep, **{item.name: item.value for item in self.filters if item.value}}

    @property
    def chips(self) -> list[tuple[Filter, str]]:
        """Each filter in force with the address that takes it away."""
        return [
            (item, "?" + urlencode({k: v for k, v in self.query.items() if k != item.name}))
            for item in self.filters
            if item.value and not item.fixed
        ]

    @property
    def clear(self) -> str:
        return "?" + urlencode(dict(self.keep))


@dataclass(frozen=True)
class Tab:
    """One tab: a link with a count; ``count`` None shows no number."""

    title: str
    address: str
    count: int | None = None
    here: bool = False


@dataclass(frozen=True)
class Event:
    """One point of a timeline."""

    day: date | None
    title: str
    words: str = ""
    tone: Literal["", "done", "bad"] = ""
    address: str = ""


@dataclass(frozen=True)
class Pair:
    """One fact of a key-value card. ``wide`` takes the whole row; ``code`` is set in figures of one width."""

    title: str
    value: Any
    wide: bool = False
    code: bool = False
    address: str = ""


@dataclass(frozen=True)
class Problem:
    """One line of an error summary; ``anchor`` is the id of the field it speaks of."""

    sentence: str
    anchor: str = ""


# ── charts with their table twin ────────────────────────────────────────────


@dataclass(frozen=True)
class Series:
    """One named row of numbers, as long as the chart's categories. ``colour`` is a token such as ``rank-1``."""

    name: str
    numbers: tuple[int | Decimal | None, ...]
    colour: str = ""


@dataclass(frozen=True)
class Chart:
    """A figure and the table that says the same. ``map`` is the address of a GeoJSON file; its features are
    found by ``name``, so the categories of a map are the names of its regions."""

    ident: str
    title: str
    kind: Literal["bar", "stacked", "line", "map"]
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    axis: str = ""
    """Heading of the first column of the table."""
    unit: str = ""
    words: str = ""
    """What the figure says, in one sentence, for everybody and for screen readers."""
    map: str = ""
    tall: bool = False
    addresses: tuple[str, ...] = ()
    """Where each category leads; empty for none."""

    @property
    def rows(self) -> list[tuple[str, str, list[int | Decimal | None]]]:
        addresses: Iterable[str] = self.addresses or [""] * len(self.categories)
        return [
            (name, address, [series.numbers[i] for series in self.series])
            for i, (name, address) in enumerate(zip(self.categories, addresses, strict=True))
        ]

    @property
    def spec(self) -> dict[str, Any]:
        """What the browser draws from; JSON types only."""
        return {
            "title": self.title,
            "kind": self.kind,
            "categories": list(self.categories),
            "unit": self.unit,
            "map": self.map,
            "addresses": list(self.addresses),
            "series": [
                {
                    "name": series.name,
                    "colour": series.colour,
                    "numbers": [None if n is None else float(n) for n in series.numbers],
                }
                for series in self.series
            ],
        }
