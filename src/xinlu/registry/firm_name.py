"""A firm's name taken apart: place, core, legal form and branch, each in one spelling.

Chinese firm names are made of 行政区划 + 字号 + 行业 + 组织形式 (企业名称登记管理规定, art. 6). The core (字号 with
行业) is what tells firms apart; place and legal form are what people leave out, shorten or write in another order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from xinlu.law.regions import Region, Regions

LIMITED, SHARES = "limited", "shares"
FORMS = (
    ("股份有限公司", SHARES),
    ("股份公司", SHARES),
    ("有限责任公司", LIMITED),
    ("有限公司", LIMITED),
    ("公司", LIMITED),
)
"""Endings of a name → legal form; 公司 alone is how people shorten a limited company."""
_ENDINGS = frozenset(ending for ending, _ in FORMS)
LEAST_CORE = 2
"""A core shorter than this is no name: the place or form that was cut off belongs to it."""

_ASIDE = re.compile(r"\((?:原|现|曾用名|个体|普通合伙|特殊普通合伙|有限合伙|自然人独资|法人独资)[^)]*\)")
_SIGNS = re.compile(r"[^0-9A-Z\u3400-\u9fff\U00020000-\U0003ffff()]+")
_BRACKETS = str.maketrans("", "", "()")
_BRANCH_ENDS = "分公司|分店|分部|分厂|分社|营业部|项目部|办事处|经理部"
_BRANCH = re.compile(rf"^(.{{3,}}?(?:公司|集团|合作社|厂))(.{{0,16}}?(?:{_BRANCH_ENDS}))$")
_PERSONAL_END = re.compile(r"(?:个体工商户|个体运输户|运输户|个体户|货运户|货运部|运输部|货运服务部|运输服务部|车队)$")


@dataclass(frozen=True, slots=True)
class FirmName:
    """A name in parts. ``whole`` is one spelling of everything, without signs and brackets."""

    whole: str
    core: str
    """字号 with 行业: what is left without place, form and branch."""
    form: str = ""
    """``limited``, ``shares`` or empty: another form, or none."""
    places: tuple[str, ...] = ()
    """Codes of the divisions that it begins with or names in brackets, widest first."""
    branch: str = ""
    """What follows the name of the parent in the name of a branch."""
    head: str = ""
    """Of a branch: the parent's name in one spelling."""


