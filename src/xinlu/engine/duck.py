"""The DuckDB backend: tables in, steps run, Arrow out. In process, on as many threads as it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from xinlu.engine.compile.draft import Step
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.shelves import Shelved

TableLike: TypeAlias = "pa.Table | Shelved | Sequence[Path] | Sequence[str]"
"""Rows in memory, or the Parquet files that hold them, plain or on shelves."""


class Duck:
    """One connection with the engine's tables in view.

    ``memory_gib`` and ``threads`` limit DuckDB; None leaves its defaults.
    """

    def __init__(
        self, tables: Mapping[str, TableLike], *, threads: int | None = None, memory_gib: float | None = None
    ) -> None:
        self.connection = duckdb.connect(":memory:")
        # Times are UTC without zone, and order never decides a result: every order that counts is written out.
        self.connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        if threads is not None:
            self.connection.execute(f"SET threads = {int(threads)}")
        if memory_gib is not None:
            self.connection.execute(f"SET memory_limit = '{memory_gib:.2f}GiB'")
        self.registered: set[str] = set()
        for name, table in tables.items():
            self.register(name, table)

    def register(self, name: str, table: TableLike) -> None:
        """Show a table to the steps under ``name``."""
        if isinstance(table, pa.Table):
            self.connection.register(f"rows of {name}", table)
            self.connection.execute(
                f"CREATE OR REPLACE VIEW {identifier(name)} AS SELECT * FROM {identifier('rows of ' + name)}"
            )
        elif isinstance(table, Shelved):
            self.connection.execute(f"CREATE OR REPLACE VIEW {identifier(name)} AS {table.query()}")
        else:
            files = ", ".join(text_literal(str(one)) for one in table)
            self.connection.execute(
                f"CREATE OR REPLACE VIEW {identifier(name)} AS SELECT * FROM read_parquet([{files}])"
            )
        self.registered.add(name)

    def run(self, steps: Iterable[Step]) -> None:
        """Run steps in order; what they make stays until the connection closes or :meth:`drop`."""
        for step in steps:
            kind = "VIEW" if step.view else "TEMP TABLE"
            self.connection.execute(f"CREATE OR REPLACE {kind} {identifier(step.name)} AS {step.sql}")

    def make_ready(self, steps: Iterable[Step]) -> None:
        """Prepare the steps that :meth:`run` made, so that :meth:`run_again` neither parses nor plans."""
        for step in steps:
            if not step.view:
                name = identifier(f"again {step.name}")
                self.connection.execute(f"PREPARE {name} AS INSERT INTO {identifier(step.name)} {step.sql}")

    def run_again(self, steps: Iterable[Step]) -> None:
        """Fill the tables of steps anew."""
        for step in steps:
            if not step.view:
                self.connection.execute(f"DELETE FROM {identifier(step.name)}")
                self.connection.execute(f"EXECUTE {identifier('again ' + step.name)}")

    def drop(self, steps: Iterable[Step]) -> None:
        """Forget what :meth:`run` made."""
        for step in reversed(list(steps)):
            kind = "VIEW" if step.view else "TABLE"
            self.connection.execute(f"DROP {kind} IF EXISTS {identifier(step.name)}")

    def arrow(self, query: str) -> pa.Table:
        """The rows of a query."""
        return self.connection.sql(query).to_arrow_table()

    def prepared(self, name: str) -> pa.Table:
        """The rows of a prepared query."""
        return self.connection.sql(f"EXECUTE {name}").to_arrow_table()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query as tuples."""
        return self.connection.execute(query).fetchall()

    def has_rows(self, name: str) -> bool:
        """Whether a table or view (by its quoted name) holds anything."""
        return bool(self.rows(f"SELECT 1 FROM {name} LIMIT 1"))

    def close(self) -> None:
        """Close the connection and forget every table."""
        self.connection.close()
