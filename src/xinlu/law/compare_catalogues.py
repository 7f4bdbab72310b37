"""What differs between two editions of the catalogue, item by item and field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xinlu.law.catalogue import Catalogue, CodeList, Item

WORDS = {
    "title": "名称", "national_class": "信息类别", "nature": "信息性质", "sector": "业务领域", "provider": "提供单位",
    "cadence": "归集频次", "uses": "允许的用途", "disclosure": "披露方式", "level": "数据级别", "severity": "失信程度",
    "publicity": "公示", "retention_months": "保存月数", "legal_basis": "归集依据", "source": "出处",
    "in_force": "施行", "roles": "角色", "fields": "数据项", "key": "业务主键", "occurred_on": "发生日",
    "effective_from": "生效日",
    "effective_until": "失效日", "parent": "上级信息项", "parent_key": "上级主键", "checks": "核对规则", "type": "类型",
    "digits": "位数", "scale": "小数位数", "unit": "单位", "length": "长度", "codes": "代码表", "required": "必填",
    "many": "多个值", "aliases": "别名", "mask": "脱敏", "note": "说明", "kinds": "主体类别", "start": "起算",
    "months": "月数", "until": "止", "rulebook": "规则", "grade": "来源等级", "document": "文件", "issuer": "发布机关",
    "url": "网址", "from_": "起", "values": "代码", "name": "列名",
}  # fmt: skip
"""Key of a law file → how people call it."""


@dataclass(frozen=True)
class Change:
    """One piece of the catalogue that differs. ``before`` and ``after``: place → text of all that differs or not."""

    what: str
    """``item`` or ``codes``."""
    name: str
    title: str
    before: Mapping[str, str]
    after: Mapping[str, str]

    @property
    def kind(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        return "added" if not self.before else "removed" if not self.after else "changed"


def compare_catalogues(before: Catalogue, after: Catalogue) -> tuple[Change, ...]:
    """Every item and code list that differs, in order of name; equal ones are left out.

    Fields, roles and codes are compared by name, so that moving one is no change of its neighbours.
    """
    found = []
    pairs: list[tuple[str, Mapping[str, Item | CodeList], Mapping[str, Item | CodeList]]] = [
        ("item", before.items, after.items),
        ("codes", before.code_lists, after.code_lists),
    ]
    for what, old, new in pairs:
        for name in sorted(old.keys() | new.keys()):
            one, other = old.get(name), new.get(name)
            piece = other or one
            if one != other and piece is not None:
                found.append(Change(what, name, piece.title, _said(one), _said(other)))
    return tuple(found)


def _said(piece: Item | CodeList | None) -> dict[str, str]:
    return {} if piece is None else dict(_flat(piece.model_dump(mode="json", exclude_none=True), ()))


def _flat(value: Any, place: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, (*place, WORDS.get(str(key), str(key))))
    elif isinstance(value, list) and value and all(isinstance(one, dict) and "name" in one for one in value):
        for one in value:
            rest = {key: inner for key, inner in one.items() if key not in ("name", "title") and inner not in ("", [])}
            called = f"{one.get('title', '')}（{one['name']}）"
            yield " › ".join((*place, called, "名称")), str(one.get("title", ""))
            yield from _flat(rest, (*place, called))
    elif isinstance(value, list):
        if value:
            yield " › ".join(place), "、".join(map(str, value))
    elif value != "":
        yield (
            " › ".join(place),
            ("是" if value else "否") if isinstance(value, bool) else str(value),
        )
