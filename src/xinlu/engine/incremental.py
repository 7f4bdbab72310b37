"""Incremental runs: compute again only the units that a change can reach; the result equals the full run.

What a change can reach is found from the law's own reaches, read backwards and generously: windows, conditions
and times of knowledge are left out, so a unit may be computed again for nothing but none is forgotten. A book
that reads another is followed: what changed there reaches further. A value over peers moves everybody, so such a
book is run whole.

Time alone changes findings too: windows, spans and ages pass their edges. Which units a later day touches is found
by setting what the folds read (units, rows, hits) on the one day against the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from xinlu.engine.compile import primitives as p
from xinlu.engine.compile.plan import Plan, compile_book
from xinlu.engine.duck import Duck
from xinlu.engine.peers import Peers
from xinlu.engine.run import Prepared, in_order, prepare, understand_all
from xinlu.law.catalogue import Catalogue
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook, Source
from xinlu.law.typing_rules import Ref


@dataclass(frozen=True)
class Changed:
    """What was touched since the last run: numbers of records by item, of subjects, and relations by kind.

    A record, subject or relation counts as touched when any row of it was added or superseded.
    """

    records: Mapping[str, Collection[int]] = field(default_factory=dict)
    subjects: Collection[int] = ()
    relations: Mapping[str, Collection[tuple[int, int]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self.records.values()) or bool(self.subjects) or any(self.relations.values())


def changed_since(duck: Duck, catalogue: Catalogue, *, after: datetime, until: datetime) -> Changed:
    """What was recorded or superseded in (after, until], read from the engine's tables."""
    between = (
        f"(recorded_at > TIMESTAMP '{after}' AND recorded_at <= TIMESTAMP '{until}') "
        f"OR (superseded_at > TIMESTAMP '{after}' AND superseded_at <= TIMESTAMP '{until}')"
    )

    def numbers(table: str, column: str) -> list[int]:
        query = f"SELECT DISTINCT {column} FROM {p.identifier(table)} WHERE {between} ORDER BY 1"
        return [row[0] for row in duck.rows(query)]

    records = {item: numbers(f"item_{item}", "record") for item in catalogue.items}
    subjects = {one for kind in catalogue.kinds for one in numbers(f"subject_{kind}", "subject")}
    relations: dict[str, list[tuple[int, int]]] = {}
    query = f"SELECT DISTINCT relation, from_subject, to_subject FROM relation WHERE {between} ORDER BY ALL"
    for relation, start, end in duck.rows(query):
        relations.setdefault(relation, []).append((start, end))
    return Changed({item: found for item, found in records.items() if found}, sorted(subjects), relations)


# ── which units a change reaches ────────────────────────────────────────────────────────────────


def touched(
    duck: Duck,
    meanings: Sequence[Meaning],
    catalogue: Catalogue,
    changed: Changed,
    moved: Mapping[str, Collection[int]],
    frozen: Collection[str] = (),
) -> set[int] | None:
    """Units of one book that ``changed`` can reach; None for all of them.

    ``meanings``: every version of the book. ``moved``: book → units whose findings changed, for books it reads.
    ``frozen``: peer values that are read from a snapshot and so do not move with others.
    """
    found: set[int] = set()
    for meaning in meanings:
        if any(value.peer is not None and name not in frozen for name, value in meaning.book.values.items()):
            return None
        found |= _Reacher(duck, meaning, catalogue, changed, moved).units()
    return found


