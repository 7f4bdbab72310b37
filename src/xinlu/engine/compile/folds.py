"""Folds: hits and rows into units, or into rows of a source."""

from __future__ import annotations

from collections import defaultdict

from xinlu.engine.compile import primitives as p
from xinlu.engine.compile.caps import cap_limit, join_units
from xinlu.engine.compile.draft import Draft
from xinlu.engine.compile.hits import Hits, hit_column
from xinlu.law.rulebook import Fold
from xinlu.law.types import QUOTIENT_SCALE, Type

ROW_FOLDS = ("total", "count", "distinct", "min", "max", "mean", "worst_weighted", "ratio", "share", "first", "last")


def operation(fold: Fold) -> str:
    """The one operation of a fold."""
    if fold.tally is not None:
        return "tally"
    return next(one for one in ("sum", "running", "crossings", *ROW_FOLDS) if getattr(fold, one) not in (None, False))


class FoldWriter:
    """Adds the steps of folds. ``settled``: group → table of hits; ``caps``: group → table of closing entries."""

    def __init__(self, draft: Draft, settled: dict[str, Hits], caps: dict[str, str]) -> None:
        self.draft = draft
        self.settled = settled
        self.caps = caps
        self.columns: dict[str, str] = {}
        """Unit fold → SQL of its value over the joined aggregates (table alias.column)."""
        self.joins: dict[str, str] = {}
        """Alias → joined aggregate table, keyed by unit."""
        self.extras: dict[str, str] = {}
        """More columns for entries: name → SQL."""

    # ── sums ────────────────────────────────────────────────────────────────────────────────────

    def by_group(self, clauses: tuple[str, ...]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for one in clauses:
            found[self.draft.group[one]].append(one)
        return found

    def filtered(self, source: str, clauses: list[str]) -> str:
        """FILTER clause that keeps these clauses; empty when the table holds no other live hits."""
        tests = []
        if set(clauses) != set(self.draft.members(source)):
            tests.append(f"h.clause IN ({self.draft.numbers(clauses)})")
        if self.settled[source].contested:
            tests.append(self.settled[source].alive)
        return f" FILTER (WHERE {' AND '.join(tests)})" if tests else ""

    def add_unit_sums(self, folds: list[str]) -> None:
        """All unit-level sums and plain tallies that are ready, in one scan of each hits table."""
        book = self.draft.meaning.book
        selects: dict[str, list[str]] = defaultdict(list)
        capped: dict[str, list[str]] = defaultdict(list)
        for name in folds:
            fold = book.folds[name]
            for source, clauses in self.by_group((*(fold.sum or ()), *(fold.tally or ()))).items():
                keep = self.filtered(source, clauses)
                aggregate = "sum(h.points)" if fold.sum else "count(*)"
                if fold.tally and fold.distinct:
                    aggregate = f"count(DISTINCT h.{p.identifier('distinct ' + name)})"
                selects[source].append(f"{aggregate}{keep} AS {p.identifier(name)}")
                if fold.tally and self.graded(fold):
                    selects[source].append(f"max(h._grade){keep} AS {p.identifier(name + ' grade')}")
                    self.extras[f"{name} grade"] = (
                        f"{p.identifier(f'h_{folds[0]}_{source}')}.{p.identifier(name + ' grade')}"
                    )
                if fold.sum and source in self.caps:
                    capped[source].append(
                        f"sum(h.share) FILTER (WHERE NOT h.by_row "
                        f"AND h.clause IN ({self.draft.numbers(clauses)})) AS {p.identifier(name)}"
                    )
        tag = folds[0]
        for source, columns in selects.items():
            sql = f"SELECT h.unit, {', '.join(columns)} FROM {self.settled[source].table} h GROUP BY h.unit"
            self.joins[f"h_{tag}_{source}"] = self.draft.add(f"sums_{tag}_{source}", sql)
        for source, columns in capped.items():
            sql = f"SELECT h.unit, {', '.join(columns)} FROM {self.caps[source]} h GROUP BY h.unit"
            self.joins[f"c_{tag}_{source}"] = self.draft.add(f"capped_{tag}_{source}", sql)
        for name in folds:
            self.finish_unit_sum(name, tag)

    def finish_unit_sum(self, name: str, tag: str) -> None:
        fold = self.draft.meaning.book.folds[name]
        if fold.tally:
            parts = [
                f"coalesce({p.identifier(f'h_{tag}_{s}')}.{p.identifier(name)}, 0)" for s in self.by_group(fold.tally)
            ]
            self.columns[name] = f"CAST({' + '.join(parts)} AS DECIMAL(18, 0))"
            return
        parts = []
        for source in self.by_group(fold.sum or ()):
            parts.append(f"coalesce({p.identifier(f'h_{tag}_{source}')}.{p.identifier(name)}, 0)")
            if f"c_{tag}_{source}" in self.joins:
                parts.append(f"coalesce({p.identifier(f'c_{tag}_{source}')}.{p.identifier(name)}, 0)")
        self.extras[f"{name} raw"] = " + ".join(["0", *parts]) if not parts else " + ".join(parts)
        self.columns[name] = ""

    def limited(self, name: str, raw: str, unit: str = "f") -> dict[str, str]:
        """SQL of start, ceiling and floor adjustments and of the value of a sum fold, from its raw sum."""
        fold = self.draft.meaning.book.folds[name]
        columns = self.draft.unit_columns(unit)
        found = self.fold_type(name)
        kind = p.sql_type(found)
        parts = {}
        value = raw
        if fold.start is not None:
            parts["start"] = f"CAST({self.draft.sql(('folds', name, 'start'), columns)} AS {kind})"
            value = f"({value} + {parts['start']})"
        for key, pick in (("ceiling", "least"), ("floor", "greatest")):
            if getattr(fold, key) is not None:
                limit = self.draft.sql(("folds", name, key), columns)
                parts[key] = f"CAST({pick}({value}, {limit}) - {value} AS {kind})"
                value = f"{pick}({value}, {limit})"
        parts["value"] = f"CAST({value} AS {kind})"
        return parts

    def fold_type(self, name: str) -> Type:
        fold = self.draft.meaning.book.folds[name]
        return self.draft.meaning.columns[fold.per][name] if fold.per else self.draft.meaning.folds[name]

    # ── per rows ────────────────────────────────────────────────────────────────────────────────

    def add_row_fold(self, name: str) -> None:
        """A fold ``per`` rows of a source: a table by (unit, key), joined to the source as a new column."""
        fold = self.draft.meaning.book.folds[name]
        assert fold.per is not None
        current = self.draft.current[fold.per]
        if fold.sum is not None or fold.tally is not None:
            value = self.row_sum(name, current)
        else:
            value = self.row_aggregate(name, current)
        table = self.draft.add(f"fold_{name}", value)
        joined = (
            f"SELECT s.*, f.value AS {p.identifier(name)} "
            f"FROM {current} s LEFT JOIN {table} f ON f.unit = s.unit AND f.key = s.key"
        )
        self.draft.current[fold.per] = self.draft.add(f"{name}_on_{fold.per}", joined)

    def row_sum(self, name: str, current: str) -> str:
        fold = self.draft.meaning.book.folds[name]
        parts = []
        for source, clauses in self.by_group((*(fold.sum or ()), *(fold.tally or ()))).items():
            live = (
                f"h.clause IN ({self.draft.numbers(clauses)}) AND {self.settled[source].alive} AND h._row IS NOT NULL"
            )
            amount = "h.points" if fold.sum else "1"
            parts.append(f"SELECT h.unit, h._row, {amount} AS amount FROM {self.settled[source].table} h WHERE {live}")
            if fold.sum and source in self.caps:
                chosen = self.draft.numbers(clauses)
                parts.append(
                    f"SELECT h.unit, h._row, h.share AS amount FROM {self.caps[source]} h "
                    f"WHERE h.by_row AND h.clause IN ({chosen}) AND h._row IS NOT NULL"
                )
        totals = f"SELECT unit, _row, sum(amount) AS raw FROM ({' UNION ALL '.join(parts)}) GROUP BY unit, _row"
        rows = f"SELECT DISTINCT unit, key FROM {current} WHERE _excluded IS NULL"
        joined = (
            f"SELECT u.*, r.key, coalesce(t.raw, 0) AS raw FROM ({rows}) r "
            f"JOIN {self.draft.table('units')} u ON u.unit = r.unit "
            f"LEFT JOIN ({totals}) t ON t.unit = r.unit AND t._row = r.key"
        )
        if fold.tally:
            return f"SELECT unit, key, CAST(raw AS DECIMAL(18, 0)) AS value FROM ({joined}) f"
        limited = self.limited(name, "f.raw")
        columns = ", ".join(f"{sql} AS {key}" for key, sql in limited.items())
        return f"SELECT f.unit, f.key, {columns} FROM ({joined}) f"

    def row_aggregate(self, name: str, current: str) -> str:
        """min, mean … of child rows, per parent row."""
        fold = self.draft.meaning.book.folds[name]
        assert fold.over is not None
        child = self.draft.current[fold.over]
        key = p.identifier(fold.by) if fold.by else "_parent"
        value, more = self.aggregate(name)
        more |= self.row_grade(name)
        extra = "".join(f", {sql} AS {key}" for key, sql in more.items())
        kept = "".join(f", g.{key}" for key in more)
        rows = self.rows(name, child)
        grouped = f"SELECT s.unit, s.{key} AS key, {value} AS value{extra} FROM {rows} s GROUP BY s.unit, s.{key}"
        everyone = f"SELECT DISTINCT unit, key FROM {current} WHERE _excluded IS NULL"
        empty = "coalesce(g.value, 0)" if operation(fold) in {"count", "distinct"} else "g.value"
        return (
            f"SELECT r.unit, r.key, {empty} AS value{kept} FROM ({everyone}) r "
            f"LEFT JOIN ({grouped}) g ON g.unit = r.unit AND g.key = r.key"
        )

    def rows(self, name: str, table: str) -> str:
        """The rows a fold reads: not excluded, ``where`` holds; ``worst_weighted`` gets the place of each row."""
        fold = self.draft.meaning.book.folds[name]
        tests = ["s._excluded IS NULL"]
        columns = self.draft.row_columns("s")
        if fold.where is not None:
            tests.append(self.draft.sql(("folds", name, "where"), columns))
        inner = f"SELECT s.* FROM {table} s WHERE {' AND '.join(tests)}"
        if operation(fold) != "worst_weighted":
            return f"({inner})"
        amount = self.draft.sql(("folds", name, "worst_weighted"), columns)
        group = "s.unit" if fold.per is None else f"s.unit, s.{p.identifier(fold.by) if fold.by else '_parent'}"
        place = f"row_number() OVER (PARTITION BY {group} ORDER BY {amount} DESC, s._day, s.key)"
        return f"(SELECT s.*, {place} AS _place FROM ({inner}) s WHERE ({amount}) IS NOT NULL)"

    # ── rows into units ─────────────────────────────────────────────────────────────────────────

    def add_unit_rows(self, folds: list[str]) -> None:
        """Row folds over one source that are ready: those without their own ``where`` share one scan."""
        book = self.draft.meaning.book
        shared: dict[str, list[str]] = defaultdict(list)
        for name in folds:
            fold = book.folds[name]
            own = fold.where is not None or operation(fold) == "worst_weighted"
            shared[name if own else f"rows of {fold.over}"].append(name)
        for members in shared.values():
            columns = []
            source = str(book.folds[members[0]].over)
            for name in members:
                value, more = self.aggregate(name)
                columns.append(f"{value} AS {p.identifier(name)}")
                more |= self.row_grade(name)
                columns += [f"{sql} AS {p.identifier(f'{name} {key}')}" for key, sql in more.items()]
            rows = self.rows(members[0], self.draft.current[source])
            sql = f"SELECT s.unit, {', '.join(columns)} FROM {rows} s GROUP BY s.unit"
            alias = f"r_{members[0]}"
            self.joins[alias] = self.draft.add(f"rows_{members[0]}", sql)
            for name in members:
                self.unit_row_column(name, alias)

    def graded(self, fold: Fold) -> bool:
        """Whether the rows that a fold reads carry grades of their own."""
        sources = {fold.over, *(self.draft.meaning.book.clauses[one].hits for one in fold.tally or ())}
        return bool(sources & self.draft.graded)

    def unit_row_column(self, name: str, alias: str) -> None:
        column = f"{p.identifier(alias)}.{p.identifier(name)}"
        fold = self.draft.meaning.book.folds[name]
        empty = operation(fold) in {"count", "distinct"}
        self.columns[name] = f"coalesce({column}, 0)" if empty else column
        for key in {**self.aggregate(name)[1], **self.row_grade(name)}:
            self.extras[f"{name} {key}"] = f"{p.identifier(alias)}.{p.identifier(f'{name} {key}')}"

    def row_grade(self, name: str) -> dict[str, str]:
        """The weakest grade among the rows that a fold reads, where rows carry grades; else nothing."""
        fold = self.draft.meaning.book.folds[name]
        what = operation(fold)
        if not self.graded(fold) or what in {"mean", "worst_weighted"}:
            return {}
        columns = self.draft.row_columns("s")
        if what in {"first", "last"}:
            value = self.draft.sql(("folds", name, what), columns)
            order = "s._day, s.key" if what == "first" else "s._day DESC, s.key DESC"
            return {"grade": f"first(s._grade ORDER BY {order}) FILTER (WHERE ({value}) IS NOT NULL)"}
        if what in {"count", "share"}:
            return {"grade": "max(s._grade)"}
        parts = (
            [("folds", name, "ratio", 0), ("folds", name, "ratio", 1)] if what == "ratio" else [("folds", name, what)]
        )
        sizes = {path: f"({self.draft.sql(path, columns)})" for path in parts}
        if what in {"min", "max"}:
            found = self.draft.node("folds", name, what).type
            assert isinstance(found, Type)
            sizes = {path: self.size(sql, found) for path, sql in sizes.items()}
        there = " AND ".join(f"{sql} IS NOT NULL" for sql in sizes.values())
        return {"grade": f"max(s._grade) FILTER (WHERE {there})"}

    def aggregate(self, name: str) -> tuple[str, dict[str, str]]:
        """SQL of a row fold over rows under s, and of what its entries need beside."""
        fold = self.draft.meaning.book.folds[name]
        what = operation(fold)
        if what == "count":
            return "CAST(count(*) AS DECIMAL(18, 0))", {}
        columns = self.draft.row_columns("s")
        if what == "ratio":
            return self.ratio(name), {}
        if what == "share":
            condition = self.draft.sql(("folds", name, "share"), columns)
            hits, rows = f"count(*) FILTER (WHERE {condition})", "count(*)"
            return p.quotient(hits, 0, rows, 0, QUOTIENT_SCALE), {}
        node = self.draft.node("folds", name, what)
        value = self.draft.scalar.sql(node, columns)
        found = node.type
        assert isinstance(found, Type)
        if what == "distinct":
            return f"CAST(count(DISTINCT {value}) AS DECIMAL(18, 0))", {}
        if what == "total":
            return f"CAST(sum({value}) AS {p.sql_type(self.fold_type(name))})", {}
        if what in {"mean", "worst_weighted"}:
            return self.mean(name, value, found), {}
        return self.picked(what, value, found)

    def ratio(self, name: str) -> str:
        columns = self.draft.row_columns("s")
        above, below = (self.draft.sql(("folds", name, "ratio", i), columns) for i in (0, 1))
        types = [self.draft.node("folds", name, "ratio", i).type for i in (0, 1)]
        assert isinstance(types[0], Type)
        assert isinstance(types[1], Type)
        both = f" FILTER (WHERE ({above}) IS NOT NULL AND ({below}) IS NOT NULL)"
        return p.quotient(f"sum({above}){both}", types[0].scale, f"sum({below}){both}", types[1].scale, QUOTIENT_SCALE)

    def mean(self, name: str, value: str, found: Type) -> str:
        weight, scale = self.row_weight(name)
        if weight == "1":
            return p.quotient(f"sum({value})", found.scale, f"count({value})", 0, QUOTIENT_SCALE)
        both = f" FILTER (WHERE ({value}) IS NOT NULL AND ({weight}) IS NOT NULL)"
        total = f"sum(({value}) * ({weight})){both}"
        return p.quotient(total, found.scale + scale, f"sum({weight}){both}", scale, QUOTIENT_SCALE)

    def row_weight(self, name: str) -> tuple[str, int]:
        """SQL and scale of the weight of one row in a mean."""
        fold = self.draft.meaning.book.folds[name]
        if fold.worst_weighted is not None:
            return "CAST(s._place AS DECIMAL(9, 0))", 0
        if fold.weight is None:
            return "1", 0
        node = self.draft.node("folds", name, "weight")
        assert isinstance(node.type, Type)
        return self.draft.scalar.sql(node, self.draft.row_columns("s")), node.type.scale

    def picked(self, what: str, value: str, found: Type) -> tuple[str, dict[str, str]]:
        """min, max, first, last: the value and the record that gave it (the earliest among equals)."""
        size = self.size(value, found)
        # A level outside of the set has no place among the others, but can well be the first or last of its rows.
        there = f" FILTER (WHERE {size if what in {'min', 'max'} else f'({value})'} IS NOT NULL)"
        order = {
            "min": f"{size}, s._day, s.key",
            "max": f"{size} DESC, s._day, s.key",
            "first": "s._day, s.key",
            "last": "s._day DESC, s.key DESC",
        }[what]
        return f"first({value} ORDER BY {order}){there}", {"record": f"first(s.key ORDER BY {order}){there}"}

    def size(self, value: str, found: Type) -> str:
        """What ``min`` and ``max`` compare: the rank of a level, anything else itself."""
        levels = found.levels or tuple(level.level for level in self.draft.meaning.book.levels)
        return p.rank(value, levels) if found.kind == "level" else f"({value})"

    # ── running ─────────────────────────────────────────────────────────────────────────────────

    def add_running(self, name: str) -> None:
        """A running fold: a table of its steps (unit, place, …, state after the step)."""
        fold = self.draft.meaning.book.folds[name]
        assert fold.running is not None
        kind = p.sql_type(self.fold_type(name))
        columns = self.draft.unit_columns("u")
        start = self.draft.sql(("folds", name, "running", "start"), columns)
        limits = {
            key: self.draft.sql(("folds", name, "running", key), columns)
            for key in ("floor", "ceiling")
            if getattr(fold.running, key) is not None
        }
        bounds = "".join(f", CAST({sql} AS {kind}) AS {key}" for key, sql in limits.items())
        steps = (
            f"SELECT u.unit, CAST({start} AS {kind}) AS start{bounds}, h.key, h._row, h._day, h.clause, h.raw, "
            f"h.weight, CAST(h.counted AS {kind}) AS counted, "
            f"row_number() OVER (PARTITION BY u.unit ORDER BY h._day, h.key, h.clause) AS place "
            f"FROM {self.draft.table('units')} u JOIN ({self.running_hits(name)}) h ON h.unit = u.unit"
        )
        self.draft.add(f"steps_{name}", steps)
        states = self.two_sided(name, kind) if len(limits) == 2 else self.one_sided(name, next(iter(limits), None))
        table = self.draft.add(f"running_{name}", states)
        final = f"SELECT unit, last(state ORDER BY place) AS value FROM {table} GROUP BY unit"
        self.joins[f"run_{name}"] = self.draft.add(f"ran_{name}", final)
        begin = self.draft.sql(("folds", name, "running", "start"), self.draft.unit_columns("f"))
        self.columns[name] = f"CAST(coalesce({p.identifier(f'run_{name}')}.value, {begin}) AS {kind})"

    def running_hits(self, name: str) -> str:
        """Live hits of the run; a clause cap lets them count in order until it is used up."""
        fold = self.draft.meaning.book.folds[name]
        assert fold.running is not None
        selects = []
        for source, clauses in self.by_group(fold.running.clauses).items():
            for clause in clauses:
                cap = self.draft.meaning.book.clauses[clause].cap
                counted = "h.points"
                if cap is not None:
                    keys = ", ".join(["h.unit", *(hit_column(one) for one in cap.per if one != "unit")])
                    so_far = (
                        f"sum(abs(h.points)) OVER (PARTITION BY {keys} ORDER BY h._day, h.key ROWS UNBOUNDED PRECEDING)"
                    )
                    limit = cap_limit(self.draft, clause)
                    kept = f"(least({so_far}, {limit}) - least({so_far} - abs(h.points), {limit}))"
                    counted = f"CASE WHEN h.points < 0 THEN -{kept} ELSE {kept} END"
                join = join_units(self.draft, [clause]) if cap is not None else ""
                selects.append(
                    f"SELECT h.unit, h.key, h._row, h._day, h.clause, h.raw, h.weight, {counted} AS counted "
                    f"FROM {self.settled[source].table} h{join} WHERE {self.settled[source].alive} "
                    f"AND h.clause = {self.draft.clause_numbers[clause]}"
                )
        return " UNION ALL ".join(selects)

    def one_sided(self, name: str, limit: str | None) -> str:
        """State after each step with at most one clamp: the free sum, lifted by the deepest fall below the floor."""
        steps = self.draft.table(f"steps_{name}")
        order = "PARTITION BY unit ORDER BY place ROWS UNBOUNDED PRECEDING"
        free = f"SELECT *, start + sum(counted) OVER ({order}) AS free FROM {steps}"
        if limit is None:
            return f"SELECT *, free AS state FROM ({free})"
        gap = "floor - free" if limit == "floor" else "free - ceiling"
        sign = "+" if limit == "floor" else "-"
        return f"SELECT *, free {sign} greatest(0, max({gap}) OVER ({order})) AS state FROM ({free})"

    def two_sided(self, name: str, kind: str) -> str:
        """State after each step between floor and ceiling: a fold over the ordered list of steps."""
        steps = self.draft.table(f"steps_{name}")
        gathered = (
            f"SELECT unit, any_value(start) AS start, any_value(floor) AS low, any_value(ceiling) AS high, "
            f"list(counted ORDER BY place) AS amounts FROM {steps} GROUP BY unit"
        )
        states = p.clamped("start", "amounts", "low", "high", kind)
        folded = f"SELECT unit, {states} AS states FROM ({gathered})"
        state = "s.states[CAST(t.place AS INTEGER) + 1] AS state"
        return f"SELECT t.*, {state} FROM {steps} t JOIN ({folded}) s ON s.unit = t.unit"

    def add_crossings(self, name: str) -> None:
        """How often a running fold fell from above a bound to it or lower."""
        fold = self.draft.meaning.book.folds[name]
        table = self.draft.table(f"running_{fold.crossings}")
        bound = self.draft.sql(("folds", name, "at_or_below"), self.draft.unit_columns("u"))
        before = "lag(t.state, 1, t.start) OVER (PARTITION BY t.unit ORDER BY t.place)"
        units = self.draft.table("units")
        columns = f"t.unit, t.state, {before} AS before, {bound} AS bound"
        moved = f"SELECT {columns} FROM {table} t JOIN {units} u ON u.unit = t.unit"
        sql = f"SELECT unit, count(*) AS value FROM ({moved}) WHERE before > bound AND state <= bound GROUP BY unit"
        self.joins[f"cross_{name}"] = self.draft.add(f"crossings_{name}", sql)
        self.columns[name] = f"CAST(coalesce({p.identifier(f'cross_{name}')}.value, 0) AS DECIMAL(18, 0))"
