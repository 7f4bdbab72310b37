"""Entries: one SELECT for each kind of line, made from the tables in which the numbers were made."""

from __future__ import annotations

from collections.abc import Iterable

from xinlu.engine.compile import primitives as p
from xinlu.engine.compile.draft import Draft
from xinlu.engine.compile.folds import FoldWriter, operation
from xinlu.engine.compile.hits import alive, summed
from xinlu.engine.compile.outcome import UnitTable, exact_type
from xinlu.engine.result import NUMBER_SCALE, SEQ
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Output
from xinlu.law.types import QUOTIENT_SCALE, Type
from xinlu.law.typing_rules import Ref

COLUMNS = (
    "unit", "step", "kind", "clause", "record", "row", "day", "raw", "weight", "share", "text", "lost_to", "grade", "seq",
)  # fmt: skip

_EMPTY = {
    "clause": "CAST(NULL AS VARCHAR)",
    "record": "CAST(NULL AS BIGINT)",
    "row": "CAST(NULL AS BIGINT)",
    "day": "CAST(NULL AS DATE)",
    "text": "CAST(NULL AS VARCHAR)",
    "lost_to": "CAST(NULL AS BIGINT)",
}


def entry_number(meaning: Meaning) -> str:
    """The narrowest SQL type that holds every number of this book's entries."""
    types: list[Type] = [*meaning.points.values(), *meaning.folds.values(), *meaning.values.values()]
    types += [
        found for columns in meaning.columns.values() for name, found in columns.items() if name in meaning.book.folds
    ]
    types += [meaning.units[ref.name] for ref in meaning.facts if ref.space == "unit" and ref.name in meaning.units]
    means = any(fold.mean or fold.worst_weighted for fold in meaning.book.folds.values())
    numbers = [one for one in types if one.kind == "number"]
    scale = min(NUMBER_SCALE, max((one.scale for one in numbers), default=0))
    scale = QUOTIENT_SCALE if means else max(scale, 2)
    whole = max((one.whole_digits for one in numbers), default=1)
    return p.decimal_type(18, scale) if whole + scale <= 18 and not means else p.decimal_type(38, scale)


