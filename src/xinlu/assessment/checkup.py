"""Model measures (模型体检) of one run: does the model use its clauses, is it stable, does it tell good from bad later?

Everything is counted over the units that the asker may see. Figures that rest on too little data are None: pages and
commands say 未足样本 in their place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from xinlu.access.scope import Scope
from xinlu.assessment import statistics
from xinlu.assessment.clause_use import EFFECTIVE, is_delivered, sources_of
from xinlu.assessment.compare import EVERYTHING, levels_of
from xinlu.assessment.groups import Grouping, Labels, in_order, label
from xinlu.assessment.models import Run
from xinlu.assessment.run import runs_folder
from xinlu.assessment.statistics import Between, Discrimination
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.duck import Duck
from xinlu.engine.exact import add_length
from xinlu.engine.result import ENTRIES_SCHEMA, FINDINGS_SCHEMA
from xinlu.engine.run import add_empty_tables
from xinlu.gazette import current
from xinlu.law.catalogue import Catalogue, Item
from xinlu.law.interval import parse_interval
from xinlu.law.rulebook import Rulebook
from xinlu.ledger import columnar
from xinlu.ledger.cuts import items_delivered, ways_of

POINTS_NEAR = Decimal(1)
"""How near to a cut-off is near, in points."""
LOOKED_UP = 200_000
"""Records whose way in is looked up at most; of more, an even part is drawn by their numbers."""
_HAIR = Decimal("0.000000000001")


@dataclass(frozen=True)
class Outcome:
    """Something that may happen to a unit after it was rated."""

    name: str
    title: str
    words: str
    item: str
    where: str = "true"
    """SQL over a row of the item."""


OUTCOMES = (
    Outcome(
        "liable_accident",
        "有责事故",
        "负同等、主要或全部责任的事故",
        "accident",
        "responsibility IN ('equal', 'main', 'full')",
    ),
    Outcome("penalty", "行政处罚", "任何行政处罚", "administrative_penalty"),
    Outcome("violation", "运输违章", "任何运输违章记录", "transport_violation"),
    Outcome("overlimit", "违法超限", "任何违法超限运输行为", "overlimit_act"),
)


@dataclass(frozen=True)
class ClauseUse:
    """How often one clause was applied. ``counted``: it stands in counts only, which do not list its hits; then
    ``units`` are those in which a count that it belongs to was not 0, and ``hits`` is None."""

    clause: str
    title: str
    article: str
    hits: int | None
    lost: int
    units: int
    points: Decimal
    arrivals: Mapping[str, int]
    """Way in (a :class:`~xinlu.ledger.models.Delivery.Way`, empty for what no delivery brought) → hits whose record
    came by it."""
    has_source: bool = True
    """Whether somebody delivers what its rows are."""

    @property
    def counted(self) -> bool:
        """Whether its hits are only counted."""
        return self.hits is None

    @property
    def idle(self) -> bool:
        """Whether it was never applied."""
        return self.units == 0


@dataclass(frozen=True)
class LevelShare:
    """Units of a level (or without one) in this round and in the last."""

    level: str
    units: int
    before: int | None


@dataclass(frozen=True)
class BandDiscrimination:
    """Discrimination among the units of one size; ``code`` None: among all."""

    grouping: Grouping | None
    code: str | None
    found: Discrimination

    @property
    def title(self) -> str:
        """The size in words."""
        return "全部" if self.grouping is None else self.grouping.title_of(self.code or "")


@dataclass(frozen=True)
class OutcomeMeasure:
    """Discrimination against one outcome in the year after ``as_of``. ``until``: the last day of that year, ``known``:
    the last day for which the ledger could know it; where that is earlier the year is not over."""

    outcome: Outcome
    begins: date
    until: date
    known: date
    bands: tuple[BandDiscrimination, ...]

    @property
    def whole(self) -> bool:
        """Whether the year is over."""
        return self.known >= self.until


@dataclass(frozen=True)
class CityShare:
    """One city: units with a level, levels in the order of the book, mean number."""

    code: str
    units: int
    levels: tuple[int, ...]
    mean: float | None


@dataclass(frozen=True)
class Fairness:
    """Whether cities differ by more than chance, by levels and by numbers; None: not enough units."""

    grouping: Grouping
    cities: tuple[CityShare, ...]
    by_level: Between | None
    by_number: Between | None


@dataclass(frozen=True)
class Edge:
    """Units near one cut-off: ``below`` at most so many points under it, ``above`` from it to as many over it."""

    number: Decimal
    lower: str
    upper: str
    below: int
    above: int


@dataclass(frozen=True)
class Checkup:
    """The model measures of one run. ``output`` is the answer that is looked at: the first level, else the first."""

    run: Run
    last: Run | None
    book: Rulebook
    output: str
    units: int
    rated: int
    clauses: tuple[ClauseUse, ...]
    drawn: int
    """Every how-many-th record was looked up for its way in; 1: all."""
    levels: tuple[LevelShare, ...]
    stability: float | None
    """PSI of the levels against the last round."""
    stability_of_numbers: float | None
    outcome: OutcomeMeasure | None
    fairness: Fairness | None
    edges: tuple[Edge, ...]
    near: Decimal
    better_when_more: bool | None
    """Whether a higher number goes with a better level; None where there is no number or it does not show."""

    @property
    def idle(self) -> tuple[ClauseUse, ...]:
        """Clauses that were never applied."""
        return tuple(one for one in self.clauses if one.idle)


@dataclass(frozen=True)
class _Units:
    """The units of one round, column by column: a province of millions fits."""

    rank: Any
    """Place of the level in the book, -1 for none."""
    number: Any
    """The number behind the level, or the first number of the book; NaN for none."""
    happened: Any
    codes: Mapping[str, tuple[Any, Sequence[str]]]
    """Grouping → index of each unit's code, and the codes."""

    def __len__(self) -> int:
        return len(self.rank)

    @property
    def known(self) -> Any:
        """Which units have a level or a number."""
        import numpy as np

        return (self.rank >= 0) | ~np.isnan(self.number)

    def by_code(self, grouping: str) -> dict[str, Any]:
        """Code → which units stand there."""
        index, codes = self.codes[grouping]
        return {code: index == place for place, code in enumerate(codes)}


