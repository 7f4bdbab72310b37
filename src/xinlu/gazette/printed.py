"""The catalogue on paper (印刷版): every item with its rules of collection and use, as a PDF. Law only, no records.

Pure: law and place of the fonts go in, bytes come out; the same catalogue gives the same bytes on any machine that has
the fonts of the set-up.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import typst

import xinlu
from xinlu.law.catalogue import Catalogue, Field, FieldType, Item
from xinlu.law.organs import KIND_PREFIX, Organs
from xinlu.law.source import Grade
from xinlu.law.uses import DISCLOSURES, words

LAYOUT = Path(__file__).with_name("catalogue.typ")
FONTS = Path(xinlu.__file__).parent / "web" / "static" / "built" / "print"
"""Where the set-up lays the whole fonts."""
FACE = "Noto Sans SC"
OTHER_FACES = ("Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "SimHei")
"""Faces of the machine, where the set-up had no network."""
MADE = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
"""Time inside the PDF."""
GRADES = {
    Grade.OFFICIAL: "正式",
    Grade.SECONDARY: "转引",
    Grade.UNVERIFIED: "待核",
    Grade.SAMPLE: "示例",
}
CADENCES = {
    "realtime": "实时", "daily": "每日", "weekly": "每周", "monthly": "每月", "quarterly": "每季", "yearly": "每年",
    "event": "发生后及时",
}  # fmt: skip
NATURES = {"basic": "基础", "good": "守信", "bad": "失信", "rating": "评价", "commitment": "承诺", "other": "其他"}
SEVERITIES = {"none": "—", "minor": "轻微", "general": "一般", "serious": "严重", "by_book": "按规则认定"}
ORGAN_KINDS = {
    "ministry": "交通运输部", "province": "省厅", "division": "厅处室", "centre": "厅属中心", "city_bureau": "设区市局",
    "city_port": "设区市港航机构", "county_bureau": "县级局", "external": "厅外单位", "partner": "邻省",
}  # fmt: skip
TYPES = {
    FieldType.TEXT: "文字",
    FieldType.CODE: "代码",
    FieldType.NUMBER: "数",
    FieldType.DATE: "日期",
    FieldType.YES_NO: "是/否",
    FieldType.LEVEL: "等级",
}
HEADS = ("序", "数据项", "类型与长度", "列名", "必填", "级别", "说明")
WARNING = "示例：省级目录原文未取得。各信息项标明来源等级，“示例”项由本项目拟定，不是法定目录。"


class NoFont(RuntimeError):
    """No Chinese face is here: the paper would have empty boxes for words."""


def printed(catalogue: Catalogue, organs: Organs | None = None, *, fonts: Path = FONTS) -> bytes:
    """The edition as a PDF (A4).

    Raises:
        NoFont: neither the fonts of the set-up nor a Chinese face of the machine can be had.
    """
    own = fonts.is_dir()
    return bytes(
        typst.compile(
            LAYOUT,
            font_paths=[fonts] if own else [],
            ignore_system_fonts=own,
            format="pdf",
            sys_inputs={"catalogue": json.dumps(_said(catalogue, organs, _faces(own)), ensure_ascii=False)},
            timestamp=MADE,
        )
    )


def _faces(own: bool) -> list[str]:
    if own:
        return [FACE]
    known = set(typst.Fonts(include_system_fonts=True).families())
    found = [face for face in (FACE, *OTHER_FACES) if face in known]
    if not found:
        raise NoFont("没有中文字体：请先运行 python3 dev.py assets")
    return found


def is_sample(catalogue: Catalogue) -> bool:
    """Whether any part of an edition is weaker than a text that was read."""
    return catalogue.source.grade is Grade.SAMPLE or any(
        item.source.grade is Grade.SAMPLE for item in catalogue.items.values()
    )


def _said(catalogue: Catalogue, organs: Organs | None, faces: list[str]) -> dict[str, object]:
    named = catalogue.code_lists["sectors"].values if "sectors" in catalogue.code_lists else {}
    by_sector: dict[str, list[Item]] = {sector: [] for sector in named}
    for item in catalogue.items.values():
        by_sector.setdefault(item.sector, []).append(item)
    sample = is_sample(catalogue)
    return {
        "title": catalogue.title,
        "edition": f"{catalogue.edition} 版，共 {len(catalogue.items)} 个信息项",
        "warning": WARNING if sample else "本版各信息项均有原文依据。",
        "mark": "示例" if sample else "",
        "source": f"依据：{catalogue.source.document}",
        "footer": f"信用信息目录 {catalogue.edition} 版",
        "fonts": faces,
        "heads": list(HEADS),
        "contents": {
            "head": ["序", "信息项", "业务领域", "披露方式", "频次", "来源"],
            "rows": [
                [
                    str(number), item.title, named.get(item.sector, item.sector), DISCLOSURES[item.disclosure],
                    CADENCES[item.cadence], GRADES[item.source.grade],
                ]
                for number, item in enumerate((one for several in by_sector.values() for one in several), 1)
            ],
        },
        "sectors": [
            {"title": named.get(sector, sector), "items": [_item(item, catalogue, organs) for item in items]}
            for sector, items in by_sector.items()
            if items
        ],
    }  # fmt: skip


def _item(item: Item, catalogue: Catalogue, organs: Organs | None) -> dict[str, object]:
    return {
        "title": f"{item.title}（{item.item}）",
        "mark": "" if item.source.grade is Grade.OFFICIAL else f"来源等级：{GRADES[item.source.grade]}",
        "facts": facts(item, catalogue, organs),
        "basis": item.legal_basis,
        "fields": [
            [
                str(number), one.title + (f"（{one.unit}）" if one.unit else ""), size(one), one.name,
                "是" if one.required else "", one.level, note(one, catalogue),
            ]
            for number, one in enumerate(item.fields, 1)
        ],
        "checks": list(item.checks),
    }  # fmt: skip


def facts(item: Item, catalogue: Catalogue, organs: Organs | None = None) -> list[tuple[str, str]]:
    """Rules of collection and use of an item, title and words, in a fixed order; an even number of them."""
    classes = catalogue.code_lists["national_classes"].values if "national_classes" in catalogue.code_lists else {}
    named = {one.name: one.title for one in item.fields} | {f"role:{one.name}": one.title for one in item.roles}
    roles = "；".join(
        f"{role.title}：{'、'.join(catalogue.kinds[kind].title for kind in role.kinds if kind in catalogue.kinds)}"
        for role in item.roles
    )
    until = f" 至 {item.in_force.until}（不含）" if item.in_force.until else " 起"
    return [
        ("信息类别", classes.get(item.national_class, item.national_class)),
        ("信息性质", NATURES[item.nature]),
        ("提供单位", "、".join(_provider(one, organs) for one in item.provider)),
        ("归集频次", CADENCES[item.cadence]),
        ("允许的用途", words(item)),
        ("披露方式", DISCLOSURES[item.disclosure]),
        ("数据级别", item.level),
        ("失信程度", SEVERITIES[item.severity]),
        ("公示期限", publicity(item)),
        ("保存期限", f"{item.retention_months} 个月" if item.retention_months else "随主体保存"),
        ("主体", roles),
        ("业务主键", "、".join(named.get(part, part) for part in item.key)),
        ("施行", f"{item.in_force.from_}{until}"),
        ("出处", item.source.document),
    ]


def publicity(item: Item) -> str:
    """How long a record is shown, in words."""
    rule = item.publicity
    if rule is None:
        return "不公示"
    titles = {one.name: one.title for one in item.fields} | {"effective_until": "失效日前一日", "occurred_on": "发生日"}
    parts = [f"自{titles.get(rule.start, rule.start)}起"]
    if rule.months:
        parts.append(f"{rule.months} 个月" if not rule.rulebook else f"最长 {rule.months} 个月，按修复规则")
    if rule.until:
        parts.append(f"至{titles.get(rule.until, rule.until)}")
    return "，".join(parts) if len(parts) > 1 else f"{parts[0]}长期"


def size(one: Field) -> str:
    """Type and size of a field in words."""
    text = TYPES[one.type]
    if one.type is FieldType.NUMBER and one.digits:
        text += f" {one.digits}" + (f",{one.scale}" if one.scale else "")
    elif one.length and one.type is FieldType.TEXT:
        text += f" {one.length}"
    return text + ("（多个）" if one.many else "")


def note(one: Field, catalogue: Catalogue) -> str:
    """What else a reader of the field should know."""
    parts = [one.note] if one.note else []
    if one.codes in catalogue.code_lists:
        parts.append(f"取自{catalogue.code_lists[str(one.codes)].title}")
    if one.mask != "none":
        parts.append("展示时脱敏")
    return "；".join(parts)


def _provider(one: str, organs: Organs | None) -> str:
    if one.startswith(KIND_PREFIX):
        kind = one.removeprefix(KIND_PREFIX)
        return ORGAN_KINDS.get(kind, kind)
    return organs.get(one).short if organs is not None and one in organs else one
