"""How alike are what a row says of somebody and what the registry knows of a subject; and why.

Pure: no database, no clock. Each line of evidence gives points and the sentence that says so; the sum makes the
score. Equal identifiers are not weighed here: they decide, and everything below only helps a person to decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Literal

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from xinlu.law.identifiers import TITLES, is_valid, normalise
from xinlu.registry.codes_near import CHECKED, MARKS, near
from xinlu.registry.firm_name import SHARES, FirmName, Places, called_person, folded, sound

LIKELY = 75
"""From here on a candidate is proposed: in all likelihood the one that is meant."""
POSSIBLE = 35
"""From here on a candidate is shown at all."""
MARGIN = 9
"""Two likely candidates nearer to each other than this are both only possible: the row does not tell which."""

FORMER = MARGIN
"""Points that a name of the past is worth less: who bears it today is preferred, without a doubt left."""

Verdict = Literal["equal", "likely", "possible", "unlike"]
Part = Literal["code", "name", "owner", "region", "address", "before"]

TRADER = "sole_trader"
_NO_CODE = re.compile(r"^(?:无|暂无|不详|/+|-+|0+|NA|N/A|NULL)?$", re.IGNORECASE)
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says of one subject. Empty texts: not said. ``codes``: (type or empty, value).

    ``region`` is a division code; ``owner`` the legal representative or operator; ``on`` the day of the fact;
    ``kinds`` those that may stand in the role (none: any).
    """

    codes: tuple[tuple[str, str], ...] = ()
    name: str = ""
    region: str = ""
    address: str = ""
    owner: str = ""
    on: date | None = None
    kinds: tuple[str, ...] = ()

    @property
    def given(self) -> tuple[tuple[str, str], ...]:
        """The codes that are more than 无 or a row of zeros."""
        return tuple(one for one in self.codes if not _NO_CODE.match(one[1].strip()))


@dataclass(frozen=True, slots=True)
class Called:
    """A name that a subject bears or bore, on [since, until)."""

    name: str
    since: date | None = None
    until: date | None = None

    def on(self, day: date) -> bool:
        """Whether it bore the name on ``day``."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True)
class Known:
    """What the registry knows of a subject. ``names``: the present one first; ``codes``: (type, value), clear."""

    number: int
    kind: str
    names: tuple[Called, ...]
    codes: tuple[tuple[str, str], ...] = ()
    region: str = ""
    address: str = ""
    owner: str = ""
    natural: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of evidence: points for (or against) and the sentence for people."""

    part: Part
    points: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """A score from 0 to 100 with the reasons that add up to it, and what it means."""

    score: int
    verdict: Verdict
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class _Pair:
    said: Said
    known: Known
    places: Places
    parts: FirmName | None
    """Of the name that is said."""


def likeness(said: Said, known: Known, places: Places) -> Likeness:
    """Compare one row with one subject.

    >>> from pathlib import Path
    >>> from xinlu.law.regions import load_regions
    >>> places = Places.of(load_regions(Path("standards/regions.yaml")))
    >>> name, code = "杭州示例顺达物流有限公司", "91330106XL00000746"
    >>> firm = Known(1, "enterprise", (Called(name),), (("uscc", code),), "330106")
    >>> alike = likeness(Said((("uscc", "91330106XL00000764"),), "杭州示例顺达物流有限责任公司"), firm, places)
    >>> alike.verdict, alike.reasons[0].sentence
    ('likely', '统一社会信用代码相邻两位颠倒：改正后就是该主体的代码')
    """
    pair = _Pair(said, known, places, places.parts(said.name) if said.name else None)
    reasons = tuple(one for weigh in EVIDENCE if (one := weigh(pair)) is not None)
    score = max(0, min(99, sum(one.points for one in reasons)))
    if any(one.part == "code" and one.points >= 100 for one in reasons):
        return Likeness(100, "equal", reasons)
    verdict: Verdict = "likely" if score >= LIKELY else "possible" if score >= POSSIBLE else "unlike"
    return Likeness(score, verdict, reasons)


def ranked(several: Iterable[tuple[Known, Likeness]]) -> list[tuple[Known, Likeness]]:
    """Those that are at least possible, most alike first. Where two are as good, neither is proposed."""
    rows = sorted(
        ((known, alike) for known, alike in several if alike.verdict != "unlike"),
        key=lambda row: (-row[1].score, row[0].number),
    )
    likely = [row for row in rows if row[1].verdict == "likely"]
    if len(likely) > 1 and likely[0][1].score - likely[1][1].score < MARGIN:
        first = likely[0][1].score
        doubt = Reason("before", 0, "另有同样接近的主体，凭现有信息分不清")
        return [
            (known, replace(alike, verdict="possible", reasons=(*alike.reasons, doubt)))
            if alike.verdict == "likely" and first - alike.score < MARGIN
            else (known, alike)
            for known, alike in rows
        ]
    return rows


# ── evidence ────────────────────────────────────────────────────────────────────────────────────


