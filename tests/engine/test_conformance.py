"""One table of primitives, run on the oracle and on every backend: each must give the written answer.

To add a backend, add its name and a function from a typed expression and its names to a value to ``BACKENDS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Any

import pytest
from tests.engine.conftest import book_from

from xinlu.engine import exact
from xinlu.engine.compile import primitives
from xinlu.engine.compile.scalar import Scalar, constant
from xinlu.engine.duck import Duck
from xinlu.engine.evaluation import Frame, evaluate
from xinlu.engine.facts import read_facts
from xinlu.engine.oracle import evaluate as evaluate_by_oracle
from xinlu.engine.result import RunResult
from xinlu.engine.run import run
from xinlu.law.catalogue import Catalogue
from xinlu.law.expression import Node, parse
from xinlu.law.marks import parse as parse_yaml
from xinlu.law.meaning import Meaning, understand
from xinlu.law.types import DATE, FLAG, TEXT, Type, number
from xinlu.law.typing_rules import Binding, Ref, Surroundings, assign_types

LEVELS = ("AA", "A", "B", "C")
BOOK = """
tables:
  fines:
    title: 按区间
    by: number
    rows:
      - {in: "< 0", value: 9}
      - {in: "[0, 10)", expr: "quotient(x, 4, 2)"}
      - {in: "[10, 20]", value: 2.5}
      - {in: "> 30", value: 7}
    otherwise: -1
  weights:
    title: 按代码
    keys: [one, two]
    rows:
      - {when: [black, 1], value: 2}
      - {when: [grey, 2], value: 1}
