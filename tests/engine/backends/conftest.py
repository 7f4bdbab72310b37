"""The backends that are installed, opened once for all tests of a process, and populations as files on shelves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xinlu.engine.backends import Backend, installed, open_backend
from xinlu.engine.manifest import identity
from xinlu.engine.shelves import Shelved
from xinlu.law.catalogue import Catalogue

SMALL: dict[str, dict[str, Any]] = {
    "spark": {
        "partitions": 1,
        "options": {
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.shuffle.partitions": "1",
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        },
    }
}
"""Compiling Java for a handful of rows costs more than it saves; ``bench backends`` runs with it."""
SHELVES = 2


@pytest.fixture(scope="session", params=["clickhouse", "spark"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """An engine other than DuckDB; left out, and said so, where its packages are missing."""
    if not installed(request.param):
        pytest.skip(f"install it with: pip install 'xinlu[{request.param}]'")
    opened = open_backend(
        "spark:local[2]" if request.param == "spark" else request.param, **SMALL.get(request.param, {})
    )
    yield opened
    opened.close()


def on_shelves(tables: Mapping[str, pa.Table], catalogue: Catalogue, folder: Path) -> dict[str, Shelved]:
    """Tables as a columnar copy has them: two shelves of base files, and two later files.

    Every third row lies in a later file, and its key in the base too with everything else missing: a reader that
    forgets the later rule takes the wrong row. The first later file has such stale rows as well.
    """
    return {name: _shelved(name, table, catalogue, folder) for name, table in tables.items()}


def _shelved(name: str, table: pa.Table, catalogue: Catalogue, folder: Path) -> Shelved:
    key, by = identity(name, catalogue)
    base, first, last = [], [], []
    for index, row in enumerate(table.to_pylist()):
        if index % 3 == 0:
            stale = _stale(row, table.schema, key)
            base.append(stale)
            first.append(stale)
            last.append(row)
        elif index % 3 == 1:
            base.append(_stale(row, table.schema, key))
            first.append(row)
        else:
            base.append(row)

    def write(rows: list[dict[str, Any]], label: str) -> str:
        file = folder / f"{name}-{label}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
        return str(file)

    number = key[0] if by == "subject" else "from_subject" if by == "from_subject" else "record"
    shelves = {
        shelf: (write([row for row in base if row[number] % SHELVES == shelf], f"{shelf}"),) for shelf in range(SHELVES)
    }
    return Shelved(SHELVES, shelves, (write(first, "first"), write(last, "last")), key=key, kept_by=by)


def _stale(row: dict[str, Any], schema: pa.Schema, key: tuple[str, ...]) -> dict[str, Any]:
    return {one.name: row[one.name] if one.name in key or not one.nullable else None for one in schema}


Shelve = Callable[[Mapping[str, pa.Table]], dict[str, Shelved]]


@pytest.fixture
def shelve(catalogue: Catalogue, tmp_path: Path) -> Shelve:
    return lambda tables: on_shelves(tables, catalogue, tmp_path)
