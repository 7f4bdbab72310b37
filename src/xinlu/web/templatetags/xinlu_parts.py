"""Template tags and filters of the parts; ``/design/`` shows each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.context import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from xinlu.web.icons import GLYPHS, ICONS
from xinlu.web.moments import sample_day, today
from xinlu.web.parts import GRADES, Badge, badge_of

register = template.Library()

LAMPS = {
    "normal": ("disc", "正常"),
    "due": ("triangle", "临期"),
    "overdue": ("square", "超期"),
    "paused": ("ring", "暂停"),
}

STATES = {
    "todo": ("info", "clock", "待办"),
    "doing": ("line", "play", "办理中"),
    "amend": ("warn", "edit", "补正"),
    "done": ("ok", "check", "已办"),
    "returned": ("bad", "undo", "退回"),
    "withdrawn": ("mute", "close", "撤回"),
    "disputed": ("hold", "info", "异议处理中"),
    "shown": ("info", "eye", "公示中"),
    "inside": ("mute", "lock", "不公示"),
    "repaired": ("gone", "check", "已修复"),
    "accepted": ("ok", "check", "已入库"),
    "queried": ("warn", "warn", "疑问"),
    "duplicate": ("mute", "link", "重复"),
    "in_force": ("ok", "check", "现行"),
    "coming": ("info", "clock", "未施行"),
    "ended": ("mute", "close", "已失效"),
}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon in the colour of the text; without ``label`` it is decoration."""
    shape = mark_safe(ICONS[name])  # noqa: S308 - drawn above
    if label:
        return format_html('<svg class="icon" viewBox="0 0 24 24" role="img" aria-label="{}">{}</svg>', label, shape)
    return format_html('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{}</svg>', shape)


@register.simple_tag
def glyph(name: str) -> SafeString:
    """A filled sign beside a colour, so that nobody needs to see the colour."""
    shape = mark_safe(GLYPHS[name])  # noqa: S308 - drawn above
    return format_html('<svg class="glyph" viewBox="0 0 12 12" aria-hidden="true">{}</svg>', shape)


@register.inclusion_tag("web/parts/badge.html")
def badge(
    level: str | Badge | None,
    levels: Sequence[Any] = (),
    kind: str = "industry_credit",
    status: str = "rated",
    flag: bool | None = None,
    large: bool = False,
    context: str = "",
) -> dict[str, Any]:
    """The badge of a level. ``context`` (field and year) is added to what a screen reader says."""
    made = (
        level if isinstance(level, Badge) else badge_of(level=level, levels=levels, kind=kind, status=status, flag=flag)
    )
    return {"badge": made, "large": large, "label": f"{context} {made.label}".strip()}


@register.inclusion_tag("web/parts/lamp.html")
def lamp(state: str, words: str = "") -> dict[str, str]:
    """A deadline lamp: colour, shape and words."""
    sign, name = LAMPS[state]
    return {"state": state, "sign": sign, "words": words or name, "name": name if words else ""}


@register.inclusion_tag("web/parts/status.html")
def status(state: str, words: str = "") -> dict[str, str]:
    """The tag of a state of work or of a record."""
    tone, sign, name = STATES[state]
    return {"tone": tone, "sign": sign, "words": words or name}


@register.inclusion_tag("web/parts/grade.html")
def grade(value: Any) -> dict[str, str]:
    """The grade of a source: 正式, 转引, 待核 or 示例."""
    key = str(getattr(value, "value", value) or "unverified")
    words, meaning = GRADES.get(key, GRADES["unverified"])
    return {"key": key if key in GRADES else "unverified", "words": words, "meaning": meaning}


@register.inclusion_tag("web/parts/sample.html")
def sample_mark(words: str = "示例数据") -> dict[str, str]:
    """Says that what stands here is made up."""
    return {"words": words}


