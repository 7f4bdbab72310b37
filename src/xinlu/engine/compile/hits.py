"""Clauses over source rows: the hits of every clause, one table for the clauses of one source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from xinlu.engine.compile import primitives as p
from xinlu.engine.compile.draft import Draft
from xinlu.law.expression import Node
from xinlu.law.rulebook import Clause, Fold
from xinlu.law.types import Type, number
from xinlu.law.typing_rules import Ref


@dataclass(frozen=True, slots=True)
class Hits:
    """A table of hits. ``contested``: it has the columns ``lost_to`` and ``lost_clause``."""

    table: str
    contested: bool = False

    @property
    def alive(self) -> str:
        """Condition over h that a hit has not lost."""
        return "h.lost_to IS NULL" if self.contested else "TRUE"


def hit_column(column: str) -> str:
    """A row field of a contest or cap, over hits under h; ``record`` and ``parent`` are the row's own keys."""
    return {"record": "h.key", "parent": "h._parent"}.get(column, f"h.{p.identifier(column)}")


def reads_unit(node: Node) -> bool:
    """Whether an expression reads the unit or its period, and not only parameters and the day of the run."""
    refs = (one.value for one in node.walk() if one.op == "ref" and isinstance(one.value, Ref))
    return any(ref.space == "unit" or (ref.space == "day" and ref.name != "as_of") for ref in refs)


def row_expression(draft: Draft, clause: str) -> str:
    """SQL of the row to which hits of a clause belong: the row of the ``per`` fold that sums it, else missing."""
    book = draft.meaning.book
    for fold in book.folds.values():
        if fold.per is None or clause not in summed(fold):
            continue
        if fold.by is not None:
            return f"s.{p.identifier(fold.by)}"
        return "s.key" if book.clauses[clause].hits == fold.per else "s._parent"
    return "CAST(NULL AS BIGINT)"


def summed(fold: Fold) -> tuple[str, ...]:
    """Clauses whose points a fold adds up or counts."""
    return (*(fold.sum or ()), *(fold.running.clauses if fold.running else ()), *(fold.tally or ()))


def points_type(draft: Draft, clauses: Iterable[str]) -> Type:
    """One number type for the points of all these clauses."""
    types = [draft.meaning.points[one] for one in clauses]
    found = number(max(one.whole_digits for one in types), max(one.scale for one in types))
    # 18 digits fit in 64 bits, which halves the cost of sums; the declared digits decide.
    return number(18 - found.scale, found.scale) if found.digits <= 18 else number(38 - found.scale, found.scale)


def extra_columns(draft: Draft, source: str) -> list[str]:
    """Row columns that contests, caps and distinct counts need beside a hit."""
    book = draft.meaning.book
    names: set[str] = set()
    for contest in book.contests.values():
        if any(book.clauses[one].hits == source for one in contest.among):
            names |= set(contest.same)
    for clause in book.clauses.values():
        if clause.hits == source and clause.cap is not None:
            names |= set(clause.cap.per)
    return sorted(names - {"unit", "record", "parent"})


def tallied(draft: Draft, source: str) -> dict[str, str]:
    """Fold → SQL of what it counts different values of, over rows of ``source``."""
    book = draft.meaning.book
    return {
        name: draft.sql(("folds", name, "distinct"), draft.row_columns("s"))
        for name, fold in book.folds.items()
        if fold.tally and fold.distinct and book.clauses[fold.tally[0]].hits == source
    }


