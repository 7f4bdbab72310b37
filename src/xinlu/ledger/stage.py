"""Move rows of the truth in bulk: from the database, as it stores them, into Parquet files of a working folder.

Rows go neither through models nor through Python's parser of JSON: PostgreSQL hands them over by ``COPY`` as CSV,
which Arrow reads; other databases by a plain cursor, whose tuples become Arrow columns a batch at a time. Texts, dates,
times and payloads stay texts here; :mod:`xinlu.ledger.columns` makes typed columns of them, in bulk as well.
"""

# Names of tables are Django's, names of the catalogue letters, digits and underscores.
# ruff: noqa: S608
from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
from django.db import connection

from xinlu.law.catalogue import Catalogue, Item
from xinlu.ledger.models import Record, RecordRole
from xinlu.registry.models import Relation, Subject, SubjectPeriod

BATCH: Final = 50_000
"""Rows that are in memory at a time."""

N, T = pa.int64(), pa.string()
_KNOWN = [("recorded_at", T), ("superseded_at", T)]
_VALID = [("valid_from", T), ("valid_until", T)]
RECORD = pa.schema(
    [
        *[("item", T), ("id", N), ("record", N), ("parent", N), ("subject", N)],
        *[("occurred_on", T), ("effective_from", T), ("effective_until", T), *_KNOWN, ("payload", T)],
    ]
)
ROLE = pa.schema([("item", T), ("version", N), ("role", T), ("subject", N)])
PERIOD = pa.schema(
    [("kind", T), ("id", N), ("subject", N), ("name", T), ("region", T), *_VALID, *_KNOWN, ("attributes", T)]
)
RELATION = pa.schema([("relation", T), ("id", N), ("from_subject", N), ("to_subject", N), *_VALID, *_KNOWN])


@dataclass
class Staged:
    """Files of raw rows. ``rows``: table of the copy → how many; ``roles``: item → file of its further roles."""

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    roles: dict[str, Path] = field(default_factory=dict)


def stage(catalogue: Catalogue, folder: Path, *, known: int) -> Staged:
    """Write the rows that a change after ``known`` touched (0: all rows) into files under ``folder``.

    Call it inside a transaction that holds the change sequence.
    """
    staged = Staged(folder)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL DateStyle = 'ISO, YMD'")
    with ExitStack() as open_files:
        into = _Splitter(folder, open_files)
        for name, rows in into.split(_records(known), "record", catalogue.items).items():
            staged.files[f"item_{name}"], staged.rows[f"item_{name}"] = rows
        with_more = {name: item for name, item in catalogue.items.items() if name in into.seen and further_roles(item)}
        if with_more:
            found = into.split(_roles(known, with_more), "role", with_more)
            staged.roles = {name: path for name, (path, _) in found.items()}
        for name, rows in into.split(_periods(known), "period", catalogue.kinds).items():
            staged.files[f"subject_{name}"], staged.rows[f"subject_{name}"] = rows
        # All relations are one table.
        for rows in into.split(_relations(known), "relation", None).values():
            staged.files["relation"], staged.rows["relation"] = rows
    return staged


def further_roles(item: Item) -> tuple[str, ...]:
    """Roles that stand in the table of roles alone: all but a first one that names one subject."""
    return tuple(role.name for n, role in enumerate(item.roles) if n or role.many)


