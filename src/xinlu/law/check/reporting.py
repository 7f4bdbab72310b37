"""Checks of reporting rules: they speak of items, fields and codes that the catalogue has."""

from __future__ import annotations

from xinlu.law.catalogue import Catalogue, FieldType
from xinlu.law.library import Library
from xinlu.law.problem import LawError, Problem, problem
from xinlu.law.reporting import FOLDER, Reporting, Table, load_reporting
from xinlu.law.shape import suggestion

PARTY_KINDS = "party_kinds"


def check_reporting(library: Library) -> list[Problem]:
    """Every problem of the reporting rules of a library: of form, and against its catalogue."""
    try:
        rules = load_reporting(library.root)
    except LawError as error:
        return list(error.problems)
    return [found for rule in rules for found in _rule(rule, library)]


def _rule(rule: Reporting, library: Library) -> list[Problem]:
    file = f"{library.root.name}/{FOLDER}/{rule.reporting}.{rule.version}.yaml"
    catalogue = library.catalogue
    sentences = [said for table in rule.tables for said in _table(table, rule, catalogue)]
    kinds = catalogue.code_lists.get(PARTY_KINDS)
    for kind in (rule.parties.sole_trader.kind, rule.parties.natural_person.kind):
        if kinds is None or kind not in kinds.values:
            sentences.append(f"相对人类别“{kind}”不在代码表 {PARTY_KINDS} 中")
    return [problem("LAW-301", sentence, file=file, line=1) for sentence in sentences]


def _table(table: Table, rule: Reporting, catalogue: Catalogue) -> list[str]:
    item = catalogue.items.get(table.item)
    if item is None:
        return [f"目录中没有信息项“{table.item}”{suggestion(table.item, catalogue.items)}"]
    names = [one.name for one in item.fields]
    wanted = [*(one.field for one in table.columns), rule.deadline.counted_from]
    found = [
        f"{table.title}没有数据项“{name}”{suggestion(name, names)}"
        for name in dict.fromkeys(wanted)
        if name not in names
    ]
    flag = table.summary_flag
    if flag is not None:
        child = catalogue.items.get(flag.item)
        one = child.field(flag.field) if child is not None else None
        if child is None or child.parent != table.item or one is None or one.type is not FieldType.YES_NO:
            found.append(f"{table.title}的下级信息项“{flag.item}”没有是否型数据项“{flag.field}”")
    return found
