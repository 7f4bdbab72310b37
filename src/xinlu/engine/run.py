"""Run rulebooks: compiled steps on a backend, findings and entries back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from xinlu.engine.compile.plan import Plan, compile_book
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.duck import Duck, TableLike
from xinlu.engine.peers import Peers, ranked
from xinlu.engine.result import ENTRIES_SCHEMA, FINDINGS_SCHEMA, RunResult, entries_of, findings_of
from xinlu.engine.tables import empty_tables
from xinlu.law.catalogue import Catalogue
from xinlu.law.meaning import Meaning, understand
from xinlu.law.rulebook import Rulebook
from xinlu.law.source import Grade

_ENTRY_ORDER = (
    'unit, step, seq, "row" NULLS FIRST, clause NULLS FIRST, day NULLS FIRST, kind, record NULLS FIRST, '
    "text NULLS FIRST, share NULLS FIRST, raw NULLS FIRST"
)


_SHELF = 2**56
"""More than there are units on one shelf."""
_WORDS = {"status": {"rated", "not_rated", "open"}, "grade": {one.value for one in Grade}}

_RESULTS = {"findings": (FINDINGS_SCHEMA, "unit, output"), "entries": (ENTRIES_SCHEMA, _ENTRY_ORDER)}


_ALL = (None, None)
_CODES = {
    "step": ("CAST(enum_code(step) AS BIGINT)", 12),
    "seq": ("seq", 8),
    "clause": ("coalesce(CAST(enum_code(clause) AS BIGINT) + 1, 0)", 12),
    "day": ("coalesce(day - DATE '0001-01-01' + 1, 0)", 22),
    "kind": ("enum_code(kind)", 5),
}
"""Columns of entries as numbers that sort as they do, missing first, with the bits that they need."""


def by_shelf(shelves: int) -> str:
    """SQL of a number that sorts units by shelf, then by number."""
    return f"unit % {shelves} * {_SHELF} + unit // {shelves}" if shelves > 1 else "unit"


def within(key: str, keys: tuple[int | None, int | None]) -> str:
    """SQL of the test that a key lies from the first on and below the second; empty where both are open."""
    return " AND ".join(f"{key} {sign} {one}" for sign, one in zip((">=", "<"), keys, strict=True) if one is not None)


def part_of(plan: Plan) -> str:
    """Quoted name of the table with a part of the units of a plan."""
    return identifier(f"{plan.prefix}part")


def _packed(columns: Sequence[str]) -> str:
    """SQL of one number that sorts as ``columns`` do, one after the other."""
    packed = "CAST(0 AS BIGINT)"
    for column in columns:
        code, bits = _CODES[column]
        packed = f"({packed} * {2**bits} + {code})"
    return packed


class MissingBook(LookupError):
    """A book reads another that is not in the list."""


def in_order(books: Sequence[Rulebook]) -> list[str]:
    """Ids of ``books`` so that each comes after the books it reads. Raises on a circle or a missing book."""
    reads: dict[str, set[str]] = {}
    for book in books:
        wanted = {source.findings for source in book.sources.values() if source.findings}
        reads.setdefault(book.rulebook, set()).update(wanted)
    ordered: list[str] = []
    visiting: set[str] = set()

    def visit(book: str, reader: str) -> None:
        if book in ordered:
            return
        if book not in reads:
            raise MissingBook(f"评价办法“{reader}”要读“{book}”的结果，但没有给出这部办法")
        if book in visiting:
            raise MissingBook(f"评价办法“{book}”绕一圈读到自己")
        visiting.add(book)
        for one in sorted(reads[book]):
            visit(one, book)
        ordered.append(book)

    for name in reads:
        visit(name, name)
    return ordered


def understand_all(books: Sequence[Rulebook], catalogue: Catalogue) -> dict[tuple[str, str], Meaning]:
    """Meanings by (id, version), each book after the books it reads.

    A reader sees the columns of the latest version of what it reads."""
    meanings: dict[tuple[str, str], Meaning] = {}
    latest: dict[str, Meaning] = {}
    for book_id in in_order(books):
        versions = sorted((b for b in books if b.rulebook == book_id), key=lambda b: b.in_force.from_)
        for book in versions:
            latest[book_id] = meanings[(book_id, book.version)] = understand(book, catalogue, latest)
    return meanings


@dataclass
class Prepared:
    """Plans of some books for one day on one connection, ready to run again for any units.

    Used by full runs, incremental runs and single questions alike, so that they take the same road.
    """

    duck: Duck
    plans: dict[str, list[Plan]]
    order: list[str]
    over_peers: dict[str, tuple[str, ...]]
    """Book → its values over peers."""
    narrowed: bool = False
    ran: set[str] = field(default_factory=set)
    enumerations: set[str] = field(default_factory=set)

    def run(self, units: Mapping[str, Collection[int]] | None = None, *, again: bool = True) -> None:
        """Run all plans in order; ``units``: book → units (needed when the plans were narrowed).

        A narrowed plan is parsed once, on its first run, unless it is not to be run ``again``."""
        for book in self.order:
            if self.narrowed:
                self._want(book, (units or {}).get(book, ()))
            for plan in self.plans[book]:
                if book in self.ran:
                    self.duck.run_again(plan.steps)
                else:
                    self.duck.run(plan.steps)
            if book not in self.ran:
                wides = " UNION ALL BY NAME ".join(f"SELECT * FROM {plan.wide}" for plan in self.plans[book])
                self.duck.connection.execute(f"CREATE OR REPLACE VIEW {identifier('wide ' + book)} AS {wides}")
        if self.narrowed and again and not self.ran:
            self._make_ready()

    def _want(self, book: str, units: Collection[int]) -> None:
        """Fill the table that names the units of a narrowed plan."""
        table = identifier(f"wanted {book}")
        if book not in self.ran:
            self.duck.connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} (unit BIGINT)")
        self.duck.connection.execute(f"DELETE FROM {table}")
        if len(units):
            self.duck.connection.register("units named", pa.table({"unit": pa.array(sorted(units), pa.int64())}))
            self.duck.connection.execute(f'INSERT INTO {table} SELECT unit FROM "units named"')
            self.duck.connection.unregister("units named")

    def _make_ready(self) -> None:
        for book in self.order:
            for plan in self.plans[book]:
                self.duck.make_ready(plan.steps)
            for name in ("findings", "entries"):
                ready = identifier(f"{name} of {book}")
                self.duck.connection.execute(f"PREPARE {ready} AS {self._query(book, name)}")
        self.ran = set(self.order)

    def findings(self, book: str) -> pa.Table:
        """Findings of one book, with :data:`FINDINGS_SCHEMA`, by unit and output."""
        return self._fetch(book, "findings")

    def entries(self, book: str) -> pa.Table:
        """Entries of one book, with :data:`ENTRIES_SCHEMA`, in a canonical order."""
        return self._fetch(book, "entries")

    def _fetch(self, book: str, name: str) -> pa.Table:
        schema, _ = _RESULTS[name]
        if book in self.ran:
            ready = identifier(f"{name} of {book}")
            return self.duck.prepared(ready).cast(schema)
        return self.duck.arrow(self._query(book, name)).cast(schema)

    def _query(self, book: str, name: str) -> str:
        """The rows of one result in canonical types and order."""
        schema, order = _RESULTS[name]
        sql = {"decimal128(38, 12)": "DECIMAL(38, 12)", "int32": "INTEGER"}
        columns = ", ".join(
            f"CAST({identifier(one.name)} AS {sql[str(one.type)]}) AS {identifier(one.name)}"
            if str(one.type) in sql
            else identifier(one.name)
            for one in schema
        )
        union = " UNION ALL ".join(f"SELECT {columns} FROM {getattr(plan, name)}" for plan in self.plans[book])
        return f"SELECT * FROM ({union}) ORDER BY {order}"

    def query(self, book: str, name: str, *, shelves: int = 1, keys: tuple[int | None, int | None] = _ALL) -> str:
        """The rows of one result by shelf, then in canonical order, to be written and not to be kept here: numbers have
        the narrower type of the book, words are codes of enumerations, columns of entries that nothing fills are left
        out. ``keys``: from which :func:`by_shelf` on, and up to which; such a part reads the tables that
        :meth:`take_part` made."""
        plans = self.plans[book]
        by_unit = by_shelf(shelves)
        tests = within(by_unit, keys)
        where = f" WHERE {tests}" if tests else ""
        if name == "findings":
            words = {"output": {one for plan in plans for one in plan.outputs}, **_WORDS}
            columns = ", ".join(
                f"CAST({one} AS {self._enumeration(book, one, words[one])}) AS {one}" if one in words else one
                for one in FINDINGS_SCHEMA.names
            )
            union = " UNION ALL ".join(f"SELECT {columns} FROM {plan.findings}" for plan in plans)
            return f"SELECT * FROM ({union}){where} ORDER BY {by_unit}, output"
        union = " UNION ALL ".join(
            select.replace(plan.state, part_of(plan)) if tests else select for plan in plans for select in plan.coded
        )
        for column in plans[0].words:
            kind = self._enumeration(book, column, set().union(*(plan.words[column] for plan in plans)))
            union = union.replace(f'"@{column}"', kind)
        filled = frozenset().union(*(plan.filled for plan in plans))
        # Short keys of fixed width sort twice as fast: codes are packed into one number, what decides nothing left out.
        step, rest = _packed(("step", "seq")), _packed([one for one in ("clause", "day", "kind") if one in filled])
        by_row = any(plan.by_row for plan in plans)
        order = [by_unit, step, '"row" NULLS FIRST', rest] if by_row else [by_unit, f"{step} * {2**39} + {rest}"]
        order += ["record NULLS FIRST"] if any(plan.by_record for plan in plans) else []
        if any(plan.alike for plan in plans):
            order += [f"{one} NULLS FIRST" for one in ("text", "share", "raw") if one in filled]
        columns = ", ".join(identifier(one) for one in ENTRIES_SCHEMA.names if one in filled)
        return f"SELECT {columns} FROM ({union}){where} ORDER BY {', '.join(order)}"

    def take_part(self, book: str, shelves: int, keys: tuple[int | None, int | None]) -> None:
        """Set the units of some keys apart, so that the many lines of a unit do not each look through all units."""
        tests = within(by_shelf(shelves), keys)
        for plan in self.plans[book] if tests else ():
            self.duck.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {part_of(plan)} AS SELECT * FROM {plan.state} WHERE {tests}"
            )

    def _enumeration(self, book: str, column: str, words: Collection[str]) -> str:
        """The quoted type of the words of a column, which sorts as its texts do."""
        name = f"{column} of {book}"
        if name not in self.enumerations:
            listed = ", ".join(text_literal(one) for one in sorted(words) or [""])
            self.duck.connection.execute(f"CREATE TYPE {identifier(name)} AS ENUM ({listed})")
            self.enumerations.add(name)
        return identifier(name)

    def snapshot(self, book: str) -> dict[str, dict[str, list[Decimal]]]:
        """The ranked numbers of every peer value of a run, by group: what later runs may be placed against."""
        found: dict[str, dict[str, list[Decimal]]] = {}
        for value in self.over_peers[book]:
            groups = found.setdefault(value, {})
            own, group = identifier(f"{value} own"), identifier(f"{value} group")
            for plan in self.plans[book]:
                listed = f"SELECT {group}, list({own} ORDER BY {own}) FROM {plan.state}"
                for name, numbers in self.duck.rows(f"{listed} WHERE {own} IS NOT NULL GROUP BY 1 ORDER BY 1"):
                    groups[name] = sorted([*groups.get(name, []), *numbers])
        return found

    def write(self, book: str, folder: Path) -> None:
        """Write ``findings.parquet`` and ``entries.parquet`` of one book, sorted by unit, without holding them whole.

        The columns are those of the schemas; numbers of entries keep the narrower type of the book."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _RESULTS:
            target = text_literal(str(folder / f"{name}.parquet"))
            self.duck.connection.execute(
                f"COPY ({self.query(book, name)}) TO {target} (FORMAT parquet, COMPRESSION zstd)"
            )


