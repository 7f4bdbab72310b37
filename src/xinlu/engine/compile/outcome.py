"""Values, enough-data rules, outputs and moves: from one row a unit to findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from xinlu.engine.compile import primitives as p
from xinlu.engine.compile.draft import Draft, answer
from xinlu.engine.compile.folds import FoldWriter
from xinlu.engine.compile.hits import Hits
from xinlu.engine.compile.scalar import in_interval
from xinlu.engine.result import NUMBER_SCALE
from xinlu.law.interval import parse_interval
from xinlu.law.rulebook import Move, Output, Peer, Value
from xinlu.law.types import QUOTIENT_SCALE, Type
from xinlu.law.typing_rules import Ref


@dataclass
class UnitTable:
    """The one-row-a-unit table as it grows: each layer adds columns to the one before.

    Layers are common table expressions of one statement until :meth:`keep` writes them out as a table: a chain of
    views would be read through from the start for every new one.
    """

    draft: Draft
    name: str
    """Quoted name of the current layer or table; a layer may be named only by the next one."""
    pending: dict[str, str] = field(default_factory=dict)
    """Columns of the layer being written: name → SQL over alias f."""
    chain: list[tuple[str, str]] = field(default_factory=list)
    """Layers not yet kept: quoted name, SELECT."""
    layers: int = 0

    def put(self, name: str, sql: str) -> None:
        """A column that reads earlier layers only."""
        self.pending[name] = sql

    def flush(self) -> None:
        """Close the pending columns as a layer, so that the next ones may read them."""
        if self.pending:
            columns = ", ".join(f"{sql} AS {p.identifier(name)}" for name, sql in self.pending.items())
            self.pending = {}
            self.layer(f"SELECT f.*, {columns} FROM {self.name} f")

    def layer(self, select: str) -> None:
        """Add a layer by its SELECT, which reads the current one."""
        self.layers += 1
        self.chain.append((p.identifier(f"layer {self.layers}"), select))
        self.name = self.chain[-1][0]

    def keep(self) -> None:
        """Write the layers out as a table that other steps may read."""
        self.flush()
        if self.chain:
            parts = ", ".join(f"{name} AS ({select})" for name, select in self.chain)
            self.chain = []
            self.name = self.draft.add(f"state_{self.layers}", f"WITH {parts} SELECT * FROM {self.name}")


def join_folds(draft: Draft, writer: FoldWriter) -> UnitTable:
    """Units with their unit-level folds, and the parts of sums (start, raw, ceiling, floor) for entries."""
    joins = " ".join(
        f"LEFT JOIN {table} {p.identifier(alias)} ON {p.identifier(alias)}.unit = f.unit"
        for alias, table in writer.joins.items()
    )
    columns: dict[str, str] = {}
    for name, sql in writer.columns.items():
        if sql:
            columns[name] = sql
            continue
        raw = writer.extras[f"{name} raw"]
        parts = writer.limited(name, f"({raw})")
        for key, part in parts.items():
            columns[name if key == "value" else f"{name} {key}"] = part
    columns |= {name: sql for name, sql in writer.extras.items() if not name.endswith(" raw")}
    selected = "".join(f", {sql} AS {p.identifier(name)}" for name, sql in columns.items())
    table = draft.add("state_0", f"SELECT f.*{selected} FROM {draft.table('units')} f {joins}")
    return UnitTable(draft, table)


# ── values ──────────────────────────────────────────────────────────────────────────────────────


def add_value(draft: Draft, state: UnitTable, name: str) -> None:
    """One named value as a new column (a new layer, since it may read the ones before)."""
    state.flush()
    value = draft.meaning.book.values[name]
    found = draft.meaning.values[name]
    if value.peer is not None:
        sql = peer_sql(draft, state, name, value)
    elif value.parts is not None:
        sql = parts_sql(draft, value)
    else:
        sql = draft.sql(("values", name, "is"), draft.unit_columns("f"))
    if value.round is not None and found.kind == "number":
        exact = exact_type(draft, name)
        state.put(f"{name} exact", f"CAST({sql} AS {p.sql_type(exact)})")
        state.flush()
        sql = p.rounded(f"f.{p.identifier(name + ' exact')}", exact.digits, exact.scale, value.round)
    state.put(name, f"CAST({sql} AS {p.sql_type(found)})")


def exact_type(draft: Draft, name: str) -> Type:
    """Type of a value before its rounding."""
    node = draft.meaning.expression("values", name, "is")
    if node is not None and isinstance(node.type, Type):
        return node.type
    found = draft.meaning.values[name]
    return Type("number", 38, QUOTIENT_SCALE, found.missing)


def parts_sql(draft: Draft, value: Value) -> str:
    """Σ w·x / Σ w over the parts that are there."""
    above, below, scale = [], [], 0
    for part, weight in (value.parts or {}).items():
        found = draft.meaning.folds.get(part) or draft.meaning.values.get(part) or draft.meaning.units[part]
        column = f"f.{p.identifier(part)}"
        literal = p.number_literal(weight)
        exponent = weight.as_tuple().exponent
        digits = max(0, -exponent) if isinstance(exponent, int) else 0
        above.append(f"coalesce({column} * {literal}, 0)")
        below.append(f"CASE WHEN {column} IS NULL THEN {p.number_literal(Decimal(0))} ELSE {literal} END")
        scale = max(scale, found.scale + digits)
    weights = max(
        (max(0, -e) for w in (value.parts or {}).values() if isinstance(e := w.as_tuple().exponent, int)), default=0
    )
    return p.quotient(f"({' + '.join(above)})", scale, f"({' + '.join(below)})", weights, QUOTIENT_SCALE)


def peer_sql(draft: Draft, state: UnitTable, name: str, value: Value) -> str:
    """A statistic of the unit against its peers: those of the run, or those of a frozen snapshot.

    ``<value> own`` is the unit's number where it is one of the peers, ``<value> group`` the group they share.
    """
    peer = value.peer
    assert peer is not None
    columns = draft.unit_columns("f")
    of = draft.sql(("values", name, "peer", "of"), columns)
    member = draft.sql(("values", name, "peer", "among"), columns) if peer.among is not None else "TRUE"
    parts = [
        f"coalesce(CAST({draft.sql(('values', name, 'peer', 'within', i), columns)} AS VARCHAR), '')"
        for i in range(len(peer.within))
    ]
    state.put(f"{name} own", f"CASE WHEN {member} THEN CAST({of} AS DECIMAL(38, 12)) END")
    state.put(f"{name} group", f"concat_ws('|', {', '.join(parts)})" if parts else "''")
    state.keep()
    if name in draft.frozen:
        return _frozen_sql(draft, state, name, peer)
    return _live_sql(name, peer)


def _live_sql(name: str, peer: Peer) -> str:
    own, group = (f"f.{p.identifier(f'{name} {part}')}" for part in ("own", "group"))
    order = f"ORDER BY {own} {'DESC' if peer.order == 'descending' else 'ASC'}"
    everyone = f"OVER (PARTITION BY {group})"
    if peer.stat == "mean":
        return p.quotient(f"sum({own}) {everyone}", NUMBER_SCALE, f"count({own}) {everyone}", 0, QUOTIENT_SCALE)
    if peer.stat == "quantile":
        kept = f"FILTER (WHERE {own} IS NOT NULL) {everyone}"
        listed = f"list_sort(list({own}) {kept}, '{'DESC' if peer.order == 'descending' else 'ASC'}')"
        return _nth(listed, f"count({own}) {everyone}", peer)
    inside = f"PARTITION BY {own} IS NULL, {group}"
    before = f"(rank() OVER ({inside} {order}) - 1)"
    upto = f"count(*) OVER ({inside} {order} RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    return _placed(own, before, upto, f"count(*) OVER ({inside})", peer)


def _placed(own: str, before: str, upto: str, count: str, peer: Peer) -> str:
    """rank, percent_rank, cume_dist or top_share from how many peers stand before and up to the unit."""
    among = f"CASE WHEN {count} = 1 THEN 0 ELSE {p.quotient(before, 0, f'({count} - 1)', 0, QUOTIENT_SCALE)} END"
    formulas = {
        "rank": f"CAST({before} + 1 AS DECIMAL(18, 0))",
        "percent_rank": among,
        "cume_dist": p.quotient(upto, 0, count, 0, QUOTIENT_SCALE),
        "top_share": p.quotient(f"({before} + 1)", 0, count, 0, QUOTIENT_SCALE),
    }
    return f"CASE WHEN {own} IS NOT NULL THEN {formulas[peer.stat]} END"


def _nth(listed: str, count: str, peer: Peer) -> str:
    """The first number at or before which at least q of the peers stand."""
    q = p.number_literal(peer.q or Decimal(0))
    return f"({listed})[greatest(1, CAST(ceil({q} * {count}) AS BIGINT))]"


def _frozen_sql(draft: Draft, state: UnitTable, name: str, peer: Peer) -> str:
    """Against a snapshot (``peer_<value>``: g, x, before, upto, n): the nearest ranked number not after the unit's."""
    sign = "-" if peer.order == "descending" else ""
    own, group = (f"f.{p.identifier(f'{name} {part}')}" for part in ("own", "group"))
    # Every value over peers has columns of its own: a book may have several.
    x, begun, done, n, given, total = (
        p.identifier(f"{name} {part}") for part in ("x", "before", "upto", "n", "given", "sum")
    )
    table = draft.table(f"peer_{name}")
    placed = f"ASOF LEFT JOIN {table} t ON t.g = {group} AND t.x <= {sign}{own}"
    if p.is_portable():
        # The same in two joins, for engines that have no such join.
        nearest = (
            f"SELECT f.unit, max(t.x) AS x FROM {state.name} f JOIN {table} t ON t.g = {group} AND t.x <= {sign}{own} "
            f"GROUP BY f.unit"
        )
        placed = f"LEFT JOIN ({nearest}) m ON m.unit = f.unit LEFT JOIN {table} t ON t.g = {group} AND t.x = m.x"
    found = (
        f"SELECT f.*, t.x AS {x}, coalesce(t.before, 0) AS {begun}, coalesce(t.upto, 0) AS {done} "
        f"FROM {state.name} f {placed}"
    )
    totals = (
        f"SELECT g, any_value(n) AS {n}, any_value(given) AS {given}, sum(x * (upto - before)) AS {total} "
        f"FROM {table} GROUP BY g"
    )
    joined = f"SELECT f.*, t.{n}, t.{given}, t.{total} FROM ({found}) f LEFT JOIN ({totals}) t ON t.g = {group}"
    state.layer(joined)
    if peer.stat == "mean":
        answer_sql = p.quotient(f"({sign}f.{total})", NUMBER_SCALE, f"f.{n}", 0, QUOTIENT_SCALE)
    elif peer.stat == "quantile":
        q = p.number_literal(peer.q or Decimal(0))
        answer_sql = f"(SELECT {sign}min(t.x) FROM {table} t WHERE t.g = {group} AND t.upto >= {q} * t.n)"
    else:
        before = f"(CASE WHEN f.{x} = {sign}{own} THEN f.{begun} ELSE f.{done} END)"
        answer_sql = f"CASE WHEN f.{n} > 0 THEN {_placed(own, before, f'f.{done}', f'f.{n}', peer)} END"
    needs_own = "" if peer.stat in {"mean", "quantile"} else f" AND {own} IS NOT NULL"
    return f"CASE WHEN f.{given} IS NOT NULL{needs_own} THEN f.{given} ELSE {answer_sql} END"


