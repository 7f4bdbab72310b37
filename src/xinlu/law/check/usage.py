"""What a book defines and never uses: clauses, parameters, tables, sources."""

from __future__ import annotations

from collections.abc import Iterator

from xinlu.law.check.notes import Notes
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook
from xinlu.law.typing_rules import Ref


def check_usage(book: Rulebook, meaning: Meaning, notes: Notes) -> None:
    """Note every clause, parameter, table and source that nothing reads."""
    clauses = set(_clauses_used(book))
    parameters, tables = _constants_used(meaning)
    sources = set(_sources_used(book))
    for name, clause in book.clauses.items():
        if name not in clauses:
            notes.add("LAW-409", f"条款“{name}”（{clause.title}）没有被任何汇总、判定或择一引用", "clauses", name)
    for name in book.parameters.keys() - parameters:
        title = book.parameters[name].title
        notes.add("LAW-410", f"参数“{name}”（{title}）没有被引用", "parameters", name)
    for name in book.tables.keys() - tables:
        notes.add("LAW-410", f"对照表“{name}”没有被引用", "tables", name)
    for name in book.sources.keys() - sources:
        notes.add("LAW-419", f"来源“{name}”没有被引用", "sources", name)


def _clauses_used(book: Rulebook) -> Iterator[str]:
    for fold in book.folds.values():
        yield from fold.sum or ()
        yield from fold.tally or ()
        yield from fold.running.clauses if fold.running else ()
    for contest in book.contests.values():
        yield from contest.among
    for output in book.outputs.values():
        for condition in output.conditions:
            yield from condition.by
        for move in output.moves:
            yield from move.by


def _constants_used(meaning: Meaning) -> tuple[set[str], set[str]]:
    parameters: set[str] = set()
    tables: set[str] = set()
    for node in meaning.expressions.values():
        for one in node.walk():
            if one.op == "ref" and isinstance(one.value, Ref) and one.value.space == "param":
                parameters.add(one.value.name)
            if one.op == "call" and one.value == "lookup":
                tables.add(str(one.args[0].value))
    return parameters, tables


def _sources_used(book: Rulebook) -> Iterator[str]:
    for clause in book.clauses.values():
        yield clause.hits
        for among in (clause.needs, clause.lacks):
            if among is not None:
                yield among.source
    for fold in book.folds.values():
        yield from (name for name in (fold.over, fold.per) if name)
    for source in book.sources.values():
        yield from (name for name in (source.unit.parent, source.unit.row) if name)
