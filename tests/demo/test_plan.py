"""The plan: one answer for each unit, and said as findings are."""

from __future__ import annotations

from datetime import date

import pytest

from xinlu.demo.construction import STORIES, YEARS
from xinlu.demo.plan import Plan
from xinlu.demo.province import make
from xinlu.law.library import load, shipped

DAY = date(2026, 6, 30)


def test_a_unit_is_planted_once() -> None:
    plan = Plan()
    plan.expect("book", DAY, "unit", "clean", level="AA")
    with pytest.raises(ValueError, match="planted twice"):
        plan.expect("book", DAY, "unit", "dirty", level="B")
    plan.rest("book", DAY, "unit", "rest", level="C")
    assert plan.answer("book", DAY, "unit", "level") == "AA"


def test_the_manifest_counts_units_by_answer() -> None:
    plan = Plan()
    for unit, level in (("a", "AA"), ("b", "B"), ("c", "AA")):
        plan.expect("book", DAY, unit, f"is_{level}", level=level)
    told = plan.manifest()["book"]["2026-06-30"]
    assert told["units"] == 3
    assert told["counts"] == {"level": {"AA": 2, "B": 1}}


def test_every_archetype_of_a_construction_firm_is_there_at_any_scale() -> None:
    plan = make(shipped(), seed=3, scale=0.01).plan
    planted = {one["archetype"] for one in plan.manifest()["highway-construction-firm"]["2026-06-30"]["archetypes"]}
    assert set(STORIES) <= planted
    designed = {
        one["archetype"] for day in plan.manifest()["highway-design-firm"].values() for one in day["archetypes"]
    }
    assert designed <= set(YEARS)


def test_every_shipped_book_in_force_has_planted_answers() -> None:
    world = make(shipped(), seed=3, scale=0.01)
    planted = {book for book, day in world.plan.days() if day == world.today}
    assert planted == set(load(shipped()).rulebooks)


def test_every_level_of_every_rated_book_is_planted() -> None:
    world = make(shipped(), seed=3, scale=0.01)
    wanted = {
        "highway-construction-firm": {"AA", "A", "B", "C", "D", "not_rated", "open"},
        "road-driver-integrity": {"AAA", "AA", "A", "B", "not_rated"},
        "taxi-driver": {"AAA", "AA", "A", "B", "not_rated"},
        "lock-credit": {"star5", "star4", "star3", "star2", "star1", "not_rated"},
        "overlimit-vehicle": {"revoke", "clear"},
        "overload-list-vehicle": {"none", "candidate", "listed"},
        "safety-code-driver": {"blue", "yellow", "red", "open", "not_rated"},
    }
    for book, answers in wanted.items():
        told = {
            answer
            for day in world.rounds
            for group in world.plan.answers(book, day).values()
            for output, answer in group
            if output in ("level", "star", "measure", "listing", "code")
        }
        assert answers <= told, (book, answers - told)
