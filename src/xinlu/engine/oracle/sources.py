"""Rows of a source, each attached to the units that it speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from xinlu.engine.evaluation import Value
from xinlu.engine.oracle.population import columns_of
from xinlu.engine.oracle.setting import Row, Setting, Unit, holds
from xinlu.engine.result import Finding
from xinlu.law.rulebook import Source
from xinlu.law.source import Grade

Reached = Iterator[tuple[Unit, Row]]


def add_source(setting: Setting, name: str) -> None:
    """Attach the rows of source ``name`` to the units; write an entry for each excluded row."""
    source = setting.meaning.book.sources[name]
    for unit, row in list(_reached(setting, name, source, list(_rows(setting, source)))):
        _add_attributes(setting, name, source, unit, row)
        row.day = _day(setting, name, unit, row)
        if not _counts(setting, name, source, unit, row):
            continue
        if not unit.row_frame(row).holds("sources", name, "where"):
            continue
        row.excluded = _excluded(source, name, unit, row)
        unit.rows.setdefault(name, []).append(row)
    for unit in setting.units:
        unit.rows.setdefault(name, []).sort(key=lambda row: row.order)
        _write_excluded(setting, name, source, unit)


# ── rows before they reach anybody ──────────────────────────────────────────────────────────────


def _rows(setting: Setting, source: Source) -> Iterable[Row]:
    if source.item is not None:
        return _item_rows(setting, source, source.item)
    if source.findings is not None:
        return _finding_rows(setting, source.findings)
    return _relation_rows(setting, source)


def _item_rows(setting: Setting, source: Source, item: str) -> Iterator[Row]:
    for plain in setting.known(f"item_{item}"):
        columns = columns_of(setting.catalogue, item, plain)
        row = Row(
            key=plain["record"],
            day=plain["occurred_on"],
            columns=columns,
            begins=plain.get("effective_from"),
            ends=plain.get("effective_until"),
            parent_key=plain.get("parent"),
            grade=_grade_of(setting, item, columns),
        )
        if source.each is None:
            yield row
            continue
        for value in columns.get(source.each) or ():
            yield replace(row, columns={**columns, source.each: value}, each=value)


def _grade_of(setting: Setting, item: str, columns: dict[str, Value]) -> Grade:
    """The source grade that the record itself carries (a standing), official where it carries none."""
    field = setting.catalogue.items[item].field("grade")
    carried = field is not None and field.codes == "source_grades" and columns.get("grade")
    return Grade(columns["grade"]) if carried else Grade.OFFICIAL


def _relation_rows(setting: Setting, source: Source) -> Iterator[Row]:
    near, far = _ends(source)
    for plain in setting.known("relation"):
        if plain["relation"] == source.relation:
            begins, ends = plain["valid_from"], plain.get("valid_until")
            columns = {"other": plain[far], "valid_from": begins, "valid_until": ends, "near": plain[near]}
            yield Row(key=plain[far], day=begins, columns=columns, begins=begins, ends=ends)


def _finding_rows(setting: Setting, book: str) -> Iterator[Row]:
    by_unit: dict[int, list[Finding]] = {}
    for finding in setting.findings[book]:
        by_unit.setdefault(finding.unit, []).append(finding)
    for number, findings in sorted(by_unit.items()):
        columns: dict[str, Value] = {"other": number, "as_of_day": setting.as_of}
        for one in findings:
            columns |= {one.output: one.answer, f"{one.output}_status": one.status}
        grade = Grade.weakest(*(Grade(one.grade) for one in findings if one.grade))
        yield Row(key=number, day=setting.as_of, columns=columns, grade=grade)


# ── reach ───────────────────────────────────────────────────────────────────────────────────────


def _ends(source: Source) -> tuple[str, str]:
    """Columns of the relation table at the unit's end and at the far end."""
    ends = ("from_subject", "to_subject")
    return ends if source.unit.unit_end == "from" else (ends[1], ends[0])