class _Reacher:
    """Reads the reaches of one book backwards."""

    def __init__(
        self, duck: Duck, meaning: Meaning, catalogue: Catalogue, changed: Changed, moved: Mapping[str, Collection[int]]
    ) -> None:
        self.duck = duck
        self.meaning = meaning
        self.catalogue = catalogue
        self.changed = changed
        self.moved = moved

    def units(self) -> set[int]:
        rates = self.meaning.book.rates
        found = set(self.changed.subjects) if rates.subject else set(self.changed.records.get(str(rates.record), ()))
        for name, source in self.meaning.book.sources.items():
            found |= self.by_rows(name, source)
            found |= self.by_relation(source)
            found |= self.by_attributes(name, source)
        return found

    # what touched a source

    def by_rows(self, name: str, source: Source) -> set[int]:
        """Through touched records of the item, or moved findings."""
        if source.item is not None:
            numbers = self.changed.records.get(source.item, ())
            return self.of_rows(name, f"r.record IN ({_listed(numbers)})") if numbers else set()
        if source.findings is not None:
            numbers = self.moved.get(source.findings, ())
            return self.of_subjects(source, numbers) if numbers else set()
        return set()

    def by_relation(self, source: Source) -> set[int]:
        """Through a touched relation: the units at its near end."""
        relation = source.relation or source.unit.relation
        pairs = self.changed.relations.get(str(relation), ()) if relation else ()
        near = [pair[0 if source.unit.unit_end == "from" else 1] for pair in pairs]
        return self.of_near(source, near) if near else set()

    def by_attributes(self, name: str, source: Source) -> set[int]:
        """Through touched subjects that stand beside a row."""
        found: set[int] = set()
        if not self.changed.subjects:
            return found
        numbers = _listed(self.changed.subjects)
        item = self.catalogue.items.get(source.item or "")
        for attributes in source.attributes.values():
            role = item.role(attributes.role) if item is not None else None
            if role is not None:
                column = f"r.role_{role.name}"
                test = f"list_has_any({column}, [{numbers}])" if role.many else f"{column} IN ({numbers})"
                found |= self.of_rows(name, test)
            elif attributes.role == "other":
                found |= self.of_far(source, self.changed.subjects)
        return found

    # from rows to units

    def of_rows(self, name: str, test: str) -> set[int]:
        """Units that rows of an item under ``test`` (over r) may speak of."""
        source = self.meaning.book.sources[name]
        reach = source.unit
        item = self.catalogue.items[str(source.item)]
        table = f"{p.identifier('item_' + item.item)} r"
        if reach.parent == "unit":
            return self.numbers(f"SELECT r.parent FROM {table} WHERE {test}")
        if reach.parent is not None:
            parents = self.numbers(f"SELECT r.parent FROM {table} WHERE {test}")
            return self.of_rows(reach.parent, f"r.record IN ({_listed(parents)})") if parents else set()
        if reach.role is None and reach.unit_role is None and self.meaning.book.rates.record == item.item:
            return self.numbers(f"SELECT r.record FROM {table} WHERE {test}")
        role = item.role(reach.role) if reach.role else item.roles[0]
        assert role is not None
        column = f"unnest(r.role_{role.name})" if role.many else f"r.role_{role.name}"
        return self.of_subjects(source, self.numbers(f"SELECT {column} FROM {table} WHERE {test}"))

    def of_subjects(self, source: Source, subjects: Collection[int]) -> set[int]:
        """Units that the subjects in the role of a source's rows (or of findings) lead to."""
        reach = source.unit
        if not subjects:
            return set()
        if reach.row is not None:
            return self.of_column(reach.row, str(reach.column), subjects)
        if reach.relation is not None or source.relation is not None:
            return self.of_far(source, subjects)
        return self.standing_for(reach.unit_role, subjects)

    def of_far(self, source: Source, subjects: Collection[int]) -> set[int]:
        """Units related to the subjects at the far end, on whichever day."""
        relation = source.relation or source.unit.relation
        near, far = ("from_subject", "to_subject") if source.unit.unit_end == "from" else ("to_subject", "from_subject")
        query = (
            f"SELECT {near} FROM relation WHERE relation = {p.text_literal(str(relation))} "
            f"AND {far} IN ({_listed(subjects)})"
        )
        return self.of_near(source, self.numbers(query))

    def of_near(self, source: Source, subjects: Iterable[int]) -> set[int]:
        return self.standing_for(source.unit.unit_role, list(subjects))

    def standing_for(self, unit_role: str | None, subjects: Collection[int]) -> set[int]:
        """Units that are the subjects, or records in whose role they stand."""
        if unit_role is None:
            return set(subjects)
        item = self.catalogue.items[str(self.meaning.book.rates.record)]
        role = item.role(unit_role)
        if role is None or not subjects:
            return set()
        column, numbers = f"role_{role.name}", _listed(subjects)
        test = f"list_has_any({column}, [{numbers}])" if role.many else f"{column} IN ({numbers})"
        return self.numbers(f"SELECT record FROM {p.identifier('item_' + item.item)} WHERE {test}")

    def of_column(self, parent: str, column: str, subjects: Collection[int]) -> set[int]:
        """Units of rows of source ``parent`` whose ``column`` holds one of the subjects."""
        source = self.meaning.book.sources[parent]
        item = self.catalogue.items.get(source.item or "")
        if item is None:
            return self.of_far(source, subjects)
        role = item.role(column)
        name = f"r.role_{column}" if role is not None else f"r.{p.identifier(column)}"
        numbers = _listed(subjects)
        many = role is not None and role.many
        test = f"list_has_any({name}, [{numbers}])" if many else f"{name} IN ({numbers})"
        return self.of_rows(parent, test)

    def numbers(self, query: str) -> set[int]:
        return {row[0] for row in self.duck.rows(query) if row[0] is not None}


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(int(one)) for one in sorted(set(numbers))) or "NULL"


