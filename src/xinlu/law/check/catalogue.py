"""Checks of the catalogue: names, columns, digits, and what the public may see."""

from __future__ import annotations

from collections.abc import Iterable

from xinlu.law.catalogue import Catalogue, CodeList, Disclosure, Field, FieldType, Item
from xinlu.law.check.notes import Notes
from xinlu.law.expression import ExpressionError, parse
from xinlu.law.library import Library
from xinlu.law.meaning import item_columns
from xinlu.law.problem import Problem
from xinlu.law.shape import suggestion
from xinlu.law.types import FLAG, MOST_DIGITS, Type
from xinlu.law.typing_rules import Binding, Ref, Surroundings, TypeTrouble, assign_types
from xinlu.law.uses import contradictions

RESERVED = frozenset(
    [
        *("record", "parent", "occurred_on", "effective_from", "effective_until", "recorded_at"),
        *("superseded_at", "subject", "name", "region", "valid_from", "valid_until"),
        *("unit", "other", "as_of", "period_from", "period_until"),
    ]
)
"""Column names of the engine's tables that no field may take."""


def check_catalogue(library: Library) -> list[Problem]:
    """Every problem of the catalogue of a library."""
    catalogue = library.catalogue
    problems: list[Problem] = []
    for name, item in catalogue.items.items():
        notes = Notes(library.files["item", name])
        _item(item, library, notes)
        problems += notes.problems
    for name, kind in catalogue.kinds.items():
        notes = Notes(library.files["kind", name])
        _fields(kind.attributes, "attributes", catalogue, notes)
        problems += notes.problems
    for name, relation in catalogue.relations.items():
        notes = Notes(library.files["relation", name])
        for key, kinds in (("from_kinds", relation.from_kinds), ("to_kinds", relation.to_kinds)):
            for one in kinds:
                _known(one, catalogue.kinds, "主体类别", notes, key)
        problems += notes.problems
    for name, codes in catalogue.code_lists.items():
        notes = Notes(library.files["codes", name])
        _codes(codes, notes)
        problems += notes.problems
    return problems


def _item(item: Item, library: Library, notes: Notes) -> None:
    catalogue = library.catalogue
    _fields(item.fields, "fields", catalogue, notes)
    _roles(item, catalogue, notes)
    _keys(item, notes)
    _dates(item, notes)
    _parent(item, catalogue, notes)
    _disclosure(item, library, notes)
    _checks(item, catalogue, notes)
    if "sectors" in catalogue.code_lists:
        _known(item.sector, catalogue.code_lists["sectors"].values, "业务领域", notes, "sector")
    if "national_classes" in catalogue.code_lists:
        classes = catalogue.code_lists["national_classes"].values
        _known(item.national_class, classes, "国家目录类别", notes, "national_class")
    if not item.source.document.strip() or not item.source.issuer.strip():
        notes.add("LAW-415", "没有写明出处文件或发布机关", "source")


def _fields(fields: Iterable[Field], key: str, catalogue: Catalogue, notes: Notes) -> None:
    names: dict[str, str] = {}
    for index, field in enumerate(fields):
        path = (key, index)
        if field.name in RESERVED or field.name.startswith("role_"):
            notes.add("LAW-303", f"“{field.name}”是保留的列名", *path, "name")
        for name in dict.fromkeys((field.name, *field.aliases)):
            if name in names:
                sentence = f"“{name}”已是数据项“{names[name]}”的名称或别名"
                notes.add("LAW-302", sentence, *path, "name" if name == field.name else "aliases")
            names.setdefault(name, field.name)
        if len(set(field.aliases)) < len(field.aliases):
            notes.add("LAW-302", f"数据项“{field.name}”的别名重复", *path, "aliases")
        _typed(field, catalogue, notes, *path)


def _typed(field: Field, catalogue: Catalogue, notes: Notes, *path: str | int) -> None:
    if field.type is FieldType.NUMBER and not _fits(field):
        sentence = f"“{field.name}”的位数 {field.digits}、小数 {field.scale} 不对"
        notes.add("LAW-304", sentence, *path)
    if field.type is FieldType.CODE and field.codes is None:
        notes.add("LAW-306", f"代码型数据项“{field.name}”没有写代码表", *path)
    if field.codes is not None:
        _known(field.codes, catalogue.code_lists, "代码表", notes, *path, "codes")


def _fits(field: Field) -> bool:
    return field.digits is None or (1 <= field.digits <= MOST_DIGITS and 0 <= field.scale <= field.digits)


