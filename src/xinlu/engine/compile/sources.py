"""Units and sources: which rows there are, and which unit each speaks of."""

from __future__ import annotations

from collections.abc import Iterator

from xinlu.engine.compile import primitives as p
from xinlu.engine.compile.draft import Draft, row_column
from xinlu.law.catalogue import Item
from xinlu.law.meaning import Path
from xinlu.law.rulebook import Period, Source
from xinlu.law.source import Grade
from xinlu.law.typing_rules import Ref


def weakness(column: str) -> str:
    """A grade's name as a number, official where there is none."""
    lines = " ".join(f"WHEN {p.text_literal(grade.value)} THEN {grade.weakness}" for grade in Grade)
    return f"CAST(coalesce(CASE {column} {lines} END, 0) AS TINYINT)"


# ── units ───────────────────────────────────────────────────────────────────────────────────────


def add_units(draft: Draft) -> None:
    """The population of the run with attributes, ``period_from`` and ``period_until``."""
    rates, book = draft.meaning.book.rates, draft.meaning.book
    if rates.subject is not None:
        base = f"SELECT s.*, s.subject AS unit FROM {p.identifier('subject_' + rates.subject)} s"
        tests = [
            draft.known("s"),
            f"s.valid_from <= {draft.today} AND (s.valid_until IS NULL OR {draft.today} < s.valid_until)",
        ]
        key = "s.subject"
    else:
        item = draft.catalogue.items[str(rates.record)]
        roles = "".join(f", s.role_{role.name} AS {p.identifier(role.name)}" for role in item.roles)
        base = f"SELECT s.*, s.record AS unit{roles} FROM {p.identifier('item_' + item.item)} s"
        tests = [draft.known("s"), f"s.occurred_on <= {draft.today}"]
        key = "s.record"
    if draft.wanted is not None:
        tests.append(f"{key} IN (SELECT unit FROM {draft.wanted})")
    begins, ends = period_bounds(draft, book.period)
    bounded = f"SELECT b.*, {begins} AS period_from, {ends} AS period_until FROM ({base} WHERE {' AND '.join(tests)}) b"
    columns = draft.unit_columns("c")
    chosen = [draft.sql(("rates", "where"), columns)] if rates.where is not None else []
    governed = draft.sql(("governed_by",), columns)
    chosen.append(f"{governed} >= {p.date_literal(book.in_force.from_)}")
    if book.in_force.until is not None:
        chosen.append(f"{governed} < {p.date_literal(book.in_force.until)}")
    if rates.record is not None and book.period is not None:
        chosen.append("c.occurred_on >= c.period_from AND c.occurred_on < c.period_until")
    names = ["unit", "period_from", "period_until", *(p.identifier(name) for name in sorted(used_attributes(draft)))]
    draft.add("units", f"SELECT {', '.join(names)} FROM ({bounded}) c WHERE {' AND '.join(chosen)}")


def used_attributes(draft: Draft) -> set[str]:
    """Unit attributes that any expression or reach reads."""
    found = {
        node.value.name
        for tree in draft.meaning.expressions.values()
        for node in tree.walk()
        if node.op == "ref" and isinstance(node.value, Ref) and node.value.space == "unit" and node.value.name != "unit"
    }
    return found | {source.unit.unit_role for source in draft.meaning.book.sources.values() if source.unit.unit_role}


def period_bounds(draft: Draft, period: Period | None) -> tuple[str, str]:
    """SQL of ``period_from`` and ``period_until`` (exclusive) of one unit."""
    after = p.date_literal(draft.as_of.fromordinal(draft.as_of.toordinal() + 1))
    year = draft.as_of.year
    if period is None:
        return "CAST(NULL AS DATE)", after
    if period.calendar_year == "running":
        return f"DATE '{year:04d}-01-01'", after
    if period.calendar_year == "last_complete":
        return f"DATE '{year - 1:04d}-01-01'", f"DATE '{year:04d}-01-01'"
    if period.rolling is not None:
        return p.add_length(after, period.rolling, -1), after
    columns = draft.unit_columns("b")
    if period.since is not None:
        return draft.sql(("period", "since"), columns), after
    return anniversary_bounds(draft, period, draft.sql(("period", "of"), columns), after)


