"""An incremental run gives what a full run gives, to the last byte."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from tests.engine.populations.drawing import draw_population
from tests.engine.populations.laying import lay, once
from tests.engine.populations.shelf import EACH_BOOK, EACH_SHAPE, shipped_law

from xinlu import standards_folder
from xinlu.engine.cases import run_cases
from xinlu.engine.duck import Duck
from xinlu.engine.exact import add_length
from xinlu.engine.facts import Facts
from xinlu.engine.incremental import Changed, changed_since, merged_results, population, reckon_changed, reckon_later
from xinlu.engine.reckon import Reckoner, Result
from xinlu.engine.result import RunResult
from xinlu.engine.run import prepare
from xinlu.law.library import Library, load
from xinlu.law.rulebook import Rulebook

BEFORE, AFTER = datetime(2030, 1, 1), datetime(2030, 2, 1)
BOOKS = [
    "overlimit-enterprise",
    "overload-list-enterprise",
    "taxi-enterprise",
    "testing-institution",
    "highway-construction-firm",
    "lock-convoy",
    "paris-mou-ship",
    "zhejiang-highway-53",
]

DAILY = ["safety-code-driver", "road-driver-integrity", "taxi-driver", "freight-warning"]


@pytest.fixture(scope="module")
def library() -> Library:
    return loaded(standards_folder())


@cache
def cases_of(library_root: Path, name: str, version: str) -> list[tuple[Facts, date]]:
    """Facts and day of every case of a book, the largest first; the answers are not looked at."""
    library = loaded(library_root)
    book = next(one for one in library.rulebooks[name] if one.version == version)
    found: list[tuple[Facts, date]] = []
    nothing = RunResult({one: [] for one in library.rulebooks}, {one: [] for one in library.rulebooks})

    def keep(facts: Facts, as_of: date, known_at: datetime) -> RunResult:
        found.append((facts, as_of))
        return nothing

    run_cases(library, book, keep)
    found.sort(key=lambda one: -sum(table.num_rows for table in one[0].tables.values()))
    return found


@cache
def loaded(root: Path) -> Library:
    return load(root)


def facts_of(library: Library, book: Rulebook, number: int) -> tuple[Facts, date]:
    """The facts and day of one case of a book; ``number`` picks it."""
    found = cases_of(library.root, book.rulebook, book.version)
    return found[number % len(found)]


def learned_later(tables: dict[str, pa.Table], every: int) -> dict[str, pa.Table]:
    """The same facts, of which each ``every``-th row was recorded between the two runs, and another superseded."""
    return {name: _later(table, every) for name, table in tables.items()}


def _later(table: pa.Table, every: int) -> pa.Table:
    recorded = [datetime(2030, 1, 15) if i % every == 0 else datetime(2020, 1, 1) for i in range(table.num_rows)]
    superseded = [datetime(2030, 1, 15) if i % every == 1 else None for i in range(table.num_rows)]
    for name, values in (("recorded_at", recorded), ("superseded_at", superseded)):
        one = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), one, pa.array(values, one.type))
    return table


def full(
    library: Library, books: tuple[Rulebook, ...], duck: Duck, as_of: date, known_at: datetime
) -> dict[str, Result]:
    prepared = prepare(books, duck, catalogue=library.catalogue, as_of=as_of, known_at=known_at)
    prepared.run()
    return {book: Result(prepared.findings(book), prepared.entries(book)) for book in prepared.order}


def trials() -> Iterator[Any]:
    for book in BOOKS:
        for every in (2, 3):
            yield pytest.param(book, every, id=f"{book}-{every}")


def same(found: dict[str, Result], expected: dict[str, Result]) -> None:
    for book in expected:
        assert found[book].findings.equals(expected[book].findings), book
        assert found[book].entries.equals(expected[book].entries), book


@pytest.mark.parametrize(("name", "every"), list(trials()))
def test_incremental_equals_full(library: Library, name: str, every: int) -> None:
    versions = library.rulebooks[name]
    books = library.needed(*versions)
    facts, as_of = facts_of(library, versions[-1], every)
    tables = learned_later(dict(facts.tables), every)
    duck = Duck(tables)
    before = full(library, books, duck, as_of, BEFORE)
    after = full(library, books, duck, as_of, AFTER)
    changed = changed_since(duck, library.catalogue, after=BEFORE, until=AFTER)
    assert changed
    reckoner = Reckoner(books, tables, library.catalogue, as_of, AFTER)
    same(merged_results(before, reckon_changed(reckoner, changed)), after)


@EACH_SHAPE
@pytest.mark.parametrize(
    "at_hand", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["rows at hand", "numbers"]
)
def test_random_changes_on_shelves_give_what_a_full_run_gives(
    book: str, version: str, at_hand: bool, tmp_path: Path
) -> None:
    law = shipped_law(book, version)
    catalogue = law.library.catalogue
    random = Random(f"{book} {version} changes")
    drawn = draw_population(law, random, as_of=random.choice(law.days), size=10)
    tables = changed_at_random(once(drawn.tables(law), catalogue), random)
    shelves = lay(tables, tmp_path, catalogue, random)
    duck = Duck(shelves, threads=1)
    before = full(law.library, law.books, duck, drawn.as_of, BEFORE)
    after = full(law.library, law.books, duck, drawn.as_of, AFTER)
    changed = changed_since(duck, catalogue, after=BEFORE, until=AFTER)
    if at_hand:
        changed = Changed.of_rows({name: touched_rows(table) for name, table in tables.items()})
    reckoner = Reckoner(law.books, shelves, catalogue, drawn.as_of, AFTER, index=tmp_path / "index", threads=1)
    same(merged_results(before, reckon_changed(reckoner, changed)), after)
    reckoner.close()


def changed_at_random(tables: dict[str, pa.Table], random: Random) -> dict[str, pa.Table]:
    """The tables of which a tenth of the rows was learnt between the two runs, and another tenth superseded."""
    found = {}
    for name, table in tables.items():
        draws = [random.randrange(10) for _ in range(table.num_rows)]
        learnt = [datetime(2030, 1, 15) if one == 0 else None for one in draws]
        ended = [datetime(2030, 1, 15) if one == 1 else None for one in draws]
        columns = {
            "recorded_at": [new or old for new, old in zip(learnt, table["recorded_at"].to_pylist(), strict=True)],
            "superseded_at": [new or old for new, old in zip(ended, table["superseded_at"].to_pylist(), strict=True)],
        }
        for column, values in columns.items():
            one = table.schema.field(column)
            table = table.set_column(table.schema.get_field_index(column), one, pa.array(values, one.type))
        found[name] = table
    return found


def touched_rows(table: pa.Table) -> pa.Table:
    moments = zip(table["recorded_at"].to_pylist(), table["superseded_at"].to_pylist(), strict=True)
    return table.filter(pa.array([datetime(2030, 1, 15) in pair for pair in moments], pa.bool_()))


@pytest.mark.parametrize(
    "months", [1, pytest.param(7, marks=pytest.mark.slow), pytest.param(13, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", [*BOOKS, *DAILY])
def test_on_a_later_day_only_units_that_passed_an_edge_are_run_and_the_result_is_the_full_one(
    library: Library, name: str, months: int
) -> None:
    versions = library.rulebooks[name]
    books = library.needed(*versions)
    facts, as_of = facts_of(library, versions[-1], months)
    later = add_length(as_of, f"{months} months", 1)
    duck = Duck(dict(facts.tables))
    known = datetime(9999, 1, 1)
    before = full(library, books, duck, as_of, known)
    after = full(library, books, duck, later, known)
    reckoner = Reckoner(books, dict(facts.tables), library.catalogue, later, known)
    same(merged_results(before, reckon_later(reckoner, as_of)), after)


@pytest.mark.slow
@EACH_BOOK
def test_day_by_day_without_a_new_record_is_what_each_day_gives(book: str, version: str, tmp_path: Path) -> None:
    law = shipped_law(book, version)
    catalogue = law.library.catalogue
    random = Random(f"{book} {version} days")
    drawn = draw_population(law, random, as_of=random.choice(law.days), size=20)
    tables = lay(once(drawn.tables(law), catalogue), tmp_path, catalogue, random)
    duck = Duck(tables, threads=1)
    known = drawn.known_at
    as_of = drawn.as_of
    before = full(law.library, law.books, duck, as_of, known)
    first = Reckoner(law.books, tables, catalogue, as_of, known, index=tmp_path / "index", threads=1)
    for step in (1, 1, 2, 27, 1, 180):
        later = add_length(as_of, f"{step} days", 1)
        after = full(law.library, law.books, duck, later, known)
        before = merged_results(before, reckon_later(first.on(later), as_of))
        same(before, after)
        as_of = later
    first.close()


def test_nothing_new_leaves_every_unit_alone(library: Library) -> None:
    book = library.rulebooks["overlimit-vehicle"][-1]
    facts, as_of = facts_of(library, book, 0)
    tables = learned_later(dict(facts.tables), 2)
    duck = Duck(tables)
    changed = changed_since(duck, library.catalogue, after=AFTER, until=datetime(2031, 1, 1))
    assert not changed
    after = full(library, (book,), duck, as_of, AFTER)
    partial = reckon_changed(Reckoner((book,), tables, library.catalogue, as_of, AFTER), changed)
    assert not len(partial.units[book.rulebook])
    same(merged_results(after, partial), after)


def test_a_day_on_which_nothing_is_due_touches_few(library: Library) -> None:
    book = library.rulebooks["overlimit-vehicle"][-1]
    facts, as_of = facts_of(library, book, 0)
    reckoner = Reckoner((book,), dict(facts.tables), library.catalogue, as_of, AFTER)
    everybody = population(reckoner.finder, reckoner.meanings[book.rulebook])
    later = reckoner.on(add_length(as_of, "1 days", 1))
    assert len(reckon_later(later, as_of).units[book.rulebook]) < len(everybody)
