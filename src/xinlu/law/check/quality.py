"""Checks of quality rules and indicators: names known to the catalogue, checks that can run, shares of like things."""

from __future__ import annotations

from xinlu.law.catalogue import Catalogue, FieldType, Item
from xinlu.law.check.notes import Notes
from xinlu.law.indicator import QUANTITIES, Indicator
from xinlu.law.library import Library
from xinlu.law.problem import Problem
from xinlu.law.quality import Check, QualityRules
from xinlu.law.shape import suggestion


def check_quality(library: Library) -> list[Problem]:
    """Every problem of the quality rules and indicators of a library."""
    problems: list[Problem] = []
    for name, rules in library.quality.items():
        notes = Notes(library.files["quality", name])
        _rules(rules, library.catalogue, notes)
        problems += notes.problems
    for name, indicator in library.indicators.items():
        notes = Notes(library.files["indicator", name])
        _indicator(indicator, library.catalogue, notes)
        problems += notes.problems
    return problems


def _rules(rules: QualityRules, catalogue: Catalogue, notes: Notes) -> None:
    _sourced(rules.source.document, rules.source.issuer, notes)
    items = [catalogue.items[name] for name in rules.items if _known_item(name, catalogue, notes, "items")]
    seen: set[str] = set()
    for place, check in enumerate(rules.checks):
        if check.check in seen:
            notes.add("LAW-721", f"检查“{check.check}”写了两次", "checks", place, "check")
        seen.add(check.check)
        _fails(check, rules, items, catalogue, notes, place)
        if check.floor is not None and check.fails.of_accepted and not items:
            sentence = f"“{check.title}”只看已入库的行，不能对所有信息项设最低占比；请写进指明信息项的文件"
            notes.add("LAW-721", sentence, "checks", place, "floor")


def _fails(
    check: Check, rules: QualityRules, items: list[Item], catalogue: Catalogue, notes: Notes, place: int
) -> None:
    fails, path = check.fails, ("checks", place, "fails")
    if (fails.empty or fails.name_differs or fails.without) and not rules.items:
        notes.add("LAW-721", f"“{check.title}”要用数据项或角色，文件须以 items 指明信息项", *path)
    for item in items:
        names = [one.name for one in item.fields]
        for name in (*fails.empty, *((fails.name_differs,) if fails.name_differs else ())):
            if name not in names:
                notes.add("LAW-720", f"{item.title}没有数据项“{name}”{suggestion(name, names)}", *path)
        if fails.name_differs and (field := item.field(fails.name_differs)) and field.type is not FieldType.TEXT:
            notes.add("LAW-721", f"“{field.title}”不是文字，不能与登记名称相比", *path)
        if fails.without and item.role(fails.without.role) is None:
            notes.add("LAW-720", f"{item.title}没有角色“{fails.without.role}”", *path, "without", "role")
    if fails.without:
        _known_item(fails.without.item, catalogue, notes, *path, "without", "item")


def _indicator(indicator: Indicator, catalogue: Catalogue, notes: Notes) -> None:
    _sourced(indicator.source.document, indicator.source.issuer, notes)
    part, whole = QUANTITIES[indicator.numerator.counts], QUANTITIES[indicator.denominator.counts]
    if part != whole:
        notes.add("LAW-722", f"分子数的是 {part}，分母数的是 {whole}", "numerator", "counts")
    if indicator.target:
        for name in indicator.target.items:
            _known_item(name, catalogue, notes, "target", "items")


def _sourced(document: str, issuer: str, notes: Notes) -> None:
    if not document.strip() or not issuer.strip():
        notes.add("LAW-415", "没有写明文号名称或发布机关", "source")


def _known_item(name: str, catalogue: Catalogue, notes: Notes, *path: str | int) -> bool:
    if name in catalogue.items:
        return True
    notes.add("LAW-720", f"目录中没有信息项“{name}”{suggestion(name, list(catalogue.items))}", *path)
    return False
