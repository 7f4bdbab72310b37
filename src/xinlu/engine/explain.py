"""Why an answer is what it is: a finding's entries put back into the words and sums of the law.

:func:`explain` gives a tree that pages and the command line show; :func:`as_text` writes it out. Records and
subjects stay numbers here: who shows the tree knows their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby

from xinlu.engine.answers import title_of
from xinlu.engine.provenance import RATED_WHEN, Provenance, references
from xinlu.engine.recompute import frame_of
from xinlu.engine.result import Entry, Finding
from xinlu.law.expression import Node
from xinlu.law.interval import Interval, parse_interval
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Graded
from xinlu.law.typing_rules import Ref

MOST_TERMS = 12
"""A sum with more terms than this is written by clause."""

STATUS = {"rated": "已评", "not_rated": "未评", "open": "待人工"}
GRADES = {"official": "正式文本", "secondary": "转引", "unverified": "未核实", "sample": "示例"}

_KINDS = {
    "start": "起始",
    "cap": "条款限额",
    "ceiling": "上限",
    "floor": "下限",
    "clamp": "逐次限额",
    "rounding": "四舍五入",
    "row": "一行",
    "read": "读取",
}
_SUMMED = {"start", "hit", "cap", "ceiling", "floor", "clamp", "rounding"}


# ── the tree ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Line:
    """One entry in words. ``article`` is where the document says it; ``balance`` the running total after it."""

    kind: str
    title: str
    text: str = ""
    article: str = ""
    clause: str | None = None
    record: int | None = None
    row: int | None = None
    day: date | None = None
    raw: Decimal | None = None
    weight: Decimal | None = None
    share: Decimal | None = None
    balance: Decimal | None = None
    lost_to: int | None = None
    grade: str | None = None

    @property
    def arithmetic(self) -> str:
        """What the line does to its fold: ``-5``, or ``-5 × 0.5 = -2.5`` when weight or limits changed it."""
        if self.share is None:
            return "" if self.raw is None else number_text(self.raw)
        if self.raw is None or self.raw == self.share:
            return number_text(self.share)
        weight = "" if self.weight in (None, 1) else f" × {number_text(self.weight)}"
        product = self.raw * (self.weight if self.weight is not None else 1)
        sign = "=" if product == self.share else "→"
        return f"{number_text(self.raw)}{weight} {sign} {number_text(self.share)}"


@dataclass(frozen=True)
class Part:
    """One fold or value on the way to the answer; ``row`` is set for one row of a ``per`` fold."""

    name: str
    title: str
    value: str
    arithmetic: str
    lines: tuple[Line, ...] = ()
    parts: tuple[Part, ...] = ()
    row: int | None = None
    article: str = ""


@dataclass(frozen=True)
class Band:
    """One band of a cut, and whether the number lies in it."""

    level: str
    interval: str
    here: bool


@dataclass(frozen=True)
class Fact:
    """An attribute or day that the law read."""

    name: str
    title: str
    value: str


@dataclass(frozen=True)
class Explanation:
    """Everything behind one finding."""

    book: str
    version: str
    unit: int
    output: str
    title: str
    finding: Finding
    answer: str
    sentence: str
    """The finding in one sentence."""
    compared: Decimal | None
    """The number that the bands compare."""
    bands: tuple[Band, ...]
    decisions: tuple[Line, ...]
    """Band or condition, then the moves that fired; ``text`` is the level after each."""
    parts: tuple[Part, ...]
    facts: tuple[Fact, ...]
    excluded: tuple[Line, ...]
    evidence: tuple[Line, ...]
    """Hits that conditions, moves and counts cite without adding points."""
    would_change: tuple[str, ...]
    """What would change the answer, in sentences."""
    changes_on: date | None = None


def explain(
    meaning: Meaning,
    findings: Iterable[Finding],
    entries: Iterable[Entry],
    *,
    unit: int,
    output: str,
    changes_on: date | None = None,
) -> Explanation:
    """The explanation of one finding.

    ``meaning``: the book version that governed the unit; ``entries``: at least all of the unit;
    ``changes_on``: what :mod:`xinlu.engine.changes` says, if it was asked.

    Raises KeyError when the unit has no finding for ``output``.
    """
    finding = next((one for one in findings if one.unit == unit and one.output == output), None)
    if finding is None:
        raise KeyError(output)
    own = [one for one in entries if one.unit == unit]
    return _Explaining(Provenance(meaning), finding, own, changes_on).explanation()


# ── numbers and values in words ─────────────────────────────────────────────────────────────────


def number_text(number: Decimal | int) -> str:
    """A number without the zeros that say nothing.

    >>> number_text(Decimal("92.500000000000")), number_text(Decimal("100"))
    ('92.5', '100')
    """
    text = f"{Decimal(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def value_text(value: object) -> str:
    """A value as people read it; ``缺失`` for a missing one.

    >>> value_text(None), value_text(True), value_text(Decimal("1.50"))
    ('缺失', '是', '1.5')
    """
    if value is None:
        return "缺失"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, Decimal | int):
        return number_text(value)
    return "、".join(map(value_text, value)) if isinstance(value, list) else str(value)


def sum_text(terms: Sequence[Decimal]) -> str:
    """Terms of a sum with their signs.

    >>> sum_text([Decimal(100), Decimal(-5), Decimal(3)])
    '100 − 5 + 3'
    """
    first, *others = terms or [Decimal(0)]
    text = number_text(first)
    return text + "".join(f" {'−' if one < 0 else '+'} {number_text(abs(one))}" for one in others)


_SIGNS = {"+": "+", "-": "−", "*": "×"}


def formula_text(node: Node, name: Callable[[Ref], str], *, inner: bool = False) -> str:
    """An expression in the signs of school arithmetic, its names as ``name`` says."""
    if node.op == "ref":
        assert isinstance(node.value, Ref)
        return name(node.value)
    division = node.op == "call" and node.value == "quotient" and len(node.args) == 2
    if node.op in _SIGNS or division:
        left, right = (formula_text(arg, name, inner=True) for arg in node.args)
        text = f"{left} {'÷' if division else _SIGNS[node.op]} {right}"
        return f"({text})" if inner else text
    if node.op == "number":
        assert isinstance(node.value, Decimal)
        return number_text(node.value)
    named = tuple(
        Node("name", value=(formula_text(arg, name),)) if arg.op == "ref" else _renamed(arg, name) for arg in node.args
    )
    return str(replace(node, args=named))


def _renamed(node: Node, name: Callable[[Ref], str]) -> Node:
    if node.op == "ref":
        assert isinstance(node.value, Ref)
        return Node("name", value=(name(node.value),))
    return replace(node, args=tuple(_renamed(arg, name) for arg in node.args))


# ── putting it together ─────────────────────────────────────────────────────────────────────────


class _Explaining:
    def __init__(self, provenance: Provenance, finding: Finding, entries: list[Entry], changes_on: date | None) -> None:
        self.provenance = provenance
        self.meaning = provenance.meaning
        self.book = provenance.book
        self.finding = finding
        self.output = self.book.outputs[finding.output]
        self.changes_on = changes_on
        self.entries = entries
        self.by_step: dict[str, list[Entry]] = {}
        for entry in entries:
            self.by_step.setdefault(entry.step, []).append(entry)
        self.frame = frame_of(self.meaning, self.by_step)

    def explanation(self) -> Explanation:
        name = self.finding.output
        nodes = self.provenance.below(RATED_WHEN)
        # A unit that was left out gets the reason and what it needs, but no number made from nothing.
        if not self.left_out:
            nodes = self.provenance.below("outputs", name) + nodes
        band = next((one for one in self.by_step.get(name, []) if one.kind == "band"), None)
        return Explanation(
            book=self.book.rulebook,
            version=self.book.version,
            unit=self.finding.unit,
            output=name,
            title=self.output.title,
            finding=self.finding,
            answer=self.answer(),
            sentence=self.sentence(),
            compared=band.raw if band else None,
            bands=() if self.left_out else self.bands(band),
            decisions=tuple(self.decisions()),
            parts=tuple(self.parts(nodes)),
            facts=tuple(self.facts(nodes)),
            excluded=tuple(self.line(one) for one in self.entries if one.kind == "excluded"),
            evidence=tuple(self.evidence()),
            would_change=tuple(self.would_change(band)),
            changes_on=self.changes_on,
        )

    @property
    def left_out(self) -> bool:
        """Whether ``rated_when`` left the unit out of this output."""
        return self.finding.status != "rated" and RATED_WHEN in self.by_step

    # the answer

    def level_title(self, level: str) -> str:
        titles = {one.level: one.title for one in self.output.levels or self.book.levels}
        title = titles.get(level, level)
        return level if title == level else f"{level}（{title}）"

    def answer(self) -> str:
        if self.finding.status != "rated":
            return STATUS[self.finding.status]
        return self.level_title(self.finding.level) if self.finding.level else value_text(self.finding.answer)

    def sentence(self) -> str:
        if self.finding.status != "rated":
            return f"{self.output.title}：{self.answer()}，{self.finding.reason}"
        answer = self.answer()
        if self.output.out_of is not None:
            answer += f"（满分 {number_text(self.output.out_of)}，{self.output.partial}）"
        node = self.meaning.expression("outputs", self.finding.output, "value")
        if node is None or node.op == "ref":
            return f"{self.output.title}：{answer}"
        return f"{self.output.title}：{self.formula(node)} = {answer}"

    def bands(self, band: Entry | None) -> tuple[Band, ...]:
        if self.output.bands is None:
            return ()
        return tuple(
            Band(level, text, here=band is not None and band.text == level)
            for level, text in self.output.bands.cut.items()
        )

    def decisions(self) -> Iterator[Line]:
        for entry in self.by_step.get(self.finding.output, []):
            if entry.kind == "band":
                yield self.decided(entry, self.output.bands, "所在分段")
            elif entry.kind == "condition":
                place = int(entry.raw or 0)
                condition = self.output.conditions[place - 1] if place else None
                yield self.decided(entry, condition, self.condition(place))
            elif entry.kind == "move":
                move = self.output.moves[entry.seq - 1]
                yield self.decided(entry, move, move.title or move.note or "等级调整")

    def condition(self, place: int) -> str:
        """A condition in the titles of what it reads; ``place`` counts from 1, 0 is the otherwise."""
        node = self.meaning.expression("outputs", self.finding.output, "conditions", place - 1, "when")
        return "以上条件都不满足" if place == 0 or node is None else formula_text(node, self.title)

    def decided(self, entry: Entry, part: Graded | None, title: str) -> Line:
        clause = self.book.clauses.get(entry.clause or "")
        article = (part.clause if part else "") or (clause.clause if clause else "") or self.output.clause
        return replace(self.line(entry), title=title, article=article, text=entry.text or "")

    def evidence(self) -> Iterator[Line]:
        rest = self.provenance.rest_of(self.finding.output)
        for entry in self.entries:
            if entry.step not in rest.steps and entry.kind in {"hit", "lost"} and entry.clause in rest.clauses:
                yield self.line(entry)

    # folds and values

    def parts(self, nodes: Iterable[Node]) -> Iterator[Part]:
        for ref in dict.fromkeys(ref for node in nodes for ref in references(node)):
            if ref.space == "fold":
                yield self.fold(ref.name)
            elif ref.space == "value":
                yield self.value(ref.name)

    def fold(self, name: str) -> Part:
        fold = self.book.folds[name]
        lines = self.lines(name)
        text = value_text(self.frame.read(Ref("fold", name)))
        sentence = self.folded(lines, text)
        return Part(name, fold.title or name, text, sentence, lines, self.below(name), article=fold.clause)

    def below(self, name: str) -> tuple[Part, ...]:
        """The ``per`` folds whose columns a fold reads, a part for each row."""
        refs = {ref.name for node in self.provenance.below("folds", name) for ref in references(node)}
        return tuple(
            part for column in self.book.folds if column in refs and column != name for part in self.rows(column)
        )

    def rows(self, name: str) -> Iterator[Part]:
        fold = self.book.folds[name]
        lines = sorted((one for one in self.lines(name) if one.row is not None), key=lambda one: one.row or 0)
        for row, group in groupby(lines, key=lambda one: one.row):
            own = tuple(group)
            yield Part(name, fold.title or name, "", self.folded(own, ""), own, row=row, article=fold.clause)

    def value(self, name: str) -> Part:
        value = self.book.values[name]
        text = value_text(self.frame.read(Ref("value", name)))
        title = value.title or name
        return Part(name, title, text, self.valued(name, text), (), tuple(self.inside(name)), article=value.clause)

    def inside(self, name: str) -> Iterator[Part]:
        value = self.book.values[name]
        yield from self.parts(self.provenance.below("values", name))
        for part in value.parts or ():
            yield self.fold(part) if part in self.book.folds else self.value(part)

    def valued(self, name: str, text: str) -> str:
        value = self.book.values[name]
        if value.peer is not None:
            return f"{value.peer.stat} = {text}"
        if value.parts is not None:
            found = [(weight, self.named(one)) for one, weight in value.parts.items()]
            there = [(weight, part) for weight, part in found if part is not None]
            terms = " + ".join(f"{number_text(weight)} × {value_text(part)}" for weight, part in there)
            return f"({terms}) ÷ {number_text(sum(weight for weight, _ in there))} = {text}" if there else text
        node = self.meaning.expressions[("values", name, "is")]
        return f"{self.formula(node)} = {text}"

    def named(self, name: str) -> object:
        return self.frame.read(Ref("fold" if name in self.book.folds else "value", name))

    def formula(self, node: Node) -> str:
        """The law's formula in titles, then in numbers."""
        words = formula_text(node, self.title)
        numbers = formula_text(node, lambda ref: _operand(self.frame.read(ref)))
        return words if words == numbers else f"{words} = {numbers}"

    def title(self, ref: Ref) -> str:
        if ref.space == "param":
            return self.book.parameters[ref.name].title
        return title_of(self.meaning, ref) if ref.space in {"unit", "fold", "value"} else str(ref)

    # lines

    def lines(self, step: str) -> tuple[Line, ...]:
        entries = self.by_step.get(step, [])
        if self.book.folds[step].running is None:
            return tuple(self.line(one) for one in entries)
        return tuple(self.balanced(entries))

    def balanced(self, entries: Iterable[Entry]) -> Iterator[Line]:
        """Lines of a running fold in the order in which law counts, with the balance after each."""
        clauses = list(self.book.clauses)

        def order(entry: Entry) -> tuple[object, ...]:
            place = clauses.index(entry.clause) if entry.clause else -1
            start = entry.kind != "start"
            return (start, entry.day or date.min, entry.record or 0, place, entry.kind == "clamp")

        balance = Decimal(0)
        for entry in sorted(entries, key=order):
            balance += entry.share or 0
            yield replace(self.line(entry), balance=balance)

    def line(self, entry: Entry) -> Line:
        clause = self.book.clauses.get(entry.clause or "")
        title = clause.title if clause else _KINDS.get(entry.kind, entry.kind)
        if clause and entry.kind in _KINDS:
            title = f"{clause.title}：{_KINDS[entry.kind]}"
        text = clause.text if clause and entry.kind == "hit" else entry.text or ""
        if entry.kind == "lost":
            winner = self.book.clauses.get(entry.text or "")
            text = f"与“{winner.title if winner else entry.text}”属同一行为，不重复计"
        elif entry.kind == "excluded":
            title = self.excluded_title(entry)
        return Line(
            kind=entry.kind,
            title=title,
            text=text,
            article=clause.clause if clause else "",
            clause=entry.clause,
            record=entry.record,
            row=entry.row,
            day=entry.day,
            raw=entry.raw,
            weight=entry.weight,
            share=entry.share,
            lost_to=entry.lost_to,
            grade=entry.grade,
        )

    def excluded_title(self, entry: Entry) -> str:
        source = self.book.sources.get(entry.step)
        reasons = source.exclude if source else ()
        articles = (one.clause for one in reasons if one.because == entry.text and one.clause)
        return next((f"不计入（{article}）" for article in articles), "不计入")

    def folded(self, lines: Sequence[Line], text: str) -> str:
        rows = [one for one in lines if one.kind == "row"]
        if rows:
            return _mean_text(rows, text)
        terms = [one for one in lines if one.kind in _SUMMED and one.share]
        if not any(one.kind in _SUMMED for one in lines):
            return text
        total = sum((one.share or Decimal(0) for one in terms), Decimal(0))
        return f"{sum_text(_terms(terms))} = {number_text(total)}" if len(terms) > 1 else number_text(total)

    # facts

    def facts(self, nodes: Iterable[Node]) -> Iterator[Fact]:
        read = {ref for node in nodes for ref in references(node)}
        values = [name for name in self.book.values if name in self.provenance.rest_of(self.finding.output).steps]
        read |= {ref for name in values for node in self.provenance.below("values", name) for ref in references(node)}
        for ref in self.meaning.facts:
            if ref in read:
                yield Fact(ref.name, self.title(ref), value_text(self.frame.read(ref)))

    # what would change it

    def would_change(self, band: Entry | None) -> Iterator[str]:
        if band is not None and band.raw is not None and self.output.bands is not None:
            yield from self.distances(band.raw)
        for entry in self.by_step.get(self.finding.output, []):
            if entry.kind == "move" and entry.raw is not None:
                before = self.meaning.levels_of(self.finding.output)[int(entry.raw) - 1]
                if before != entry.text:
                    title = self.output.moves[entry.seq - 1].title or "这项调整"
                    yield f"没有“{title}”时为 {before}"
        if self.changes_on is not None:
            yield f"没有新记录时，{self.changes_on} 起自行变化"

    def distances(self, number: Decimal) -> Iterator[str]:
        assert self.output.bands is not None
        for level, text in self.output.bands.cut.items():
            interval = parse_interval(text)
            if interval.contains(number):
                continue
            bound, closed = _near_end(interval, number)
            verb = "增加" if bound > number else "减少"
            yield f"再{verb}{'' if closed else '超过'} {number_text(abs(bound - number))} 为 {level}"


