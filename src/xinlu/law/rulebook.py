"""The rulebook plane: what follows from the records on a day.

The classes here are the whole surface of a rulebook file, in the order in which a book is read:
unit → sources → clauses → contests → folds → values → outputs. ``docs/language.md`` explains each with
an example; ``xinlu.law.expression`` has the expression language.

Every ``Expr`` is the text of an expression; ``xinlu.law.meaning`` resolves names and types.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints

from xinlu.law.source import Document, Grade, InForce, LawModel


def _written(value: object) -> object:
    """``when: true`` is an expression too."""
    return str(value).lower() if isinstance(value, bool) else value


def _dated(value: object) -> object:
    """A constant written like a day is a date, not text."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"没有这一天：{value}") from None
    return value


Expr = Annotated[str, BeforeValidator(_written), StringConstraints(min_length=1)]
Ident = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
ClauseId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")]
Months = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,3} months$|^[1-9]\d{0,4} days$")]
"""A length of time: ``12 months`` (calendar months, clamped at month ends) or ``730 days``; none is as long as a
thousand years, and none is nothing."""
Places = Annotated[int, Field(ge=0, le=12)]
"""Digits behind the point."""


class Graded(LawModel):
    """A piece of a book that says where it comes from; None inherits the book's source grade."""

    grade: Grade | None = None
    clause: str = ""
    """Article or row of the document, e.g. ``第六十六条第一款``."""
    note: str = ""


# ── unit ────────────────────────────────────────────────────────────────────────────────────────


class Rates(LawModel):
    """What is rated: subjects of a kind, or the records of one item."""

    subject: str | None = None
    record: str | None = None
    where: Expr | None = None
    """Which of them belong to the population; over attributes (subjects) or fields (records).
    Attributes are read as they were on ``as_of``."""


class Period(LawModel):
    """Which days count for an ``as_of``; exactly one rule is given. Gives ``period_from`` and
    ``period_until`` (exclusive) to every expression. Without a period all days up to and including
    ``as_of`` count (``period_from`` is missing, ``period_until`` is the day after ``as_of``)."""

    calendar_year: Literal["last_complete", "running"] | None = None
    """last_complete: the calendar year before the year of as_of. running: 1 January … as_of."""
    rolling: Months | None = None
    """[add(as_of + 1 day, −length), as_of + 1 day)."""
    anniversary: Literal["last_complete", "running"] | None = None
    """Cycles of ``every`` from the unit's date ``of``; a unit without the date is not rated.
    The n-th cycle is [add(of, n·every), add(of, (n+1)·every)). running: the cycle that holds as_of,
    cut after as_of; last_complete: the one before it; not rated while there is none."""
    of: Expr | None = None
    every: Months = "12 months"
    since: Expr | None = None
    """[the unit's date, as_of + 1 day)."""


class RatedWhen(Graded):
    """What is enough data. Tried in order; the first requirement that fails ends the rating."""

    require: Expr
    otherwise: str
    """Chinese reason that a person reads."""
    status: Literal["not_rated", "open"] = "not_rated"


# ── parameters and tables ───────────────────────────────────────────────────────────────────────


class Parameter(Graded):
    """A named number, date, text or yes/no of the book."""

    value: Annotated[Decimal | date | bool | str, BeforeValidator(_dated)]
    title: str
    unit: str = ""