@register.inclusion_tag("web/parts/sample_line.html")
def sample_line() -> dict[str, Any]:
    """Says on every page of a site that runs on the demo province that it is one; nothing elsewhere."""
    return {"sample": sample_day(), "day": today()}


@register.simple_tag
def sample_style() -> SafeString:
    """The foot of printed sheets, on the demo province only."""
    if sample_day() is None:
        return SafeString("")
    return format_html('<link rel="stylesheet" href="{}" media="print">\n', static("xinlu/sample.css"))


@register.inclusion_tag("web/parts/kv.html")
def key_values(pairs: Sequence[Any], one: bool = False) -> dict[str, Any]:
    """A key-value card of ``Pair``; an empty value shows a dash, never nothing."""
    return {"pairs": pairs, "one": one}


@register.inclusion_tag("web/parts/tabs.html")
def tabs(items: Sequence[Any], label: str, target: str = "") -> dict[str, Any]:
    """Tabs as links; ``target`` is the id of the part that a tab replaces where JavaScript runs."""
    return {"items": items, "label": label, "target": target}


@register.inclusion_tag("web/parts/pager.html")
def pager(page: Any, noun: str = "条") -> dict[str, Any]:
    return {"pager": page, "noun": noun}


@register.inclusion_tag("web/parts/filters.html")
def filters(bar: Any, label: str = "筛选") -> dict[str, Any]:
    return {"bar": bar, "label": label}


@register.inclusion_tag("web/parts/timeline.html")
def timeline(events: Sequence[Any]) -> dict[str, Any]:
    return {"events": events}


@register.inclusion_tag("web/parts/difference.html")
def difference(changes: Sequence[Any], before: str = "旧版", after: str = "新版") -> dict[str, Any]:
    return {"changes": changes, "before": before, "after": after}


@register.inclusion_tag("web/parts/empty.html")
def empty(title: str, why: str = "", address: str = "", action: str = "") -> dict[str, str]:
    """Nothing here, and why: no data, no permission, or the filter."""
    return {"title": title, "why": why, "address": address, "action": action}


@register.inclusion_tag("web/parts/errors.html")
def error_summary(problems: Any) -> dict[str, Any]:
    """All errors of a form at its top, each a link to its field. Takes a form or a list of ``Problem``."""
    from xinlu.web.parts import Problem

    if not hasattr(problems, "errors"):
        return {"problems": list(problems or ())}
    form = problems
    found = [Problem(str(error)) for error in form.non_field_errors()]
    for bound in form:
        found += [Problem(str(error), bound.id_for_label) for error in bound.errors]
    return {"problems": found}


@register.inclusion_tag("web/parts/field.html")
def form_field(bound: Any) -> dict[str, Any]:
    """One field of a form: label, must, hint, error, control."""
    return {"field": bound}


@register.inclusion_tag("web/parts/chart.html")
def chart(figure: Any) -> dict[str, Any]:
    """A figure and its table; the table is always in the page."""
    return {"chart": figure, "data_id": f"{figure.ident}-data"}


@register.inclusion_tag("web/parts/scale.html")
def scale(strip: Any) -> dict[str, Any]:
    return {"scale": strip}


@register.inclusion_tag("web/parts/print_head.html", takes_context=True)
def print_head(context: Context, title: str) -> dict[str, Any]:
    """Head of a printed page: what it is, for whom and when it was printed."""
    request = context.get("request")
    user = getattr(request, "user", None)
    who = (user.get_full_name() or user.get_username()) if user is not None and user.is_authenticated else "公众查询"
    return {"title": title, "who": who, "now": timezone.localtime()}


@register.inclusion_tag("web/parts/nav_link.html", takes_context=True)
def nav_link(context: Context, address: str, words: str, sign: str = "", exact: bool = False) -> dict[str, Any]:
    """A link of the navigation that knows whether the reader is there."""
    request = context.get("request")
    path = request.path if request is not None else ""
    here = path == address if exact or address == "/" else path.startswith(address)
    return {"address": address, "words": words, "sign": sign, "here": here}


