"""What a case about a filing shows: two columns of what differs, the evidence beside it, places to return by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from xinlu.access.scope import Scope
from xinlu.casework.state import Standing
from xinlu.intake.filing import content as said
from xinlu.intake.filing import queries
from xinlu.intake.filing.difference import PAPERS, Change, difference
from xinlu.intake.filing.take import ABOUT, overwrites
from xinlu.intake.models import Filing, FilingPaper, FilingVersion
from xinlu.law.filing import Form
from xinlu.registry import queries as registry
from xinlu.web.parts import Tab

_REGISTER = Scope.system("comparing a filing with the registry")


@dataclass(frozen=True)
class Line:
    """One field: where, its title, what stood there and what stands there now. ``changed``: they differ."""

    place: str
    title: str
    old: str
    new: str
    changed: bool


@dataclass(frozen=True)
class RowShown:
    """One row of a filing, as it differs or whole."""

    part: str
    row: str
    part_title: str
    title: str
    kind: str
    lines: tuple[Line, ...]
    papers: tuple[FilingPaper, ...]
    registered: tuple[str, ...] = ()
    """Fields in which the registry says otherwise, in words."""
    overwrites: bool = False
    """Whether an approval changes the registry in this."""


@dataclass(frozen=True)
class PlaceNamed:
    """A place of a filing, for people."""

    title: str
    value: str


def filing_of(scope: Scope, stands: Standing) -> Filing | None:
    """The filing that a case is about, if it is about one that the scope sees."""
    about = stands.case.about
    return queries.filing(scope, int(about.removeprefix(ABOUT))) if about.startswith(ABOUT) else None


def reviewed(scope: Scope, filing: Filing) -> FilingVersion | None:
    """The version that a review is about: the last that was submitted."""
    found = queries.versions(scope, filing.pk)
    return found[-1] if found else None


def context(request: HttpRequest, scope: Scope, stands: Standing) -> dict[str, Any]:
    """What the page of a case needs to show a filing; empty for other cases."""
    filing = filing_of(scope, stands)
    if filing is None:
        return {}
    version = reviewed(scope, filing)
    if version is None or stands.case.procedure != "filing-review":
        return {"filing": filing, "version": version}
    form = said.form_of(filing.form)
    base = queries.base_of(filing, below=version)
    whole = request.GET.get("all") == "1"
    changes = differences(scope, filing, form, version, base)
    rows = shown_rows(scope, filing, form, version, base, whole=whole)
    tabs = [
        Tab("有变化", "?#filing", len(changes), not whole),
        Tab("全部内容", "?all=1#filing", sum(1 for _ in said.rows(version.content)), whole),
    ]
    return {"filing": filing, "version": version, "base": base, "rows": rows, "tabs": tabs, "form": form}


def differences(
    scope: Scope, filing: Filing, form: Form, version: FilingVersion, base: FilingVersion | None
) -> list[Change]:
    """Every change of a version against the one approved before it."""
    papers = queries.papers(scope, filing)
    return difference(form, base.content if base else None, version.content, papers=papers)


def shown_rows(
    scope: Scope,
    filing: Filing,
    form: Form,
    version: FilingVersion,
    base: FilingVersion | None,
    *,
    whole: bool,
) -> list[RowShown]:
    """Rows of a version: those with changes, or all of them; in the order of the form."""
    papers = queries.papers(scope, filing)
    changes = difference(form, base.content if base else None, version.content, papers=papers)
    by_row: dict[tuple[str, str], dict[str, Change]] = {}
    for one in changes:
        by_row.setdefault((one.place.part, one.place.row), {})[one.place.field] = one
    keys = [(part, row["row"]) for part, row in said.rows(version.content)] if whole else []
    order = list(dict.fromkeys([*keys, *by_row]))
    order.sort(key=lambda key: list(form.parts).index(key[0]))
    found = []
    for part, key in order:
        row = said.row_in(version.content, part, key)
        lines = _lines(form, part, key, row, by_row.get((part, key), {}), whole=whole)
        attached = [papers[token] for token in (row["papers"] if row else []) if token in papers]
        changed = by_row.get((part, key), {})
        kind = next(iter(changed.values())).kind if changed else "same"
        title = next(iter(changed.values())).row_title if changed else said.row_title(form.parts[part], row or {})
        told, overwritten = _registered(form, filing, part, row)
        part_title = form.parts[part].title
        found.append(RowShown(part, key, part_title, title, kind, lines, tuple(attached), told, overwritten))
    return found


def _lines(
    form: Form, part: str, key: str, row: said.Row | None, changed: dict[str, Change], *, whole: bool
) -> tuple[Line, ...]:
    found = []
    for field in said.fields_of(form.parts[part]):
        one = changed.get(field.name)
        place = f"{part}/{key}/{field.name}"
        if one is not None:
            found.append(Line(place, field.title, one.old, one.new, changed=True))
        elif whole and row is not None:
            told = said.shown(field, row["values"].get(field.name, ""))
            found.append(Line(place, field.title, told, told, changed=False))
    if one := changed.get(PAPERS):
        found.append(Line(f"{part}/{key}/{PAPERS}", "附件", one.old, one.new, changed=True))
    return tuple(found)


def _registered(form: Form, filing: Filing, part: str, row: said.Row | None) -> tuple[tuple[str, ...], bool]:
    """Where a row differs from the project or section that is registered, and whether an approval changes that."""
    what = form.parts[part]
    code = str(row["values"].get("code", "")) if row else ""
    subject = registry.find(_REGISTER, value=code, type_="code") if code and what.many and what.kind else None
    period = subject.periods.filter(superseded_at__isnull=True).order_by("-valid_from").first() if subject else None
    if row is None or subject is None or period is None:
        return (), False
    found = []
    for field in said.fields_of(what):
        held = period.name if field.name == "name" else period.attributes.get(field.name, "")
        told = said.shown(field, said.held(field, held)) if held else ""
        filed = said.shown(field, row["values"].get(field.name, ""))
        if told and filed and told.replace("-", "") != filed.replace("-", "") and field.name != "code":
            found.append(f"{field.title}登记为“{told}”")
    return tuple(found), overwrites(what, filing.subject_id, subject.pk)


def places(scope: Scope, stands: Standing) -> dict[str, PlaceNamed]:
    """Place → its name, for every field that may be returned; empty where a case is about no filing."""
    filing = filing_of(scope, stands)
    version = reviewed(scope, filing) if filing else None
    if filing is None or version is None:
        return {}
    form = said.form_of(filing.form)
    base = queries.base_of(filing, below=version)
    found: dict[str, PlaceNamed] = {}
    for row in shown_rows(scope, filing, form, version, base, whole=True):
        named = f"{row.part_title} {row.title}".strip()
        for line in row.lines:
            found[line.place] = PlaceNamed(f"{named} · {line.title}", line.new)
        found[f"{row.part}/{row.row}/{PAPERS}"] = PlaceNamed(f"{named} · 附件", f"{len(row.papers)} 件")
    return found


def usual_rules(stands: Standing) -> Sequence[str]:
    """What a return quotes most often; any other text may be written."""
    if not stands.case.about.startswith(ABOUT):
        return ()
    return (
        "填报表单：数据项与所附材料应当一致",
        "填报表单：应附的材料没有附或看不清",
        "信用信息目录：数据项的定义与单位",
        "登记库：与已登记的项目、标段或人员不一致",
    )