def anniversary_bounds(draft: Draft, period: Period, start: str, after: str) -> tuple[str, str]:
    """Cycle of ``every`` months (or days) that holds as_of, or the one before it."""
    count, unit = period.every.split()
    if unit == "months":
        passed = f"CAST({p.months_between(start, draft.today)} AS INTEGER)"
    else:
        passed = f"CAST({p.days_between(start, draft.today)} AS INTEGER)"
    cycle = f"({passed} // {count})"
    shift = p.add_months if unit == "months" else p.add_days
    if period.anniversary == "running":
        begins = f"CASE WHEN {start} <= {draft.today} THEN {shift(start, f'{cycle} * {count}')} END"
        return begins, after
    begins = f"CASE WHEN {start} <= {draft.today} AND {cycle} >= 1 THEN {shift(start, f'({cycle} - 1) * {count}')} END"
    closed = f"WHEN {start} <= {draft.today} AND {cycle} >= 1 THEN {shift(start, f'{cycle} * {count}')}"
    ends = f"CASE {closed} WHEN {start} <= {draft.today} THEN NULL ELSE {after} END"
    return begins, ends


# ── demand ──────────────────────────────────────────────────────────────────────────────────────


def source_of_path(draft: Draft, path: Path) -> str | None:
    """The source over whose rows the expression at ``path`` speaks, or None for unit expressions."""
    book = draft.meaning.book
    kind, name = path[0], str(path[1]) if len(path) > 1 else ""
    if kind == "sources":
        return None if path[2] == "on" else name
    if kind == "clauses":
        return None if path[2] == "cap" else book.clauses[name].hits
    if kind == "folds" and path[2] not in {"start", "floor", "ceiling", "running", "at_or_below"}:
        fold = book.folds[name]
        return book.clauses[fold.tally[0]].hits if fold.tally else fold.over
    return None


def gather_demand(draft: Draft) -> None:
    """Note for every source which references its rows must answer."""
    book = draft.meaning.book
    demand: dict[str, set[Ref]] = {name: set() for name in book.sources}
    _demand_of_expressions(draft, demand)
    for source, column in _named_columns(draft):
        demand[source].add(Ref("row", column))
    for name, one in book.sources.items():
        parent = draft.meaning.parent_source(name)
        if parent is not None:
            demand[parent] |= {Ref("row", ref.name) for ref in demand[name] if ref.space == "parent"}
        if one.unit.row is not None and one.unit.column is not None:
            demand[one.unit.row].add(Ref("row", one.unit.column))
    draft.demand = {name: {ref for ref in refs if _is_read(draft, name, ref)} for name, refs in demand.items()}


def _demand_of_expressions(draft: Draft, demand: dict[str, set[Ref]]) -> None:
    for path, tree in draft.meaning.expressions.items():
        source = source_of_path(draft, path)
        if source is None:
            continue
        for node in tree.walk():
            if node.op != "ref" or not isinstance(node.value, Ref):
                continue
            if node.value.space == "other":
                among = getattr(draft.meaning.book.clauses[str(path[1])], str(path[2]))
                demand[among.source].add(Ref("row", node.value.name))
            else:
                demand[source].add(node.value)


def _named_columns(draft: Draft) -> Iterator[tuple[str, str]]:
    """Columns that codes, caps, contests and ``by`` name without an expression, with their source."""
    book = draft.meaning.book
    for clause in book.clauses.values():
        if clause.code is not None:
            yield clause.hits, str(book.sources[clause.hits].code_field)
        yield from ((clause.hits, one) for one in (clause.cap.per if clause.cap else ()))
    for contest in book.contests.values():
        yield from ((book.clauses[one].hits, column) for one in contest.among for column in contest.same)
    for fold in book.folds.values():
        if fold.by is not None:
            yield from ((book.clauses[one].hits, fold.by) for one in (*(fold.sum or ()), *(fold.tally or ())))


def _is_read(draft: Draft, source: str, ref: Ref) -> bool:
    """Whether a reference is a column of the source's rows, and not one that every source has anyway."""
    fold = draft.meaning.book.folds.get(ref.name)
    if ref.space == "row":
        # Columns of folds over the source's own rows are joined when the fold is made.
        return ref.name not in {"unit", "record", "parent"} and (fold is None or fold.per != source)
    if ref.space == "day":
        return ref.name != "as_of"
    return ref.space in {"attr", "parent", "unit"} and ref != Ref("unit", "unit")


# ── sources ─────────────────────────────────────────────────────────────────────────────────────


