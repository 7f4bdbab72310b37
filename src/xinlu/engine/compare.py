"""Two results over the same people compared: who moves, from what to what, and by which clause.

The impact statement (影响评估) of a new version. Nobody is unaccounted for: every unit of either result is
unchanged, moved, came or left. The work is done in DuckDB over the files of both results, so that a province of
millions never stands in memory as objects; only the units that move are handed out, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.duck import Duck, TableLike
from xinlu.engine.result import Entry, Finding, entries_table, findings_table

ABSENT = "absent"
"""Where a unit stands that is not in a population."""
PLACES = "places"
"""Table: ``output, unit, before, after``, then ``number_…`` and ``reason_…`` of both sides – one row a unit and
output, whoever stands in either result. The number is the answer itself, what its bands compared, or the day as days
since 1970."""
CAUSES = "causes"
"""Table: ``output, unit, clause, before, after, moved`` – of units that move, the clauses whose points differ and
those that move or decide the level in the one result only (``moved``, without points)."""

Labels = Mapping[int, Mapping[str, str]]
"""Unit → kind of group (``city``, ``sector``) → group."""


@dataclass(frozen=True)
class Difference:
    """What one clause (or another step of the law) adds to or takes from a unit in the one result and the other."""

    clause: str
    before: Decimal
    after: Decimal

    @property
    def change(self) -> Decimal:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True)
class Shift:
    """One unit that stands elsewhere. ``before`` and ``after``: its level or other answer, ``rated`` for a number or
    day, else ``not_rated``, ``open`` or :data:`ABSENT`."""

    unit: int
    before: str
    after: str
    number_before: Decimal | None
    number_after: Decimal | None
    clauses: tuple[Difference, ...]
    """The clauses whose points differ, the largest difference first."""
    moves: tuple[str, ...]
    """Clauses that move or decide the level in the one result only; ``move 2`` for a move without a clause."""
    reason_before: str | None = None
    """Why it was not rated, or what is open."""
    reason_after: str | None = None


@dataclass(frozen=True)
class GroupCount:
    """How a group fares: how many units it has, and how many of them rise, fall or change otherwise."""

    kind: str
    group: str
    units: int
    changed: int
    better: int
    worse: int


@dataclass(frozen=True)
class Impact:
    """The comparison of one output over the whole population."""

    output: str
    places: tuple[str, ...]
    """Rows and columns of the matrix: levels best first, then other answers, then what is no answer."""
    matrix: Mapping[tuple[str, str], int]
    """(before, after) → number of units; their sum is ``population``."""
    population: int
    """Different units of both results, counted from the findings and not from the matrix."""
    unchanged: int
    moved: int
    """Units whose place differs."""
    shifts: tuple[Shift, ...]
    """The units whose place differs, by unit: all of them, or as many as were asked for."""
    numbers_changed: int
    """Units whose place is the same though the number behind it differs."""
    better: int
    worse: int
    """Units that rise and fall, where levels or numbers tell."""
    groups: tuple[GroupCount, ...]
    by_clause: Mapping[str, int]
    """Clause → number of moved units that it has a part in."""

    @property
    def sides(self) -> tuple[tuple[str, int, int], ...]:
        """The two distributions side by side: place, units before, units after."""
        return tuple(
            (
                place,
                sum(number for (before, _), number in self.matrix.items() if before == place),
                sum(number for (_, after), number in self.matrix.items() if after == place),
            )
            for place in self.places
        )

    @property
    def unaccounted(self) -> int:
        """Units that are neither unchanged nor moved; always 0."""
        return self.population - self.unchanged - self.moved


# ── what is compared ────────────────────────────────────────────────────────────────────────────


def lay_out(
    duck: Duck, before: tuple[TableLike, TableLike], after: tuple[TableLike, TableLike], *, outputs: Sequence[str]
) -> None:
    """Make the tables :data:`PLACES` and :data:`CAUSES` on ``duck`` from findings and entries of both results."""
    for side, (findings, entries) in (("before", before), ("after", after)):
        duck.register(f"findings {side}", findings)
        duck.register(f"entries {side}", entries)
    wanted = ", ".join(text_literal(one) for one in outputs) or "NULL"
    execute = duck.connection.execute
    for side in ("before", "after"):
        execute(f"CREATE OR REPLACE TEMP VIEW {identifier('placed ' + side)} AS {_placed(side, wanted)}")
    execute(
        f"CREATE OR REPLACE TEMP TABLE {PLACES} AS SELECT output, unit, "
        f"coalesce(o.place, '{ABSENT}') AS before, coalesce(n.place, '{ABSENT}') AS after, "
        "o.number AS number_before, n.number AS number_after, o.reason AS reason_before, n.reason AS reason_after "
        'FROM "placed before" o FULL JOIN "placed after" n USING (output, unit)'
    )
    execute(f"CREATE OR REPLACE TEMP TABLE {CAUSES} AS {_causes(wanted)}")


def population(duck: Duck, output: str) -> int:
    """Different units in the findings of both results; :func:`lay_out` must have been called."""
    name = text_literal(output)
    ((number,),) = duck.rows(
        f'SELECT count(*) FROM (SELECT unit FROM "findings before" WHERE output = {name} '
        f'UNION SELECT unit FROM "findings after" WHERE output = {name})'
    )
    return int(number)


_PLACE = (
    "CASE WHEN f.status <> 'rated' THEN f.status WHEN f.flag IS NOT NULL THEN CASE WHEN f.flag THEN 'true' "
    "ELSE 'false' END ELSE coalesce(nullif(f.level, ''), nullif(f.text, ''), f.status) END"
)
_NUMBER = "coalesce(f.number, CAST(date_diff('day', DATE '1970-01-01', f.day) AS DECIMAL(38, 12)), b.raw)"


def _placed(side: str, wanted: str) -> str:
    return (
        f"SELECT f.output, f.unit, {_PLACE} AS place, CAST({_NUMBER} AS DECIMAL(38, 12)) AS number, f.reason "
        f"FROM {identifier('findings ' + side)} f LEFT JOIN ("
        f"SELECT unit, step, any_value(raw) AS raw FROM {identifier('entries ' + side)} "
        f"WHERE kind = 'band' AND step IN ({wanted}) GROUP BY unit, step) b ON b.unit = f.unit AND b.step = f.output "
        f"WHERE f.output IN ({wanted})"
    )


def _causes(wanted: str) -> str:
    """Only of units that move: everybody else's entries are read once and left."""
    moved = f"(SELECT DISTINCT unit FROM {PLACES} WHERE before <> after)"

    def points(side: str) -> str:
        return (
            f"SELECT unit, clause, sum(share) AS share FROM {identifier('entries ' + side)} "
            "WHERE clause IS NOT NULL AND share <> 0 AND kind IN ('hit', 'cap', 'clamp') "
            f"AND unit IN {moved} GROUP BY unit, clause"
        )

    def moves(side: str) -> str:
        return (
            f"SELECT DISTINCT step AS output, unit, coalesce(clause, 'move ' || seq) AS clause "
            f"FROM {identifier('entries ' + side)} WHERE step IN ({wanted}) AND unit IN {moved} "
            "AND (kind = 'move' OR (kind = 'condition' AND clause IS NOT NULL))"
        )

    number = "CAST(coalesce({}.share, 0) AS DECIMAL(38, 12))"
    before, after = number.format("o"), number.format("n")
    differing = (
        f"SELECT unit, clause, {before} AS before, {after} AS after "
        f"FROM ({points('before')}) o FULL JOIN ({points('after')}) n USING (unit, clause) WHERE {before} <> {after}"
    )
    turned = (
        f"SELECT output, unit, clause FROM ({moves('before')}) o FULL JOIN ({moves('after')}) n "
        "USING (output, unit, clause) WHERE o.unit IS NULL OR n.unit IS NULL"
    )
    return (
        f"SELECT p.output, p.unit, d.clause, d.before, d.after, false AS moved FROM {PLACES} p "
        f"JOIN ({differing}) d ON d.unit = p.unit WHERE p.before <> p.after UNION ALL "
        f"SELECT p.output, p.unit, t.clause, NULL, NULL, true FROM {PLACES} p "
        f"JOIN ({turned}) t ON t.unit = p.unit AND t.output = p.output WHERE p.before <> p.after"
    )


