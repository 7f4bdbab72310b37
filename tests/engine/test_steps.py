"""Compiled steps are relational algebra that SQLGlot understands whole: the door for other backends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlglot import exp
from tests.engine.test_incremental import cases_of, loaded

from xinlu import standards_folder
from xinlu.engine.compile.draft import Step
from xinlu.engine.duck import Duck
from xinlu.engine.run import Prepared, prepare

KNOWN = datetime(9999, 1, 1)
FEW = {"highway-design-firm", "lock-credit", "testing-person", "overlimit-enterprise"}
BOOKS = [
    pytest.param(name, marks=() if name in FEW else pytest.mark.slow)
    for name in sorted(loaded(standards_folder()).rulebooks)
]


def prepared(name: str, *, rewritten: bool) -> Prepared:
    """A book over the facts of its largest case, its steps as compiled or as SQLGlot writes them again."""
    library = loaded(standards_folder())
    books = library.needed(*library.rulebooks[name])
    facts, as_of = cases_of(library.root, name, library.rulebooks[name][-1].version)[0]
    one = prepare(books, Duck(dict(facts.tables)), catalogue=library.catalogue, as_of=as_of, known_at=KNOWN)
    if rewritten:
        one.plans = {
            book: [replace(plan, steps=tuple(map(_again, plan.steps))) for plan in plans]
            for book, plans in one.plans.items()
        }
    one.run()
    return one


def _again(step: Step) -> Step:
    return replace(step, sql=step.tree().sql(dialect="duckdb"))


@pytest.mark.parametrize("name", BOOKS)
def test_steps_written_again_from_their_trees_give_the_same(name: str) -> None:
    ours, again = prepared(name, rewritten=False), prepared(name, rewritten=True)
    assert again.findings(name).equals(ours.findings(name))
    assert again.entries(name).equals(ours.entries(name))


def test_a_step_is_one_query_and_never_a_command() -> None:
    step = Step("x", "SELECT 1 AS unit UNION ALL SELECT 2")
    assert isinstance(step.tree(), exp.Query)
    library = loaded(standards_folder())
    book = library.rulebooks["highway-design-firm"]
    plans = prepare(book, Duck({}), catalogue=library.catalogue, as_of=date(2025, 6, 30), known_at=KNOWN).plans
    trees = [step.tree() for step in plans["highway-design-firm"][0].steps]
    assert all(isinstance(tree, exp.Query) for tree in trees)
    assert not any(tree.find(exp.Command, exp.Insert, exp.Drop) for tree in trees)
