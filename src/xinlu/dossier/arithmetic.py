"""From entries to a sum that a person can follow: ``100 − 5 − 3 = 92``, line by line with its balance.

Works on entries as the engine gives them (docs/architecture.md) and on the book; asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Protocol

from xinlu.law.rulebook import Clause, Fold, Rulebook

ADDING = frozenset({"start", "hit", "cap", "ceiling", "floor", "clamp", "rounding", "row"})
"""Kinds of entry whose shares add up to the value of their step."""
DECIDING = {"band": 0, "condition": 0, "move": 1, "status": 2, "output": 3}
"""Kinds of entry that lead to an answer, in the order in which they do."""

_ORDER = {"start": 0, "hit": 1, "lost": 1, "row": 1, "clamp": 1, "cap": 2, "ceiling": 3, "floor": 4, "rounding": 5}
_NAMES = {
    "start": "起评分",
    "cap": "条款累计上限",
    "ceiling": "最高分限制",
    "floor": "最低分限制",
    "clamp": "逐次限制",
    "rounding": "四舍五入",
    "excluded": "不计",
    "fact": "主体资料",
    "status": "未评原因",
    "output": "结论",
}


class EntryLike(Protocol):
    """One line of why, as :mod:`xinlu.assessment.queries` gives it."""

    @property
    def step(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def clause(self) -> str | None: ...
    @property
    def record(self) -> int | None: ...
    @property
    def row(self) -> int | None: ...
    @property
    def day(self) -> date | None: ...
    @property
    def raw(self) -> Decimal | None: ...
    @property
    def weight(self) -> Decimal | None: ...
    @property
    def share(self) -> Decimal | None: ...
    @property
    def text(self) -> str | None: ...
    @property
    def lost_to(self) -> int | None: ...
    @property
    def grade(self) -> str | None: ...
    @property
    def seq(self) -> int: ...


@dataclass(frozen=True)
class Line:
    """One entry with its words and the balance after it."""

    number: int
    kind: str
    title: str
    article: str
    law_text: str
    clause: str
    """Id of the clause in the book; empty for none."""
    record: int | None
    day: date | None
    raw: Decimal | None
    weight: Decimal | None
    share: Decimal | None
    balance: Decimal | None
    text: str
    grade: str
    lost_to: int | None = None
    other: int | None = None
    """Subject whose finding under another book stands here in place of a record."""
    folded: bool = False
    """Stands for records that the reader may not see."""

    @property
    def idle(self) -> bool:
        """Counts nothing: it lost, or was excluded."""
        return self.kind in ("lost", "excluded") or (self.kind == "hit" and not self.share)


@dataclass(frozen=True)
class Sheet:
    """The sum of one step (and one row of it, for steps made per row)."""

    step: str
    title: str
    row: int | None
    lines: tuple[Line, ...]
    total: Decimal | None
    weighted: bool
    """Lines are rows of a mean: value, weight, share."""

    @property
    def terms(self) -> tuple[tuple[str, Decimal, int], ...]:
        """Sign, size and line number of what counts, in order; the start has no sign."""
        found: list[tuple[str, Decimal, int]] = []
        for line in self.lines:
            if line.kind in ADDING and line.share is not None and (line.share or line.kind == "start"):
                sign = "" if not found else ("−" if line.share < 0 else "+")
                size = abs(line.share) if found else line.share
                found.append((sign, size, line.number))
        return tuple(found)

    @property
    def bound(self) -> Decimal:
        """The largest balance on the way: the full width of the little bars."""
        return max([Decimal(1), *(abs(line.balance) for line in self.lines if line.balance is not None)])


@dataclass(frozen=True)
class Fact:
    """Something read or computed: a count, a ratio, an attribute, a named value."""

    step: str
    title: str
    number: Decimal | None
    text: str
    day: date | None
    record: int | None
    grade: str
    other: int | None = None


@dataclass(frozen=True)
class Decision:
    """One step from number to answer."""

    kind: str
    step: str
    title: str
    article: str
    words: str
    number: Decimal | None
    level: str
    record: int | None
    clause: str
    grade: str
    place: int = 0
    """Of a condition or move: which one of its output, from 1; 0 for no condition at all (其余)."""
    day: date | None = None
    other: int | None = None


@dataclass(frozen=True)
class Account:
    """Everything behind the answers of one unit."""

    sheets: tuple[Sheet, ...]
    hits: tuple[Line, ...]
    """Hits that no sum adds up: evidence of moves, and those that lost."""
    excluded: tuple[Line, ...]
    facts: tuple[Fact, ...]
    values: tuple[Fact, ...]
    decisions: tuple[Decision, ...]

    def sheet(self, step: str) -> Sheet | None:
        """The sum of a step that is made once for the unit."""
        return next((sheet for sheet in self.sheets if sheet.step == step and sheet.row is None), None)

    def number(self, name: str) -> Decimal | None:
        """What a step or value came to, if it is a number."""
        sheet = self.sheet(name)
        if sheet is not None:
            return sheet.total
        return next((fact.number for fact in (*self.values, *self.facts) if fact.step == name), None)


@dataclass(frozen=True)
class _Reading:
    """A book, and which of the books that it reads rate records and not subjects."""

    book: Rulebook
    rate_records: frozenset[str]

    def evidence(self, entry: EntryLike) -> tuple[int | None, int | None]:
        """What the number in an entry's ``record`` names: a record, or the subject that another book rated.

        Rows of an item are records; rows of findings are units of their book; relations have no page of their own.
        """
        source = self.book.sources.get(self._source(entry))
        if entry.record is None or source is None or source.item:
            return entry.record, None
        if source.findings and source.findings in self.rate_records:
            return entry.record, None
        return None, entry.record if source.findings else None

    def _source(self, entry: EntryLike) -> str:
        if clause := self.book.clauses.get(entry.clause or ""):
            return clause.hits
        fold = self.book.folds.get(entry.step)
        return (fold.over or fold.per or "") if fold else entry.step


def account_of(entries: Sequence[EntryLike], book: Rulebook, *, rate_records: Iterable[str] = ()) -> Account:
    """Sort the entries of one unit into sums, readings, values and decisions, in the order of the book.

    ``rate_records`` are the ids of books that rate records: findings of all others are of subjects.
    """
    reading = _Reading(book, frozenset(rate_records))
    order = [*book.folds, *book.values, *book.outputs]

    def place(entry: EntryLike) -> int:
        return order.index(entry.step) if entry.step in order else -1

    groups: dict[tuple[int, str, int | None], list[EntryLike]] = {}
    # A rounding also closes a value or an answer; that is told with the value and is no sum.
    told = {(entry.step, entry.row) for entry in entries if entry.kind in ("value", "read", "output")}
    for entry in entries:
        summed = entry.kind in ADDING or entry.kind == "lost"
        if summed and entry.step in book.folds and (entry.step, entry.row) not in told:
            groups.setdefault((place(entry), entry.step, entry.row), []).append(entry)
    by_row = sorted(groups.items(), key=lambda item: (item[0][0], item[0][2] or 0))
    return Account(
        sheets=tuple(_sheet(step, row, group, reading) for (_, step, row), group in by_row),
        hits=_listed([e for e in entries if e.kind in ("hit", "lost") and e.step not in book.folds], reading),
        excluded=_listed([e for e in entries if e.kind == "excluded"], reading),
        facts=tuple(
            _fact(e, reading) for e in sorted(entries, key=place) if e.kind in ("read", "fact") and e.row is None
        ),
        values=tuple(_fact(e, reading) for e in sorted(entries, key=place) if e.kind == "value" and e.row is None),
        decisions=tuple(
            _decision(e, reading)
            for e in sorted(entries, key=lambda e: (place(e), DECIDING.get(e.kind, 0), e.seq))
            if e.kind in DECIDING
        ),
    )


def folded(account: Account, visible: Iterable[int], subjects: Iterable[int] = ()) -> Account:
    """The account as somebody reads it who may see only the records in ``visible`` and the ``subjects``.

    Lines of other records become one line per clause without date and record, so that the sum still holds and
    no single record shows; what was excluded or lost among them is left out.
    """
    seen, known = frozenset(visible), frozenset(subjects)

    def open_to(line: Line | Fact) -> bool:
        return (line.record is None or line.record in seen) and (line.other is None or line.other in known)

    sheets = [_folded_sheet(sheet, open_to) for sheet in account.sheets if sheet.row is None or sheet.row in seen]
    return replace(
        account,
        sheets=tuple(sheet for sheet in sheets if sheet.lines),
        hits=tuple(line for line in account.hits if open_to(line)),
        excluded=tuple(line for line in account.excluded if open_to(line)),
        facts=tuple(fact for fact in account.facts if open_to(fact)),
        decisions=tuple(
            replace(d, record=d.record if d.record in seen else None, other=d.other if d.other in known else None)
            for d in account.decisions
        ),
    )


def _folded_sheet(sheet: Sheet, open_to: Callable[[Line], bool]) -> Sheet:
    kept: list[Line] = []
    hidden: dict[tuple[str, str], list[Line]] = {}
    for line in sheet.lines:
        if open_to(line):
            kept.append(line)
        elif line.share:
            hidden.setdefault((line.clause, line.kind), []).append(line)
    for lines in hidden.values():
        share = sum((line.share or Decimal(0) for line in lines), Decimal(0))
        kept.append(
            replace(
                lines[0], record=None, other=None, day=None, raw=None, weight=None, share=share, text="", folded=True
            )
        )
    return replace(sheet, lines=_balanced(sorted(kept, key=lambda line: _ORDER.get(line.kind, 1))))


def _balanced(lines: Iterable[Line]) -> tuple[Line, ...]:
    balance, found = Decimal(0), []
    for number, line in enumerate(lines, 1):
        if line.kind in ADDING and line.share is not None:
            balance += line.share
        found.append(replace(line, number=number, balance=balance))
    return tuple(found)


def _listed(entries: Sequence[EntryLike], reading: _Reading) -> tuple[Line, ...]:
    ordered = sorted(entries, key=_reading_order)
    return tuple(_line(number, entry, reading, None) for number, entry in enumerate(ordered, 1))


def _sheet(step: str, row: int | None, entries: list[EntryLike], reading: _Reading) -> Sheet:
    ordered = sorted(entries, key=_reading_order)
    lines = _balanced(_line(i, entry, reading, None) for i, entry in enumerate(ordered, 1))
    total = sum((e.share for e in ordered if e.kind in ADDING and e.share is not None), Decimal(0))
    return Sheet(step, title_of(step, reading.book), row, lines, total, any(e.kind == "row" for e in ordered))


def _reading_order(entry: EntryLike) -> tuple[int, date, int, int]:
    """Start, then hits by date and record with what clamps them, then what closes the sum."""
    late = entry.kind == "clamp"
    return _ORDER.get(entry.kind, 1), entry.day or date.min, entry.record or 0, int(late)


def _line(number: int, entry: EntryLike, reading: _Reading, balance: Decimal | None) -> Line:
    book = reading.book
    record, other = reading.evidence(entry)
    clause = book.clauses.get(entry.clause or "")
    return Line(
        number=number,
        kind=entry.kind,
        title=_line_title(entry, clause),
        article=clause.clause if clause else "",
        law_text=clause.text if clause else "",
        clause=entry.clause or "" if clause else "",
        record=record,
        other=other,
        day=entry.day,
        raw=entry.raw,
        weight=entry.weight,
        share=entry.share,
        balance=balance,
        text=_line_text(entry, book),
        grade=entry.grade or "",
        lost_to=entry.lost_to,
    )


def _line_title(entry: EntryLike, clause: Clause | None) -> str:
    if entry.kind in ("hit", "lost") and clause:
        return clause.title
    if entry.kind == "row":
        return "一条记录的值"
    if entry.kind == "cap" and clause:
        return f"{clause.title}：累计上限"
    return _NAMES.get(entry.kind, entry.kind)


def _line_text(entry: EntryLike, book: Rulebook) -> str:
    if entry.kind == "lost":
        winner = book.clauses.get(entry.text or "")
        words = f"同一行为已按“{winner.title}”计分" if winner else "同一行为已另行计分"
        return f"{words}，本条不计"
    if entry.kind == "excluded":
        return entry.text or "按规则不计"
    return ""


def title_of(step: str, book: Rulebook) -> str:
    """What a step is called in its book."""
    part = book.folds.get(step) or book.values.get(step) or book.outputs.get(step)
    return (part.title if part and part.title else "") or step


def _fact(entry: EntryLike, reading: _Reading) -> Fact:
    record, other = reading.evidence(entry)
    return Fact(
        step=entry.step,
        title=title_of(entry.step, reading.book),
        number=entry.raw,
        text=entry.text or "",
        day=entry.day,
        record=record,
        other=other,
        grade=entry.grade or "",
    )


def _decision(entry: EntryLike, reading: _Reading) -> Decision:
    book = reading.book
    record, other = reading.evidence(entry)
    clause = book.clauses.get(entry.clause or "")
    place = int(entry.raw or 0) if entry.kind == "condition" else entry.seq if entry.kind == "move" else 0
    return Decision(
        kind=entry.kind,
        step=entry.step,
        title=title_of(entry.step, book),
        article=clause.clause if clause else (entry.clause or ""),
        words=clause.title if clause else "",
        number=entry.raw,
        level=entry.text or "",
        record=record,
        other=other,
        clause=entry.clause or "" if clause else "",
        grade=entry.grade or "",
        place=place,
        day=entry.day,
    )


def numbers_in(expression: str, account: Account, names: Mapping[str, Fold | object]) -> dict[str, Decimal]:
    """Names of an expression that came to a number, for writing the sum out with its numbers."""
    found = {name: account.number(name) for name in names if name in expression}
    return {name: number for name, number in found.items() if number is not None}
