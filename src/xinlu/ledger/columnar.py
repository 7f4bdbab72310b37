"""The columnar copy that the engine reads: Parquet files kept up by change number, never the truth.

``<COLUMNAR>/manifest.json`` (:mod:`xinlu.engine.manifest`) names the change up to which the copy is complete and, for
each table, its *base* files by shelf and its *later* files. Files are never written twice, so

* a reader who holds :func:`tables` reads one state of the whole province, whatever is written meanwhile;
* :func:`sync` appends one later file to each table that a change touched, then replaces the manifest in one step:
  a crash at any moment leaves the old copy;
* :func:`compact` folds later files into the base, :func:`rebuild` writes everything anew: the same rows in each case.

The number of shelves is the least power of two that leaves at most :data:`SHELF_ROWS` rows of all tables together to
one shelf, from 1 to 64. It changes in a rebuild, and grows in a compaction.
"""

# Names of the catalogue are quoted, file names are literals.
# ruff: noqa: S608
from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.db import transaction

from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.manifest import NAME, Files, Manifest, identity, order
from xinlu.engine.pack import Parcel, connect, flush, is_whole, pack, settle, write
from xinlu.engine.shelves import Shelved
from xinlu.gazette import current
from xinlu.journal.sequence import last_change
from xinlu.law.catalogue import Catalogue
from xinlu.law.problem import LawError, Problem
from xinlu.ledger import columns, observations
from xinlu.ledger.destroy import destroyed_since
from xinlu.ledger.stage import Staged, stage

SHELF_ROWS: Final = 1_000_000
"""Rows of all tables together that one shelf holds at most, unless there are 64."""
MOST_SHELVES: Final = 64
MOST_LATER: Final = 8
"""Later files of one table from which they are folded into its base."""
LATER_SHARE: Final = 0.05
"""Rows in later files, as a share of those in the base, from which they are folded in."""

_BASIS = "列式副本（docs/commands.md）"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = ("no space left", "file too large", "disk quota", "disk full", "max_temp_directory_size")

_VALUE_WORDS = ("Conversion Error", "Invalid Input Error", "Out of Range Error")


class CopyError(LawError):
    """The copy could not be written; the one before stays as it was and can be read."""