class TableRow(Graded):
    """One row of a table; ``when`` holds equality keys in the order of the table's ``keys``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    when: tuple[Decimal | str | bool, ...] = ()
    interval: str | None = Field(default=None, alias="in")
    """Of a table ``by`` a number: interval text such as ``[80000, 160000)``, ``> 200000``."""
    value: Annotated[Decimal | str | date | None, BeforeValidator(_dated)] = None
    expr: Expr | None = None
    """Piecewise function: an expression over ``x``, the number looked up."""


class Table(Graded):
    """A lookup: by equality of keys, or by the interval in which one number falls (``by: number``)."""

    title: str
    keys: tuple[str, ...] = ()
    by: Literal["keys", "number"] = "keys"
    rows: tuple[TableRow, ...] = Field(max_length=10_000)
    otherwise: Annotated[Decimal | str | date | None, BeforeValidator(_dated)] = None
    """Answer when no row fits; missing when not given."""


# ── sources ─────────────────────────────────────────────────────────────────────────────────────


class Reach(LawModel):
    """How a row finds the unit it speaks of. Exactly one of the shapes below.

    * ``role: R`` — the subject in role R is the unit (default: the item's first role).
    * ``role: R, relation: L, unit_end: from|to, at: <date expr over the row>`` — the subject in role R stood
      in relation L to the unit on that day; the unit is at the named end.
    * ``relation``/``unit_end``/``at`` on a relation or findings source — the unit is at that end.
    * ``parent: S`` — the row's parent record is a row of source S (``unit`` for a record unit).
    * ``row: S, column: C, role: R`` — the subject in role R is the one in column C of source S
      (predecessor of a merger); several rows of S may reach the same row.
    * ``unit_role: U, role: R`` — the unit is a record; the row's role R holds the subject in the unit's role U.
    """

    role: str | None = None
    relation: str | None = None
    unit_end: Literal["from", "to"] | None = None
    at: Expr | None = None
    parent: str | None = None
    row: str | None = None
    column: str | None = None
    unit_role: str | None = None


class Attributes(LawModel):
    """Attributes of another subject beside the row, under an alias: ``v.fuel``. Missing when nobody is there."""

    role: str
    """Role of the row's record, or ``other`` for the far end of a relation, or ``unit_role`` name."""
    kind: str
    at: Expr = "as_of"


class Exclude(Graded):
    """Rows that are left out with a reason; they stay visible as entries with share 0."""

    when: Expr
    because: str


class Source(Graded):
    """A named set of rows, each attached to one unit. One of ``item``, ``relation``, ``findings``."""

    item: str | None = None
    relation: str | None = None
    findings: str | None = None
    """Id of another book, computed in the same run; columns: its outputs by name, ``<output>_status``,
    and ``other`` (the unit rated there)."""
    unit: Reach = Reach()
    date: Expr = "occurred_on"
    """By which of its dates the row counts; for relations ``valid_from``, for findings ``as_of``."""
    within: Literal["period", "life"] = "period"
    """period: the row's date lies in the unit's period. life: its date is not after as_of."""
    on: Expr | None = None
    """Read on a day: rows whose effective period [effective_from, effective_until) holds this day
    (standings, licences, relations). Replaces ``within``. The expression may use the unit's names only."""
    where: Expr | None = None
    attributes: dict[Ident, Attributes] = {}
    each: str | None = None
    """A ``many`` field or role: one row per value, under the same name."""
    exclude: tuple[Exclude, ...] = ()
    code_field: str | None = None
    """Field that clauses with ``code`` compare."""


# ── clauses ─────────────────────────────────────────────────────────────────────────────────────


class Age(LawModel):
    """Weight of a hit by its age: applies while younger than ``below``."""

    below: Months
    weight: Decimal


class Span(LawModel):
    """The days [from, to) on which a hit counts; it counts on ``as_of`` if they hold it.

    ``for``: a length after ``from``. ``until``: an exclusive end date (missing = open). ``ages``: weights by
    age; older than the last is not counted. ``aim: back`` measures the length backwards from as_of
    (counts while ``from > add(as_of, −length)``); the default counts forward from the event
    (while ``as_of < add(from, length)``). The two differ at month ends."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    from_: Expr | None = Field(default=None, alias="from")
    """Default: the row's date."""
    for_: Months | None = Field(default=None, alias="for")
    until: Expr | None = None
    ages: tuple[Age, ...] = Field(default=(), max_length=60)
    aim: Literal["forward", "back"] = "forward"


class Cap(Graded):
    """Upper limit on the size of the sum of a clause's points (absolute value), per unit or per ``per``."""

    limit: Expr
    """Over parameters only."""
    per: tuple[str, ...] = ()
    """Row fields that make one occasion; empty: the whole unit."""


class Among(LawModel):
    """Existence of another row of the same unit: ``source`` and ``where`` (its columns under ``other.``)."""

    source: str
    where: Expr


class Clause(Graded):
    """Which rows hit, and for how much. ``clause`` is the article; ``text`` what people read."""

    title: str
    text: str = ""
    hits: str
    """Source id."""
    code: str | tuple[str, ...] | None = None
    """Rows whose ``code_field`` has this value (or one of these)."""
    when: Expr | None = None
    minus: Expr | None = None
    """Points taken, a number ≥ 0 over the row. At most one of minus/plus; neither: a hit without points (worth 0),
    for moves and counts."""
    plus: Expr | None = None
    per: Expr | None = None
    """Multiplied by this quantity of the row."""
    at_most: Expr | None = None
    """Limit of this one hit (单次)."""
    cap: Cap | None = None
    span: Span | None = None
    needs: Among | None = None
    lacks: Among | None = None


class Contest(Graded):
    """One act hits once: among hits of the clauses that agree in ``same``, one is kept, the others stay as
    entries with share 0 that name the winner. Ties: earlier date, then smaller record key, then clause order."""

    among: tuple[ClauseId, ...]
    same: tuple[str, ...]
    """Row fields (of the clauses' sources); ``unit`` and ``record`` are allowed."""
    keep: Literal["most_severe", "first", "last"] = "most_severe"


# ── folds ───────────────────────────────────────────────────────────────────────────────────────


class Running(LawModel):
    """A running total by date, then record key, clamped at each step."""

    clauses: tuple[ClauseId, ...]
    start: Expr
    """Over unit names and parameters."""
    floor: Expr | None = None
    ceiling: Expr | None = None


class Fold(Graded):
    """Rows into units (or into rows of a source, with ``per``). Exactly one operation.

    ``sum`` with clauses: Σ points, then ``start`` added, then ``ceiling`` and ``floor`` applied in this order;
    no hit gives ``start``. ``total``: Σ of an expression over the rows of ``over`` (missing without rows unless
    ``empty``). ``count``: number of rows of ``over`` (0 without rows); ``distinct``: number of different values.
    ``min``, ``max``, ``mean``, ``last``, ``first``: missing without rows; rows where the expression is missing are
    left out. ``mean`` with ``weight``: Σ w·x / Σ w. ``worst_weighted``: values best to worst a1≥…≥an, Σ i·a_i / Σ i.
    ``ratio``: Σ numerator / Σ denominator, missing when that is 0. ``share``: rows where the condition holds ÷ rows.
    ``where`` keeps rows of ``over``. Division: scale 12, half up."""

    title: str = ""
    over: str | None = None
    per: str | None = None
    """Source whose rows get the value (as a column with the fold's name); rows reach it by parent record,
    or ``by``."""
    by: str | None = None
    """With ``per``: field of the clauses' sources that holds the record id of the row instead of the parent."""
    where: Expr | None = None
    sum: tuple[ClauseId, ...] | None = None
    start: Expr | None = None
    ceiling: Expr | None = None
    floor: Expr | None = None
    total: Expr | None = None
    count: StrictBool = False
    distinct: Expr | None = None
    min: Expr | None = None
    max: Expr | None = None
    mean: Expr | None = None
    weight: Expr | None = None
    worst_weighted: Expr | None = None
    ratio: tuple[Expr, Expr] | None = None
    share: Expr | None = None
    first: Expr | None = None
    last: Expr | None = None
    running: Running | None = None
    tally: tuple[ClauseId, ...] | None = None
    """Number of hits of these clauses that count (not excluded, not lost, span holds as_of); with ``distinct``,
    the number of different values of that expression among them (vehicles rather than acts)."""
    crossings: str | None = None
    """Name of a running fold: how often it fell from above ``at_or_below`` to it or lower."""
    at_or_below: Expr | None = None


# ── values ──────────────────────────────────────────────────────────────────────────────────────


class Peer(LawModel):
    """A statistic over units: value of the unit against all units of the run for which ``among`` holds,
    inside equal ``within``. With a frozen snapshot given to the run, that is read instead."""

    stat: Literal["mean", "rank", "percent_rank", "cume_dist", "quantile", "top_share"]
    of: Expr
    among: Expr | None = None
    within: tuple[Expr, ...] = ()
    q: Decimal | None = None
    order: Literal["ascending", "descending"] = "ascending"


class Value(Graded):
    """A named value of the unit: ``is`` an expression, ``parts`` (a missing part gives its weight to the
    others; missing if all are), or ``peer``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    title: str = ""
    is_: Expr | None = Field(default=None, alias="is")
    parts: dict[Ident, Decimal] | None = None
    peer: Peer | None = None
    round: Places | None = None
    """Digits behind the point, half up; writes a rounding entry."""


# ── outputs ─────────────────────────────────────────────────────────────────────────────────────


class Level(LawModel):
    """One level of a level set, best first."""

    level: str
    title: str
    colour: Literal["green", "blue", "yellow", "orange", "red", "grey"] | None = None
    """Only for colour codes; badges of credit levels are coloured by rank."""


class Condition(Graded):
    """One line of an ordered decision."""

    when: Expr
    then: str | None = None
    """Level; None with ``ask``."""
    by: tuple[ClauseId, ...] = ()
    """Clauses whose hits are the evidence."""
    ask: str | None = None
    """Ends as *open* (待人工): what a person must decide."""
    between: tuple[str, str] | None = None
    """Worst and best level a person may choose."""


class Bands(Graded):
    """Cut of a number into levels; interval texts, e.g. ``[85, 95)``, ``< 60``, ``>= 1200``.
    Checked for gaps and overlaps at the value's scale. A missing value gives no level."""

    of: Expr
    cut: dict[str, str] = Field(max_length=60)


class Move(Graded):
    """A change of the level after the base answer, applied in order. ``set`` also answers where the base is
    missing; ``at_most``/``at_least`` leave a missing level missing. A move whose level is missing does nothing."""

    set: Expr | None = None
    """Level name or an expression of level type: ``step(previous, 1)``."""
    at_most: Expr | None = None
    at_least: Expr | None = None
    when: Expr | None = None
    by: tuple[ClauseId, ...] = ()
    """Fires when one of these clauses has a hit; its records are the evidence. With ``when``: both."""
    unrated: StrictBool = False
    """Also applied to a unit that ``rated_when`` left out."""
    title: str = ""


class Output(Graded):
    """One answer of the book. ``value`` gives a number, date, yes/no or text; ``bands`` or ``conditions``
    (with ``otherwise``) and ``moves`` give a level."""

    title: str
    value: Expr | None = None
    round: Places | None = None
    out_of: Decimal | None = None
    """Full marks when only part of the scorecard is known: “645 of 800”."""
    partial: str = ""
    """Why there is only a sub-score (Chinese), shown with the value."""
    levels: tuple[Level, ...] = Field(default=(), max_length=60)
    """Empty: the book's levels."""
    bands: Bands | None = None
    conditions: tuple[Condition, ...] = Field(default=(), max_length=200)
    otherwise: str | None = None
    """Base level when no condition holds; None: no base level, only moves decide (``withheld`` says why)."""
    withheld: str = ""
    moves: tuple[Move, ...] = Field(default=(), max_length=200)
    unrated: StrictBool = False
    """Also answered for a unit that ``rated_when`` left out."""


class Rulebook(LawModel):
    """One version of one rulebook, exactly as its file says."""

    rulebook: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    version: str
    title: str
    kind: Literal[
        "industry_credit", "safety_code", "business_code", "public_credit", "warning",
        "list", "determination", "gate", "repair", "conformity",
    ]  # fmt: skip
    sector: str
    rates: Rates
    in_force: InForce
    governed_by: Expr = "as_of"
    """``as_of`` or a date of the unit: which day picks the version."""
    period: Period | None = None
    source: Document
    summary: str = ""
    open_points: tuple[str, ...] = ()
    """Readings taken where the text is open, and parts of it that are missing."""
    valid: Months | None = None
    """How long a published standing is in force."""
    levels: tuple[Level, ...] = Field(default=(), max_length=60)
    parameters: dict[Ident, Parameter] = Field(default={}, max_length=1000)
    tables: dict[Ident, Table] = Field(default={}, max_length=200)
    sources: dict[Ident, Source] = Field(default={}, max_length=100)
    clauses: dict[ClauseId, Clause] = Field(default={}, max_length=1000)
    contests: dict[Ident, Contest] = Field(default={}, max_length=200)
    folds: dict[Ident, Fold] = Field(default={}, max_length=300)
    values: dict[Ident, Value] = Field(default={}, max_length=300)
    rated_when: tuple[RatedWhen, ...] = ()
    outputs: dict[Ident, Output] = Field(max_length=50)

    def grade_of(self, part: Graded) -> Grade:
        """The grade of a part: its own, or the book's."""
        return part.grade or self.source.grade
