"""When findings change by themselves."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice

import pytest
from tests.engine.conftest import NOW, Play, ShippedCase, shipped_cases

from xinlu.engine import exact
from xinlu.engine.changes import next_change, next_changes
from xinlu.engine.oracle import evaluate_meanings, understood
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import Library


def changed_on(play: Play, catalogue: Catalogue, text: str, facts: str, as_of: date, output: str) -> date | None:
    played = play(text, facts, as_of)
    return next_change(
        [played.book],
        played.facts.tables,
        catalogue=catalogue,
        book="trial-book",
        unit=played.number_of("甲公司"),
        output=output,
        as_of=as_of,
        known_at=NOW,
    )


ACT = "{item: other_behaviour, id: r1, subject: 甲公司, behaviour_no: '1', business: highway_design, area: '330000', \
behaviour_code: X, points: 3, found_on: 2024-02-29}"
ONE_ACT = f"""
subjects: [{{id: 甲公司, kind: enterprise, founded_on: 2020-02-29}}]
records: [{ACT}]
"""
SPANNED = """
sources: {{acts: {{item: other_behaviour, within: life}}}}
clauses: {{act: {{title: 行为, hits: acts, minus: points, span: {span}}}}}
folds: {{total: {{sum: [act], start: "100"}}}}
outputs: {{score: {{title: 得分, value: total}}}}
"""


@pytest.mark.parametrize(
    ("span", "day"),
    [
        ("{for: 12 months}", date(2025, 2, 28)),
        ("{for: 365 days}", date(2025, 2, 28)),
        ("{for: 12 months, aim: back}", date(2025, 3, 1)),
        ("{ages: [{below: 6 months, weight: 1}, {below: 12 months, weight: 0.5}]}", date(2024, 8, 29)),
        ('{until: "add_days(add_months(found_on, 6), 1)"}', date(2024, 8, 30)),
    ],
)
def test_a_hit_stops_counting_on_the_day_its_span_ends(play: Play, catalogue: Catalogue, span: str, day: date) -> None:
    assert changed_on(play, catalogue, SPANNED.format(span=span), ONE_ACT, date(2024, 3, 1), "score") == day


def test_a_completed_year_of_age_changes_an_answer(play: Play, catalogue: Catalogue) -> None:
    old = "founded_on is not null and months_between(founded_on, as_of) >= 60"
    text = f'outputs: {{old: {{title: 满五年, value: "{old}"}}}}'
    assert changed_on(play, catalogue, text, ONE_ACT, date(2024, 3, 1), "old") == date(2025, 2, 28)


def test_the_calendar_year_turns_on_its_first_day(play: Play, catalogue: Catalogue) -> None:
    text = """
period: {calendar_year: last_complete}
sources: {acts: {item: other_behaviour}}
folds: {acts: {over: acts, count: true}}
outputs: {count: {title: 次数, value: acts}}
"""
    assert changed_on(play, catalogue, text, ONE_ACT, date(2024, 3, 1), "count") == date(2025, 1, 1)


def test_a_version_that_ends_takes_its_findings_along(play: Play, catalogue: Catalogue) -> None:
    text = """
in_force: {from: 2000-01-01, until: 2026-07-01}
outputs: {one: {title: 一, value: "1"}}
"""
    assert changed_on(play, catalogue, text, ONE_ACT, date(2024, 3, 1), "one") == date(2026, 7, 1)


def test_what_never_changes_has_no_day(play: Play, catalogue: Catalogue) -> None:
    assert (
        changed_on(play, catalogue, """outputs: {one: {title: 一, value: "1"}}""", ONE_ACT, date(2024, 3, 1), "one")
        is None
    )


SLOW = ("road-driver-integrity", "credit-repair-period", "taxi-driver", "safety-code-driver")
BOOKS = ["overlimit-vehicle", *(pytest.param(book, marks=pytest.mark.slow) for book in SLOW)]
MONTHS = 18


def daily_changes(case: ShippedCase, catalogue: Catalogue) -> dict[tuple[int, str], date]:
    """First differing day of every finding, every single day evaluated."""
    book, meanings = case.book.rulebook, understood(case.books, catalogue=catalogue)

    def answers(day: date) -> dict[tuple[int, str], tuple[object, ...]]:
        given = {"catalogue": catalogue, "as_of": day, "known_at": case.known_at, "peers": case.facts.peers}
        findings = evaluate_meanings(meanings, case.facts.tables, **given).findings[book]
        return {(f.unit, f.output): (f.status, f.answer) for f in findings}

    before, first, day = answers(case.as_of), dict[tuple[int, str], date](), case.as_of
    while (day := day + timedelta(days=1)) <= exact.add_months(case.as_of, MONTHS):
        now = answers(day)
        first |= {one: day for one in before.keys() - first.keys() if now.get(one) != before[one]}
    return first


@pytest.mark.parametrize("book", BOOKS)
def test_no_day_before_the_next_change_differs(library: Library, book: str) -> None:
    for case in islice(shipped_cases(library, book), 1):
        found = next_changes(
            case.books,
            case.facts.tables,
            catalogue=library.catalogue,
            book=book,
            as_of=case.as_of,
            known_at=case.known_at,
            peers=case.facts.peers,
            months=MONTHS,
        )
        assert found == daily_changes(case, library.catalogue), case.name