@dataclass(frozen=True)
class Checked:
    """What a comparison with the database found.

    ``change``: up to which the copy is complete; ``newest``: the newest of the database. ``broken``: files that are
    missing or have another content than they were written with. ``different``: table → rows in the copy, rows in the
    database, of tables whose rows are not the same; equal numbers then mean other contents. Tables are compared when
    the copy is not behind and no file is broken.
    """

    change: int
    newest: int
    broken: tuple[str, ...] = ()
    different: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether the copy says what the database says."""
        return self.change == self.newest and not self.broken and not self.different


@dataclass(frozen=True)
class Measured:
    """How big the copy is: rows in base and later files of all tables, and bytes of them all."""

    change: int
    shelves: int
    base_rows: int
    later_rows: int
    later_files: int
    size: int


def sync(folder: Path | None = None, *, tidy: bool = True) -> Manifest:
    """Bring the copy up to the newest change; gives the manifest.

    1. Hold the change sequence, so that no writer commits while several tables are read, and move the rows that a
       newer change touched (all, when there is no copy or the shape of the tables changed) into a working folder.
    2. Make typed columns of them and write one later file for each touched table, then replace the manifest: from
       here on readers see the change.
    3. With ``tidy``, fold later files of a table into its base when there are many (:func:`compact`).
    4. Remove files that neither the new manifest nor the one before names.

    Raises :class:`CopyError` when the disk is full (COPY-001), a file cannot be written (COPY-002), or a value is none
    that its catalogue item can hold (COPY-003).
    """
    place = _place(folder)
    with _writing(place) as work:
        before = Manifest.read(place)
        after = _bring_up(place, work, before)
        if tidy and after != before:
            return _fold(place, work, after, _due(place, after), grow=True)
        return after


def rebuild(folder: Path | None = None) -> Manifest:
    """Write the whole copy anew from the database."""
    place = _place(folder)
    with _writing(place) as work:
        return _bring_up(place, work, Manifest(), sweep=Manifest.read(place))


def expunge(folder: Path | None = None) -> Manifest:
    """Bring the copy up to date after records were destroyed, and remove the files of the copy before at once."""
    place = _place(folder)
    sync(folder)
    with _writing(place):
        now = Manifest.read(place)
        _sweep(place, now)
        return now


def compact(folder: Path | None = None) -> Manifest:
    """Fold all later files into the base, shelf by shelf; gives the manifest. Knows no more than before."""
    place = _place(folder)
    with _writing(place) as work:
        before = Manifest.read(place)
        return _fold(place, work, before, [name for name, files in before.tables.items() if files.later], grow=True)


def check(folder: Path | None = None) -> Checked:
    """Compare the copy with the database: files with the digests in their names, tables by rows and a digest of them.

    Writes nothing that stays. Reads the whole database, while writers wait.
    """
    place = _place(folder)
    catalogue = current.catalogue()
    schemas = columns.schemas(catalogue)
    with _writing(place) as work:
        manifest = Manifest.read(place)
        broken = tuple(
            f"{table}/{name}"
            for table, files in manifest.tables.items()
            for name in files.names
            if not is_whole(place / table / name)
        )
        with transaction.atomic():
            newest = last_change(hold=True)
            if broken or manifest.change != newest:
                return Checked(manifest.change, newest, broken)
            staged = stage(catalogue, work, known=0)
        held = manifest.shelved(place, catalogue)
        truth = _queries(catalogue, staged)
        duck = connect(work)
        try:
            different = {}
            for table, schema in schemas.items():
                queries = (held[table].query() if table in held else None, truth.get(table))
                one, other = (_digest(duck, query, schema.names) for query in queries)
                if one != other:
                    different[table] = one[0], other[0]
        finally:
            duck.close()
        return Checked(manifest.change, newest, different=different)


def _digest(duck: duckdb.DuckDBPyConnection, query: str | None, names: Sequence[str]) -> tuple[int, int]:
    """Number of rows, and the sum of their hashes: the same in any order."""
    if query is None:
        return 0, 0
    listed = ", ".join(map(identifier, names))
    # One hash of all columns together, so that values which change places between rows are seen.
    found = duck.execute(f"SELECT count(*), coalesce(sum(hash({listed})), 0) FROM ({query})").fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)


def tables(folder: Path | None = None) -> dict[str, Shelved]:
    """Table → its files, which hold exactly its rows, every version of them.

    What was known at a time is chosen by the reader, by ``recorded_at`` and ``superseded_at``. Every table of the
    catalogue is there and has at least one file, if need be without rows. Call :func:`sync` first. Items with
    observations (:mod:`xinlu.ledger.observations`) have the rows of these, too.
    """
    place = _place(folder)
    return observations.joined(Manifest.read(place).shelved(place, current.catalogue()))


def measured(folder: Path | None = None) -> Measured:
    """How big the copy is."""
    place = _place(folder)
    manifest = Manifest.read(place)
    files = manifest.tables.items()
    later = [(table, name) for table, one in files for name in one.later]
    return Measured(
        manifest.change,
        manifest.shelves,
        sum(_rows(place / table, replace(one, later=()).names) for table, one in files),
        sum(_rows(place / table, [name]) for table, name in later),
        len(later),
        sum((place / table / name).stat().st_size for table, one in files for name in one.names),
    )


def shelves_for(rows: int) -> int:
    """Shelves of a copy with so many rows in all.

    >>> [shelves_for(rows) for rows in (0, 1_000_000, 1_000_001, 9_000_000, 50_000_000, 900_000_000)]
    [1, 1, 2, 16, 64, 64]
    """
    shelves = 1
    while shelves < MOST_SHELVES and rows > shelves * SHELF_ROWS:
        shelves *= 2
    return shelves


def _bring_up(place: Path, work: Path, before: Manifest, *, sweep: Manifest | None = None) -> Manifest:
    catalogue = current.catalogue()
    schemas = columns.schemas(catalogue)
    shape = _shape(schemas)
    with transaction.atomic():
        change = last_change(hold=True)
        # What was destroyed is in no row that a change touched: only a new copy lacks it.
        fresh = before.shape != shape or destroyed_since(before.change)
        if not fresh and before.change == change:
            return before
        staged = stage(catalogue, work, known=0 if fresh else before.change)
    if fresh:
        shelves = shelves_for(sum(staged.rows.values()))
        files = _lay_out(place, work, catalogue, _queries(catalogue, staged), staged.rows, shelves)
        for name, schema in schemas.items():
            files[name] = _never_none(place / name, schema, files.get(name, Files()))
        after = Manifest(change, shape, shelves, files)
    else:
        after = replace(before, change=change, tables={**before.tables, **_append(place, work, before, staged, change)})
    _install(place, after, before if sweep is None else sweep)
    return after


def _queries(catalogue: Catalogue, staged: Staged) -> dict[str, str]:
    """Table → SELECT of its typed rows from the raw ones."""
    found = {}
    for table, file in staged.files.items():
        rows = _read(file)
        room, _, name = table.partition("_")
        if room == "subject":
            found[table] = columns.subject_query(catalogue.kinds[name], rows)
        elif room == "item":
            roles = staged.roles.get(name)
            found[table] = columns.item_query(catalogue.items[name], rows, _read(roles) if roles else None)
        else:
            found[table] = columns.relation_query(rows)
    return found


def _append(place: Path, work: Path, before: Manifest, staged: Staged, change: int) -> dict[str, Files]:
    catalogue = current.catalogue()
    duck = connect(work)
    try:
        files = {}
        for table, query in sorted(_queries(catalogue, staged).items()):
            parcel = Parcel(str(place / table), f"later-{change:012d}", query, order(table, catalogue))
            old = before.tables[table]
            files[table] = replace(old, later=(*old.later, write(duck, parcel).name))
        return files
    finally:
        duck.close()


def _lay_out(
    place: Path, work: Path, catalogue: Catalogue, queries: Mapping[str, str], rows: Mapping[str, int], shelves: int
) -> dict[str, Files]:
    """Write all rows of several queries as base files on ``shelves`` shelves."""
    parcels: list[tuple[str, int, Parcel]] = []
    for table, query in sorted(queries.items()):
        by = identity(table, catalogue)[1]
        for shelf, found in _split(work / f"split-{table}", query, by, shelves).items():
            stem = f"{shelf:02d}"
            weight = rows.get(table, 0) // shelves
            parcels.append((table, shelf, Parcel(str(place / table), stem, found, order(table, catalogue), weight)))
    packed = pack([parcel for _, _, parcel in parcels], work, processes=settings.PROCESSES)
    base: dict[str, dict[int, tuple[str, ...]]] = {table: {} for table in queries}
    for (table, shelf, _), one in zip(parcels, packed, strict=True):
        if one.rows:
            base[table][shelf] = (one.name,)
    return {table: Files(found) for table, found in base.items()}


def _split(folder: Path, query: str, by: str, shelves: int) -> dict[int, str]:
    """Shelf → SELECT of the rows of ``query`` that lie on it, written apart first where there are several."""
    if shelves == 1:
        return {0: query}
    folder.mkdir(parents=True)
    duck = connect(folder)
    try:
        # No name of the catalogue begins with an underscore.
        duck.execute(
            f"COPY (SELECT *, ({by}) % {shelves} AS _shelf FROM ({query})) TO {text_literal(str(folder))} "
            "(FORMAT parquet, COMPRESSION lz4, PARTITION_BY (_shelf), OVERWRITE_OR_IGNORE)"
        )
    finally:
        duck.close()
    found = sorted((int(one.name.partition("=")[2]), one) for one in folder.glob("_shelf=*"))
    return {shelf: _read(one / "*.parquet", whole=True) for shelf, one in found}


def _due(place: Path, manifest: Manifest) -> list[str]:
    """Tables whose later files are to be folded in."""
    found = []
    for table, files in manifest.tables.items():
        if not files.later:
            continue
        later = _rows(place / table, files.later)
        base = _rows(place / table, (name for several in files.base.values() for name in several))
        if len(files.later) >= MOST_LATER or later > LATER_SHARE * base:
            found.append(table)
    return found


def _rows(folder: Path, names: Iterable[str]) -> int:
    return sum(int(pq.read_metadata(folder / name).num_rows) for name in names)


def _fold(place: Path, work: Path, before: Manifest, due: list[str], *, grow: bool) -> Manifest:
    if not due:
        return before
    catalogue = current.catalogue()
    held = before.shelved(place, catalogue)
    shelves = before.shelves
    if grow and shelves < MOST_SHELVES:
        rows = sum(_rows(place / table, held[table].files) for table in held)
        shelves = max(shelves, shelves_for(rows))
    if shelves != before.shelves:
        queries = {table: one.query() for table, one in held.items()}
        weights = {table: _rows(place / table, one.files) for table, one in held.items()}
        files = _lay_out(place, work, catalogue, queries, weights, shelves)
        schemas = columns.schemas(catalogue)
        files = {name: _never_none(place / name, schemas[name], one) for name, one in files.items()}
    else:
        files = {**before.tables, **_folded(place, work, catalogue, before, due)}
    after = replace(before, shelves=shelves, tables=files)
    _install(place, after, before)
    return after


def _folded(place: Path, work: Path, catalogue: Catalogue, before: Manifest, due: list[str]) -> dict[str, Files]:
    """The files of tables whose later rows take the place of base rows; untouched shelves keep their files."""
    parcels: list[tuple[str, int, Parcel]] = []
    for table in sorted(due):
        key, by = identity(table, catalogue)
        held = before.shelved(place, catalogue)[table]
        later = replace(held, base={}).query()
        for shelf, news in _split(work / f"fold-{table}", later, by, before.shelves).items():
            files = held.base.get(shelf, ())
            query = _merged(files, news, key) if files else news
            weight = _rows(place / table, files)
            parcels.append(
                (table, shelf, Parcel(str(place / table), f"{shelf:02d}", query, order(table, catalogue), weight))
            )
    packed = pack([parcel for _, _, parcel in parcels], work, processes=settings.PROCESSES)
    # A base without rows is one file that is there for its columns only.
    base = {
        table: dict(found) if _rows(place / table, (name for several in found.values() for name in several)) else {}
        for table, found in ((table, before.tables[table].base) for table in due)
    }
    for (table, shelf, _), one in zip(parcels, packed, strict=True):
        base[table][shelf] = (one.name,)
    return {table: Files(found) for table, found in base.items()}


def _merged(files: Iterable[str], news: str, key: Iterable[str]) -> str:
    same = " AND ".join(f"n.{identifier(one)} = b.{identifier(one)}" for one in key)
    listed = ", ".join(text_literal(str(one)) for one in files)
    return (
        f"WITH news AS MATERIALIZED ({news}) SELECT b.* FROM read_parquet([{listed}]) b ANTI JOIN news n ON {same} "
        "UNION ALL BY NAME SELECT * FROM news"
    )


def _read(file: Path, *, whole: bool = False) -> str:
    """A relation of the rows of a file, or a SELECT of them."""
    read = f"read_parquet({text_literal(str(file))}, hive_partitioning = false)"
    return f"SELECT * FROM {read}" if whole else read


def _never_none(folder: Path, schema: pa.Schema, files: Files) -> Files:
    """A table without rows has one file without rows."""
    if files.base:
        return files
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".draft-{os.getpid()}-none"
    pq.write_table(schema.empty_table(), draft)
    return Files({0: (settle(draft, "00"),)})


def _install(place: Path, after: Manifest, before: Manifest) -> None:
    """Make ``after`` what readers find, then remove what neither it nor ``before`` names."""
    flush(place / table / name for table, name in _names(after) - _names(before))
    _replace(place / NAME, after.text())
    _sweep(place, after, before)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _sweep(place: Path, *kept: Manifest) -> None:
    names = set().union(*map(_names, kept))
    for path in place.glob("*/*"):
        if not path.parent.name.startswith(".") and path.is_file() and (path.parent.name, path.name) not in names:
            path.unlink(missing_ok=True)


def _names(manifest: Manifest) -> set[tuple[str, str]]:
    """Table and name of every file."""
    return {(table, name) for table, files in manifest.tables.items() for name in files.names}


def _shape(schemas: Mapping[str, pa.Schema]) -> str:
    lines: Iterable[str] = (f"{table}:{schema}" for table, schema in sorted(schemas.items()))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _place(folder: Path | None) -> Path:
    return Path(settings.COLUMNAR) if folder is None else folder


@contextmanager
def _writing(place: Path) -> Iterator[Path]:
    """A working folder for the one writer on this machine; a second one waits. Raises :class:`CopyError`."""
    place.mkdir(parents=True, exist_ok=True)
    with _one_writer(place), _told():
        _clear(place)
        work = place / f".work-{os.getpid()}"
        work.mkdir()
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _clear(place: Path) -> None:
    """Remove what a writer left that died: only the one writer works in these places."""
    for stale in place.glob(".work-*"):
        shutil.rmtree(stale, ignore_errors=True)
    for pattern in ("*/.draft-*", f".{NAME}-*"):
        for draft in place.glob(pattern):
            draft.unlink(missing_ok=True)


@contextmanager
def _told() -> Iterator[None]:
    """Say what went wrong with the disk or the values in the words of :class:`CopyError`."""
    try:
        yield
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        said = str(error).splitlines()[0]
        raise _refused("COPY-003", f"有一个值不合目录规定的类型：{said}", "请更正这条记录后再同步") from error
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        if any(word in str(error) for word in _VALUE_WORDS):  # said by a packing process
            raise _refused("COPY-003", f"有一个值不合目录规定的类型：{error}", "请更正这条记录后再同步") from error
        if getattr(error, "errno", None) in _FULL or any(word in str(error).lower() for word in _FULL_WORDS):
            raise _refused(
                "COPY-001", "磁盘空间不足，列式副本没有写成", "请腾出空间后再同步；原来的副本没有改动，仍可读取"
            ) from error
        raise _refused(
            "COPY-002", f"列式副本写不成：{error}", "请确认文件夹可写、内存够用；原来的副本没有改动，仍可读取"
        ) from error


def _refused(code: str, sentence: str, next_step: str) -> CopyError:
    return CopyError(Problem(code=code, sentence=sentence, basis=_BASIS, next_step=next_step))


@contextmanager
def _one_writer(place: Path) -> Iterator[None]:
    """One writer at a time on this machine; the second waits."""
    try:
        import fcntl
    except ImportError:  # Windows: the manifest stays whole, a second writer only works twice
        yield
        return
    with (place / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
