"""Backends: the engines that run compiled steps. DuckDB in process, ClickHouse and Spark as optional extras.

All of them read the same Parquet files and give the same findings and entries, to the last digit:
``tests/engine/backends`` runs the table of primitives, then every shipped book, on each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any, Final, Protocol

import pyarrow as pa

from xinlu.engine.compile.draft import Step
from xinlu.engine.duck import TableLike

NAMES: Final = ("duckdb", "clickhouse", "spark")
_NEEDS: Final = {"clickhouse": ("chdb", "clickhouse_connect"), "spark": ("pyspark",)}


class MissingExtra(LookupError):
    """A backend is asked for whose packages are not installed; says which command installs them."""

    def __init__(self, extra: str) -> None:
        super().__init__(f"没有安装 {extra} 后端，请先执行：pip install 'xinlu[{extra}]'")
        self.extra = extra


class UnknownBackend(LookupError):
    """No backend has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"没有名为“{name}”的计算后端，可用的有：{'、'.join(NAMES)}")


class Backend(Protocol):
    """An engine that holds tables and runs steps over them.

    ``portable``: whether it takes portable steps (:func:`xinlu.engine.compile.primitives.portable`), or DuckDB's own.
    """

    name: str
    portable: bool

    def register(self, name: str, table: TableLike, schema: pa.Schema) -> None:
        """Show a table to the steps; ``schema`` says its columns where the files are too far away to look."""

    def run(self, steps: Iterable[Step]) -> None:
        """Run steps in order. What they make stays until :meth:`drop`."""

    def union(self, name: str, tables: Mapping[str, Iterable[str]]) -> None:
        """Show the rows of several tables (name → columns) as one; a column that one lacks is missing there."""

    def columns(self, table: str) -> list[str]:
        """Columns of what a step made."""

    def arrow(self, query: str) -> pa.Table:
        """The rows of a query over tables and steps, in the SQL in which steps are written."""

    def write(self, query: str, target: str) -> None:
        """Write the rows of a query as Parquet to a folder or address that the engine itself can reach."""

    def drop(self) -> None:
        """Forget every step and table."""

    def close(self) -> None:
        """End the connection and whatever was started for it."""


def installed(name: str) -> bool:
    """Whether the packages of a backend are there.

    >>> installed("duckdb")
    True
    """
    return all(find_spec(one) is not None for one in _NEEDS.get(name, ()))


def open_backend(address: str, **options: Any) -> Backend:
    """``duckdb``, ``clickhouse`` (in process), ``clickhouse:http://host:8123``, ``spark`` (local) or
    ``spark:spark://host:7077``.

    Raises:
        UnknownBackend: there is none of this name.
        MissingExtra: its packages are not installed.
    """
    name, _, rest = address.partition(":")
    if name not in NAMES:
        raise UnknownBackend(name)
    if not installed(name):
        raise MissingExtra(name)
    if name == "clickhouse":
        from xinlu.engine.backends.clickhouse import ClickHouse

        return ClickHouse(rest or None, **options)
    if name == "spark":
        from xinlu.engine.backends.spark import Spark

        return Spark(rest or "local[*]", **options)
    from xinlu.engine.backends.duckdb import DuckDB

    return DuckDB(**options)


__all__ = ["NAMES", "Backend", "MissingExtra", "UnknownBackend", "installed", "open_backend"]
