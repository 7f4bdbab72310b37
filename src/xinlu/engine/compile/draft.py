"""The plan while it is being written: steps so far, and what every later part needs to know of the book."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

import sqlglot
from sqlglot import exp

from xinlu.engine.compile import primitives as p
from xinlu.engine.compile.scalar import Columns, Scalar, constant
from xinlu.engine.provenance import Provenance
from xinlu.law.catalogue import Catalogue
from xinlu.law.expression import Node
from xinlu.law.meaning import Meaning, Path
from xinlu.law.typing_rules import Ref

_CONSTANT = re.compile(r"'(?:[^']|'')*'|CAST\('[-0-9.]+' AS DECIMAL\(\d+, \d+\)\)|-?\d+|NULL")
_DECIMAL = re.compile(r"CAST\('[-0-9.]+' AS (DECIMAL\(\d+, \d+\))\)")


def _by_number(texts: Mapping[int, str], column: str) -> str:
    """The constant that stands at a number."""
    listed = ", ".join(texts.get(number, "NULL") for number in range(1, max(texts) + 1))
    return f"list_extract([{listed}], {column})"


@dataclass(frozen=True, slots=True)
class Step:
    """One relational step: a table (kept) or a view (written out where it is read)."""

    name: str
    sql: str
    view: bool = False

    def tree(self) -> exp.Expr:
        """The step as a SQLGlot tree, from which another backend’s dialect is written.

        DuckDB runs the text as it is. Primitives that differ between engines (quotients, roots, months) are in
        :mod:`xinlu.engine.compile.primitives` and are replaced there, not here.
        """
        return sqlglot.parse_one(self.sql, read="duckdb")


@dataclass
class Draft:
    """Everything the parts of the compiler share while they add steps.

    ``current``: source → name of the table that holds its rows with all columns known so far.
    ``demand``: source → references that any expression makes to its rows.
    ``wanted``: name of a one-column table ``unit`` that restricts the run, or None for the whole population.
    """

    meaning: Meaning
    catalogue: Catalogue
    as_of: date
    known_at: datetime
    prefix: str
    wanted: str | None = None
    finding_tables: dict[str, str] = field(default_factory=dict)
    """Book id → its wide table of findings (unit, one column an output, ``<output>_status``)."""
    frozen: frozenset[str] = frozenset()
    """Peer values that are read from a snapshot (table ``peer_<value>``) instead of from the run."""
    steps: list[Step] = field(default_factory=list)
    current: dict[str, str] = field(default_factory=dict)
    demand: dict[str, set[Ref]] = field(default_factory=dict)
    clause_numbers: dict[str, int] = field(default_factory=dict)
    group: dict[str, str] = field(default_factory=dict)
    """Clause → name of the hits table that holds its hits; clauses over one source share a table where they can."""
    scalar: Scalar = field(default_factory=Scalar)
    graded: set[str] = field(default_factory=set)
    """Sources whose rows carry a source grade of their own: standings, and findings of other books."""

    def table(self, name: str) -> str:
        """The quoted name of one of this plan's own tables."""
        return p.identifier(f"{self.prefix}{name}")

    def add(self, name: str, sql: str, *, view: bool = False) -> str:
        """Add a step and give its quoted name."""
        self.steps.append(Step(f"{self.prefix}{name}", sql, view))
        return self.table(name)

    def node(self, *path: str | int) -> Node:
        """The typed expression at ``path``; it must exist."""
        return self.meaning.expressions[path]

    def sql(self, path: Path, columns: Columns) -> str:
        """SQL text of the expression at ``path``."""
        return self.scalar.sql(self.meaning.expressions[path], columns)

    def known(self, alias: str) -> str:
        """Condition that a row was known at ``known_at``."""
        at = f"TIMESTAMP '{self.known_at:%Y-%m-%d %H:%M:%S.%f}'"
        return f"{alias}.recorded_at <= {at} AND ({alias}.superseded_at IS NULL OR {alias}.superseded_at > {at})"

    @property
    def today(self) -> str:
        """``as_of`` as SQL."""
        return p.date_literal(self.as_of)

    def shared(self, ref: Ref) -> str | None:
        """SQL of a reference that means the same everywhere: parameters and as_of."""
        if ref.space == "param":
            return constant(self.meaning.book.parameters[ref.name].value)
        if ref.space == "day" and ref.name == "as_of":
            return self.today
        return None

    def row_columns(self, alias: str) -> Columns:
        """References of row expressions, read from a source table under ``alias``."""

        def column(ref: Ref) -> str:
            return self.shared(ref) or f"{alias}.{row_column(ref)}"

        return column

    def unit_columns(self, alias: str) -> Columns:
        """References of unit expressions, read from a unit-wise table under ``alias``."""

        def column(ref: Ref) -> str:
            if ref.space == "unit" and ref.name == "unit":
                return f"{alias}.unit"
            return self.shared(ref) or f"{alias}.{p.identifier(ref.name)}"

        return column

    def members(self, group: str) -> list[str]:
        """Clauses whose hits are in one hits table, in file order."""
        return [one for one in self.clause_numbers if self.group.get(one) == group]

    def clause_case(self, column: str, texts: dict[str, str]) -> str:
        """SQL that depends on the clause number: the one text that all share, an indexed list where all are
        constants (one step whatever the number of clauses), the shared text over such lists where they differ in
        decimals alone, else CASE."""
        if len(set(texts.values())) == 1:
            return next(iter(texts.values()))
        numbered = {self.clause_numbers[one]: text for one, text in texts.items()}
        if len(numbered) > 4 and all(_CONSTANT.fullmatch(text) for text in texts.values()):
            return _by_number(numbered, column)
        if len(numbered) > 4 and len({_DECIMAL.sub(r"\1", text) for text in texts.values()}) == 1:
            columns = zip(*(_DECIMAL.finditer(text) for text in numbered.values()), strict=True)
            lists = (
                _by_number(dict(zip(numbered, (one[0] for one in found), strict=True)), column) for found in columns
            )
            return _DECIMAL.sub(lambda _: next(lists), next(iter(numbered.values())))
        lines = " ".join(f"WHEN {number} THEN {text}" for number, text in numbered.items())
        return f"(CASE {column} {lines} END)"

    def numbers(self, clauses: Iterable[str]) -> str:
        """``1, 2, 5``: the numbers of clauses, in order."""
        return ", ".join(str(number) for number in sorted(self.clause_numbers[one] for one in clauses))

    @cached_property
    def provenance(self) -> Provenance:
        """Grades of the parts of the book, read off the law file."""
        return Provenance(self.meaning)

    def is_graded(self, group: str) -> bool:
        """Whether hits of a hits table carry grades of their rows."""
        return any(self.meaning.book.clauses[one].hits in self.graded for one in self.members(group))


def answer(name: str) -> str:
    """The column of the unit table with the answer of an output (a value may have the same name)."""
    return f"{name} answer"


def row_column(ref: Ref) -> str:
    """The column of a source table that holds a reference."""
    if ref.space == "unit":
        return "unit" if ref.name == "unit" else p.identifier(f"unit.{ref.name}")
    if ref.space == "day":
        return p.identifier(f"unit.{ref.name}")
    if ref.space in {"attr", "parent"}:
        return p.identifier(f"{ref.qualifier}.{ref.name}")
    return p.identifier(ref.name)
