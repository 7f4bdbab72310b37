"""Find the rows that hold a number: those of one subject, the children of a record, who names whom.

A few numbers are read point by point: the shelf of a number is known, its file is sorted by the number its rows are
kept by, so one or two row groups are opened and no more. A column by which rows are *not* kept gets an index beside
the copy, once: pairs of the value and the number under which its rows lie. Many numbers are looked for by one scan.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.duck import Duck, TableLike
from xinlu.engine.manifest import identity
from xinlu.engine.shelves import Shelved
from xinlu.engine.tables import schemas
from xinlu.law.catalogue import Catalogue

FEW = 400
"""Up to so many numbers are looked up one by one; more are worth a scan."""
INDEX_ROWS = 16_384
"""Rows in a row group of an index: what is read to find one number."""

Numbers: TypeAlias = npt.NDArray[np.int64]
"""Different whole numbers in order."""

NONE: Numbers = np.empty(0, np.int64)


def numbers_of(values: Any) -> Numbers:
    """Different numbers in order, of any collection.

    >>> numbers_of({3, 1, 2})
    array([1, 2, 3])
    """
    found = values if isinstance(values, np.ndarray) else np.fromiter(values, np.int64)
    return np.unique(found.astype(np.int64, copy=False))


def numbers_in(rows: pa.Table, column: str) -> Numbers:
    """The numbers that a column of rows holds; of a list column, those of all members.

    >>> numbers_in(pa.table({"members": [[2, 1], None, [2]]}), "members")
    array([1, 2])
    """
    values = rows.column(column)
    if pa.types.is_list(values.type):
        values = pc.list_flatten(values)
    return np.unique(values.drop_null().to_numpy()).astype(np.int64, copy=False)


def joined(*parts: Numbers) -> Numbers:
    """Numbers of any of the parts."""
    filled = [one for one in parts if len(one)]
    if len(filled) < 2:
        return filled[0] if filled else NONE
    return np.unique(np.concatenate(filled))


class Finder:
    """Rows of a province by the numbers in one of their columns.

    ``tables``: as the engine reads them; a table that is missing has no rows. ``index``: folder for indexes, needed
    where tables lie on shelves. ``columns``: the columns of a table that are wanted (all where it is not named).
    Every version of a row is found, whatever was known when. Not for two threads at a time.
    """

    def __init__(
        self,
        tables: Mapping[str, TableLike],
        catalogue: Catalogue,
        *,
        index: Path | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
        threads: int | None = None,
        memory_gib: float | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.index = index
        self.schemas = schemas(catalogue)
        if columns is not None:
            self.schemas = {
                name: pa.schema([one for one in schema if name not in columns or one.name in columns[name]])
                for name, schema in self.schemas.items()
            }
        self.tables = {name: table for name, table in tables.items() if name in self.schemas}
        self.duck = Duck(self.tables, threads=threads, memory_gib=memory_gib)
        self._shelved = {
            name: _Shelf(self, name, table) for name, table in self.tables.items() if isinstance(table, Shelved)
        }

    def rows(self, table: str, column: str, numbers: Numbers) -> pa.Table:
        """The rows of ``table`` whose ``column`` is, or as a list has, one of ``numbers``."""
        if not len(numbers) or table not in self.tables:
            return self.schemas[table].empty_table()
        held = self._shelved.get(table)
        if held is not None and self.index is not None and len(numbers) <= FEW:
            return held.rows(column, numbers)
        return self.scan(table, column, numbers)

    def scan(self, table: str, column: str, numbers: Numbers) -> pa.Table:
        """The same by one pass over the column."""
        self.duck.connection.register("numbers", pa.table({"n": numbers}))
        wanted = ", ".join(f"r.{identifier(one)}" for one in self.schemas[table].names)
        name, own = identifier(table), identifier(column)
        test = f"r.{own} IN (SELECT n FROM numbers)"
        if self.many(table, column):
            held = f"SELECT record, unnest({own}) AS n FROM {name}"
            test = f"r.record IN (SELECT h.record FROM ({held}) h WHERE h.n IN (SELECT n FROM numbers))"
        return self.duck.arrow(f"SELECT {wanted} FROM {name} r WHERE {test}").cast(self.schemas[table])

    def many(self, table: str, column: str) -> bool:
        """Whether a column holds lists."""
        return bool(pa.types.is_list(self.schemas[table].field(column).type))

    def make_ready(self, wanted: Sequence[tuple[str, str]] = ()) -> None:
        """Read the notes of every file, and build the indexes of (table, column) pairs that are not there yet."""
        for held in self._shelved.values():
            held.make_ready()
        for table, column in wanted:
            if table in self._shelved and self.index is not None:
                self._shelved[table].build(column)

    def close(self) -> None:
        """Forget every table."""
        self.duck.close()


# ── tables on shelves ───────────────────────────────────────────────────────────────────────────


@dataclass
class _Shelf:
    """One table on shelves, read point by point."""

    finder: Finder
    name: str
    table: Shelved
    files: dict[str, _File] = field(default_factory=dict)
    keys: dict[str, _Keys] = field(default_factory=dict)

    @cached_property
    def key_columns(self) -> Sequence[str]:
        return identity(self.name, self.finder.catalogue)[0]

    @cached_property
    def home(self) -> str:
        """The column by whose number rows are kept, where it is not missing."""
        if self.name == "relation":
            return "from_subject"
        if self.name.startswith("subject_"):
            return "subject"
        first = next(iter(self.finder.catalogue.items[self.name.removeprefix("item_")].roles), None)
        return "record" if first is None or first.many else f"role_{first.name}"

    @property
    def layers(self) -> list[tuple[Mapping[int, Sequence[str]] | None, tuple[str, ...]]]:
        """Base files, then each later file: (files by shelf or None, all files)."""
        base = tuple(str(one) for shelf in sorted(self.table.base) for one in self.table.base[shelf])
        return [(self.table.base, base), *((None, (str(one),)) for one in self.table.later)]

    def make_ready(self) -> None:
        for path in self.table.files:
            self.file(str(path)).groups(self.home, np.array([0], np.int64))
        for path in self.table.later[1:] if not self.table.base else self.table.later:
            self.key_of(str(path))

    def rows(self, column: str, numbers: Numbers) -> pa.Table:
        schema = self.finder.schemas[self.name]
        asked = list(dict.fromkeys([*schema.names, *self.key_columns]))
        found: list[pa.Table] = []
        layers = self.layers
        for age, (by_shelf, files) in enumerate(layers):
            if not files:
                continue
            homes = numbers if column == self.home else self.homes(column, numbers, files)
            paths = files if by_shelf is None else self._paths(by_shelf, homes)
            for path in paths:
                rows = self.file(path).rows(column, numbers, homes, self.home, asked)
                if rows is not None:
                    found.append(self._without(rows, [one for _, later in layers[age + 1 :] for one in later]))
        if not found:
            return schema.empty_table()
        return pa.concat_tables([one.select(schema.names).cast(schema) for one in found])

    def _paths(self, by_shelf: Mapping[int, Sequence[str]], homes: Numbers) -> list[str]:
        shelves = np.unique(homes % self.table.shelves).tolist()
        return [str(one) for shelf in shelves for one in by_shelf.get(shelf, ())]

    def _without(self, rows: pa.Table, newer: Sequence[str]) -> pa.Table:
        """Rows for which no newer file has another of the same key."""
        for path in newer:
            stands = self.key_of(path).stands(rows)
            if not stands.all():
                rows = rows.filter(pa.array(stands))
        return rows

    def file(self, path: str) -> _File:
        if path not in self.files:
            self.files[path] = _File(path)
        return self.files[path]

    def key_of(self, path: str) -> _Keys:
        if path not in self.keys:
            self.keys[path] = _Keys(pq.read_table(path, columns=list(self.key_columns)), self.key_columns)
        return self.keys[path]

    # indexes

    def homes(self, column: str, numbers: Numbers, files: Sequence[str]) -> Numbers:
        """The numbers under which rows lie whose ``column`` holds one of ``numbers``."""
        if self.home == "record" and column == "record":
            return numbers
        pairs = self.file(self.built(column, files)).rows("value", numbers, numbers, "value", ["home"])
        return NONE if pairs is None else numbers_in(pairs, "home")

    def build(self, column: str) -> None:
        for _, files in self.layers:
            if files and column not in (self.home, "record" if self.home == "record" else ""):
                self.built(column, files)

    def built(self, column: str, files: Sequence[str]) -> str:
        """The index of a column over some files; made when it is not there, under a name that tells what it indexes."""
        folder = self.finder.index
        assert folder is not None
        names = "\n".join(f"{Path(one).parent.name}/{Path(one).name}" for one in files)
        mark = hashlib.sha256(names.encode()).hexdigest()[:16]
        target = folder / self.name / f"{column}-{mark}.parquet"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_suffix(f".draft-{os.getpid()}")
            own = identifier(column)
            value = f"unnest({own})" if self.finder.many(self.name, column) else own
            listed = ", ".join(text_literal(one) for one in files)
            pairs = f"SELECT {value} AS value, {self.table.kept_by} AS home FROM read_parquet([{listed}])"
            self.finder.duck.connection.execute(
                f"COPY (SELECT DISTINCT value, home FROM ({pairs}) WHERE value IS NOT NULL ORDER BY value, home) "
                f"TO {text_literal(str(draft))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {INDEX_ROWS})"
            )
            draft.replace(target)
        return str(target)


@dataclass
class _Keys:
    """The keys of a later file, to be asked whether it stands for a row."""

    table: pa.Table
    columns: Sequence[str]

    def __post_init__(self) -> None:
        # The column with the most different numbers comes first: a record, or a subject.
        self.first = next(one for one in self.columns if one in ("record", "subject", "from_subject"))
        plain = self.table.column(self.first).to_numpy()
        self.order = np.argsort(plain, kind="stable")
        self.numbers = plain[self.order]

    def stands(self, rows: pa.Table) -> npt.NDArray[np.bool_]:
        """For each row whether it stands: no row here has its key."""
        own = rows.column(self.first).to_numpy()
        begins = np.searchsorted(self.numbers, own, "left")
        ends = np.searchsorted(self.numbers, own, "right")
        stands = np.ones(len(own), bool)
        for place in np.flatnonzero(ends > begins).tolist():
            key = [rows.column(one)[place].as_py() for one in self.columns]
            here = self.table.take(pa.array(self.order[begins[place] : ends[place]]))
            stands[place] = not any(list(one.values()) == key for one in here.to_pylist())
        return stands


class _File:
    """A Parquet file whose notes are read once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.notes = pq.read_metadata(path)
        leaves = [self.notes.schema.column(one).path.split(".")[0] for one in range(self.notes.num_columns)]
        self.place = {name: place for place, name in reversed(list(enumerate(leaves)))}
        self._bounds: dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]] = {}

    def bounds(self, column: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
        """Least and greatest number of each row group, and whether any is missing; all of them where unsaid."""
        if column not in self._bounds:
            least, most, gaps = [], [], []
            for group in range(self.notes.num_row_groups):
                told = self.notes.row_group(group).column(self.place[column]).statistics
                if told is None or not told.has_min_max:
                    empty = told is not None and told.has_null_count and told.null_count == told.num_values + 0 > 0
                    least.append(1 if empty else np.iinfo(np.int64).min)
                    most.append(0 if empty else np.iinfo(np.int64).max)
                else:
                    least.append(told.min)
                    most.append(told.max)
                gaps.append(told is None or not told.has_null_count or told.null_count > 0)
            self._bounds[column] = (np.array(least, np.int64), np.array(most, np.int64), np.array(gaps, bool))
        return self._bounds[column]

    def within(self, column: str, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Which row groups may hold one of the numbers in the column."""
        least, most, _ = self.bounds(column)
        begins = np.searchsorted(numbers, least, "left")
        held = np.zeros(len(least), bool)
        inside = begins < len(numbers)
        held[inside] = numbers[begins[inside]] <= most[inside]
        return held

    def groups(self, home: str, homes: Numbers) -> npt.NDArray[np.bool_]:
        """Row groups that may hold rows kept by one of the numbers."""
        held = self.within(home, homes)
        if home.startswith("role_"):
            # Rows without a subject in the role are kept by their record.
            held |= self.bounds(home)[2] & self.within("record", homes)
        return held

    def rows(self, column: str, numbers: Numbers, homes: Numbers, home: str, asked: Sequence[str]) -> pa.Table | None:
        """Rows whose ``column`` holds one of ``numbers``, in row groups that keep ``homes``."""
        held = self.groups(home, homes)
        if column != home and column in self.place and not self._lists(column):
            held &= self.within(column, numbers)
        found: list[pa.Table] = []
        places = np.flatnonzero(held).tolist()
        if not places:
            return None
        with pq.ParquetFile(self.path, metadata=self.notes, memory_map=True) as opened:
            for place in places:
                keys = opened.read_row_group(place, columns=[column], use_threads=False).column(0).combine_chunks()
                rows = self._places(keys, numbers)
                if len(rows):
                    whole = opened.read_row_group(place, columns=list(asked), use_threads=False)
                    first, last = int(rows[0]), int(rows[-1]) + 1
                    part = whole.slice(first, last - first)
                    found.append(part if last - first == len(rows) else whole.take(pa.array(rows)))
        return pa.concat_tables(found) if found else None

    def _lists(self, column: str) -> bool:
        return "." in self.notes.schema.column(self.place[column]).path

    @staticmethod
    def _places(keys: Any, numbers: Numbers) -> npt.NDArray[np.int64]:
        """Places of the rows whose key is, or has, one of the numbers."""
        wanted = pa.array(numbers)
        if pa.types.is_list(keys.type):
            parents = pc.list_parent_indices(keys)
            return np.unique(parents.filter(pc.is_in(pc.list_flatten(keys), value_set=wanted)).to_numpy())
        if len(numbers) == 1 and keys.null_count == 0:
            return np.flatnonzero(keys.to_numpy() == numbers[0])
        return np.flatnonzero(pc.is_in(keys, value_set=wanted).to_numpy(zero_copy_only=False))
