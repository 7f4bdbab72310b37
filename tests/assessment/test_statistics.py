"""Statistics about models: planted relations come out, and too little data gives no number."""

from __future__ import annotations

import subprocess
import sys
from statistics import NormalDist

import numpy as np
import pytest

from xinlu.assessment import statistics


def planted(strength: float, units: int = 4000) -> tuple[list[float], list[bool]]:
    """A fifth of the units has the outcome. Their scores lie around ``strength``, those of the others around 0, both
    at even quantiles of a normal distribution: the AUC is Φ(strength / √2), the KS 2 Φ(strength / 2) − 1."""
    sides = [NormalDist(mean) for mean in (strength, 0.0)]
    sizes = (units // 5, units - units // 5)
    scores = [side.inv_cdf((i + 0.5) / size) for side, size in zip(sides, sizes, strict=True) for i in range(size)]
    return scores, [place < sizes[0] for place in range(units)]


@pytest.mark.parametrize(("strength", "auc", "ks"), [(0.0, 0.5, 0.0), (1.0, 0.7602, 0.3829), (2.0, 0.9214, 0.6827)])
def test_a_planted_relation_comes_out(strength: float, auc: float, ks: float) -> None:
    found = statistics.discrimination(*planted(strength))
    assert found.auc == pytest.approx(auc, abs=0.001)
    assert found.low < auc < found.high
    assert found.high - found.low < 0.06
    assert found.gini == pytest.approx(2 * found.auc - 1)
    assert found.ks == pytest.approx(ks, abs=0.005)


def test_intervals_are_the_same_each_time_and_wider_with_less_data() -> None:
    assert statistics.discrimination(*planted(1.0)) == statistics.discrimination(*planted(1.0))
    small, large = (statistics.discrimination(*planted(1.0, units)) for units in (200, 8000))
    assert small.high - small.low > 2 * (large.high - large.low)


def test_equal_scores_tell_nothing() -> None:
    found = statistics.discrimination([1.0] * 100, [True, False] * 50)
    assert (found.auc, found.ks) == (0.5, 0.0)


def test_too_few_with_the_outcome_give_no_number() -> None:
    found = statistics.discrimination(list(map(float, range(500))), [place < 9 for place in range(500)])
    assert (found.units, found.events, found.enough, found.auc, found.ks) == (500, 9, False, None, None)


def test_stability_is_nought_for_equal_shares_and_grows_with_the_shift() -> None:
    assert statistics.stability([100, 300], [200, 600]) == pytest.approx(0, abs=1e-4)
    # (0.3 − 0.5) ln(0.3 / 0.5) + (0.7 − 0.5) ln(0.7 / 0.5), worked out by hand.
    assert statistics.stability([3000, 7000], [5000, 5000]) == pytest.approx(0.16946, abs=1e-3)
    assert statistics.stability([0, 100], [50, 50]) > 0.25
    assert statistics.stability([10, 10], [500, 500]) is None


def test_numbers_are_compared_by_the_tenths_of_before() -> None:
    rng = np.random.default_rng(2)
    before, same, shifted = rng.normal(80, 5, 3000), rng.normal(80, 5, 3000), rng.normal(84, 5, 3000)
    assert statistics.stability_of_numbers(same, before) < 0.02
    assert statistics.stability_of_numbers(shifted, before) > 0.5
    assert statistics.stability_of_numbers([1.0] * 100, [1.0] * 100) is None


def test_regions_that_differ_are_told_and_equal_ones_are_not() -> None:
    assert statistics.levels_between([[80, 20], [20, 80]]).p < 1e-9
    assert statistics.levels_between([[80, 20], [20, 80]]).effect == pytest.approx(0.6, abs=0.02)
    assert statistics.levels_between([[50, 50], [52, 48]]).p > 0.5
    rare = statistics.levels_between([[50, 40, 1], [50, 45, 2]])
    assert rare.levels == 2, "the rare worst level is put together with the one above it"
    assert statistics.levels_between([[1, 50, 40], [2, 50, 45]]).levels == 2, "a rare best one with the one below it"
    assert statistics.levels_between([[3, 2], [1, 4]]) is None, "too few expected in each cell"
    assert statistics.levels_between([[100, 0], [90, 0]]) is None, "one level only"
    rng = np.random.default_rng(3)
    assert statistics.numbers_between([rng.normal(80, 5, 200), rng.normal(85, 5, 200)]).p < 1e-6
    assert statistics.numbers_between([rng.normal(80, 5, 200), [1.0, 2.0]]) is None


def test_the_direction_of_a_number_is_read_from_the_levels() -> None:
    assert statistics.more_is_better([95, 85, 60], [0, 1, 3]) is True
    assert statistics.more_is_better([0, 3, 20], [0, 1, 3]) is False
    assert statistics.more_is_better([1, 1, 1], [0, 1, 3]) is None


def test_nothing_heavy_is_loaded_before_a_figure_is_asked_for() -> None:
    asked = "import sys, xinlu.assessment.statistics; print('scipy' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True).stdout.strip() == "False"
