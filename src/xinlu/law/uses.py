"""Rules of use (使用规则): what a catalogue item may be used for, asked before a record goes anywhere.

| use | Chinese | asked by |
| --- | --- | --- |
| ``rating`` | 信用评价 | the check of rulebooks |
| ``publicity`` | 社会公开 | whatever the public sees |
| ``sharing`` | 政务共享 | agreements and files for other authorities |
| ``inspection`` | 监督检查 | inspectors and permit officers |
| ``third_party`` | 授权查询 | banks, insurers and others, with the consent of the subject |

An item that is not in the catalogue in force may be used for nothing (信用信息目录以外的信息不得作为信用信息使用).
Pure: the day and the catalogue are arguments, and one answer serves pages, exports, agreements and books.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from xinlu.law.catalogue import Catalogue, Disclosure, Item
from xinlu.law.problem import LawError, Problem, problem


class Use(StrEnum):
    """What a record is used for."""

    RATING = "rating"
    PUBLICITY = "publicity"
    SHARING = "sharing"
    INSPECTION = "inspection"
    THIRD_PARTY = "third_party"


TITLES = {
    Use.RATING: "信用评价",
    Use.PUBLICITY: "社会公开",
    Use.SHARING: "政务共享",
    Use.INSPECTION: "监督检查",
    Use.THIRD_PARTY: "授权查询",
}
"""Use → its Chinese title, in the order of the catalogue."""

DISCLOSURES = {
    Disclosure.PUBLIC: "主动公开",
    Disclosure.AUTHORISED: "依授权查询",
    Disclosure.SHARED: "政务共享",
    Disclosure.INTERNAL: "内部使用",
}

_ALLOWS = {
    Disclosure.PUBLIC: frozenset(Use),
    Disclosure.AUTHORISED: frozenset(Use) - {Use.PUBLICITY},
    Disclosure.SHARED: frozenset({Use.RATING, Use.SHARING, Use.INSPECTION}),
    Disclosure.INTERNAL: frozenset({Use.RATING, Use.INSPECTION}),
}
"""Disclosure class → the uses that it can go with."""


def permits(item: Item, use: Use) -> bool:
    """Whether the catalogue lists ``use`` for ``item`` and its disclosure class allows it."""
    return use.value in item.uses and use in _ALLOWS[item.disclosure]


def words(item: Item) -> str:
    """The permitted uses as people read them."""
    return "、".join(TITLES[use] for use in Use if permits(item, use)) or "无"


def contradictions(item: Item) -> list[str]:
    """Sentences on uses that the disclosure class of an item forbids, or that it lacks."""
    listed = [use for use in Use if use.value in item.uses and use not in _ALLOWS[item.disclosure]]
    found = [f"“{DISCLOSURES[item.disclosure]}”的信息项不得用于{TITLES[use]}" for use in listed]
    if item.disclosure is Disclosure.PUBLIC and Use.PUBLICITY.value not in item.uses:
        found.append("“主动公开”的信息项，用途中没有社会公开")
    return found


def refusal(
    catalogue: Catalogue, item: str, use: Use, *, on: date | None = None, consent: bool = False
) -> Problem | None:
    """Why records of ``item`` may not be used for ``use``, or None when they may.

    ``on``: the day of use, for items with an end; None asks without a day. ``consent``: the subject has agreed to be
    shown to a third party. Codes: LAW-311 not in the catalogue in force, LAW-312 another use, LAW-313 no consent.

    >>> from xinlu.law.library import load_catalogue, shipped
    >>> catalogue = load_catalogue(shipped())
    >>> refusal(catalogue, "administrative_penalty", Use.RATING)
    >>> str(refusal(catalogue, "court_enforcement", Use.RATING))
    'LAW-312 “失信被执行人”不得用于信用评价，目录允许：监督检查'
    """
    known = catalogue.items.get(item)
    if known is None:
        return problem("LAW-311", f"“{item}”不在信用信息目录（{catalogue.edition} 版）中")
    if on is not None and not known.in_force.covers(on):
        return problem("LAW-311", f"“{known.title}”在 {on} 不在施行的目录中")
    if not permits(known, use):
        return problem("LAW-312", f"“{known.title}”不得用于{TITLES[use]}，目录允许：{words(known)}")
    if use is Use.THIRD_PARTY and not consent:
        return problem("LAW-313", f"“{known.title}”供第三方查询须经主体授权")
    return None


def require(catalogue: Catalogue, *items: str, use: Use, on: date | None = None, consent: bool = False) -> None:
    """Raise :class:`LawError` with every refusal, so that nothing leaves when one item may not."""
    found = [one for item in items if (one := refusal(catalogue, item, use, on=on, consent=consent))]
    if found:
        raise LawError(*found)


def usable(catalogue: Catalogue, use: Use, *, on: date | None = None) -> frozenset[str]:
    """Items that may be used for ``use``; of a third party, those that consent would open."""
    return frozenset(item for item in catalogue.items if refusal(catalogue, item, use, on=on, consent=True) is None)
