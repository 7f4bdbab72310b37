"""Rulebooks as people read them."""

from __future__ import annotations

import re

import pytest

from xinlu.law.library import load, shipped
from xinlu.web import lawbook
from xinlu.web.cases import cases_of
from xinlu.web.difference import changes

LAW = load(shipped())
BOOKS = [book for versions in LAW.rulebooks.values() for book in versions]


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: f"{book.rulebook}-{book.version}")
def test_every_clause_of_every_book_can_be_read(book) -> None:
    rows = list(lawbook.clause_rows(book, LAW.catalogue))
    assert [row.ident for row in rows] == list(book.clauses)
    assert all(row.effects for row in rows)
    assert list(lawbook.output_cards(book, LAW.catalogue))


def test_a_condition_reads_as_chinese() -> None:
    book = LAW.version("highway-construction-firm", "2009")
    assert book is not None
    names = lawbook.names_of(book, LAW.catalogue)
    assert lawbook.say(book.rates.where, names) == "有从事业务 且 从事业务包含公路施工"


def test_words_of_all_books_hold_no_operator_of_code() -> None:
    for book in BOOKS:
        for place, words in lawbook.flat(book, LAW.catalogue).items():
            if place.startswith(("计算", "条款")):
                assert not re.search(r"\b(and|or|not|coalesce|present|missing|case|when)\b|<>|>=", words), (
                    book.rulebook,
                    place,
                    words,
                )


def test_two_versions_of_one_book_differ_where_the_law_changed() -> None:
    old, new = LAW.version("taxi-enterprise", "2011"), LAW.version("taxi-enterprise", "2018")
    assert old is not None
    assert new is not None
    found = changes(lawbook.flat(old, LAW.catalogue), lawbook.flat(new, LAW.catalogue))
    assert {change.kind for change in found} == {"added", "changed", "removed"}
    assert any(change.where == "参数 AA级以上驾驶员占比下限" for change in found)
    same = lawbook.flat(new, LAW.catalogue)
    assert changes(same, same) == ()


def test_cases_are_told_with_facts_and_answers() -> None:
    book = LAW.version("highway-design-firm", "2013")
    assert book is not None
    told = cases_of(LAW, book)
    assert len(told) >= 5
    first = told[0]
    assert first.answers[-1].badge is not None
    assert any(title == "履约行为评价" for title, _ in first.facts)


def test_a_sum_that_is_divided_keeps_its_brackets() -> None:
    assert lawbook.say("quotient(a + b, c)", {"a": "甲", "b": "乙", "c": "丙"}) == "(甲 + 乙) ÷ 丙"
    assert lawbook.say("quotient(a, c)", {"a": "甲", "c": "丙"}) == "甲 ÷ 丙"
