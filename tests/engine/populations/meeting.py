"""Oracle and compiled steps over the same population, and the smallest facts on which they disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random

from tests.engine.populations.drawing import Law, Population, Rows

from xinlu.engine.duck import Duck
from xinlu.engine.oracle import evaluate_meanings
from xinlu.engine.result import RunResult, entries_of, findings_of
from xinlu.engine.run import Prepared, add_empty_tables, prepare


@dataclass
class Bench:
    """One connection for one book: compiled once for each day, run on as many populations as are drawn."""

    law: Law
    duck: Duck = field(default_factory=lambda: Duck({}, threads=1))
    plans: dict[date, Prepared] = field(default_factory=dict)

    def by_oracle(self, population: Population) -> RunResult:
        return evaluate_meanings(
            self.law.meanings,
            population.tables(self.law),
            catalogue=self.law.library.catalogue,
            as_of=population.as_of,
            known_at=population.known_at,
        )

    def compiled(self, population: Population, shuffle: Random | None = None) -> RunResult:
        tables = population.tables(self.law, shuffle)
        catalogue = self.law.library.catalogue
        for name in self.duck.registered - set(tables):
            self.duck.register(name, self.law.schemas[name].empty_table())
        for name, table in tables.items():
            self.duck.register(name, table)
        add_empty_tables(self.duck, catalogue)
        plan = self.plans.get(population.as_of)
        if plan is None:
            plan = self.plans[population.as_of] = prepare(
                self.law.books, self.duck, catalogue=catalogue, as_of=population.as_of, known_at=population.known_at
            )
        plan.run()
        return RunResult(
            {book: findings_of(plan.findings(book)) for book in plan.order},
            {book: entries_of(plan.entries(book)) for book in plan.order},
        )

    def disagree(self, population: Population, seed: int = 0) -> str | None:
        """The first difference between both, or None; the compiled steps get the rows in another order."""
        slow, fast = self.by_oracle(population), self.compiled(population, Random(seed))
        return difference(slow, fast)

    def close(self) -> None:
        self.duck.close()


def difference(left: RunResult, right: RunResult) -> str | None:
    """What is first in one result and not in the other; None when both are the same."""
    for book in left.findings:
        for name in ("findings", "entries"):
            ours, theirs = getattr(left, name)[book], getattr(right, name)[book]
            if ours == theirs:
                continue
            only_left, only_right = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
            left_only, right_only = list(only_left)[:3], list(only_right)[:3]
            return f"{name} of {book}\n  left only:  {left_only}\n  right only: {right_only}"
    return None


def smallest(population: Population, fails: Callable[[Population], bool]) -> Population:
    """A population with as few rows as can be found on which ``fails`` still holds."""
    for cluster in population.clusters:
        alone = replace(population, clusters=(cluster,))
        if fails(alone):
            population = alone
            break
    found = True
    while found:
        found = False
        for fewer in _one_row_less(population):
            if fails(fewer):
                population, found = fewer, True
                break
    return population


def _one_row_less(population: Population) -> Iterator[Population]:
    for index, cluster in enumerate(population.clusters):
        before, after = population.clusters[:index], population.clusters[index + 1 :]
        for name, rows in cluster.items():
            for place in range(len(rows)):
                fewer: Rows = {**cluster, name: rows[:place] + rows[place + 1 :]}
                yield replace(population, clusters=(*before, fewer, *after))


def told(population: Population) -> str:
    """The rows of a small population, without what is missing."""
    lines = [f"as_of {population.as_of}"]
    for name, rows in population.rows.items():
        there = [{key: value for key, value in row.items() if value is not None} for row in rows]
        lines += [f"  {name} {row}" for row in there]
    return "\n".join(lines)
