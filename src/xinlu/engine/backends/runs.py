"""Run rulebooks on a backend: the same plans as in process, findings and entries back or written where it can reach."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from xinlu.engine.backends import Backend
from xinlu.engine.compile.lines import COLUMNS, entry_number
from xinlu.engine.compile.plan import Plan
from xinlu.engine.compile.primitives import identifier, portable
from xinlu.engine.duck import Duck, TableLike
from xinlu.engine.kept import RESULTS, ROW_GROUP, Kept, write_shelves
from xinlu.engine.peers import Peers, ranked
from xinlu.engine.result import RunResult, entries_of, findings_of
from xinlu.engine.run import Prepared, compile_books, in_order, peer_table, understand_all
from xinlu.engine.shelves import Shelved
from xinlu.engine.tables import schemas
from xinlu.law.catalogue import Catalogue
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook

_SQL = {
    "int64": "BIGINT",
    "int32": "INTEGER",
    "string": "VARCHAR",
    "date32[day]": "DATE",
    "bool": "BOOLEAN",
    "decimal128(38, 12)": "DECIMAL(38, 12)",
}


@dataclass(frozen=True)
class Ran:
    """Books that have run on a backend, whose results lie there until it is dropped or closed."""

    backend: Backend
    plans: Mapping[str, Sequence[Plan]]
    meanings: Mapping[tuple[str, str], Meaning]

    def query(self, plan: Plan, name: str) -> str:
        """The rows of ``findings`` or ``entries`` of one version of a book, in canonical types and no order."""
        columns = ", ".join(
            f"CAST({identifier(one.name)} AS {_SQL[str(one.type)]}) AS {identifier(one.name)}" for one in RESULTS[name]
        )
        return f"SELECT {columns} FROM {getattr(plan, name)}"

    def table(self, plan: Plan, name: str) -> pa.Table:
        """``findings`` or ``entries`` of one version of a book as Arrow, in no order."""
        schema = RESULTS[name]
        return self.backend.arrow(self.query(plan, name)).select(schema.names).cast(schema)

    def whole(self, book: str, name: str) -> pa.Table:
        """The rows of all versions of a book."""
        return pa.concat_tables([self.table(plan, name) for plan in self.plans[book]])

    def result(self) -> RunResult:
        """Everything, in canonical order; for populations that fit in memory."""
        return RunResult(
            {book: findings_of(self.whole(book, "findings")) for book in self.plans},
            {book: entries_of(self.whole(book, "entries")) for book in self.plans},
        )

    def write(self, book: str, target: str) -> None:
        """Write Parquet under ``<target>/<book>/findings`` and ``…/entries``, where the backend can reach it."""
        for name in RESULTS:
            union = " UNION ALL ".join(self.query(plan, name) for plan in self.plans[book])
            self.backend.write(union, f"{target.rstrip('/')}/{book}/{name}")

    def keep(self, book: str, folder: Path, *, shelves: int = 1) -> Kept:
        """Bring the results of a book here and write the same files, byte for byte, that a run in process writes."""
        duck = Duck({})
        try:
            ordered = Prepared(duck, {book: [self._bring(duck, plan) for plan in self.plans[book]]}, [book], {})
            files = {}
            for name in RESULTS:
                batches = duck.connection.sql(ordered.query(book, name, shelves=shelves)).to_arrow_reader(2 * ROW_GROUP)
                files[name] = write_shelves(batches, batches.schema, folder, name, shelves)
            units: dict[str, int] = {}
            for plan in self.plans[book]:
                counted = self.backend.arrow(f"SELECT CAST(count(*) AS BIGINT) AS units FROM {plan.state}")
                units[plan.version] = units.get(plan.version, 0) + int(counted.column("units")[0].as_py())
        finally:
            duck.close()
        versions = tuple(sorted(version for version, count in units.items() if count))
        kept = Kept(folder, book, versions, sum(units.values()), shelves, **files)
        kept.write()
        return kept

    def _bring(self, duck: Duck, plan: Plan) -> Plan:
        """The plan with its results as tables of this process; numbers of entries get the type of the book."""
        found: dict[str, Any] = {}
        for name in RESULTS:
            duck.register(f"{plan.prefix}{name}", self.table(plan, name))
            found[name] = identifier(f"{plan.prefix}{name}")
        number = entry_number(self.meanings[(plan.book, plan.version)])
        kinds = {"seq": "SMALLINT", **dict.fromkeys(("raw", "weight", "share"), number)} | {
            one: f'"@{one}"' for one in plan.words
        }
        columns = (
            f"CAST({identifier(one)} AS {kinds[one]}) AS {identifier(one)}" if one in kinds else identifier(one)
            for one in COLUMNS
        )
        coded = f"SELECT {', '.join(columns)} FROM {found['entries']}"
        return replace(plan, coded=(coded,), **found)


def run_on(
    backend: Backend,
    books: Sequence[Rulebook],
    tables: Mapping[str, TableLike],
    *,
    catalogue: Catalogue,
    as_of: date,
    known_at: datetime,
    peers: Peers | None = None,
) -> Ran:
    """Run ``books`` over ``tables`` on a backend; the arguments are those of :func:`xinlu.engine.run.run`.

    Tables of the catalogue that are not handed in are empty. The rows stay where they are: only what
    :class:`Ran` is asked for comes back.
    """
    meanings, order = understand_all(books, catalogue), in_order(books)
    with portable() if backend.portable else nullcontext():
        plans = compile_books(meanings, order, catalogue, as_of=as_of, known_at=known_at, frozen=peers)
    _register(backend, plans, tables, catalogue)
    for index, book in enumerate(order):
        versions = [meaning for key, meaning in meanings.items() if key[0] == book]
        for number, meaning in enumerate(versions):
            for value, one in meaning.book.values.items():
                if one.peer is not None and value in (peers or {}).get(book, {}):
                    snapshot = ranked(one.peer, (peers or {})[book][value])
                    backend.register(peer_table(index, number, value), snapshot, snapshot.schema)
        for plan in plans[book]:
            backend.run(plan.steps)
        backend.union(f"wide {book}", {_plain(p.wide): backend.columns(_plain(p.wide)) for p in plans[book]})
    return Ran(backend, plans, meanings)


def run_kept(
    backend: Backend,
    books: Sequence[Rulebook],
    tables: Mapping[str, TableLike],
    *,
    catalogue: Catalogue,
    as_of: date,
    known_at: datetime,
    folder: Path,
    keep: Collection[str],
) -> dict[str, Kept]:
    """:func:`xinlu.engine.whole.run_whole` on a backend: the same folders with the same digests."""
    ran = run_on(backend, books, tables, catalogue=catalogue, as_of=as_of, known_at=known_at)
    shelves = max((one.shelves for one in tables.values() if isinstance(one, Shelved)), default=1)
    return {book: ran.keep(book, folder / book, shelves=shelves) for book in ran.plans if book in keep}


def moved(tables: Mapping[str, TableLike], folder: Path, address: str) -> dict[str, TableLike]:
    """The tables of a copy in ``folder`` as a cluster sees them that reads the same files under ``address``.

    >>> moved({"t": Shelved(1, {0: ("/copy/t/a.parquet",)})}, Path("/copy"), "s3a://bucket/copy")["t"].files
    ('s3a://bucket/copy/t/a.parquet',)
    """

    def there(file: object) -> str:
        return f"{address.rstrip('/')}/{Path(str(file)).relative_to(folder).as_posix()}"

    found: dict[str, TableLike] = {}
    for name, table in tables.items():
        if isinstance(table, Shelved):
            base = {shelf: tuple(map(there, files)) for shelf, files in table.base.items()}
            found[name] = replace(table, base=base, later=tuple(map(there, table.later)))
        else:
            found[name] = table if isinstance(table, pa.Table) else [there(one) for one in table]
    return found


def _register(
    backend: Backend, plans: Mapping[str, Sequence[Plan]], tables: Mapping[str, TableLike], catalogue: Catalogue
) -> None:
    """Show the tables that the plans name, empty where none was handed in."""
    texts = [step.sql for book in plans.values() for plan in book for step in plan.steps]
    for name, schema in schemas(catalogue).items():
        if any(name in text for text in texts):
            backend.register(name, tables.get(name, schema.empty_table()), schema)


def _plain(quoted: str) -> str:
    """The name inside quotes."""
    return quoted[1:-1].replace('""', '"')


__all__ = ["Ran", "moved", "run_kept", "run_on"]
