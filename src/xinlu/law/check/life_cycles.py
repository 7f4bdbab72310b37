"""Checks of the life cycle: every item and field that it names is in the catalogue, and no two versions overlap."""

from __future__ import annotations

from itertools import pairwise

from xinlu.law.catalogue import FieldType
from xinlu.law.check.notes import Notes
from xinlu.law.library import Library
from xinlu.law.life_cycle import LifeCycle, Told
from xinlu.law.problem import Problem


def check_life_cycles(library: Library) -> list[Problem]:
    """Every problem of the life cycle files of a library."""
    problems: list[Problem] = []
    for one in library.life_cycles:
        notes = Notes(library.files["life_cycle", one.version])
        _told(one, library, notes)
        _lists(one, library, notes)
        _repaired(one, library, notes)
        if not one.source.document.strip() or not one.source.issuer.strip():
            notes.add("LAW-415", "没有写明出处文件或发布机关", "source")
        problems += notes.problems
    for earlier, later in pairwise(library.life_cycles):
        if earlier.in_force.until is None or earlier.in_force.until > later.in_force.from_:
            notes = Notes(library.files["life_cycle", later.version])
            notes.add("LAW-411", f"与“{earlier.version}”版的施行期重叠", "in_force", "from")
            problems += notes.problems
    return problems


def _told(one: LifeCycle, library: Library, notes: Notes) -> None:
    places: tuple[tuple[Told | None, tuple[str, ...], FieldType], ...] = (
        (one.adverse.final, ("adverse", "final"), FieldType.DATE),
        (one.adverse.never, ("adverse", "never"), FieldType.YES_NO),
        (one.set_aside, ("set_aside",), FieldType.DATE),
    )
    for told, place, wanted in places:
        if told is None or not _item(told.item, library, notes, *place, "item"):
            continue
        field = library.catalogue.items[told.item].field(told.field)
        if field is None or field.type is not wanted:
            kind = "日期" if wanted is FieldType.DATE else "是/否"
            notes.add("LAW-301", f"信息项“{told.item}”没有{kind}数据项“{told.field}”", *place, "field")


def _lists(one: LifeCycle, library: Library, notes: Notes) -> None:
    for index, name in enumerate(one.adverse.held_by.items if one.adverse.held_by else ()):
        _item(name, library, notes, "adverse", "held_by", "items", index)


def _repaired(one: LifeCycle, library: Library, notes: Notes) -> None:
    rule = one.repaired
    if rule is None or not _item(rule.item, library, notes, "repaired", "item"):
        return
    item = library.catalogue.items[rule.item]
    for name, place in (
        (rule.result.field, ("result", "field")),
        (rule.names.item, ("names", "item")),
        (rule.names.number, ("names", "number")),
    ):
        if item.field(name) is None:
            notes.add("LAW-301", f"信息项“{rule.item}”没有数据项“{name}”", "repaired", *place)


def _item(name: str, library: Library, notes: Notes, *place: str | int) -> bool:
    if name in library.catalogue.items:
        return True
    notes.add("LAW-301", f"目录中没有信息项“{name}”", *place)
    return False
