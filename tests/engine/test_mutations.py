"""A shipped book changed by the smallest step is noticed: by the facts of its cases, or by a generated population.

Changed are every number, bound, bound sign, length and date, and the order of conditions, moves, requirements and
levels. A change is noticed when a finding or an entry over the same facts is another one, or when ``xinlu law check``
refuses the bands that it leaves. The quick profile tries some mutants of each book, the long one all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from random import Random

from tests.engine.populations.drawing import Law, Population, Rows, draw_population
from tests.engine.populations.mutants import Mutant, mutants
from tests.engine.populations.shelf import EACH_BOOK, SHIPPED, shipped_law

from xinlu.engine.oracle import evaluate_meanings, understood
from xinlu.engine.result import Entry, Finding
from xinlu.law.check.books import check_book
from xinlu.law.meaning import Meaning, Misunderstood
from xinlu.law.rulebook import Rulebook
from xinlu.law.types import Type

SOME = 4
"""Mutants of one book in the quick profile."""
LONG = 100
STORED = 12
"""Populations that a mutant has to pass, of :data:`SIZE` clusters each."""
SIZE = 40

_APART = "never both hold, so that their order decides nothing"
_OF_THE_OTHER = "levels are those of the book that is read, and ordered by its set"
_BETWEEN = "a limit with a square root lies between whole numbers of detentions"
_WORST = "both lead down to the worst level"
_DRIVERS = "drivers are compared with AA alone, which stays above and below the same levels that they have"
_BELOW = "compared with a bound that lies far above what stands in for a missing number"
_NO_MOVE = "no move limits the tier, so that nothing tells the order"

SURVIVORS: dict[str, dict[str, str]] = {
    "heavy-transport-gate sample-1": {
        "outputs.way.conditions.0": "red and green " + _APART,
        "outputs.way.conditions.1": "class 1 and class 2 " + _APART,
    },
    "highway-construction-firm 2009": {
        "outputs.level.moves 每年最多上升一级 / 首次进入本省": _APART,
        "outputs.level.moves 首次进入本省 / 本年度没有结果，沿用一年": _APART,
        "outputs.level.moves 本年度没有结果，沿用一年 / 沿用期满，视同首次进入": _APART,
        "outputs.level.moves 沿用期满，不高于原等级加一级 / 分立后不高于原企业等级": "the lower limit counts",
    },
    "highway-construction-firm-national 2009": {
        "levels.0": "no move limits a level to AA or A, so that nothing tells their order",
        "levels.1": "no move limits a level to A or B, so that nothing tells their order",
        "outputs.level.moves 一个省直接定D，全国不高于C / 一个省直接定D，没有全国得分的定为C": _APART,
        "outputs.level.moves 两个以上省直接定D，全国为D / 受部行政处罚，全国为D": "both set D",
    },
    "lock-convoy 2021": {f"levels.{place}": _OF_THE_OTHER for place in range(4)},
    "overlimit-determination 2016": {
        "outputs.determination.conditions.1": "both find it over, and neither cites a record"
    },
    "paris-mou-company 2014": {
        "outputs.performance.conditions.0": "without an inspection no index is there: " + _APART,
        "outputs.performance.conditions.0.when 0 → -1": "without an inspection no index is there, only the same answer",
        "outputs.performance.conditions.2": "both give low under the same clause",
        "outputs.performance.conditions.3": "above and below: " + _APART,
    },
    "paris-mou-flag 2014": {
        "values.excess.is  → =": _BETWEEN,
        "outputs.listing.conditions.0.when  → =": _BETWEEN,
        "outputs.listing.conditions.1.when  → =": _BETWEEN,
        "outputs.risk.conditions.0.when  → =": _BETWEEN,
        "outputs.risk.conditions.1.when  → =": _BETWEEN,
        "outputs.risk.conditions.2.when  → =": _BETWEEN,
        "outputs.listing.conditions.0": "above the upper limit and below the lower one: " + _APART,
    },
    "paris-mou-ship 2014": {
        "outputs.profile.conditions.0": "a low-risk ship has no points: " + _APART,
        "outputs.priority.conditions.1": "a ship never inspected has no window: " + _APART,
    },
    "random-inspection-tier sample-1": {f"outputs.tier.levels.{place}": _NO_MOVE for place in range(3)},
    "road-driver-integrity 2008": {
        "values.must_study.is 0 → 1": _BELOW,
        "values.must_study.is 0 → -1": _BELOW,
        "outputs.level.conditions.0": "twenty points and none: " + _APART,
    },
    "safety-code-driver sample-1": {"outputs.code.conditions.2": "past the line before them both " + _APART},
    "safety-code-firm sample-1": {"outputs.care.conditions.0": "both tighten, and neither cites a record"},
    "sole-trader-freight sample-1": {
        "outputs.level.moves 不高于经营者诚信考核等级的上一级 / 在严重失信名单上的定为B级": _WORST
    },
    "taxi-driver 2018": {
        "outputs.bad_record.conditions.0": "both list under the same clause",
        "outputs.bad_record.conditions.1": "both list under the same clause",
    },
    "taxi-enterprise 2011": {
        "levels.2": _DRIVERS,
        "outputs.level.conditions.0": "a share that is missing, and one that is there: " + _APART,
    },
    "taxi-enterprise 2018": {
        "levels.0": _DRIVERS,
        "levels.1": _DRIVERS,
        "levels.4": _DRIVERS,
        "outputs.level.conditions.0": "a share that is missing, and one that is there: " + _APART,
    },
    "testing-person 2018": {
        "outputs.level.moves 连续两年较差，当年定为差 / 伪造证书，直接定为差": "both set the worst"
    },
    "tokyo-mou-company 2014": {
        "outputs.performance.conditions.0": "without an inspection no index is there: " + _APART,
        "outputs.performance.conditions.0.when 0 → -1": "without an inspection no index is there, only the same answer",
        "outputs.performance.conditions.2": "both give low under the same clause",
        "outputs.performance.conditions.3": "above and below: " + _APART,
    },
    "tokyo-mou-flag 2014": {
        "values.excess.is  → =": _BETWEEN,
        "outputs.listing.conditions.0.when  → =": _BETWEEN,
        "outputs.listing.conditions.1.when  → =": _BETWEEN,
        "outputs.risk.conditions.0.when  → =": _BETWEEN,
        "outputs.risk.conditions.1.when  → =": _BETWEEN,
        "outputs.risk.conditions.2.when  → =": _BETWEEN,
        "outputs.listing.conditions.0": "above the upper limit and below the lower one: " + _APART,
    },
    "tokyo-mou-ship 2014": {
        "outputs.profile.conditions.0": "a low-risk ship has no points: " + _APART,
        "outputs.priority.conditions.1": "a ship never inspected has no window: " + _APART,
    },
}
"""Book → change that may go unnoticed (see :attr:`Mutant.change`) → why."""

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
        """Whether ``xinlu law check`` refuses it: bands with a gap or overlap, a condition in another's shadow."""
        meaning = next(one for versions in meanings for one in versions if one.book is book)
        return bool(check_book(SHIPPED, book, meaning))


@EACH_BOOK
def test_the_smallest_change_of_a_shipped_book_is_noticed(
    book: str, version: str, populations: int, record_property: Callable[[str, object], None]
) -> None:
    judge = Judge(shipped_law(book, version))
    every = all_mutants(judge)
    tried = every if populations >= LONG else Random(f"{book} {version}").sample(every, min(SOME, len(every)))
    excused = SURVIVORS.get(judge.law.name, {})
    unseen = list(unnoticed(judge, tried))
    alive = [one.change for one in unseen if one.change not in excused]
    line = f"{book} {version}: {len(tried) - len(unseen)} of {len(tried)} tried noticed, {len(every)} in all"
    line += f", {len(unseen) - len(alive)} excused"
    record_property("mutants", line + "".join(f"\n    survives: {one}" for one in alive))
    assert alive == []


def all_mutants(judge: Judge) -> list[Mutant]:
    book = judge.law.book
    meaning = next(one for versions in judge.law.meanings for one in versions if one.book is book)
    return list(mutants(SHIPPED.filed(book).marked.mapping(), levels=orders_levels(meaning)))


def unnoticed(judge: Judge, tried: Sequence[Mutant]) -> Iterator[Mutant]:
    yield from (one for one in tried if not judge.notices(one))
