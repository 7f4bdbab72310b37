"""Every edge in a book: the numbers, codes, days and lengths at which an answer can change.

Read from the meaning of the book (and of the books that it reads), so that a new book needs nothing here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from xinlu.law.expression import Node
from xinlu.law.interval import parse_interval
from xinlu.law.meaning import Meaning, Path
from xinlu.law.rulebook import Span
from xinlu.law.typing_rules import Ref

Column = tuple[str, str]
"""A table of the engine and one of its columns; a role is written by its own name."""

_COMPARED = frozenset({"=", "<>", "<", "<=", ">", ">=", "in"})
_LENGTH = re.compile(r"(\d+) (months|days)")


class Edges:
    """What the expressions of some books compare their columns with.

    ``numbers`` and ``texts``: values by the column that is compared with them. ``plain``: every number of the
    books. ``months`` and ``days``: every length. ``dates``: every day that is written out.
    """

    def __init__(self, meanings: Iterable[Meaning]) -> None:
        self.numbers: dict[Column, set[Decimal]] = defaultdict(set)
        self.texts: dict[Column, set[str]] = defaultdict(set)
        self.plain: set[Decimal] = {Decimal(0), Decimal(1)}
        self.months: set[int] = set()
        self.days: set[int] = {1}
        self.dates: set[date] = set()
        self.read: set[Column] = set()
        """Columns that some expression reads."""
        for meaning in meanings:
            self._book(meaning)
            for path, node in meaning.expressions.items():
                self._expression(meaning, path, node)

    # ── outside of expressions ──────────────────────────────────────────────────────────────────

    def _book(self, meaning: Meaning) -> None:
        book = meaning.book
        self.dates |= {day for day in (book.in_force.from_, book.in_force.until) if day is not None}
        for parameter in book.parameters.values():
            self._constant(parameter.value)
        for output in book.outputs.values():
            for text in output.bands.cut.values() if output.bands else ():
                self.plain |= set(_bounds(text))
        for table in book.tables.values():
            for row in table.rows:
                for value in (*row.when, row.value):
                    self._constant(value)
                self.plain |= set(_bounds(row.interval)) if row.interval else set()
        if book.period is not None:
            self._length(book.period.rolling)
            self._length(book.period.every)
        for clause in book.clauses.values():
            source = book.sources[clause.hits]
            codes = (clause.code,) if isinstance(clause.code, str) else clause.code or ()
            self.texts[(f"item_{source.item}", str(source.code_field))] |= set(codes)
            if clause.span is not None:
                self._span(clause.span)
            for column in clause.cap.per if clause.cap else ():
                self.read.add((f"item_{source.item}", column))
        for contest in book.contests.values():
            for one in contest.among:
                item = book.sources[book.clauses[one].hits].item
                self.read |= {(f"item_{item}", column) for column in contest.same}
        for source in book.sources.values():
            if source.item is not None and source.code_field is not None:
                self.read.add((f"item_{source.item}", source.code_field))

    def _span(self, span: Span) -> None:
        self._length(span.for_)
        for age in span.ages:
            self._length(age.below)

    def _length(self, text: str | None) -> None:
        if text and (found := _LENGTH.fullmatch(text)):
            (self.months if found.group(2) == "months" else self.days).add(int(found.group(1)))

    def _constant(self, value: object) -> None:
        if isinstance(value, Decimal):
            self.plain.add(value)
            if value == int(value) and 0 < value <= 400:
                self.months.add(int(value))
                self.days.add(int(value))
        elif isinstance(value, date):
            self.dates.add(value)

    # ── expressions ─────────────────────────────────────────────────────────────────────────────

    def _expression(self, meaning: Meaning, path: Path, tree: Node) -> None:
        for node in tree.walk():
            for column in _columns(meaning, path, [node]):
                self.read.add(column)
            if node.op == "number" or node.op == "date":
                self._constant(node.value)
            elif node.op in _COMPARED or (node.op == "call" and node.value in {"contains", "starts_with"}):
                self._compared(meaning, path, node.args)
            elif node.op == "call" and node.value == "lookup":
                self._looked_up(meaning, path, node)

    def _compared(self, meaning: Meaning, path: Path, sides: Sequence[Node]) -> None:
        below = [one for side in sides for one in side.walk()]
        constants = [one.value for one in below if one.op in {"number", "text"}]
        constants += [meaning.book.parameters[ref.name].value for ref in _references(below) if ref.space == "param"]
        for column in _columns(meaning, path, below):
            self._meets(column, constants)

    def _looked_up(self, meaning: Meaning, path: Path, node: Node) -> None:
        table = meaning.book.tables[str(node.args[0].value)]
        for index, key in enumerate(node.args[1:]):
            for column in _columns(meaning, path, list(key.walk())):
                if table.by == "number":
                    self.numbers[column] |= {n for row in table.rows if row.interval for n in _bounds(row.interval)}
                else:
                    self._meets(column, [row.when[index] for row in table.rows])

    def _meets(self, column: Column, constants: Iterable[object]) -> None:
        for value in constants:
            if isinstance(value, Decimal):
                self.numbers[column].add(value)
            elif isinstance(value, str):
                self.texts[column].add(value)


def _bounds(interval: str) -> Iterator[Decimal]:
    found = parse_interval(interval)
    yield from (one for one in (found.low, found.high) if one is not None)


def _references(nodes: Iterable[Node]) -> list[Ref]:
    return [one.value for one in nodes if one.op == "ref" and isinstance(one.value, Ref)]


def _columns(meaning: Meaning, path: Path, nodes: Iterable[Node]) -> Iterator[Column]:
    """The columns of tables that references read, seen from the expression at ``path``."""
    book = meaning.book
    own = f"subject_{book.rates.subject}" if book.rates.subject else f"item_{book.rates.record}"
    source = _source_of(meaning, path)
    for ref in _references(nodes):
        if ref.space == "unit":
            yield own, ref.name
        elif ref.space == "attr" and source is not None:
            yield f"subject_{book.sources[source].attributes[ref.qualifier].kind}", ref.name
        else:
            where = {"row": source, "parent": meaning.parent_source(source) if source else None}.get(ref.space)
            if ref.space == "other":
                where = getattr(book.clauses[str(path[1])], str(path[2])).source
            item = book.sources[where].item if where else None
            if item is not None:
                yield f"item_{item}", ref.name


def _source_of(meaning: Meaning, path: Path) -> str | None:
    """The source over whose rows the expression at ``path`` speaks."""
    book, name = meaning.book, str(path[1]) if len(path) > 1 else ""
    if path[0] == "sources":
        return name
    if path[0] == "clauses":
        return book.clauses[name].hits
    if path[0] == "folds":
        fold = book.folds[name]
        return book.clauses[fold.tally[0]].hits if fold.tally else fold.over
    return None
