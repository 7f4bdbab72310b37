"""The folder of one run of one book: findings and entries by shelf, and a small list of them.

::

    run.json                 which files there are, with rows and digests
    findings/<shelf>.parquet
    entries/<shelf>.parquet  (none for a run with scores only)

A unit's rows lie on shelf ``unit % shelves``, in canonical order; a shelf without rows has no file. The bytes of a
file depend on its rows alone, so the digest of the list says whether two runs came to the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xinlu.engine.result import ENTRIES_SCHEMA, FINDINGS_SCHEMA
from xinlu.engine.shelves import shelf_of

FORMAT: Final = 1
NAME: Final = "run.json"
ROW_GROUP: Final = 16_384
"""Rows in one row group: files are sorted by unit, so one unit's rows lie in one or two groups."""
RESULTS: Final[Mapping[str, pa.Schema]] = {"findings": FINDINGS_SCHEMA, "entries": ENTRIES_SCHEMA}


@dataclass(frozen=True, slots=True)
class Written:
    """One file of a run: its path inside the folder, rows and digest."""

    file: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Kept:
    """What a run kept. ``versions``: those under which units were rated. ``units``: rated or not, the population."""

    folder: Path
    book: str
    versions: tuple[str, ...]
    units: int
    shelves: int
    findings: Mapping[int, Written] = field(default_factory=dict)
    entries: Mapping[int, Written] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Kept:
        """The run kept in ``folder``. Raises ``OSError`` where none is."""
        stored = json.loads((folder / NAME).read_text(encoding="utf-8"))
        files = {name: {int(shelf): Written(**one) for shelf, one in stored[name].items()} for name in RESULTS}
        return cls(folder, stored["book"], tuple(stored["versions"]), stored["units"], stored["shelves"], **files)

    def write(self) -> None:
        """Write the list of files into the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / NAME).write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        """The list of files, as it is stored."""
        listed = {name: {str(shelf): asdict(one) for shelf, one in sorted(self.of(name).items())} for name in RESULTS}
        head = {"format": FORMAT, "book": self.book, "versions": list(self.versions), "units": self.units}
        return json.dumps({**head, "shelves": self.shelves, **listed}, ensure_ascii=False, indent=1)

    def of(self, name: str) -> Mapping[int, Written]:
        """Shelf → file of ``findings`` or ``entries``."""
        found: Mapping[int, Written] = getattr(self, name)
        return found

    def rows(self, name: str) -> int:
        """How many rows there are of ``findings`` or ``entries``."""
        return sum(one.rows for one in self.of(name).values())

    def digest(self, name: str) -> str:
        """Digest of the list of files of ``findings`` or ``entries``: the same for the same rows on as many shelves."""
        lines = [f"{shelf} {one.rows} {one.sha256}\n" for shelf, one in sorted(self.of(name).items())]
        return hashlib.sha256(f"{self.shelves}\n{''.join(lines)}".encode()).hexdigest()

    def is_whole(self) -> bool:
        """Whether every file is there with the content that was noted."""
        try:
            return all(
                digest_of(self.folder / one.file) == one.sha256 for name in RESULTS for one in self.of(name).values()
            )
        except OSError:
            return False

    # what was found

    def of_unit(self, name: str, unit: int) -> pa.Table:
        """Rows of one unit in canonical order, with the types of the schema: from the row groups that can hold it."""
        written = self.of(name).get(shelf_of(unit, self.shelves))
        if written is None:
            return RESULTS[name].empty_table()
        with pq.ParquetFile(self.folder / written.file) as file:
            groups = [index for index in range(file.num_row_groups) if _may_hold(file.metadata.row_group(index), unit)]
            if not groups:
                return RESULTS[name].empty_table()
            rows = file.read_row_groups(groups, use_threads=False)
        return rows.filter(pc.equal(rows["unit"], unit)).cast(RESULTS[name])

    def tables(self, name: str) -> Iterator[pa.Table]:
        """All rows, shelf by shelf; inside a shelf in canonical order."""
        for _, written in sorted(self.of(name).items()):
            yield pq.read_table(self.folder / written.file).cast(RESULTS[name])

    def table(self, name: str) -> pa.Table:
        """All rows at once, by shelf: for populations that fit into memory."""
        return pa.concat_tables([RESULTS[name].empty_table(), *self.tables(name)])

    def files(self, name: str) -> list[str]:
        """Paths of all files, by shelf."""
        return [str(self.folder / one.file) for _, one in sorted(self.of(name).items())]


def _may_hold(group: Any, unit: int) -> bool:
    found = group.column(0).statistics
    return found is None or not found.has_min_max or found.min <= unit <= found.max


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


# ── writing ─────────────────────────────────────────────────────────────────────────────────────


def write_shelves(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, folder: Path, name: str, shelves: int
) -> dict[int, Written]:
    """Write rows that come sorted by shelf, and by canonical order inside it; gives the files by shelf.

    ``schema``: of the rows that come. Columns of ``name`` that they lack are missing throughout."""
    found: dict[int, Written] = {}
    writer: _ShelfFile | None = None
    for batch in batches:
        for shelf, part in _by_shelf(batch, shelves):
            if writer is None or writer.shelf != shelf:
                if writer is not None:
                    found[writer.shelf] = writer.close()
                if shelf in found:
                    raise ValueError(f"rows of shelf {shelf} come apart: a unit's number is too large to be sorted by")
                writer = _ShelfFile(folder, name, shelf, schema)
            writer.add(part)
    if writer is not None:
        found[writer.shelf] = writer.close()
    return found


def _by_shelf(batch: pa.RecordBatch, shelves: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    if batch.num_rows == 0:
        return
    of_rows = batch.column(0).to_numpy() % shelves
    edges = [0, *((of_rows[1:] != of_rows[:-1]).nonzero()[0] + 1).tolist(), batch.num_rows]
    for begin, end in pairwise(edges):
        yield int(of_rows[begin]), batch.slice(begin, end - begin)


class _ShelfFile:
    """One file while it is written: full row groups, whatever the size of the batches that come."""

    def __init__(self, folder: Path, name: str, shelf: int, schema: pa.Schema) -> None:
        self.shelf = shelf
        self.file = f"{name}/{shelf:02d}.parquet"
        self.path = folder / self.file
        self.path.parent.mkdir(parents=True, exist_ok=True)
        come = {one.name: one for one in schema}
        self.absent = [(place, one) for place, one in enumerate(RESULTS[name]) if one.name not in come]
        schema = pa.schema([come.get(one.name, one) for one in RESULTS[name]])
        texts = [one.name for one in schema if pa.types.is_string(one.type) or pa.types.is_dictionary(one.type)]
        self.writer = pq.ParquetWriter(
            self.path,
            schema,
            compression="zstd",
            use_dictionary=texts,
            write_statistics=["unit"],
            store_schema=False,
            store_decimal_as_integer=True,
        )
        self.waiting: list[pa.RecordBatch] = []
        self.rows = self.count = 0

    def add(self, part: pa.RecordBatch) -> None:
        self.waiting.append(part)
        self.count += part.num_rows
        if self.count >= ROW_GROUP:
            self.flush(self.count - self.count % ROW_GROUP)

    def flush(self, upto: int) -> None:
        """Write the first ``upto`` waiting rows. Rows lie in one piece, since pages end where pieces end."""
        table = pa.Table.from_batches(self.waiting)
        rows = table.slice(0, upto).combine_chunks()
        for place, column in self.absent:
            rows = rows.add_column(place, column, pa.nulls(upto, column.type))
        self.writer.write_table(rows, row_group_size=ROW_GROUP)
        self.rows += upto
        self.count -= upto
        self.waiting = table.slice(upto).to_batches() if self.count else []

    def close(self) -> Written:
        if self.count:
            self.flush(self.count)
        self.writer.close()
        return Written(self.file, self.rows, digest_of(self.path))
