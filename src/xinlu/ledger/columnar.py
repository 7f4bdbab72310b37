"""The columnar copy that the engine reads: Parquet files kept up by change number, never the truth.

``<COLUMNAR>/manifest.json`` names the change up to which the copy is complete and, for each table, its files.
A file holds the rows of one *bucket*: all versions of records (or periods of subjects) whose numbers lie in one
range, sorted for subject-wise work. A file's name carries the digest of its content and is never written twice, so

* a reader who holds a manifest reads one state of the whole province, whatever is written meanwhile;
* a sync writes the files of the touched buckets, then replaces the manifest in one step: a crash leaves the old one;
* a rebuild and a sync that know the same change name the same files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, QuerySet
from django.db.models.functions import Cast

from xinlu.gazette import current
from xinlu.journal.sequence import last_change
from xinlu.law.catalogue import Catalogue
from xinlu.ledger import columns
from xinlu.ledger.models import Record
from xinlu.registry.models import Relation, SubjectPeriod

FORMAT = 1
BUCKET = 1_000_000
"""Numbers in one bucket: a change rewrites one file of at most about this many rows."""
ROW_GROUP = 65_536
MANIFEST = "manifest.json"

Bucket = tuple[str, int]


@dataclass(frozen=True)
class Manifest:
    """What the copy holds: complete up to ``change``; ``files``: table → bucket → file name inside the table's folder.

    ``shape`` is a digest of all schemas: when the catalogue changes, everything is written anew.
    """

    change: int = 0
    shape: str = ""
    files: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def text(self) -> str:
        """The manifest as it is stored."""
        return json.dumps(
            {
                "format": FORMAT,
                "change": self.change,
                "shape": self.shape,
                "tables": {
                    table: {str(bucket): name for bucket, name in sorted(files.items())}
                    for table, files in sorted(self.files.items())
                },
            },
            indent=1,
        )

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of ``folder``; an empty one where there is none, or one of another format."""
        try:
            stored = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        if stored["format"] != FORMAT:
            return cls()
        files = {
            table: {int(bucket): name for bucket, name in several.items()}
            for table, several in stored["tables"].items()
        }
        return cls(stored["change"], stored["shape"], files)


def sync(folder: Path | None = None) -> Manifest:
    """Bring the copy up to the newest change; gives the manifest.

    1. Hold the change sequence, so that no writer commits while several tables are read.
    2. Find the buckets with rows of a newer change (all, when the shape of the tables changed).
    3. Read those buckets whole, write their files, then replace the manifest.
    4. Remove files that neither the new nor the previous manifest names.
    """
    place = _place(folder)
    with _one_writer(place):
        before = Manifest.read(place)
        return _bring_up(place, before, sweep=before)


def rebuild(folder: Path | None = None) -> Manifest:
    """Write the whole copy anew from the database."""
    place = _place(folder)
    with _one_writer(place):
        return _bring_up(place, Manifest(), sweep=Manifest.read(place))


def tables(folder: Path | None = None) -> dict[str, list[str]]:
    """Table → paths of the Parquet files that hold exactly its rows, every version of them.

    What was known at a time is chosen by the reader, by ``recorded_at`` and ``superseded_at``. Every table of the
    catalogue is there and has at least one file, if need be without rows. Call :func:`sync` first.
    """
    place = _place(folder)
    manifest = Manifest.read(place)
    return {
        table: [str(place / table / name) for _, name in sorted(files.items())]
        for table, files in manifest.files.items()
    }


def _bring_up(place: Path, before: Manifest, *, sweep: Manifest) -> Manifest:
    catalogue = current.catalogue()
    schemas = columns.schemas(catalogue)
    shape = _shape(schemas)
    with transaction.atomic():
        change = last_change(hold=True)
        fresh = before.shape != shape
        if not fresh and before.change == change:
            return before
        known = 0 if fresh else before.change
        files: dict[str, dict[int, str]] = {table: {} for table in schemas}
        if not fresh:
            files.update({table: dict(several) for table, several in before.files.items()})
        for table, bucket in sorted(_touched(catalogue, known)):
            files[table][bucket] = _write(place, table, bucket, _rows(catalogue, table, bucket))
    for table, schema in schemas.items():
        files[table] = _never_none(place, table, schema, files[table])
    after = Manifest(change, shape, files)
    _replace(place / MANIFEST, after.text())
    _sweep(place, after, sweep)
    return after


def _never_none(place: Path, table: str, schema: pa.Schema, files: dict[int, str]) -> dict[int, str]:
    """A table without rows has one file without rows, which goes when rows come."""
    if not files:
        return {-1: _write(place, table, -1, schema.empty_table())}
    if len(files) > 1:
        files.pop(-1, None)
    return files


def _touched(catalogue: Catalogue, known: int) -> Iterator[Bucket]:
    """(table, bucket) of every row that a change after ``known`` touched."""
    newer = {"change__gt": known}
    for item, bucket in _buckets(Record._base_manager.filter(**newer), "record", "item"):
        if item in catalogue.items:
            yield f"item_{item}", bucket
    periods = SubjectPeriod.objects.filter(**newer)
    for kind, bucket in _buckets(periods, "subject_id", "subject__kind"):
        if kind in catalogue.kinds:
            yield f"subject_{kind}", bucket
    for _, bucket in _buckets(Relation.objects.filter(**newer), "from_subject_id", "relation"):
        yield "relation", bucket


def _buckets(rows: QuerySet[Any], number: str, group: str) -> set[tuple[str, int]]:
    # Integer division of integers: the same on every database.
    divided = rows.annotate(bucket=Cast(number, BigIntegerField()) / BUCKET)
    return set(divided.order_by().values_list(group, "bucket").distinct())


def _rows(catalogue: Catalogue, table: str, bucket: int) -> pa.Table:
    numbers = range(bucket * BUCKET, (bucket + 1) * BUCKET)
    room, _, name = table.partition("_")
    readers: dict[str, Callable[[], pa.Table]] = {
        "relation": lambda: columns.relation_rows(numbers),
        "subject": lambda: columns.subject_rows(catalogue.kinds[name], numbers),
        "item": lambda: columns.item_rows(catalogue.items[name], numbers),
    }
    return readers[room]()


def _write(place: Path, table: str, bucket: int, rows: pa.Table) -> str:
    """Write one file under the digest of its content; a file that is there already is left alone."""
    folder = place / table
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".draft-{os.getpid()}"
    pq.write_table(rows, draft, compression="zstd", row_group_size=ROW_GROUP)
    name = f"{max(bucket, 0):06d}-{hashlib.sha256(draft.read_bytes()).hexdigest()[:24]}.parquet"
    _flush(draft)
    draft.replace(folder / name)
    return name


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    _flush(draft)
    draft.replace(path)


def _flush(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def _sweep(place: Path, *kept: Manifest) -> None:
    names = {(table, name) for m in kept for table, files in m.files.items() for name in files.values()}
    for path in place.glob("*/*"):
        if path.is_file() and (path.parent.name, path.name) not in names:
            path.unlink(missing_ok=True)


def _shape(schemas: Mapping[str, pa.Schema]) -> str:
    lines: Iterable[str] = (f"{table}:{schema}" for table, schema in sorted(schemas.items()))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _place(folder: Path | None) -> Path:
    return Path(settings.COLUMNAR) if folder is None else folder


@contextmanager
def _one_writer(place: Path) -> Iterator[None]:
    """One sync at a time on this machine; the second waits."""
    place.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows: the manifest stays whole, a second writer only works twice
        yield
        return
    with (place / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