# ── the run ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Result:
    """Findings and entries of one book, as :meth:`Prepared.findings` and :meth:`Prepared.entries` give them."""

    findings: pa.Table
    entries: pa.Table


def run_changed(
    books: Sequence[Rulebook],
    duck: Duck,
    before: Mapping[str, Result],
    *,
    catalogue: Catalogue,
    as_of: date,
    known_at: datetime,
    changed: Changed,
    peers: Peers | None = None,
) -> dict[str, Result]:
    """The results of ``books`` on the same day with more known: units that the change reaches are computed
    again, the others are taken from ``before``.

    1. Books are taken in order, each after those that it reads.
    2. The units that the change can reach are run; a book over peers is run whole, unless its snapshot is given.
    3. Units whose findings came out different reach on to the books that read this one.
    """
    meanings = understand_all(books, catalogue)
    prepared = prepare(books, duck, catalogue=catalogue, as_of=as_of, known_at=known_at, narrowed=True, peers=peers)
    moved: dict[str, set[int]] = {}
    wanted: dict[str, set[int]] = {}
    for book in in_order(books):
        versions = [meaning for key, meaning in meanings.items() if key[0] == book]
        reached = touched(duck, versions, catalogue, changed, moved, (peers or {}).get(book, {}))
        wanted[book] = reached if reached is not None else population(duck, versions)
        moved[book] = wanted[book]
    prepared.run(_with_read_units(duck, prepared, meanings, catalogue, wanted))
    return {
        book: Result(
            merged(before[book].findings, prepared.findings(book), wanted[book]),
            merged(before[book].entries, prepared.entries(book), wanted[book]),
        )
        for book in prepared.order
    }


def _with_read_units(
    duck: Duck,
    prepared: Prepared,
    meanings: Mapping[tuple[str, str], Meaning],
    catalogue: Catalogue,
    wanted: Mapping[str, set[int]],
) -> dict[str, set[int]]:
    """``wanted``, and for every book the units that the wanted units of its readers read: a reader sees all
    findings it asks for, not only those that changed."""
    found = {book: set(units) for book, units in wanted.items()}
    for book in reversed(prepared.order):
        for meaning in (one for key, one in meanings.items() if key[0] == book):
            for source in meaning.book.sources.values():
                if source.findings is not None and found[book]:
                    found[source.findings] |= read_units(duck, meaning, catalogue, source, found[book])
    return found


