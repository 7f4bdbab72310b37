"""One bucket of units as a small province: its rows are loaded once, then every book of the pass runs on them.

A :class:`Worker` has one connection for a pass: it brings rows to buckets, or runs buckets, and writes what it
found. It holds no state that a result could depend on, so any worker may take any bucket.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import Final

import pyarrow as pa

from xinlu.engine.compile.plan import Plan
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.duck import Duck, TableLike
from xinlu.engine.kept import ROW_GROUP, Written, write_shelves
from xinlu.engine.route import Bucketing, Routes, Way, brought, is_near, known, routes
from xinlu.engine.run import Prepared, by_shelf, compile_books, in_order, part_of, peer_table, understand_all
from xinlu.engine.shelves import Shelved
from xinlu.engine.tables import schemas
from xinlu.law.catalogue import Catalogue
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook

BATCH: Final = 4 * ROW_GROUP
SORTED_ROWS: Final = 4_000_000
"""Entries that are sorted at a time, for each GiB that DuckDB may take."""
FEW: Final = 20_000
"""Units whose entries are sorted at once, however many they are."""
_WHOLE: Final[Sequence[tuple[int | None, int | None]]] = ((None, None),)


class NotAddingUp(RuntimeError):
    """The shares of entries do not add up to the value that they explain: the run is wrong and must not be kept."""


@dataclass(frozen=True)
class Pass:
    """Books that one pass over the buckets runs, in order.

    ``snapshots``: book → values over peers whose own numbers are gathered; such a book is run no further in this pass.
    ``frozen``: book → values over peers that were gathered before. ``handed_on``: books read in a later pass.
    ``before``: books whose findings an earlier pass made."""

    books: tuple[str, ...]
    snapshots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    frozen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    handed_on: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Work:
    """All that a worker must know. Everything in it can be sent to another process.

    ``folder``: where results go, ``<book>/findings/…``; ``<folder>/.scratch`` holds what passes hand each other.
    ``kept``: books whose results are written."""

    books: tuple[Rulebook, ...]
    catalogue: Catalogue
    tables: Mapping[str, Shelved | tuple[str, ...] | pa.Table]
    as_of: date
    known_at: datetime
    bucketing: Bucketing
    passes: tuple[Pass, ...]
    folder: Path
    kept: frozenset[str]
    entries: bool = True
    threads: int = 1
    memory_gib: float | None = None

    @property
    def scratch(self) -> Path:
        return self.folder / ".scratch"


@dataclass(frozen=True)
class Found:
    """What one bucket gave for one book: files by result and shelf, units by version."""

    book: str
    files: Mapping[str, Mapping[int, Written]]
    units: Mapping[str, int]


class Worker:
    """Does the parts of a piece of work, on one connection at a time."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.order = in_order(work.books)
        self.at: int | None = None

    @cached_property
    def meanings(self) -> dict[tuple[str, str], Meaning]:
        return understand_all(self.work.books, self.work.catalogue)

    def open(self, number: int) -> None:
        """Get ready for a pass: connect and compile, unless that was done."""
        if self.at == number:
            return
        self.close()
        work = self.work
        self.at, self.step = number, work.passes[number]
        self.duck = Duck({}, threads=work.threads, memory_gib=work.memory_gib)
        # Two processes would write the same names.
        work.scratch.mkdir(parents=True, exist_ok=True)
        spill = text_literal(str(work.scratch / f"spill-{os.getpid()}"))
        self.duck.connection.execute(f"SET temp_directory = {spill}; SET enable_progress_bar = false")
        # Short decimals stay short on their way into files.
        self.duck.connection.execute("SET arrow_output_version = '1.5'")
        chosen = {key: one for key, one in self.meanings.items() if key[0] in self.step.books}
        self.plans = compile_books(
            self.meanings,
            self.order,
            work.catalogue,
            as_of=work.as_of,
            known_at=work.known_at,
            wanted={} if self.whole else {key[0]: identifier(own_units(one)) for key, one in chosen.items()},
            frozen=self.step.frozen,
            only=self.step.books,
        )
        self.routes = routes_of(work, chosen.values(), self.step)
        self.enumerations: set[str] = set()
        self.views: set[str] = set()
        self.texts = [step.sql for book in self.step.books for plan in self.plans[book] for step in plan.steps]
        for index, book in enumerate(self.order):
            for place in range(len(self.plans.get(book, ()))):
                for value in self.step.frozen.get(book, ()):
                    name = peer_table(index, place, value)
                    file = work.scratch / "peers" / f"{name}.parquet"
                    if file.exists():
                        self.duck.register(name, [file])

    def close(self) -> None:
        """Forget the connection."""
        if self.at is not None:
            self.duck.close()
            self.at = None

    @property
    def whole(self) -> bool:
        """Whether one bucket holds everything, so that rows need not be brought anywhere."""
        return self.work.bucketing.buckets == 1

    # ── rows to buckets ─────────────────────────────────────────────────────────────────────────

    def columns(self, table: str) -> list[str]:
        """Columns of a table that any step reads. The times of knowledge are left out: only known rows are loaded."""
        texts = " ".join(text for text in self.texts if identifier(table) in text or _named(table, text))
        words = set(re.findall(r"\w+", texts))
        return [one for one in self.schema(table) if one in words and one not in _KNOWLEDGE]

    def schema(self, table: str) -> list[str]:
        if table.startswith("wide "):
            files = text_literal(str(self.handed(table.removeprefix("wide ")) / "*.parquet"))
            described = self.duck.rows(f"DESCRIBE SELECT * FROM read_parquet({files})")
            return [str(row[0]) for row in described]
        return list(schemas(self.work.catalogue)[table].names)

    def handed(self, book: str) -> Path:
        """Folder of the findings of a book that later passes read."""
        return self.work.scratch / "wide" / book

    def bring(self, number: int, table: str) -> None:
        """Bring rows of a table to the buckets of a pass where they do not lie there already."""
        self.open(number)
        ways = self.routes.ways[table]
        links = self.links_of(ways)
        for source in self.source_tables(table, links):
            self.duck.register(source, self.rows_of(source))
        for link in links:
            self.duck.connection.execute(f"CREATE TEMP TABLE {identifier(link)} AS {self.routes.links[link]}")
        sql = brought(
            table,
            ways,
            self.work.bucketing,
            self.columns(table),
            kept_by=kept_by(self.work, table),
            where="TRUE" if table.startswith("wide ") else known("r", self.work.known_at),
        )
        target = self.target(number, table)
        target.parent.mkdir(parents=True, exist_ok=True)
        options = "FORMAT parquet, PARTITION_BY (bucket), COMPRESSION snappy"
        self.duck.connection.execute(f"COPY ({sql}) TO {text_literal(str(target))} ({options})")
        for link in links:
            self.duck.connection.execute(f"DROP TABLE {identifier(link)}")

    def target(self, number: int, table: str) -> Path:
        return self.work.scratch / f"brought-{number}" / table

    def rows_of(self, table: str) -> TableLike:
        if table.startswith("wide "):
            return sorted(self.handed(table.removeprefix("wide ")).glob("*.parquet"))
        given = self.work.tables.get(table)
        return schemas(self.work.catalogue)[table].empty_table() if given is None else given

    def source_tables(self, table: str, links: Iterable[str]) -> list[str]:
        """A table that is brought, and those that its links are made from."""
        texts = " ".join(self.routes.links[one] for one in links)
        tables = set(schemas(self.work.catalogue)) | {f"wide {book}" for book in self.step.before}
        return sorted({one for one in tables if identifier(one) in texts or _named(one, texts)} | {table})

    def links_of(self, ways: Collection[Way]) -> list[str]:
        """The links that ways go by, each after those that it is made from."""
        needed = {way.link for way in ways if way.link}
        for name, sql in reversed(self.routes.links.items()):
            if name in needed:
                needed |= {other for other in self.routes.links if other != name and identifier(other) in sql}
        return [name for name in self.routes.links if name in needed]

    # ── one bucket ──────────────────────────────────────────────────────────────────────────────

    def run(self, number: int, bucket: int) -> list[Found]:
        """Load a bucket, run the books of the pass, write what is kept."""
        self.open(number)
        if self.whole:
            self.show()
        else:
            self.load(number, bucket)
        found = []
        for book in self.step.books:
            if book in self.step.snapshots:
                self.gather(book, bucket)
                continue
            plans = self.plans[book]
            for plan in plans:
                self.work_out(plan)
            wides = " UNION ALL BY NAME ".join(f"SELECT * FROM {plan.wide}" for plan in plans)
            self.view(f"wide {book}", wides)
            if book in self.work.kept:
                found.append(self.write(book))
            if book in self.step.handed_on:
                self.hand_on(book, bucket)
            for plan in plans:
                self.duck.drop(one for one in plan.steps if not one.view and identifier(one.name) != plan.wide)
        self.empty()
        return found

    def work_out(self, plan: Plan) -> None:
        """Make the tables of a plan for the bucket that is loaded."""
        for step in plan.steps:
            if step.view:
                self.view(step.name, step.sql)
            else:
                self.duck.run([step])

    def view(self, name: str, sql: str) -> None:
        """Show rows under a name: once, since a view says the same of every bucket and binding it takes its time."""
        if name not in self.views:
            self.duck.connection.execute(f"CREATE OR REPLACE VIEW {identifier(name)} AS {sql}")
            self.views.add(name)

    def show(self) -> None:
        """Show the tables as they are: the one bucket is the province."""
        for table in schemas(self.work.catalogue):
            if table not in self.duck.registered:
                self.duck.register(table, self.rows_of(table))

    def load(self, number: int, bucket: int) -> None:
        """Load the rows of a bucket, of every table that the pass reads."""
        for table, ways in self.routes.ways.items():
            listed = ", ".join(identifier(one) for one in self.columns(table))
            if not listed:
                continue
            parts = [f"SELECT {listed} FROM {identifier(self.sample(table))} WHERE FALSE"]
            given = self.work.tables.get(table)
            if isinstance(given, Shelved) and any(is_near(way, kept_by(self.work, table)) for way in ways):
                near = given.query(self.work.bucketing.holds(bucket))
                parts.append(f"SELECT {listed} FROM ({near}) r WHERE {known('r', self.work.known_at)}")
            place = self.target(number, table) / f"bucket={bucket}"
            if place.is_dir():
                files = text_literal(str(place / "*.parquet"))
                parts.append(f"SELECT {listed} FROM read_parquet({files}, hive_partitioning = false)")
            rows = identifier(f"bucket of {table}")
            self.duck.connection.execute(f"CREATE OR REPLACE TEMP TABLE {rows} AS {' UNION ALL '.join(parts)}")
            self.loaded.add(table)
            knowledge = "" if table.startswith("wide ") else f", {_ALWAYS_KNOWN}"
            self.view(table, f"SELECT *{knowledge} FROM {rows}")
            if any(way in _OWN for way in ways):
                self.own(table, bucket)

    @cached_property
    def loaded(self) -> set[str]:
        return set()

    def sample(self, table: str) -> str:
        """Name of a table without rows that has the columns of another."""
        name = f"no {table}"
        if name not in self.duck.registered:
            if table.startswith("wide "):
                self.duck.register(name, self.rows_of(table))
            else:
                self.duck.register(name, schemas(self.work.catalogue)[table].empty_table())
        return name

    def own(self, table: str, bucket: int) -> None:
        """The units of the bucket: rows of other subjects stand beside them."""
        number = "subject" if table.startswith("subject_") else "record"
        test = f"{self.work.bucketing.of(number)} = {bucket}"
        self.duck.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {identifier('own ' + table)} AS "
            f"SELECT DISTINCT {number} AS unit FROM {identifier('bucket of ' + table)} WHERE {test}"
        )

    def empty(self) -> None:
        """Drop what the bucket loaded and made."""
        for book in self.step.books:
            for plan in self.plans[book]:
                self.duck.connection.execute(f"DROP TABLE IF EXISTS {plan.wide}")
        for table in sorted(self.loaded):
            for name in ("bucket of ", "own "):
                self.duck.connection.execute(f"DROP TABLE IF EXISTS {identifier(name + table)}")
        self.loaded.clear()

    # ── what comes out ──────────────────────────────────────────────────────────────────────────

    def gather(self, book: str, bucket: int) -> None:
        """Run a book as far as its own numbers, and keep these by group, each different number with how often."""
        index = self.order.index(book)
        for place, plan in enumerate(self.plans[book]):
            for value in self.step.snapshots[book]:
                steps = plan.steps
                own, group = identifier(f"{value} own"), identifier(f"{value} group")
                last = next((at for at, step in enumerate(steps) if f"AS {own}" in step.sql), None)
                if last is None:
                    continue
                self.duck.run(steps[: last + 1])
                folder = self.work.scratch / "gathered" / peer_table(index, place, value)
                folder.mkdir(parents=True, exist_ok=True)
                target = text_literal(str(folder / f"{bucket}.parquet"))
                self.duck.connection.execute(
                    f"COPY (SELECT {group} AS g, {own} AS x, count(*) AS c FROM {identifier(steps[last].name)} "
                    f"WHERE {own} IS NOT NULL GROUP BY ALL) TO {target} (FORMAT parquet)"
                )
                self.duck.drop(steps[: last + 1])

    def hand_on(self, book: str, bucket: int) -> None:
        """Keep the findings that later passes read."""
        folder = self.handed(book)
        folder.mkdir(parents=True, exist_ok=True)
        target = text_literal(str(folder / f"{bucket:03d}.parquet"))
        self.duck.connection.execute(f"COPY {identifier('wide ' + book)} TO {target} (FORMAT parquet)")

    def write(self, book: str) -> Found:
        """Write findings and entries of a book, sorted, by shelf."""
        plans = self.plans[book]
        folder = self.work.folder / book
        units = {plan.version: int(self.duck.rows(f"SELECT count(*) FROM {plan.state}")[0][0]) for plan in plans}
        files: dict[str, Mapping[int, Written]] = {"findings": {}, "entries": {}}
        prepared = Prepared(self.duck, {book: plans}, [book], {}, enumerations=self.enumerations)
        shelves = self.work.bucketing.shelves
        for name in ("findings", "entries") if self.work.entries else ("findings",):
            cuts = self.cuts(plans) if name == "entries" else _WHOLE
            parts = self.parts(prepared, book, name, cuts)
            first = next(parts)
            batches = (batch for part in chain([first], parts) for batch in part)
            files[name] = write_shelves(batches, first.schema, folder, name, shelves)
        if self.work.entries:
            for plan in plans:
                self.duck.connection.execute(f"DROP TABLE IF EXISTS {part_of(plan)}")
                self.check(plan)
        return Found(book, files, units)

    def parts(
        self, prepared: Prepared, book: str, name: str, cuts: Iterable[tuple[int | None, int | None]]
    ) -> Iterator[pa.RecordBatchReader]:
        """Sorted rows, one part at a time: the next when the one before is written."""
        shelves = self.work.bucketing.shelves
        for keys in cuts:
            prepared.take_part(book, shelves, keys)
            yield self.duck.connection.sql(prepared.query(book, name, shelves=shelves, keys=keys)).to_arrow_reader(
                BATCH
            )

    def cuts(self, plans: Sequence[Plan]) -> Sequence[tuple[int | None, int | None]]:
        """Parts of the entries of a book that can be sorted in memory: from which key of a unit on, up to which."""
        units = " UNION ALL ".join(f"SELECT unit FROM {plan.state}" for plan in plans)
        if self.work.memory_gib is None or self.duck.rows(f"SELECT count(*) FROM ({units})")[0][0] < FEW:
            return _WHOLE
        entries = " UNION ALL ".join(f"SELECT unit FROM {plan.entries}" for plan in plans)
        rows = int(self.duck.rows(f"SELECT count(*) FROM ({entries})")[0][0])
        parts = -(-rows // int(SORTED_ROWS * self.work.memory_gib))
        if parts < 2:
            return _WHOLE
        places = ", ".join(f"{one}/{parts}.0" for one in range(1, parts))
        key = by_shelf(self.work.bucketing.shelves)
        found = self.duck.rows(f"SELECT quantile_disc({key}, [{places}]) FROM ({units})")[0][0]
        return list(pairwise([None, *found, None]))

    def check(self, plan: Plan) -> None:
        """Shares of entries add up to the sums that they explain, unit by unit as far as a weighted total can tell."""
        if not plan.sums:
            return
        steps = ", ".join(text_literal(one) for one in plan.sums)
        kept = self.duck.rows(
            f"SELECT step, coalesce(sum(share), 0), coalesce(sum(share * CAST(unit % 97 AS SMALLINT)), 0) "
            f"FROM {plan.entries} WHERE step IN ({steps}) GROUP BY step"
        )
        shares = {str(row[0]): (row[1], row[2]) for row in kept}
        columns = ", ".join(
            f"coalesce(sum({identifier(one)}), 0), coalesce(sum({identifier(one)} * CAST(unit % 97 AS SMALLINT)), 0)"
            for one in plan.sums
        )
        values = self.duck.rows(f"SELECT {columns} FROM {plan.state}")[0]
        for index, one in enumerate(plan.sums):
            found, value = shares.get(one, (0, 0)), (values[2 * index], values[2 * index + 1])
            if found != value:
                raise NotAddingUp(f"{plan.book} {plan.version} {one}: {found} {value}")


def routes_of(work: Work, meanings: Iterable[Meaning], step: Pass) -> Routes:
    """How rows find the buckets of a pass; ``meanings``: of the books that it runs."""
    return routes(
        meanings,
        work.catalogue,
        work.bucketing,
        known_at=work.known_at,
        elsewhere=lambda book: book in step.before,
    )


def to_bring(work: Work, meanings: Iterable[Meaning], step: Pass) -> list[str]:
    """Tables with rows that must be brought to the buckets of a pass, items first: they are the longest."""
    found = routes_of(work, meanings, step).ways
    there = [table for table in found if table in work.tables or table.startswith("wide ")]
    away = [table for table in there if not all(is_near(way, kept_by(work, table)) for way in found[table])]
    return sorted(away, key=lambda table: (-len(found[table]), table))


def kept_by(work: Work, table: str) -> str | None:
    """SQL of the number that decides on which shelf a row lies in the files; None where files have no such shelves."""
    one = work.tables.get(table)
    return one.kept_by if isinstance(one, Shelved) and one.shelves == work.bucketing.shelves else None


_KNOWLEDGE = ("recorded_at", "superseded_at")
_ALWAYS_KNOWN = "TIMESTAMP '0001-01-01 00:00:00' AS recorded_at, CAST(NULL AS TIMESTAMP) AS superseded_at"
_OWN = (Way("r.subject"), Way("r.record"))
"""Ways by which a table holds units."""


def own_units(meaning: Meaning) -> str:
    """Name of the table with the units of the bucket for a book."""
    rates = meaning.book.rates
    return f"own subject_{rates.subject}" if rates.subject is not None else f"own item_{rates.record}"


def _named(table: str, text: str) -> bool:
    """``relation`` stands unquoted in steps."""
    return table == "relation" and re.search(r"\brelation [a-z]\b", text) is not None
