"""Procedures: the state of a case is what its actions make it."""

from __future__ import annotations

import pytest

from xinlu.law.library import load, shipped
from xinlu.law.procedure import Procedure, possible, state_after

LIBRARY = load(shipped())
(PUBLICITY,) = LIBRARY.procedures["publicity-and-objection"]
(REPAIR,) = LIBRARY.procedures["credit-repair"]


def test_the_state_is_computed_from_the_actions_in_order() -> None:
    assert state_after(PUBLICITY, []) == "prepared"
    assert state_after(PUBLICITY, ["show", "object", "ask", "answer", "keep", "publish"]) == "published"
    assert state_after(PUBLICITY, ["show", "object", "correct"]) == "prepared"
    assert state_after(REPAIR, ["request_papers", "supply", "accept", "approve", "execute"]) == "repaired"


def test_an_action_out_of_turn_is_refused_in_chinese() -> None:
    with pytest.raises(ValueError, match="在“拟公示”时不能“提出异议”"):
        state_after(PUBLICITY, ["object"])
    with pytest.raises(ValueError, match="没有动作“dance”"):
        state_after(PUBLICITY, ["dance"])


def test_what_may_be_done_is_asked_of_the_state() -> None:
    assert possible(PUBLICITY, "shown") == ("object", "publish")
    assert possible(PUBLICITY, "published") == ()


@pytest.mark.parametrize("procedure", [PUBLICITY, REPAIR])
def test_a_number_that_no_law_gives_is_marked_so(procedure: Procedure) -> None:
    for clock in procedure.clocks.values():
        grade = procedure.grade_of(clock)
        assert grade.value in {"official", "secondary", "unverified", "sample"}
        assert clock.clause or clock.note or grade.value == "sample" or clock.ends_on


def test_the_objection_limit_is_that_of_the_provincial_regulation() -> None:
    clock = PUBLICITY.clocks["objection"]
    assert (clock.working_days, clock.extend_once) == (5, 15)
    assert PUBLICITY.grade_of(clock).value == "official"


def test_repair_ends_when_the_book_says_that_publication_ends() -> None:
    clock = REPAIR.clocks["longest"]
    book, _, output = str(clock.ends_on).partition(".")
    assert all(output in version.outputs for version in LIBRARY.rulebooks[book])