outputs: {answer: {title: 答案, value: "lookup('fines', 1)"}}
"""


@dataclass(frozen=True)
class Named:
    """The value of a name and its type."""

    value: Any
    type: Type


def num(value: str | None, digits: int = 18, scale: int = 2) -> Named:
    """A number column of so many digits."""
    return Named(None if value is None else Decimal(value), number(digits - scale, scale, missing=value is None))


def day(value: str | None) -> Named:
    return Named(date.fromisoformat(value) if value else None, DATE.or_missing(value is None))


def text(value: str | None) -> Named:
    return Named(value, TEXT.or_missing(value is None))


def level(value: str | None) -> Named:
    return Named(value, Type("level", levels=LEVELS, missing=value is None))


def flag(value: bool | None) -> Named:
    return Named(value, FLAG.or_missing(value is None))


def texts(*values: str) -> Named:
    return Named(list(values), Type("list", of=TEXT))


NO_LIST = Named(None, Type("list", of=TEXT, missing=True))


@dataclass(frozen=True)
class Case:
    """An expression, what its names hold, and the answer; numbers are written as text."""

    expression: str
    answer: Any
    names: Mapping[str, Named] = field(default_factory=dict)

    def __str__(self) -> str:
        held = ", ".join(f"{name}={one.value}" for name, one in self.names.items())
        return f"{self.expression} [{held}]" if held else self.expression


def case(expression: str, answer: Any, **names: Named) -> Case:
    return Case(expression, answer, names)


def n(value: str) -> Decimal:
    return Decimal(value)


def d(value: str) -> date:
    return date.fromisoformat(value)


CASES = [
    # quotient: scale 12, half up away from zero, missing when the divisor is 0
    case("a / b", n("0.333333333333"), a=num("1"), b=num("3")),
    case("a / b", n("0.666666666667"), a=num("2"), b=num("3")),
    case("a / b", n("-0.666666666667"), a=num("-2"), b=num("3")),
    case("a / b", n("-0.666666666667"), a=num("2"), b=num("-3")),
    case("a / b", n("0.666666666667"), a=num("-2"), b=num("-3")),
    case("a / b", None, a=num("2"), b=num("0")),
    case("a / b", n("0"), a=num("0"), b=num("-3")),
    case("a / b", None, a=num(None), b=num("3")),
    case("a / b", None, a=num("3"), b=num(None)),
    case("quotient(a, b, 2)", n("0.13"), a=num("1"), b=num("8")),
    case("quotient(a, b, 2)", n("-0.13"), a=num("-1"), b=num("8")),
    case("quotient(a, b, 2)", n("0.12"), a=num("0.99"), b=num("8")),
    case("quotient(a, b, 0)", n("3"), a=num("5"), b=num("2")),
    case("quotient(a, b, 0)", n("-3"), a=num("-5"), b=num("2")),
    case("quotient(a, b, 0)", n("0"), a=num("-1"), b=num("3")),
    case("a / b", n("99999999999999.990000000000"), a=num("99999999999999.99"), b=num("1", 1, 0)),
    case("a / b", n("0.000000000001"), a=num("0.01"), b=num("9999999999.99")),
    case("a / b", n("0.000000000001"), a=num("1", 1, 0), b=num("2000000000000", 13, 0)),
    case("a / b", n("0"), a=num("1", 1, 0), b=num("2000000000001", 13, 0)),
    case("a / b", n("0.333333333333"), a=num("0.333333333333", 13, 12), b=num("1.000000000000", 13, 12)),
    case("(a / b) / c", n("0.111111111111"), a=num("1"), b=num("3"), c=num("3")),
    case("a / (b / c)", n("9.000000000009"), a=num("3"), b=num("1"), c=num("3")),
    # round: half up away from zero
    case("round(x, 0)", n("3"), x=num("2.50")),
    case("round(x, 0)", n("-3"), x=num("-2.50")),
    case("round(x, 0)", n("2"), x=num("2.49")),
    case("round(x, 1)", n("0.1"), x=num("0.05")),
    case("round(x, 1)", n("-0.1"), x=num("-0.05")),
    case("round(x, 4)", n("1.2300"), x=num("1.23")),
    case("round(x, 2)", n("1000000000000.00"), x=num("999999999999.995", 18, 3)),
    case("round(x, 0)", None, x=num(None)),
    # floor, ceil, abs
    case("floor(x)", n("-1"), x=num("-0.10")),
    case("floor(x)", n("-1"), x=num("-1.00")),
    case("floor(x)", n("0"), x=num("0.99")),
    case("ceil(x)", n("0"), x=num("-0.99")),
    case("ceil(x)", n("1"), x=num("0.01")),
    case("ceil(x)", n("7"), x=num("7", 3, 0)),
    case("abs(x)", n("0.01"), x=num("-0.01")),
    case("-x", n("0.01"), x=num("-0.01")),
    case("floor(x)", None, x=num(None)),
    # steps: whole steps, exactly
    case("steps(x, s)", n("3"), x=num("0.30"), s=num("0.1", 4, 1)),
    case("steps(x, s)", n("2"), x=num("0.29"), s=num("0.1", 4, 1)),
    case("steps(x, s)", n("-1"), x=num("-0.01"), s=num("0.1", 4, 1)),
    case("steps(x, s)", n("-3"), x=num("-0.30"), s=num("0.1", 4, 1)),
    case("steps(x, s)", n("-4"), x=num("-0.31"), s=num("0.1", 4, 1)),
    case("steps(x, s)", n("-2"), x=num("0.11"), s=num("-0.1", 4, 1)),
    case("steps(x, s)", n("9999999999999999"), x=num("99999999999999.99"), s=num("0.01")),
    case("steps(x, s)", None, x=num("1"), s=num("0")),
    case("steps(x, s)", None, x=num(None), s=num("1")),
    # sqrt: scale 12, half up, missing below 0
    case("sqrt(x)", n("1.414213562373"), x=num("2")),
    case("sqrt(x)", n("0"), x=num("0")),
    case("sqrt(x)", n("0.1"), x=num("0.01")),
    case("sqrt(x)", n("13.821155498968"), x=num("191.024339326667", 26, 12)),
    case("sqrt(x)", n("12"), x=num("144", 3, 0)),
    case("sqrt(x)", n("1.732050807569"), x=num("3", 1, 0)),
    case("sqrt(x)", n("99999.999999950000"), x=num("9999999999.99")),
    case("sqrt(x)", None, x=num("-0.01")),
    case("sqrt(x)", None, x=num(None)),
    # least, greatest: missing when one is missing
    case("least(a, b)", n("-2"), a=num("-2"), b=num("1.5", 4, 1)),
    case("greatest(a, b, 1.25)", n("1.5"), a=num("-2"), b=num("1.5", 4, 1)),
    case("greatest(a, b)", n("1.234"), a=num("1", 3, 0), b=num("1.234", 4, 3)),
    case("least(a, b)", None, a=num(None), b=num("1")),
    case("greatest(a, b)", None, a=num("1"), b=num(None)),
    case("least(a, b)", d("2024-02-29"), a=day("2024-02-29"), b=day("2024-03-01")),
    case("greatest(a, b)", None, a=day("2024-02-29"), b=day(None)),
    # coalesce, present, missing, is null
    case("coalesce(a, b)", n("1.25"), a=num(None, 3, 0), b=num("1.25")),
    case("coalesce(a, b)", n("1"), a=num("1", 3, 0), b=num("1.25")),
    case("coalesce(a, b, 7)", n("7"), a=num(None), b=num(None)),
    case("coalesce(t, 'x')", "x", t=text(None)),
    case("coalesce(f, false)", False, f=flag(None)),
    case("present(x)", False, x=num(None)),
    case("missing(x)", True, x=num(None)),
    case("x is not null", True, x=num("0")),
    case("x is null", True, x=text(None)),
    # arithmetic with something missing is missing; digits are kept
    case("a + b", n("1.234"), a=num("1", 3, 0), b=num("0.234", 4, 3)),
    case("a - b", n("-0.01"), a=num("0.99"), b=num("1", 3, 0)),
    case("a * b", n("0.0001"), a=num("0.01"), b=num("0.01")),
    case("a + b", None, a=num("1"), b=num(None)),
    case("a * b", None, a=num(None), b=num("0")),
    # and, or, not: three values
    case("f and g", False, f=flag(None), g=flag(False)),
    case("f and g", None, f=flag(None), g=flag(True)),
    case("f or g", True, f=flag(None), g=flag(True)),
    case("f or g", None, f=flag(None), g=flag(False)),
    case("not f", None, f=flag(None)),
    # in, between, case
    case("t in ('a', 'b')", True, t=text("b")),
    case("t in ('a', 'b')", False, t=text("c")),
    case("t not in ('a', 'b')", True, t=text("c")),
    case("x in (1, 2.50)", True, x=num("2.5", 4, 1)),
    case("x between 1 and 2", True, x=num("2.00")),
    case("x between 1 and 2", True, x=num("1.00")),
    case("x between 1 and 2", False, x=num("2.01")),
    case("x not between 1 and 2", True, x=num("0.99")),
    case("case when x > 1 then 1 when x > 0 then 0.125 else 3 end", n("0.125"), x=num("1.00")),
    case("case when x > 1 then 1 end", None, x=num("1.00")),
    case("case when f then 1 else 2 end", n("2"), f=flag(None)),
    # months and days
    case("add_months(a, 1)", d("2024-02-29"), a=day("2024-01-31")),
    case("add_months(a, 1)", d("2023-02-28"), a=day("2023-01-31")),
    case("add_months(a, -1)", d("2024-02-29"), a=day("2024-03-31")),
    case("add_months(a, 12)", d("2025-02-28"), a=day("2024-02-29")),
    case("add_months(a, -12)", d("2023-02-28"), a=day("2024-02-29")),
    case("add_months(a, 48)", d("2028-02-29"), a=day("2024-02-29")),
    case("add_months(a, 1)", d("2024-03-29"), a=day("2024-02-29")),
    case("add_months(a, m)", d("2023-11-30"), a=day("2024-01-31"), m=num("-2", 3, 0)),
    case("add_months(a, 0)", d("2024-01-31"), a=day("2024-01-31")),
    case("add_months(a, 1)", None, a=day(None)),
    case("add_months(a, m)", None, a=day("2024-01-31"), m=num(None, 3, 0)),
    case("add_days(a, 1)", d("2024-02-29"), a=day("2024-02-28")),
    case("add_days(a, -1)", d("2023-12-31"), a=day("2024-01-01")),
    case("add_days(a, m)", d("2025-01-31"), a=day("2024-02-01"), m=num("365", 3, 0)),
    case("add_days(a, 1)", None, a=day(None)),
    case("days_between(a, b)", n("366"), a=day("2024-01-01"), b=day("2025-01-01")),
    case("days_between(a, b)", n("-1"), a=day("2024-03-01"), b=day("2024-02-29")),
    case("days_between(a, b)", None, a=day(None), b=day("2024-02-29")),
    case("months_between(a, b)", n("1"), a=day("2024-01-31"), b=day("2024-02-29")),
    case("months_between(a, b)", n("0"), a=day("2024-01-31"), b=day("2024-02-28")),
    case("months_between(a, b)", n("1"), a=day("2024-02-29"), b=day("2024-03-30")),
    case("months_between(a, b)", n("0"), a=day("2024-02-29"), b=day("2024-03-28")),
    case("months_between(a, b)", n("-1"), a=day("2024-02-29"), b=day("2024-02-28")),
    case("months_between(a, b)", n("-1"), a=day("2024-03-31"), b=day("2024-02-29")),
    case("months_between(a, b)", n("-2"), a=day("2024-03-31"), b=day("2024-02-28")),
    case("months_between(a, b)", n("12"), a=day("2024-02-29"), b=day("2025-02-28")),
    case("months_between(a, b)", None, a=day("2024-02-29"), b=day(None)),
    case("year(a)", n("2024"), a=day("2024-12-31")),
    case("month(a)", n("12"), a=day("2024-12-31")),
    case("year(a)", None, a=day(None)),
    # levels: better is greater
    case("step(l, 1)", "AA", l=level("A")),
    case("step(l, 1)", "AA", l=level("AA")),
    case("step(l, -2)", "C", l=level("A")),
    case("step(l, -9)", "C", l=level("A")),
    case("step(l, 0)", "B", l=level("B")),
    case("step(l, 1)", None, l=level(None)),
    case("step(l, 1)", None, l=level("Z")),
    case("worst(l, m)", "C", l=level("C"), m=level("AA")),
    case("best(l, m)", "AA", l=level("C"), m=level("AA")),
    case("worst(l, m)", None, l=level("C"), m=level(None)),
    case("best(l, m)", None, l=level("Z"), m=level("A")),
    case("l >= 'B'", True, l=level("A")),
    case("l >= 'B'", False, l=level("C")),
    case("l < 'A'", True, l=level("B")),
    case("l < 'A'", None, l=level("Z")),
    case("l = 'A'", False, l=level("Z")),
    case("l in ('AA', 'A')", True, l=level("A")),
    # lookup: by keys and by interval, the first that fits; a missing key answers nothing
    case("lookup('weights', t, x)", n("2"), t=text("black"), x=num("1.00")),
    case("lookup('weights', t, x)", None, t=text("black"), x=num("2.00")),
    case("lookup('weights', t, x)", None, t=text(None), x=num("1.00")),
    case("lookup('fines', x)", n("9"), x=num("-0.01")),
    case("lookup('fines', x)", n("0"), x=num("0.00")),
    case("lookup('fines', x)", n("2.5"), x=num("9.99")),
    case("lookup('fines', x)", n("0.63"), x=num("2.50")),
    case("lookup('fines', x)", n("2.5"), x=num("10.00")),
    case("lookup('fines', x)", n("2.5"), x=num("20.00")),
    case("lookup('fines', x)", n("-1"), x=num("20.01")),
    case("lookup('fines', x)", n("-1"), x=num("30.00")),
    case("lookup('fines', x)", n("7"), x=num("30.01")),
    case("lookup('fines', x)", None, x=num(None)),
    # lists and texts
    case("contains(many, 'a')", True, many=texts("b", "a")),
    case("contains(many, 'a')", False, many=texts()),
    case("contains(many, 'a')", None, many=NO_LIST),
    case("size(many)", n("2"), many=texts("b", "b")),
    case("size(many)", n("0"), many=texts()),
    case("size(many)", None, many=NO_LIST),
    case("starts_with(t, '33')", True, t=text("330100")),
    case("starts_with(t, '33')", False, t=text("3")),
    case("starts_with(t, '3_')", False, t=text("330100")),
    case("starts_with(t, '33')", None, t=text(None)),
    case("t = 'it''s'", True, t=text("it's")),
]

Backend = Callable[[Meaning, Node, Mapping[str, Named]], Any]


def by_oracle(meaning: Meaning, node: Node, names: Mapping[str, Named]) -> Any:
    with localcontext(exact.EXACT):
        return evaluate(node, Frame(meaning, {"unit": {name: one.value for name, one in names.items()}}))


def by_duckdb(meaning: Meaning, node: Node, names: Mapping[str, Named]) -> Any:
    """Names are columns of one row, as they are in a run: constants would be folded with other types."""
    pieces = {(str(path[1]), int(path[3])): one for path, one in meaning.expressions.items() if path[0] == "tables"}
    sql = Scalar(meaning.book.tables, pieces).sql(node, lambda ref: primitives.identifier(ref.name))
    columns = (
        ", ".join(f"{_literal(one)} AS {primitives.identifier(name)}" for name, one in names.items()) or "1 AS one"
    )
    duck = Duck({}, threads=1)
    try:
        duck.connection.execute(f"CREATE TABLE held AS SELECT {columns}")
        return duck.rows(f"SELECT {sql} FROM held")[0][0]
    finally:
        duck.close()


def _literal(one: Named) -> str:
    value = "NULL" if one.value is None else constant(one.value)
    if isinstance(one.value, list):
        value = f"[{', '.join(map(constant, one.value))}]"
    return f"CAST({value} AS {primitives.sql_type(one.type)})"


BACKENDS: dict[str, Backend] = {"oracle": by_oracle, "duckdb": by_duckdb}


@pytest.fixture(scope="module")
def meaning(catalogue: Catalogue) -> Meaning:
    return understand(book_from(BOOK), catalogue)


def typed(meaning: Meaning, case: Case) -> Node:
    """The typed tree of a case, its names read as attributes of the unit."""
    names = {name: Binding(Ref("unit", name), one.type) for name, one in case.names.items()}
    fines = (number(18, 12),), number(18, 2, missing=True)
    weights = (TEXT, number(1, 0)), number(1, 0, missing=True)
    sure = frozenset(binding.ref for binding in names.values())
    return assign_types(
        parse(case.expression), Surroundings(names, {"fines": fines, "weights": weights}, {}, LEVELS), sure=sure
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_primitive_gives_the_written_answer(backend: str, case: Case, meaning: Meaning) -> None:
    found = BACKENDS[backend](meaning, typed(meaning, case), case.names)
    assert type(found) is type(case.answer)
    assert found == case.answer


# ── folds that go step by step ──────────────────────────────────────────────────────────────────

RUNNING = """
sources: {events: {item: lock_event, code_field: effect}}
rates: {subject: vessel}
clauses:
  up: {title: 加分, hits: events, code: plus, plus: points}
  down: {title: 扣分, hits: events, code: minus, minus: points}
