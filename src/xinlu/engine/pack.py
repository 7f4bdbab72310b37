"""Pack rows into the files of a columnar copy: sorted, compressed, named by the digest of their content.

A :class:`Parcel` is one file to be written. Many of them are packed by several processes of one thread each, which
:func:`pack` starts with this module as their program; a few are packed in the process that asks.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from xinlu.engine.compile.primitives import text_literal

ROW_GROUP: Final = 16_384
"""Rows in one row group: one subject's rows lie in one or two of them, and reading them takes 3 ms and not 16, while a
scan of the whole takes as long and the file is 2 % larger."""
MEMORY_GIB: Final = 1.5
"""For all processes together; what does not fit is spilled to the working folder."""
WORTH_PROCESSES: Final = 500_000
"""Rows from which starting other processes is worth the half second that it takes."""


class PackFailed(OSError):
    """A packing process could not write; ``args[0]`` is what it said."""


@dataclass(frozen=True)
class Parcel:
    """One file to write: the rows of ``query`` in ``order``, into ``folder``, named ``<stem>-<digest>.parquet``.

    ``weight`` is about how many rows it has, to share parcels out evenly.
    """

    folder: str
    stem: str
    query: str
    order: str
    weight: int = 0


@dataclass(frozen=True)
class Packed:
    """What became of a parcel: the name of its file and its rows. A parcel without rows has no file and no name."""

    name: str
    rows: int


def connect(work: Path, *, threads: int | None = None, memory_gib: float = MEMORY_GIB) -> duckdb.DuckDBPyConnection:
    """A DuckDB that spills into ``work`` and keeps order where order is asked for."""
    duck = duckdb.connect(":memory:")
    duck.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{memory_gib:.2f}GiB'")
    # From statistics DuckDB would write a column that happens to have no gap as one that can have none: files of one
    # table would have different schemas, and the same rows different bytes.
    duck.execute("SET disabled_optimizers = 'statistics_propagation'")
    duck.execute(f"SET temp_directory = {text_literal(str(work / 'spill'))}")
    if threads is not None:
        duck.execute(f"SET threads = {int(threads)}")
    return duck


def write(duck: duckdb.DuckDBPyConnection, parcel: Parcel) -> Packed:
    """Write one parcel. A file that is there already under the name of its content is left as it is."""
    folder = Path(parcel.folder)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".draft-{os.getpid()}-{parcel.stem}"
    try:
        duck.execute(
            f"COPY (SELECT * FROM ({parcel.query}) ORDER BY {parcel.order}) TO {text_literal(str(draft))} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        found = duck.fetchone()
        rows = int(found[0]) if found else 0
        return Packed(settle(draft, parcel.stem), rows) if rows else Packed("", 0)
    finally:
        draft.unlink(missing_ok=True)


def settle(draft: Path, stem: str) -> str:
    """Give a file the name of its content; gives that name. :func:`flush` it before a manifest names it."""
    with draft.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    name = f"{stem}-{digest[:24]}.parquet"
    draft.replace(draft.with_name(name))
    return name


def flush(files: Iterable[Path]) -> None:
    """Make files, and their names, survive a loss of power. Many at a time, so that the disk may join them."""

    def one(path: Path) -> None:
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    found = list(files)
    folders = [] if os.name == "nt" else sorted({file.parent for file in found})
    with ThreadPoolExecutor(16) as several:
        for _ in several.map(one, found):
            pass
        for _ in several.map(one, folders):
            pass


def is_whole(file: Path) -> bool:
    """Whether the content of a file still has the digest that its name tells.

    A name without a digest tells nothing, so the file only has to be there.
    """
    if not file.is_file():
        return False
    told = file.stem.rpartition("-")[2]
    if len(told) != 24:
        return True
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest().startswith(told)


def pack(parcels: Sequence[Parcel], work: Path, *, processes: int = 2) -> list[Packed]:
    """Write all parcels; gives what became of each, in order.

    Raises :class:`OSError` or an error of DuckDB when one could not be written: then files may lie in the folders that
    nobody names.
    """
    if processes < 2 or len(parcels) < 2 or sum(one.weight for one in parcels) < WORTH_PROCESSES:
        duck = connect(work)
        try:
            return [write(duck, one) for one in parcels]
        finally:
            duck.close()
    shares = _shares(parcels, processes)
    children = [_start([parcels[n] for n in share], work, processes) for share in shares]
    # Every child is waited for before anything is said, so that none goes on writing.
    ended = [(child, *child.communicate()) for child in children]
    found: dict[int, Packed] = {}
    for share, (child, told, said) in zip(shares, ended, strict=True):
        if child.returncode:
            raise PackFailed((said.strip().splitlines() or [f"exit status {child.returncode}"])[-1])
        found.update(zip(share, (Packed(*one) for one in json.loads(told)), strict=True))
    return [found[n] for n in range(len(parcels))]


def _shares(parcels: Sequence[Parcel], processes: int) -> list[list[int]]:
    """Places of parcels for each process, the heavy ones shared out first."""
    shares: list[list[int]] = [[] for _ in range(processes)]
    loads = [0] * processes
    for place in sorted(range(len(parcels)), key=lambda n: -parcels[n].weight):
        least = loads.index(min(loads))
        shares[least].append(place)
        loads[least] += parcels[place].weight + 1000
    return [share for share in shares if share]


def _start(parcels: Sequence[Parcel], work: Path, processes: int) -> subprocess.Popen[str]:
    order = {
        "work": str(work),
        "memory_gib": MEMORY_GIB / processes,
        "parcels": [asdict(one) for one in parcels],
    }
    file = work / f"order-{len(list(work.glob('order-*')))}.json"
    file.write_text(json.dumps(order), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "xinlu.engine.pack", str(file)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def main(file: str) -> None:
    """Pack what an order file names, and print the names and rows as JSON."""
    order: Mapping[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
    work = Path(order["work"]) / Path(file).stem
    work.mkdir(exist_ok=True)
    duck = connect(work, threads=1, memory_gib=order["memory_gib"])
    done = [write(duck, Parcel(**one)) for one in order["parcels"]]
    print(json.dumps([[one.name, one.rows] for one in done]))


if __name__ == "__main__":
    main(sys.argv[1])