def no_period_tests(draft: Draft) -> list[str]:
    """Conditions over f under which a unit has no period: no start, not begun, no complete cycle."""
    period = draft.meaning.book.period
    if period is None or (period.anniversary is None and period.since is None):
        return []
    key = "since" if period.since is not None else "of"
    start = draft.sql(("period", key), draft.unit_columns("f"))
    tests = [f"({start}) IS NULL", f"({start}) > {draft.today}"]
    return [*tests, "f.period_until IS NULL"] if period.anniversary == "last_complete" else tests


def no_period_reasons(draft: Draft) -> tuple[str, ...]:
    """Why a unit has no period, beside :func:`no_period_tests`."""
    return ("没有评价周期的起算日期", "评价周期尚未开始", "还没有一个完整的评价周期")[: len(no_period_tests(draft))]


# ── rated when ──────────────────────────────────────────────────────────────────────────────────


def add_rated_when(draft: Draft, state: UnitTable) -> None:
    """``_failed``: missing when rated; below 0 without a period of its own; else the index of the failed rule."""
    state.flush()
    columns = draft.unit_columns("f")
    lines = [f"WHEN {test} THEN {-1 - number}" for number, test in enumerate(no_period_tests(draft))]
    for index, _ in enumerate(draft.meaning.book.rated_when):
        lines.append(f"WHEN ({draft.sql(('rated_when', index, 'require'), columns)}) IS NOT TRUE THEN {index}")
    state.put("_failed", f"CASE {' '.join(lines)} END" if lines else "CAST(NULL AS INTEGER)")
    state.keep()