def _code(pair: _Pair) -> Reason | None:
    """The strongest that any code of the row says of any code of the subject."""
    found = [one for type_, value in pair.said.given if (one := _one_code(pair, type_, value)) is not None]
    return max(found, key=lambda one: (one.points > 0, abs(one.points)), default=None)


def _one_code(pair: _Pair, type_: str, value: str) -> Reason | None:
    against: Reason | None = None
    for held_type, held in pair.known.codes:
        if type_ and type_ != held_type:
            if found := _inside(type_, value, held_type, held):
                return found
            continue
        said, title = _tidy(held_type, value), TITLES.get(held_type, "标识")
        if said == _tidy(held_type, held):
            return Reason("code", 100, f"{title}相同")
        if slip := near(held_type, value).get(held):
            points = {"lookalike": 70, "swapped": 65, "one": 60}.get(slip, 55) if held_type in CHECKED else 40
            return Reason("code", points, f"{title}{MARKS[slip]}：改正后就是该主体的代码")
        if found := _inside("organisation_code", value, held_type, held) if not type_ else None:
            return found
        if type_ or (held_type == "uscc" and len(said) == 18):
            against = _against(held_type, title, value, against)
    return against


def _against(held_type: str, title: str, value: str, before: Reason | None) -> Reason | None:
    if held_type in CHECKED and is_valid(held_type, value):  # type: ignore[arg-type]
        return Reason("code", -100, f"两个{title}都有效而不同：是两个主体")
    if held_type in CHECKED and before is None:
        return Reason("code", -50, f"{title}相差不止一位")
    return before


def _inside(type_: str, value: str, held_type: str, held: str) -> Reason | None:
    """An organisation code is the ninth to seventeenth sign of the USCC that took its place."""
    pair = {type_: value, held_type: held}
    if set(pair) != {"organisation_code", "uscc"}:
        return None
    short, long = _tidy("organisation_code", pair["organisation_code"]), _tidy("uscc", pair["uscc"])
    if len(long) == 18 and len(short) == 9 and long[8:17] == short:
        return Reason("code", 85, "组织机构代码就是统一社会信用代码的第 9 至 17 位")
    return None


def _tidy(type_: str, value: str) -> str:
    return normalise(type_, value) if type_ in TITLES else value.strip().upper()  # type: ignore[arg-type]


def _name(pair: _Pair) -> Reason | None:
    """The best that any name of the subject, present or former, gives."""
    if pair.parts is None or not pair.known.names:
        return None
    if pair.known.natural:
        return _person(pair)
    best: Reason | None = None
    for place, called in enumerate(pair.known.names):
        found = _one_name(pair, pair.parts, called)
        if place and found.points > 0:
            found = _former(pair, called, found)
        if best is None or found.points > best.points:
            best = found
    trader = _named_after_owner(pair)
    return trader if trader is not None and (best is None or trader.points > best.points) else best


def _person(pair: _Pair) -> Reason:
    if any(folded(pair.said.name) == folded(one.name) for one in pair.known.names):
        return Reason("name", 40, "姓名相同")
    return Reason("name", -60, "姓名不同")


def _former(pair: _Pair, called: Called, found: Reason) -> Reason:
    until = f"（至 {called.until.isoformat()} 前）" if called.until else ""
    if pair.said.on is not None and called.on(pair.said.on):
        return Reason("name", found.points, f"{found.sentence}：是事发当日的登记名称{until}")
    return Reason("name", found.points - FORMER, f"{found.sentence}：是曾用名{until}")


def _one_name(pair: _Pair, said: FirmName, called: Called) -> Reason:
    known = pair.places.parts(called.name)
    if apart := _apart(pair, said, known):
        return apart
    told = bool(said.places) and pair.known.kind != TRADER
    if said.whole == known.whole:
        spelt = "名称相同" if pair.said.name == called.name else "名称只差全半角、繁简体或标点"
        return Reason("name", 75 if told else 60, spelt)
    if said.core == known.core and said.form == known.form:
        if said.places == known.places:
            return Reason("name", 72 if told else 58, "名称只差“有限公司”“有限责任公司”“公司”的写法")
        return Reason("name", 45, "名称只差行政区划")
    if said.core == known.core:
        return Reason("name", 15, "字号和行业相同，组织形式不同")
    if sound(said.core) == sound(known.core):
        return Reason("name", 35, "名称读音相同，用字不同")
    if min(len(said.core), len(known.core)) >= 4 and Levenshtein.distance(said.core, known.core) == 1:
        return Reason("name", 20, "名称只差一个字")
    if pair.said.name and fuzz.ratio(said.core, known.core) >= 80:
        return Reason("name", 0, "名称相近而不同")
    return Reason("name", -60, "名称不同")