def outcomes_of(run: Run) -> tuple[Outcome, ...]:
    """The outcomes that can happen to the units of a run: those of items that name their kind in a role."""
    kind, items = book_of(run).rates.subject, current.library().catalogue.items
    return tuple(one for one in OUTCOMES if kind and one.item in items and _roles(items[one.item], kind))


def check_up(
    run: Run,
    scope: Scope,
    *,
    today: date,
    last: Run | None = None,
    outcome: Outcome | None = None,
    near: Decimal = POINTS_NEAR,
) -> Checkup:
    """Measure ``run`` against ``last`` (the round before, if any) and against ``outcome`` in the year after it."""
    catalogue = current.library().catalogue
    book = book_of(run)
    output = main_output(book)
    duck = Duck(columnar.tables())
    try:
        add_empty_tables(duck, catalogue)
        labels = label(duck, book.rates.subject, catalogue, as_of=run.as_of, known_at=_naive())
        _register(duck, run, "now")
        where = _seen(duck, labels, scope)
        if outcome is not None:
            _happening(duck, catalogue, book, outcome, run.as_of)
        units = _units(duck, "now", book, output, labels, where, outcome is not None)
        before: _Units | None = None
        if last is not None:
            _register(duck, last, "last")
            before = _units(duck, "last", book, output, labels, where, False)
        clauses, drawn = _clauses(duck, book, where)
        edges = _edges(duck, book, output, near)
    finally:
        duck.close()
    levels = levels_of(book, output)
    better = _direction(units)
    return Checkup(
        run=run,
        last=last,
        book=book,
        output=output,
        units=len(units),
        rated=int(units.known.sum()),
        clauses=clauses,
        drawn=drawn,
        levels=_shares(units, before, levels),
        stability=None if before is None else statistics.stability(_counts(units, levels), _counts(before, levels)),
        stability_of_numbers=_stability_of_numbers(units, before),
        outcome=_measured(units, labels, better, outcome, run.as_of, today) if outcome else None,
        fairness=_fairness(units, labels, levels),
        edges=edges,
        near=near,
        better_when_more=better,
    )


def book_of(run: Run) -> Rulebook:
    """The newest version of the book that a run used."""
    versions = current.library().rulebooks[run.book]
    used = run.version.split("、")
    return next((one for one in reversed(versions) if one.version in used), versions[-1])


