"""Observations: records that machines send by the million, kept as append-only files that *are* the truth.

A delivery leaves up to four files under ``<XINLU_VAR>/observations/<item>/``, each written once and named by the digest
of its content:

* ``base``: the new records, in the columns of the item's table (``docs/architecture.md``, "Tables");
* ``later``: rows that stand for older ones of the same (``record``, ``recorded_at``): a version that was superseded or
  withdrawn, and the version after it;
* ``index``: for each version its record, row of the delivered file, business key, digest of the content;
* ``queried``: what was not taken, with code, sentence and the row as it came.

Which files are in force is said by the table :class:`~xinlu.ledger.models.ObservationFile`, in the transaction that
closes the delivery: a crash at any moment leaves the last good state, and files that nobody names. ``manifest.json``
says the same for readers of the folder and for a restore; it is written anew after each delivery.
"""

# Names of the catalogue are quoted, file names are literals.
# ruff: noqa: S608
from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
from django.conf import settings
from django.db import transaction

from xinlu.access.scope import Scope
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.manifest import RECORD_KEY, order
from xinlu.engine.pack import ROW_GROUP, connect, flush, is_whole, settle
from xinlu.engine.shelves import Shelved, kept_by
from xinlu.gazette import current
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.sequence import last_change, next_change
from xinlu.law.problem import LawError, Problem
from xinlu.ledger.disclosure import officer_sees_item
from xinlu.ledger.models import Delivery, ObservationFile

VERB_WITHDRAWN: Final = "ledger.observations.withdrawn"
MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
Kind = ObservationFile.Kind


@dataclass(frozen=True)
class Written:
    """A file that lies in its place and is not in force yet."""

    kind: ObservationFile.Kind
    name: str
    rows: int
    size: int
    records: tuple[int, int] | None = None
    days: tuple[date, date] | None = None


@dataclass(frozen=True)
class Origin:
    """Where one version of an observation came from: which row of which file of which source."""

    delivery: int
    source: str
    file_name: str
    digest: str
    """SM3 of the delivered file."""
    received_at: datetime
    row: int
    withdrawn: bool


def folder(item: str) -> Path:
    """Where the files of an item lie."""
    return Path(settings.VAR) / "observations" / item


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def joined(tables: Mapping[str, Shelved]) -> dict[str, Shelved]:
    """The tables of the columnar copy, those of items that have observations with the rows of these.

    Such a table stands on one shelf: its files are not parted by subject, so a run brings its rows to the buckets.
    """
    found = dict(tables)
    for item in sorted(set(ObservationFile._base_manager.filter(kind=Kind.BASE).values_list("item", flat=True))):
        if (own := table(item)) is None or (copy := found.get(f"item_{item}")) is None:
            continue
        base = [str(one) for shelf in sorted(copy.base) for one in copy.base[shelf]]
        found[f"item_{item}"] = replace(
            copy, shelves=1, base={0: (*base, *own.base[0])}, later=(*copy.later, *own.later)
        )
    return found


def table(item: str, *, days: tuple[date, date] | None = None) -> Shelved | None:
    """All observations of an item, every version; ``days``: of files that may hold one of these days. None: no file."""
    law = current.catalogue().items.get(item)
    base = [str(folder(item) / one.name) for one in _files(item, Kind.BASE, days)]
    later = [str(folder(item) / one.name) for one in _files(item, Kind.LATER, days)]
    if law is None or not base:
        return None
    return Shelved(1, {0: tuple(base)}, tuple(later), key=RECORD_KEY, kept_by=kept_by(law))


def index_query(item: str, *, days: tuple[date, date]) -> str | None:
    """SELECT of every version of the records of some days: file (newer: higher), source, columns of the index."""
    parts = []
    for one in _files(item, Kind.INDEX, days):
        place = text_literal(str(folder(item) / one.name))
        parts.append(
            f"SELECT {one.pk} AS file, {one.delivery.source_id} AS source, * FROM read_parquet({place}) "
            f"WHERE occurred_on BETWEEN DATE '{days[0]}' AND DATE '{days[1]}'"
        )
    return " UNION ALL ".join(parts) if parts else None