def _apart(pair: _Pair, said: FirmName, known: FirmName) -> Reason | None:
    """What keeps two names apart however alike they look."""
    if said.branch != known.branch:
        if said.branch and known.branch:
            return Reason("name", -80, "是两个不同的分支机构")
        parent = said.core == known.core
        sentence = "一个是总公司，一个是分支机构" if parent else "名称不同，且只有一个是分支机构"
        return Reason("name", -80, sentence)
    if said.core == known.core and SHARES in (said.form, known.form) and said.form != known.form:
        return Reason("name", 15, "一个是股份有限公司，另一个不是；改制的应有曾用名")
    if said.places and known.places and not pair.places.agree(said.places[-1], known.places[-1]):
        return Reason("name", -60, "名称中的行政区划不同")
    return None


def _named_after_owner(pair: _Pair) -> Reason | None:
    """A trader is often called by its owner's name, in the row or in the registry."""
    if pair.known.kind != TRADER or pair.parts is None:
        return None
    said = called_person(pair.parts.core or pair.said.name)
    if said and pair.known.owner and said == folded(pair.known.owner):
        return Reason("name", 45, "写的是经营者姓名")
    held = {called_person(pair.places.parts(one.name).core or one.name) for one in pair.known.names} - {""}
    if pair.said.owner and folded(pair.said.owner) in held and not (pair.parts.form or pair.parts.branch):
        # The owner's name counts once more by itself; another shop's name beside it keeps this a possibility.
        return Reason("name", 30, "登记名称就是所写的经营者")
    return Reason("name", 45, "所写与登记的是同一经营者的姓名") if said and said in held else None


def _owner(pair: _Pair) -> Reason | None:
    said, held = folded(pair.said.owner), folded(pair.known.owner)
    if not said or not held:
        return None
    title = "经营者" if pair.known.kind == TRADER else "法定代表人"
    if said == held:
        return Reason("owner", 20, f"{title}相同")
    return Reason("owner", -40 if pair.known.kind == TRADER else -8, f"{title}不同")


def _region(pair: _Pair) -> Reason | None:
    said = pair.said.region or pair.places.of_address(pair.said.address)[0]
    held = pair.known.region or pair.places.of_address(pair.known.address)[0]
    if said not in pair.places.parents or held not in pair.places.parents:
        return None
    if said == held:
        return Reason("region", 25, "所在地相同")
    if pair.places.agree(said, held):
        return Reason("region", 10, "所在地一致，其中一个只写到上一级")
    above = set(pair.places.line(said)[1:2]) & set(pair.places.line(held)[1:2])
    if above and len(pair.places.line(said)) > 2:
        return Reason("region", -45, "所在地是同一市的不同县（市、区）")
    return Reason("region", -55, "所在地不同")


def _address(pair: _Pair) -> Reason | None:
    said, held = (pair.places.of_address(one)[1] for one in (pair.said.address, pair.known.address))
    if len(said) < 4 or len(held) < 4:
        return None
    if said == held:
        return Reason("address", 20, "地址相同")
    alike = fuzz.ratio(said, held)
    if alike >= 85 and _NUMBERS.findall(said) == _NUMBERS.findall(held):
        return Reason("address", 12, "地址相近，门牌号相同")
    if said in held or held in said:
        return Reason("address", 10, "一个地址是另一个的一部分")
    return Reason("address", -30 if pair.known.kind == TRADER else -12, "地址不同")


EVIDENCE: tuple[Callable[[_Pair], Reason | None], ...] = (_code, _name, _owner, _region, _address)
"""What is weighed, in the order in which it is told."""


# ── differences ─────────────────────────────────────────────────────────────────────────────────

Marked = tuple[tuple[str, bool], ...]


def marked(one: str, other: str) -> tuple[Marked, Marked]:
    """Both texts in pieces: (piece, whether it differs).

    >>> marked("示例物流有限公司", "示例物流有限责任公司")
    ((('示例物流有限', False), ('公司', False)), (('示例物流有限', False), ('责任', True), ('公司', False)))
    >>> marked("ab12", "ab21")
    ((('ab', False), ('12', True)), (('ab', False), ('21', True)))
    """
    if len(one) == len(other):
        # Sign by sign: of two neighbours that changed places, both differ.
        return _grouped(one, other), _grouped(other, one)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for step in Levenshtein.opcodes(one, other):
        differs = step.tag != "equal"
        for pieces, text in (
            (left, one[step.src_start : step.src_end]),
            (right, other[step.dest_start : step.dest_end]),
        ):
            if text:
                pieces.append((text, differs))
    return tuple(left), tuple(right)


def _grouped(text: str, other: str) -> Marked:
    pieces: list[tuple[str, bool]] = []
    for differs, signs in groupby(zip(text, other, strict=True), key=lambda pair: pair[0] != pair[1]):
        pieces.append(("".join(sign for sign, _ in signs), differs))
    return tuple(pieces)


def proposed(rows: Sequence[tuple[Known, Likeness]]) -> Known | None:
    """The one candidate of a ranked list that is likely (or has an equal identifier), if there is just one."""
    likely = [known for known, alike in rows if alike.verdict in ("likely", "equal")]
    return likely[0] if likely else None