def _operand(value: object) -> str:
    """A value inside a formula: a negative number in brackets."""
    negative = isinstance(value, Decimal) and value < 0
    return f"({value_text(value)})" if negative else value_text(value)


def _near_end(interval: Interval, number: Decimal) -> tuple[Decimal, bool]:
    """The end of an interval that lies towards a number outside of it, and whether it is inside."""
    if interval.low is not None and number <= interval.low:
        return interval.low, interval.low_closed
    assert interval.high is not None
    return interval.high, interval.high_closed


def _terms(lines: Sequence[Line]) -> list[Decimal]:
    """The shares of a sum; by clause and kind when there are many."""
    if len(lines) <= MOST_TERMS:
        return [one.share or Decimal(0) for one in lines]
    groups: dict[tuple[str, str | None], Decimal] = {}
    for one in lines:
        key = (one.kind, one.clause)
        groups[key] = groups.get(key, Decimal(0)) + (one.share or Decimal(0))
    return list(groups.values())


def _mean_text(rows: Sequence[Line], text: str) -> str:
    weights = [one.weight or Decimal(0) for one in rows]
    if len(rows) > MOST_TERMS:
        return f"{len(rows)} 行加权平均 = {text}" if len(set(weights)) > 1 else f"{len(rows)} 行平均 = {text}"
    if set(weights) == {Decimal(1)}:
        return f"({sum_text([one.raw or Decimal(0) for one in rows])}) ÷ {len(rows)} = {text}"
    terms = " + ".join(f"{value_text(one.raw)} × {value_text(one.weight)}" for one in rows)
    return f"({terms}) ÷ {number_text(sum(weights, Decimal(0)))} = {text}"


