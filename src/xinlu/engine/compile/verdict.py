"""Findings: status, answer, reason and grade of every output of every unit, and the lines that close the entries."""

from __future__ import annotations

from collections.abc import Sequence

from xinlu.engine.answers import NO_BAND, NO_LEVEL, title_of, wanted
from xinlu.engine.compile import primitives as p
from xinlu.engine.compile.draft import Draft, answer
from xinlu.engine.compile.lines import Graded, LineWriter
from xinlu.engine.compile.outcome import UnitTable, no_period_reasons
from xinlu.engine.compile.sources import weakness
from xinlu.engine.provenance import Rest
from xinlu.law.rulebook import Output
from xinlu.law.source import Grade


def status_sql(draft: Draft, name: str, output: Output) -> str:
    """``rated``, ``open`` or ``not_rated`` over the state table f."""
    lines = [f"WHEN f.{p.identifier(answer(name))} IS NOT NULL THEN 'rated'"]
    for index, rule in enumerate(draft.meaning.book.rated_when):
        if rule.status == "open" and not output.unrated:
            lines.append(f"WHEN f._failed = {index} THEN 'open'")
    asked = [str(index) for index, condition in enumerate(output.conditions) if condition.ask is not None]
    if asked and output.value is None:
        lines.append(f"WHEN f.{p.identifier(name + ' line')} IN ({', '.join(asked)}) THEN 'open'")
    return f"CASE {' '.join(lines)} ELSE 'not_rated' END"


def reason_sql(draft: Draft, name: str, output: Output) -> str:
    """Why there is no answer, in Chinese; missing where there is one."""
    lines = [f"WHEN f.{p.identifier(answer(name))} IS NOT NULL THEN NULL"]
    if not output.unrated:
        for place, reason in enumerate(no_period_reasons(draft)):
            lines.append(f"WHEN f._failed = {-1 - place} THEN {p.text_literal(reason)}")
        for index, rule in enumerate(draft.meaning.book.rated_when):
            lines.append(f"WHEN f._failed = {index} THEN {p.text_literal(rule.otherwise)}")
    return f"CASE {' '.join(lines)} ELSE {without_base(draft, name, output)} END"


def without_base(draft: Draft, name: str, output: Output) -> str:
    """Reason of a rated unit without an answer: what is missing, what is asked, or why no level is given."""
    if output.value is not None:
        return lacking(draft, name, "value")
    if output.bands is not None:
        number = f"f.{p.identifier(name + ' number')}"
        return (
            f"CASE WHEN {number} IS NULL THEN {lacking(draft, name, 'bands', 'of')} ELSE {p.text_literal(NO_BAND)} END"
        )
    asks = "".join(
        f"WHEN f.{p.identifier(name + ' line')} = {index} THEN {p.text_literal(condition.ask or NO_LEVEL)} "
        for index, condition in enumerate(output.conditions)
    )
    otherwise = p.text_literal(output.withheld or NO_LEVEL)
    return f"CASE {asks}ELSE {otherwise} END" if asks else otherwise


def lacking(draft: Draft, name: str, *path: str) -> str:
    """``缺少…`` with the titles of what is missing, else that it cannot be computed."""
    node = draft.meaning.expression("outputs", name, *path)
    columns = draft.unit_columns("f")
    parts = [
        f"CASE WHEN {columns(ref)} IS NULL THEN {p.text_literal(title_of(draft.meaning, ref))} END"
        for ref in wanted(draft.meaning, node)
    ]
    otherwise = p.text_literal(f"无法算出{draft.meaning.book.outputs[name].title}")
    if not parts:
        return otherwise
    return f"coalesce('缺少' || nullif(concat_ws('、', {', '.join(parts)}), ''), {otherwise})"


# ── grades ──────────────────────────────────────────────────────────────────────────────────────


def add_grades(draft: Draft, lines: Sequence[Graded]) -> dict[str, str]:
    """Output → SQL of the weakness of its grade over f and the grades table g (all of f: no table).

    The grade of a finding is the weakest among the entries on which its output rests. What can be no weaker than the
    output itself is not looked at; lines of the unit's own row are asked of it, others gathered by unit.
    """
    law = draft.provenance
    floors = {name: law.output(name).weakness for name in draft.meaning.book.outputs}
    counted = [one for one in lines if one.kind not in {"lost", "excluded"}]
    found, columns = {}, []
    away: dict[Graded, None] = {}
    for name, floor in floors.items():
        rest = law.rest_of(name)
        weaker = [one for one in counted if one.weakest > floor]
        steps = {p.text_literal(one) for one in rest.steps}
        parts = [_own_weakness(one) for one in weaker if one.own and one.step in steps]
        others = [one for one in weaker if not one.own]
        if others:
            away |= dict.fromkeys(others)
            columns.append(f"max(weakness) FILTER (WHERE {_rests_on(rest)}) AS {p.identifier(name)}")
            parts.append(f"coalesce(g.{p.identifier(name)}, 0)")
        found[name] = f"greatest({floor}, {', '.join(dict.fromkeys(parts))})" if parts else str(floor)
    if away:
        selects = " UNION ALL ".join(
            f"SELECT {one.unit} AS unit, {one.step} AS step, {p.text_literal(one.kind)} AS kind, "
            f"{one.clause} AS clause, {weakness(one.grade)} AS weakness "
            f"FROM {one.rows}{' WHERE ' + one.where if one.where else ''}"
            for one in away
        )
        draft.add("grades", f"SELECT unit, {', '.join(columns)} FROM ({selects}) GROUP BY unit")
    return found


