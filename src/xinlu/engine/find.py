"""Find the rows that hold a number: those of one subject, the children of a record, who names whom.

A few numbers are read point by point. A directory beside the copy says where the rows of a number lie, since files are
sorted by the number their rows are kept by: one or two row groups are opened and no more. A column by which rows are
*not* kept has pairs of a value and the number under which its rows lie. Both are made once for a file and are mapped
into memory. Many numbers are looked for by one scan.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
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
OPEN = 200
"""Files that are held open."""

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
        self._duck = Duck({}, threads=threads, memory_gib=memory_gib)
        self._shelved = {
            name: _Shelf(self, name, table) for name, table in self.tables.items() if isinstance(table, Shelved)
        }

    @property
    def duck(self) -> Duck:
        """A connection with all tables in view."""
        return self.seen(*self.tables)

    def seen(self, *tables: str) -> Duck:
        """A connection with some tables in view: looking at files costs time, so it is done when they are asked."""
        for name in tables:
            if name not in self._duck.registered:
                self._duck.register(name, self.tables[name])
        return self._duck

    def rows(self, table: str, column: str, numbers: Numbers) -> pa.Table:
        """The rows of ``table`` whose ``column`` is, or as a list has, one of ``numbers``."""
        if not len(numbers) or table not in self.tables:
            return self.schemas[table].empty_table()
        held = self._shelved.get(table)
        if held is not None and self.index is not None and len(numbers) <= FEW:
            return held.rows(column, numbers)
        return self.scan(table, column, numbers)

    def scan(self, table: str, column: str, numbers: Numbers) -> pa.Table:
        """The same by one pass over the column, of those shelves that may hold the numbers."""
        self._duck.connection.register("numbers", pa.table({"n": numbers}))
        wanted = ", ".join(f"r.{identifier(one)}" for one in self.schemas[table].names)
        held, own = self._shelved.get(table), identifier(column)
        source = self.tables[table]
        if held is not None and isinstance(source, Shelved) and column == held.home:
            name = f"({source.query(np.unique(numbers % source.shelves).tolist())})"
        else:
            name = identifier(table)
            self.seen(table)
        test = f"r.{own} IN (SELECT n FROM numbers)"
        if self.many(table, column):
            members = f"SELECT record, unnest({own}) AS n FROM {name}"
            test = f"r.record IN (SELECT h.record FROM ({members}) h WHERE h.n IN (SELECT n FROM numbers))"
        return self._duck.arrow(f"SELECT {wanted} FROM {name} r WHERE {test}").cast(self.schemas[table])

    def having(self, table: str, columns: Sequence[str], days: Sequence[date]) -> pa.Table:
        """The rows of ``table`` of which one of the ``columns`` is one of ``days``."""
        self._duck.connection.register("days", pa.table({"d": pa.array(days, pa.date32())}))
        wanted = ", ".join(f"r.{identifier(one)}" for one in self.schemas[table].names)
        many = [pa.types.is_list(self.schemas[table].field(one).type) for one in columns]
        tests = [
            f"list_has_any(r.{identifier(one)}, (SELECT list(d) FROM days))"
            if listed
            else f"r.{identifier(one)} IN (SELECT d FROM days)"
            for one, listed in zip(columns, many, strict=True)
        ]
        query = f"SELECT {wanted} FROM {identifier(table)} r WHERE {' OR '.join(tests)}"
        return self.seen(table).arrow(query).cast(self.schemas[table])

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
        self._duck.close()


# ── tables on shelves ───────────────────────────────────────────────────────────────────────────


@dataclass
class _Shelf:
    """One table on shelves, read point by point."""

    finder: Finder
    name: str
    table: Shelved
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

    @cached_property
    def layers(self) -> list[_Layer]:
        """The base files together, then each later file."""
        folder = self.finder.index
        assert folder is not None
        base = tuple(str(one) for shelf in sorted(self.table.base) for one in self.table.base[shelf])
        groups = [base, *((str(one),) for one in self.table.later)]
        return [_Layer(self, files, folder / self.name, i == 0) for i, files in enumerate(groups) if files]

    def make_ready(self) -> None:
        for layer in self.layers:
            layer.directory  # noqa: B018 made on first sight
        for path in self.table.later:
            self.key_of(str(path))

    def build(self, column: str) -> None:
        if column != self.home:
            for layer in self.layers:
                layer.pairs(column)

    def rows(self, column: str, numbers: Numbers) -> pa.Table:
        schema = self.finder.schemas[self.name]
        asked = list(dict.fromkeys([*schema.names, *self.key_columns, column]))
        found: list[pa.Table] = []
        for age, layer in enumerate(self.layers):
            homes = numbers if column == self.home else layer.homes(column, numbers)
            for rows in layer.rows(homes, asked):
                here = rows.filter(_holds(rows.column(column), numbers))
                if here.num_rows:
                    newer = [file for later in self.layers[age + 1 :] for file in later.files]
                    found.append(self._without(here, newer))
        if not found:
            return schema.empty_table()
        return pa.concat_tables([one.select(schema.names).cast(schema) for one in found])

    def _without(self, rows: pa.Table, newer: Sequence[str]) -> pa.Table:
        """Rows for which no newer file has another of the same key."""
        for path in newer:
            stands = self.key_of(path).stands(rows)
            if not stands.all():
                rows = rows.filter(pa.array(stands))
        return rows

    def key_of(self, path: str) -> _Keys:
        if path not in self.keys:
            self.keys[path] = _Keys(pq.read_table(path, columns=list(self.key_columns)), self.key_columns)
        return self.keys[path]


def _holds(values: Any, numbers: Numbers) -> Any:
    """Which rows have one of the numbers."""
    wanted = pa.array(numbers)
    if pa.types.is_list(values.type):
        held = np.zeros(len(values), bool)
        whole = values.combine_chunks()
        parents = pc.list_parent_indices(whole)
        held[parents.filter(pc.is_in(pc.list_flatten(whole), value_set=wanted)).to_numpy()] = True
        return pa.array(held)
    if len(numbers) == 1:
        return pc.fill_null(pc.equal(values, int(numbers[0])), False)
    return pc.is_in(values, value_set=wanted)


@dataclass
class _Layer:
    """Some files of a table that are indexed together."""

    shelf: _Shelf
    files: tuple[str, ...]
    folder: Path
    base: bool
    _pairs: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    @cached_property
    def mark(self) -> str:
        """A name for just these files: they are never written twice."""
        names = "\n".join(f"{Path(one).parent.name}/{Path(one).name}" for one in self.files)
        return hashlib.sha256(names.encode()).hexdigest()[:16]

    @cached_property
    def directory(self) -> _Directory:
        return _Directory(self._made("home", self._write_directory))

    def pairs(self, column: str) -> npt.NDArray[np.int64]:
        """Values of a column in order, and the numbers under which their rows lie."""
        if column not in self._pairs:
            folder = self._made(column, lambda draft: self._write_pairs(column, draft))
            self._pairs[column] = np.load(folder / "pairs.npy", mmap_mode="r")
        return self._pairs[column]

    def homes(self, column: str, numbers: Numbers) -> Numbers:
        values, homes = self.pairs(column)
        begins, ends = np.searchsorted(values, numbers, "left"), np.searchsorted(values, numbers, "right")
        return joined(*(np.unique(homes[begin:end]) for begin, end in zip(begins, ends, strict=True)))

    def rows(self, homes: Numbers, asked: Sequence[str]) -> Iterator[pa.Table]:
        """The rows kept by some numbers, read group by group."""
        if not len(homes):
            return
        places = range(len(self.files)) if not self.base else self._places(homes)
        for place in places:
            runs = self.directory.runs(place, homes)
            if len(runs):
                yield _opened(self.files[place]).rows(runs, asked)

    @cached_property
    def _shelf_of_file(self) -> list[int]:
        table = self.shelf.table
        return [shelf for shelf in sorted(table.base) for _ in table.base[shelf]]

    def _places(self, homes: Numbers) -> list[int]:
        wanted = set((homes % self.shelf.table.shelves).tolist())
        return [place for place, shelf in enumerate(self._shelf_of_file) if shelf in wanted]

    # making

    def _made(self, column: str, write: Callable[[Path], None]) -> Path:
        """The folder of an index; it is made under another name and then appears whole."""
        target = self.folder / f"{column}-{self.mark}"
        if not target.exists():
            draft = self.folder / f"draft-{os.getpid()}-{column}-{self.mark}"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            write(draft)
            try:
                draft.rename(target)
            except OSError:  # somebody else was quicker
                shutil.rmtree(draft)
        return target

    def _write_directory(self, draft: Path) -> None:
        columns = ["record", self.shelf.home] if self.shelf.name.startswith("item_") else [self.shelf.home]
        numbers, runs, edges = [], [], [0]
        for path in self.files:
            rows = pq.read_table(path, columns=list(dict.fromkeys(columns)))
            homes = rows.column(self.shelf.home)
            if homes.null_count:
                homes = pc.coalesce(homes, rows.column("record"))
            plain = homes.to_numpy()
            begins = np.flatnonzero(np.r_[True, plain[1:] != plain[:-1]]) if len(plain) else np.empty(0, np.int64)
            many = np.diff(np.r_[begins, len(plain)])
            order = np.argsort(plain[begins], kind="stable")
            numbers.append(plain[begins][order])
            runs.append(np.stack([begins[order], many[order]], axis=1).astype(np.int32))
            edges.append(edges[-1] + len(begins))
        np.save(draft / "numbers.npy", np.concatenate(numbers).astype(np.int64))
        np.save(draft / "runs.npy", np.concatenate(runs))
        np.save(draft / "edges.npy", np.array(edges, np.int64))

    def _write_pairs(self, column: str, draft: Path) -> None:
        own = identifier(column)
        value = f"unnest({own})" if self.shelf.finder.many(self.shelf.name, column) else own
        listed = ", ".join(text_literal(one) for one in self.files)
        pairs = f"SELECT {value} AS value, {self.shelf.table.kept_by} AS home FROM read_parquet([{listed}])"
        query = f"SELECT DISTINCT value, home FROM ({pairs}) WHERE value IS NOT NULL ORDER BY value, home"
        found = self.shelf.finder.seen().arrow(query)
        np.save(draft / "pairs.npy", np.stack([one.to_numpy().astype(np.int64) for one in found.columns]))


class _Directory:
    """Where in each file the rows of a number lie."""

    def __init__(self, folder: Path) -> None:
        self.numbers = np.load(folder / "numbers.npy", mmap_mode="r")
        self.places = np.load(folder / "runs.npy", mmap_mode="r")
        self.edges = np.load(folder / "edges.npy").tolist()

    def runs(self, file: int, homes: Numbers) -> npt.NDArray[np.int32]:
        """(first row, how many) of the runs of some numbers in one file, by place."""
        low, high = self.edges[file], self.edges[file + 1]
        held = self.numbers[low:high]
        begins, ends = np.searchsorted(held, homes, "left"), np.searchsorted(held, homes, "right")
        found = [self.places[low + a : low + b] for a, b in zip(begins, ends, strict=True) if b > a]
        if not found:
            return np.empty((0, 2), np.int32)
        runs = np.concatenate(found)
        return runs[np.argsort(runs[:, 0])]


class _File:
    """A Parquet file held open, whose notes are read once."""

    def __init__(self, path: str) -> None:
        self.opened = pq.ParquetFile(path, memory_map=True)
        notes = self.opened.metadata
        self.edges = np.cumsum([0, *(notes.row_group(one).num_rows for one in range(notes.num_row_groups))])

    def rows(self, runs: npt.NDArray[np.int32], asked: Sequence[str]) -> pa.Table:
        """The rows of some runs."""
        firsts, lasts = runs[:, 0], runs[:, 0] + runs[:, 1] - 1
        low = np.searchsorted(self.edges, firsts, "right") - 1
        high = np.searchsorted(self.edges, lasts, "right") - 1
        groups = np.unique(np.concatenate([np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]))
        whole = self.opened.read_row_groups(groups.tolist(), columns=list(asked), use_threads=len(groups) > 2)
        # Row numbers in the file, turned into row numbers in what was read.
        before = np.cumsum([0, *(self.edges[one + 1] - self.edges[one] for one in groups)])
        shift = {int(group): int(before[i] - self.edges[group]) for i, group in enumerate(groups)}
        parts = [
            whole.slice(int(first) + shift[int(at)], int(many)) for (first, many), at in zip(runs, low, strict=True)
        ]
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts)


@lru_cache(maxsize=OPEN)
def _opened(path: str) -> _File:
    """A file, opened: files of a copy are never written twice."""
    return _File(path)


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
