"""Every case of every shipped book can be told line by line: the page's sums are those of the engine."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string
from tests.dossier.entries import Entry

from xinlu.dossier.arithmetic import account_of, folded
from xinlu.dossier.queries import Explained, StandingShown
from xinlu.engine.cases import by_oracle, run_cases, step_value
from xinlu.gazette.current import library
from xinlu.law.rulebook import Rulebook
from xinlu.web import lawbook, subject
from xinlu.web.parts import badge_of
from xinlu.web.subject import decisions, equations, hit_groups, reason_words

BOOKS = [book for versions in library().rulebooks.values() for book in versions]


def results(book: Rulebook) -> list:
    """The run of each case of a book."""
    kept: list = []
    evaluate = by_oracle(library(), book)

    def keeping(*given):
        kept.append(evaluate(*given))
        return kept[-1]

    run_cases(library(), book, keeping)
    return kept


def units(result, book: Rulebook):
    """Entries and findings of each unit of a run."""
    for number in sorted({finding.unit for finding in result.findings[book.rulebook]}):
        yield (
            [entry for entry in result.entries[book.rulebook] if entry.unit == number],
            [finding for finding in result.findings[book.rulebook] if finding.unit == number],
        )


def page(book: Rulebook, entries, findings, *, hidden: bool = False) -> str:
    """The page of a standing made of one unit's lines."""
    account = account_of(entries, book)
    output = lawbook.main_output(book)
    finding = next(one for one in findings if one.output == output)
    standing = SimpleNamespace(
        pk=1,
        output=output,
        level=finding.level,
        score=finding.number,
        status=finding.status,
        grade=finding.grade,
        as_of=date(2026, 3, 1),
        effective_from=date(2026, 3, 31),
        effective_until=None,
        get_kind_display="发布",
        version=SimpleNamespace(payload={"reason": finding.reason or ""}, source=None),
    )
    shown = StandingShown(standing, book, book.title, ())
    explained = Explained(shown, (), folded(account, []) if hidden else account, {}, {}, complete=not hidden)
    levels = lawbook.levels_of(book, output)
    context = {
        "subject": SimpleNamespace(pk=1),
        "name": "示例",
        "standing": standing,
        "shown": shown,
        "book": book,
        "badge": badge_of(level=finding.level, levels=levels, kind=book.kind, status=finding.status),
        "events": [],
        "explained": explained,
        "payload": {"reason": finding.reason or ""},
        "user": SimpleNamespace(is_authenticated=False),
        **subject.reasons(explained, book),
    }
    return render_to_string("web/standing.html", context)


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: f"{book.rulebook}-{book.version}")
def test_sums_on_the_page_are_those_of_the_engine(book) -> None:
    for result in results(book):
        last = None
        for entries, findings in units(result, book):
            account, last = account_of(entries, book), (entries, findings)
            whole = [sheet for sheet in account.sheets if sheet.row is None]
            for sheet in whole:
                lines = [entry for entry in entries if entry.step == sheet.step]
                assert sheet.lines[-1].balance == sheet.total == step_value(lines)
            shown = {sheet.step: sheet for sheet in folded(account, []).sheets}
            for sheet in whole:
                if any(line.share for line in sheet.lines):
                    assert shown[sheet.step].lines[-1].balance == sheet.total
        if last is not None:
            html = page(book, *last)
            assert ">None<" not in html
            assert page(book, *last, hidden=True)


def test_a_single_sum_is_written_out_in_one_line() -> None:
    book = library().version("lock-credit", "2021")
    shown = [page(book, entries, findings) for result in results(book) for entries, findings in units(result, book)]
    assert any('class="equation"' in html for html in shown)


def test_a_step_names_the_move_or_condition_that_decided_and_repeats_no_conclusion() -> None:
    book = library().rulebooks["highway-construction-firm"][-1]
    names = lawbook.names_of(book, library().catalogue)
    entries = [
        Entry("level", "output", text="D", seq=9),
        Entry("level", "band", raw=Decimal(80), text="B"),
        Entry("level", "move", clause="direct_d", record=7, raw=Decimal(3), text="D", seq=9),
        Entry("level", "move", raw=Decimal(3), text="B", seq=1),
    ]
    told = decisions(account_of(entries, book), book, names)
    assert [(step.kind, step.words, step.same) for step in told] == [
        ("按分档", "", False),
        ("调整", "每年最多上升一级", True),
        ("调整", "认定直接定为D级", False),
    ]
    assert reason_words(account_of(entries, book), book, names, "level") == "认定直接定为D级"


def test_a_question_to_a_person_is_told_as_one() -> None:
    book = library().rulebooks["overlimit-enterprise"][-1]
    asked = next(line.ask for line in book.outputs["licence"].conditions if line.ask)
    entries = [Entry("licence", "status", text=asked, seq=8), Entry("rated_when", "status", text="没有在册车辆", seq=8)]
    told = decisions(account_of(entries, book), book, {})
    assert {(step.kind, step.title) for step in told} == {
        ("待人工", book.outputs["licence"].title),
        ("没有定级", "参评条件"),
    }


def test_hits_of_one_clause_are_told_once_with_all_their_records() -> None:
    book = library().rulebooks["overlimit-enterprise"][-1]
    hits = [Entry("clauses", "hit", clause="act", record=number, share=Decimal(0)) for number in (5, 6, 7)]
    (group,) = hit_groups(account_of(hits, book).hits)
    assert (group.count, group.records, group.others) == (3, (5, 6, 7), ())


def test_numbers_of_a_thousand_and_more_are_put_in_whole() -> None:
    book = library().rulebooks["fmcsa-sms-unsafe-driving"][-1]
    entries = [
        Entry("mileage", "read", raw=Decimal(100000)),
        Entry("average_units", "value", raw=Decimal(10)),
        Entry("miles_per_unit", "value", raw=Decimal(10000)),
    ]
    told = equations(account_of(entries, book), book, lawbook.names_of(book, library().catalogue))
    assert next(line.numbers for line in told if line.name == "miles_per_unit") == "100000 ÷ 10"