def _own_weakness(line: Graded) -> str:
    """The weakness that a line of the unit's own row brings, 0 where there is no such line."""
    return f"CASE WHEN {line.where or 'TRUE'} THEN {weakness(line.grade)} ELSE 0 END"


def _rests_on(rest: Rest) -> str:
    """Test of the entries on which an output rests."""
    test = f"step IN ({', '.join(p.text_literal(one) for one in sorted(rest.steps))})"
    if not rest.clauses:
        return test
    return (
        f"({test} OR (kind = 'hit' AND clause IN ({', '.join(p.text_literal(one) for one in sorted(rest.clauses))})))"
    )


def grade_text(number: str) -> str:
    """A weakness as the name of its grade."""
    if number.isdigit():
        return p.text_literal(list(Grade)[int(number)].value)
    lines = " ".join(f"WHEN {grade.weakness} THEN {p.text_literal(grade.value)}" for grade in Grade)
    return f"CASE {number} {lines} END"


# ── findings ────────────────────────────────────────────────────────────────────────────────────

_SLOTS = {
    "number": ("number", "DECIMAL(38, 12)"),
    "level": ("level", "VARCHAR"),
    "day": ("date", "DATE"),
    "flag": ("flag", "BOOLEAN"),
}


def slots(column: str, kind: str) -> dict[str, str]:
    """The answer columns of a finding."""
    found = {name: f"CAST({column if kind == own else 'NULL'} AS {sql})" for name, (own, sql) in _SLOTS.items()}
    found["text"] = f"CAST({'NULL' if kind in {own for own, _ in _SLOTS.values()} else column} AS VARCHAR)"
    return found


def add_findings(draft: Draft, state: UnitTable, lines: LineWriter, grades: dict[str, str]) -> str:
    """The view ``findings``; also writes the status and output lines of entries."""
    selects = []
    joined = f"{state.name} f"
    if any("coalesce(g." in one for one in grades.values()):
        joined += f" LEFT JOIN {draft.table('grades')} g ON g.unit = f.unit"
    for name, output in draft.meaning.book.outputs.items():
        found = draft.meaning.outputs[name]
        column = f"f.{p.identifier(answer(name))}"
        status, reason = status_sql(draft, name, output), reason_sql(draft, name, output)
        chosen = ", ".join(f"{sql} AS {key}" for key, sql in slots(column, found.kind).items())
        selects.append(
            f"SELECT f.unit, {p.text_literal(name)} AS output, {status} AS status, {chosen}, {reason} AS reason, "
            f"{grade_text(grades[name])} AS grade FROM {joined}"
        )
        law = lines.grade(draft.provenance.output(name))
        silent = "" if output.unrated else " AND f._failed IS NULL"
        lines.unit_line(name, "status", law, text=reason, where=f"{column} IS NULL{silent}")
        lines.unit_line(name, "output", law, where=f"{column} IS NOT NULL", **lines.shown(column, found))
    return draft.add("findings", " UNION ALL ".join(selects), view=True)


def add_wide(draft: Draft, state: UnitTable, grades: dict[str, str]) -> str:
    """One row a unit with ``<output>`` and ``<output>_status`` columns and the weakest grade, for other books."""
    columns = []
    for name, output in draft.meaning.book.outputs.items():
        columns.append(f"f.{p.identifier(answer(name))} AS {p.identifier(name)}")
        columns.append(f"{status_sql(draft, name, output)} AS {p.identifier(name + '_status')}")
    joined = f"{state.name} f"
    if any("coalesce(g." in one for one in grades.values()):
        joined += f" LEFT JOIN {draft.table('grades')} g ON g.unit = f.unit"
    numbers = list(grades.values())
    weakest = numbers[0] if len(numbers) == 1 else f"greatest({', '.join(numbers)})"
    columns.append(f"CAST({weakest} AS TINYINT) AS _grade")
    return draft.add("wide", f"SELECT f.unit, {', '.join(columns)} FROM {joined}")
