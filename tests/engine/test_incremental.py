"""An incremental run gives what a full run gives, to the last byte."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xinlu import standards_folder
from xinlu.engine.cases import run_cases
from xinlu.engine.duck import Duck
from xinlu.engine.exact import add_length
from xinlu.engine.facts import Facts
from xinlu.engine.incremental import Result, changed_since, run_changed, run_later
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


@pytest.mark.parametrize(("name", "every"), list(trials()))
def test_incremental_equals_full(library: Library, name: str, every: int) -> None:
    versions = library.rulebooks[name]
    books = library.needed(*versions)
    facts, as_of = facts_of(library, versions[-1], every)
    duck = Duck(learned_later(dict(facts.tables), every))
    before = full(library, books, duck, as_of, BEFORE)
    after = full(library, books, duck, as_of, AFTER)
    changed = changed_since(duck, library.catalogue, after=BEFORE, until=AFTER)
    found = run_changed(books, duck, before, catalogue=library.catalogue, as_of=as_of, known_at=AFTER, changed=changed)
    assert changed
    for book in after:
        assert found[book].findings.equals(after[book].findings), book
        assert found[book].entries.equals(after[book].entries), book


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
    found = run_later(books, duck, before, catalogue=library.catalogue, as_of=as_of, later=later, known_at=known)
    for book in after:
        assert found[book].findings.equals(after[book].findings), book
        assert found[book].entries.equals(after[book].entries), book


def test_nothing_new_leaves_every_unit_alone(library: Library) -> None:
    book = library.rulebooks["overlimit-vehicle"][-1]
    facts, as_of = facts_of(library, book, 0)
    duck = Duck(learned_later(dict(facts.tables), 2))
    assert not changed_since(duck, library.catalogue, after=AFTER, until=datetime(2031, 1, 1))
    after = full(library, (book,), duck, as_of, AFTER)
    changed = changed_since(duck, library.catalogue, after=AFTER, until=datetime(2031, 1, 1))
    again = run_changed((book,), duck, after, catalogue=library.catalogue, as_of=as_of, known_at=AFTER, changed=changed)
    assert again[book.rulebook].findings.equals(after[book.rulebook].findings)