class SourceWriter:
    """Writes the step of one source."""

    def __init__(self, draft: Draft, name: str) -> None:
        self.draft = draft
        self.name = name
        self.source: Source = draft.meaning.book.sources[name]
        self.item: Item | None = draft.catalogue.items.get(self.source.item or "")
        self.units = draft.table("units")

    def column(self, ref: Ref) -> str:
        """SQL of a reference while the source is being read: r = row, u = unit, q = parent row, g = relation."""
        shared = self.draft.shared(ref)
        if shared is not None:
            return shared
        if ref.space in {"unit", "day"}:
            return "u.unit" if ref.name == "unit" else f"u.{p.identifier(ref.name)}"
        if ref.space == "attr":
            return f"{p.identifier('a_' + ref.qualifier)}.{p.identifier(ref.name)}"
        if ref.space == "parent":
            return f"q.{p.identifier(ref.name)}"
        return self.row_value(ref.name)

    def row_value(self, name: str) -> str:
        if self.item is not None:
            if name == self.source.each:
                return "r._each"
            return f"r.role_{name}" if self.item.role(name) else f"r.{p.identifier(name)}"
        if self.source.findings is not None:
            return {"other": "r.unit", "as_of_day": self.draft.today}.get(name, f"r.{p.identifier(name)}")
        other = "g.to_subject" if self.source.unit.unit_end == "from" else "g.from_subject"
        return {"other": other, "record": other}.get(name, f"g.{p.identifier(name)}")

    def write(self, *, view: bool) -> str:
        """Add the step; give its quoted name."""
        tables, tests = self.reached()
        tests += self.window()
        for alias, attributes in self.source.attributes.items():
            tables.append(self.attribute_join(alias, attributes.role, attributes.kind))
        path: Path = ("sources", self.name)
        if self.source.where is not None:
            tests.append(self.draft.sql((*path, "where"), self.column))
        selected = ["u.unit", f"{self.key()} AS key", f"{self.day()} AS _day", f"{self.parent_key()} AS _parent"]
        selected += [
            f"{self.column(ref)} AS {row_column(ref)}" for ref in sorted(self.draft.demand[self.name], key=str)
        ]
        selected.append(f"{self.exclusion()} AS _excluded")
        grade = self.grade()
        if grade is not None:
            self.draft.graded.add(self.name)
            selected.append(f"{grade} AS _grade")
        where = f" WHERE {' AND '.join(tests)}" if tests else ""
        listed = ", ".join(dict.fromkeys(selected))
        sql = f"SELECT {self.once()}{listed} FROM {' '.join(tables)}{where}"
        return self.draft.add(f"source_{self.name}", sql, view=view)

    # rows and reach

    def once(self) -> str:
        """DISTINCT where several relation rows or members may lead from one row to the same unit.

        Not for a relation's own rows, nor with ``each``, whose values stand apart."""
        reach = self.source.unit
        several = reach.unit_role is not None or (reach.relation is not None and self.source.relation is None)
        return "DISTINCT " if several and self.source.each is None else ""

    def base(self) -> str:
        """The rows of the source before reach, under the alias r."""
        if self.item is not None:
            table = p.identifier(f"item_{self.item.item}")
            if self.source.each is not None:
                role = self.item.role(self.source.each)
                column = f"role_{self.source.each}" if role else p.identifier(self.source.each)
                return f"(SELECT *, unnest({column}) AS _each FROM {table}) r"
            return f"{table} r"
        if self.source.findings is not None:
            return f"{self.draft.finding_tables[self.source.findings]} r"
        return "relation g"

    def in_role(self) -> str:
        """SQL of the subject in the role that reaches out."""
        reach = self.source.unit
        if self.source.findings is not None:
            return "r.unit"
        assert self.item is not None
        own = self.draft.meaning.book.rates.record == self.item.item
        if own and reach.role is None and reach.unit_role is None:
            return "r.record"
        role = reach.role or self.item.roles[0].name
        return "r._each" if role == self.source.each else f"r.role_{role}"

    def match(self, column: str) -> str:
        """Condition that ``column`` is the subject in the role (or one of them)."""
        role = self.item.role(self.source.unit.role or self.item.roles[0].name) if self.item is not None else None
        if role is not None and role.many and role.name != self.source.each and self.in_role() != "r.record":
            return f"list_contains({self.in_role()}, {column})"
        return f"{column} = {self.in_role()}"

    def reached(self) -> tuple[list[str], list[str]]:
        """FROM parts and conditions that join rows with their units."""
        reach, draft = self.source.unit, self.draft
        tests = [draft.known("r")] if self.item is not None else []
        base = self.base()
        if reach.row is not None or (reach.parent is not None and reach.parent != "unit"):
            linked = draft.current[str(reach.row or reach.parent)]
            match = self.match(f"q.{p.identifier(str(reach.column))}") if reach.row else "r.parent = q.key"
            tables = [
                base,
                f"JOIN {linked} q ON {match} AND q._excluded IS NULL",
                f"JOIN {self.units} u ON u.unit = q.unit",
            ]
            return tables, tests
        if reach.parent == "unit":
            return [base, f"JOIN {self.units} u ON u.unit = r.parent"], tests
        relation = self.source.relation or reach.relation
        if relation is not None:
            return self.through_relation(base, relation, tests)
        if reach.unit_role is not None:
            return [base, f"JOIN {self.unit_role(reach.unit_role)} u ON {self.match('u._role')}"], tests
        return [base, f"JOIN {self.units} u ON {self.match('u.unit')}"], tests

    def unit_role(self, role: str) -> str:
        """Units with the subject of one of their roles; a role with many subjects gives a row for each."""
        rated = self.draft.catalogue.items[str(self.draft.meaning.book.rates.record)].role(role)
        value = f"unnest({p.identifier(role)})" if rated and rated.many else p.identifier(role)
        return f"(SELECT *, {value} AS _role FROM {self.units})"

    def through_relation(self, base: str, relation: str, tests: list[str]) -> tuple[list[str], list[str]]:
        reach, draft = self.source.unit, self.draft
        near, far = ("from_subject", "to_subject") if reach.unit_end == "from" else ("to_subject", "from_subject")
        tests = [*tests, draft.known("g"), f"g.relation = {p.text_literal(relation)}"]
        units = self.units
        if reach.unit_role is not None:
            units = self.unit_role(reach.unit_role)
        join = "u._role" if reach.unit_role is not None else "u.unit"
        tables = [base]
        if self.item is not None or self.source.findings is not None:
            tables.append(f"JOIN relation g ON {self.match('g.' + far)}")
        tables.append(f"JOIN {units} u ON {join} = g.{near}")
        if reach.at is not None:
            at = draft.sql(("sources", self.name, "unit", "at"), self.column)
            tests.append(f"g.valid_from <= {at} AND (g.valid_until IS NULL OR {at} < g.valid_until)")
        return tables, tests

    def attribute_join(self, alias: str, role: str, kind: str) -> str:
        name = p.identifier(f"a_{alias}")
        at = self.draft.sql(("sources", self.name, "attributes", alias, "at"), self.column)
        holder = self.row_value("other") if role == "other" else self.role_value(role)
        return (
            f"LEFT JOIN {p.identifier('subject_' + kind)} {name} ON {name}.subject = {holder} "
            f"AND {self.draft.known(name)} "
            f"AND {name}.valid_from <= {at} AND ({name}.valid_until IS NULL OR {at} < {name}.valid_until)"
        )

    def role_value(self, role: str) -> str:
        if self.item is not None and self.item.role(role) is not None:
            return self.row_value(role)
        return f"u.{p.identifier(role)}"

    # which day, which rows count

    def day(self) -> str:
        path: Path = ("sources", self.name, "date")
        if path in self.draft.meaning.expressions:
            return self.draft.sql(path, self.column)
        return "g.valid_from" if self.item is None and self.source.findings is None else "r.occurred_on"

    def window(self) -> list[str]:
        """Conditions of ``on`` or ``within``; findings are of the day of the run and always count."""
        path: Path = ("sources", self.name, "on")
        if path in self.draft.meaning.expressions:
            on = self.draft.sql(path, self.column)
            begins, ends = ("r.effective_from", "r.effective_until") if self.item else ("g.valid_from", "g.valid_until")
            if self.source.findings is not None:
                return []
            return [f"{begins} <= {on}", f"({ends} IS NULL OR {on} < {ends})"]
        if self.source.findings is not None:
            return []
        day = self.day()
        if self.source.within == "life":
            return [f"{day} <= {self.draft.today}"]
        tests = [f"{day} < u.period_until"]
        if self.draft.meaning.book.period is not None:
            tests.insert(0, f"{day} >= u.period_from")
        return tests

    def key(self) -> str:
        if self.item is not None:
            return "r.record"
        return self.row_value("other")

    def parent_key(self) -> str:
        reach = self.source.unit
        if reach.row is not None:
            return "q.key"
        return "r.parent" if self.item is not None else "CAST(NULL AS BIGINT)"

    def grade(self) -> str | None:
        """Weakness of the grade that the row itself carries (0 official … 3 sample), or None if it has none."""
        if self.source.findings is not None:
            return "r._grade"
        carried = self.item.field("grade") if self.item is not None else None
        return weakness("r.grade") if carried is not None and carried.codes == "source_grades" else None

    def exclusion(self) -> str:
        lines = [
            f"WHEN {self.draft.sql(('sources', self.name, 'exclude', index, 'when'), self.column)} THEN {index}"
            for index in range(len(self.source.exclude))
        ]
        return f"CASE {' '.join(lines)} END" if lines else "CAST(NULL AS INTEGER)"