class Places:
    """Names of divisions as they stand in the names of firms and in addresses.

    >>> from pathlib import Path
    >>> from xinlu.law.regions import load_regions
    >>> places = Places.of(load_regions(Path("standards/regions.yaml")))
    >>> places.cut("杭州市西湖区示例货运部")
    (('330100', '330106'), '示例货运部')
    >>> places.parts("示例顺达（杭州）物流有限责任公司宁波分公司").core
    '示例顺达物流'
    >>> places.of_address("浙江省杭州市西湖区示例路 18 号")
    ('330106', '示例路18号')
    """

    def __init__(self, regions: Iterable[Region]) -> None:
        self.parents: dict[str, str | None] = {}
        names: dict[str, list[Region]] = {}
        for one in regions:
            self.parents[one.code] = one.parent
            for word in {one.name, one.short}:
                if len(word) >= 2:
                    names.setdefault(word, []).append(one)
        self.names: Mapping[str, list[Region]] = names
        self.longest = max(map(len, names), default=0)

    @classmethod
    def of(cls, regions: Regions) -> Places:
        """All divisions of the law."""
        return cls(regions.all)

    def cut(self, text: str, *, least: int = LEAST_CORE) -> tuple[tuple[str, ...], str]:
        """Codes of the divisions that ``text`` begins with, and the rest, which keeps at least ``least`` signs."""
        found: list[str] = []
        while len(found) < 4:
            taken = next(
                (
                    (word, fits)
                    for size in range(min(self.longest, len(text) - least), 1, -1)
                    if (fits := self._fitting(word := text[:size], found))
                ),
                None,
            )
            if taken is None:
                break
            found.append(taken[1])
            text = text[len(taken[0]) :]
        return tuple(found), text

    def _fitting(self, word: str, within: list[str]) -> str | None:
        """The division called ``word`` that lies in those named before; a name that several bear must be told so."""
        rows = [one.code for one in self.names.get(word, ())]
        fits = [code for code in rows if within and within[-1] in self.line(code) and code != within[-1]]
        if fits or within:
            return fits[0] if fits else None
        return rows[0] if len(rows) == 1 else None

    def line(self, code: str) -> tuple[str, ...]:
        """``code`` and the divisions above it."""
        found = [code]
        while (above := self.parents.get(found[-1])) is not None:
            found.append(above)
        return tuple(found)

    def agree(self, a: str, b: str) -> bool:
        """Whether one of two divisions lies in the other, or both are one."""
        return a in self.line(b) or b in self.line(a)

    def same(self, one: str, other: str) -> bool:
        """Whether two names are one in another spelling or legal form of words.

        >>> from pathlib import Path
        >>> from xinlu.law.regions import load_regions
        >>> places = Places.of(load_regions(Path("standards/regions.yaml")))
        >>> places.same("示例運輸有限公司", "示例运输有限责任公司"), places.same("示例运输有限公司", "示例物流有限公司")
        (True, False)
        """
        a, b = self.parts(one), self.parts(other)
        return a.whole == b.whole or (a.core, a.form, a.branch, a.places) == (b.core, b.form, b.branch, b.places)

    @lru_cache(maxsize=16384)  # noqa: B019 – one table of divisions lives as long as the process
    def of_address(self, address: str) -> tuple[str, str]:
        """The narrowest division that an address begins with (empty: none), and the rest in one spelling."""
        codes, rest = self.cut(folded(address).translate(_BRACKETS), least=0)
        return (codes[-1] if codes else ""), rest

    @lru_cache(maxsize=16384)  # noqa: B019
    def parts(self, name: str) -> FirmName:
        """``name`` taken apart."""
        text = folded(name)
        whole = text.translate(_BRACKETS)
        if found := _BRANCH.match(text):
            head = self.parts(found[1])
            return FirmName(whole, head.core, head.form, head.places, found[2].translate(_BRACKETS), head.whole)
        codes, rest = self.cut(text)
        inside = [code for word in re.findall(r"\((.+?)\)", rest) if (code := self._fitting(word, []))]
        rest = re.sub(r"\((.+?)\)", lambda m: "" if self._fitting(m[1], []) else m[1], rest).translate(_BRACKETS)
        form, core = _form(rest)
        if core in _ENDINGS:
            core = whole
        return FirmName(whole, core, form, (*codes, *(one for one in inside if one not in codes)))


@lru_cache(maxsize=16384)
def folded(name: str) -> str:
    """One spelling: half width, simplified signs, upper case, brackets kept, asides and other signs gone.

    >>> folded("示例運輸（浙江）有限公司（普通合伙）"), folded("Ａ 示例·货运部")
    ('示例运输(浙江)有限公司', 'A示例货运部')
    """
    text = unicodedata.normalize("NFKC", name).upper()
    text = _SIGNS.sub("", _simplified(text).replace("〔", "(").replace("〕", ")"))
    return _ASIDE.sub("", text)


def _simplified(text: str) -> str:
    return text if text.isascii() else str(_converter().convert(text))


@cache
def _converter() -> Any:
    # Tables of two megabytes and more: only who compares or enrols firms needs them.
    from opencc import OpenCC

    return OpenCC("t2s")


def _form(text: str) -> tuple[str, str]:
    for ending, form in FORMS:
        if text.endswith(ending) and len(text) - len(ending) >= LEAST_CORE:
            return form, text[: -len(ending)]
    return "", text


def called_person(name: str) -> str:
    """The person that a trader's name may be: without the words behind it; empty when it is none.

    >>> called_person("赵示甲运输户"), called_person("赵示甲(个体工商户)"), called_person("示例青禾货运部")
    ('赵示甲', '赵示甲', '')
    """
    text = _PERSONAL_END.sub("", folded(name).translate(_BRACKETS))
    return text if 2 <= len(text) <= 3 else ""


@lru_cache(maxsize=65536)
def _sound_of(sign: str) -> str:
    # Its dictionaries take 55 MB.
    from pypinyin import Style, lazy_pinyin

    return str(lazy_pinyin(sign, style=Style.NORMAL)[0])


def sound(text: str) -> str:
    """How ``text`` is read, sign by sign, without tones: the same for signs that are mistaken for each other.

    >>> sound("示例浩通") == sound("示例皓通")
    True
    """
    return " ".join(map(_sound_of, text))
