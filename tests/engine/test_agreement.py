"""Oracle, compiled run and recomputation agree to the last digit, on days that no case was written for."""

from __future__ import annotations

import random
from datetime import timedelta

import pyarrow as pa
import pytest
from tests.engine.conftest import ShippedCase, shipped_cases

from xinlu.engine.oracle import evaluate, understood
from xinlu.engine.recompute import recompute
from xinlu.engine.run import run
from xinlu.law.library import Library, load, shipped

DAYS = (-731, -366, -365, -184, -31, -1, 1, 2, 30, 61, 183, 364, 365, 366, 500, 731)
"""How far the day of the run is moved: beside and across ends of months, years and spans."""

CASES_OF_A_BOOK = 6

BOOKS = sorted(load(shipped()).rulebooks)


def shuffled(table: pa.Table, chance: random.Random) -> pa.Table:
    """The same rows in another order: rows have none."""
    order = list(range(table.num_rows))
    chance.shuffle(order)
    return table.take(pa.array(order, pa.int64()))


def agree(case: ShippedCase, library: Library, chance: random.Random) -> None:
    as_of = case.as_of + timedelta(days=chance.choice(DAYS))
    tables = {name: shuffled(table, chance) for name, table in case.facts.tables.items()}
    given = {"catalogue": library.catalogue, "as_of": as_of, "known_at": case.known_at}
    expected = evaluate(case.books, case.facts.tables, **given)
    assert evaluate(case.books, tables, **given) == expected, f"{case.name} {as_of}: order of rows"
    compiled = run(case.books, tables, **given)
    for book in expected.findings:
        assert compiled.findings[book] == expected.findings[book], f"{case.name} {as_of}"
        assert compiled.entries[book] == expected.entries[book], f"{case.name} {as_of}"
    for meanings in understood(case.books, catalogue=library.catalogue):
        book = meanings[0].book.rulebook
        governing = [m for m in meanings if m.book.governed_by != "as_of" or m.book.in_force.covers(as_of)]
        assert recompute(governing, expected.entries[book]) == expected.findings[book], f"{case.name} {as_of}"


@pytest.mark.slow
@pytest.mark.generated
@pytest.mark.parametrize("book", BOOKS)
def test_every_evaluator_says_the_same_on_any_day(library: Library, book: str) -> None:
    chance = random.Random(book)
    cases = list(shipped_cases(library, book))
    for case in chance.sample(cases, min(len(cases), CASES_OF_A_BOOK)):
        agree(case, library, chance)