# ── outputs ─────────────────────────────────────────────────────────────────────────────────────


class OutputWriter:
    """Adds the columns of one output: ``<o>`` (answer), ``<o> base``, ``<o> line`` (condition), ``<o> move i`` …"""

    def __init__(self, draft: Draft, state: UnitTable, settled: dict[str, Hits]) -> None:
        self.draft = draft
        self.state = state
        self.settled = settled

    def write(self, name: str) -> None:
        output = self.draft.meaning.book.outputs[name]
        if output.value is not None:
            self.value(name, output)
        else:
            self.level(name, output)

    def allowed(self, unrated: bool) -> str:
        """Condition that the unit is rated, or that the part answers for unrated units too."""
        return "TRUE" if unrated else "f._failed IS NULL"

    def value(self, name: str, output: Output) -> None:
        found = self.draft.meaning.outputs[name]
        node = self.draft.node("outputs", name, "value")
        sql = self.draft.scalar.sql(node, self.draft.unit_columns("f"))
        before = node.type
        if output.round is not None and isinstance(before, Type) and before.kind == "number":
            exact = f"CASE WHEN {self.allowed(output.unrated)} THEN CAST({sql} AS {p.sql_type(before)}) END"
            self.state.put(f"{name} unrounded", exact)
            sql = p.rounded(sql, before.digits, before.scale, output.round)
        allowed = self.allowed(output.unrated)
        self.state.put(answer(name), f"CASE WHEN {allowed} THEN CAST({sql} AS {p.sql_type(found)}) END")
        self.state.flush()

    def level(self, name: str, output: Output) -> None:
        columns = self.draft.unit_columns("f")
        base, line = "NULL", "CAST(NULL AS INTEGER)"
        if output.bands is not None:
            of = self.draft.sql(("outputs", name, "bands", "of"), columns)
            lines = " ".join(
                f"WHEN {in_interval(of, parse_interval(text))} THEN {p.text_literal(level)}"
                for level, text in output.bands.cut.items()
            )
            base = f"CASE {lines} END"
            self.state.put(f"{name} number", of)
        elif output.conditions or output.otherwise is not None:
            base, line = self.conditions(name, output)
        allowed = self.allowed(output.unrated)
        self.state.put(f"{name} base", f"CASE WHEN {allowed} THEN CAST({base} AS VARCHAR) END")
        self.state.put(f"{name} line", f"CASE WHEN {allowed} THEN {line} END")
        self.state.flush()
        previous = f"{name} base"
        for index, condition in enumerate(output.conditions):
            if condition.by:
                self.evidence(name, "condition", index, condition.by)
        for index, move in enumerate(output.moves):
            previous = self.move(name, index, move, previous)
        self.state.put(answer(name), f"f.{p.identifier(previous)}")
        self.state.flush()

    def conditions(self, name: str, output: Output) -> tuple[str, str]:
        columns = self.draft.unit_columns("f")
        levels, lines = [], []
        for index, condition in enumerate(output.conditions):
            test = self.draft.sql(("outputs", name, "conditions", index, "when"), columns)
            level = p.text_literal(condition.then) if condition.then is not None else "NULL"
            levels.append(f"WHEN {test} THEN {level}")
            lines.append(f"WHEN {test} THEN {index}")
        otherwise = p.text_literal(output.otherwise) if output.otherwise is not None else "NULL"
        if not levels:
            return otherwise, "CAST(NULL AS INTEGER)"
        return f"CASE {' '.join(levels)} ELSE {otherwise} END", f"CASE {' '.join(lines)} END"

    def evidence(self, name: str, kind: str, index: int, clauses: tuple[str, ...]) -> str:
        """Join the first live hit of the clauses (by day, record, clause); give the prefix of its columns."""
        parts = []
        for group, hits in self.settled.items():
            own = [one for one in clauses if self.draft.group[one] == group]
            if own:
                parts.append(
                    f"SELECT h.unit, h.key, h.clause, h._day FROM {hits.table} h WHERE {hits.alive} "
                    f"AND h.clause IN ({self.draft.numbers(own)})"
                )
        order = "ORDER BY _day, key, clause"
        first = (
            f"SELECT unit, first(key {order}) AS key, first(clause {order}) AS clause, first(_day {order}) AS day "
            f"FROM ({' UNION ALL '.join(parts)}) GROUP BY unit"
        )
        table = self.draft.add(f"{kind}_{name}_{index}", first)
        prefix = f"{name} {kind} {index}"
        columns = ", ".join(f"e.{key} AS {p.identifier(f'{prefix} {key}')}" for key in ("key", "clause", "day"))
        self.state.flush()
        self.state.layer(f"SELECT f.*, {columns} FROM {self.state.name} f LEFT JOIN {table} e ON e.unit = f.unit")
        return prefix

    def move(self, name: str, index: int, move: Move, previous: str) -> str:
        """One move; gives the column with the level after it."""
        levels = self.draft.meaning.levels_of(name)
        before = f"f.{p.identifier(previous)}"

        def columns(ref: Ref) -> str:
            return before if ref.space == "level" else self.draft.unit_columns("f")(ref)

        output = self.draft.meaning.book.outputs[name]
        tests = [self.allowed(move.unrated or output.unrated)]
        if move.by:
            prefix = self.evidence(name, "move", index, move.by)
            tests.append(f"f.{p.identifier(prefix + ' clause')} IS NOT NULL")
        if move.when is not None:
            tests.append(self.draft.sql(("outputs", name, "moves", index, "when"), columns))
        verb = next(one for one in ("set", "at_most", "at_least") if getattr(move, one) is not None)
        target = f"CAST({self.draft.sql(('outputs', name, 'moves', index, verb), columns)} AS VARCHAR)"
        rank_before, rank_target = p.rank(before, levels), p.rank(target, levels)
        tests.append(f"{rank_target} IS NOT NULL")
        moved = target
        if verb != "set":
            tests.append(f"{rank_before} IS NOT NULL")
            binds = f"{rank_before} {'>' if verb == 'at_most' else '<'} {rank_target}"
            moved = f"CASE WHEN {binds} THEN {target} ELSE {before} END"
        fires = f"coalesce({' AND '.join(tests)}, FALSE)"
        after = f"{name} after {index}"
        self.state.put(f"{name} fires {index}", fires)
        self.state.put(after, f"CASE WHEN {fires} THEN {moved} ELSE {before} END")
        self.state.flush()
        return after
