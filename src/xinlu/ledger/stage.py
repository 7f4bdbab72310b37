"""Move rows of the truth in bulk: from the database, as it stores them, into Parquet files of a working folder.

Rows go neither through models nor through Python's parser of JSON. PostgreSQL hands them over by ``COPY`` as CSV,
SQLite puts each into a line; Arrow reads both. Any other database is read by a plain cursor. Days, times and payloads
stay texts here; :mod:`xinlu.ledger.columns` makes typed columns of them, in bulk as well.
"""

# Names of tables are Django's, names of the catalogue letters, digits and underscores.
# ruff: noqa: S608
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

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
BLOCK: Final = 16 * 1024 * 1024
"""Bytes of CSV that are read at a time: more than any one row has."""
UNIT: Final = 31
"""The control character that parts the values of a line."""

_Batch: TypeAlias = Callable[[], pa.Table]
"""Rows as they came; called, it makes Arrow of them."""
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
        self, batches: Iterator[_Batch], stem: str, wanted: Mapping[str, Any] | None
    ) -> dict[str, tuple[Path, int]]:
        """Value → file and rows. ``wanted`` None: one file for all values, named by the empty one.

        While this thread asks the database for a batch, another makes Arrow of the one before and writes it.
        """
        writers: dict[str, pq.ParquetWriter] = {}
        found: dict[str, tuple[Path, int]] = {}

        def keep(batch: _Batch) -> None:
            for name, part in _parts(batch(), wanted):
                if name not in writers:
                    path = self.folder / f"{stem}-{name}.parquet"
                    writers[name] = self.stack.enter_context(
                        pq.ParquetWriter(path, part.schema, compression="lz4", use_dictionary=False)
                    )
                    found[name] = path, 0
                writers[name].write_table(part)
                found[name] = found[name][0], found[name][1] + part.num_rows

        with ThreadPoolExecutor(1) as other:
            before: Future[None] | None = None
            for batch in batches:
                if before is not None:
                    before.result()
                before = other.submit(keep, batch)
            if before is not None:
                before.result()
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


def _records(known: int) -> Iterator[_Batch]:
    columns = ["item", "id", "record", "parent", "subject_id"]
    columns += [_text(name) for name in ("occurred_on", "effective_from", "effective_until")]
    columns += [_time("recorded_at"), _time("superseded_at"), _text("payload")]
    return _read(columns, f"{_quoted(Record._meta.db_table)} r{_newer('r', known)}", RECORD)


def _roles(known: int, items: Mapping[str, Item]) -> Iterator[_Batch]:
    record, role = _quoted(Record._meta.db_table), _quoted(RecordRole._meta.db_table)
    # Names of the catalogue are letters, digits and underscores.
    pairs = ", ".join(f"('{name}', '{one}')" for name, item in sorted(items.items()) for one in further_roles(item))
    rows = (
        f"{record} r JOIN {role} g ON g.version_id = r.id{_newer('r', known)} AND (r.item, g.role) IN (VALUES {pairs})"
    )
    return _read(["r.item", "g.version_id", "g.role", "g.subject_id"], rows, ROLE)


def _periods(known: int) -> Iterator[_Batch]:
    period, subject = _quoted(SubjectPeriod._meta.db_table), _quoted(Subject._meta.db_table)
    columns = ["s.kind", "p.id", "p.subject_id", "p.name", "p.region", _text("p.valid_from"), _text("p.valid_until")]
    columns += [_time("p.recorded_at"), _time("p.superseded_at"), _text("p.attributes")]
    rows = f"{period} p JOIN {subject} s ON s.id = p.subject_id{_newer('p', known)}"
    return _read(columns, rows, PERIOD, free="p.name")


def _relations(known: int) -> Iterator[_Batch]:
    columns = ["relation", "id", "from_subject_id", "to_subject_id", _text("valid_from"), _text("valid_until")]
    columns += [_time("recorded_at"), _time("superseded_at")]
    return _read(columns, f"{_quoted(Relation._meta.db_table)} r{_newer('r', known)}", RELATION)


def _newer(alias: str, known: int) -> str:
    # A change number is at least 1: with 0 the whole table is read, and no index gets in the way.
    return f" WHERE {alias}.change > {int(known)}" if known else " WHERE 1 = 1"


def _quoted(table: str) -> str:
    return connection.ops.quote_name(table)


def _text(column: str) -> str:
    # Without the cast a driver would make an object of a day or a time.
    return f"CAST({column} AS TEXT)"


def _time(column: str) -> str:
    """UTC without zone."""
    return _text(f"{column} AT TIME ZONE 'UTC'" if connection.vendor == "postgresql" else column)


def _read(columns: Sequence[str], rows: str, schema: pa.Schema, *, free: str = "") -> Iterator[_Batch]:
    """Columns of rows in batches. ``free``: a column of free text, in which any character may stand."""
    if connection.vendor == "postgresql":
        return _copied(f"SELECT {', '.join(columns)} FROM {rows}", schema)
    if connection.vendor == "sqlite" and not free:
        return _lines(columns, rows, schema)
    return _fetched(f"SELECT {', '.join(columns)} FROM {rows}", schema)


def _fetched(query: str, schema: pa.Schema) -> Iterator[_Batch]:
    def table(rows: list[tuple[Any, ...]]) -> pa.Table:
        arrays = [pa.array(column, one.type) for column, one in zip(zip(*rows, strict=True), schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=schema)

    with connection.cursor() as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(BATCH):
            yield partial(table, rows)


def _lines(columns: Sequence[str], rows: str, schema: pa.Schema) -> Iterator[_Batch]:
    """Each row as one line of bytes: one object to fetch instead of one for every value.

    No value may hold a control character: numbers, days, times and names of the catalogue have none, and JSON escapes
    them.
    """
    parsing = pcsv.ParseOptions(delimiter=chr(UNIT), quote_char=False)
    line = f" || char({UNIT}) || ".join(f"coalesce({column}, '')" for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT CAST({line} AS BLOB) FROM {rows}")
        while found := cursor.fetchmany(BATCH):
            yield partial(_parsed, b"\n".join([one for (one,) in found]), parsing, schema)


def _copied(query: str, schema: pa.Schema) -> Iterator[_Batch]:
    """The server sends one row in a piece. ``COPY`` tells an empty text ("") from a missing one (nothing)."""
    parsing = pcsv.ParseOptions(newlines_in_values=True)
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as rows:
        pieces = iter(rows)
        while text := b"".join(islice(pieces, BATCH)):
            yield partial(_parsed, text, parsing, schema)


def _parsed(text: bytes, parsing: pcsv.ParseOptions, schema: pa.Schema) -> pa.Table:
    return pcsv.read_csv(
        pa.BufferReader(text),
        read_options=pcsv.ReadOptions(column_names=schema.names, block_size=BLOCK),
        parse_options=parsing,
        convert_options=pcsv.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