def main_output(book: Rulebook) -> str:
    """The answer that is measured: the first that gives a level, else the first."""
    return next((name for name, one in book.outputs.items() if one.value is None), next(iter(book.outputs)))


def round_of(book: str, as_of: date | None = None) -> Run | None:
    """The round of a day, or the newest: published ones first, then trials."""
    found = Run.objects.filter(book=book)
    if as_of is not None:
        found = found.filter(as_of=as_of)
    newest = found.order_by("-as_of", "-made_at")
    return newest.filter(published_at__isnull=False).first() or newest.first()


def last_round(run: Run) -> Run | None:
    """The round before: the newest published run of the book for an earlier day, else the newest trial."""
    earlier = Run.objects.filter(book=run.book, as_of__lt=run.as_of).order_by("-as_of", "-made_at")
    return earlier.filter(published_at__isnull=False).first() or earlier.first()


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def _naive() -> datetime:
    return EVERYTHING.replace(tzinfo=None)


def _register(duck: Duck, run: Run, side: str) -> None:
    for name, schema in (("findings", FINDINGS_SCHEMA), ("entries", ENTRIES_SCHEMA)):
        folder = runs_folder() / run.code
        whole = folder / f"{name}.parquet"
        files = [whole] if whole.exists() else sorted((folder / name).glob("*.parquet"))
        duck.register(f"{name} {side}", files or schema.empty_table())


def _seen(duck: Duck, labels: Labels, scope: Scope) -> str:
    """SQL over ``unit``: the units that ``scope`` may see."""
    where = labels.seen_by(scope)
    if where in ("true", "false"):
        return where
    duck.connection.execute(f"CREATE OR REPLACE TEMP TABLE seen AS SELECT unit FROM {labels.table} WHERE {where}")
    return "unit IN (SELECT unit FROM seen)"


def _roles(item: Item, kind: str) -> list[tuple[str, bool]]:
    return [(one.name, one.many) for one in item.roles if kind in one.kinds]


def _happening(duck: Duck, catalogue: Catalogue, book: Rulebook, outcome: Outcome, as_of: date) -> None:
    """Make the table ``happened``: the units that the outcome befell in the year after ``as_of``, in any role."""
    begins, until = _year_after(as_of)
    columns = [
        f"unnest({identifier('role_' + role)})" if many else identifier("role_" + role)
        for role, many in _roles(catalogue.items[outcome.item], book.rates.subject or "")
    ]
    days = f"occurred_on >= DATE '{begins}' AND occurred_on <= DATE '{until}' AND superseded_at IS NULL"
    table = identifier(f"item_{outcome.item}")
    selects = [f"SELECT {column} AS unit FROM {table} WHERE {days} AND ({outcome.where})" for column in columns]
    duck.connection.execute(f"CREATE OR REPLACE TEMP TABLE happened AS {' UNION '.join(selects)}")


def _year_after(as_of: date) -> tuple[date, date]:
    """First and last day of the year after ``as_of``."""
    begins = as_of + timedelta(days=1)
    return begins, add_length(begins, "12 months", 1) - timedelta(days=1)


def _units(duck: Duck, side: str, book: Rulebook, output: str, labels: Labels, where: str, happening: bool) -> _Units:
    import numpy as np

    groups = [one for one in labels.groupings if not one.many]
    columns = "".join(f", coalesce(l.{identifier(g.name)}[1], '') AS {identifier('in ' + g.name)}" for g in groups)
    joined = f"LEFT JOIN {labels.table} l ON l.unit = r.unit" if groups else ""
    befell = "r.unit IN (SELECT unit FROM happened)" if happening else "false"
    duck.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {identifier('rated ' + side)} AS {_rated(duck, side, book, output, where)}"
    )
    ranks = "[" + ", ".join(text_literal(one) for one in levels_of(book, output)) + "]::VARCHAR[]"
    table = duck.arrow(
        f"SELECT coalesce(nullif(list_position({ranks}, r.level), 0) - 1, -1)::INTEGER AS rank, "
        f"CAST(r.number AS DOUBLE) AS number, {befell} AS happened{columns} "
        f"FROM {identifier('rated ' + side)} r {joined} ORDER BY r.unit"
    )
    codes = {}
    for one in groups:
        found = table.column(f"in {one.name}").combine_chunks().dictionary_encode()
        codes[one.name] = (np.asarray(found.indices), found.dictionary.to_pylist())
    return _Units(
        table.column("rank").to_numpy(),
        table.column("number").to_numpy(),
        table.column("happened").to_numpy(),
        codes,
    )