folds:
  run: {running: {clauses: [up, down], start: "5", floor: "0", ceiling: "8"}}
  falls: {crossings: run, at_or_below: "2"}
outputs: {score: {title: 积分, value: run}, falls: {title: 跌破次数, value: falls}}
"""


def ship_of(events: list[tuple[str, str, int]]) -> str:
    """A ship and what happened to it, as facts."""
    lines = [
        f"{{item: lock_event, id: e{i}, subject: 船, event_no: e{i}, matter: 事项, "
        f"effect: {effect}, points: {points}, happened_on: {when}}}"
        for i, (when, effect, points) in enumerate(events)
    ]
    return f"subjects: [{{id: 船, kind: vessel}}]\nrecords: [{', '.join(lines)}]"


def ran(catalogue: Catalogue, facts: str) -> Iterator[RunResult]:
    book, read = book_from(RUNNING), read_facts(parse_yaml(facts, file="facts.yaml").mapping(), catalogue=catalogue)
    given = {"catalogue": catalogue, "as_of": date(2025, 6, 30), "known_at": datetime(2030, 1, 1)}
    yield evaluate_by_oracle([book], read.tables, **given)
    yield run([book], read.tables, **given)


RUNS = [
    ([], "5", 0),
    ([("2025-01-01", "minus", 7)], "0", 1),  # floor
    ([("2025-01-01", "minus", 7), ("2025-01-02", "plus", 3)], "3", 1),  # what the floor took is gone
    ([("2025-01-02", "minus", 3), ("2025-01-01", "plus", 9)], "5", 0),  # by date, not as written
    ([("2025-01-01", "plus", 9), ("2025-01-01", "minus", 6), ("2025-01-01", "plus", 1)], "3", 1),  # by key
    ([("2025-01-01", "minus", 3), ("2025-01-02", "plus", 1), ("2025-01-03", "minus", 1)], "2", 2),
]
"""Events, the state they end in, and how often it fell to 2 or lower."""


@pytest.mark.parametrize(("events", "score", "falls"), RUNS)
def test_a_running_fold_is_clamped_at_each_step(
    catalogue: Catalogue, events: list[tuple[str, str, int]], score: str, falls: int
) -> None:
    for result in ran(catalogue, ship_of(events)):
        found = {one.output: one.number for one in result.findings["trial-book"]}
        assert found == {"score": Decimal(score), "falls": Decimal(falls)}