def _among(value: Value) -> list[Value]:
    """The values of a column that may hold one, many or none."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _reached(setting: Setting, name: str, source: Source, rows: list[Row]) -> Reached:
    reach = source.unit
    if reach.row is not None or (reach.parent is not None and reach.parent != "unit"):
        yield from _through_source(setting, source, rows)
        return
    standing_for = _standing_for(setting, reach.unit_role)
    for row in rows:
        reached: dict[int, Unit] = {}
        for subject in _named(setting, source, row):
            for unit in standing_for.get(subject, []):
                reached[unit.number] = unit
        for unit in reached.values():
            copy = row.attached()
            if _related(setting, name, source, unit, copy, standing_for):
                yield unit, copy


def _through_source(setting: Setting, source: Source, rows: list[Row]) -> Reached:
    """Rows that hang on a row of another source: as its child record, or by a subject in one of its columns."""
    reach = source.unit
    for unit in setting.units:
        for parent in unit.kept(str(reach.row or reach.parent)):
            for row in rows:
                if reach.row is None:
                    matches = row.parent_key == parent.key
                else:
                    sought = _among(parent.columns.get(str(reach.column)))
                    matches = any(one in sought for one in _among(_subject(setting, source, row)))
                if matches:
                    parent_key = row.parent_key if reach.row is None else parent.key
                    yield unit, row.attached(parent=parent, parent_key=parent_key)


def _standing_for(setting: Setting, unit_role: str | None) -> dict[int, list[Unit]]:
    """Units by the number that rows know them under: their own, or that of a subject in one of their roles."""
    found: dict[int, list[Unit]] = {}
    for unit in setting.units:
        for number in [unit.number] if unit_role is None else _among(unit.names.get(unit_role)):
            found.setdefault(number, []).append(unit)
    return found


def _subject(setting: Setting, source: Source, row: Row) -> Value:
    """The subject (or unit) that the row itself names."""
    if source.item is None:
        return row.columns["other"]
    rates = setting.meaning.book.rates
    if source.unit.role is None and source.unit.unit_role is None and rates.record == source.item:
        return row.key
    return row.columns.get(source.unit.role or setting.catalogue.items[source.item].roles[0].name)


def _named(setting: Setting, source: Source, row: Row) -> list[Value]:
    """The numbers under which the row may know units, whichever day relations are read."""
    if source.unit.parent == "unit":
        return _among(row.parent_key)
    if source.relation is not None:
        return [row.columns["near"]]
    subjects = _among(_subject(setting, source, row))
    if source.unit.relation is None:
        return subjects
    return [plain[_ends(source)[0]] for plain in _links(setting, source, subjects)]


def _links(setting: Setting, source: Source, subjects: list[Value]) -> list[dict[str, Value]]:
    far = _ends(source)[1]
    return [
        plain
        for plain in setting.known("relation")
        if plain["relation"] == source.unit.relation and plain[far] in subjects
    ]


def _related(
    setting: Setting, name: str, source: Source, unit: Unit, row: Row, standing_for: dict[int, list[Unit]]
) -> bool:
    """Whether the relation that leads from the row to the unit holds on the day that the source names."""
    at = _at(name, unit, row)
    if source.relation is not None:
        return at is None or holds(at, row.begins, row.ends)
    if source.unit.relation is None or source.unit.parent is not None:
        return True
    near = _ends(source)[0]
    at = at or _day(setting, name, unit, row)
    return any(
        unit in standing_for.get(plain[near], []) and holds(at, plain["valid_from"], plain.get("valid_until"))
        for plain in _links(setting, source, _among(_subject(setting, source, row)))
    )


def _at(name: str, unit: Unit, row: Row) -> date | None:
    found: date | None = unit.row_frame(row).value("sources", name, "unit", "at")
    return found


# ── what stands beside a row, and whether it counts ─────────────────────────────────────────────


def _add_attributes(setting: Setting, name: str, source: Source, unit: Unit, row: Row) -> None:
    for alias, attributes in source.attributes.items():
        own = row.columns.get(attributes.role)
        holder = own if attributes.role in row.columns else unit.names.get(attributes.role)
        day = unit.row_frame(row).value("sources", name, "attributes", alias, "at")
        found = setting.subject(attributes.kind, holder, day) or {}
        row.attributes |= {f"{alias}.{column}": value for column, value in found.items()}


def _day(setting: Setting, name: str, unit: Unit, row: Row) -> date | None:
    """The row's date: the source's ``date``, or the date that rows of its kind have by themselves."""
    if setting.meaning.expression("sources", name, "date") is None:
        return row.day
    found: date | None = unit.row_frame(row).value("sources", name, "date")
    return found


def _counts(setting: Setting, name: str, source: Source, unit: Unit, row: Row) -> bool:
    """Whether the row lies in the window of the source; findings are of the day of the run and always do."""
    if source.findings is not None:
        return True
    if source.on is not None:
        return holds(unit.frame.value("sources", name, "on"), row.begins, row.ends)
    if row.day is None:
        return False
    if source.within == "life":
        return row.day <= setting.as_of
    begins, ends = unit.days["period_from"], unit.days["period_until"]
    if setting.meaning.book.period is None:
        return bool(row.day < ends)
    return ends is not None and holds(row.day, begins, ends)


def _excluded(source: Source, name: str, unit: Unit, row: Row) -> int | None:
    frame = unit.row_frame(row)
    tests = range(len(source.exclude))
    return next((i for i in tests if frame.holds("sources", name, "exclude", i, "when")), None)


def _write_excluded(setting: Setting, name: str, source: Source, unit: Unit) -> None:
    for row in unit.rows[name]:
        if row.excluded is not None:
            grade = setting.provenance.exclude(name, row.excluded)
            because = source.exclude[row.excluded].because
            unit.write(name, "excluded", grade, record=row.key, day=row.day, share=0, text=because)