def _rated(duck: Duck, side: str, book: Rulebook, output: str, where: str) -> str:
    """SELECT of ``unit, level, number``: the number is what the bands compared, else the first number of the book."""
    findings, entries = (identifier(f"{name} {side}") for name in ("findings", "entries"))
    numeric = text_literal(_numeric_output(duck, findings, book) or output)
    main = text_literal(output)
    return (
        "SELECT f.unit, CASE WHEN f.status = 'rated' THEN nullif(f.level, '') END AS level, "
        "coalesce(b.raw, CASE WHEN n.status = 'rated' THEN n.number END) AS number "
        f"FROM (SELECT * FROM {findings} WHERE output = {main} AND ({where})) f "
        f"LEFT JOIN (SELECT unit, any_value(raw) AS raw FROM {entries} WHERE kind = 'band' AND step = {main} "
        "GROUP BY unit) b ON b.unit = f.unit "
        f"LEFT JOIN {findings} n ON n.unit = f.unit AND n.output = {numeric}"
    )


def _numeric_output(duck: Duck, findings: str, book: Rulebook) -> str | None:
    """The first output with numbers: what is looked at where no bands compare a number."""
    there = {name for (name,) in duck.rows(f"SELECT DISTINCT output FROM {findings} WHERE number IS NOT NULL")}
    return next((name for name in book.outputs if name in there), None)


# ── clauses and how their records arrived ───────────────────────────────────────────────────────


def _clauses(duck: Duck, book: Rulebook, where: str) -> tuple[tuple[ClauseUse, ...], int]:
    entries = identifier("entries now")
    rows = duck.rows(
        "SELECT clause, count(*) FILTER (kind <> 'lost'), count(*) FILTER (kind = 'lost'), "
        "count(DISTINCT unit) FILTER (kind <> 'lost'), coalesce(sum(share) FILTER (kind = 'hit'), 0) "
        f"FROM {entries} WHERE clause IS NOT NULL AND kind IN ('hit', 'lost', 'move', 'condition') AND ({where}) "
        "GROUP BY clause"
    )
    used = {clause: tuple(numbers) for clause, *numbers in rows}
    tallies = {name: set(fold.tally) for name, fold in book.folds.items() if fold.tally}
    read = dict(
        duck.rows(
            f"SELECT step, count(DISTINCT unit) FROM {entries} "
            f"WHERE kind = 'read' AND raw > 0 AND ({where}) GROUP BY step"
        )
    )
    arrivals, drawn = _arrivals(duck, entries, where)
    reads, delivered = sources_of(book), items_delivered()
    found = []
    for name, clause in book.clauses.items():
        hits, lost, units, points = used.get(name, (0, 0, 0, Decimal(0)))
        own = [fold for fold, clauses in tallies.items() if name in clauses]
        only_counted = bool(own) and name not in used
        found.append(
            ClauseUse(
                name,
                clause.title,
                clause.clause,
                None if only_counted else hits,
                lost,
                max((read.get(fold, 0) for fold in own), default=0) if only_counted else units,
                Decimal(points),
                arrivals.get(name, {}),
                is_delivered(reads[name], delivered),
            )
        )
    return tuple(found), drawn


