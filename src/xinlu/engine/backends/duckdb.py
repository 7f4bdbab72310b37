"""DuckDB as one backend among others: what the rest of the house uses without this door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from xinlu.engine.compile.draft import Step
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.duck import Duck, TableLike


class DuckDB:
    """The backend ``duckdb``."""

    name = "duckdb"
    portable = False

    def __init__(self, *, threads: int | None = None, memory_gib: float | None = None) -> None:
        self.duck = Duck({}, threads=threads, memory_gib=memory_gib)
        self.threads, self.memory_gib = threads, memory_gib

    def register(self, name: str, table: TableLike, schema: pa.Schema) -> None:  # noqa: ARG002 files speak for themselves
        """Show a table under ``name``."""
        self.duck.register(name, table)

    def run(self, steps: Iterable[Step]) -> None:
        """Run steps in order."""
        self.duck.run(steps)

    def union(self, name: str, tables: Mapping[str, Iterable[str]]) -> None:
        """Rows of several tables as one."""
        selects = " UNION ALL BY NAME ".join(f"SELECT * FROM {identifier(one)}" for one in tables)
        self.duck.connection.execute(f"CREATE OR REPLACE VIEW {identifier(name)} AS {selects}")

    def columns(self, table: str) -> list[str]:
        """Columns of a table or step."""
        return [str(row[0]) for row in self.duck.rows(f"DESCRIBE {identifier(table)}")]

    def arrow(self, query: str) -> pa.Table:
        """Rows of a query."""
        return self.duck.arrow(query)

    def write(self, query: str, target: str) -> None:
        """Write one Parquet file into the folder ``target``."""
        Path(target).mkdir(parents=True, exist_ok=True)
        file = text_literal(f"{target.rstrip('/')}/part-0.parquet")
        self.duck.connection.execute(f"COPY ({query}) TO {file} (FORMAT parquet, COMPRESSION zstd)")

    def drop(self) -> None:
        """Forget every table and step."""
        self.duck.close()
        self.duck = Duck({}, threads=self.threads, memory_gib=self.memory_gib)

    def close(self) -> None:
        """Close the connection."""
        self.duck.close()