@register.inclusion_tag("web/parts/crumbs.html")
def crumbs(*parts: str) -> dict[str, Any]:
    """Where the reader is: title, address, title, address, …, title of this page."""
    pairs = [(parts[i], parts[i + 1] if i + 1 < len(parts) else "") for i in range(0, len(parts), 2)]
    return {"crumbs": pairs}


def _built(name: str) -> str:
    """Address of a file made at set-up, or nothing where it was not made."""
    if finders.find(f"built/{name}") is None:
        return ""
    return static(f"built/{name}")


@register.simple_tag
def fonts_link() -> SafeString:
    """The font slices, for screens without a Chinese font (``XINLU_WEB_FONT=1``)."""
    address = _built("fonts.css") if settings.WEB_FONT else ""
    return format_html('<link rel="stylesheet" href="{}">\n', address) if address else SafeString("")


@register.simple_tag
def charts_script() -> SafeString:
    """The drawing of figures, where set-up made it; without it pages show the tables."""
    address = _built("charts.js")
    return format_html('<script src="{}" defer></script>\n', address) if address else SafeString("")


@register.filter
def number(value: Any) -> str:
    """A number as people write it: no idle zeros, thousands marked, a true minus; a missing one is a dash.

    >>> number(Decimal("-1200.500")), number(None), number(0)
    ('−1,200.5', '—', '0')
    """
    if value is None or value == "":
        return "—"
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    text = f"{exact:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return ("0" if text == "-0" else text).replace("-", "−")


@register.filter
def brief(value: Any) -> str:
    """A number to at most four places, with … where it goes on.

    >>> brief(Decimal("62.638297872340")), brief(Decimal("1.5"))
    ('62.6382…', '1.5')
    """
    text = number(value)
    whole, dot, places = text.partition(".")
    return text if len(places) <= 4 else f"{whole}{dot}{places[:4]}…"


@register.filter
def signed(value: Any) -> str:
    """A number with its sign.

    >>> signed(Decimal("5")), signed(Decimal("-3.0")), signed(None)
    ('+5', '−3', '—')
    """
    text = brief(value)
    return text if text in ("—", "0") or text.startswith("−") else f"+{text}"


@register.filter
def size(value: Any) -> str:
    """The size of a number without its sign.

    >>> size(Decimal("-3.50"))
    '3.5'
    """
    return number(value).lstrip("−")


@register.filter
def day(value: date | datetime | str | None) -> str:
    """A day as ``2026-03-09``; a missing one is a dash."""
    if value is None or value == "":
        return "—"
    if isinstance(value, datetime):
        value = timezone.localtime(value) if timezone.is_aware(value) else value
        return value.strftime("%Y-%m-%d")
    return value.isoformat() if isinstance(value, date) else str(value)


@register.filter
def moment(value: datetime | None) -> str:
    """A point of time to the minute, in Chinese time."""
    if value is None:
        return "—"
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return local.strftime("%Y-%m-%d %H:%M")


@register.filter
def field_value(value: Any) -> str:
    """A recorded value of any type as text; missing is a dash, a list is joined with 、.

    >>> field_value(True), field_value(["甲", "乙"]), field_value(None)
    ('是', '甲、乙', '—')
    """
    if isinstance(value, bool):
        return "是" if value else "否"
    if value is None or value == "" or value == []:
        return "—"
    if isinstance(value, (list, tuple)):
        return "、".join(field_value(part) for part in value)
    if isinstance(value, (int, float, Decimal)):
        return number(value)
    if isinstance(value, (date, datetime)):
        return day(value)
    return str(value)


@register.filter
def edition(version: str) -> str:
    """The version of a book as people read it.

    >>> edition("sample-1"), edition("2018")
    ('示例第 1', '2018')
    """
    return f"示例第 {version[7:]}" if version.startswith("sample-") else version


@register.filter
def lookup(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    """A value by its key; missing is None."""
    return (mapping or {}).get(key)
