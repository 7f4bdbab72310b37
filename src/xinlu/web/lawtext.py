"""The text of a law file as pages show it: lines with their problems, single numbers with their places in words,
and what differs between two texts, part by part and line by line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any, Literal

from xinlu.law.marks import Place, parse
from xinlu.law.problem import LawError, Problem, Severity
from xinlu.law.rewrite import Single, singles
from xinlu.web.difference import Change, changes

SECTIONS = {
    "in_force": "施行期",
    "period": "计算期",
    "valid": "结果有效期",
    "levels": "等级",
    "parameters": "参数",
    "tables": "对照表",
    "sources": "数据来源",
    "clauses": "条款",
    "contests": "同一行为只计一次",
    "folds": "汇总",
    "values": "计算",
    "rated_when": "参评条件",
    "outputs": "结论",
    "given": "共同事实",
    "cases": "案例",
    "states": "环节",
    "actions": "动作",
    "clocks": "时限",
    "roles": "角色",
    "fields": "数据项",
    "publicity": "公示",
    "kinds": "主体类别",
    "relations": "关系",
    "values of codes": "代码",
    "source": "出处",
}
"""Keys of the first level → headings."""
_WORDS = {
    "title": "名称", "text": "条文", "clause": "条款出处", "note": "说明", "grade": "来源等级", "value": "取值",
    "unit": "单位", "minus": "扣分", "plus": "加分", "per": "乘以", "at_most": "单次最多", "cap": "累计最多",
    "limit": "上限", "hits": "依据记录", "code": "代码", "when": "条件", "span": "计入期间", "for": "时长",
    "from": "起", "until": "止（不含）", "ages": "按时长折算", "below": "以内", "weight": "权重", "start": "起评",
    "ceiling": "最高", "floor": "最低", "sum": "加减", "over": "范围", "bands": "分档", "cut": "各档", "of": "按",
    "conditions": "条件", "then": "则", "otherwise": "其余", "moves": "调整", "set": "定为", "at_least": "不低于",
    "levels": "等级", "level": "等级", "rows": "行", "in": "区间", "is": "算式", "parts": "各部分权重",
    "round": "保留位数", "working_days": "工作日", "days": "日", "months": "个月",
    "document": "文件", "issuer": "发布机关",
    "summary": "摘要", "open_points": "待明确", "rates": "对象", "retention_months": "保存月数", "digits": "总位数",
    "scale": "小数位数", "length": "长度", "out_of": "满分", "require": "须", "where": "限于", "version": "版本",
    "edition": "版本", "rolling": "滚动", "every": "周期", "extend_once": "可延长工作日", "given": "共同事实",
    "facts": "事实", "expect": "应得", "basis": "依据", "as_of": "评价日", "uses": "用途", "severity": "失信程度",
}  # fmt: skip


@dataclass(frozen=True)
class Numbered:
    """One line of a text in the margin of the editor."""

    number: int
    text: str
    problems: tuple[Problem, ...]

    @property
    def tone(self) -> str:
        """``bad`` with an error, ``warn`` with a warning."""
        if any(one.severity is Severity.ERROR for one in self.problems):
            return "bad"
        return "warn" if self.problems else ""


def numbered(text: str, problems: Iterable[Problem]) -> list[Numbered]:
    """The lines of a text, each with the problems that stand there."""
    by_line: dict[int, list[Problem]] = {}
    for one in problems:
        by_line.setdefault(one.line or 1, []).append(one)
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines = lines[:-1]
    return [Numbered(at, line, tuple(by_line.get(at, ()))) for at, line in enumerate(lines or [""], 1)]


def place_words(data: Any, place: Place) -> str:
    """A place in words: titles where parts have them, else known keys in Chinese, else the key.

    >>> place_words({"clauses": {"bid": {"title": "投标", "minus": "3"}}}, ("clauses", "bid", "minus"))
    '投标 › 扣分'
    """
    words: list[str] = []
    whole = data
    for depth, part in enumerate(place):
        data = _inside(data, part)
        titled = data.get("title") or data.get("case") or data.get("name") if isinstance(data, Mapping) else None
        if depth == 0:
            if len(place) == 1:
                words.append(SECTIONS.get(str(part), _WORDS.get(str(part), str(part))))
            continue
        words.append(str(titled) if titled else _part_words(part, whole))
    return " › ".join(words)


def _part_words(part: str | int, whole: Any) -> str:
    if isinstance(part, int):
        return f"第 {part + 1} 项"
    if part in _WORDS:
        return _WORDS[part]
    for section in ("folds", "values", "clauses", "parameters"):
        named = _inside(_inside(whole, section), part)
        if isinstance(named, Mapping) and named.get("title"):
            return str(named["title"])
    return part


def _inside(data: Any, part: str | int) -> Any:
    if isinstance(data, Mapping):
        return data.get(str(part))
    if isinstance(data, Sequence) and not isinstance(data, str) and isinstance(part, int) and part < len(data):
        return data[part]
    return None


@dataclass(frozen=True)
class NumberRow:
    """One number that a form can change."""

    name: str
    """Of the input: its place, written so that :func:`place_of` reads it."""
    words: str
    single: Single


@dataclass(frozen=True)
class NumberGroup:
    """The numbers of one section of a file."""

    title: str
    rows: tuple[NumberRow, ...]


def number_groups(text: str) -> list[NumberGroup]:
    """All single numbers of a text, by section, in its order; none for a text that cannot be read."""
    try:
        data: Any = parse(text, file="").data
        found = singles(text)
    except LawError:
        return []
    groups: dict[str, list[NumberRow]] = {}
    for one in found:
        if one.place[0] in ("version", "edition", "book", "rulebook", "procedure", "source"):
            continue
        title = SECTIONS.get(str(one.place[0]), _WORDS.get(str(one.place[0]), str(one.place[0])))
        groups.setdefault(title, []).append(NumberRow(name_of(one.place), place_words(data, one.place), one))
    return [NumberGroup(title, tuple(rows)) for title, rows in groups.items()]


def name_of(place: Place) -> str:
    """A place as the name of an input.

    >>> name_of(("tables", "t", "rows", 0, "value")), place_of("tables/t/rows/#0/value")
    ('tables/t/rows/#0/value', ('tables', 't', 'rows', 0, 'value'))
    """
    return "/".join(f"#{part}" if isinstance(part, int) else str(part) for part in place)


def place_of(name: str) -> Place:
    """The place that the name of an input stands for."""
    return tuple(int(part[1:]) if part[:1] == "#" and part[1:].isdigit() else part for part in name.split("/"))


def differences(before: str, after: str) -> tuple[Change, ...]:
    """Every single value that differs between two texts of a law file, its place in words.

    Parts are found again by what they are called in the law, not by their place or title: a clause that was renamed
    is changed, one that was put first is not. A text that cannot be read differs as a whole.
    """
    old, new = _flat(before), _flat(after)
    if old is None or new is None:
        return changes({"全文": before}, {"全文": after})
    words = {key: words for found in (old, new) for key, (words, _) in found.items()}
    found = changes({key: value for key, (_, value) in old.items()}, {key: value for key, (_, value) in new.items()})
    return tuple(replace(_whole(one), where=words[one.where]) for one in found)


def _whole(one: Change) -> Change:
    """A number, day or version is another one, not the same with some figures changed."""
    old, new = ("".join(part for _, part in side) for side in (one.before, one.after))
    if one.kind != "changed" or not all(len(value) <= _SHORT and re.search(r"\d", value) for value in (old, new)):
        return one
    return replace(one, before=((False, old),), after=((False, new),))


def _flat(text: str) -> dict[str, tuple[str, str]] | None:
    """Stable key → place in words and value, of every single value; None for a text that cannot be read."""
    try:
        data: Any = parse(text, file="").data
    except LawError:
        return None
    found: dict[str, tuple[str, str]] = {}
    for place, key, value in _leaves(data, (), ()):
        section = SECTIONS.get(str(place[0]), "") if len(place) > 1 else ""
        words = place_words(data, place)
        found["/".join(key)] = (f"{section}：{words}" if section else words, value)
    return found


_SHORT = 16
_CALLED = ("level", "name", "case", "id", "kind", "relation", "clause_id")
"""Keys by which the members of a list are known."""


def _leaves(data: Any, place: Place, key: tuple[str, ...]) -> Iterable[tuple[Place, tuple[str, ...], str]]:
    if isinstance(data, Mapping):
        for name, value in data.items():
            yield from _leaves(value, (*place, name), (*key, name))
    elif isinstance(data, list):
        if all(not isinstance(value, (Mapping, list)) for value in data):
            yield place, key, "、".join(str(value) for value in data)
            return
        seen: set[str] = set()
        for index, value in enumerate(data):
            called = next((str(value[k]) for k in _CALLED if k in value), "") if isinstance(value, Mapping) else ""
            called = called if called and called not in seen else f"#{index}"
            seen.add(called)
            yield from _leaves(value, (*place, index), (*key, called))
    else:
        yield place, key, "缺" if data is None else "是" if data is True else "否" if data is False else str(data)


@dataclass(frozen=True)
class TextLine:
    """One line of two texts side by side."""

    kind: Literal["same", "gone", "came", "skip"]
    old: int | None
    new: int | None
    text: str


AROUND = 3
"""Lines shown before and after a change."""


def lines_between(before: str, after: str) -> list[TextLine]:
    """What differs line by line, with some lines around it; empty for equal texts."""
    old, new = before.splitlines(), after.splitlines()
    found: list[TextLine] = []
    for group in SequenceMatcher(a=old, b=new, autojunk=False).get_grouped_opcodes(AROUND):
        if found:
            found.append(TextLine("skip", None, None, "…"))
        for tag, i, j, k, m in group:
            if tag == "equal":
                found += [TextLine("same", i + n + 1, k + n + 1, old[i + n]) for n in range(j - i)]
                continue
            found += [TextLine("gone", n + 1, None, old[n]) for n in range(i, j)]
            found += [TextLine("came", None, n + 1, new[n]) for n in range(k, m)]
    return found
