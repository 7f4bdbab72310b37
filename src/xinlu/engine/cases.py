"""Run the cases of a rulebook: facts in officials' words, and the answers the law gives to them.

Each case is evaluated by the slow oracle and compared with what it expects; every difference is a problem with
the case's line and a Chinese sentence that says what was expected and what came out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from xinlu.engine.facts import Facts, as_day, as_time, read_facts
from xinlu.engine.oracle import evaluate
from xinlu.engine.result import Entry, Finding, RunResult
from xinlu.engine.run import run
from xinlu.law.cases import Case, Cases, ExpectedFinding, read_cases
from xinlu.law.catalogue import Catalogue
from xinlu.law.check.books import understand_all
from xinlu.law.library import CASES, Filed, Library
from xinlu.law.marks import Place
from xinlu.law.problem import LawError, Problem, by_place, problem
from xinlu.law.rulebook import Rulebook

EVERYTHING_KNOWN = datetime(9999, 12, 31)  # noqa: DTZ001
"""``known_at`` of facts that name none."""

ABSENT = "absent"
_STATUS = {"rated": "已评", "not_rated": "未评", "open": "待人工"}

Evaluate = Callable[[Facts, date, datetime], RunResult]
"""Runs the book of the cases (and the books it reads) on facts, a day and a time of knowledge."""


def by_oracle(library: Library, book: Rulebook) -> Evaluate:
    """Evaluation of ``book`` by the slow oracle, with every version of the books that it reads."""
    books = library.needed(book)

    def slow(facts: Facts, as_of: date, known_at: datetime) -> RunResult:
        return evaluate(
            books,
            facts.tables,
            catalogue=library.catalogue,
            as_of=as_of,
            known_at=known_at,
            peers=facts.peers,
        )

    return slow


def by_engine(library: Library, book: Rulebook) -> Evaluate:
    """Evaluation of ``book`` by the compiled engine, with every version of the books that it reads."""
    books = library.needed(book)

    def compiled(facts: Facts, as_of: date, known_at: datetime) -> RunResult:
        return run(
            books,
            facts.tables,
            catalogue=library.catalogue,
            as_of=as_of,
            known_at=known_at,
            peers=facts.peers,
        )

    return compiled


def failing_cases(library: Library, books: Iterable[Rulebook] | None = None) -> tuple[Problem, ...]:
    """Every failing case of ``books`` (all when None); a book without meaning is left out."""
    meant = understand_all(library).meanings
    if books is None:
        books = (b for versions in library.rulebooks.values() for b in versions)
    return tuple(p for b in books if (b.rulebook, b.version) in meant for p in run_cases(library, b))


def run_cases(library: Library, book: Rulebook, evaluate_by: Evaluate | None = None) -> tuple[Problem, ...]:
    """Every case of ``book`` that fails, as problems at the case's line; empty when all hold.

    ``evaluate_by``: what computes (the oracle when None). A book without a cases file, or with one that cannot
    be read, has no failing case here: :func:`xinlu.law.check.check` tells that.
    """
    path = library.cases_path(book)
    if not path.exists():
        return ()
    name = library.filed(book).marked.file.removesuffix(".yaml") + CASES
    try:
        cases, filed = read_cases(path, name=name)
    except LawError:
        return ()
    found: list[Problem] = []
    if cases.in_force is not None:
        book = book.model_copy(update={"in_force": cases.in_force})
    for index, case in enumerate(cases.cases):
        trial = _Trial(book, library.catalogue, cases, filed, index, case)
        found += trial.problems(evaluate_by or by_oracle(library, book))
    return by_place(found)


@dataclass(frozen=True)
class _Trial:
    """One case about to be tried."""

    book: Rulebook
    catalogue: Catalogue
    cases: Cases
    filed: Filed
    index: int
    case: Case

    def problems(self, evaluate_by: Evaluate) -> list[Problem]:
        try:
            facts, day, known_at = self.facts()
            result = evaluate_by(facts, day, known_at)
        except LawError as error:
            return list(error.problems)
        except (ValueError, ArithmeticError) as error:
            return [self.problem("LAW-604", f"案例“{self.case.case}”算不出来：{error}")]
        outcome = Outcome(result, facts, self.book)
        return [
            self.problem("LAW-603", f"案例“{self.case.case}”：{sentence}", *place)
            for place, sentence in _differences(self.case, outcome)
        ]

    def facts(self) -> tuple[Facts, date, datetime]:
        places: tuple[Place, ...] = (("given",), ("cases", self.index, "facts"))
        parts = _raw(self.filed, self.index)
        marks = self.filed.marked.marks
        facts = read_facts(*parts, catalogue=self.catalogue, marks=marks, at=places)
        day = as_day(self.case.as_of) if self.case.as_of else next(iter(facts.as_of), None)
        if day is None:
            raise LawError(self.problem("FACT-115", f"案例“{self.case.case}”没有 as_of"))
        known_at = as_time(self.case.known_at) if self.case.known_at else facts.known_at
        return facts, day, known_at or EVERYTHING_KNOWN

    def problem(self, code: str, sentence: str, *place: str | int) -> Problem:
        line = self.filed.line(("cases", self.index, *place))
        return problem(code, sentence, file=self.filed.marked.file, line=line)


def _raw(filed: Filed, index: int) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    # As written, not as the model has it: facts keep the spelling of codes and numbers.
    data: Any = filed.marked.mapping()
    return data.get("given") or {}, data["cases"][index].get("facts") or {}


@dataclass(frozen=True)
class Outcome:
    """What came out, by the names of the facts."""

    result: RunResult
    facts: Facts
    book: Rulebook

    def number_of(self, unit: str) -> int | None:
        """The number of a unit's name."""
        names = self.facts.subjects if self.book.rates.subject else self.facts.records
        return names.get(unit)

    def finding(self, unit: str, output: str) -> Finding | None:
        """The finding of a unit, or None when it is not in the population."""
        number = self.number_of(unit)
        found = self.result.findings[self.book.rulebook]
        return next((f for f in found if f.unit == number and f.output == output), None)

    def present(self, unit: str) -> bool:
        """Whether the unit is in the population."""
        number = self.number_of(unit)
        return number is not None and any(f.unit == number for f in self.result.findings[self.book.rulebook])

    def entries(self, unit: str) -> list[Entry]:
        """The lines of why of a unit."""
        number = self.number_of(unit)
        return [e for e in self.result.entries[self.book.rulebook] if e.unit == number]

    def step_value(self, unit: str, step: str) -> Decimal | str | date | None:
        """What a fold or named value came to, from its entries."""
        return step_value([e for e in self.entries(unit) if e.step == step])