def prepare(
    books: Sequence[Rulebook],
    duck: Duck,
    *,
    catalogue: Catalogue,
    as_of: date,
    known_at: datetime,
    narrowed: bool = False,
    peers: Peers | None = None,
) -> Prepared:
    """Compile ``books`` for one day. ``narrowed``: the runs will name their units. ``peers``: frozen snapshots
    of peer values by book and value; values that are not named there are worked out over the units of the run."""
    meanings = understand_all(books, catalogue)
    order = in_order(books)
    for index, book in enumerate(order):
        for number, key in enumerate(one for one in meanings if one[0] == book):
            for value, one in meanings[key].book.values.items():
                snapshot = (peers or {}).get(book, {})
                if one.peer is not None and value in snapshot:
                    duck.register(peer_table(index, number, value), ranked(one.peer, snapshot[value]))
    plans = compile_books(
        meanings,
        order,
        catalogue,
        as_of=as_of,
        known_at=known_at,
        wanted={book: identifier(f"wanted {book}") for book in order} if narrowed else {},
        frozen=peers or {},
    )
    texts = [text for several in plans.values() for plan in several for text in _sql_of(plan)]
    add_empty_tables(duck, catalogue, read_by=texts)
    over_peers = {
        book: {
            name: one.peer.stat
            for key in meanings
            if key[0] == book
            for name, one in meanings[key].book.values.items()
            if one.peer
        }
        for book in order
    }
    return Prepared(duck, plans, order, {book: tuple(found) for book, found in over_peers.items()}, narrowed)


