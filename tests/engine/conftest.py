"""Books and tables small enough to read, for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest

from xinlu.engine.facts import Facts, as_day, as_time, read_facts
from xinlu.engine.oracle import evaluate
from xinlu.engine.result import Entry, Finding, RunResult
from xinlu.engine.run import run
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import Library, load, shipped
from xinlu.law.marks import parse, read
from xinlu.law.rulebook import Rulebook
from xinlu.law.shape import shape

NOW = datetime(2030, 1, 1)

HEAD = """
rulebook: trial-book
version: "1"
title: 测试办法
kind: industry_credit
sector: all
rates: {subject: enterprise}
in_force: {from: 2000-01-01}
source: {document: 测试, issuer: 测试, grade: official}
levels: [{level: AA, title: 好}, {level: A, title: 较好}, {level: B, title: 一般}, {level: C, title: 差}]
"""


@pytest.fixture(scope="session")
def library() -> Library:
    """All law that ships with Xinlu."""
    return load(shipped())


@pytest.fixture(scope="session")
def catalogue(library: Library) -> Catalogue:
    """The catalogue that ships with Xinlu."""
    return library.catalogue


@dataclass(frozen=True)
class ShippedCase:
    """One case of a shipped book, ready to be evaluated with ``books``."""

    name: str
    book: Rulebook
    books: tuple[Rulebook, ...]
    facts: Facts
    as_of: date
    known_at: datetime

    def evaluated(self, catalogue: Catalogue) -> RunResult:
        return evaluate(
            self.books,
            self.facts.tables,
            catalogue=catalogue,
            as_of=self.as_of,
            known_at=self.known_at,
            peers=self.facts.peers,
        )


def shipped_cases(library: Library, only: str | None = None) -> Iterator[ShippedCase]:
    """Every case of every shipped book, or of one."""
    books = (book for versions in library.rulebooks.values() for book in versions)
    for book in (book for book in books if only in (None, book.rulebook)):
        path = library.cases_path(book)
        data: dict[str, Any] = read(path).mapping() if path.exists() else {"cases": []}
        for case in data["cases"]:
            parts = (data.get("given") or {}, case.get("facts") or {})
            facts = read_facts(*parts, catalogue=library.catalogue)
            as_of = as_day(case["as_of"]) if "as_of" in case else facts.as_of[0]
            known_at = as_time(case["known_at"]) if "known_at" in case else facts.known_at or NOW
            books = tuple(library.needed(book))
            yield ShippedCase(f"{book.rulebook} {case['case']}", book, books, facts, as_of, known_at)


@dataclass(frozen=True)
class Played:
    """One evaluation of a small book, asked by the names of its facts."""

    book: Rulebook
    facts: Facts
    result: RunResult

    def number_of(self, who: str) -> int:
        return self.facts.subjects.get(who) or self.facts.records[who]

    def finding(self, who: str, output: str) -> Finding:
        found = self.result.finding(self.book.rulebook, self.number_of(who), output)
        assert found is not None
        return found

    def entries(self, who: str, step: str) -> list[Entry]:
        _, entries = self.result.of(self.book.rulebook, self.number_of(who))
        return [one for one in entries if one.step == step]


Play = Callable[..., Played]


def book_from(text: str, head: str = HEAD) -> Rulebook:
    """A rulebook from YAML text; keys of ``text`` take the place of those of the head."""
    data: dict[str, Any] = {**parse(head, file="head.yaml").mapping(), **parse(text, file="book.yaml").mapping()}
    marked = parse("a: 1", file="book.yaml")
    return shape(Rulebook, type(marked)(data, marked.marks, ""))


@pytest.fixture(scope="session", params=["oracle", pytest.param("compiled", marks=pytest.mark.slow)])
def play(request: pytest.FixtureRequest, catalogue: Catalogue) -> Play:
    """Evaluate a small book on small facts, both written as YAML; compiled, it must give the very same."""

    def played(text: str, facts: str, as_of: date = date(2025, 6, 30), **options: Any) -> Played:
        book = book_from(text)
        read = read_facts(parse(facts, file="facts.yaml").mapping(), catalogue=catalogue)
        given = {"catalogue": catalogue, "as_of": as_of, "known_at": NOW, **options}
        result = evaluate([book], read.tables, **given)
        if request.param == "compiled":
            assert run([book], read.tables, **given) == result
        return Played(book, read, result)

    return played
