"""Answers from folds: named values, what is enough data, base levels and moves.

The last part of every evaluation, for one unit at a time and from named folds, facts and hits alone. The
oracle reaches it from records, :mod:`xinlu.engine.recompute` from entries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from xinlu.engine import exact
from xinlu.engine.evaluation import Frame, Value, evaluate, rank
from xinlu.engine.provenance import RATED_WHEN, Provenance
from xinlu.engine.result import SEQ, Entry, Finding, stored
from xinlu.law.expression import Node
from xinlu.law.interval import parse_interval
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Move, Output
from xinlu.law.source import Grade
from xinlu.law.typing_rules import Ref

NO_LEVEL = "没有可定的等级"
NO_BAND = "不在任何分段内"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A hit that counts, as far as moves and conditions cite it."""

    clause: str
    record: int | None
    day: date | None

    @property
    def order(self) -> tuple[date, int]:
        """By day, then record."""
        return (self.day or date.min, self.record or 0)


# ── values ──────────────────────────────────────────────────────────────────────────────────────


def named_value(meaning: Meaning, name: str, frame: Frame) -> tuple[Value, Value]:
    """A value that is no peer statistic: before and after its rounding."""
    value = meaning.book.values[name]
    found = _parts(value.parts, frame) if value.parts is not None else frame.value("values", name, "is")
    return found, found if found is None or value.round is None else exact.rounded(found, value.round)


def _parts(parts: Mapping[str, Decimal], frame: Frame) -> Decimal | None:
    """Σ w·x ÷ Σ w over the parts that are there; missing when none is."""
    found = [(weight, _by_name(name, frame)) for name, weight in parts.items()]
    there = [(weight, x) for weight, x in found if x is not None]
    total = sum((weight * x for weight, x in there), Decimal(0))
    return exact.quotient(total, sum((weight for weight, _ in there), Decimal(0)))


def _by_name(name: str, frame: Frame) -> Value:
    book = frame.meaning.book
    space = "fold" if name in book.folds else "value" if name in book.values else "unit"
    return frame.read(Ref("param" if name in book.parameters else space, name))


def answer_columns(value: Value) -> dict[str, Any]:
    """Where a value stands in an entry: numbers and subjects in ``raw``, dates in ``day``, all else in ``text``.

    >>> answer_columns(True), answer_columns(None)
    ({'text': 'true'}, {})
    """
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"text": "true" if value else "false"}
    if isinstance(value, date):
        return {"day": value}
    if isinstance(value, Decimal | int):
        return {"raw": stored(value)}
    return {"text": value if isinstance(value, str) else list_text(value)}


def list_text(values: Any) -> str:
    """A list as JSON without spaces.

    >>> list_text(["a", "b"]), list_text([1, 2])
    ('["a","b"]', '[1,2]')
    """
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"), default=str)


# ── missing ─────────────────────────────────────────────────────────────────────────────────────

_GUARDS = {"coalesce", "present", "missing"}


def wanted(meaning: Meaning, node: Node | None) -> list[Ref]:
    """The folds, unit names and peer values without which an expression has no value, in reading order.

    Values are followed to what they read; what ``coalesce``, ``present``, ``missing`` or ``is null`` guards
    is not wanted.
    """
    return list(dict.fromkeys(_wanted(meaning, node))) if node is not None else []


def _wanted(meaning: Meaning, node: Node) -> Iterator[Ref]:
    if node.op == "is_null" or (node.op == "call" and node.value in _GUARDS):
        return
    for arg in node.args:
        yield from _wanted(meaning, arg)
    if node.op == "ref" and isinstance(node.value, Ref):
        yield from _behind(meaning, node.value)


def _behind(meaning: Meaning, ref: Ref) -> Iterator[Ref]:
    if ref.space in {"fold", "unit"}:
        yield ref
    if ref.space != "value":
        return
    value = meaning.book.values[ref.name]
    if value.peer is not None:
        yield ref
    for part in value.parts or ():
        space = "fold" if part in meaning.book.folds else "value" if part in meaning.book.values else "unit"
        yield from _behind(meaning, Ref(space, part))
    inner = meaning.expression("values", ref.name, "is")
    if inner is not None:
        yield from _wanted(meaning, inner)


