"""Checks of forms of self-filing: every name is one of the catalogue, every round ends after it begins."""

from __future__ import annotations

from itertools import pairwise

from xinlu.law.check.notes import Notes
from xinlu.law.filing import FIRM, ROW, Form, Part, catalogue_field
from xinlu.law.library import Filed, Library
from xinlu.law.marks import read
from xinlu.law.problem import LawError, Problem
from xinlu.law.shape import shape, suggestion


def check_filings(library: Library) -> list[Problem]:
    """Every problem of the forms that lie beside a library."""
    problems: list[Problem] = []
    for path in sorted((library.root / "filing").glob("*.yaml")):
        try:
            marked = read(path, name=f"{library.root.name}/filing/{path.name}")
            form = shape(Form, marked)
        except LawError as error:
            problems += error.problems
            continue
        notes = Notes(Filed(marked, path))
        _head(form, path.stem, library, notes)
        for name, part in form.parts.items():
            _part(form, name, part, library, notes)
        problems += notes.problems
    return problems


def _head(form: Form, stem: str, library: Library, notes: Notes) -> None:
    catalogue = library.catalogue
    if form.form != stem:
        notes.add("LAW-308", f"标识“{form.form}”与文件名不一致", "form")
    if form.kind not in catalogue.kinds:
        notes.add("LAW-301", f"没有主体类别“{form.kind}”{suggestion(form.kind, catalogue.kinds)}", "kind")
    known = catalogue.code_lists["businesses"].values if "businesses" in catalogue.code_lists else {}
    for business in form.businesses:
        if business not in known:
            notes.add("LAW-301", f"没有业务“{business}”{suggestion(business, known)}", "businesses")
    if any(later.opens_on <= earlier.opens_on for earlier, later in pairwise(form.rounds)):
        notes.add("LAW-708", "各年度应按开始日期的先后排列", "rounds")
    for place, one in enumerate(form.rounds):
        if one.locks_on <= one.opens_on:
            notes.add("LAW-708", f"{one.year} 年度的锁定日期不晚于开始日期", "rounds", place)


def _part(form: Form, name: str, part: Part, library: Library, notes: Notes) -> None:
    catalogue = library.catalogue
    if part.kind is not None and part.kind not in catalogue.kinds:
        notes.add("LAW-301", f"没有主体类别“{part.kind}”{suggestion(part.kind, catalogue.kinds)}", "parts", name)
        return
    if part.item is not None and part.item not in catalogue.items:
        notes.add("LAW-301", f"没有信息项“{part.item}”{suggestion(part.item, catalogue.items)}", "parts", name)
        return
    for place, field in enumerate(part.fields):
        if catalogue_field(part, field.name, catalogue) is None:
            notes.add("LAW-301", f"“{part.title}”没有数据项“{field.name}”", "parts", name, "fields", place)
    if not part.many and part.kind != form.kind:
        notes.add("LAW-708", f"“{part.title}”只有一行，应当说的是填报单位", "parts", name)
    _links(name, part, library, notes)


def _links(name: str, part: Part, library: Library, notes: Notes) -> None:
    fields = {one.name for one in part.fields}
    for place, link in enumerate(part.links):
        path = ("parts", name, "links", place)
        if link.relation not in library.catalogue.relations:
            notes.add("LAW-301", f"没有关系“{link.relation}”", *path)
        for end in (link.from_, link.to):
            if end not in (FIRM, ROW) and end not in fields:
                notes.add("LAW-301", f"关系的一端“{end}”不是填报单位、本行或本部分的数据项", *path)
        if link.since not in fields:
            notes.add("LAW-301", f"“{part.title}”没有日期“{link.since}”", *path)