class HitWriter:
    """Writes the hits of all clauses over one source as one table."""

    def __init__(self, draft: Draft, group: str, source: str, clauses: list[str]) -> None:
        self.draft = draft
        self.group = group
        self.source = source
        self.clauses = clauses
        self.columns = draft.row_columns("s")
        self.type = p.sql_type(points_type(draft, clauses))

    def write(self) -> Hits:
        """Add the step ``hits_<group>``."""
        book = self.draft.meaning.book
        coded = [c for c in self.clauses if isinstance(book.clauses[c].code, str)]
        codes = [book.clauses[c].code for c in coded]
        grouped = coded if len(coded) > 2 and len(set(codes)) == len(codes) else []
        selects = [self.grouped(grouped)] if grouped else []
        selects += [self.single(one) for one in self.clauses if one not in grouped]
        contested = any(set(contest.among) & set(self.clauses) for contest in book.contests.values())
        sql = " UNION ALL ".join(selects)
        if contested:
            sql = f"SELECT row_number() OVER () AS hid, h.* FROM ({sql}) h"
        return Hits(self.draft.add(f"hits_{self.group}", sql))

    def grouped(self, clauses: list[str]) -> str:
        """Clauses that differ by code: one scan of the rows, joined with the compiled table of codes."""
        book, draft = self.draft.meaning.book, self.draft
        rows = ", ".join(
            f"({p.text_literal(str(book.clauses[one].code))}, {draft.clause_numbers[one]})" for one in clauses
        )
        codes = draft.add(
            f"codes_{self.group}",
            f"SELECT code, CAST(clause AS SMALLINT) AS clause FROM (VALUES {rows}) v(code, clause)",
        )
        field = p.identifier(str(book.sources[self.source].code_field))
        each = {one: self.tests(one) for one in clauses}
        tests = ["s._excluded IS NULL"]
        if any(each.values()):
            texts = {one: " AND ".join(found) or "TRUE" for one, found in each.items()}
            tests.append(draft.clause_case("c.clause", texts))
        selected = self.selected("c.clause", clauses)
        table = draft.current[self.source]
        return f"SELECT {selected} FROM {table} s JOIN {codes} c ON c.code = s.{field} WHERE {' AND '.join(tests)}"

    def single(self, clause: str) -> str:
        """One clause over the rows."""
        book, draft = self.draft.meaning.book, self.draft
        tests = ["s._excluded IS NULL", *self.tests(clause)]
        code = book.clauses[clause].code
        if code is not None:
            options = ", ".join(p.text_literal(one) for one in ((code,) if isinstance(code, str) else code))
            tests.append(f"s.{p.identifier(str(book.sources[self.source].code_field))} IN ({options})")
        number_sql = f"CAST({draft.clause_numbers[clause]} AS SMALLINT)"
        selected = self.selected(number_sql, [clause])
        return f"SELECT {selected} FROM {draft.current[self.source]} s WHERE {' AND '.join(tests)}"

    def selected(self, number_sql: str, clauses: list[str]) -> str:
        """Columns of a hit: unit, key, row, day, clause, raw, weight, points, then what contests and caps need."""
        case = self.draft.clause_case
        raw = case(number_sql, {one: self.raw(one) for one in clauses})
        weight = case(number_sql, {one: self.weight(one) for one in clauses})
        points = case(number_sql, {one: self.points(one) for one in clauses})
        row = case(number_sql, {one: row_expression(self.draft, one) for one in clauses})
        columns = [
            "s.unit",
            "s.key",
            f"{row} AS _row",
            "s._day",
            f"{number_sql} AS clause",
            f"CAST({raw} AS {self.type}) AS raw",
            f"CAST({weight} AS DECIMAL(18, 6)) AS weight",
            f"CAST({points} AS {self.type}) AS points",
            "s._parent",
        ]
        columns += [f"s.{p.identifier(one)}" for one in extra_columns(self.draft, self.source)]
        if self.source in self.draft.graded:
            columns.append("s._grade")
        columns += [f"{sql} AS {p.identifier('distinct ' + f)}" for f, sql in tallied(self.draft, self.source).items()]
        return ", ".join(columns)

    # one clause

    def clause(self, name: str) -> Clause:
        return self.draft.meaning.book.clauses[name]

    def raw(self, name: str) -> str:
        """Signed points before limit and age weight."""
        clause = self.clause(name)
        key = "minus" if clause.minus is not None else "plus"
        if getattr(clause, key) is None:
            return "0"
        size = self.draft.sql(("clauses", name, key), self.columns)
        if clause.per is not None:
            size = f"({size}) * ({self.draft.sql(('clauses', name, 'per'), self.columns)})"
        return f"-({size})" if key == "minus" else f"({size})"

    def points(self, name: str) -> str:
        """Signed points that count: limited, then weighted by age."""
        clause, sql = self.clause(name), self.raw(name)
        if clause.at_most is not None:
            limit = self.draft.sql(("clauses", name, "at_most"), self.columns)
            sql = f"greatest({sql}, -({limit}))" if clause.minus is not None else f"least({sql}, {limit})"
        return f"({sql}) * {self.weight(name)}" if clause.span and clause.span.ages else sql

    def begins(self, name: str) -> str:
        return self.draft.sql(("clauses", name, "span", "from"), self.columns)

    def weight(self, name: str) -> str:
        """Weight of a hit by its age; 1 without ages."""
        span = self.clause(name).span
        if span is None or not span.ages:
            return "1"
        lines = " ".join(
            f"WHEN {self.younger(self.begins(name), age.below, span.aim)} THEN {p.number_literal(age.weight)}"
            for age in span.ages
        )
        return f"(CASE {lines} ELSE {p.number_literal(Decimal(0))} END)"

    def younger(self, begins: str, length: str, aim: str) -> str:
        if aim == "back":
            return f"{begins} > {p.add_length(self.draft.today, length, -1)}"
        return f"{self.draft.today} < {p.add_length(begins, length)}"

    def tests(self, name: str) -> list[str]:
        """Conditions of one clause beside its code."""
        clause, path = self.clause(name), ("clauses", name)
        tests = []
        if clause.when is not None:
            tests.append(self.draft.sql((*path, "when"), self.columns))
        if clause.span is not None:
            tests += self.span_tests(name)
        for key, word in (("needs", "EXISTS"), ("lacks", "NOT EXISTS")):
            if getattr(clause, key) is not None:
                tests.append(f"{word} ({self.among(name, key)})")
        return tests

    def span_tests(self, name: str) -> list[str]:
        span = self.clause(name).span
        assert span is not None
        begins = self.begins(name)
        tests = [f"{begins} <= {self.draft.today}"]
        if span.for_ is not None:
            tests.append(self.younger(begins, span.for_, span.aim))
        if span.ages:
            tests.append(self.younger(begins, span.ages[-1].below, span.aim))
        if span.until is not None:
            until = self.draft.sql(("clauses", name, "span", "until"), self.columns)
            tests.append(f"({until} IS NULL OR {self.draft.today} < {until})")
        return tests

    def among(self, name: str, key: str) -> str:
        """Another row of the same unit: a subquery over its source."""
        among = getattr(self.clause(name), key)

        def column(ref: Ref) -> str:
            return f"o.{p.identifier(ref.name)}" if ref.space == "other" else self.columns(ref)

        condition = self.draft.scalar.sql(self.draft.node("clauses", name, key, "where"), column)
        table = self.draft.current[among.source]
        another = " AND o.key <> s.key" if among.source == self.source else ""
        return f"SELECT 1 FROM {table} o WHERE o.unit = s.unit{another} AND o._excluded IS NULL AND {condition}"
