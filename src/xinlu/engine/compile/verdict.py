"""Findings: status, answer, reason and grade of every output of every unit, and the lines that close the entries."""

from __future__ import annotations

from xinlu.engine.compile import primitives as p
from xinlu.engine.compile.draft import Draft
from xinlu.engine.compile.lines import LineWriter
from xinlu.engine.compile.outcome import UnitTable
from xinlu.law.rulebook import Output

NO_PERIOD = "没有周期起算日期，或尚无一个完整周期"


def status_sql(draft: Draft, name: str, output: Output) -> str:
    """``rated``, ``open`` or ``not_rated`` over the state table f."""
    lines = [f"WHEN f.{p.identifier(name)} IS NOT NULL THEN 'rated'"]
    for index, rule in enumerate(draft.meaning.book.rated_when):
        if rule.status == "open" and not output.unrated:
            lines.append(f"WHEN f._failed = {index} THEN 'open'")
    asked = [str(index) for index, condition in enumerate(output.conditions) if condition.ask is not None]
    if asked:
        lines.append(f"WHEN f.{p.identifier(name + ' line')} IN ({', '.join(asked)}) THEN 'open'")
    return f"CASE {' '.join(lines)} ELSE 'not_rated' END"


def reason_sql(draft: Draft, name: str, output: Output) -> str:
    """Why there is no answer, in Chinese; missing where there is one."""
    book = draft.meaning.book
    lines = [f"WHEN f.{p.identifier(name)} IS NOT NULL THEN NULL"]
    if not output.unrated:
        lines.append(f"WHEN f._failed = -1 THEN {p.text_literal(NO_PERIOD)}")
        for index, rule in enumerate(book.rated_when):
            lines.append(f"WHEN f._failed = {index} THEN {p.text_literal(rule.otherwise)}")
    for index, condition in enumerate(output.conditions):
        if condition.ask is not None:
            lines.append(f"WHEN f.{p.identifier(name + ' line')} = {index} THEN {p.text_literal(condition.ask)}")
    return f"CASE {' '.join(lines)} ELSE {p.text_literal(output.withheld or '数据不足')} END"


def add_findings(draft: Draft, state: UnitTable, lines: LineWriter) -> str:
    """The view ``findings``; also writes the status and output lines of entries."""
    selects = []
    for name, output in draft.meaning.book.outputs.items():
        found = draft.meaning.outputs[name]
        column = f"f.{p.identifier(name)}"
        slots = {
            "number": f"CAST({column} AS DECIMAL(38, 12))"
            if found.kind == "number"
            else "CAST(NULL AS DECIMAL(38, 12))",
            "level": column if found.kind == "level" else "CAST(NULL AS VARCHAR)",
            "day": column if found.kind == "date" else "CAST(NULL AS DATE)",
            "flag": column if found.kind == "flag" else "CAST(NULL AS BOOLEAN)",
            "text": f"CAST({column} AS VARCHAR)" if found.kind in {"text", "subject"} else "CAST(NULL AS VARCHAR)",
        }
        status, reason = status_sql(draft, name, output), reason_sql(draft, name, output)
        grade = p.text_literal(draft.meaning.book.source.grade.value)
        chosen = ", ".join(f"{sql} AS {key}" for key, sql in slots.items())
        selects.append(
            f"SELECT f.unit, {p.text_literal(name)} AS output, {status} AS status, {chosen}, {reason} AS reason, "
            f"{grade} AS grade FROM {state.name} f"
        )
        table, step = f"{state.name} f", p.text_literal(name)
        lines.line(table, unit="f.unit", step=step, kind="status", text=reason, grade=grade, where=f"{column} IS NULL")
        lines.line(
            table, unit="f.unit", step=step, kind="output", grade=grade, where=f"{column} IS NOT NULL",
            **lines.shown(column, found),
        )  # fmt: skip
    return draft.add("findings", " UNION ALL ".join(selects), view=True)


def add_wide(draft: Draft, state: UnitTable) -> str:
    """One row a unit with ``<output>`` and ``<output>_status`` columns, for books that read this one."""
    columns = []
    for name, output in draft.meaning.book.outputs.items():
        columns.append(f"f.{p.identifier(name)}")
        columns.append(f"{status_sql(draft, name, output)} AS {p.identifier(name + '_status')}")
    return draft.add("wide", f"SELECT f.unit, {', '.join(columns)} FROM {state.name} f", view=True)
