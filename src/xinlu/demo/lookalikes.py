"""Subjects and dirty rows of which it is known who is meant: for measuring how well “who is who” is answered.

Each row has one sort of dirt (:data:`DIRT`). Half of the pairs that must be told apart match: for each row there is one
pair (row, subject), and in every second row that subject looks alike and is somebody else – the one who is meant is not
registered at all, or is another subject. Everything follows from a seed; nobody bears these names or codes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random
from typing import Literal

from opencc import OpenCC

from xinlu.demo import names
from xinlu.law.identifiers import USCC_SIGNS, make_uscc
from xinlu.law.regions import Region, Regions
from xinlu.registry.enrol import NewSubject
from xinlu.registry.likeness import Said
from xinlu.registry.revise import Revision

BORN = date(2015, 1, 1)
RENAMED = date(2022, 7, 1)
TODAY = date(2026, 6, 30)
TRADES = (
    "物流",
    "运输",
    "货运",
    "客运",
    "仓储",
    "路桥工程",
    "交通设施",
    "市政工程",
    "港口服务",
    "船务",
    "汽车维修",
    "快运",
)
SHOPS = ("货运部", "运输部", "汽修店", "配载部", "停车场", "驾驶培训部")
ROADS = ("青禾", "云川", "海舟", "松峰", "岚桥", "柏岭", "岩湾", "溪屿", "星帆", "远途", "恒驰", "辰洲")
ALIKE = {"青": "清", "云": "芸", "海": "亥", "松": "淞", "泽": "择", "岚": "兰", "柏": "百", "岩": "言", "溪": "西"}
ALIKE |= {"星": "兴", "远": "苑", "恒": "衡", "辰": "晨", "霖": "林", "澄": "诚", "朗": "郎", "屹": "艺", "蔚": "卫"}
"""Signs that are read alike and stand for each other by mistake, or in another firm's name."""

DIRT: Mapping[str, str] = {
    "legal_form": "有限公司／有限责任公司／公司",
    "spelling": "全角、繁体",
    "code_one": "代码错一位",
    "code_swapped": "代码相邻两位颠倒",
    "no_code": "没有代码",
    "old_name": "更名后仍写旧名",
    "two_counties": "两县同名",
    "branch": "分公司与总公司",
    "trader_owner": "以经营者姓名称呼的个体户",
}
"""Sort of dirt → what it is called."""
_TRADITIONAL = OpenCC("s2t")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


@dataclass(frozen=True)
class Row:
    """A dirty row. ``meant``: the subject, None when nobody registered is meant. ``alike``: who must not be taken."""

    dirt: str
    said: Said
    meant: int | None
    alike: int | None = None


@dataclass
class _Firm:
    """A subject on the drawing board; its place in the list is its number."""

    place: int
    kind: str
    name: str
    region: Region
    city: Region
    word: str
    trade: str
    uscc: str
    address: str
    owner: str
    old: str = ""