def lineage(scope: Scope, record: int) -> list[Origin]:
    """Every version of an observation, oldest first: the row of the file that brought it. Empty if not to be seen."""
    found = []
    for one in _holding(scope, record, Kind.INDEX):
        rows = _ask(
            f'SELECT "row", withdrawn FROM read_parquet({_place(one)}) WHERE record = {int(record)} ORDER BY "row"'
        )
        delivery = one.delivery
        found += [
            Origin(delivery.pk, delivery.source.code, delivery.file_name, delivery.digest, delivery.received_at, *row)
            for row in rows
        ]
    return found


def observation(scope: Scope, record: int) -> dict[str, Any] | None:
    """The columns of the current version of an observation, and its ``item``; None if there is none to be seen."""
    files = [one for kind in (Kind.BASE, Kind.LATER) for one in _holding(scope, record, kind)]
    if not files:
        return None
    # A later file stands for what an older one says of the same version.
    parts = " UNION ALL BY NAME ".join(
        f"SELECT *, {place} AS age FROM read_parquet({_place(one)}) WHERE record = {int(record)}"
        for place, one in enumerate(files)
    )
    query = f"""
        SELECT * EXCLUDE (age, held) FROM (
            SELECT *, row_number() OVER (PARTITION BY recorded_at ORDER BY age DESC) AS held FROM ({parts})
        ) WHERE held = 1 AND superseded_at IS NULL
    """
    duck = duckdb.connect(":memory:")
    try:
        rows = duck.sql(query).to_arrow_table().to_pylist()
    finally:
        duck.close()
    return {"item": files[0].item, **rows[0]} if rows else None


def is_seen(scope: Scope, record: int) -> bool:
    """Whether there is such an observation, for who asks."""
    return bool(_holding(scope, record, Kind.BASE))


def queried(scope: Scope, delivery: int) -> tuple[int, str] | None:
    """Number of queried rows of a delivery, and a SELECT of them by number; None where there are none to be seen."""
    one = ObservationFile.objects.within(scope).filter(delivery=delivery, kind=Kind.QUERIED).first()
    return (one.rows, f"SELECT * FROM read_parquet({_place(one)}) ORDER BY number") if one else None


@dataclass(frozen=True)
class Queried:
    """A row of a feed that was not taken."""

    number: int
    code: str
    sentence: str
    field: str
    raw: str
    """The row as it came: JSON, or the line."""


def queried_rows(scope: Scope, delivery: int, *, most: int, after: int = 0) -> list[Queried]:
    """Queried rows of a delivery by number, ``most`` of them from place ``after`` on."""
    found = queried(scope, delivery)
    if found is None:
        return []
    columns = "number, code, sentence, field, raw"
    rows = _ask(f"SELECT {columns} FROM ({found[1]}) ORDER BY number LIMIT {int(most)} OFFSET {int(after)}")
    return [Queried(int(one[0]), *(str(part or "") for part in one[1:])) for one in rows]


def files_of(scope: Scope, delivery: int) -> list[ObservationFile]:
    """The files that a delivery left and that are in force."""
    return list(ObservationFile.objects.within(scope).filter(delivery=delivery).order_by("pk"))


def delivery_of(number: int) -> Delivery:
    """A delivery that came as a feed. Raises :class:`xinlu.law.problem.LawError`: O11."""
    found = Delivery._base_manager.filter(pk=number, way=Delivery.Way.FEED).first()
    if found is None:
        raise LawError(
            Problem(
                code="O11",
                sentence=f"没有感知数据流的批次 {number}",
                basis="感知数据流（docs/observations.md）",
                next_step="请核对批次编号",
            )
        )
    return found