_SUMMED = {"start", "hit", "lost", "row", "cap", "ceiling", "floor", "clamp", "rounding"}


def step_value(entries: list[Entry]) -> Decimal | str | date | None:
    """The value of one fold or named value from its entries: what was read, else the sum of shares.

    None when there is no entry, or the value is missing.
    """
    whole = [e for e in entries if e.row is None]
    for entry in whole:
        if entry.kind in ("read", "value"):
            return entry.raw if entry.raw is not None else entry.day or entry.text
    shares = [e.share for e in whole if e.kind in _SUMMED and e.share is not None]
    return sum(shares, Decimal(0)) if shares else None


def _differences(case: Case, outcome: Outcome) -> Iterator[tuple[Place, str]]:
    for unit, expected in case.expect.items():
        yield from _unit(unit, expected, outcome)
    for unit, steps in case.values.items():
        for step, value in steps.items():
            if (sentence := _step(unit, step, value, outcome)) is not None:
                yield ("values", unit, step), sentence
    for unit, lines in case.entries.items():
        for index, line in enumerate(lines):
            if (sentence := _line(unit, line, outcome)) is not None:
                yield ("entries", unit, index), sentence


def _unit(
    unit: str, expected: Mapping[str, Decimal | bool | str | ExpectedFinding] | str, outcome: Outcome
) -> Iterator[tuple[Place, str]]:
    place: Place = ("expect", unit)
    facts = outcome.facts
    if unit not in facts.subjects and unit not in facts.records:
        yield place, f"事实中没有“{unit}”"
    elif isinstance(expected, str):
        if expected != ABSENT:
            yield place, f"“{unit}”应写 absent 或“输出: 答案”"
        elif outcome.present(unit):
            yield place, f"“{unit}”不应在评价对象中，却有结果"
    elif not outcome.present(unit):
        yield place, f"“{unit}”不在评价对象中"
    else:
        for output, answer in expected.items():
            if (sentence := _answer(unit, output, answer, outcome)) is not None:
                yield (*place, output), sentence


