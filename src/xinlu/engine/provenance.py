"""How far each part of a book may be trusted, and on which steps an answer rests.

Grades of parts are read off the law file alone; the grade of a finding is the weakest among the entries of
the steps on which its output rests (``docs/language.md``, "Fine points").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, TypeVar, cast

from xinlu.engine.result import Entry
from xinlu.law.expression import Node
from xinlu.law.meaning import Meaning, Path
from xinlu.law.rulebook import Graded, Output
from xinlu.law.source import Grade
from xinlu.law.typing_rules import Ref

CLAUSES = "clauses"
"""Step of the hits that no sum or running fold takes up."""
RATED_WHEN = "rated_when"


def references(node: Node) -> Iterator[Ref]:
    """Every resolved name of a tree, in the order of the text."""
    for one in node.walk():
        if one.op == "ref":
            assert isinstance(one.value, Ref)
            yield one.value


def _tables(node: Node) -> Iterator[str]:
    for one in node.walk():
        if one.op == "call" and one.value == "lookup":
            yield str(one.args[0].value)


def _evidence(output: Output) -> list[tuple[str, ...]]:
    return [*(condition.by for condition in output.conditions), *(move.by for move in output.moves)]


@dataclass(frozen=True)
class Rest:
    """What an output rests on: folds and values by step name, and clauses whose hits are its evidence."""

    steps: frozenset[str]
    clauses: frozenset[str]


Method = TypeVar("Method", bound=Callable[..., Any])


def _once(method: Method) -> Method:
    """Worked out once for the same names: law does not change while it is read."""

    @wraps(method)
    def known(self: Provenance, *names: Any) -> Any:
        key = (method.__name__, *names)
        if key not in self.known:
            self.known[key] = method(self, *names)
        return self.known[key]

    return cast(Method, known)


class Provenance:
    """Grades of the parts of one book, and the steps under each output."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self.book = meaning.book
        self.known: dict[tuple[Any, ...], Any] = {}

    # ── grades of parts ─────────────────────────────────────────────────────────────────────────

    def below(self, *path: str | int, without: tuple[str, ...] = ()) -> list[Node]:
        """The expressions whose path begins with ``path``, the parts named in ``without`` left out."""
        size = len(path)
        return [
            node
            for place, node in self.meaning.expressions.items()
            if place[:size] == path and not (len(place) > size and place[size] in without)
        ]

    def read(self, nodes: Iterable[Node]) -> Grade:
        """The weakest grade of the parameters and tables that expressions name."""
        grades = []
        for node in nodes:
            grades += [self.book.grade_of(self.book.parameters[r.name]) for r in references(node) if r.space == "param"]
            grades += [self.table(name) for name in _tables(node)]
        return Grade.weakest(*grades)

    @_once
    def table(self, name: str) -> Grade:
        """Of a table: its own and that of its weakest row."""
        table = self.book.tables[name]
        rows = [self.book.grade_of(row) if row.grade else self.book.grade_of(table) for row in table.rows]
        return Grade.weakest(self.book.grade_of(table), *rows, self.read(self.below("tables", name)))

    def part(self, part: Graded, *path: str | int, without: tuple[str, ...] = ()) -> Grade:
        """Of any part: its own and what its expressions read."""
        return Grade.weakest(self.book.grade_of(part), self.read(self.below(*path, without=without)))

    @_once
    def source(self, name: str | None) -> Grade:
        """Of a source: its own, what it reads (exclusions apart), and that of its parent source."""
        if name is None or name not in self.book.sources:
            return Grade.OFFICIAL
        own = self.part(self.book.sources[name], "sources", name, without=("exclude",))
        return Grade.weakest(own, self.source(self.meaning.parent_source(name)))

    @_once
    def exclude(self, source: str, index: int) -> Grade:
        """Of one exclusion."""
        return self.part(self.book.sources[source].exclude[index], "sources", source, "exclude", index)

    @_once
    def clause(self, name: str) -> Grade:
        """Of a clause: its own, its cap's, what it reads, and its sources'."""
        clause = self.book.clauses[name]
        grades = [self.part(clause, "clauses", name), self.source(clause.hits)]
        grades += [self.book.grade_of(clause.cap)] if clause.cap else []
        grades += [self.source(among.source) for among in (clause.needs, clause.lacks) if among]
        return Grade.weakest(*grades)

    @_once
    def fold(self, name: str) -> Grade:
        """Of a fold: its own, what it reads, and its source's."""
        fold = self.book.folds[name]
        return Grade.weakest(self.part(fold, "folds", name), self.source(fold.over), self.source(fold.per))

    @_once
    def value(self, name: str) -> Grade:
        """Of a named value: its own and what it reads."""
        return self.part(self.book.values[name], "values", name)

    @_once
    def output(self, name: str) -> Grade:
        """Of an output: its own and what its ``value`` reads."""
        return self.part(self.book.outputs[name], "outputs", name, without=("bands", "conditions", "moves"))

    # ── what an output rests on ─────────────────────────────────────────────────────────────────

    @cached_property
    def used(self) -> frozenset[str]:
        """Clauses that some sum or running fold takes up."""
        found: set[str] = set()
        for fold in self.book.folds.values():
            found |= {*(fold.sum or ()), *(fold.running.clauses if fold.running else ())}
        return frozenset(found)

    @_once
    def rest_of(self, output: str) -> Rest:
        """The steps and clauses on which ``output`` rests."""
        found = self.book.outputs[output]
        clauses = {one for by in _evidence(found) for one in by}
        # An output may be called like the value or fold that it gives: its name is not yet a step that was followed.
        steps: set[str] = set()
        self._follow(self.below("outputs", output), steps, clauses)
        return Rest(frozenset({output, RATED_WHEN, *steps}), frozenset(clauses))

    def _follow(self, nodes: Iterable[Node], steps: set[str], clauses: set[str]) -> None:
        for ref in [ref for node in nodes for ref in references(node)]:
            name = ref.name
            column = ref.space in {"row", "parent", "other"} and name in self.book.folds
            if column or ref.space == "fold":
                self._follow_fold(name, steps, clauses)
            elif ref.space == "value" and name not in steps:
                steps.add(name)
                self._follow(self.below("values", name), steps, clauses)
                for part in self.book.values[name].parts or ():
                    self._follow_part(part, steps, clauses)

    def _follow_part(self, part: str, steps: set[str], clauses: set[str]) -> None:
        space = "fold" if part in self.book.folds else "value" if part in self.book.values else "unit"
        self._follow([Node("ref", value=Ref(space, part))], steps, clauses)

    def _follow_fold(self, name: str, steps: set[str], clauses: set[str]) -> None:
        if name in steps:
            return
        steps.add(name)
        fold = self.book.folds[name]
        taken = {*(fold.sum or ()), *(fold.tally or ()), *(fold.running.clauses if fold.running else ())}
        clauses |= set(fold.tally or ())
        if fold.crossings:
            self._follow_fold(fold.crossings, steps, clauses)
        paths: list[Path] = [("folds", name), *(("clauses", one) for one in taken)]
        sources = {fold.over, fold.per, *(self.book.clauses[one].hits for one in taken)} - {None}
        paths += [("sources", str(one)) for one in sources]
        for path in paths:
            self._follow(self.below(*path), steps, clauses)

    def weakest(self, output: str, entries: Iterable[Entry]) -> str:
        """The grade of a finding from the entries of its unit."""
        rest = self.rest_of(output)
        grades = {
            Grade(entry.grade)
            for entry in entries
            if entry.grade is not None
            and entry.kind not in {"lost", "excluded"}
            and (entry.step in rest.steps or (entry.kind == "hit" and entry.clause in rest.clauses))
        }
        return Grade.weakest(self.output(output), *grades).value
