"""A book as a plan: relational steps in order, then its findings and entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from xinlu.engine.compile.caps import cap_selects
from xinlu.engine.compile.contests import add_contest
from xinlu.engine.compile.draft import Draft, Step
from xinlu.engine.compile.folds import FoldWriter
from xinlu.engine.compile.hits import Hits, HitWriter
from xinlu.engine.compile.lines import LineWriter
from xinlu.engine.compile.outcome import OutputWriter, UnitTable, add_rated_when, add_value, join_folds
from xinlu.engine.compile.scalar import Scalar
from xinlu.engine.compile.sources import SourceWriter, add_units, gather_demand
from xinlu.engine.compile.verdict import add_findings, add_grades, add_wide
from xinlu.law.catalogue import Catalogue
from xinlu.law.expression import Node
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Source


@dataclass(frozen=True)
class Plan:
    """Steps in order; ``findings``, ``entries`` and ``wide`` are quoted names of the last ones.

    ``wide`` has one row a unit with a column an output, for books that read this one.
    """

    book: str
    version: str
    steps: tuple[Step, ...]
    findings: str
    entries: str
    wide: str
    state: str
    """The one-row-a-unit table with every fold, value and answer."""
    prefix: str
    inputs: tuple[str, ...] = ()
    """SELECTs of all that the folds read: units, rows of sources and hits. Where they are the same on two days,
    a unit is the same. Rows and hits of findings of other books are left out."""
    input_steps: int = 0
    """How many of the steps it takes to have the inputs."""
    sums: tuple[str, ...] = ()
    """Folds of the unit whose value is the sum of the shares of their entries, and a column of ``state``."""
    coded: tuple[str, ...] = ()
    """SELECTs of the entries with steps, kinds, clauses and grades as codes; ``"@step"`` names the enumeration."""
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Column of the coded entries → every word that may stand in it."""
    outputs: tuple[str, ...] = ()
    by_row: bool = False
    """Whether entries may belong to rows of a fold."""
    by_record: bool = False
    """Whether entries of one unit and step may differ by their record alone."""
    alike: bool = False
    """Whether two entries may agree in step, row, clause, day, kind and record: a record may reach a unit twice."""
    filled: frozenset[str] = frozenset()
    """Columns of the coded entries in which anything may stand."""


def compile_book(
    meaning: Meaning,
    catalogue: Catalogue,
    *,
    as_of: date,
    known_at: datetime,
    prefix: str = "",
    wanted: str | None = None,
    finding_tables: Mapping[str, str] | None = None,
    frozen: Iterable[str] = (),
) -> Plan:
    """The plan of one version of one book for one day.

    ``wanted``: quoted table with a column ``unit`` that restricts the run. ``finding_tables``: wide tables of
    the books that this one reads, by id; they must exist when the plan runs. ``frozen``: peer values that are
    read from a snapshot in the table ``<prefix>peer_<value>``.
    """
    draft = Draft(meaning, catalogue, as_of, known_at, prefix, wanted, dict(finding_tables or {}), frozenset(frozen))
    draft.scalar = Scalar(meaning.book.tables, _pieces(meaning))
    draft.clause_numbers = {name: index for index, name in enumerate(meaning.book.clauses, start=1)}
    return _Compiler(draft).compile()


def _pieces(meaning: Meaning) -> dict[tuple[str, int], Node]:
    return {
        (str(path[1]), int(path[3])): node
        for path, node in meaning.expressions.items()
        if path[0] == "tables" and path[-1] == "expr"
    }


def _repeats(source: Source) -> bool:
    """Whether a record may stand several times among the rows of one unit."""
    reach = source.unit
    ways = (source.relation, source.each, reach.relation, reach.unit_role, reach.row)
    return any(one is not None for one in ways) or bool(source.attributes)