@dataclass
class Lookalikes:
    """A registry of ``count`` subjects, and rows about them."""

    count: int
    regions: Regions
    seed: int = 1
    firms: list[_Firm] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.leaves = self.regions.leaves
        self.borne: set[tuple[str, str]] = set()
        self.serial = 0
        while len(self.firms) < self.count:
            self._draw()

    # ── who is registered ──

    def subjects(self) -> Iterator[NewSubject]:
        """The subjects as they are enrolled, in the order of their numbers."""
        for one in self.firms:
            owner = "operator_name" if one.kind == "sole_trader" else "legal_representative"
            facts = {"address": one.address, owner: one.owner}
            yield NewSubject(one.kind, one.old or one.name, one.region.code, {"uscc": one.uscc}, BORN, attributes=facts)

    def revisions(self, numbers: Sequence[int]) -> list[Revision]:
        """Changes of name, for subjects that were enrolled under ``numbers``."""
        return [Revision(numbers[one.place], RENAMED, name=one.name) for one in self.firms if one.old]

    def _draw(self) -> None:
        draw = self.chance.random()
        firm = self._trader() if draw < 0.3 else self._enterprise()
        self._register(firm)
        if draw > 0.96 and len(self.firms) < self.count:
            self._register(self._branch_of(firm))
        elif 0.15 < draw < 0.36 and len(self.firms) < self.count:
            self._register(self._namesake(firm))

    def _register(self, firm: _Firm) -> None:
        if self._is_free(firm.name, firm.region.code):
            self.borne |= {(firm.name, firm.region.code), (firm.old, firm.region.code)}
            firm.place = len(self.firms)
            self.firms.append(firm)

    def _is_free(self, name: str, region: str) -> bool:
        return (name, region) not in self.borne

    def _new(self, kind: str, region: Region, word: str, trade: str, name: str) -> _Firm:
        self.serial += 1
        city = self.regions.city_of(region.code) or region
        holder: Literal["sole_trader", "enterprise"] = "sole_trader" if kind == "sole_trader" else "enterprise"
        code = make_uscc(self.serial, region=region.code, holder=holder)
        return _Firm(-1, kind, name, region, city, word, trade, code, self._address(region), self._person())

    def _enterprise(self) -> _Firm:
        region, word, trade = self._place(), self._word(), self.chance.choice(TRADES)
        firm = self._new("enterprise", region, word, trade, self._named(region, word, trade))
        if self.chance.random() < 0.1:
            firm.old = self._named(region, self._word(), trade)
        return firm

    def _named(self, region: Region, word: str, trade: str) -> str:
        city = self.regions.city_of(region.code) or region
        form = "有限责任公司" if self.chance.random() < 0.25 else "有限公司"
        draw = self.chance.random()
        if draw < 0.35:
            return f"{city.short}示例{word}{trade}{form}"
        if draw < 0.5:
            return f"{city.name}{region.name if region is not city else ''}示例{word}{trade}{form}"
        if draw < 0.65:
            return f"示例{word}（{city.short}）{trade}{form}"
        return f"示例{word}{trade}{form}"

    def _trader(self) -> _Firm:
        region, word, shop = self._place(), self._word(), self.chance.choice(SHOPS)
        firm = self._new("sole_trader", region, word, shop, "")
        draw = self.chance.random()
        if draw < 0.25:
            firm.name = f"{region.name}{firm.owner}{shop}"
        elif draw < 0.35:
            firm.name = f"{firm.owner}（个体工商户）"
        elif draw < 0.7:
            firm.name = f"{region.name}示例{word}{shop}"
        else:
            firm.name = f"示例{word}{shop}"
        return firm

    def _branch_of(self, parent: _Firm) -> _Firm:
        region = self._place()
        city = self.regions.city_of(region.code) or region
        return self._new("enterprise", region, parent.word, "分公司", f"{parent.name}{city.short}分公司")

    def _namesake(self, firm: _Firm) -> _Firm:
        """The same name in another county, where the name says no place; else a firm of another trade."""
        region = self._place(other_than=firm.region)
        if firm.kind == "enterprise" and not firm.name.startswith("示例"):
            trade = self.chance.choice([one for one in TRADES if one != firm.trade])
            return self._new("enterprise", firm.region, firm.word, trade, firm.name.replace(firm.trade, trade))
        return self._new(firm.kind, region, firm.word, firm.trade, firm.name.replace(firm.region.name, region.name))

    def _place(self, other_than: Region | None = None) -> Region:
        return self.chance.choice([one for one in self.leaves if one is not other_than])

    def _word(self) -> str:
        return names.word(self.chance.randrange(8000))

    def _person(self) -> str:
        return names.person(self.chance.randrange(32 * 52))

    def _address(self, region: Region) -> str:
        full = self.regions.full_name(region.code)
        return f"浙江省{full}示例{self.chance.choice(ROADS)}路{self.chance.randrange(1, 999)}号"

    # ── what is said of them ──

    def rows(self, count: int, numbers: Sequence[int]) -> list[Row]:
        """``count`` rows, each sort of dirt as often; every second one is about nobody who is registered."""
        made: list[Row] = []
        sorts = list(DIRT)
        while len(made) < count:
            dirt = sorts[len(made) // 2 % len(sorts)]
            make: Callable[[bool], Row | None] = getattr(self, f"_{dirt}")
            if row := make(len(made) % 2 == 0):
                made.append(replace(row, meant=_number(row.meant, numbers), alike=_number(row.alike, numbers)))
        return made

    def _pick(self, fits: Callable[[_Firm], bool]) -> _Firm:
        while True:
            one = self.chance.choice(self.firms)
            if fits(one):
                return one

    def _said(self, firm: _Firm, name: str, *, code: str = "", address: float = 0.4) -> Said:
        """A row about ``firm``: the county always but in one of thirty, the address sometimes, the owner sometimes."""
        given = self.chance.random
        return Said(
            codes=(("uscc", code),) if code else (),
            name=name,
            region=firm.region.code if given() > 0.033 else "",
            address=self._written(firm.address) if given() < address else "",
            owner=firm.owner if given() < 0.2 else "",
            on=date(2023, 1, 1).replace(month=self.chance.randrange(1, 13)),
        )

    def _written(self, address: str) -> str:
        """An address as another office writes it."""
        draw = self.chance.random()
        if draw < 0.3:
            return address.removeprefix("浙江省")
        return _TRADITIONAL.convert(address) if draw < 0.4 else address.translate(_WIDE) if draw < 0.5 else address

    def _other_form(self, name: str) -> str:
        for ending in ("有限责任公司", "有限公司"):
            if name.endswith(ending):
                other = [one for one in ("有限责任公司", "有限公司", "公司") if one != ending]
                return name.removesuffix(ending) + self.chance.choice(other)
        return name

    def _unregistered(self, near: _Firm, name: str, *, region: Region | None = None) -> _Firm | None:
        """Somebody who is not in the registry; None when the name is borne there after all."""
        where = region or near.region
        if not self._is_free(name, where.code) or name == near.name:
            return None
        return self._new(near.kind, where, near.word, near.trade, name)

    def _similar(self, firm: _Firm) -> str:
        """Another firm's name that is hard to tell from this one's."""
        draw = self.chance.random()
        if firm.trade in firm.name and firm.kind == "enterprise" and draw < 0.4:
            return firm.name.replace(firm.trade, self.chance.choice([t for t in TRADES if t != firm.trade]))
        place = self.chance.randrange(len(firm.word))
        sign = firm.word[place]
        other = ALIKE.get(sign) if draw < 0.7 else None
        other = other or self.chance.choice([one for one in names.SECOND if one != sign])
        return firm.name.replace(firm.word, firm.word[:place] + other + firm.word[place + 1 :])

    def _is_plain(self, one: _Firm) -> bool:
        return one.kind == "enterprise" and not one.old and one.name.endswith("公司") and "分公司" not in one.name

    def _legal_form(self, matches: bool) -> Row | None:
        firm = self._pick(self._is_plain)
        if matches:
            return Row("legal_form", self._said(firm, self._other_form(firm.name)), firm.place)
        other = self._unregistered(firm, self._similar(firm))
        if other is None:
            return None
        return Row("legal_form", self._said(other, self._other_form(other.name)), None, firm.place)

    def _spelling(self, matches: bool) -> Row | None:
        firm = self._pick(lambda one: one.kind == "enterprise" and not one.old)
        other: _Firm | None = firm if matches else self._unregistered(firm, self._similar(firm))
        if other is None:
            return None
        name = _TRADITIONAL.convert(other.name)
        name = name.translate(_WIDE) if self.chance.random() < 0.5 else name.replace("（", "(").replace("）", " )")
        said = self._said(other, name)
        return Row("spelling", said, firm.place) if matches else Row("spelling", said, None, firm.place)

    def _code_one(self, matches: bool) -> Row | None:
        return self._miscoded("code_one", matches, self._one_wrong)

    def _code_swapped(self, matches: bool) -> Row | None:
        return self._miscoded("code_swapped", matches, self._swapped)

    def _miscoded(self, dirt: str, matches: bool, spoil: Callable[[str], str]) -> Row | None:
        firm = self._pick(lambda one: not one.old)
        code = spoil(firm.uscc)
        if not matches:
            # Somebody else, whose spoilt code lies beside that of a registered firm.
            other = self._unregistered(firm, self._named(firm.region, self._word(), self.chance.choice(TRADES)))
            if other is None:
                return None
            return Row(dirt, self._said(other, other.name, code=code), None, firm.place)
        draw = self.chance.random()
        name = firm.name if draw < 0.7 else self._other_form(firm.name) if draw < 0.9 else ""
        return Row(dirt, self._said(firm, name, code=code), firm.place)

    def _one_wrong(self, code: str) -> str:
        place = self.chance.randrange(2, 18)
        signs = USCC_SIGNS if place > 7 else "0123456789"
        return code[:place] + self.chance.choice([s for s in signs if s != code[place]]) + code[place + 1 :]

    def _swapped(self, code: str) -> str:
        places = [n for n in range(2, 17) if code[n] != code[n + 1]]
        n = self.chance.choice(places)
        return code[:n] + code[n + 1] + code[n] + code[n + 2 :]

    def _no_code(self, matches: bool) -> Row | None:
        firm = self._pick(lambda one: not one.old)
        other: _Firm | None = firm if matches else self._unregistered(firm, self._similar(firm))
        if other is None:
            return None
        blank = self.chance.choice(("", "", "无", "000000000000000000"))
        return Row("no_code", self._said(other, other.name, code=blank), *_who(matches, firm))

    def _old_name(self, matches: bool) -> Row | None:
        firm = self._pick(lambda one: bool(one.old))
        if matches:
            said = self._said(firm, firm.old)
            on = date(2021, 5, 1) if self.chance.random() < 0.5 else said.on
            return Row("old_name", replace(said, on=on), firm.place)
        # Somebody who has taken the name that this firm gave up, and says so under a code of its own.
        taker = self._new(firm.kind, firm.region, firm.word, firm.trade, firm.old)
        return Row("old_name", self._said(taker, taker.name, code=taker.uscc), None, firm.place)

    def _two_counties(self, matches: bool) -> Row | None:
        firm = self._pick(lambda one: not one.old and one.name.startswith("示例") and "（" not in one.name)
        if matches:
            said = self._said(firm, firm.name)
            if not said.region and not said.address:
                said = replace(said, address=firm.address)
            return Row("two_counties", said, firm.place)
        region = self._place(other_than=firm.region)
        other = self._unregistered_there(firm, region)
        if other is None:
            return None
        said = self._said(other, other.name)
        return Row("two_counties", said if said.region else replace(said, address=other.address), None, firm.place)

    def _unregistered_there(self, firm: _Firm, region: Region) -> _Firm | None:
        if not self._is_free(firm.name, region.code):
            return None
        return self._new(firm.kind, region, firm.word, firm.trade, firm.name)

    def _branch(self, matches: bool) -> Row | None:
        if matches:
            firm = self._pick(lambda one: "分公司" in one.name)
            return Row("branch", self._said(firm, self._other_head(firm.name)), firm.place)
        parent = self._pick(self._is_plain)
        city = self.regions.city_of(self._place().code)
        assert city is not None
        other = self._unregistered(parent, f"{parent.name}{city.short}分公司", region=parent.region)
        return None if other is None else Row("branch", self._said(other, other.name), None, parent.place)

    def _other_head(self, name: str) -> str:
        """Sometimes the parent inside a branch's name is written in another form."""
        return name.replace("有限责任公司", "有限公司") if self.chance.random() < 0.5 else name

    def _trader_owner(self, matches: bool) -> Row | None:
        firm = self._pick(lambda one: one.kind == "sole_trader")
        name = firm.owner + self.chance.choice(("", "运输户", "（个体工商户）", "货运部"))
        if matches:
            return Row("trader_owner", replace(self._said(firm, name, address=1.0), owner=""), firm.place)
        # A namesake of the owner, at another address in the same county or in another county.
        region = firm.region if self.chance.random() < 0.6 else self._place(other_than=firm.region)
        other = self._new("sole_trader", region, firm.word, firm.trade, name)
        return Row("trader_owner", replace(self._said(other, name, address=1.0), owner=""), None, firm.place)


def _who(matches: bool, firm: _Firm) -> tuple[int | None, int | None]:
    return (firm.place, None) if matches else (None, firm.place)


def _number(place: int | None, numbers: Sequence[int]) -> int | None:
    return None if place is None else numbers[place]


# ── how well it went ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Quality:
    """Of rows of one sort: how many there were, and how many proposals were right, wrong or missing."""

    rows: int
    right: int
    wrong: int
    missed: int
    seen: int = 0
    """Rows whose subject stood among the candidates at all, proposed or not."""

    @property
    def precision(self) -> float:
        """Right proposals ÷ all proposals; 1 without any."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Right proposals ÷ rows whose subject is registered; 1 without any."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def quality(rows: Iterable[tuple[Row, int | None, bool]]) -> dict[str, Quality]:
    """(row, who was proposed, whether who is meant was shown) → quality by sort of dirt, and of all under ``all``."""
    counts: dict[str, Counter[str]] = {}
    for row, proposal, shown in rows:
        right = proposal is not None and proposal == row.meant
        for name in (row.dirt, "all"):
            tally = counts.setdefault(name, Counter())
            tally["rows"] += 1
            tally["right"] += right
            tally["wrong"] += proposal is not None and not right
            tally["missed"] += row.meant is not None and not right
            tally["seen"] += shown
    return {name: Quality(t["rows"], t["right"], t["wrong"], t["missed"], t["seen"]) for name, t in counts.items()}
