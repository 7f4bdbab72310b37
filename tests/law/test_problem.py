"""The table of codes and the page that explains them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xinlu.law.problem import CODES, LawError, Problem, Severity, by_place, problem

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
SOURCES = Path(__file__).parents[2] / "src" / "xinlu"


def test_the_page_of_errors_says_of_every_code_what_the_table_says() -> None:
    begins = ("| LAW-", "| FACT-", "| RUN-")
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(begins)]
    written = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows]
    expected = {(c.code, c.title, c.basis, c.next_step, c.severity.value) for c in CODES.values()}
    assert set(written) == expected
    assert len(written) == len(expected)


def test_every_code_of_law_and_facts_in_the_program_is_in_the_table() -> None:
    used = {
        code
        for room in ("law", "engine", "cli")
        for path in (SOURCES / room).rglob("*.py")
        for code in re.findall(r'"((?:LAW|FACT|RUN)-\d{3})"', path.read_text(encoding="utf-8"))
    }
    assert used == set(CODES)


def test_a_problem_prints_as_compilers_do_and_takes_basis_and_next_step_from_its_code() -> None:
    one = problem("LAW-402", "空档", file="a.yaml", line=7)
    assert str(one) == "a.yaml:7: LAW-402 空档"
    assert (one.basis, one.next_step) == (CODES["LAW-402"].basis, CODES["LAW-402"].next_step)
    assert problem("LAW-409", "未用").severity is Severity.WARNING
    assert str(one.at("", None)) == "LAW-402 空档"


def test_a_code_that_is_not_in_the_table_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        problem("LAW-999", "")


def test_problems_are_sorted_by_place_and_told_once() -> None:
    late, early = (problem("LAW-402", "空档", file="a", line=n) for n in (9, 2))
    other = problem("LAW-101", "名称", file="a", line=9)
    assert by_place([late, early, late, other]) == (early, other, late)


def test_an_error_carries_all_problems_and_says_them() -> None:
    error = LawError(Problem(code="LAW-001", sentence="一"), Problem(code="LAW-002", sentence="二"))
    assert [p.code for p in error.problems] == ["LAW-001", "LAW-002"]
    assert str(error) == "LAW-001 一\nLAW-002 二"
