"""Lay a population onto shelves, with later files that stand for older rows, as a copy of the province has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xinlu.engine.manifest import identity
from xinlu.engine.shelves import Shelved
from xinlu.law.catalogue import Catalogue

SHELVES = 3
LATER = 2
GROUP = 4
"""Rows in a row group, so that even small files have several."""


def once(tables: Mapping[str, pa.Table], catalogue: Catalogue) -> dict[str, pa.Table]:
    """The tables with each key once, as a copy holds them."""
    found = {}
    for name, table in tables.items():
        keys, _ = identity(name, catalogue)
        places = {tuple(row.values()): place for place, row in enumerate(table.select(list(keys)).to_pylist())}
        found[name] = table.take(pa.array(sorted(places.values()), pa.int64()))
    return found


def lay(
    tables: Mapping[str, pa.Table], folder: Path, catalogue: Catalogue, random: Random, *, shelves: int = SHELVES
) -> dict[str, Shelved]:
    """Tables (see :func:`once`) on shelves. Rows of later files have a stale base row of the same key now and then,
    which named somebody else."""
    return {name: _laid(name, table, folder / name, catalogue, random, shelves) for name, table in tables.items()}


def _laid(name: str, table: pa.Table, folder: Path, catalogue: Catalogue, random: Random, shelves: int) -> Shelved:
    folder.mkdir(parents=True)
    keys, by = identity(name, catalogue)
    home = _home(name, catalogue)

    def kept(row: dict[str, Any]) -> int:
        return int(row[home] if row[home] is not None else row["record"])

    base: dict[int, list[dict[str, Any]]] = {}
    later: list[list[dict[str, Any]]] = [[] for _ in range(LATER)]
    for row in table.to_pylist():
        when = random.randrange(LATER * 4)
        if when >= LATER:
            base.setdefault(kept(row) % shelves, []).append(row)
            continue
        later[when].append(row)
        if random.random() < 0.6:
            stale = {**row, "superseded_at": None}
            if home.startswith("role_") and row[home] is not None:
                stale[home] = row[home] + 1
            stood = base.setdefault(kept(stale) % shelves, []) if random.random() < 0.7 or not when else later[0]
            stood.append(stale)

    def written(rows: Iterable[dict[str, Any]], file: str) -> str:
        ordered = sorted(rows, key=lambda one: (kept(one), tuple(str(one[key]) for key in keys)))
        path = folder / f"{file}.parquet"
        pq.write_table(pa.Table.from_pylist(ordered, schema=table.schema), path, row_group_size=GROUP)
        return str(path)

    return Shelved(
        shelves,
        {shelf: [written(rows, f"base-{shelf}")] for shelf, rows in sorted(base.items())} or {0: [written([], "none")]},
        [written(rows, f"later-{age}") for age, rows in enumerate(later) if rows],
        key=keys,
        kept_by=by,
    )


def _home(name: str, catalogue: Catalogue) -> str:
    if name == "relation":
        return "from_subject"
    if name.startswith("subject_"):
        return "subject"
    first = next(iter(catalogue.items[name.removeprefix("item_")].roles), None)
    return "record" if first is None or first.many else f"role_{first.name}"
