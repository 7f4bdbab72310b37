"""Every shipped book on every engine, over the same Parquet files: identical findings and entries, to the last digit.

A book runs over the facts of all its cases together, and of populations drawn at its edges, side by side and apart
by their numbers; once on each of the two days that most of its cases are about. The files lie on shelves and have
later files, so what stands for what is tested as well.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.engine.backends.conftest import Shelve
from tests.engine.populations.drawing import CaseFacts, Law, Population, Rows, draw_population
from tests.engine.populations.meeting import difference
from tests.engine.populations.shelf import EACH_BOOK, shipped_law

from xinlu.engine.backends import Backend
from xinlu.engine.backends.runs import run_on
from xinlu.engine.cases import EVERYTHING_KNOWN
from xinlu.engine.result import RunResult
from xinlu.engine.run import run

pytestmark = pytest.mark.backends

DRAWN = 8
"""Clusters of a population that is drawn."""


@EACH_BOOK
def test_a_book_gives_the_same_on_every_engine(backend: Backend, book: str, version: str, shelve: Shelve) -> None:
    law = shipped_law(book, version)
    chance = Random(f"{book} {version}")
    runs = 0
    for day, cases in _days(law):
        drawn = draw_population(law, chance, as_of=day, size=DRAWN)
        clusters = tuple(case.rows for case in cases) + drawn.clusters
        known = max(EVERYTHING_KNOWN if case.known_at is None else case.known_at for case in cases)
        population = Population(day, tuple(map(_without_empty_lists, clusters)), cases[0].peers, known)
        files = shelve(population.tables(law, chance))
        given: Any = {
            "catalogue": law.library.catalogue,
            "as_of": day,
            "known_at": population.known_at,
            "peers": population.peers,
        }
        expected = run(law.books, files, **given)
        assert difference(expected, _on(backend, law, files, given)) is None
        assert any(expected.entries.values())
        runs += 1
    assert runs > 0


def _on(backend: Backend, law: Law, files: Any, given: Any) -> RunResult:
    try:
        return run_on(backend, law.books, files, **given).result()
    finally:
        backend.drop()


def _days(law: Law) -> list[tuple[Any, list[CaseFacts]]]:
    """Days and the cases that are run on them: all cases on the first, those with snapshots of peers on the next."""
    plain = [case for case in law.cases if not case.peers]
    ranked: dict[str, list[CaseFacts]] = {}
    for case in law.cases:
        if case.peers:
            ranked.setdefault(repr(case.peers), []).append(case)
    groups = [plain, *list(ranked.values())[:1]]
    return [(group[0].as_of if group is not plain else law.days[0], group) for group in groups if group]


def _without_empty_lists(rows: Rows) -> Rows:
    """ClickHouse reads a missing list as an empty one; the ledger writes no empty lists."""
    return {
        table: [{key: None if value == [] else value for key, value in row.items()} for row in found]
        for table, found in rows.items()
    }
