"""What holds of every book, whatever the facts: order of rows, replay, withdrawal, equal bytes, deductions.

Generated populations agree between oracle and compiled steps (``test_generated.py``), so that most of these are
asked of the oracle alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.engine.populations.drawing import Drawing, Law, Population, Rows, draw_population
from tests.engine.populations.meeting import Bench, difference
from tests.engine.populations.shelf import BOOKS, EACH_BOOK, SHIPPED, shipped_law

from xinlu.engine.result import RunResult
from xinlu.law.rulebook import Rulebook

SIZE = 15
"""Clusters of one population."""
DRAWN_FOR_ONE = 20
"""One property population is drawn for so many of the profile."""


def drawn(law: Law, populations: int) -> Iterator[tuple[Random, Population]]:
    """Populations of ``law`` on its days."""
    for index in range(max(1, populations // DRAWN_FOR_ONE)):
        random = Random(f"{law.name} {index}")
        yield random, draw_population(law, random, as_of=law.days[index % len(law.days)], size=SIZE)


@EACH_BOOK
def test_two_runs_give_equal_bytes_whatever_the_order_of_rows(book: str, version: str, populations: int) -> None:
    law = shipped_law(book, version)
    bench = Bench(law)
    rows = 0
    try:
        for random, population in drawn(law, populations):
            first, second = (_results(bench, population, random) for _ in range(2))
            assert [_written(table) for table in first] == [_written(table) for table in second]
            rows += sum(table.num_rows for table in first)
    finally:
        bench.close()
    # One population may hold nobody whom the book rates on its day; all of them together may not.
    assert rows


def _results(bench: Bench, population: Population, random: Random) -> list[pa.Table]:
    """The results of one run, rows in the order that came."""
    bench.compiled(population, random)
    plan = bench.plans[population.as_of]
    return [table for name in plan.order for table in (plan.findings(name), plan.entries(name))]


def _written(table: pa.Table) -> bytes:
    """The table as Parquet, the form in which runs are kept: it holds no garbage where a value is missing."""
    sink = pa.BufferOutputStream()
    parquet.write_table(table.combine_chunks(), sink)
    return bytes(sink.getvalue())


@EACH_BOOK
def test_replay_at_an_earlier_time_gives_the_result_of_then(book: str, version: str, populations: int) -> None:
    law = shipped_law(book, version)
    bench = Bench(law)
    for random, population in drawn(law, populations):
        then = bench.by_oracle(population)
        later = replace(
            population, clusters=tuple(_corrected(law, one, random, population) for one in population.clusters)
        )
        assert difference(then, bench.by_oracle(later)) is None
    bench.close()


def _corrected(law: Law, cluster: Rows, random: Random, population: Population) -> Rows:
    """The cluster after a later day on which half of its records were corrected or withdrawn, and some came in."""
    drawing = Drawing(law, random, population.as_of)
    at = population.known_at + timedelta(hours=1)
    found: Rows = {}
    for name, rows in cluster.items():
        for row in rows:
            open_now = row["superseded_at"] is None and row["recorded_at"] < at
            if not open_now or random.random() < 0.5:
                found.setdefault(name, []).append(row)
                continue
            found.setdefault(name, []).append({**row, "superseded_at": at})
            if random.random() < 0.7:
                found[name].append({**drawing.changed(name, row), "recorded_at": at, "superseded_at": None})
    return found


@EACH_BOOK
def test_a_withdrawn_record_counts_as_if_it_had_never_been(book: str, version: str, populations: int) -> None:
    law = shipped_law(book, version)
    bench = Bench(law)
    for random, population in drawn(law, populations):
        chosen = {
            (place, row["record"])
            for place, cluster in enumerate(population.clusters)
            for rows in cluster.values()
            for row in rows
            if "record" in row and random.random() < 0.3
        }
        withdrawn, never = _withdrawn(population, chosen), _without(population, chosen)
        assert difference(bench.by_oracle(withdrawn), bench.by_oracle(never)) is None
    bench.close()


def _withdrawn(population: Population, chosen: set[tuple[int, int]]) -> Population:
    at = population.known_at

    def ended(row: dict[str, Any], place: int) -> dict[str, Any]:
        open_now = row["superseded_at"] is None or row["superseded_at"] > at
        return {**row, "superseded_at": at} if open_now and (place, row.get("record")) in chosen else row

    clusters = tuple(
        {name: [ended(row, place) for row in rows] for name, rows in cluster.items()}
        for place, cluster in enumerate(population.clusters)
    )
    return replace(population, clusters=clusters)


def _without(population: Population, chosen: set[tuple[int, int]]) -> Population:
    clusters = tuple(
        {name: [row for row in rows if (place, row.get("record")) not in chosen] for name, rows in cluster.items()}
        for place, cluster in enumerate(population.clusters)
    )
    return replace(population, clusters=clusters)


# ── deductions ──────────────────────────────────────────────────────────────────────────────────


def deducting(book: Rulebook) -> dict[str, set[str]]:
    """Outputs that are a sum of deductions and nothing else, with the items whose records are deducted."""
    found: dict[str, set[str]] = {}
    for name, output in book.outputs.items():
        fold = book.folds.get(output.value or "")
        if fold is None or not fold.sum or fold.per is not None:
            continue
        clauses = [book.clauses[one] for one in fold.sum]
        if all(clause.minus is not None and clause.lacks is None for clause in clauses):
            found[name] = {str(book.sources[clause.hits].item) for clause in clauses}
    return found


DEDUCTING = [(book, version) for book, version in BOOKS if deducting(SHIPPED.version(book, version))]  # type: ignore[arg-type]


def test_some_shipped_books_only_deduct() -> None:
    assert ("safety-code-driver", "sample-1") in DEDUCTING


@pytest.mark.parametrize(("book", "version"), DEDUCTING, ids=[book for book, _ in DEDUCTING])
def test_one_more_bad_record_never_raises_a_score_that_only_knows_deductions(
    book: str, version: str, populations: int
) -> None:
    law = shipped_law(book, version)
    bench = Bench(law)
    compared = 0
    outputs = deducting(law.book)
    items = {item for found in outputs.values() for item in found}
    for random, population in drawn(law, populations):
        worse = replace(population, clusters=tuple(_once_more(one, items, random) for one in population.clusters))
        compared += _no_higher(book, outputs, bench.by_oracle(population), bench.by_oracle(worse))
    bench.close()
    assert compared > 0


def _once_more(cluster: Rows, items: set[str], random: Random) -> Rows:
    """The cluster with one of its bad records repeated under a new number."""
    able = [(name, row) for name, rows in cluster.items() for row in rows if name.removeprefix("item_") in items]
    if not able:
        return cluster
    name, row = random.choice(able)
    free = 1 + max(one["record"] for rows in cluster.values() for one in rows if "record" in one)
    return {**cluster, name: [*cluster[name], {**row, "record": free}]}


def _no_higher(book: str, outputs: dict[str, set[str]], before: RunResult, after: RunResult) -> int:
    """How many rated scores were compared; none may have risen."""
    numbers = {(f.unit, f.output): f.number for f in before.findings[book] if f.output in outputs}
    compared = 0
    for finding in after.findings[book]:
        old = numbers.get((finding.unit, finding.output))
        if old is not None and finding.number is not None:
            assert finding.number <= old, finding
            compared += 1
    return compared


def test_days_of_every_book_lie_in_its_force() -> None:
    for book, version in BOOKS:
        law = shipped_law(book, version)
        assert law.days
        assert all(isinstance(day, date) for day in law.days)