def _roles(item: Item, catalogue: Catalogue, notes: Notes) -> None:
    names: set[str] = set()
    if not item.roles:
        notes.add("LAW-301", "至少要有一个角色", "roles")
    for index, role in enumerate(item.roles):
        if role.name in names or item.field(role.name) is not None:
            notes.add("LAW-302", f"角色“{role.name}”与别的角色或数据项同名", "roles", index)
        names.add(role.name)
        for kind in role.kinds:
            _known(kind, catalogue.kinds, "主体类别", notes, "roles", index, "kinds")


def _keys(item: Item, notes: Notes) -> None:
    fields = [f.name for f in item.fields]
    known = [*fields, *(f"role:{r.name}" for r in item.roles)]
    for index, part in enumerate(item.key):
        _known(part, known, "数据项或角色", notes, "key", index)
    for index, part in enumerate(item.parent_key):
        _known(part, known, "数据项", notes, "parent_key", index)


def _dates(item: Item, notes: Notes) -> None:
    dates = [f.name for f in item.fields if f.type is FieldType.DATE and not f.many]
    _known(item.occurred_on, dates, "日期数据项", notes, "occurred_on")
    for key in ("effective_from", "effective_until"):
        if (name := getattr(item, key)) is not None:
            _known(name, dates, "日期数据项", notes, key)
    occurred = item.field(item.occurred_on)
    if occurred is not None and not occurred.required:
        sentence = f"“{item.occurred_on}”说明事实发生日，应为必填"
        notes.add("LAW-301", sentence, "occurred_on")


def _parent(item: Item, catalogue: Catalogue, notes: Notes) -> None:
    if item.parent is None:
        return
    if not _known(item.parent, catalogue.items, "信息项", notes, "parent"):
        return
    wanted = len(catalogue.items[item.parent].key)
    if item.parent_key and len(item.parent_key) != wanted:
        sentence = f"上级信息项的业务主键有 {wanted} 项，这里写了 {len(item.parent_key)} 项"
        notes.add("LAW-301", sentence, "parent_key")


def _disclosure(item: Item, library: Library, notes: Notes) -> None:
    publicity = item.publicity
    for sentence in contradictions(item):
        notes.add("LAW-309", sentence, "uses")
    if item.disclosure is Disclosure.PUBLIC:
        if publicity is None:
            notes.add("LAW-305", "主动公开的信息项没有写公示期", "disclosure")
        if item.nature == "bad" and item.severity == "none":
            notes.add("LAW-305", "主动公开的失信信息没有写失信程度", "disclosure")
    if publicity is None:
        return
    columns = [f.name for f in item.fields if f.type is FieldType.DATE]
    known = [*columns, "occurred_on", "effective_from", "effective_until"]
    _known(publicity.start, known, "日期数据项", notes, "publicity", "start")
    if publicity.until is not None:
        _known(publicity.until, known, "日期数据项", notes, "publicity", "until")
    if publicity.rulebook is not None:
        _known(publicity.rulebook, library.rulebooks, "评价规则", notes, "publicity", "rulebook")


def _checks(item: Item, catalogue: Catalogue, notes: Notes) -> None:
    names = {name: Binding(Ref("row", name), found) for name, found in item_columns(item).items()}
    codes = {name: frozenset(one.values) for name, one in catalogue.code_lists.items()}
    for index, text in enumerate(item.checks):
        try:
            node = assign_types(parse(text), Surroundings(names, codes=codes))
        except ExpressionError as error:
            notes.add("LAW-100", str(error), "checks", index)
        except TypeTrouble as error:
            notes.add(error.code, str(error), "checks", index)
        else:
            if not isinstance(node.type, Type) or node.type.kind != FLAG.kind:
                notes.add("LAW-102", f"“{text}”应得出是/否", "checks", index)


def _codes(codes: CodeList, notes: Notes) -> None:
    for alias, code in codes.aliases.items():
        _known(code, codes.values, "代码", notes, "aliases", alias)
        if alias in codes.values:
            notes.add("LAW-302", f"“{alias}”既是代码又是别名", "aliases", alias)


def _known(name: str, known: Iterable[str], what: str, notes: Notes, *path: str | int) -> bool:
    names = list(known)
    if name in names:
        return True
    notes.add("LAW-301", f"没有{what}“{name}”{suggestion(name, names)}", *path)
    return False