def broken(item: str | None = None) -> list[str]:
    """Files in force that are missing or have another content than their name tells."""
    rows = ObservationFile._base_manager.all() if item is None else ObservationFile._base_manager.filter(item=item)
    return [f"{one.item}/{one.name}" for one in rows if not is_whole(folder(one.item) / one.name)]


def _holding(scope: Scope, record: int, kind: ObservationFile.Kind) -> list[ObservationFile]:
    found = (
        ObservationFile.objects.within(scope)
        .filter(kind=kind, first_record__lte=record, last_record__gte=record)
        .select_related("delivery__source")
        .order_by("pk")
    )
    items = current.catalogue().items
    seen = {
        one.item
        for one in found
        if one.item in items and (scope.kind == "system" or officer_sees_item(scope, items[one.item]))
    }
    return [
        one
        for one in found
        if one.item in seen and _ask(f"SELECT 1 FROM read_parquet({_place(one)}) WHERE record = {int(record)} LIMIT 1")
    ]


def _files(item: str, kind: ObservationFile.Kind, days: tuple[date, date] | None) -> Iterable[ObservationFile]:
    found = ObservationFile._base_manager.filter(item=item, kind=kind).select_related("delivery")
    if days is not None:
        found = found.filter(first_day__lte=days[1], last_day__gte=days[0])
    return found.order_by("pk")


def _place(one: ObservationFile) -> str:
    return text_literal(str(folder(one.item) / one.name))


def _ask(query: str) -> list[tuple[Any, ...]]:
    duck = duckdb.connect(":memory:")
    try:
        return duck.execute(query).fetchall()
    finally:
        duck.close()


# ── writing ─────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def one_writer(item: str) -> Iterator[Path]:
    """A working folder for the one writer of an item; a second one waits. What a dead writer left goes."""
    place = folder(item)
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as handle:
        try:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        except ImportError:  # Windows: one program writes at a time there
            pass
        sweep(item)
        work = place / f".work-{os.getpid()}"
        work.mkdir()
        try:
            yield work
        finally:
            _remove(work)


def sweep(item: str) -> list[str]:
    """Remove what lies in the folder of an item and is not in force; only its writer may."""
    known = {".lock", MANIFEST, *ObservationFile._base_manager.filter(item=item).values_list("name", flat=True)}
    gone = [one for one in folder(item).iterdir() if one.name not in known]
    for one in gone:
        _remove(one)
    return sorted(one.name for one in gone)


def write_file(
    duck: duckdb.DuckDBPyConnection, item: str, kind: ObservationFile.Kind, query: str, *, at: datetime
) -> Written | None:
    """Write the rows of a query as one file of an item; None when there are none. Columns as the query has them."""
    place = folder(item)
    draft = place / f".draft-{os.getpid()}-{kind.value}"
    by = order(f"item_{item}", current.catalogue()) if kind in (Kind.BASE, Kind.LATER) else "1"
    duck.execute(
        f"COPY (SELECT * FROM ({query}) ORDER BY {by}) TO {text_literal(str(draft))} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
    )
    found = duck.fetchone()
    rows = int(found[0]) if found else 0
    if not rows:
        draft.unlink(missing_ok=True)
        return None
    name = settle(draft, f"{at.astimezone(UTC):%Y%m%dT%H%M%S}-{kind.value}")
    file = place / name
    spans: tuple[Any, ...] = (None, None, None, None)
    if kind is not Kind.QUERIED:
        read = f"read_parquet({text_literal(str(file))})"
        spans = duck.execute(
            f"SELECT min(record), max(record), min(occurred_on), max(occurred_on) FROM {read}"
        ).fetchall()[0]
    return Written(
        kind,
        name,
        rows,
        file.stat().st_size,
        None if spans[0] is None else (int(spans[0]), int(spans[1])),
        None if spans[2] is None else (spans[2], spans[3]),
    )