def read_units(duck: Duck, meaning: Meaning, catalogue: Catalogue, source: Source, units: Collection[int]) -> set[int]:
    """Units of another book whose findings ``units`` may read through ``source``, on whichever day."""
    reach = source.unit
    listed = _listed(units)
    own = set(units)
    if reach.unit_role is not None:
        item = catalogue.items[str(meaning.book.rates.record)]
        role = item.role(reach.unit_role)
        column = f"unnest(role_{reach.unit_role})" if role and role.many else f"role_{reach.unit_role}"
        query = f"SELECT {column} FROM {p.identifier('item_' + item.item)} WHERE record IN ({listed})"
        own = {row[0] for row in duck.rows(query) if row[0] is not None}
    relation = source.relation or reach.relation
    if relation is not None:
        near, far = ("from_subject", "to_subject") if reach.unit_end == "from" else ("to_subject", "from_subject")
        query = f"SELECT {far} FROM relation WHERE relation = {p.text_literal(relation)} AND {near} IN ({_listed(own)})"
        own = {row[0] for row in duck.rows(query)}
    if reach.row is not None:
        parent = catalogue.items.get(meaning.book.sources[reach.row].item or "")
        if parent is not None and parent.role(str(reach.column)) is not None:
            role = parent.role(str(reach.column))
            column = f"unnest(role_{reach.column})" if role and role.many else f"role_{reach.column}"
            own = {r[0] for r in duck.rows(f"SELECT {column} FROM {p.identifier('item_' + parent.item)}") if r[0]}
    return own


def population(duck: Duck, meanings: Sequence[Meaning]) -> set[int]:
    """Every subject or record that a book may rate."""
    found: set[int] = set()
    for meaning in meanings:
        rates = meaning.book.rates
        table = f"subject_{rates.subject}" if rates.subject else f"item_{rates.record}"
        column = "subject" if rates.subject else "record"
        found |= {row[0] for row in duck.rows(f"SELECT DISTINCT {column} FROM {p.identifier(table)}")}
    return found


def merged(before: pa.Table, fresh: pa.Table, units: Collection[int]) -> pa.Table:
    """Rows of ``before`` without ``units``, and the rows of ``units`` from ``fresh``, in the order of a full run."""
    chosen = pa.array(sorted(units), pa.int64())
    kept = before.filter(pc.invert(pc.is_in(before["unit"], value_set=chosen)))
    own = fresh.filter(pc.is_in(fresh["unit"], value_set=chosen))
    both = pa.concat_tables([kept, own]).combine_chunks()
    # Both parts are sorted inside a unit, and a unit lies in one of them: a stable sort by unit is the full order.
    return both.take(pc.sort_indices(both, sort_keys=[("unit", "ascending")])) if both.num_rows else both


# ── a later day ─────────────────────────────────────────────────────────────────────────────────


def run_later(
    books: Sequence[Rulebook],
    duck: Duck,
    before: Mapping[str, Result],
    *,
    catalogue: Catalogue,
    as_of: date,
    later: date,
    known_at: datetime,
    peers: Peers | None = None,
) -> dict[str, Result]:
    """The results of ``books`` on the day ``later`` from those on ``as_of``, with nothing new known.

    1. Units, rows and hits of both days are made; where they differ, a unit has passed an edge.
    2. Those units are run on the later day, and so is everybody whose law names the day itself.
    3. What changed there reaches on to the books that read it, as in :func:`run_changed`.
    """
    meanings = understand_all(books, catalogue)
    prepared = prepare(books, duck, catalogue=catalogue, as_of=later, known_at=known_at, narrowed=True, peers=peers)
    prepared.run({})
    wanted: dict[str, set[int]] = {}
    for book in prepared.order:
        versions = [meaning for key, meaning in meanings.items() if key[0] == book]
        frozen = (peers or {}).get(book, {})
        past = _Passing(duck, catalogue, prepared, as_of, later, known_at)
        if any(past.moves_everybody(meaning, frozen) for meaning in versions):
            wanted[book] = population(duck, versions)
        else:
            wanted[book] = {unit for meaning in versions for unit in past.units(meaning, wanted)}
    prepared.run(_with_read_units(duck, prepared, meanings, catalogue, wanted))
    return {
        book: Result(
            merged(before[book].findings, prepared.findings(book), wanted[book]),
            merged(before[book].entries, prepared.entries(book), wanted[book]),
        )
        for book in prepared.order
    }


