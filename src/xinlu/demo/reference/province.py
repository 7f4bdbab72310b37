"""Write the reference province, or a fraction of it, as a columnar copy that the engine reads.

>>> from xinlu.demo.reference.province import write_province  # doctest: +SKIP
>>> province = write_province(Path("province"), library, records=1_000_000)  # doctest: +SKIP
>>> province.tables["item_weighing"].shelves  # doctest: +SKIP
64
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from xinlu.demo.reference import shape
from xinlu.demo.reference.asked import Asked, asked
from xinlu.demo.reference.people import Numbers, People
from xinlu.demo.reference.rows import PER_PARENT, Plan, Rows, Standing
from xinlu.engine.compile.plan import compile_book
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.manifest import NAME, Files, Manifest
from xinlu.engine.pack import ROW_GROUP
from xinlu.engine.run import understand_all
from xinlu.engine.shelves import Shelved, kept_by
from xinlu.engine.tables import schemas
from xinlu.law.catalogue import Catalogue, Item
from xinlu.law.library import Library
from xinlu.law.meaning import Meaning
from xinlu.law.regions import load_regions
from xinlu.law.rulebook import Rulebook

MANY_SHELVES = 64
FEW_RECORDS = 300_000
"""A province of fewer records lies on one shelf."""
AT_ONCE = 400_000
"""Fewer records than these are made in one statement and then laid on shelves."""
RISK = "risk.parquet"
"""Beside the manifest and no part of the copy: the hidden risk of every subject (``subject, kind, risk``)."""

_MIDNIGHT = datetime(2026, 1, 1)  # noqa: DTZ001 the engine’s times are UTC without zone


@dataclass(frozen=True)
class Province:
    """A written province: its folder, what lies where, and how many rows each table has."""

    folder: Path
    manifest: Manifest
    tables: Mapping[str, Shelved]
    rows: Mapping[str, int]

    @property
    def records(self) -> int:
        """Rows of all items, superseded ones included."""
        return sum(many for table, many in self.rows.items() if table.startswith("item_"))

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(Path(file).stat().st_size for table in self.tables.values() for file in table.files)


def write_province(
    folder: Path,
    library: Library,
    *,
    records: int = shape.RECORDS,
    seed: int = 1,
    shelves: int | None = None,
    threads: int | None = None,
    memory_gib: float = 1.5,
) -> Province:
    """Write a province of about ``records`` records into ``folder`` (emptied first).

    The catalogue decides kinds, items, fields and relations; the books of ``library`` decide which codes, words and
    numbers matter and who is concerned. The same library, ``records`` and ``seed`` give the same rows, on any
    number of threads and shelves. ``shelves``: None chooses 1 for a small province, else 64.
    """
    chosen = shelves or (1 if records < FEW_RECORDS else MANY_SHELVES)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    duck = duckdb.connect()
    try:
        duck.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{memory_gib:.2f}GiB'")
        duck.execute(f"SET temp_directory = {text_literal(str(folder / 'spill'))}")
        if threads is not None:
            duck.execute(f"SET threads = {threads}")
        return _Writer(duck, folder, library, records, seed, chosen).write()
    finally:
        duck.close()
        shutil.rmtree(folder / "spill", ignore_errors=True)


class _Writer:
    def __init__(
        self, duck: duckdb.DuckDBPyConnection, folder: Path, library: Library, records: int, seed: int, shelves: int
    ) -> None:
        self.duck, self.folder, self.shelves = duck, folder, shelves
        self.catalogue: Catalogue = library.catalogue
        books = [book for versions in library.rulebooks.values() for book in versions]
        self.meanings = list(understand_all(books, self.catalogue).values())
        self.asked: Asked = asked(self.meanings, self.catalogue)
        self.numbers = Numbers.of(self.catalogue, records)
        self.people = People(
            duck, self.catalogue, self.asked, self.numbers, load_regions(library.root / "regions.yaml"), seed
        )
        self.standings = standings(self.meanings, self.catalogue)
        self.plans = plans(self.catalogue, records, self.standings, read=items_read(books))
        self.seed = seed

    def write(self) -> Province:
        self.people.make()
        files: dict[str, Files] = {}
        for kind in self.catalogue.kinds:
            table = f"subject_{kind}"
            order = "subject, valid_from, recorded_at"
            files[table] = self.table(table, f"SELECT * FROM {identifier(table)}", "subject", order)
        order = "from_subject, relation, to_subject, valid_from, recorded_at"
        files["relation"] = self.table("relation", "SELECT * FROM relation", "from_subject", order)
        self.duck.execute(
            "COPY (SELECT subject, kind, risk FROM cast_all ORDER BY subject) "
            f"TO {text_literal(str(self.folder / RISK))}"
        )
        eligible = Eligible(self.duck, self.catalogue, self.asked, self.meanings, self.numbers, self.standings)
        rows = Rows(
            self.duck,
            self.catalogue,
            self.asked,
            self.people,
            self.numbers,
            self.seed,
            self.shelves,
            self.plans,
            {item.item: eligible.of(item) for item in self.catalogue.items.values()},
        )
        for family in _families(self.catalogue):
            for item in family:
                rows.count(self.plans[item.item])
                files[f"item_{item.item}"] = self.item(rows, item)
            rows.forget(family[0])
        manifest = Manifest(change=1, shape="reference", shelves=self.shelves, tables=files)
        (self.folder / NAME).write_text(manifest.text(), encoding="utf-8")
        return read_province(self.folder, self.catalogue)

    def item(self, rows: Rows, item: Item) -> Files:
        if self.plans[item.item].records < AT_ONCE:
            self.duck.execute(f"CREATE OR REPLACE TEMP TABLE whole AS {rows.rows(item, None)}")
            by = kept_by(item)
            order = f"{by}, occurred_on, record, recorded_at"
            return self.table(f"item_{item.item}", "SELECT * FROM whole", by, order)
        (self.folder / f"item_{item.item}").mkdir()
        found = {}
        for shelf in range(self.shelves):
            name = self.copy(f"item_{item.item}", shelf, rows.rows(item, shelf))
            if name is not None:
                found[shelf] = (name,)
        return Files(found or {0: (self.nothing(f"item_{item.item}"),)})

    def table(self, table: str, query: str, kept_by: str, order: str) -> Files:
        (self.folder / table).mkdir()
        found = {}
        for shelf in range(self.shelves):
            some = f"{query} WHERE {kept_by} % {self.shelves} = {shelf} ORDER BY {order}"
            name = self.copy(table, shelf, some)
            if name is not None:
                found[shelf] = (name,)
        return Files(found or {0: (self.nothing(table),)})

    def copy(self, table: str, shelf: int, query: str) -> str | None:
        """Write one base file; None, and no file, where there is no row."""
        path = self.folder / table / f"{shelf:06d}.parquet"
        options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}"
        found = self.duck.execute(f"COPY ({query}) TO {text_literal(str(path))} ({options})").fetchone()
        if found is None or not found[0]:
            path.unlink()
            return None
        return path.name

    def nothing(self, table: str) -> str:
        """A file without rows, so that the table has its columns."""
        path = self.folder / table / "000000.parquet"
        pq.write_table(schemas(self.catalogue)[table].empty_table(), path)
        return path.name


def read_province(folder: Path, catalogue: Catalogue) -> Province:
    """A province that was written before."""
    manifest = Manifest.read(folder)
    tables = manifest.shelved(folder, catalogue)
    rows = {name: sum(pq.read_metadata(file).num_rows for file in table.files) for name, table in tables.items()}
    return Province(folder, manifest, tables, rows)


# ── how many of what ────────────────────────────────────────────────────────────────────────────


def items_read(books: Iterable[Rulebook]) -> frozenset[str]:
    """Items that some book rates or reads."""
    known = list(books)
    read = {source.item for book in known for source in book.sources.values()} | {book.rates.record for book in known}
    return frozenset(item for item in read if item is not None)


def plans(catalogue: Catalogue, records: int, found: Iterable[Standing], *, read: Collection[str]) -> dict[str, Plan]:
    """Number of records and first record number of every item. Items that no book reads (``read``) get the fewest, so
    that a longer catalogue leaves the work of the books as it was."""
    other = {item: shape.OTHER_RECORDS if item in read else 0 for item in catalogue.items}
    weights = {item: shape.ITEMS.get(item, other[item]) for item in catalogue.items}
    whole = sum(weights.values())
    several: dict[str, Plan] = {}
    first = 1
    for one in sorted(catalogue.items.values(), key=lambda item: item.parent is not None):
        many = max(shape.FEWEST_RECORDS.get(one.item, shape.FEWEST_OTHER_RECORDS), weights[one.item] * records // whole)
        if one.parent is None:
            several[one.item] = Plan(one, many, first)
            first += many
        else:
            parents = several[one.parent]
            several[one.item] = Plan(one, many, first, few=1000 * many // parents.records)
            first += parents.records * PER_PARENT
    several["rating_result"] = replace(several["rating_result"], standings=tuple(found))
    return several


def _families(catalogue: Catalogue) -> list[list[Item]]:
    """Items without a parent, each with its children behind it."""
    return [
        [item, *(one for one in catalogue.items.values() if one.parent == item.item)]
        for item in catalogue.items.values()
        if item.parent is None
    ]


def standings(meanings: Iterable[Meaning], catalogue: Catalogue) -> list[Standing]:
    """Every kind of standing that some book reads, in the order of the books."""
    known = list(meanings)
    rated = {meaning.book.rulebook: meaning for meaning in known}
    found: dict[tuple[str, str], Standing] = {}
    for reader in known:
        for name, source in reader.book.sources.items():
            if source.item != "rating_result":
                continue
            said = asked([_only(reader, name)], catalogue)
            for book in said.of("item_rating_result", "book"):
                for output in said.of("item_rating_result", "output") or ("level",):
                    author = rated.get(str(book))
                    levels = _levels(author, str(output)) or _levels(reader, next(iter(reader.book.outputs)))
                    kinds = _rated_kinds(author) or _rated_kinds(reader) or ("enterprise",)
                    told = tuple(str(one) for one in said.of("item_rating_result", "kind"))
                    before = found.get((str(book), str(output)))
                    told = tuple(dict.fromkeys((*(before.told if before else ()), *told)))
                    found[str(book), str(output)] = Standing(str(book), str(output), kinds, levels, told)
    return list(found.values())


def _only(meaning: Meaning, source: str) -> Meaning:
    """The expressions of one source."""
    kept = {path: tree for path, tree in meaning.expressions.items() if path[:2] == ("sources", source)}
    return replace(meaning, expressions=kept)


def _levels(meaning: Meaning | None, output: str) -> tuple[str, ...]:
    if meaning is None or output not in meaning.book.outputs:
        return ()
    return meaning.levels_of(output)


def _rated_kinds(meaning: Meaning | None) -> tuple[str, ...]:
    if meaning is None or meaning.book.rates.subject is None:
        return ()
    return (meaning.book.rates.subject,)


# ── who is concerned ────────────────────────────────────────────────────────────────────────────


class Eligible:
    """Who may be the main subject of an item: the units of the books that read it, else those whose business it is,
    else everybody of its kinds. Units are found by running the first step of the compiled book."""

    def __init__(
        self,
        duck: duckdb.DuckDBPyConnection,
        catalogue: Catalogue,
        found: Asked,
        meanings: Iterable[Meaning],
        numbers: Numbers,
        several: Iterable[Standing],
    ) -> None:
        self.duck, self.catalogue, self.asked, self.numbers = duck, catalogue, found, numbers
        self.meanings = list(meanings)
        self.standings = list(several)

    def of(self, item: Item) -> str:
        """SELECT ``subject, stratum``."""
        if item.item == "rating_result":
            return " UNION ALL ".join(
                f"SELECT subject, {place} AS stratum FROM ({self.rated(one)})"
                for place, one in enumerate(self.standings)
            )
        kinds = [kind for kind in item.roles[0].kinds if kind in self.numbers.many]
        parts = [f"SELECT subject, 0 AS stratum FROM ({self.of_kind(item, kind)})" for kind in kinds]
        return " UNION ALL ".join(parts)

    def of_kind(self, item: Item, kind: str) -> str:
        books = [one for one in self.meanings if one.book.rates.subject == kind and _reads_own(one, item)]
        if books:
            return " UNION ".join(self.units(one) for one in books)
        everybody = f"SELECT CAST(range AS BIGINT) AS subject FROM range({self.numbers.range(kind)})"
        for one in item.fields:
            wanted = [str(code) for code in self.asked.of(f"item_{item.item}", one.name)]
            for attribute in self.catalogue.kinds[kind].attributes:
                if wanted and attribute.codes and attribute.codes == one.codes:
                    listed = f"[{', '.join(text_literal(code) for code in wanted)}]"
                    own = identifier(attribute.name) if attribute.many else f"[{identifier(attribute.name)}]"
                    table = identifier(f"subject_{kind}")
                    return f"SELECT DISTINCT subject FROM {table} WHERE list_has_any({own}, {listed})"
        return everybody

    def rated(self, one: Standing) -> str:
        author = [meaning for meaning in self.meanings if meaning.book.rulebook == one.book]
        if author and author[0].book.rates.subject:
            return " UNION ".join(self.units(meaning) for meaning in author)
        return " UNION ".join(
            f"SELECT CAST(range AS BIGINT) AS subject FROM range({self.numbers.range(kind)})" for kind in one.kinds
        )

    def units(self, meaning: Meaning) -> str:
        """SELECT of the units of a book on the day of rating, kept in a table of their own."""
        prefix = f"{meaning.book.rulebook} {meaning.book.version} "
        name = identifier(f"of {prefix}")
        if not self.duck.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [f"of {prefix}"]).fetchone():
            outside = {book: identifier(f"no findings of {book}") for book in meaning.reads}
            plan = compile_book(
                meaning,
                self.catalogue,
                as_of=shape.AS_OF,
                known_at=_MIDNIGHT,
                prefix=prefix,
                finding_tables=outside,
            )
            units = next(step for step in plan.steps if step.name == f"{prefix}units")
            self.duck.execute(f"CREATE TEMP TABLE {name} AS SELECT DISTINCT unit AS subject FROM ({units.sql})")
        return f"SELECT subject FROM {name}"


def _reads_own(meaning: Meaning, item: Item) -> bool:
    """Whether a book reads an item by its main role, so that rows are about units."""
    for source in meaning.book.sources.values():
        reach = source.unit
        plain = reach.relation is None and reach.unit_role is None and reach.row is None and reach.parent is None
        if source.item == item.item and plain and reach.role in (None, item.roles[0].name):
            return True
    return False
