"""Every shipped book over generated populations: oracle and compiled steps agree to the last digit.

A population is drawn at and beside every edge in its book (``tests/engine/populations``); several stand side by
side in one run, apart by their numbers, so that planning is paid once. The compiled steps get the rows shuffled.
Every finding is computed again from its entries alone. ``--hypothesis-profile=long`` draws 200 populations of each
book instead of 20 and then asks that every clause, cap, band, condition and move was reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import groupby
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.engine.populations.coverage import reached, targets, told
from tests.engine.populations.drawing import Law, Population, draw_population
from tests.engine.populations.meeting import Bench, difference, smallest
from tests.engine.populations.meeting import told as facts_told
from tests.engine.populations.shelf import EACH_BOOK, shipped_law

from xinlu.engine.answers import answer_columns
from xinlu.engine.recompute import frame_of, recompute
from xinlu.engine.result import Entry, RunResult
from xinlu.law.meaning import Meaning

TOGETHER = 5
"""Populations that share a run."""
CLUSTERS = 6
"""Clusters of one population: a unit with its records, or what a case of the book tells of."""
ENOUGH = 100
"""From so many populations on, everything in the book must have been reached."""

NEVER: dict[str, dict[str, str]] = {
    "road-transport-enterprise 2006": {"rated level": "the known parts of the scorecard give a score and no level"},
}
"""Book → what no population can reach → why."""


@EACH_BOOK
def test_oracle_and_compiled_steps_agree_on_generated_populations(
    book: str, version: str, populations: int, record_property: Callable[[str, object], None]
) -> None:
    law = shipped_law(book, version)
    bench = Bench(law)
    found: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    units = runs = 0

    def agree(random: Random) -> None:
        nonlocal units, runs
        together = draw_population(law, random, as_of=law.days[runs % len(law.days)], size=CLUSTERS)
        for _ in range(TOGETHER - 1):
            together = together.beside(draw_population(law, random, as_of=together.as_of, size=CLUSTERS))
        runs += 1
        result = bench.by_oracle(together)
        assert difference(result, bench.compiled(together, random)) is None, _smallest_told(bench, together)
        _computed_again(law, together, result)
        found.update(reached(law.book, result.findings[book], result.entries[book]))
        statuses.update(finding.status for finding in result.findings[book])
        units += len({finding.unit for finding in result.findings[book]})

    draw = given(random=st.randoms(use_true_random=True))(agree)
    # Shrinking by rows, in ``smallest``, takes the place of shrinking the seed.
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    draw = settings(
        max_examples=max(1, populations // TOGETHER),
        deadline=None,
        derandomize=True,
        phases=phases,
        suppress_health_check=quiet,
        database=None,
    )(draw)
    try:
        draw()
    finally:
        bench.close()
    record_property("coverage", told(law.book, found, units, statuses))
    assert statuses["rated"] > 0
    if populations >= ENOUGH:
        excused = set(NEVER.get(law.name, {}))
        assert [one for one in targets(law.book) if not found[one] and one not in excused] == []


def _smallest_told(bench: Bench, population: Population) -> str:
    least = smallest(population, lambda one: bench.disagree(one) is not None)
    return f"\n{bench.disagree(least)}\n{facts_told(least)}"


def _computed_again(law: Law, population: Population, result: RunResult) -> None:
    """Findings from entries alone are the same, and so is every value: shares of folds add up to what was used."""
    for meanings in law.meanings:
        name = meanings[0].book.rulebook
        governing = [
            one for one in meanings if one.book.governed_by != "as_of" or one.book.in_force.covers(population.as_of)
        ]
        entries = result.entries[name]
        assert recompute(governing, entries) == result.findings[name]
        if len(governing) == 1:
            _values_again(governing[0], entries)


def _values_again(meaning: Meaning, entries: list[Entry]) -> None:
    for _, own in groupby(entries, key=lambda one: one.unit):
        by_step: dict[str, list[Entry]] = {}
        for entry in own:
            by_step.setdefault(entry.step, []).append(entry)
        values = frame_of(meaning, by_step).spaces["value"]
        for name, value in values.items():
            kept = next(one for one in by_step[name] if one.kind == "value")
            columns = answer_columns(value)
            assert columns == {key: getattr(kept, key) for key in columns}