@dataclass
class _Passing:
    """What passes between two days."""

    duck: Duck
    catalogue: Catalogue
    prepared: Prepared
    as_of: date
    later: date
    known_at: datetime

    def moves_everybody(self, meaning: Meaning, frozen: Collection[str]) -> bool:
        """Whether the law names the day itself beyond rows and hits, ranks peers, or changes version."""
        book = meaning.book
        if any(value.peer is not None and name not in frozen for name, value in book.values.items()):
            return True
        findings = {name for name, source in book.sources.items() if source.findings is not None}
        listed = {fold.over for fold in book.folds.values() if fold.mean or fold.worst_weighted}
        if findings & (listed | {clause.hits for clause in book.clauses.values()}):
            return True  # lines about findings carry the day of the run
        edges = (book.in_force.from_, book.in_force.until)
        if book.governed_by == "as_of" and any(e is not None and self.as_of < e <= self.later for e in edges):
            return True
        return any(
            node.op == "ref" and node.value == Ref("day", "as_of")
            for path, tree in meaning.expressions.items()
            if path[0] not in {"sources", "clauses", "governed_by", "rates"} or path[2:3] == ("cap",)
            for node in tree.walk()
        )

    def units(self, meaning: Meaning, wanted: Mapping[str, Collection[int]]) -> set[int]:
        """Units whose inputs differ, and those that findings of other units reach."""
        plans = [self.made(meaning, day, prefix) for day, prefix in ((self.as_of, "was_"), (self.later, "is_"))]
        found: set[int] = set()
        for one, other in zip(plans[0].inputs, plans[1].inputs, strict=True):
            differing = f"(({one}) EXCEPT ALL ({other})) UNION ALL (({other}) EXCEPT ALL ({one}))"
            found |= {row[0] for row in self.duck.rows(f"SELECT DISTINCT unit FROM ({differing})")}
        for plan in plans:
            self.duck.drop(plan.steps[: plan.input_steps])
        reacher = _Reacher(self.duck, meaning, self.catalogue, self.turned(), wanted)
        for name, source in meaning.book.sources.items():
            if source.findings is not None:
                found |= reacher.by_rows(name, source) | reacher.by_relation(source)
        return found

    def made(self, meaning: Meaning, day: date, prefix: str) -> Plan:
        """The inputs of one day, made."""
        plan = compile_book(
            meaning,
            self.catalogue,
            as_of=day,
            known_at=self.known_at,
            prefix=prefix,
            finding_tables={other: p.identifier(f"wide {other}") for other in meaning.reads},
        )
        self.duck.run(plan.steps[: plan.input_steps])
        return plan

    def turned(self) -> Changed:
        """Relations that begin or end between the two days."""
        between = f"> {p.date_literal(self.as_of)} AND {{0}} <= {p.date_literal(self.later)}"
        tests = " OR ".join(f"({one} {between.format(one)})" for one in ("valid_from", "valid_until"))
        relations: dict[str, list[tuple[int, int]]] = {}
        query = f"SELECT DISTINCT relation, from_subject, to_subject FROM relation WHERE {tests} ORDER BY ALL"
        for relation, start, end in self.duck.rows(query):
            relations.setdefault(relation, []).append((start, end))
        return Changed(relations=relations)