class _Compiler:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.book = draft.meaning.book
        self.pending: dict[str, list[str]] = {}
        """Source → clauses whose hits are not written yet."""
        self.settled: dict[str, Hits] = {}
        self.caps: dict[str, str] = {}
        self.folds = FoldWriter(draft, self.settled, self.caps)
        self.groups: dict[str, int] = {}

    def compile(self) -> Plan:
        gather_demand(self.draft)
        add_units(self.draft)
        for kind, name in self.draft.meaning.order:
            if kind == "source":
                self.source(name)
            elif kind == "clause":
                self.pending.setdefault(self.book.clauses[name].hits, []).append(name)
            elif kind == "contest":
                self.write_hits(self.book.contests[name].among)
                add_contest(self.draft, name, self.settled)
            elif kind == "fold" and self.book.folds[name].per is not None:
                self.row_fold(name)
        self.write_hits(tuple(self.book.clauses))
        self.write_caps(self.book.clauses)
        inputs, steps = self.inputs(), len(self.draft.steps)
        self.unit_folds()
        return replace(self.finish(), inputs=inputs, input_steps=steps)

    def inputs(self) -> tuple[str, ...]:
        own = {name for name, source in self.book.sources.items() if source.findings is None}
        selects = [f"SELECT * FROM {self.draft.table('units')}"]
        selects += [f"SELECT * FROM {self.draft.current[name]}" for name in self.book.sources if name in own]
        for group, hits in self.settled.items():
            if self.book.clauses[self.draft.members(group)[0]].hits in own:
                # The number that tells hits apart inside one run says nothing of another.
                kept = "* EXCLUDE (hid)" if hits.contested else "*"
                selects.append(f"SELECT {kept} FROM {hits.table}")
        return tuple(selects)

    def source(self, name: str) -> None:
        writer = SourceWriter(self.draft, name)
        self.draft.current[name] = writer.write(view=self.read_once(name))

    def read_once(self, name: str) -> bool:
        """Whether only one step reads the source, so that its rows need not be kept."""
        readers = sum(fold.over == name or fold.per == name for fold in self.book.folds.values())
        readers += sum(name in (source.unit.row, source.unit.parent) for source in self.book.sources.values())
        readers += bool(self.book.sources[name].exclude)
        clauses = [one for one in self.book.clauses.values() if one.hits == name]
        codes = [one.code for one in clauses]
        coded = len(clauses) > 2 and all(isinstance(one, str) for one in codes) and len(set(codes)) == len(codes)
        readers += 1 if coded else len(clauses)
        readers += sum(
            among is not None and among.source == name
            for c in self.book.clauses.values()
            for among in (c.needs, c.lacks)
        )
        return readers <= 1

    def write_hits(self, wanted: tuple[str, ...]) -> None:
        """Write the hits of every source that holds a wanted clause, with all its clauses ready so far."""
        for source in dict.fromkeys(self.book.clauses[one].hits for one in wanted):
            clauses = self.pending.pop(source, [])
            if not clauses:
                continue
            self.groups[source] = self.groups.get(source, 0) + 1
            group = source if self.groups[source] == 1 else f"{source} {self.groups[source]}"
            for one in clauses:
                self.draft.group[one] = group
            self.settled[group] = HitWriter(self.draft, group, source, clauses).write()

    def write_caps(self, wanted: Iterable[str]) -> None:
        """Closing entries of the caps of clauses, for hits tables that have none yet."""
        for group in dict.fromkeys(self.draft.group[one] for one in wanted):
            if group in self.caps:
                continue
            selects = cap_selects(self.draft, group, self.settled[group])
            if selects:
                self.caps[group] = self.draft.add(f"caps_{group}", " UNION ALL ".join(selects))

    def row_fold(self, name: str) -> None:
        fold = self.book.folds[name]
        taken = (*(fold.sum or ()), *(fold.tally or ()))
        self.write_hits(taken)
        self.write_caps(taken)
        self.folds.add_row_fold(name)

    def unit_folds(self) -> None:
        units = {name: fold for name, fold in self.book.folds.items() if fold.per is None}
        sums = [name for name, fold in units.items() if fold.sum is not None or fold.tally is not None]
        if sums:
            self.folds.add_unit_sums(sums)
        rows = [name for name, fold in units.items() if fold.over is not None and name not in sums]
        if rows:
            self.folds.add_unit_rows(rows)
        for name, fold in units.items():
            if fold.running is not None:
                self.folds.add_running(name)
        for name, fold in units.items():
            if fold.crossings is not None:
                self.folds.add_crossings(name)

    def finish(self) -> Plan:
        draft = self.draft
        state: UnitTable = join_folds(draft, self.folds)
        for kind, name in draft.meaning.order:
            if kind == "value":
                add_value(draft, state, name)
        add_rated_when(draft, state)
        outputs = OutputWriter(draft, state, self.settled)
        for name in self.book.outputs:
            outputs.write(name)
        state.keep()
        lines = LineWriter(draft, state, self.folds, self.settled, self.caps)
        lines.write()
        grades = add_grades(draft, lines.graded)
        findings = add_findings(draft, state, lines, grades)
        entries = draft.add("entries", " UNION ALL ".join(lines.selects), view=True)
        wide = add_wide(draft, state, grades)
        sums = tuple(name for name, one in self.book.folds.items() if (one.sum or one.running) and one.per is None)
        by_row = any(one.per is not None for one in self.book.folds.values())
        return Plan(
            self.book.rulebook,
            self.book.version,
            tuple(draft.steps),
            findings,
            entries,
            wide,
            state.name,
            draft.prefix,
            sums=sums,
            coded=tuple(lines.coded),
            words={column: frozenset(found) for column, found in lines.words.items()},
            outputs=tuple(self.book.outputs),
            by_row=by_row,
            by_record=lines.by_record,
            filled=frozenset(lines.filled | {"unit", "step", "kind", "grade", "seq"}) - (set() if by_row else {"row"}),
            alike=any(map(_repeats, self.book.sources.values()))
            or any(one.cap is not None and set(one.cap.per) - {"unit"} for one in self.book.clauses.values()),
        )


__all__ = ["Plan", "compile_book"]