def _answer(unit: str, output: str, expected: Decimal | bool | str | ExpectedFinding, outcome: Outcome) -> str | None:
    finding = outcome.finding(unit, output)
    if finding is None:
        return f"规则没有输出“{output}”"
    long = expected if isinstance(expected, ExpectedFinding) else _long(expected, finding)
    title = outcome.book.outputs[output].title
    met = f"“{unit}”的{title}应为 {_said(long)}，算得 {said(finding)}"
    if long.status is not None and finding.status != long.status:
        return met
    if long.answer is not None and not _same(long.answer, finding.answer):
        return met
    if long.reason is not None and long.reason not in (finding.reason or ""):
        return f"“{unit}”的{title}原因应含“{long.reason}”，算得“{finding.reason or ''}”"
    return None


def _long(expected: Decimal | bool | str, finding: Finding) -> ExpectedFinding:
    if expected in ("not_rated", "open") and finding.level != expected and finding.text != expected:
        return ExpectedFinding(status=str(expected))
    return ExpectedFinding(status="rated", answer=expected)


def _step(unit: str, step: str, expected: Decimal | bool | str | None, outcome: Outcome) -> str | None:
    if outcome.number_of(unit) is None:
        return f"事实中没有“{unit}”"
    if step not in outcome.book.folds and step not in outcome.book.values:
        return f"规则没有名为“{step}”的汇总或数值"
    found = outcome.step_value(unit, step)
    if expected is None and found is None:
        return None
    if expected is not None and _same(expected, found):
        return None
    part = outcome.book.folds.get(step) or outcome.book.values[step]
    named = f"{part.title}（{step}）" if part.title else f" {step}"
    return f"“{unit}”的{named} 应为 {_plain(expected)}，算得 {_plain(found)}"


def _line(unit: str, line: Mapping[str, Any], outcome: Outcome) -> str | None:
    if outcome.number_of(unit) is None:
        return f"事实中没有“{unit}”"
    unknown = [key for key in line if key not in Entry.__slots__]
    if unknown:
        return f"积分明细没有“{unknown[0]}”这一栏"
    if any(_fits(entry, line, outcome.facts) for entry in outcome.entries(unit)):
        return None
    near = [e for e in outcome.entries(unit) if "clause" not in line or e.clause == line["clause"]]
    wanted = "，".join(f"{k} {_plain(v)}" for k, v in line.items())
    shown = "；".join(_entry(e, outcome.facts) for e in near[:5])
    return f"“{unit}”没有这样的积分明细（{wanted}）" + (f"，相近的有：{shown}" if shown else "")


def _fits(entry: Entry, line: Mapping[str, Any], facts: Facts) -> bool:
    for key, expected in line.items():
        found = getattr(entry, key)
        if key in ("record", "row", "lost_to"):
            found = facts.record_name(found) or None
        if expected is None:
            if found is not None:
                return False
        elif not _same(expected, found):
            return False
    return True


def _same(expected: Decimal | bool | str | int, found: object) -> bool:
    if isinstance(expected, bool) and isinstance(found, str):  # entries keep yes/no as text
        return str(expected).lower() == found
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(found, (Decimal, int)):
        return isinstance(expected, (Decimal, int)) and Decimal(found) == expected
    return found is not None and str(expected) == str(found)


def said(finding: Finding) -> str:
    """A finding in words.

    >>> said(Finding(1, "level", "not_rated", reason="没有投标"))
    '未评（没有投标）'
    """
    if finding.status == "rated":
        return _plain(finding.answer)
    return f"{_STATUS[finding.status]}（{finding.reason or '没有说明原因'}）"


def _said(expected: ExpectedFinding) -> str:
    if expected.answer is not None:
        return _plain(expected.answer)
    return _STATUS.get(expected.status or "", "有原因的结果")


def _plain(value: object) -> str:
    if value is None:
        return "缺失"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, Decimal):
        return plain_number(value)
    return f"“{value}”" if isinstance(value, str) else str(value)


def plain_number(value: Decimal) -> str:
    """A number without zeros at its end and without an exponent.

    >>> plain_number(Decimal("92.500000000000")), plain_number(Decimal("1E+3")), plain_number(Decimal("-0.0"))
    ('92.5', '1000', '0')
    """
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _entry(entry: Entry, facts: Facts) -> str:
    parts = [entry.step, entry.kind, entry.clause or "", facts.record_name(entry.record)]
    numbers = [f"{n} {plain_number(v)}" for n in ("raw", "share") if (v := getattr(entry, n)) is not None]
    return " ".join(p for p in (*parts, *numbers, entry.text or "") if p)
