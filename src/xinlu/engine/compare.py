"""Two results over the same people compared: who moves, from what to what, and by which clause.

The impact statement (影响评估) of a new version. Nobody is unaccounted for: every unit of either result is
unchanged, moved, came or left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from xinlu.engine.result import Entry, Finding

ABSENT = "absent"
"""Where a unit stands that is not in a population."""

Labels = Mapping[int, Mapping[str, str]]
"""Unit → kind of group (``city``, ``sector``) → group."""


@dataclass(frozen=True)
class Difference:
    """What one clause (or another step of the law) adds to or takes from a unit in the one result and the other."""

    clause: str
    before: Decimal
    after: Decimal

    @property
    def change(self) -> Decimal:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True)
class Shift:
    """One unit that stands elsewhere: ``before`` and ``after`` are places as :func:`place_of` gives them."""

    unit: int
    before: str
    after: str
    number_before: Decimal | None
    number_after: Decimal | None
    clauses: tuple[Difference, ...]
    """The clauses whose points differ, the largest difference first."""
    moves: tuple[str, ...]
    """Clauses that move or decide the level in the one result only; ``move 2`` for a move without a clause."""


@dataclass(frozen=True)
class GroupCount:
    """How a group fares: how many units it has, and how many of them rise, fall or change otherwise."""

    kind: str
    group: str
    units: int
    changed: int
    better: int
    worse: int


@dataclass(frozen=True)
class Impact:
    """The comparison of one output over the whole population."""

    output: str
    places: tuple[str, ...]
    """Rows and columns of the matrix: levels best first, then other answers, then what is no answer."""
    matrix: Mapping[tuple[str, str], int]
    """(before, after) → number of units; their sum is ``population``."""
    population: int
    unchanged: int
    shifts: tuple[Shift, ...]
    """Every unit whose place differs, by unit."""
    numbers_changed: int
    """Units whose place is the same though the number behind it differs."""
    groups: tuple[GroupCount, ...]
    by_clause: Mapping[str, int]
    """Clause → number of shifts that it has a part in."""

    @property
    def unaccounted(self) -> int:
        """Units that are neither unchanged nor shifted; always 0."""
        return self.population - self.unchanged - len(self.shifts)


def compare(
    before: tuple[Iterable[Finding], Iterable[Entry]],
    after: tuple[Iterable[Finding], Iterable[Entry]],
    *,
    output: str,
    levels: Sequence[str] = (),
    groups: Labels | None = None,
) -> Impact:
    """What changes for ``output`` from one result to the other.

    ``before`` and ``after``: findings and entries of one book, of two versions, days or sets of facts;
    ``levels``: best first, to tell better from worse (numbers and dates: more is better);
    ``groups``: labels by which units are counted.
    """
    old, new = _Side(before, output), _Side(after, output)
    units = sorted(old.findings.keys() | new.findings.keys())
    shifts = [_shift(unit, old, new) for unit in units if old.place(unit) != new.place(unit)]
    same = [unit for unit in units if old.place(unit) == new.place(unit)]
    matrix = Counter((old.place(unit), new.place(unit)) for unit in units)
    return Impact(
        output=output,
        places=_places(matrix, levels),
        matrix=dict(sorted(matrix.items())),
        population=len(units),
        unchanged=len(same),
        shifts=tuple(shifts),
        numbers_changed=sum(1 for unit in same if old.number(unit) != new.number(unit)),
        groups=tuple(_grouped(units, old, new, levels, groups or {})),
        by_clause=dict(sorted(Counter(name for shift in shifts for name in _responsible(shift)).items())),
    )


def place_of(finding: Finding | None) -> str:
    """Where a unit stands: its level or other answer, ``rated`` for a number or day, else its status.

    >>> place_of(None), place_of(Finding(1, "level", "rated", level="AA")), place_of(Finding(1, "score", "open"))
    ('absent', 'AA', 'open')
    """
    if finding is None:
        return ABSENT
    if finding.status != "rated":
        return finding.status
    if finding.flag is not None:
        return "true" if finding.flag else "false"
    return finding.level or finding.text or finding.status


# ── one side ────────────────────────────────────────────────────────────────────────────────────


class _Side:
    """One of the two results, by unit."""

    def __init__(self, result: tuple[Iterable[Finding], Iterable[Entry]], output: str) -> None:
        findings, entries = result
        self.findings = {one.unit: one for one in findings if one.output == output}
        self.points: dict[int, dict[str, Decimal]] = {}
        self.moves: dict[int, set[str]] = {}
        self.bands: dict[int, Decimal | None] = {}
        for entry in entries:
            self._take(entry, output)

    def _take(self, entry: Entry, output: str) -> None:
        if entry.clause is not None and entry.share and entry.kind in {"hit", "cap", "clamp"}:
            points = self.points.setdefault(entry.unit, {})
            points[entry.clause] = points.get(entry.clause, Decimal(0)) + entry.share
        if entry.step == output and (entry.kind == "move" or (entry.kind == "condition" and entry.clause)):
            self.moves.setdefault(entry.unit, set()).add(entry.clause or f"move {entry.seq}")
        if entry.step == output and entry.kind == "band":
            self.bands[entry.unit] = entry.raw

    def place(self, unit: int) -> str:
        return place_of(self.findings.get(unit))

    def number(self, unit: int) -> Any:
        """The number behind the place: the answer itself, or what the bands compared."""
        finding = self.findings.get(unit)
        number_or_day = None if finding is None else finding.number if finding.day is None else finding.day
        return number_or_day if number_or_day is not None else self.bands.get(unit)


def _shift(unit: int, old: _Side, new: _Side) -> Shift:
    before, after = old.points.get(unit, {}), new.points.get(unit, {})
    differences = [
        Difference(clause, before.get(clause, Decimal(0)), after.get(clause, Decimal(0)))
        for clause in sorted(before.keys() | after.keys())
        if before.get(clause) != after.get(clause)
    ]
    numbers = [one if isinstance(one, Decimal) else None for one in (old.number(unit), new.number(unit))]
    return Shift(
        unit=unit,
        before=old.place(unit),
        after=new.place(unit),
        number_before=numbers[0],
        number_after=numbers[1],
        clauses=tuple(sorted(differences, key=lambda one: -abs(one.change))),
        moves=tuple(sorted(old.moves.get(unit, set()) ^ new.moves.get(unit, set()))),
    )


def _responsible(shift: Shift) -> set[str]:
    return {one.clause for one in shift.clauses} | set(shift.moves)


# ── the whole population ────────────────────────────────────────────────────────────────────────


def _places(matrix: Mapping[tuple[str, str], int], levels: Sequence[str]) -> tuple[str, ...]:
    met = {place for pair in matrix for place in pair}
    last = ("rated", "not_rated", "open", ABSENT)
    others = sorted(met - set(levels) - set(last))
    return (*levels, *others, *(place for place in last if place in met))


def _grouped(
    units: Sequence[int], old: _Side, new: _Side, levels: Sequence[str], groups: Labels
) -> Iterable[GroupCount]:
    members: dict[tuple[str, str], list[int]] = {}
    for unit in units:
        for kind, group in groups.get(unit, {}).items():
            members.setdefault((kind, group), []).append(unit)
    for (kind, group), own in sorted(members.items()):
        turns = [_turn(unit, old, new, levels) for unit in own]
        changed = sum(1 for unit in own if old.place(unit) != new.place(unit))
        yield GroupCount(kind, group, len(own), changed, turns.count(1), turns.count(-1))


def _turn(unit: int, old: _Side, new: _Side, levels: Sequence[str]) -> int:
    """1 for better, -1 for worse, 0 for equal or not comparable."""
    before, after = old.place(unit), new.place(unit)
    if before in levels and after in levels:
        ranks = levels.index(before), levels.index(after)
        return (ranks[0] > ranks[1]) - (ranks[0] < ranks[1])
    numbers = old.number(unit), new.number(unit)
    if before != after or levels or None in numbers:
        return 0
    return bool(numbers[1] > numbers[0]) - bool(numbers[1] < numbers[0])
