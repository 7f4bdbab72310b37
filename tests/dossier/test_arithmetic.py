"""From entries to a sum that a person can follow."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace

from tests.dossier.entries import Entry, entries_of_firm

from xinlu.dossier.arithmetic import account_of, folded
from xinlu.law.library import load, shipped

LAW = load(shipped())
DESIGN = LAW.version("highway-design-firm", "2013")
LOCK = LAW.version("lock-credit", "2021")


def row(record: int, day: int, parent: int | None = None, **payload: str) -> SimpleNamespace:
    return SimpleNamespace(record=record, occurred_on=date(2025, 3, day), parent=parent, payload=payload)


def firm() -> list[Entry]:
    return entries_of_firm(
        {
            "section_evaluation": [row(1, 1, contract_price="300"), row(2, 2, contract_price="100")],
            "section_behaviour": [row(11, 5, 1, points="5"), row(12, 3, 1, points="3")],
            "other_behaviour": [row(21, 9, points="2")],
        }
    )


def test_lines_of_a_sum_run_from_its_start_to_its_total() -> None:
    account = account_of(firm(), DESIGN)
    sheet = next(s for s in account.sheets if s.step == "section_score" and s.row == 1)
    assert [(line.kind, line.share, line.balance) for line in sheet.lines] == [
        ("start", Decimal(100), Decimal(100)),
        ("hit", Decimal(-3), Decimal(97)),
        ("hit", Decimal(-5), Decimal(92)),
    ]
    assert sheet.total == 92
    assert [(sign, size) for sign, size, _ in sheet.terms] == [("", 100), ("−", 3), ("−", 5)]


def test_each_line_names_its_clause_and_record() -> None:
    line = account_of(firm(), DESIGN).sheet("other_points").lines[0]
    assert (line.title, line.article, line.record) == ("其他不良行为", "第十一条", 21)
    assert line.law_text


def test_numbers_of_folds_and_values_are_found_by_name() -> None:
    account = account_of(firm(), DESIGN)
    assert account.number("work_mean") == Decimal("94")
    assert account.number("total") == Decimal("92")
    assert account.number("bid_mean") is None


def test_folding_keeps_every_total_and_shows_no_hidden_record() -> None:
    account = account_of(firm(), DESIGN)
    shown = folded(account, [])
    assert shown.sheet("other_points").total == account.sheet("other_points").total == -2
    assert shown.sheet("other_points").lines[-1].balance == -2
    assert all(line.record is None for sheet in shown.sheets for line in sheet.lines)
    assert all(sheet.row is None for sheet in shown.sheets)


def test_folding_leaves_what_may_be_seen() -> None:
    shown = folded(account_of(firm(), DESIGN), [1, 2, 12])
    sheet = next(s for s in shown.sheets if s.row == 1)
    assert [(line.record, line.share, line.folded) for line in sheet.lines] == [
        (None, Decimal(100), False),
        (12, Decimal(-3), False),
        (None, Decimal(-5), True),
    ]


def test_a_running_sum_shows_the_clamp_after_the_hit_that_it_answers() -> None:
    day = date(2025, 1, 2)
    entries = [
        Entry("run", "hit", "minus", 2, None, date(2025, 2, 1), Decimal(-10), Decimal(1), Decimal(-10)),
        Entry("run", "clamp", None, 1, None, day, None, None, Decimal(50)),
        Entry("run", "hit", "minus", 1, None, day, Decimal(-250), Decimal(1), Decimal(-250)),
        Entry("run", "start", share=Decimal(200)),
    ]
    lines = account_of(entries, LOCK).sheet("run").lines
    assert [(line.kind, line.balance) for line in lines] == [
        ("start", 200),
        ("hit", -50),
        ("clamp", 0),
        ("hit", -10),
    ]


def test_a_hit_that_lost_stays_with_nothing_and_says_to_which() -> None:
    entries = [
        Entry("other_points", "hit", "other", 1, None, date(2025, 1, 1), Decimal(-5), Decimal(1), Decimal(-5)),
        Entry(
            "other_points", "lost", "bid", 2, None, date(2025, 1, 1), Decimal(-3), Decimal(1), Decimal(0), "other", 1
        ),
    ]
    lost = account_of(entries, DESIGN).sheet("other_points").lines[1]
    assert lost.idle
    assert lost.balance == -5
    assert lost.text == "同一行为已按“其他不良行为”计分，本条不计"


def test_a_finding_of_another_book_is_read_as_its_subject_and_never_as_a_record() -> None:
    book = LAW.rulebooks["testing-institution"][-1]
    read = [
        Entry("laboratory_mean", "row", record=5992, raw=Decimal(50), weight=Decimal(1), share=Decimal(50)),
        Entry("level", "move", clause="JJC201004", record=5992, text="D", seq=1),
        Entry("clauses", "hit", clause="JJC201004", record=5992, share=Decimal(0)),
    ]
    account = account_of(read, book)
    (line,) = account.sheets[0].lines
    assert [(one.record, one.other) for one in (line, account.decisions[0], account.hits[0])] == [(None, 5992)] * 3
    unseen = folded(account, [], [])
    assert [one.other for one in (*unseen.sheets[0].lines, *unseen.decisions)] == [None, None]
    assert unseen.hits == ()
    assert unseen.sheets[0].total == 50
    as_records = account_of(read, book, rate_records=["testing-site-laboratory"])
    assert as_records.hits[0].record == 5992
