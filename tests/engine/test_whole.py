"""Whole runs in buckets: the same as one run over everything, for any number of buckets and processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.engine.populations.drawing import Law, Population, draw_population
from tests.engine.populations.laying import once
from tests.engine.populations.meeting import difference
from tests.engine.populations.shelf import EACH_BOOK, shipped_law

from xinlu.engine.bucket import Worker
from xinlu.engine.compile.plan import Plan
from xinlu.engine.kept import Kept
from xinlu.engine.manifest import identity
from xinlu.engine.result import RunResult, entries_of, findings_of
from xinlu.engine.run import run
from xinlu.engine.shelves import Shelved
from xinlu.engine.whole import RunFailed, run_whole

OF_EACH_REACH = pytest.mark.parametrize(
    ("book", "version"),
    [
        ("credit-repair-period", "2026"),  # units are records, rows their children
        ("highway-construction-firm", "2009"),  # children of records, rows found by a column of other rows
        ("lock-convoy", "2021"),  # findings of several subjects of one record
        ("overlimit-enterprise", "2011"),  # rows and attributes through a relation
        ("paris-mou-ship", "2014"),  # findings through a relation, of a book set against peers
        ("taxi-enterprise", "2018"),
    ],
)
"""Books that between them have every way by which a row finds its units; the slow test takes every book."""
SHELVES = 8
CLUSTERS = 6
TOGETHER = 4


def drawn(law: Law, chance: Random) -> Population:
    """Several populations side by side, so that units lie on many shelves."""
    found = draw_population(law, chance, as_of=chance.choice(law.days), size=CLUSTERS)
    for _ in range(TOGETHER - 1):
        found = found.beside(draw_population(law, chance, as_of=found.as_of, size=CLUSTERS))
    return found


def given(law: Law, population: Population) -> dict[str, Any]:
    return {"catalogue": law.library.catalogue, "as_of": population.as_of, "known_at": population.known_at}


def read(kept: dict[str, Kept]) -> RunResult:
    return RunResult(
        {book: findings_of(one.table("findings")) for book, one in kept.items()},
        {book: entries_of(one.table("entries")) for book, one in kept.items()},
    )


def digests(kept: dict[str, Kept]) -> dict[str, tuple[str, str]]:
    return {book: (one.digest("findings"), one.digest("entries")) for book, one in kept.items()}


def on_shelves(tables: dict[str, pa.Table], law: Law, folder: Path, chance: Random) -> dict[str, Shelved]:
    """The tables as the columnar copy keeps them; some rows lie in a later file, of which older ones are left over."""
    found = {}
    for name, rows in tables.items():
        key, by = identity(name, law.library.catalogue)
        (folder / name).mkdir(parents=True)
        numbers = [_kept_by(row, by) for row in rows.to_pylist()]
        later = [chance.random() < 0.3 for _ in numbers]
        base = {}
        for shelf in range(SHELVES):
            # What a later file stands for is still in the base file, with something else in it.
            chosen = [place for place, number in enumerate(numbers) if number % SHELVES == shelf]
            if chosen:
                file = folder / name / f"{shelf}.parquet"
                pq.write_table(_older(rows.take(chosen), [later[place] for place in chosen]), file)
                base[shelf] = [str(file)]
        newer = folder / name / "later.parquet"
        pq.write_table(rows.filter(pa.array(later, pa.bool_())), newer)
        found[name] = Shelved(SHELVES, base, [str(newer)], key=key, kept_by=by)
    return found


def _kept_by(row: dict[str, Any], by: str) -> int:
    role = by.split('"')[1] if '"' in by else None
    number = row[role] if role is not None and row[role] is not None else row[by if role is None else "record"]
    assert isinstance(number, int)
    return number


def _older(rows: pa.Table, superseded: list[bool]) -> pa.Table:
    """Rows that a later file stands for were not withdrawn yet."""
    if "superseded_at" not in rows.column_names:
        return rows
    column = [None if gone else kept for gone, kept in zip(superseded, rows["superseded_at"].to_pylist(), strict=True)]
    index = rows.column_names.index("superseded_at")
    return rows.set_column(index, rows.schema.field(index), pa.array(column, rows.schema.field(index).type))


@OF_EACH_REACH
def test_a_run_in_buckets_gives_what_one_run_gives(book: str, version: str, tmp_path: Path) -> None:
    law = shipped_law(book, version)
    chance = Random(f"{book} {version}")
    population = drawn(law, chance)
    options = given(law, population)
    whole = run(law.books, population.tables(law), **options)
    shelved = on_shelves(population.tables(law, chance), law, tmp_path / "copy", chance)
    found = run_whole(law.books, shelved, folder=tmp_path / "out", buckets=3, **options)
    assert difference(whole, read(found)) is None


@pytest.mark.slow
@EACH_BOOK
def test_rows_of_any_order_in_any_buckets_give_the_same_bytes(book: str, version: str, tmp_path: Path) -> None:
    law = shipped_law(book, version)
    chance = Random(f"{version} {book}")
    population = drawn(law, chance)
    options = given(law, population)

    # A row that a file could not tell from another is there once, as in a copy.
    told = once(population.tables(law), law.library.catalogue)

    def rows() -> dict[str, pa.Table]:
        """The same rows in another order."""
        return {name: table.take(chance.sample(range(len(table)), len(table))) for name, table in told.items()}

    whole = run(law.books, rows(), **options)
    found = [
        run_whole(law.books, tables, folder=tmp_path / str(number), shelves=SHELVES, buckets=buckets, **options)
        for number, (buckets, tables) in enumerate(
            [
                (1, rows()),
                (2, rows()),
                (SHELVES, rows()),
                (SHELVES, on_shelves(rows(), law, tmp_path / "copy", chance)),
            ]
        )
    ]
    assert [difference(whole, read(one)) for one in found] == [None] * len(found)
    assert [digests(one) for one in found] == [digests(found[0])] * len(found)


@pytest.fixture
def ships(tmp_path: Path) -> tuple[Law, Population, Callable[..., dict[str, Kept]]]:
    """Books that need three passes: companies are set against their peers, ships read the companies."""
    law = shipped_law("paris-mou-ship", "2014")
    population = drawn(law, Random(1))

    def ran(name: str, **options: Any) -> dict[str, Kept]:
        tables, where = population.tables(law), {"folder": tmp_path / name, "shelves": SHELVES}
        return run_whole(law.books, tables, **where, **given(law, population), **options)

    return law, population, ran


def test_two_processes_give_the_bytes_that_one_gives(ships: Any) -> None:
    _, _, ran = ships
    alone = ran("alone", buckets=4)
    assert digests(ran("two", buckets=4, processes=2, memory_gib=1.5)) == digests(alone)
    assert all(one.is_whole() and Kept.read(one.folder) == one for one in alone.values())


def test_one_unit_is_read_from_its_shelf(ships: Any) -> None:
    law, population, ran = ships
    whole = run(law.books, population.tables(law), **given(law, population))
    kept = ran("one", buckets=2)["paris-mou-ship"]
    units = {one.unit for one in whole.findings["paris-mou-ship"]}
    assert kept.units == len(units) > 10
    for unit in sorted(units)[:5]:
        found, entries = whole.of("paris-mou-ship", unit)
        assert findings_of(kept.of_unit("findings", unit)) == found
        assert entries_of(kept.of_unit("entries", unit)) == entries
    assert kept.of_unit("entries", max(units) + 1).num_rows == 0


def test_scores_only_gives_the_same_findings_and_no_entries(ships: Any) -> None:
    _, _, ran = ships
    full, scores = ran("full", buckets=2), ran("scores", buckets=2, scores_only=True)
    for book, one in scores.items():
        assert one.digest("findings") == full[book].digest("findings")
        assert one.rows("entries") == 0


def test_a_run_that_fails_leaves_nothing_behind(ships: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, ran = ships

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xinlu.engine.kept.pq.ParquetWriter", full)
    with pytest.raises(RunFailed) as told:
        ran("broken", buckets=2)
    assert told.value.problems[0].code == "RUN-101"
    assert not (tmp_path / "broken").exists()


def die(*_: Any) -> None:
    os._exit(9)


@dataclass(frozen=True)
class Deadly:
    """A table that kills whoever it is sent to: what an operating system does that runs out of memory."""

    def __reduce__(self) -> tuple[Any, ...]:
        return die, ()


def test_a_process_that_dies_fails_the_run_and_leaves_nothing_behind(ships: Any, tmp_path: Path) -> None:
    law, population, _ = ships
    tables: dict[str, Any] = {**population.tables(law), "item_unread": (Deadly(),)}
    where = {"folder": tmp_path / "dead", "shelves": SHELVES, "buckets": 4, "processes": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xinlu.engine.whole._sent", lambda table: table)
        with pytest.raises(RunFailed) as told:
            run_whole(law.books, tables, **where, **given(law, population))
    assert told.value.problems[0].code == "RUN-102"
    assert not (tmp_path / "dead").exists()


def test_entries_that_do_not_add_up_fail_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    law = shipped_law("highway-design-firm", "2013")
    population = drawn(law, Random(3))
    monkeypatch.setattr(Worker, "check", wrong)
    with pytest.raises(RunFailed) as told:
        run_whole(law.books, population.tables(law), folder=tmp_path / "wrong", **given(law, population))
    assert told.value.problems[0].code == "RUN-104"
    assert not (tmp_path / "wrong").exists()


def wrong(worker: Worker, plan: Plan) -> None:
    """The check, on a sum that is one point higher than its entries."""
    for fold in plan.sums:
        worker.duck.connection.execute(f'UPDATE {plan.state} SET "{fold}" = "{fold}" + 1')
    if worker.duck.rows(f"SELECT 1 FROM {plan.state}"):
        CHECK(worker, plan)


CHECK = Worker.check


def test_less_memory_and_rows_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    law = shipped_law("highway-construction-firm", "2009")
    population = drawn(law, Random(5))
    wide = run_whole(law.books, population.tables(law), folder=tmp_path / "wide", **given(law, population))
    tables = population.tables(law, Random(8))
    narrow = run_whole(law.books, tables, folder=tmp_path / "narrow", memory_gib=0.4, **given(law, population))
    assert digests(narrow) == digests(wide)
