"""Caps of clauses: what goes beyond a limit comes back as one closing entry."""

from __future__ import annotations

from collections.abc import Iterable

from xinlu.engine.compile.draft import Draft
from xinlu.engine.compile.hits import Hits, hit_column, reads_unit
from xinlu.law.meaning import Path
from xinlu.law.rulebook import Fold


def cap_selects(draft: Draft, group: str, hits: Hits) -> list[str]:
    """SELECTs (unit, _row, clause, share) of the closing entries of clause caps over one hits table.

    Caps on the whole unit share one grouping; caps per occasion have one each. Clauses of running folds are
    capped along the run instead.
    """
    book = draft.meaning.book
    running = {one for fold in book.folds.values() if fold.running for one in fold.running.clauses}
    capped = [
        name
        for name, clause in book.clauses.items()
        if draft.group.get(name) == group and clause.cap and name not in running
    ]
    selects = []
    for rows in (False, True):
        # A clause may be summed for the unit and for rows of it; its cap closes each sum by itself.
        folds = [fold for fold in book.folds.values() if fold.sum and (fold.per is not None) == rows]
        chosen = [name for name in capped if any(name in (fold.sum or ()) for fold in folds)]
        occasions = {name: cap.per for name in chosen if (cap := book.clauses[name].cap) is not None}
        whole = [name for name, per in occasions.items() if not per]
        if whole:
            selects.append(_cap_select(draft, hits, whole, (), rows=rows))
        selects += [_cap_select(draft, hits, [name], per, rows=rows) for name, per in occasions.items() if per]
    return selects


def by_row(fold: Fold) -> str:
    """Condition on closing entries of caps (under h) that they belong to this fold."""
    return "h.by_row" if fold.per is not None else "NOT h.by_row"


def _cap_select(draft: Draft, hits: Hits, clauses: list[str], per: tuple[str, ...], *, rows: bool) -> str:
    columns = [hit_column(one) for one in per if one != "unit"]
    row = "h._row" if rows else "CAST(NULL AS BIGINT)"
    keys = ["h.unit", *(["h._row"] if rows else []), "h.clause", *columns]
    if columns:
        lacking = " OR ".join(f"{one} IS NULL" for one in columns)
        keys.append(f"CASE WHEN {lacking} THEN h.key END")
    limits = {one: cap_limit(draft, one) for one in clauses}
    limit = draft.clause_case("h.clause", limits)
    total, positive = "sum(abs(h.points))", "sum(h.points) > 0"
    join = join_units(draft, clauses)
    if join:
        limit = f"any_value({limit})"
    excess = f"({total} - {limit})"
    return (
        f"SELECT h.unit, {row} AS _row, {'TRUE' if rows else 'FALSE'} AS by_row, h.clause"
        f"{_first_grade(draft, clauses)}, CASE WHEN {positive} THEN -{excess} ELSE {excess} END AS share "
        f"FROM {hits.table} h{join} WHERE {hits.alive} AND h.clause IN ({draft.numbers(clauses)}) "
        f"GROUP BY {', '.join(keys)} HAVING {total} > {limit}"
    )


def _first_grade(draft: Draft, clauses: list[str]) -> str:
    """Grade of the first hit of an occasion, where rows carry grades."""
    graded = any(draft.meaning.book.clauses[one].hits in draft.graded for one in clauses)
    return ", first(h._grade ORDER BY h._day, h.key) AS _grade" if graded else ""


def cap_limit(draft: Draft, clause: str) -> str:
    """SQL of a clause's cap; the unit stands under u."""
    path: Path = ("clauses", clause, "cap", "limit")
    return draft.sql(path, draft.unit_columns("u"))


def join_units(draft: Draft, clauses: Iterable[str]) -> str:
    """The join that gives the caps of these clauses their unit, empty where none reads it."""
    nodes = [draft.node("clauses", one, "cap", "limit") for one in clauses]
    return f" JOIN {draft.table('units')} u ON u.unit = h.unit" if any(map(reads_unit, nodes)) else ""
