"""Chance that always falls the same way: one stream for each domain of the demo province."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A stream of choices that follows from ``seed`` and ``name`` alone.

    >>> Chance(1, "a").between(1, 6) == Chance(1, "a").between(1, 6)
    True
    """

    def __init__(self, seed: int, name: str) -> None:
        self._random = random.Random(f"{seed}:{name}")

    def between(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, several: Sequence[T]) -> T:
        """One of several."""
        return several[int(self._random.random() * len(several))]

    def holds(self, share: float) -> bool:
        """True in about ``share`` of all calls."""
        return self._random.random() < share

    def day(self, first: date, last: date) -> date:
        """A day from ``first`` to ``last``, both included."""
        return first + timedelta(days=self.between(0, (last - first).days))

    def spread(self, table: Sequence[tuple[T, int]], count: int) -> Iterator[T]:
        """``count`` picks by weight, after each entry of the table has come once, so that none is missing."""
        total = sum(weight for _, weight in table)
        for number in range(max(count, 0)):
            if number < len(table):
                yield table[number][0]
                continue
            left = self._random.random() * total
            for one, weight in table:
                left -= weight
                if left < 0:
                    yield one
                    break
            else:
                yield table[-1][0]