def reason_for(meaning: Meaning, output: str, node: Node | None, frame: Frame) -> str:
    """Why an expression has no value, for people: ``缺少…``, or that it cannot be computed."""
    absent = [ref for ref in wanted(meaning, node) if frame.read(ref) is None]
    if absent:
        return "缺少" + "、".join(title_of(meaning, ref) for ref in absent)
    return f"无法算出{meaning.book.outputs[output].title}"


def title_of(meaning: Meaning, ref: Ref) -> str:
    """What people call a fold, value or attribute; its name where it has no title."""
    book = meaning.book
    if ref.space == "unit":
        return meaning.titles.get(ref.name, ref.name)
    part = book.folds[ref.name] if ref.space == "fold" else book.values[ref.name]
    return part.title or ref.name


# ── one unit ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Answering:
    """Answers every output of one unit. ``unrated``: why the unit has no period, or None."""

    provenance: Provenance
    unit: int
    frame: Frame
    evidence: Mapping[str, Evidence]
    """Clause → its first hit that counts."""
    unrated: str | None = None
    status: str = "not_rated"
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def meaning(self) -> Meaning:
        """The law."""
        return self.provenance.meaning

    def write(self, step: str, kind: str, grade: Grade, **columns: Any) -> None:
        """Add an entry."""
        seq = columns.pop("seq", SEQ.get(kind, 0))
        self.entries.append(Entry(self.unit, step, kind, grade=grade.value, seq=seq, **columns))

    def answer(self) -> None:
        """Fill ``findings`` (their grades follow from all entries) and ``entries``."""
        self.check_enough()
        for name, output in self.meaning.book.outputs.items():
            self.findings.append(self.level(name, output) if output.value is None else self.plain(name, output))

    def check_enough(self) -> None:
        """Note the first requirement of ``rated_when`` that fails."""
        grade = self.meaning.book.source.grade
        if self.unrated is None:
            for index, rule in enumerate(self.meaning.book.rated_when):
                if self.frame.value(RATED_WHEN, index, "require") is not True:
                    self.unrated, self.status = rule.otherwise, rule.status
                    grade = self.provenance.part(rule, RATED_WHEN, index)
                    break
        if self.unrated is not None:
            self.write(RATED_WHEN, "status", grade, text=self.unrated)

    def without(self, name: str, status: str, reason: str, grade: Grade | None = None) -> Finding:
        """The finding of an output that has no answer."""
        if grade is not None:
            self.write(name, "status", grade, text=reason)
        return Finding(self.unit, name, status, reason=reason)

    # numbers, dates, yes/no, texts

    def plain(self, name: str, output: Output) -> Finding:
        """An output that is a value."""
        if self.unrated is not None and not output.unrated:
            return self.without(name, self.status, self.unrated)
        grade = self.provenance.output(name)
        exact_value = self.frame.value("outputs", name, "value")
        if exact_value is None:
            node = self.meaning.expression("outputs", name, "value")
            return self.without(name, "not_rated", reason_for(self.meaning, name, node, self.frame), grade)
        value = exact_value
        if output.round is not None and isinstance(exact_value, Decimal):
            value = exact.rounded(exact_value, output.round)
            if value != exact_value:
                self.write(name, "rounding", grade, share=stored(value - exact_value))
        self.write(name, "output", grade, **answer_columns(value))
        kind = getattr(self.meaning.outputs[name], "kind", "")
        return Finding(self.unit, name, "rated", **_finding_columns(kind, value))

    # levels

    def level(self, name: str, output: Output) -> Finding:
        """An output that is a level: base, then moves."""
        base: tuple[str | None, str, str]
        if self.unrated is not None and not output.unrated:
            base = (None, self.status, self.unrated)
        else:
            base = self.base(name, output)
        level = self.moved(name, output, base[0])
        grade = self.provenance.output(name)
        if level is not None:
            self.write(name, "output", grade, text=level)
            return Finding(self.unit, name, "rated", level=level)
        silent = self.unrated is not None and not output.unrated
        return self.without(name, base[1], base[2], None if silent else grade)

    def base(self, name: str, output: Output) -> tuple[str | None, str, str]:
        """Base level, or the status and reason of having none."""
        if output.bands is not None:
            return self.banded(name, output)
        for index, condition in enumerate(output.conditions):
            if self.frame.value("outputs", name, "conditions", index, "when") is not True:
                continue
            grade = self.provenance.part(condition, "outputs", name, "conditions", index)
            cited = self.cited(condition.by)
            self.write(name, "condition", grade, raw=stored(index + 1), text=condition.then or condition.ask, **cited)
            return condition.then, "open" if condition.ask else "not_rated", condition.ask or NO_LEVEL
        if output.otherwise is not None:
            self.write(name, "condition", self.provenance.output(name), raw=stored(0), text=output.otherwise)
        return output.otherwise, "not_rated", output.withheld or NO_LEVEL

    def banded(self, name: str, output: Output) -> tuple[str | None, str, str]:
        """The level whose interval holds the number, unrounded."""
        assert output.bands is not None
        node = self.meaning.expressions[("outputs", name, "bands", "of")]
        number = evaluate(node, self.frame)
        if number is None:
            return None, "not_rated", reason_for(self.meaning, name, node, self.frame)
        cut = output.bands.cut.items()
        level = next((one for one, text in cut if parse_interval(text).contains(Decimal(number))), None)
        grade = self.provenance.part(output.bands, "outputs", name, "bands")
        self.write(name, "band", grade, raw=stored(number), text=level)
        return level, "not_rated", NO_BAND

    def cited(self, clauses: tuple[str, ...]) -> dict[str, Any]:
        """Clause, record and day of the first hit among clauses; nothing when none has one."""
        found = [self.evidence[one] for one in clauses if one in self.evidence]
        if not found:
            return {}
        first = min(found, key=lambda one: one.order)
        return {"clause": first.clause, "record": first.record, "day": first.day}

    def moved(self, name: str, output: Output, level: str | None) -> str | None:
        """The level after all moves."""
        levels = self.meaning.levels_of(name)
        for index, move in enumerate(output.moves):
            to = self.target(name, index, move, output, level)
            if to is None:
                continue
            after = _move(move, level, to, levels)
            if after is None:
                continue
            grade = self.provenance.part(move, "outputs", name, "moves", index)
            before = stored(rank(level, levels))
            self.write(name, "move", grade, raw=before, text=after, seq=index + 1, **self.cited(move.by))
            level = after
        return level

    def target(self, name: str, index: int, move: Move, output: Output, level: str | None) -> Value:
        """The level that a move speaks of if it fires, else None."""
        if self.unrated is not None and not (move.unrated or output.unrated):
            return None
        if move.by and not any(one in self.evidence for one in move.by):
            return None
        frame = self.frame.with_(level={"level": level})
        path = ("outputs", name, "moves", index)
        if not frame.holds(*path, "when"):
            return None
        verb = "set" if move.set is not None else "at_most" if move.at_most is not None else "at_least"
        return frame.value(*path, verb)


def _move(move: Move, level: str | None, to: str, levels: tuple[str, ...]) -> str | None:
    """The level after one move; None when it does nothing: a limit on a missing level, or an unknown level."""
    there, aim = rank(level, levels), rank(to, levels)
    if aim is None:
        return None
    if move.set is not None:
        return to
    if there is None:
        return None
    return levels[(max if move.at_most is not None else min)(there, aim) - 1]


def _finding_columns(kind: str, value: Value) -> dict[str, Any]:
    if kind == "level":
        return {"level": value}
    if isinstance(value, bool):
        return {"flag": value}
    if isinstance(value, date):
        return {"day": value}
    if isinstance(value, Decimal | int):
        return {"number": stored(value)}
    return {"text": value if isinstance(value, str) else list_text(value)}