def peer_table(index: int, number: int, value: str) -> str:
    """Name of the table with the frozen snapshot of a value, of the ``number``-th version of the ``index``-th book."""
    return f"b{index}v{number}_peer_{value}"


def compile_books(
    meanings: Mapping[tuple[str, str], Meaning],
    order: Sequence[str],
    catalogue: Catalogue,
    *,
    as_of: date,
    known_at: datetime,
    wanted: Mapping[str, str] | None = None,
    frozen: Mapping[str, Collection[str]] | None = None,
    only: Collection[str] | None = None,
) -> dict[str, list[Plan]]:
    """Plans of every version of every book, in ``order``; each may run once those that it reads have run.

    ``wanted``: book → quoted table with the units to run, for books that run for some. ``frozen``: book → values over
    peers that are read from a snapshot, in the table :func:`peer_table`. ``only``: leave out the plans of other books,
    whose wide findings stand ready in another way."""
    plans: dict[str, list[Plan]] = {}
    for index, book in enumerate(order):
        if only is not None and book not in only:
            continue
        versions = [key for key in meanings if key[0] == book]
        plans[book] = [
            compile_book(
                meanings[key],
                catalogue,
                as_of=as_of,
                known_at=known_at,
                prefix=f"b{index}v{number}_",
                wanted=(wanted or {}).get(book),
                finding_tables={other: identifier(f"wide {other}") for other in order[:index]},
                frozen=(frozen or {}).get(book, ()),
            )
            for number, key in enumerate(versions)
        ]
    return plans


