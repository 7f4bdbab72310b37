"""Run rulebooks on a backend: the same plans as in process, findings and entries back or written where it can reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from xinlu.engine.backends import Backend
from xinlu.engine.compile.plan import Plan, compile_book
from xinlu.engine.compile.primitives import identifier, portable
from xinlu.engine.duck import TableLike
from xinlu.engine.peers import Peers, ranked
from xinlu.engine.result import ENTRIES_SCHEMA, FINDINGS_SCHEMA, RunResult, entries_of, findings_of
from xinlu.engine.run import in_order, understand_all
from xinlu.engine.tables import schemas
from xinlu.law.catalogue import Catalogue
from xinlu.law.rulebook import Rulebook

_SCHEMAS = {"findings": FINDINGS_SCHEMA, "entries": ENTRIES_SCHEMA}
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

    def query(self, book: str, name: str) -> str:
        """The rows of ``findings`` or ``entries`` of a book, in canonical types and no order."""
        columns = ", ".join(
            f"CAST({identifier(one.name)} AS {_SQL[str(one.type)]}) AS {identifier(one.name)}" for one in _SCHEMAS[name]
        )
        return " UNION ALL ".join(f"SELECT {columns} FROM {getattr(plan, name)}" for plan in self.plans[book])

    def table(self, book: str, name: str) -> pa.Table:
        """``findings`` or ``entries`` of a book as Arrow, in no order."""
        schema = _SCHEMAS[name]
        return self.backend.arrow(self.query(book, name)).select(schema.names).cast(schema)

    def result(self) -> RunResult:
        """Everything, in canonical order; for populations that fit in memory."""
        return RunResult(
            {book: findings_of(self.table(book, "findings")) for book in self.plans},
            {book: entries_of(self.table(book, "entries")) for book in self.plans},
        )

    def write(self, book: str, target: str) -> None:
        """Write Parquet under ``<target>/<book>/findings`` and ``…/entries``, where the backend can reach it."""
        for name in _SCHEMAS:
            self.backend.write(self.query(book, name), f"{target.rstrip('/')}/{book}/{name}")


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
    meanings = understand_all(books, catalogue)
    order = in_order(books)
    plans: dict[str, list[Plan]] = {book: [] for book in order}
    for (book, _), meaning in meanings.items():
        index, snapshots = order.index(book), (peers or {}).get(book, {})
        prefix = f"b{index}v{len(plans[book])}_"
        for value, one in meaning.book.values.items():
            if one.peer is not None and value in snapshots:
                snapshot = ranked(one.peer, snapshots[value])
                backend.register(f"{prefix}peer_{value}", snapshot, snapshot.schema)
        with portable() if backend.portable else nullcontext():
            plans[book].append(
                compile_book(
                    meaning,
                    catalogue,
                    as_of=as_of,
                    known_at=known_at,
                    prefix=prefix,
                    finding_tables={other: identifier(f"wide {other}") for other in order[:index]},
                    frozen=snapshots,
                )
            )
    _register(backend, plans, tables, catalogue)
    for book in order:
        for plan in plans[book]:
            backend.run(plan.steps)
        backend.union(f"wide {book}", {_plain(p.wide): backend.columns(_plain(p.wide)) for p in plans[book]})
    return Ran(backend, plans)


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
