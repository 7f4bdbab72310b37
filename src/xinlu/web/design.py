"""``/design/``: every part of the pages with made-up content, the place to look before building another."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from xinlu.law.rulebook import Level
from xinlu.web.difference import changes
from xinlu.web.parts import (
    Chart,
    Event,
    Filter,
    FilterBar,
    Pager,
    Pair,
    Problem,
    Series,
    Tab,
    page_number,
)
from xinlu.web.scale import scale_of


def _levels(names: str, titles: str = "", colours: str = "") -> tuple[Level, ...]:
    words = titles.split() or [""] * len(names.split())
    tints = colours.split() or [""] * len(names.split())
    return tuple(
        Level.model_validate({"level": name, "title": title, "colour": tint or None})
        for name, title, tint in zip(names.split(), words, tints, strict=True)
    )


FIVE = _levels("AA A B C D", "优 良 中 较差 差")
FOUR = _levels("AAA AA A B", "优良 合格 基本合格 不合格")
STARS = _levels("五星 四星 三星 二星 一星")
CODES = _levels("蓝码 黄码 红码", "安全 关注 高风险", "blue yellow red")
PERMIT = _levels("绿码 黄码 红码", "即办 核查 不予", "green yellow red")
WARNING = _levels("蓝色 黄色 橙色 红色", "", "blue yellow orange red")

PALETTE = (
    ("brand-900", "#10294b", "页眉"),
    ("brand-700", "#123f7d", "强调文字"),
    ("brand-600", "#1a56a6", "主色、链接"),
    ("brand-300", "#7fb0e3", "输入焦点"),
    ("brand-100", "#d9e6f5", "边"),
    ("brand-50", "#eef4fb", "悬停"),
    ("red-gov", "#b3201a", "页眉红线、印章"),
    ("text-1", "#1f2329", "正文"),
    ("text-2", "#4e5969", "次要文字"),
    ("text-3", "#626c7d", "说明"),
    ("line-ctl", "#868fa0", "控件边"),
    ("line", "#d9dee7", "分隔线"),
    ("bg", "#f5f7fa", "页底"),
)


class Sample(forms.Form):
    """A form with mistakes, to show how they are told."""

    document = forms.CharField(
        label="决定文书号",
        help_text="与决定书首页一致，例如：示交罚〔2026〕第 18 号",
        error_messages={"required": "请填写决定文书号"},
    )
    decided_on = forms.DateField(
        label="决定日期",
        widget=forms.TextInput(attrs={"placeholder": "2026-03-09"}),
        error_messages={"invalid": "决定日期应写成 2026-03-09 这样的格式"},
    )


def _bar(request: HttpRequest) -> FilterBar:
    at = request.GET
    return FilterBar(
        (
            Filter("q", "名称或代码", value=at.get("q", ""), placeholder="全称、代码或拼音首字母"),
            Filter(
                "sector",
                "领域",
                "select",
                at.get("sector", "freight"),
                (("freight", "道路货运"), ("works", "公路建设")),
            ),
            Filter("city", "设区市", "select", at.get("city", ""), (("330100", "杭州市"), ("330200", "宁波市"))),
            Filter("since", "自", "date", at.get("since", "")),
        )
    )


def _charts() -> tuple[Chart, ...]:
    months = tuple(f"{n} 月" for n in range(1, 13))
    records = (412, 388, 530, 497, 561, 602, 588, 640, 655, 610, 702, 345)
    bad = (61, 55, 72, 70, 66, 81, 77, 85, 79, 74, 88, 41)
    shares = ((12, 9, 15), (40, 38, 51), (22, 30, 19), (6, 9, 4), (2, 1, 3))
    return (
        Chart(
            "records",
            "按月归集的记录",
            "line",
            months,
            (Series("全部记录", records), Series("不良记录", bad)),
            "月份",
            "条",
            "十一月最多，702 条。",
        ),
        Chart(
            "levels",
            "各领域等级分布",
            "stacked",
            ("公路设计", "公路施工", "道路客运"),
            tuple(
                Series(level.level, counts, f"rank-{i}")
                for i, (level, counts) in enumerate(zip(FIVE, shares, strict=True), 1)
            ),
            "领域",
            "家",
            "三个领域均以 A 级为多。",
        ),
    )


def page(request: HttpRequest) -> HttpResponse:
    """Show every part."""
    form = Sample({"document": "", "decided_on": "2026年3月"})
    for name in form.errors:
        form.fields[name].widget.attrs["aria-invalid"] = "true"
    old = {"第六条 履约行为": "每次扣3分，扣完为止", "等级 A": "85 以上不足 95", "第九条 公示": "公示 10 个工作日"}
    new = {
        "第六条 履约行为": "每次扣5分，最多扣20分",
        "等级 A": "85 以上不足 95",
        "第十条 申诉": "收到后 15 个工作日内答复",
    }
    cut = {"AA": "[95, 100]", "A": "[85, 95)", "B": "[75, 85)", "C": "[60, 75)", "D": "< 60"}
    rows = [
        ("示例路桥工程有限公司", "91330100MA2SAMP01X", "2026-03-09", Decimal("20000.00"), "accepted", "normal"),
        ("示例江海运输有限公司", "91330200MA2SAMP02Y", "2026-02-27", Decimal("5000.00"), "queried", "due"),
        ("示例山水客运有限公司", "91331000MA2SAMP03Z", "2026-02-11", None, "duplicate", "overdue"),
    ]
    context = {
        "five": FIVE,
        "four": FOUR,
        "stars": STARS,
        "codes": CODES,
        "permit": PERMIT,
        "warning": WARNING,
        "public": _levels("优秀 良好 中等"),
        "palette": PALETTE,
        "bar": _bar(request),
        "form": form,
        "rows": rows,
        "pager": Pager(page_number(request.GET.get("page")), 20, 436, _bar(request).query),
        "pairs": (
            Pair("统一社会信用代码", "91330100MA2SAMP01X", code=True),
            Pair("主体类别", "企业"),
            Pair("注册地", "杭州市萧山区"),
            Pair("成立日期", date(2016, 5, 18)),
            Pair("资质", ["公路工程施工总承包一级", "桥梁专业承包二级"], wide=True),
            Pair("注销日期", None),
        ),
        "tab_items": (
            Tab("基础", "?tab=basic#tabs", 6, True),
            Tab("评价", "?tab=rating#tabs", 3),
            Tab("良好", "?tab=good#tabs", 2),
            Tab("不良", "?tab=bad#tabs", 4),
            Tab("许可", "?tab=permit#tabs", 11),
            Tab("关系", "?tab=relation#tabs", 0),
        ),
        "events": (
            Event(date(2026, 1, 6), "作出处罚决定", "示交罚〔2026〕第 18 号，罚款 20,000.00 元", "bad"),
            Event(date(2026, 1, 9), "开始公示", "一般失信，公示至 2027-01-06"),
            Event(date(2026, 3, 2), "计入评价", "扣 5 分，等级由 A 变为 B"),
            Event(date(2026, 4, 8), "修复完成", "停止公示，等级恢复", "done"),
        ),
        "changes": changes(old, new),
        "problems": (Problem("第 12 行：统一社会信用代码校验位不对", "row-12"),),
        "strips": (
            scale_of(cut=cut, levels=FIVE, number=Decimal("92")),
            scale_of(
                cut={"AAA": ">= 900", "AA": "[800, 900)", "A": "[700, 800)", "B": "< 700"},
                levels=FOUR,
                number=Decimal("645"),
            ),
        ),
        "charts": _charts(),
    }
    return render(request, "web/design.html", context)