# ── what comes out ──────────────────────────────────────────────────────────────────────────────


def summarise(
    duck: Duck,
    *,
    output: str,
    population: int,
    levels: Sequence[str] = (),
    groups: Sequence[str] = (),
    where: str = "true",
    most: int | None = None,
) -> Impact:
    """The comparison of one output from :data:`PLACES` and :data:`CAUSES` on ``duck``.

    ``population``: how many units there are, counted apart. ``levels``: best first, to tell better from worse (numbers
    and dates: more is better). ``groups``: columns of ``places`` that hold a list of groups. ``where``: SQL over a row
    of ``places``, to look at part of the units. ``most``: how many shifts to give.
    """
    own = f"output = {text_literal(output)} AND ({where})"
    matrix = {
        (before, after): number
        for before, after, number in duck.rows(
            f"SELECT before, after, count(*) FROM {PLACES} WHERE {own} GROUP BY ALL ORDER BY ALL"
        )
    }
    ((unchanged, moved, numbers, better, worse),) = duck.rows(
        "SELECT count(*) FILTER (before = after), count(*) FILTER (before <> after), "
        "count(*) FILTER (before = after AND number_before IS DISTINCT FROM number_after), "
        "count(*) FILTER (turn > 0), count(*) FILTER (turn < 0) "
        f"FROM (SELECT *, {_turn(levels)} AS turn FROM {PLACES} WHERE {own})"
    )
    by_clause = duck.rows(
        f"SELECT clause, count(DISTINCT unit) FROM {CAUSES} WHERE output = {text_literal(output)} AND unit IN "
        f"(SELECT unit FROM {PLACES} WHERE {own}) GROUP BY clause ORDER BY clause"
    )
    return Impact(
        output=output,
        places=_places(matrix, levels),
        matrix=matrix,
        population=population,
        unchanged=unchanged,
        moved=moved,
        shifts=tuple(shifts(duck, output=output, where=where, most=most)),
        numbers_changed=numbers,
        better=better,
        worse=worse,
        groups=tuple(_grouped(duck, own, levels, groups)),
        by_clause=dict(by_clause),
    )


