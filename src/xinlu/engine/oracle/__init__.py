"""The oracle: slow, obvious, record by record, in plain Python with Decimal.

It shares with the compiler only the parsed law. It is there to be right, and serves where a question is so small that
planning would cost more than counting (:mod:`xinlu.engine.reckon`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import localcontext
from graphlib import TopologicalSorter
from typing import Any

from xinlu.engine import exact
from xinlu.engine.answers import Answering, Evidence, answer_columns, named_value
from xinlu.engine.oracle.folds import add_fold
from xinlu.engine.oracle.hits import add_hits, settle, write_unused
from xinlu.engine.oracle.peers import add_peer
from xinlu.engine.oracle.population import add_units
from xinlu.engine.oracle.setting import Hit, Setting, Tables, Unit
from xinlu.engine.oracle.sources import add_source
from xinlu.engine.result import Entry, Finding, RunResult, sorted_entries, sorted_findings
from xinlu.law.catalogue import Catalogue
from xinlu.law.meaning import Meaning, understand
from xinlu.law.rulebook import Rulebook

__all__ = ["evaluate", "evaluate_meanings", "understood"]


def evaluate(
    books: Sequence[Rulebook],
    tables: Tables,
    *,
    catalogue: Catalogue,
    as_of: date,
    known_at: datetime,
    units: Collection[int] | None = None,
    peers: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunResult:
    """Findings and entries of every book.

    ``books``: all books needed, in any order; several versions of one id may be given, and ``governed_by``
    picks the version of each unit. ``tables``: Arrow tables or lists of rows by name, with the columns of
    ``docs/architecture.md``; a table that is not there has no rows. ``units``: which units are wanted in the
    result (all when None); peers and books that are read are worked out whole. ``peers``: frozen statistics
    by book and value name (see :mod:`xinlu.engine.oracle.peers`).

    Raises :class:`xinlu.law.meaning.Misunderstood` for a book without meaning, ``graphlib.CycleError`` for
    books that read each other in a circle, ``KeyError`` for a book that is read but not given.
    """
    meanings = understood(books, catalogue=catalogue)
    return evaluate_meanings(
        meanings, tables, catalogue=catalogue, as_of=as_of, known_at=known_at, units=units, peers=peers
    )


def evaluate_meanings(
    books: Iterable[Sequence[Meaning]],
    tables: Tables,
    *,
    catalogue: Catalogue,
    as_of: date,
    known_at: datetime,
    units: Collection[int] | None = None,
    peers: Mapping[str, Mapping[str, Any]] | None = None,
    only: Mapping[str, Collection[int]] | None = None,
) -> RunResult:
    """:func:`evaluate` for books that are understood already, as :func:`understood` gives them.

    ``only``: book → units that are worked out at all. Peers and readers then see these units alone."""
    findings: dict[str, list[Finding]] = {}
    entries: dict[str, list[Entry]] = {}
    with localcontext(exact.EXACT):
        for meanings in books:
            name = meanings[0].book.rulebook
            frozen = (peers or {}).get(name, {})
            findings[name], entries[name] = [], []
            for meaning in meanings:
                setting = Setting(meaning, catalogue, tables, as_of, known_at, findings, frozen)
                setting.only = None if only is None else only.get(name, ())
                for unit in _evaluated(setting):
                    findings[name] += _answers(setting, unit)
                    entries[name] += unit.entries
    return _only(units, findings, entries)


def _only(
    units: Collection[int] | None, findings: dict[str, list[Finding]], entries: dict[str, list[Entry]]
) -> RunResult:
    def wanted(one: Finding | Entry) -> bool:
        return units is None or one.unit in units

    return RunResult(
        {name: sorted_findings(filter(wanted, found)) for name, found in findings.items()},
        {name: sorted_entries(filter(wanted, found)) for name, found in entries.items()},
    )


def understood(books: Iterable[Rulebook], *, catalogue: Catalogue) -> list[list[Meaning]]:
    """The meanings of books, versions of one id together, every book after those that it reads."""
    versions: dict[str, list[Rulebook]] = {}
    for book in sorted(books, key=lambda one: one.in_force.from_):
        versions.setdefault(book.rulebook, []).append(book)
    reads = {name: _reads(all_) for name, all_ in versions.items()}
    known: dict[str, Meaning] = {}
    found = []
    for name in TopologicalSorter(reads).static_order():
        meanings = [understand(book, catalogue, known) for book in versions[name]]
        found.append(meanings)
        # A reader sees the columns of the latest version of what it reads.
        known[name] = meanings[-1]
    return found


def _reads(versions: Iterable[Rulebook]) -> set[str]:
    sources = (source for book in versions for source in book.sources.values())
    return {source.findings for source in sources if source.findings is not None}


# ── one version of one book ─────────────────────────────────────────────────────────────────────


def _evaluated(setting: Setting) -> list[Unit]:
    """The units with folds and values, step by step in the order of the law."""
    add_units(setting)
    steps = {"source": add_source, "clause": add_hits, "contest": settle, "fold": add_fold, "value": _add_value}
    for kind, name in setting.meaning.order:
        steps[kind](setting, name)
    return setting.units


def _add_value(setting: Setting, name: str) -> None:
    value = setting.meaning.book.values[name]
    grade = setting.provenance.value(name)
    if value.peer is not None:
        add_peer(setting, name)
    for unit in setting.units:
        if value.peer is None:
            before, unit.values[name] = named_value(setting.meaning, name, unit.frame)
            if before is not None and unit.values[name] != before:
                unit.write(name, "rounding", grade, share=unit.values[name] - before)
        unit.write(name, "value", grade, **answer_columns(unit.values[name]))


def _answers(setting: Setting, unit: Unit) -> list[Finding]:
    """The findings of one unit; completes its entries."""
    write_unused(setting, unit)
    for ref in setting.meaning.facts:
        unit.write(ref.name, "fact", None, **answer_columns(unit.frame.read(ref)))
    answering = Answering(setting.provenance, unit.number, unit.frame, _evidence(unit.hits), unit.unrated)
    answering.answer()
    unit.entries += answering.entries
    return [_graded(setting, finding, unit.entries) for finding in answering.findings]


def _evidence(hits: Iterable[Hit]) -> dict[str, Evidence]:
    """The first hit of each clause that has not lost."""
    found: dict[str, Evidence] = {}
    for hit in sorted(hits, key=lambda one: one.order):
        if hit.winner is None:
            found.setdefault(hit.clause, Evidence(hit.clause, hit.row.key, hit.row.day))
    return found


def _graded(setting: Setting, finding: Finding, entries: list[Entry]) -> Finding:
    return replace(finding, grade=setting.provenance.weakest(finding.output, entries))