class LineWriter:
    """Collects the SELECTs of entries of one book."""

    def __init__(
        self, draft: Draft, state: UnitTable, writer: FoldWriter, settled: dict[str, str], caps: dict[str, str]
    ) -> None:
        self.draft = draft
        self.book = draft.meaning.book
        self.state = state
        self.writer = writer
        self.settled = settled
        self.caps = caps
        self.number = entry_number(draft.meaning)
        self.selects: list[str] = []

    def line(
        self,
        table: str,
        *,
        unit: str,
        step: str,
        kind: str,
        grade: str,
        where: str = "",
        seq: int | str | None = None,
        **columns: str,
    ) -> None:
        """One SELECT of entries; numbers are cast to the book's entry type, the rest is missing unless given."""
        values = {"unit": unit, "step": step, "kind": p.text_literal(kind), **_EMPTY, "grade": grade}
        for name in ("raw", "weight", "share"):
            values[name] = f"CAST({columns.pop(name, 'NULL')} AS {self.number})"
        values |= columns
        values["seq"] = f"CAST({SEQ[kind] if seq is None else seq} AS INTEGER)"
        selected = ", ".join(f"{values[name]} AS {name}" for name in COLUMNS)
        self.selects.append(f"SELECT {selected} FROM {table}{' WHERE ' + where if where else ''}")

    def grade(self, part: object) -> str:
        return p.text_literal(self.draft.grade(part).value)

    def clause_names(self, column: str, clauses: Iterable[str]) -> str:
        return self.draft.clause_case(column, {one: p.text_literal(one) for one in clauses})

    # ── all lines ───────────────────────────────────────────────────────────────────────────────

    def write(self) -> list[str]:
        """Every SELECT, in no particular order."""
        for group, table in self.settled.items():
            self.hits(group, table)
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
        return self.selects

    # ── hits ────────────────────────────────────────────────────────────────────────────────────

    def folds_of(self, clause: str) -> list[str]:
        """Sum folds that add a clause up (running folds write their own lines)."""
        return [name for name, fold in self.book.folds.items() if clause in (fold.sum or ())]

    def in_running(self, clause: str) -> bool:
        return any(fold.running and clause in fold.running.clauses for fold in self.book.folds.values())

    def hits(self, group: str, table: str) -> None:
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
            self.hit_lines(table, steps, shares, whole=len(steps) == len(own))
        for one in own:
            if len(folds[one]) > 1:
                for fold in folds[one]:
                    self.hit_lines(table, {one: p.text_literal(fold)}, {one: "h.points"}, whole=False)
        for one in own:
            if one not in steps and len(folds[one]) <= 1:
                self.lost_lines(table, {one: p.text_literal(self.running_of(one))})

    def running_of(self, clause: str) -> str:
        return next(n for n, f in self.book.folds.items() if f.running and clause in f.running.clauses)

    def hit_lines(self, table: str, steps: dict[str, str], shares: dict[str, str], *, whole: bool) -> None:
        tests = [] if whole else [f"h.clause IN ({self.draft.numbers(steps)})"]
        contested = alive(table) != "TRUE"
        if contested:
            tests.append("h.lost_to IS NULL")
        self.line(
            f"{table} h",
            unit="h.unit", step=self.draft.clause_case("h.clause", steps), kind="hit",
            clause=self.clause_names("h.clause", steps), record="h.key", row="h._row", day="h._day",
            raw="h.raw", weight="h.weight", share=self.draft.clause_case("h.clause", shares),
            grade=self.draft.clause_case("h.clause", {one: self.grade(self.book.clauses[one]) for one in steps}),
            where=" AND ".join(tests),
        )  # fmt: skip
        if contested:
            self.lost_lines(table, steps)

    def lost_lines(self, table: str, steps: dict[str, str]) -> None:
        if alive(table) == "TRUE":
            return
        self.line(
            f"{table} h",
            unit="h.unit", step=self.draft.clause_case("h.clause", steps), kind="lost",
            clause=self.clause_names("h.clause", steps), record="h.key", row="h._row", day="h._day",
            raw="h.raw", weight="h.weight", share="0", lost_to="h.lost_to",
            text=self.clause_names("h.lost_clause", self.book.clauses),
            grade=self.draft.clause_case("h.clause", {one: self.grade(self.book.clauses[one]) for one in steps}),
            where=f"h.lost_to IS NOT NULL AND h.clause IN ({self.draft.numbers(steps)})",
        )  # fmt: skip

    def cap_lines(self, group: str, table: str) -> None:
        for clause in self.draft.members(group):
            for fold in self.folds_of(clause):
                self.line(
                    f"{table} h",
                    unit="h.unit", step=p.text_literal(fold), kind="cap", clause=p.text_literal(clause),
                    row="h._row", share="h.share", grade=self.grade(self.book.clauses[clause].cap),
                    where=f"h.clause = {self.draft.clause_numbers[clause]}",
                )  # fmt: skip

    def excluded(self, source: str) -> None:
        for index, exclude in enumerate(self.book.sources[source].exclude):
            self.line(
                f"{self.draft.current[source]} s",
                unit="s.unit", step=p.text_literal(source), kind="excluded", record="s.key", day="s._day",
                share="0", text=p.text_literal(exclude.because), grade=self.grade(exclude),
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
            self.row_read_line(name)

    def sum_lines(self, name: str) -> None:
        fold = self.book.folds[name]
        grade = self.grade(fold)
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
            grade=self.grade(fold),
            where=f"{start} <> 0",
        )
        clauses = fold.running.clauses
        common = {
            "unit": "t.unit", "step": step, "clause": self.clause_names("t.clause", clauses),
            "record": "t.key", "row": "t._row", "day": "t._day",
            "grade": self.draft.clause_case("t.clause", {one: self.grade(self.book.clauses[one]) for one in clauses}),
        }  # fmt: skip
        self.line(f"{table} t", kind="hit", raw="t.raw", weight="t.weight", share="t.counted", **common)
        before = "lag(state, 1, start) OVER (PARTITION BY unit ORDER BY place)"
        moved = f"(SELECT *, {before} AS before FROM {table}) t"
        clamp = "(t.state - t.before - t.counted)"
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
        inner = (
            f"SELECT s.unit, s.key, {parent} AS _row, s._day, {value} AS x, {weight} AS w, {weights} AS ww "
            f"FROM {rows} s WHERE {present}"
        )
        share = p.quotient("(x.x * x.w)", found.scale + scale, "x.ww", scale, QUOTIENT_SCALE)
        row = "CAST(NULL AS BIGINT)" if fold.per is None else "x._row"
        shares = self.draft.add(
            f"shares_{name}",
            f"SELECT x.unit, x.key, {row} AS _row, x._day, x.x, x.w, {share} AS share FROM ({inner}) x",
        )
        step, grade = p.text_literal(name), self.grade(fold)
        self.line(
            f"{shares} t", unit="t.unit", step=step, kind="row", record="t.key", row="t._row", day="t._day",
            raw="t.x", weight="t.w", share="t.share", grade=grade,
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
        column = f"f.{p.identifier(name)}"
        found = self.draft.meaning.folds[name]
        more = self.shown(column, found)
        if what in {"min", "max", "first", "last"}:
            more["record"] = f"f.{p.identifier(f'{name} record')}"
        self.line(
            f"{self.state.name} f", unit="f.unit", step=p.text_literal(name), kind="read",
            grade=self.grade(self.book.folds[name]), where=f"{column} IS NOT NULL", **more,
        )  # fmt: skip

    def row_read_line(self, name: str) -> None:
        fold = self.book.folds[name]
        assert fold.per is not None
        found = self.draft.meaning.columns[fold.per][name]
        self.line(
            f"{self.draft.table(f'fold_{name}')} f", unit="f.unit", step=p.text_literal(name), kind="read", row="f.key",
            grade=self.grade(fold), where="f.value IS NOT NULL", **self.shown("f.value", found),
        )  # fmt: skip

    @staticmethod
    def shown(column: str, found: Type) -> dict[str, str]:
        """The entry columns that hold a value of this type."""
        if found.kind == "number":
            return {"raw": column}
        if found.kind == "date":
            return {"day": column}
        if found.kind == "flag":
            return {"text": f"CASE WHEN {column} THEN 'true' WHEN NOT {column} THEN 'false' END"}
        if found.kind == "list":
            return {"text": f"array_to_string({column}, ',')"}
        return {"text": f"CAST({column} AS VARCHAR)"}

    # ── facts and values ────────────────────────────────────────────────────────────────────────

    def facts(self) -> None:
        book_grade = p.text_literal(self.book.source.grade.value)
        for ref in self.draft.meaning.facts:
            if ref == Ref("unit", "unit"):
                continue
            column = self.draft.unit_columns("f")(ref)
            found = self.draft.meaning.units[ref.name] if ref.space == "unit" else Type("date")
            self.line(
                f"{self.state.name} f", unit="f.unit", step=p.text_literal(ref.name), kind="fact", grade=book_grade,
                where=f"{column} IS NOT NULL", **self.shown(column, found),
            )  # fmt: skip

    def value_lines(self, name: str) -> None:
        value = self.book.values[name]
        found = self.draft.meaning.values[name]
        column, step, grade = f"f.{p.identifier(name)}", p.text_literal(name), self.grade(value)
        more = self.shown(column, found)
        if found.kind == "number":
            more = {"raw": column, "share": column}
        if value.round is not None and found.kind == "number":
            exact = f"f.{p.identifier(name + ' exact')}"
            scale = min(NUMBER_SCALE, exact_type(self.draft, name).scale)
            kept = f"CAST({exact} AS {p.decimal_type(38, scale)})"
            more = {"raw": exact, "share": kept}
            gap = f"({column} - {kept})"
            self.line(
                f"{self.state.name} f",
                unit="f.unit",
                step=step,
                kind="rounding",
                share=gap,
                grade=grade,
                where=f"{gap} <> 0",
            )
        self.line(
            f"{self.state.name} f",
            unit="f.unit",
            step=step,
            kind="value",
            grade=grade,
            where=f"{column} IS NOT NULL",
            **more,
        )

    # ── outputs ─────────────────────────────────────────────────────────────────────────────────

    def failures(self) -> None:
        reasons = {index: rule for index, rule in enumerate(self.book.rated_when)}
        for index, rule in reasons.items():
            self.line(
                f"{self.state.name} f", unit="f.unit", step="'rated_when'", kind="status", text=p.text_literal(rule.otherwise),
                grade=self.grade(rule), where=f"f._failed = {index}",
            )  # fmt: skip

    def output_lines(self, name: str, output: Output) -> None:
        if output.value is None:
            self.level_lines(name, output)

    def level_lines(self, name: str, output: Output) -> None:
        table, step = f"{self.state.name} f", p.text_literal(name)
        base = f"f.{p.identifier(name + ' base')}"
        if output.bands is not None:
            of = self.draft.sql(("outputs", name, "bands", "of"), self.draft.unit_columns("f"))
            self.line(
                table,
                unit="f.unit",
                step=step,
                kind="band",
                raw=of,
                text=base,
                grade=self.grade(output.bands),
                where=f"{base} IS NOT NULL",
            )
        which = f"f.{p.identifier(name + ' line')}"
        for index, condition in enumerate(output.conditions):
            text = p.text_literal(condition.then if condition.then is not None else str(condition.ask))
            self.line(
                table,
                unit="f.unit",
                step=step,
                kind="condition",
                text=text,
                grade=self.grade(condition),
                where=f"{which} = {index}",
            )
        if output.otherwise is not None and output.bands is None:
            self.line(
                table,
                unit="f.unit",
                step=step,
                kind="condition",
                text=base,
                grade=self.grade(output),
                where=f"{which} IS NULL AND {base} IS NOT NULL",
            )
        levels = self.draft.meaning.levels_of(name)
        previous = base
        for index, move in enumerate(output.moves):
            after = f"f.{p.identifier(f'{name} after {index}')}"
            more = {}
            if move.by:
                prefix = f"{name} move {index}"
                more = {
                    "record": f"f.{p.identifier(prefix + ' key')}",
                    "day": f"f.{p.identifier(prefix + ' day')}",
                    "clause": self.clause_names(f"f.{p.identifier(prefix + ' clause')}", move.by),
                }
            self.line(
                table, unit="f.unit", step=step, kind="move", raw=p.rank(previous, levels), text=after,
                grade=self.grade(move), where=f"f.{p.identifier(f'{name} fires {index}')}", seq=index + 1, **more,
            )  # fmt: skip
            previous = after


__all__ = ["COLUMNS", "LineWriter", "entry_number", "summed"]