def put_in_force(delivery: Delivery, item: str, files: Sequence[Written], *, change: int) -> None:
    """Say, in the caller's transaction, that files hold from now on. They are made to survive a loss of power first."""
    flush(folder(item) / one.name for one in files)
    for one in files:
        first, last = one.records or (None, None)
        since, until = one.days or (None, None)
        ObservationFile._base_manager.get_or_create(
            item=item,
            name=one.name,
            defaults={
                "delivery": delivery,
                "kind": one.kind,
                "rows": one.rows,
                "size": one.size,
                "first_record": first,
                "last_record": last,
                "first_day": since,
                "last_day": until,
                "change": change,
            },
        )


def write_manifest(item: str) -> Path:
    """Write what is in force beside the files, for readers of the folder and for a restore."""
    files = ObservationFile._base_manager.filter(item=item).select_related("delivery__source").order_by("pk")
    told = {
        "format": FORMAT,
        "item": item,
        "files": [
            {
                "name": one.name,
                "kind": one.kind,
                "rows": one.rows,
                "size": one.size,
                "change": one.change,
                "delivery": one.delivery_id,
                "source": one.delivery.source.code,
                "received_at": one.delivery.received_at.astimezone(UTC).isoformat(),
                "digest": one.delivery.digest,
            }
            for one in files
        ],
    }
    path = folder(item) / MANIFEST
    draft = path.with_name(f".manifest-{os.getpid()}")
    draft.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    draft.replace(path)
    return path


def withdraw_delivery(delivery: Delivery, *, reason: str, actor: Actor, at: datetime) -> int:
    """Withdraw what a delivery brought and is still current; gives how many. For a sensor found wrong afterwards.

    The rows stay in the past: a run that knows what was known before ``at`` still finds them.
    """
    if not reason.strip():
        raise ValueError("a withdrawal needs a reason")
    item = delivery.item
    with one_writer(item) as work:
        mine = [one for one in _files(item, Kind.INDEX, None) if one.delivery_id == delivery.pk]
        held = table(item, days=_span(mine)) if mine else None
        if held is None:
            return 0
        listed = ", ".join(_place(one) for one in mine)
        duck = connect(work)
        try:
            duck.execute(
                f"CREATE TABLE gone AS SELECT h.* FROM ({held.query()}) h "
                f"SEMI JOIN (SELECT record FROM read_parquet([{listed}]) WHERE NOT withdrawn) i ON i.record = h.record "
                f"WHERE h.superseded_at IS NULL AND h.recorded_at = {_time(delivery.received_at)}"
            )
            later = write_file(
                duck, item, Kind.LATER, f"SELECT * REPLACE ({_time(at)} AS superseded_at) FROM gone", at=at
            )
            index = write_file(
                duck,
                item,
                Kind.INDEX,
                f"SELECT i.* REPLACE (true AS withdrawn) FROM read_parquet([{listed}]) i "
                "SEMI JOIN gone g ON g.record = i.record ORDER BY record",
                at=at,
            )
        finally:
            duck.close()
        if later is None or index is None:
            return 0
        with transaction.atomic():
            last_change(hold=True)
            change = next_change()
            put_in_force(delivery, item, [later, index], change=change)
            facts = {"records": later.rows, "reason": reason, "file": later.name}
            append(actor=actor, verb=VERB_WITHDRAWN, obj=f"ledger.delivery:{delivery.pk}", facts=facts, at=at)
        write_manifest(item)
        return later.rows


def _span(files: Sequence[ObservationFile]) -> tuple[date, date]:
    days = [day for one in files for day in (one.first_day, one.last_day) if day is not None]
    return min(days), max(days)


def _time(at: datetime) -> str:
    """UTC without zone, as the tables have it."""
    return f"TIMESTAMP '{at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ', timespec='microseconds')}'"


def columns(item: str) -> str:
    """The columns of the item's table, quoted, in order."""
    from xinlu.ledger.columns import item_schema

    return ", ".join(identifier(name) for name in item_schema(current.catalogue().items[item]).names)


def _remove(place: Path) -> None:
    import shutil

    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


time_literal = _time
