"""The form of a catalogue item in a draft: its rules of collection and use, and its fields, without raw YAML.

Each input is one key of the file. What was not touched keeps every character; see :func:`xinlu.law.rewrite.put`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from xinlu.gazette.printed import CADENCES, NATURES, SEVERITIES
from xinlu.law.catalogue import Catalogue
from xinlu.law.marks import Place, parse
from xinlu.law.problem import LawError
from xinlu.law.uses import DISCLOSURES, TITLES

PREFIX = "k:"
LEVELS = {one: one for one in ("L1", "L2", "L3", "L4")}
MASKS = {
    "": "不脱敏", "name": "姓名", "id_number": "身份证号", "phone": "电话", "plate": "号牌", "address": "地址",
    "account": "账号",
}  # fmt: skip
YES = {"": "否", "true": "是"}


@dataclass(frozen=True)
class Input:
    """One input. ``kind``: text, number, date, choice or several."""

    name: str
    title: str
    kind: str
    value: Any
    options: tuple[tuple[str, str], ...] = ()
    required: bool = False


@dataclass(frozen=True)
class FieldRow:
    """The inputs of one data item."""

    name: str
    type: str
    inputs: tuple[Input, ...]


@dataclass(frozen=True)
class ItemForm:
    """What the form of one item shows."""

    inputs: tuple[Input, ...]
    rows: tuple[FieldRow, ...]


def item_form(text: str, catalogue: Catalogue) -> ItemForm | None:
    """The form of a file's text; None when it cannot be read as an item."""
    try:
        data: Any = parse(text, file="").data
    except LawError:
        return None
    if not isinstance(data, dict) or "item" not in data or not isinstance(data.get("fields"), list):
        return None
    return ItemForm(
        tuple(_input(data, place, title, kind, options) for place, title, kind, options in _layout(catalogue)),
        tuple(_row(data, index, one) for index, one in enumerate(data["fields"]) if isinstance(one, dict)),
    )


def values_of(post: QueryDict) -> Mapping[Place, str | tuple[str, ...] | None]:
    """What a posted form says of each key; an empty input takes the key away."""
    found: dict[Place, str | tuple[str, ...] | None] = {}
    for name in post:
        if not name.startswith(PREFIX):
            continue
        place: Place = tuple(int(part) if part.isdigit() else part for part in name[len(PREFIX) :].split("."))
        several = [one.strip() for one in post.getlist(name) if one.strip()]
        found[place] = tuple(several) if place == ("uses",) else (several[-1] if several else None)
    return found


def _layout(catalogue: Catalogue) -> list[tuple[Place, str, str, tuple[tuple[str, str], ...]]]:
    lists = catalogue.code_lists
    classes = tuple(lists["national_classes"].values.items()) if "national_classes" in lists else ()
    sectors = tuple(lists["sectors"].values.items()) if "sectors" in lists else ()
    return [
        (("title",), "名称", "text", ()),
        (("national_class",), "信息类别", "choice", classes),
        (("sector",), "业务领域", "choice", sectors),
        (("nature",), "信息性质", "choice", tuple(NATURES.items())),
        (("cadence",), "归集频次", "choice", tuple(CADENCES.items())),
        (("disclosure",), "披露方式", "choice", tuple((one.value, title) for one, title in DISCLOSURES.items())),
        (("uses",), "允许的用途", "several", tuple((one.value, title) for one, title in TITLES.items())),
        (("level",), "数据级别", "choice", tuple(LEVELS.items())),
        (("severity",), "失信程度", "choice", tuple(SEVERITIES.items())),
        (("retention_months",), "保存月数（空：随主体）", "number", ()),
        (("in_force", "from"), "施行起", "date", ()),
        (("in_force", "until"), "施行止（不含）", "date", ()),
        (("legal_basis",), "归集依据", "text", ()),
    ]


def _input(data: Any, place: Place, title: str, kind: str, options: tuple[tuple[str, str], ...]) -> Input:
    value = _at(data, place)
    if kind == "choice" and place == ("severity",) and value == "":
        value = "none"
    required = kind == "choice" or place in (("title",), ("legal_basis",), ("in_force", "from"))
    return Input(_name(place), title, kind, value, options, required)


def _row(data: Any, index: int, one: Mapping[str, Any]) -> FieldRow:
    here: Place = ("fields", index)
    columns = [
        ("title", "名称", "text", ()),
        ("length", "长度", "number", ()),
        ("unit", "单位", "text", ()),
        ("required", "必填", "choice", tuple(YES.items())),
        ("level", "级别", "choice", (("", "L1"), ("L2", "L2"), ("L3", "L3"), ("L4", "L4"))),
        ("mask", "脱敏", "choice", tuple(MASKS.items())),
        ("note", "说明", "text", ()),
    ]
    inputs = tuple(
        Input(_name((*here, key)), f"{one.get('title', '')} {title}", kind, _at(data, (*here, key)), options)
        for key, title, kind, options in columns
    )
    return FieldRow(str(one.get("name", "")), str(one.get("type", "")), inputs)


def _name(place: Place) -> str:
    return PREFIX + ".".join(map(str, place))


def _at(data: Any, place: Place) -> Any:
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return ""
    if isinstance(data, list):
        return [str(one) for one in data]
    return str(data).lower() if isinstance(data, bool) else "" if data is None else str(data)