def _arrivals(duck: Duck, entries: str, where: str) -> tuple[dict[str, Counter[str]], int]:
    """Clause → way in → hits, and every how-many-th record was looked up."""
    evidence = f"FROM {entries} WHERE record IS NOT NULL AND {EFFECTIVE} AND ({where})"
    ((number,),) = duck.rows(f"SELECT count(DISTINCT record) {evidence}")
    drawn = max(1, -(-number // LOOKED_UP))
    pairs = duck.rows(f"SELECT clause, record, count(*) {evidence} AND record % {drawn} = 0 GROUP BY ALL")
    ways = ways_of({record for _, record, _ in pairs})
    found: dict[str, Counter[str]] = {}
    for clause, record, hits in pairs:
        if record in ways:
            found.setdefault(clause, Counter())[ways[record]] += hits
    return found, drawn


# ── figures ─────────────────────────────────────────────────────────────────────────────────────


def _direction(units: _Units) -> bool | None:
    import numpy as np

    both = (units.rank >= 0) & ~np.isnan(units.number)
    return statistics.more_is_better(units.number[both], units.rank[both])


def _counts(units: _Units, levels: Sequence[str], which: Any = None) -> list[int]:
    """Units by level, best first."""
    import numpy as np

    rank = units.rank if which is None else units.rank[which]
    return [int(one) for one in np.bincount(rank[rank >= 0], minlength=len(levels))]


def _shares(units: _Units, before: _Units | None, levels: Sequence[str]) -> tuple[LevelShare, ...]:
    now = _counts(units, levels)
    old = None if before is None else _counts(before, levels)
    found = [LevelShare(name, now[place], None if old is None else old[place]) for place, name in enumerate(levels)]
    without = None if before is None or old is None else len(before) - sum(old)
    return (*found, LevelShare("", len(units) - sum(now), without))


def _stability_of_numbers(units: _Units, before: _Units | None) -> float | None:
    import numpy as np

    if before is None:
        return None
    return statistics.stability_of_numbers(*(one.number[~np.isnan(one.number)] for one in (units, before)))


def _measured(
    units: _Units, labels: Labels, better: bool | None, outcome: Outcome, as_of: date, today: date
) -> OutcomeMeasure:
    import numpy as np

    risk = _risk(units, better)
    known = ~np.isnan(risk)
    bands = [BandDiscrimination(None, None, statistics.discrimination(risk[known], units.happened[known]))]
    size = _size(units, labels, known)
    if size is not None:
        members = units.by_code(size.name)
        for code in in_order(size, members):
            own = members[code] & known
            if own.any():
                found = statistics.discrimination(risk[own], units.happened[own])
                bands.append(BandDiscrimination(size, code, found))
    begins, until = _year_after(as_of)
    return OutcomeMeasure(outcome, begins, until, today, tuple(bands))


def _size(units: _Units, labels: Labels, known: Any) -> Grouping | None:
    """The measure of size that divides these units into the most groups: fleets say nothing of builders."""
    import numpy as np

    def groups(one: Grouping) -> int:
        index, codes = units.codes[one.name]
        return sum(1 for place in np.unique(index[known]) if codes[place])

    return max(labels.sizes, key=groups, default=None)


def _risk(units: _Units, better: bool | None) -> Any:
    """Higher is worse: the number turned the way the levels say, else the rank of the level. Where a book gives no
    level, more counts as better."""
    import numpy as np

    if better is not None or not (units.rank >= 0).any():
        return units.number if better is False else -units.number
    return np.where(units.rank >= 0, units.rank.astype(float), np.nan)


def _fairness(units: _Units, labels: Labels, levels: Sequence[str]) -> Fairness | None:
    import numpy as np

    grouping = labels.grouping("city")
    if grouping is None:
        return None
    known, members = units.known, units.by_code("city")
    rows, numbers = [], []
    for code in in_order(grouping, members):
        own = members[code] & known
        if not own.any():
            continue
        values = units.number[own]
        values = values[~np.isnan(values)]
        mean = float(values.mean()) if len(values) else None
        rows.append(CityShare(code, int(own.sum()), tuple(_counts(units, levels, own)), mean))
        numbers.append(values)
    return Fairness(
        grouping,
        tuple(rows),
        statistics.levels_between([one.levels for one in rows]) if levels else None,
        statistics.numbers_between(numbers),
    )


def _edges(duck: Duck, book: Rulebook, output: str, near: Decimal) -> tuple[Edge, ...]:
    """Counted on exact numbers, like the bands themselves."""
    bands = book.outputs[output].bands
    if bands is None:
        return ()
    cut = {level: parse_interval(text) for level, text in bands.cut.items()}
    edges = sorted({edge for one in cut.values() for edge in (one.low, one.high) if edge is not None}, reverse=True)

    def level_of(number: Decimal) -> str:
        return next((level for level, one in cut.items() if one.contains(number)), "")

    found = []
    for edge in edges:
        ((below, above),) = duck.rows(
            f"SELECT count(*) FILTER (number >= {edge - near:f} AND number < {edge:f}), "
            f"count(*) FILTER (number >= {edge:f} AND number <= {edge + near:f}) "
            'FROM "rated now" WHERE level IS NOT NULL'
        )
        found.append(Edge(edge, level_of(edge - _HAIR), level_of(edge + _HAIR), below, above))
    return tuple(found)
