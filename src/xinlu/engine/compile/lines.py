"""Entries: one SELECT for each kind of line, made from the tables in which the numbers were made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xinlu.engine.compile import primitives as p
from xinlu.engine.compile.caps import by_row
from xinlu.engine.compile.draft import Draft, answer
from xinlu.engine.compile.folds import FoldWriter, operation
from xinlu.engine.compile.hits import Hits
from xinlu.engine.compile.outcome import UnitTable, no_period_reasons
from xinlu.engine.provenance import RATED_WHEN
from xinlu.engine.result import NUMBER_SCALE, SEQ
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Output
from xinlu.law.source import Grade
from xinlu.law.types import DATE, QUOTIENT_SCALE, SUBJECT, Type

COLUMNS = (
    "unit", "step", "kind", "clause", "record", "row", "day", "raw", "weight", "share", "text", "lost_to",
    "grade", "seq",
)  # fmt: skip

_EMPTY = {
    "clause": "CAST(NULL AS VARCHAR)",
    "record": "CAST(NULL AS BIGINT)",
    "row": "CAST(NULL AS BIGINT)",
    "day": "CAST(NULL AS DATE)",
    "text": "CAST(NULL AS VARCHAR)",
    "lost_to": "CAST(NULL AS BIGINT)",
}


_TEXT = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True, slots=True)
class Graded:
    """Where the grade of a line comes from: SQL over the row that it is made from.

    ``own``: whether that row is the one of the unit in the state table, called f."""

    unit: str
    step: str
    kind: str
    clause: str
    grade: str
    rows: str
    where: str
    own: bool

    @property
    def weakest(self) -> int:
        """The weakest grade that the line can have, as a number."""
        return max((Grade(one[1:-1]).weakness for one in _TEXT.findall(self.grade)), default=0)


def entry_number(meaning: Meaning) -> str:
    """The SQL type of every number in this book's entries: 18 digits where folds and facts fit, which is half
    the width to sort and write, else 38. A value that does not fit fails the run; nothing is ever cut."""
    folds = meaning.book.folds
    types: list[Type] = [*meaning.points.values(), *meaning.folds.values()]
    types += [found for columns in meaning.columns.values() for name, found in columns.items() if name in folds]
    types += [meaning.units[ref.name] for ref in meaning.facts if ref.space == "unit" and ref.name in meaning.units]
    numbers = [one for one in types if one.kind == "number"]
    # What is shown before it is rounded, or only compared, has digits of its own.
    paths = {("values", "is"), ("outputs", "value"), ("outputs", "bands")}
    nodes = [node for path, node in meaning.expressions.items() if len(path) > 2 and (path[0], path[2]) in paths]
    written = [*meaning.values.values(), *(node.type for node in nodes if isinstance(node.type, Type))]
    shown = [*numbers, *(one for one in written if one.kind == "number")]
    means = any(fold.mean or fold.worst_weighted for fold in folds.values())
    scale = QUOTIENT_SCALE if means else min(NUMBER_SCALE, max((one.scale for one in shown), default=0))
    whole = max((one.whole_digits for one in numbers), default=1)
    return p.decimal_type(18, scale) if scale <= 6 and whole + scale <= 18 else p.decimal_type(38, scale)


class LineWriter:
    """Collects the SELECTs of entries of one book."""

    def __init__(
        self, draft: Draft, state: UnitTable, writer: FoldWriter, settled: dict[str, Hits], caps: dict[str, str]
    ) -> None:
        self.draft = draft
        self.book = draft.meaning.book
        self.state = state
        self.writer = writer
        self.settled = settled
        self.caps = caps
        self.number = entry_number(draft.meaning)
        self.selects: list[str] = []
        self.coded: list[str] = []
        """The same SELECTs with words as codes: ``"@step"`` stands for an enumeration of :attr:`words`."""
        self.words: dict[str, set[str]] = {"step": set(), "kind": set(), "clause": set(), "grade": set()}
        self.filled: set[str] = set()
        """Columns that any line fills; the others are missing throughout."""
        self.graded: list[Graded] = []
        self.by_record = False
        """Whether lines of one step and kind may differ by their record alone."""

    def line(
        self,
        table: str,
        *,
        unit: str,
        step: str,
        kind: str,
        grade: str,
        where: str = "",
        seq: str = "",
        **columns: str,
    ) -> None:
        """One SELECT of entries; numbers are cast to the book's entry type, the rest is missing unless given."""
        self.filled |= set(columns)
        own = table == f"{self.state.name} f"
        self.by_record |= "record" in columns and not own
        clause = columns.get("clause", _EMPTY["clause"])
        self.graded.append(Graded(unit, step, kind, clause, grade, table, where, own))
        values = {"unit": unit, "step": step, "kind": p.text_literal(kind), **_EMPTY, "grade": grade}
        for name in ("raw", "weight", "share"):
            values[name] = f"CAST({columns.pop(name, 'NULL')} AS {self.number})"
        values |= columns
        values["seq"] = f"CAST({seq or SEQ[kind]} AS INTEGER)"
        rows = f"FROM {table}{' WHERE ' + where if where else ''}"
        self.selects.append(f"SELECT {', '.join(f'{values[name]} AS {name}' for name in COLUMNS)} {rows}")
        values |= {name: self.as_code(name, values[name]) for name in self.words}
        values["seq"] = f"CAST({seq or SEQ[kind]} AS SMALLINT)"
        self.coded.append(f"SELECT {', '.join(f'{values[name]} AS {name}' for name in COLUMNS)} {rows}")

    def as_code(self, column: str, sql: str) -> str:
        """SQL whose texts are all constants, with these as codes of an enumeration: small numbers to sort and keep."""
        self.words[column] |= {found[1:-1].replace("''", "'") for found in _TEXT.findall(sql)}
        return _TEXT.sub(lambda found: f'CAST({found[0]} AS "@{column}")', sql.replace("VARCHAR", f'"@{column}"'))

    @staticmethod
    def grade(found: Grade, dynamic: str | None = None) -> str:
        """A grade as text: that of the law, or the weaker of it and the ``dynamic`` weakness of rows."""
        if dynamic is None:
            return p.text_literal(found.value)
        lines = " ".join(f"WHEN {one.weakness} THEN {p.text_literal(one.value)}" for one in Grade)
        return f"CASE greatest({found.weakness}, coalesce({dynamic}, 0)) {lines} END"

    def clause_grades(self, clauses: Iterable[str], column: str, group: str) -> str:
        """Grade of a hit of one of the clauses."""
        dynamic = "h._grade" if self.draft.is_graded(group) else None
        rules = {one: self.grade(self.draft.provenance.clause(one), dynamic) for one in clauses}
        return self.draft.clause_case(column, rules)

    def clause_names(self, column: str, clauses: Iterable[str]) -> str:
        return self.draft.clause_case(column, {one: p.text_literal(one) for one in clauses})

    # ── all lines ───────────────────────────────────────────────────────────────────────────────

    def write(self) -> None:
        """Gather every SELECT but those of status and answer, in no particular order."""
        for group, found in self.settled.items():
            self.hits(group, found)
        for group, table in self.caps.items():
            self.cap_lines(group, table)
        for source in self.book.sources:
            self.excluded(source)
        for name in self.book.folds:
            self.fold_lines(name)
        self.facts()
        for name in self.book.values:
            self.value_lines(name)
        self.failures()
        for name, output in self.book.outputs.items():
            self.output_lines(name, output)

    # ── hits ────────────────────────────────────────────────────────────────────────────────────

    def folds_of(self, clause: str) -> list[str]:
        """Sum folds that add a clause up (running folds write their own lines)."""
        return [name for name, fold in self.book.folds.items() if clause in (fold.sum or ())]

    def in_running(self, clause: str) -> bool:
        return any(fold.running and clause in fold.running.clauses for fold in self.book.folds.values())

    def hits(self, group: str, found: Hits) -> None:
        own = self.draft.members(group)
        folds = {one: self.folds_of(one) for one in own}
        single = [one for one in own if len(folds[one]) <= 1]
        steps = {
            one: p.text_literal(folds[one][0] if folds[one] else "clauses")
            for one in single
            if folds[one] or not self.in_running(one)
        }
        shares = {one: "h.points" if folds[one] else "0" for one in steps}
        if steps:
            self.hit_lines(group, found, steps, shares, whole=len(steps) == len(own))
        for one in own:
            if len(folds[one]) > 1:
                for fold in folds[one]:
                    self.hit_lines(group, found, {one: p.text_literal(fold)}, {one: "h.points"}, whole=False)
        for one in own:
            if one not in steps and len(folds[one]) <= 1:
                self.lost_lines(group, found, {one: p.text_literal(self.running_of(one))})

    def running_of(self, clause: str) -> str:
        return next(n for n, f in self.book.folds.items() if f.running and clause in f.running.clauses)

    def hit_lines(self, group: str, found: Hits, steps: dict[str, str], shares: dict[str, str], *, whole: bool) -> None:
        tests = [] if whole else [f"h.clause IN ({self.draft.numbers(steps)})"]
        if found.contested:
            tests.append(found.alive)
        row = self.rows_of(steps)
        self.line(
            f"{found.table} h",
            unit="h.unit", step=self.draft.clause_case("h.clause", steps), kind="hit",
            clause=self.clause_names("h.clause", steps), record="h.key", row=row, day="h._day",
            raw="h.raw", weight="h.weight", share=self.draft.clause_case("h.clause", shares),
            grade=self.clause_grades(steps, "h.clause", group),
            where=" AND ".join(tests),
        )  # fmt: skip
        if found.contested:
            self.lost_lines(group, found, steps)

    def rows_of(self, steps: dict[str, str]) -> str:
        """The row to which a hit belongs: only where its fold goes by rows."""
        per = {p.text_literal(name) for name, fold in self.book.folds.items() if fold.per is not None}
        return self.draft.clause_case(
            "h.clause", {one: "h._row" if step in per else "CAST(NULL AS BIGINT)" for one, step in steps.items()}
        )

    def lost_lines(self, group: str, found: Hits, steps: dict[str, str]) -> None:
        if not found.contested:
            return
        self.line(
            f"{found.table} h",
            unit="h.unit", step=self.draft.clause_case("h.clause", steps), kind="lost",
            clause=self.clause_names("h.clause", steps), record="h.key", row=self.rows_of(steps), day="h._day",
            raw="h.raw", weight="h.weight", share="0", lost_to="h.lost_to",
            text=self.clause_names("h.lost_clause", self.book.clauses),
            grade=self.clause_grades(steps, "h.clause", group),
            where=f"h.lost_to IS NOT NULL AND h.clause IN ({self.draft.numbers(steps)})",
        )  # fmt: skip

    def cap_lines(self, group: str, table: str) -> None:
        dynamic = "h._grade" if self.draft.is_graded(group) else None
        capped: dict[str, list[str]] = {}
        for clause in self.draft.members(group):
            for fold in self.folds_of(clause) if self.book.clauses[clause].cap else ():
                capped.setdefault(fold, []).append(clause)
        for fold, clauses in capped.items():
            grades = {one: self.grade(self.draft.provenance.clause(one), dynamic) for one in clauses}
            self.line(
                f"{table} h",
                unit="h.unit", step=p.text_literal(fold), kind="cap", clause=self.clause_names("h.clause", clauses),
                row="h._row", share="h.share", grade=self.draft.clause_case("h.clause", grades),
                where=f"h.clause IN ({self.draft.numbers(clauses)}) AND {by_row(self.book.folds[fold])}",
            )  # fmt: skip

    def excluded(self, source: str) -> None:
        for index, exclude in enumerate(self.book.sources[source].exclude):
            self.line(
                f"{self.draft.current[source]} s",
                unit="s.unit", step=p.text_literal(source), kind="excluded", record="s.key", day="s._day",
                share="0", text=p.text_literal(exclude.because),
                grade=self.grade(self.draft.provenance.exclude(source, index)),
                where=f"s._excluded = {index}",
            )  # fmt: skip

    # ── folds ───────────────────────────────────────────────────────────────────────────────────

    def fold_lines(self, name: str) -> None:
        fold = self.book.folds[name]
        what = operation(fold)
        if what == "sum":
            self.sum_lines(name)
        elif what == "running":
            self.running_lines(name)
        elif what in {"mean", "worst_weighted"}:
            self.mean_lines(name)
        elif fold.per is None:
            self.read_line(name, what)
        else:
            self.row_read_line(name, what)

    def sum_lines(self, name: str) -> None:
        fold = self.book.folds[name]
        grade = self.grade(self.draft.provenance.fold(name))
        for kind in ("start", "ceiling", "floor"):
            if getattr(fold, kind) is None:
                continue
            if fold.per is None:
                column = f"f.{p.identifier(f'{name} {kind}')}"
                table, more = self.state.name, {}
            else:
                column, table, more = f"f.{kind}", self.draft.table(f"fold_{name}"), {"row": "f.key"}
            self.line(
                f"{table} f", unit="f.unit", step=p.text_literal(name), kind=kind, share=column, grade=grade,
                where=f"{column} <> 0", **more,
            )  # fmt: skip

    def running_lines(self, name: str) -> None:
        fold = self.book.folds[name]
        assert fold.running is not None
        step, table = p.text_literal(name), self.draft.table(f"running_{name}")
        start = self.draft.sql(("folds", name, "running", "start"), self.draft.unit_columns("f"))
        self.line(
            f"{self.state.name} f",
            unit="f.unit",
            step=step,
            kind="start",
            share=start,
            grade=self.grade(self.draft.provenance.fold(name)),
            where=f"{start} <> 0",
        )
        clauses = fold.running.clauses
        grades = {one: self.grade(self.draft.provenance.clause(one)) for one in clauses}
        common = {
            "unit": "t.unit", "step": step, "clause": self.clause_names("t.clause", clauses),
            "record": "t.key", "row": "t._row", "day": "t._day",
            "grade": self.draft.clause_case("t.clause", grades),
        }  # fmt: skip
        self.line(f"{table} t", kind="hit", raw="t.raw", weight="t.weight", share="t.counted", **common)
        before = "lag(state, 1, start) OVER (PARTITION BY unit ORDER BY place)"
        moved = f"(SELECT *, {before} AS before FROM {table}) t"
        clamp = "(t.state - t.before - t.counted)"
        # The bound that clamps is the fold's, whatever clause ran into it.
        common["grade"] = self.grade(self.draft.provenance.fold(name))
        self.line(moved, kind="clamp", share=clamp, where=f"{clamp} <> 0", **common)

    def mean_lines(self, name: str) -> None:
        fold = self.book.folds[name]
        what = operation(fold)
        assert fold.over is not None
        value_node = self.draft.node("folds", name, what)
        columns = self.draft.row_columns("s")
        value = self.draft.scalar.sql(value_node, columns)
        found = value_node.type
        assert isinstance(found, Type)
        weight, scale = self.writer.row_weight(name)
        rows = self.writer.rows(name, self.draft.current[fold.over])
        parent = "s.key" if fold.per is None else f"s.{p.identifier(fold.by) if fold.by else '_parent'}"
        group = "s.unit" if fold.per is None else f"s.unit, {parent}"
        present = f"({value}) IS NOT NULL AND ({weight}) IS NOT NULL"
        weights = f"sum({weight}) OVER (PARTITION BY {group})"
        graded = fold.over in self.draft.graded
        own = "s._grade" if graded else "0"
        inner = (
            f"SELECT s.unit, s.key, {parent} AS _row, s._day, {value} AS x, {weight} AS w, {weights} AS ww, "
            f"{own} AS _grade FROM {rows} s WHERE {present}"
        )
        share = p.quotient("(x.x * x.w)", found.scale + scale, "x.ww", scale, QUOTIENT_SCALE)
        row = "CAST(NULL AS BIGINT)" if fold.per is None else "x._row"
        shares = self.draft.add(
            f"shares_{name}",
            f"SELECT x.unit, x.key, {row} AS _row, x._day, x.x, x.w, x._grade, {share} AS share FROM ({inner}) x",
        )
        law = self.draft.provenance.fold(name)
        step, grade = p.text_literal(name), self.grade(law)
        self.line(
            f"{shares} t", unit="t.unit", step=step, kind="row", record="t.key", row="t._row", day="t._day",
            raw="t.x", weight="t.w", share="t.share", grade=self.grade(law, "t._grade" if graded else None),
        )  # fmt: skip
        if fold.per is None:
            totals = f"(SELECT unit, sum(share) AS total FROM {shares} GROUP BY unit)"
            joined = f"{self.state.name} f JOIN {totals} t ON t.unit = f.unit"
            gap, more = f"(f.{p.identifier(name)} - t.total)", {}
        else:
            totals = f"(SELECT unit, _row, sum(share) AS total FROM {shares} GROUP BY unit, _row)"
            joined = f"{self.draft.table(f'fold_{name}')} f JOIN {totals} t ON t.unit = f.unit AND t._row = f.key"
            gap, more = "(f.value - t.total)", {"row": "f.key"}
        self.line(
            joined, unit="f.unit", step=step, kind="rounding", share=gap, grade=grade, where=f"{gap} <> 0", **more
        )

    def read_line(self, name: str, what: str) -> None:
        more = self.shown(f"f.{p.identifier(name)}", self.draft.meaning.folds[name])
        if what in _PICKED:
            more["record"] = f"f.{p.identifier(f'{name} record')}"
        fold = self.book.folds[name]
        dynamic = f"f.{p.identifier(name + ' grade')}" if self.writer.graded(fold) and what != "crossings" else None
        self.unit_line(name, "read", self.grade(self.draft.provenance.fold(name), dynamic), **more)

    def row_read_line(self, name: str, what: str) -> None:
        fold = self.book.folds[name]
        found = self.draft.meaning.columns[str(fold.per)][name]
        more = self.shown("f.value", found)
        if what in _PICKED:
            more["record"] = "f.record"
        dynamic = "f.grade" if self.writer.graded(fold) and fold.tally is None else None
        grade = self.grade(self.draft.provenance.fold(name), dynamic)
        table = f"{self.draft.table(f'fold_{name}')} f"
        self.line(table, unit="f.unit", step=p.text_literal(name), kind="read", row="f.key", grade=grade, **more)

    def unit_line(self, step: str, kind: str, grade: str, *, where: str = "", seq: str = "", **more: str) -> None:
        """A line made from the one-row-a-unit table."""
        table = f"{self.state.name} f"
        self.line(table, unit="f.unit", step=p.text_literal(step), kind=kind, grade=grade, where=where, seq=seq, **more)

    @staticmethod
    def shown(column: str, found: Type) -> dict[str, str]:
        """The entry columns that hold a value of this type."""
        if found.kind in {"number", "subject"}:
            return {"raw": column}
        if found.kind == "date":
            return {"day": column}
        if found.kind == "flag":
            return {"text": f"CASE WHEN {column} THEN 'true' WHEN NOT {column} THEN 'false' END"}
        if found.kind == "list":
            return {"text": f"CAST(to_json({column}) AS VARCHAR)"}
        return {"text": f"CAST({column} AS VARCHAR)"}

    # ── facts and values ────────────────────────────────────────────────────────────────────────

    def facts(self) -> None:
        for ref in self.draft.meaning.facts:
            found = self.draft.meaning.units.get(ref.name, SUBJECT) if ref.space == "unit" else DATE
            self.unit_line(ref.name, "fact", _NO_GRADE, **self.shown(self.draft.unit_columns("f")(ref), found))

    def value_lines(self, name: str) -> None:
        value = self.book.values[name]
        found = self.draft.meaning.values[name]
        column, grade = f"f.{p.identifier(name)}", self.grade(self.draft.provenance.value(name))
        if value.round is not None and found.kind == "number":
            self.rounding(name, column, f"f.{p.identifier(name + ' exact')}", grade)
        self.unit_line(name, "value", grade, **self.shown(column, found))

    def rounding(self, step: str, after: str, before: str, grade: str) -> None:
        """What rounding added or took."""
        gap = f"({after} - {before})"
        self.unit_line(step, "rounding", grade, share=gap, where=f"{gap} <> 0")

    # ── outputs ─────────────────────────────────────────────────────────────────────────────────

    def failures(self) -> None:
        for place, reason in enumerate(no_period_reasons(self.draft)):
            grade = self.grade(self.book.source.grade)
            self.unit_line(RATED_WHEN, "status", grade, text=p.text_literal(reason), where=f"f._failed = {-1 - place}")
        for index, rule in enumerate(self.book.rated_when):
            grade = self.grade(self.draft.provenance.part(rule, RATED_WHEN, index))
            text = p.text_literal(rule.otherwise)
            self.unit_line(RATED_WHEN, "status", grade, text=text, where=f"f._failed = {index}")

    def output_lines(self, name: str, output: Output) -> None:
        """Base, moves, rounding; status and answer come with the findings."""
        if output.value is None:
            self.base_lines(name, output)
            self.move_lines(name, output)
        elif output.round is not None and self.draft.meaning.outputs[name].kind == "number":
            grade = self.grade(self.draft.provenance.output(name))
            self.rounding(name, f"f.{p.identifier(answer(name))}", f"f.{p.identifier(name + ' unrounded')}", grade)

    def base_lines(self, name: str, output: Output) -> None:
        base, which = (f"f.{p.identifier(f'{name} {part}')}" for part in ("base", "line"))
        allowed = "TRUE" if output.unrated else "f._failed IS NULL"
        law = self.draft.provenance
        if output.bands is not None:
            number = f"f.{p.identifier(name + ' number')}"
            grade = self.grade(law.part(output.bands, "outputs", name, "bands"))
            self.unit_line(name, "band", grade, raw=number, text=base, where=f"{allowed} AND {number} IS NOT NULL")
            return
        for index, condition in enumerate(output.conditions):
            text = p.text_literal(condition.then if condition.then is not None else str(condition.ask))
            grade = self.grade(law.part(condition, "outputs", name, "conditions", index))
            cited = self.cited(name, "condition", index, condition.by)
            self.unit_line(name, "condition", grade, raw=str(index + 1), text=text, where=f"{which} = {index}", **cited)
        if output.otherwise is not None:
            grade = self.grade(law.output(name))
            where = f"{allowed} AND {which} IS NULL"
            self.unit_line(name, "condition", grade, raw="0", text=p.text_literal(output.otherwise), where=where)

    def cited(self, name: str, kind: str, index: int, clauses: tuple[str, ...]) -> dict[str, str]:
        """Clause, record and day of the evidence of a condition or move."""
        if not clauses:
            return {}
        key, day, clause = (f"f.{p.identifier(f'{name} {kind} {index} {part}')}" for part in ("key", "day", "clause"))
        return {"record": key, "day": day, "clause": self.clause_names(clause, self.book.clauses)}

    def move_lines(self, name: str, output: Output) -> None:
        levels = self.draft.meaning.levels_of(name)
        before = f"f.{p.identifier(name + ' base')}"
        for index, move in enumerate(output.moves):
            after = f"f.{p.identifier(f'{name} after {index}')}"
            grade = self.grade(self.draft.provenance.part(move, "outputs", name, "moves", index))
            fires = f"f.{p.identifier(f'{name} fires {index}')}"
            more = self.cited(name, "move", index, move.by)
            rank = place(before, levels)
            self.unit_line(name, "move", grade, raw=rank, text=after, where=fires, seq=str(index + 1), **more)
            before = after


def place(level: str, levels: Sequence[str]) -> str:
    """Place of a level in its set, the best is 1: what a move's entry keeps of the level before."""
    lines = " ".join(f"WHEN {p.text_literal(one)} THEN {index}" for index, one in enumerate(levels, 1))
    return f"(CASE {level} {lines} END)"


_PICKED = {"min", "max", "first", "last"}
_NO_GRADE = "CAST(NULL AS VARCHAR)"

__all__ = ["COLUMNS", "Graded", "LineWriter", "entry_number"]
