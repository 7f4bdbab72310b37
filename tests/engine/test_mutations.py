"""A shipped book changed by the smallest step is noticed: by the facts of its cases, or by a generated population.

Changed are every number, bound, bound sign, length and date, and the order of conditions, moves, requirements and
levels. A change is noticed when a finding or an entry over the same facts is another one, or when ``xinlu law check`` refuses
the bands that it leaves. The quick profile tries some mutants of each book, the long one all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from random import Random

import pytest
from tests.engine.populations.drawing import Law, Population, Rows, draw_population, law_of
from tests.engine.populations.mutants import Mutant, mutants

from xinlu.engine.oracle import evaluate_meanings, understood
from xinlu.engine.result import Entry, Finding
from xinlu.law.check.books import check_book
from xinlu.law.library import load, shipped
from xinlu.law.meaning import Meaning, Misunderstood
from xinlu.law.rulebook import Rulebook
from xinlu.law.types import Type

SHIPPED = load(shipped())
BOOKS = [(book.rulebook, book.version) for versions in SHIPPED.rulebooks.values() for book in versions]

SOME = 3
"""Mutants of one book in the quick profile."""
LONG = 100
STORED = 12
"""Populations that a mutant has to pass, of :data:`SIZE` clusters each."""
SIZE = 40

SURVIVORS: dict[str, dict[str, str]] = {}
"""Book → mutant that nothing can notice → why."""

Answered = tuple[list[Finding], Counter[Entry]]


def _without_place(entry: Entry) -> Entry:
    """A line of why without the place of its condition or move in the book, which every change of order changes."""
    return replace(entry, seq=0, raw=None) if entry.kind in {"condition", "move"} else entry


def orders_levels(meaning: Meaning) -> bool:
    """Whether any step compares levels by their order; else the order is only shown."""
    nodes = [node for tree in meaning.expressions.values() for node in tree.walk()]
    compared = any(
        node.op in {"<", "<=", ">", ">="} and isinstance(node.args[0].type, Type) and node.args[0].type.kind == "level"
        for node in nodes
    )
    called = any(node.op == "call" and node.value in {"step", "worst", "best"} for node in nodes)
    moved = any(one.at_most or one.at_least for output in meaning.book.outputs.values() for one in output.moves)
    folded = any(meaning.folds[name].kind == "level" for name, one in meaning.book.folds.items() if one.min or one.max)
    return compared or called or moved or folded


@dataclass(frozen=True)
class Judge:
    """Finds a change of a book by what it answers."""

    law: Law

    @cached_property
    def facts(self) -> list[Population]:
        """The facts of every case, then generated populations on the days that matter."""
        cases = [Population(case.as_of, (case.rows,), case.peers, case.known_at) for case in self.law.cases]
        force = self.law.book.in_force
        days = [*self.law.days, force.from_ - timedelta(days=1), *([force.until] if force.until else [])]
        drawn = [
            draw_population(self.law, Random(index), as_of=days[index % len(days)], size=SIZE)
            for index in range(STORED)
        ]
        return cases + drawn

    @cached_property
    def rows(self) -> list[Rows]:
        return [facts.rows for facts in self.facts]

    @cached_property
    def answers(self) -> dict[int, Answered]:
        """What the book says as it is, by place of the facts; filled when they are asked for."""
        return {}

    def answered(self, meanings: Sequence[Sequence[Meaning]], place: int) -> Answered:
        facts = self.facts[place]
        result = evaluate_meanings(
            meanings,
            self.rows[place],
            catalogue=SHIPPED.catalogue,
            as_of=facts.as_of,
            known_at=facts.known_at,
            peers=facts.peers,
        )
        name = self.law.book.rulebook
        return result.findings[name], Counter(map(_without_place, result.entries[name]))

    def notices(self, mutant: Mutant) -> bool:
        """Whether the change shows: the book has no meaning any more, or some finding or entry is another one."""
        book = mutant.book(SHIPPED.filed(self.law.book).marked)
        if book is None:
            return True
        books = [book if one == self.law.book else one for one in self.law.books]
        try:
            meanings = understood(books, catalogue=SHIPPED.catalogue)
        except Misunderstood:
            return True
        for place in range(len(self.facts)):
            if place not in self.answers:
                self.answers[place] = self.answered(self.law.meanings, place)
            try:
                if self.answered(meanings, place) != self.answers[place]:
                    return True
            except (ArithmeticError, ValueError):
                return True
        return self.refused(book, meanings)

    def refused(self, book: Rulebook, meanings: Sequence[Sequence[Meaning]]) -> bool:
        """Whether ``xinlu law check`` refuses the change: bands that gap or overlap, a condition that shadows another."""
        meaning = next(one for versions in meanings for one in versions if one.book is book)
        return bool(check_book(SHIPPED, book, meaning))


@pytest.mark.parametrize(("book", "version"), BOOKS, ids=[f"{book}-{version}" for book, version in BOOKS])
def test_the_smallest_change_of_a_shipped_book_is_noticed(
    book: str, version: str, populations: int, record_property: Callable[[str, object], None]
) -> None:
    chosen = SHIPPED.version(book, version)
    assert chosen is not None
    judge = Judge(law_of(SHIPPED, chosen))
    every = all_mutants(judge)
    tried = every if populations >= LONG else Random(f"{book} {version}").sample(every, min(SOME, len(every)))
    excused = SURVIVORS.get(judge.law.name, {})
    alive = [one for one in map(str, unnoticed(judge, tried)) if one not in excused]
    noticed = len(tried) - len(alive) - sum(str(one) in excused for one in tried)
    line = f"{book} {version}: {noticed} of {len(tried)} tried ({len(every)} in all, {len(excused)} excused)"
    record_property("mutants", line + "".join(f"\n    survives: {one}" for one in alive))
    assert alive == []


def all_mutants(judge: Judge) -> list[Mutant]:
    book = judge.law.book
    meaning = next(one for versions in judge.law.meanings for one in versions if one.book is book)
    return list(mutants(SHIPPED.filed(book).marked.mapping(), levels=orders_levels(meaning)))


def unnoticed(judge: Judge, tried: Sequence[Mutant]) -> Iterator[Mutant]:
    yield from (one for one in tried if not judge.notices(one))