class _Splitter:
    """Writes batches into one file for each value of their first column."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.seen: set[str] = set()

    def split(
        self, batches: Iterator[pa.Table], stem: str, wanted: Mapping[str, Any] | None
    ) -> dict[str, tuple[Path, int]]:
        """Value → file and rows. ``wanted`` None: one file for all values, named by the empty one."""
        writers: dict[str, pq.ParquetWriter] = {}
        found: dict[str, tuple[Path, int]] = {}
        for batch in batches:
            for name, part in _parts(batch, wanted):
                if name not in writers:
                    path = self.folder / f"{stem}-{name}.parquet"
                    writers[name] = self.stack.enter_context(
                        pq.ParquetWriter(path, part.schema, compression="lz4", use_dictionary=False)
                    )
                    found[name] = path, 0
                writers[name].write_table(part)
                found[name] = found[name][0], found[name][1] + part.num_rows
        for writer in writers.values():
            writer.close()
        self.seen |= set(found)
        return found


def _parts(batch: pa.Table, wanted: Mapping[str, Any] | None) -> Iterator[tuple[str, pa.Table]]:
    if not batch.num_rows:
        return
    if wanted is None:
        yield "", batch
        return
    values = batch.column(0)
    for name in sorted(pc.unique(values).to_pylist()):
        if name in wanted:
            yield name, batch.filter(pc.equal(values, name)).drop_columns([batch.column_names[0]])


def _records(known: int) -> Iterator[pa.Table]:
    table = _quoted(Record._meta.db_table)
    columns = (
        f"item, id, record, parent, subject_id, {_day('occurred_on')}, {_day('effective_from')}, "
        f"{_day('effective_until')}, {_time('recorded_at')}, {_time('superseded_at')}, {_text('payload')}"
    )
    return _read(f"SELECT {columns} FROM {table} r{_newer('r', known)}", RECORD)


def _roles(known: int, items: Mapping[str, Item]) -> Iterator[pa.Table]:
    record, role = _quoted(Record._meta.db_table), _quoted(RecordRole._meta.db_table)
    # Names of the catalogue are letters, digits and underscores.
    pairs = ", ".join(f"('{name}', '{one}')" for name, item in sorted(items.items()) for one in further_roles(item))
    return _read(
        f"SELECT r.item, g.version_id, g.role, g.subject_id FROM {record} r "
        f"JOIN {role} g ON g.version_id = r.id{_newer('r', known)} AND (r.item, g.role) IN (VALUES {pairs})",
        ROLE,
    )


def _periods(known: int) -> Iterator[pa.Table]:
    period, subject = _quoted(SubjectPeriod._meta.db_table), _quoted(Subject._meta.db_table)
    columns = (
        f"s.kind, p.id, p.subject_id, p.name, p.region, {_day('p.valid_from')}, {_day('p.valid_until')}, "
        f"{_time('p.recorded_at')}, {_time('p.superseded_at')}, {_text('p.attributes')}"
    )
    return _read(
        f"SELECT {columns} FROM {period} p JOIN {subject} s ON s.id = p.subject_id{_newer('p', known)}", PERIOD
    )


def _relations(known: int) -> Iterator[pa.Table]:
    columns = (
        f"relation, id, from_subject_id, to_subject_id, {_day('valid_from')}, {_day('valid_until')}, "
        f"{_time('recorded_at')}, {_time('superseded_at')}"
    )
    return _read(f"SELECT {columns} FROM {_quoted(Relation._meta.db_table)} r{_newer('r', known)}", RELATION)


def _newer(alias: str, known: int) -> str:
    # A change number is at least 1: with 0 the whole table is read, and no index gets in the way.
    return f" WHERE {alias}.change > {int(known)}" if known else " WHERE 1 = 1"


def _quoted(table: str) -> str:
    return connection.ops.quote_name(table)


def _text(column: str) -> str:
    return f"CAST({column} AS TEXT)"


def _day(column: str) -> str:
    # The cast keeps a driver from making an object of it.
    return f"CAST({column} AS TEXT)"


def _time(column: str) -> str:
    """UTC without zone."""
    if connection.vendor == "postgresql":
        return f"CAST({column} AT TIME ZONE 'UTC' AS TEXT)"
    return f"CAST({column} AS TEXT)"


def _read(query: str, schema: pa.Schema) -> Iterator[pa.Table]:
    readers: dict[str, Callable[[str, pa.Schema], Iterator[pa.Table]]] = {"postgresql": _copied}
    return readers.get(connection.vendor, _fetched)(query, schema)


def _fetched(query: str, schema: pa.Schema) -> Iterator[pa.Table]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(BATCH):
            columns: Sequence[Any] = list(zip(*rows, strict=True))
            arrays = [pa.array(column, one.type) for column, one in zip(columns, schema, strict=True)]
            yield pa.Table.from_arrays(arrays, schema=schema)


def _copied(query: str, schema: pa.Schema) -> Iterator[pa.Table]:
    """``COPY`` tells an empty text ("") from a missing one (nothing)."""
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as rows:
        source = io.BufferedReader(_Blocks(iter(rows)), BLOCK)
        first = source.peek(1)
        if not first:
            return
        reader = pcsv.open_csv(
            source,
            read_options=pcsv.ReadOptions(column_names=schema.names, block_size=BLOCK),
            convert_options=pcsv.ConvertOptions(
                column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )
        for batch in reader:
            yield pa.Table.from_batches([batch], schema=schema)


BLOCK: Final = 16 * 1024 * 1024
"""Bytes of CSV that are read at a time: more than any one row has."""


class _Blocks(io.RawIOBase):
    """The pieces that a server sends, as a stream."""

    def __init__(self, pieces: Iterator[bytes | memoryview]) -> None:
        self.pieces = pieces
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = len(buffer)
        parts, size = [self.rest], len(self.rest)
        while size < wanted:
            piece = next(self.pieces, None)
            if piece is None:
                break
            parts.append(bytes(piece))
            size += len(piece)
        whole = b"".join(parts)
        self.rest = whole[wanted:]
        given = min(size, wanted)
        buffer[:given] = whole[:given]
        return given
