"""Statistics about models, from scipy and scikit-learn: never points of a subject, so floats will do.

Everything that rests on too little data is None, and pages say 未足样本 instead of a number. The libraries are loaded
when the first figure is asked for: pages that need none do not pay for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

LEAST = 50
"""Units that a distribution must have to be compared."""
LEAST_EVENTS = 10
"""Units with and without the outcome that discrimination needs, each."""
LEAST_IN_GROUP = 5
"""Units that a group must have to take part in a test between groups."""
CONFIDENCE = 0.95
RESAMPLES = 599
DRAWN = 10_000
"""Units of each side that an interval is drawn from at most; with more of them it comes out a little wide."""
SEED = 20260101
"""Intervals are drawn at random: the same data give the same interval."""


@dataclass(frozen=True)
class Discrimination:
    """How well a score tells units with the outcome from units without it. 0.5 is chance.

    ``low`` and ``high``: bootstrap interval of the AUC. Figures are None where there are too few units.
    """

    units: int
    events: int
    auc: float | None = None
    low: float | None = None
    high: float | None = None
    gini: float | None = None
    ks: float | None = None

    @property
    def enough(self) -> bool:
        """Whether there was enough data for figures."""
        return self.auc is not None


@dataclass(frozen=True)
class Between:
    """Whether groups differ by more than chance: the p-value and the size of the effect (0 none … 1)."""

    groups: int
    units: int
    p: float
    effect: float | None = None
    levels: int = 0
    """How many classes the levels were tested in: rare ones are put together with a neighbour."""


def discrimination(risk: Sequence[float], outcome: Sequence[bool]) -> Discrimination:
    """AUC with interval, Gini and KS of ``risk`` (higher: worse) against what happened later.

    >>> discrimination([1.0, 2.0], [False, True]).enough
    False
    """
    import numpy as np

    risks, happened = np.asarray(risk, dtype=float), np.asarray(outcome, dtype=bool)
    bad, good = risks[happened], risks[~happened]
    if len(bad) < LEAST_EVENTS or len(good) < LEAST_EVENTS:
        return Discrimination(len(risks), len(bad))
    from scipy import stats
    from sklearn.metrics import roc_auc_score

    auc = float(roc_auc_score(happened, risks))
    rng = np.random.default_rng(SEED)
    drawn = [one if len(one) <= DRAWN else rng.choice(one, DRAWN, replace=False) for one in (bad, good)]
    interval = stats.bootstrap(
        drawn, _superiority, n_resamples=RESAMPLES, batch=50, method="percentile", rng=rng, confidence_level=CONFIDENCE
    ).confidence_interval
    ks = float(stats.ks_2samp(bad, good, method="asymp").statistic)
    return Discrimination(len(risks), len(bad), auc, float(interval.low), float(interval.high), 2 * auc - 1, ks)


def _superiority(bad: Any, good: Any, axis: int = -1) -> Any:
    """Share of pairs in which the one with the outcome has the higher risk: the AUC, by the U statistic."""
    from scipy import stats

    u = stats.mannwhitneyu(bad, good, axis=axis, method="asymptotic", use_continuity=False).statistic
    return u / (bad.shape[axis] * good.shape[axis])


def stability(now: Sequence[int], before: Sequence[int]) -> float | None:
    """Population stability (PSI) of counts by class: the relative entropy of each against the other, added.

    Half a unit is added to every class, so that an empty one has a finite weight. None with fewer than
    :data:`LEAST` units on either side.

    >>> stability([500, 500], [500, 500]), stability([1, 2], [500, 500])
    (0.0, None)
    """
    if sum(now) < LEAST or sum(before) < LEAST:
        return None
    from scipy import stats

    new, old = [one + 0.5 for one in now], [one + 0.5 for one in before]
    return float(stats.entropy(new, old) + stats.entropy(old, new))


def stability_of_numbers(now: Sequence[float], before: Sequence[float]) -> float | None:
    """:func:`stability` over the tenths of the distribution before; None where that has fewer than three classes."""
    import numpy as np

    if len(before) < LEAST or len(now) < LEAST:
        return None
    edges = np.unique(np.quantile(np.asarray(before, dtype=float), np.arange(0.1, 1, 0.1)))
    bounds = np.concatenate(([-np.inf], edges, [np.inf]))
    if len(bounds) < 4:
        return None
    counts = [np.histogram(np.asarray(one, dtype=float), bounds)[0] for one in (now, before)]
    return stability([int(one) for one in counts[0]], [int(one) for one in counts[1]])


def levels_between(table: Sequence[Sequence[int]]) -> Between | None:
    """Chi-square test of groups (rows) by levels (columns, best first), with Cramér's V.

    Rows with fewer than :data:`LEAST_IN_GROUP` units and empty columns are left out. Where more than a fifth of the
    expected counts are below 5, or any below 1, the rarest level is put together with the rarer of its neighbours,
    and again; None where two classes are still too rare: the test would say nothing.
    """
    import numpy as np

    counts = np.asarray(table, dtype=int)
    if counts.ndim != 2 or not counts.size:
        return None
    counts = counts[counts.sum(axis=1) >= LEAST_IN_GROUP]
    counts = counts[:, counts.sum(axis=0) > 0]
    from scipy import stats
    from scipy.stats import contingency

    while min(counts.shape) >= 2:
        expected = contingency.expected_freq(counts)
        if (expected >= 1).all() and (expected < 5).mean() <= 0.2:
            effect = float(contingency.association(counts, method="cramer"))
            p = float(stats.chi2_contingency(counts).pvalue)
            return Between(counts.shape[0], int(counts.sum()), p, effect, counts.shape[1])
        totals = counts.sum(axis=0)
        at = int(totals.argmin())
        last = len(totals) - 1
        other = 1 if at == 0 else at - 1 if at == last or totals[at - 1] <= totals[at + 1] else at + 1
        counts[:, other] += counts[:, at]
        counts = np.delete(counts, at, axis=1)
    return None


def numbers_between(groups: Sequence[Sequence[float]]) -> Between | None:
    """Kruskal–Wallis test of the numbers of several groups; None with fewer than two groups of enough units."""
    import numpy as np
    from scipy import stats

    large = [one for one in groups if len(one) >= LEAST_IN_GROUP]
    if len(large) < 2 or len(np.unique(np.concatenate([np.asarray(one, dtype=float) for one in large]))) < 2:
        return None

    return Between(len(large), sum(map(len, large)), float(stats.kruskal(*large).pvalue))


def more_is_better(numbers: Sequence[float], ranks: Sequence[int]) -> bool | None:
    """Whether a higher number goes with a better rank (0 best), by rank correlation; None where neither varies.

    >>> more_is_better([90, 80, 70], [0, 1, 2])
    True
    """
    import numpy as np
    from scipy import stats

    if len(np.unique(numbers)) < 2 or len(np.unique(ranks)) < 2:
        return None
    return bool(stats.spearmanr(numbers, ranks).statistic < 0)