def shifts(duck: Duck, *, output: str, where: str = "true", most: int | None = None) -> Iterator[Shift]:
    """The units whose place differs, by unit, with what moves them; read in parts, for files of any length.

    Ask ``duck`` nothing else before the last one was read.
    """
    own = f"output = {text_literal(output)} AND before <> after AND ({where})"
    limit = "" if most is None else f" LIMIT {int(most)}"
    moving = f"SELECT * FROM {PLACES} WHERE {own} ORDER BY unit{limit}"
    causes = (
        "SELECT unit, list(struct_pack(clause := clause, before := before, after := after) "
        "ORDER BY abs(after - before) DESC, clause) FILTER (NOT moved) AS points, "
        f"list(clause ORDER BY clause) FILTER (moved) AS moves FROM {CAUSES} "
        f"WHERE output = {text_literal(output)} GROUP BY unit"
    )
    reader = duck.connection.execute(
        "SELECT p.unit, p.before, p.after, p.number_before, p.number_after, c.points, c.moves, "
        "p.reason_before, p.reason_after "
        f"FROM ({moving}) p LEFT JOIN ({causes}) c USING (unit) ORDER BY p.unit"
    )
    while rows := reader.fetchmany(10_000):
        for unit, before, after, number_before, number_after, points, moves, reason_before, reason_after in rows:
            yield Shift(
                unit=unit,
                before=before,
                after=after,
                number_before=number_before,
                number_after=number_after,
                clauses=tuple(Difference(one["clause"], one["before"], one["after"]) for one in points or ()),
                moves=tuple(moves or ()),
                reason_before=reason_before,
                reason_after=reason_after,
            )


def compare(
    before: tuple[Iterable[Finding], Iterable[Entry]],
    after: tuple[Iterable[Finding], Iterable[Entry]],
    *,
    output: str,
    levels: Sequence[str] = (),
    groups: Labels | None = None,
) -> Impact:
    """What changes for ``output`` between two small results that are held in memory.

    ``before`` and ``after``: findings and entries of one book, of two versions, days or sets of facts;
    ``groups``: labels by which units are counted.
    """
    duck = Duck({})
    try:
        old, new = ((findings_table(findings), entries_table(entries)) for findings, entries in (before, after))
        lay_out(duck, old, new, outputs=[output])
        kinds = sorted({kind for labels in (groups or {}).values() for kind in labels})
        _add_labels(duck, groups or {}, kinds)
        return summarise(duck, output=output, population=population(duck, output), levels=levels, groups=kinds)
    finally:
        duck.close()


def _add_labels(duck: Duck, groups: Labels, kinds: Sequence[str]) -> None:
    for kind in kinds:
        pairs = [(unit, [labels[kind]]) for unit, labels in groups.items() if kind in labels]
        table = pa.table({"unit": [unit for unit, _ in pairs], kind: [own for _, own in pairs]})
        duck.register(f"labels {kind}", table)
        duck.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {PLACES} AS "
            f"SELECT p.*, l.{identifier(kind)} FROM {PLACES} p LEFT JOIN {identifier('labels ' + kind)} l USING (unit)"
        )


def _places(matrix: Mapping[tuple[str, str], int], levels: Sequence[str]) -> tuple[str, ...]:
    met = {place for pair in matrix for place in pair}
    last = ("rated", "not_rated", "open", ABSENT)
    others = sorted(met - set(levels) - set(last))
    return (*levels, *others, *(place for place in last if place in met))


def _grouped(duck: Duck, own: str, levels: Sequence[str], groups: Sequence[str]) -> Iterator[GroupCount]:
    for kind in groups:
        rows = duck.rows(
            f"SELECT grp, count(*), count(*) FILTER (before <> after), count(*) FILTER (turn > 0), "
            f"count(*) FILTER (turn < 0) FROM (SELECT unnest({identifier(kind)}) AS grp, before, after, "
            f"{_turn(levels)} AS turn FROM {PLACES} WHERE {own}) GROUP BY grp ORDER BY grp"
        )
        for group, units, changed, better, worse in rows:
            yield GroupCount(kind, group, units, changed, better, worse)


def _turn(levels: Sequence[str]) -> str:
    """SQL: 1 for better, -1 for worse, 0 for equal or not comparable."""
    if levels:
        ranks = "[" + ", ".join(text_literal(one) for one in levels) + "]"
        before, after = (f"nullif(list_position({ranks}, {side}), 0)" for side in ("before", "after"))
        return f"coalesce(sign({before} - {after}), 0)"
    return "CASE WHEN before <> after THEN 0 ELSE coalesce(sign(number_after - number_before), 0) END"
