"""Every case of every shipped book can be told line by line: the page's sums are those of the engine."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string

from xinlu.dossier.arithmetic import account_of, folded
from xinlu.dossier.queries import Explained, StandingShown
from xinlu.engine.cases import by_oracle, run_cases, step_value
from xinlu.gazette.current import library
from xinlu.law.rulebook import Rulebook
from xinlu.web import lawbook, subject
from xinlu.web.parts import badge_of

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