def _sql_of(plan: Plan) -> list[str]:
    return [*(step.sql for step in plan.steps), *plan.inputs, *plan.coded]


def add_empty_tables(duck: Duck, catalogue: Catalogue, *, read_by: Iterable[str] | None = None) -> None:
    """Show every table of the catalogue, empty where nothing was handed in: no rows is a fact, not an error.

    ``read_by``: only tables that one of these SQL texts names; a run costs nothing for items that no book reads.
    """
    texts = None if read_by is None else " ".join(read_by)
    for name, table in empty_tables(catalogue).items():
        if name not in duck.registered and (texts is None or name in texts):
            duck.register(name, table)


def run(
    books: Sequence[Rulebook],
    tables: Mapping[str, TableLike],
    *,
    catalogue: Catalogue,
    as_of: date,
    known_at: datetime,
    units: Mapping[str, Collection[int]] | None = None,
    peers: Peers | None = None,
) -> RunResult:
    """Findings and entries of ``books`` over ``tables`` on ``as_of`` with what was known at ``known_at``.

    ``books``: every book that is read must be in the list; several versions of one id are allowed, and
    ``governed_by`` picks per unit. ``units``: book → units, to run part of the population. ``peers``: frozen
    snapshots of peer values (see :mod:`xinlu.engine.peers`).
    """
    # Tables without rows are shown when a book reads them.
    duck = Duck({name: one for name, one in tables.items() if not isinstance(one, pa.Table) or one.num_rows})
    try:
        prepared = prepare(
            books,
            duck,
            catalogue=catalogue,
            as_of=as_of,
            known_at=known_at,
            narrowed=units is not None,
            peers=peers,
        )
        prepared.run(units)
        return RunResult(
            {book: findings_of(prepared.findings(book)) for book in prepared.order},
            {book: entries_of(prepared.entries(book)) for book in prepared.order},
        )
    finally:
        duck.close()