# ── as plain text ───────────────────────────────────────────────────────────────────────────────


def as_text(explanation: Explanation, record: Callable[[int], str] = str) -> str:
    """The tree as indented lines. ``record`` gives the name of a record (or subject, or row)."""
    lines = [explanation.sentence]
    lines += [f"  依据来源：{GRADES.get(explanation.finding.grade or '', '')}"]
    for part in explanation.parts:
        lines += _part_text(part, record, 1)
    if explanation.bands:
        bands = (f"{'▶' if band.here else ''}{band.level} {band.interval}" for band in explanation.bands)
        lines.append("  分段：" + "，".join(bands))
    for line in explanation.decisions:
        lines.append(f"  {line.title} → {line.text}{_cited(line, record)}")
    lines += [f"  {line.title}{_cited(line, record)}" for line in explanation.evidence]
    lines += [f"  不计入：{line.text}{_cited(line, record)}" for line in explanation.excluded]
    lines += [f"  {fact.title}：{fact.value}" for fact in explanation.facts]
    lines += [f"  {sentence}" for sentence in explanation.would_change]
    return "\n".join(lines)


def _part_text(part: Part, record: Callable[[int], str], depth: int) -> Iterator[str]:
    indent = "  " * depth
    row = f"（{record(part.row)}）" if part.row is not None else ""
    yield f"{indent}{part.title}{row}：{part.arithmetic}"
    for line in part.lines:
        if line.kind in {"hit", "lost", "row", "cap", "ceiling", "floor", "clamp", "rounding"}:
            balance = "" if line.balance is None else f"，余 {number_text(line.balance)}"
            yield f"{indent}  {line.title} {line.arithmetic}{balance}{_cited(line, record)}"
    for inner in part.parts:
        yield from _part_text(inner, record, depth + 1)


def _cited(line: Line, record: Callable[[int], str]) -> str:
    cited = [line.article, record(line.record) if line.record is not None else "", str(line.day or "")]
    known = "，".join(one for one in cited if one)
    return f"（{known}）" if known else ""
