"""A finding can be computed again from its entries and the book alone."""

from __future__ import annotations

from datetime import date

import pytest
from tests.engine.conftest import Play, shipped_cases

from xinlu.engine.oracle import understood
from xinlu.engine.recompute import recompute
from xinlu.engine.result import entries_of, entries_table, findings_of, findings_table
from xinlu.law.library import Library
from xinlu.law.meaning import Meaning, understand


def in_force(meanings: list[Meaning], as_of: date) -> list[Meaning]:
    """The versions that may govern a unit on the day of a run."""
    return [m for m in meanings if m.book.governed_by != "as_of" or m.book.in_force.covers(as_of)]


def test_the_entries_of_every_shipped_case_give_its_findings_again(library: Library) -> None:
    tried = 0
    for case in shipped_cases(library):
        result = case.evaluated(library.catalogue)
        for meanings in understood(case.books, catalogue=library.catalogue):
            book = meanings[0].book.rulebook
            again = recompute(in_force(meanings, case.as_of), result.entries[book])
            assert again == result.findings[book], case.name
            tried += len(again)
    assert tried > 1000


def test_results_survive_the_way_through_arrow(library: Library) -> None:
    case = next(iter(shipped_cases(library)))
    result = case.evaluated(library.catalogue)
    for book in result.findings:
        assert findings_of(findings_table(result.findings[book])) == result.findings[book]
        assert entries_of(entries_table(result.entries[book])) == result.entries[book]


def test_entries_of_another_day_are_refused(play: Play, library: Library) -> None:
    played = play(
        """
governed_by: coalesce(founded_on, as_of)
outputs: {answer: {title: 答案, value: "1"}}
""",
        "subjects: [{id: 甲公司, kind: enterprise, founded_on: 2001-02-03}]",
    )
    meaning = understand(played.book, library.catalogue)
    entries = played.result.entries["trial-book"]
    assert recompute([meaning], entries) == played.result.findings["trial-book"]
    with pytest.raises(ValueError, match="no version governs"):
        recompute([], entries)
