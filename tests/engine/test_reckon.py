"""Some units reckoned anew from files on shelves are what a run of the whole province says of them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.engine.populations.drawing import Law, draw_population
from tests.engine.populations.laying import lay, once
from tests.engine.populations.shelf import EACH_SHAPE, shipped_law

from xinlu.engine import find
from xinlu.engine.duck import Duck
from xinlu.engine.peers import Peers
from xinlu.engine.reckon import Reckoner, Result
from xinlu.engine.run import prepare
from xinlu.engine.shelves import Shelved


def drawn(law: Law, random: Random, clusters: int = 8) -> tuple[dict[str, pa.Table], object]:
    population = draw_population(law, random, as_of=random.choice(law.days), size=clusters)
    return once(population.tables(law), law.library.catalogue), population


def of_units(result: Result, units: set[int]) -> Result:
    chosen = pa.array(sorted(units), pa.int64())
    return Result(*(one.filter(pc.is_in(one["unit"], value_set=chosen)) for one in (result.findings, result.entries)))


def whole(law: Law, tables: dict[str, Shelved], population: object) -> tuple[dict[str, Result], Peers]:
    duck = Duck(tables, threads=1)
    given = {"catalogue": law.library.catalogue, "as_of": population.as_of, "known_at": population.known_at}  # type: ignore[attr-defined]
    full = prepare(law.books, duck, **given)
    full.run()
    snapshots = {book: full.snapshot(book) for book in full.order if full.over_peers[book]}
    results = {book: Result(full.findings(book), full.entries(book)) for book in full.order}
    duck.close()
    return results, snapshots


@EACH_SHAPE
@pytest.mark.parametrize("small", [10**9, pytest.param(0, marks=pytest.mark.slow)], ids=["by oracle", "compiled"])
def test_some_units_from_shelves_are_as_in_a_run_of_everybody(
    book: str, version: str, small: int, tmp_path: Path
) -> None:
    law = shipped_law(book, version)
    random = Random(f"{book} {version}")
    for number in range(2 if small else 1):
        plain, population = drawn(law, random)
        tables = lay(plain, tmp_path / str(number), law.library.catalogue, random)
        results, snapshots = whole(law, tables, population)
        reckoner = Reckoner(
            law.books,
            tables,
            law.library.catalogue,
            population.as_of,  # type: ignore[attr-defined]
            population.known_at,  # type: ignore[attr-defined]
            peers=snapshots,
            index=tmp_path / str(number) / "index",
            threads=1,
            small=small,
        )
        for share in (3, 1):
            there = {name: sorted(set(one.findings["unit"].to_pylist())) for name, one in results.items()}
            units = {name: set(random.sample(found, -(-len(found) // share))) for name, found in there.items()}
            again = reckoner.reckon(units)
            for name, found in units.items():
                if found:
                    expected = of_units(results[name], found)
                    assert again[name].findings.equals(expected.findings), name
                    assert again[name].entries.equals(expected.entries), name
        reckoner.close()


def among(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("few", [0, 10**9], ids=["one scan", "point by point"])
def test_both_ways_of_looking_find_the_rows_that_stand(
    few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "FEW", few)
    law = shipped_law("overlimit-enterprise", "2011")
    random = Random(7)
    plain, _ = drawn(law, random, 20)
    tables = lay(plain, tmp_path, law.library.catalogue, random)
    finder = find.Finder(tables, law.library.catalogue, index=tmp_path / "index", threads=1)
    for name, table in plain.items():
        numbered = [one.name for one in table.schema if one.type in (pa.int64(), pa.list_(pa.int64()))]
        order = [(one, "ascending") for one in law.schemas[name].names if one in tables[name].key]
        for column in numbered:
            held = find.numbers_in(table, column)
            for numbers in (held[:1], held[::2], held):
                found = finder.rows(name, column, numbers)
                sought = set(numbers.tolist())
                expected = [row for row in table.to_pylist() if sought & {*among(row[column])}]
                wanted = pa.Table.from_pylist(expected, schema=table.schema)
                assert found.sort_by(order).to_pylist() == wanted.sort_by(order).to_pylist(), (name, column)
    finder.close()
