"""Whole runs: every unit of every book, in buckets, on as many processes as there are, under a limit of memory.

    outcome = run_whole(books, tables, catalogue=…, as_of=…, known_at=…, folder=Path("draft"), processes=2)
    outcome["road-transport-enterprise"].of_unit("entries", 17)

A bucket is a small province (:mod:`xinlu.engine.bucket`): all books run on it while its rows are in memory, so the
data is read once. What comes out does not depend on the number of buckets or processes, nor on the order of rows:

* books run in one pass where each unit needs only what its own bucket holds;
* a book that reads findings of other units waits for the next pass, to which those findings are handed on;
* a value over peers takes a pass of its own: the numbers of all peers are gathered and frozen, then the book runs.

A province that lies on one shelf is one bucket, and runs here and now, without other processes.
"""

from __future__ import annotations

import errno
import math
import multiprocessing
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from xinlu.engine.bucket import Found, NotAddingUp, Pass, Work, Worker, to_bring
from xinlu.engine.compile.primitives import text_literal
from xinlu.engine.duck import TableLike
from xinlu.engine.kept import Kept, Written
from xinlu.engine.route import Bucketing, stays, tables_read
from xinlu.engine.run import in_order, peer_table, understand_all
from xinlu.engine.shelves import Shelved
from xinlu.law.catalogue import Catalogue
from xinlu.law.meaning import Meaning
from xinlu.law.problem import LawError, problem
from xinlu.law.rulebook import Rulebook
from xinlu.law.typing_rules import Ref

LOADED_BYTES = 104 * 1024 * 1024
"""Bytes of files that one bucket may hold, with half a GiB for its process. Every bucket plans every statement anew,
so that few and large ones are quicker."""
BOOK_BYTES = 44 * 1024 * 1024
"""Bytes of them that one book may read: while it runs, its own tables need more room than the rows that it reads."""
OWN_GIB = 0.3
"""Memory that a process needs beside DuckDB: the interpreter, the law, rows on their way to a file."""


class RunFailed(LawError):
    """A run that could not be finished: nothing was kept, earlier runs stand as they are."""


def run_whole(
    books: Sequence[Rulebook],
    tables: Mapping[str, TableLike],
    *,
    catalogue: Catalogue,
    as_of: date,
    known_at: datetime,
    folder: Path,
    keep: Collection[str] | None = None,
    shelves: int | None = None,
    buckets: int | None = None,
    processes: int = 1,
    memory_gib: float | None = None,
    scores_only: bool = False,
) -> dict[str, Kept]:
    """Evaluate ``books`` over their whole population; findings and entries go to ``<folder>/<book>/``.

    ``books``: every book that is read must be in the list. ``keep``: ids of books whose results are written (default:
    all). ``folder`` must be new or empty; when the run fails, it is removed. ``shelves``: how results are laid out
    (default: as the tables are, else 1). ``buckets``: how many parts the units are taken in (default: by the size of
    the files and the memory). ``memory_gib``: for all processes together; None leaves DuckDB's own limit.
    ``scores_only``: write findings without entries.

    Raises :class:`RunFailed` for what the law cannot help: a full disk (RUN-101), a process that died (RUN-102),
    too little memory (RUN-103), entries that do not add up (RUN-104).
    """
    stored = {name: _sent(table) for name, table in tables.items()}
    shelves = shelves or max((one.shelves for one in stored.values() if isinstance(one, Shelved)), default=1)
    order = in_order(books)
    meanings = understand_all(books, catalogue)
    if buckets is None:
        read = [tables_read([one], catalogue, known_at=known_at) for one in meanings.values()]
        buckets = _how_many(stored, read, shelves, processes, memory_gib)
    bucketing = Bucketing(shelves, max(1, min(buckets, shelves)))
    cores, processes = max(1, processes), max(1, min(processes, bucketing.buckets))
    work = Work(
        books=tuple(books),
        catalogue=catalogue,
        tables=stored,
        as_of=as_of,
        known_at=known_at,
        bucketing=bucketing,
        passes=passes(meanings, order) if bucketing.buckets > 1 else (Pass(tuple(order)),),
        folder=folder,
        kept=frozenset(order if keep is None else keep),
        entries=not scores_only,
        threads=1 if bucketing.buckets > 1 else cores,
        memory_gib=None if memory_gib is None else _each(memory_gib, processes),
    )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _told(folder), _hands(work, processes) as hands:
            return _Run(work, order, meanings, hands).run()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(work.scratch, ignore_errors=True)


def _sent(table: TableLike) -> Shelved | tuple[str, ...] | pa.Table:
    """A table in a form that other processes can be sent."""
    return table if isinstance(table, (Shelved, pa.Table)) else tuple(str(one) for one in table)


def _each(memory_gib: float, processes: int) -> float:
    """What DuckDB may take in each process."""
    return max(0.1, memory_gib / processes - OWN_GIB)


def _how_many(
    tables: Mapping[str, Shelved | tuple[str, ...] | pa.Table],
    read: Sequence[Collection[str]],
    shelves: int,
    processes: int,
    memory_gib: float | None,
) -> int:
    """Buckets small enough for the memory of a process, and a few for each process to take.

    ``read``: names of the tables that each book reads."""
    if shelves == 1:
        return 1
    sizes = {name: _size(table) for name, table in tables.items()}
    room = (_each(memory_gib, processes) if memory_gib is not None else 1.0) / 0.5
    together = sum(sizes.get(name, 0) for name in frozenset().union(*read))
    largest = max((sum(sizes.get(name, 0) for name in names) for names in read), default=0)
    needed = max(together / (LOADED_BYTES * room), largest / (BOOK_BYTES * room), 2 * processes if processes > 1 else 1)
    # Whole rounds: every process has as many buckets to do.
    return math.ceil(needed / processes) * processes


def _size(table: Shelved | tuple[str, ...] | pa.Table) -> int:
    """Bytes of the files of a table; rows in memory need none."""
    files = table.files if isinstance(table, Shelved) else () if isinstance(table, pa.Table) else table
    return sum(Path(file).stat().st_size for file in files)


# ── passes ──────────────────────────────────────────────────────────────────────────────────────


def passes(meanings: Mapping[tuple[str, str], Meaning], order: Sequence[str]) -> tuple[Pass, ...]:
    """Which books run in which pass over the buckets."""
    ready: dict[str, int] = {}
    layers: dict[str, list[tuple[str, ...]]] = {}
    read_in: dict[str, set[int]] = {book: set() for book in order}
    for book in order:
        versions = [one for key, one in meanings.items() if key[0] == book]
        reads = [source for one in versions for source in one.book.sources.values() if source.findings is not None]
        start = max((ready[str(one.findings)] + (0 if stays(one) else 1) for one in reads), default=0)
        layers[book] = peer_layers(versions)
        ready[book] = start + len(layers[book])
        for one in reads:
            read_in[str(one.findings)] |= set(range(start, ready[book] + 1))
    found = []
    for number in range(max(ready.values(), default=0) + 1):
        snapshots = {
            book: layers[book][number - ready[book] + len(layers[book])]
            for book in order
            if 0 <= number - ready[book] + len(layers[book]) < len(layers[book])
        }
        frozen = {
            book: tuple(value for layer in layers[book][: number - ready[book] + len(layers[book])] for value in layer)
            for book in order
            if layers[book] and number > ready[book] - len(layers[book]) and number <= ready[book]
        }
        found.append(
            Pass(
                books=tuple(book for book in order if ready[book] == number or book in snapshots),
                snapshots=snapshots,
                frozen=frozen,
                handed_on=frozenset(b for b in order if ready[b] == number and any(at > number for at in read_in[b])),
                before=frozenset(book for book in order if ready[book] < number),
            )
        )
    return tuple(found)


def peer_layers(versions: Sequence[Meaning]) -> list[tuple[str, ...]]:
    """Values over peers of a book, those that read others after these."""
    depth: dict[str, int] = {}
    for meaning in versions:
        reads = {name: _values_read(meaning, name) for name in meaning.book.values}

        def deep(name: str, reads: Mapping[str, set[str]] = reads, meaning: Meaning = meaning) -> int:
            below = max((deep(one) for one in reads[name]), default=0)
            return below + (1 if meaning.book.values[name].peer is not None else 0)

        for name, value in meaning.book.values.items():
            if value.peer is not None:
                depth[name] = max(depth.get(name, 0), deep(name))
    return [tuple(name for name in sorted(depth) if depth[name] == at) for at in sorted(set(depth.values()))]


def _values_read(meaning: Meaning, name: str) -> set[str]:
    trees = [tree for path, tree in meaning.expressions.items() if path[:2] == ("values", name)]
    refs = {node.value.name for tree in trees for node in tree.walk() if isinstance(node.value, Ref)}
    return (refs | set(meaning.book.values[name].parts or ())) & set(meaning.book.values) - {name}


# ── the run ─────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Gathered:
    """What came of one book so far."""

    files: dict[str, dict[int, Written]] = field(default_factory=lambda: {"findings": {}, "entries": {}})
    units: dict[str, int] = field(default_factory=dict)

    def take(self, found: Found) -> None:
        for name, written in found.files.items():
            self.files[name] |= written
        for version, units in found.units.items():
            self.units[version] = self.units.get(version, 0) + units


Hands = Callable[[str, Sequence[tuple[Any, ...]]], list[list[Found]]]
"""Has a verb of the worker done for each of several arguments; gives what came of each."""


class _Run:
    def __init__(
        self, work: Work, order: Sequence[str], meanings: Mapping[tuple[str, str], Meaning], hands: Hands
    ) -> None:
        self.work = work
        self.order = order
        self.meanings = meanings
        self.hands = hands

    def run(self) -> dict[str, Kept]:
        gathered = {book: _Gathered() for book in self.order if book in self.work.kept}
        for number, step in enumerate(self.work.passes):
            if self.work.bucketing.buckets > 1:
                meanings = [one for key, one in self.meanings.items() if key[0] in step.books]
                self.hands("bring", [(number, table) for table in to_bring(self.work, meanings, step)])
            for found in self.hands("run", [(number, bucket) for bucket in range(self.work.bucketing.buckets)]):
                for one in found:
                    gathered[one.book].take(one)
            self.freeze(step)
        return {book: self.keep(book, one) for book, one in gathered.items()}

    def freeze(self, step: Pass) -> None:
        """Make the tables of frozen peers from the numbers that were gathered."""
        for book, values in step.snapshots.items():
            versions = [one for key, one in self.meanings.items() if key[0] == book]
            for place, meaning in enumerate(versions):
                for value in values:
                    peer = meaning.book.values[value].peer if value in meaning.book.values else None
                    if peer is not None:
                        name = peer_table(self.order.index(book), place, value)
                        self.rank(name, "-" if peer.order == "descending" else "")

    def rank(self, name: str, sign: str) -> None:
        """The same table that :func:`xinlu.engine.peers.ranked` makes, without holding the numbers here."""
        files = text_literal(str(self.work.scratch / "gathered" / name / "*.parquet"))
        target = self.work.scratch / "peers" / f"{name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        upto = "CAST(sum(c) OVER (PARTITION BY g ORDER BY x ROWS UNBOUNDED PRECEDING) AS BIGINT)"
        everyone = "CAST(sum(c) OVER (PARTITION BY g) AS BIGINT)"
        numbers = (
            f"SELECT g, CAST({sign}x AS DECIMAL(38, 12)) AS x, sum(c) AS c FROM read_parquet({files}) GROUP BY ALL"
        )
        duckdb.connect().execute(
            f"COPY (SELECT g, x, {upto} - CAST(c AS BIGINT) AS before, {upto} AS upto, {everyone} AS n, "
            f"CAST(NULL AS DECIMAL(38, 12)) AS given FROM ({numbers})) TO {text_literal(str(target))} (FORMAT parquet)"
        )

    def keep(self, book: str, gathered: _Gathered) -> Kept:
        kept = Kept(
            folder=self.work.folder / book,
            book=book,
            versions=tuple(sorted(version for version, units in gathered.units.items() if units)),
            units=sum(gathered.units.values()),
            shelves=self.work.bucketing.shelves,
            findings=dict(sorted(gathered.files["findings"].items())),
            entries=dict(sorted(gathered.files["entries"].items())),
        )
        kept.write()
        return kept


# ── hands ───────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _hands(work: Work, processes: int) -> Iterator[Hands]:
    """The worker of this process, and those of others beside it."""
    worker = Worker(work)
    try:
        if processes == 1:
            yield lambda verb, tasks: [_done(worker, verb, task) for task in tasks]
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes - 1, mp_context=context, initializer=_start, initargs=(work,)) as pool:
            # Now, so that the others get ready while this one begins.
            for _ in range(processes - 1):
                pool.submit(_ready)
            yield lambda verb, tasks: _shared(worker, pool, processes - 1, verb, tasks)
    finally:
        worker.close()


def _shared(
    worker: Worker, pool: ProcessPoolExecutor, others: int, verb: str, tasks: Sequence[tuple[Any, ...]]
) -> list[list[Found]]:
    """Each takes the next task when it has done one: this process itself, and the others through a thread each."""
    waiting = list(reversed(list(enumerate(tasks))))
    done: dict[int, list[Found]] = {}

    def take(do: Callable[[tuple[Any, ...]], list[Found]]) -> None:
        try:
            while waiting:
                place, task = waiting.pop()
                done[place] = do(task)
        except BaseException:
            waiting.clear()
            raise

    with ThreadPoolExecutor(others) as threads:
        elsewhere = [threads.submit(take, lambda task: pool.submit(_do, verb, task).result()) for _ in range(others)]
        take(lambda task: _done(worker, verb, task))
        for one in elsewhere:
            one.result()
    return [done[place] for place in range(len(tasks))]


_worker: Worker | None = None


def _start(work: Work) -> None:
    """Get a process ready: one worker for all that it will do."""
    global _worker
    _worker = Worker(work)


def _ready() -> None:
    """Nothing: a process that can do this has started."""


def _do(verb: str, task: tuple[Any, ...]) -> list[Found]:
    assert _worker is not None
    return _done(_worker, verb, task)


def _done(worker: Worker, verb: str, task: tuple[Any, ...]) -> list[Found]:
    if verb == "bring":
        worker.bring(*task)
        return []
    return worker.run(*task)


# ── faults ──────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Faults of the machine as problems with a code."""
    try:
        yield
    except NotAddingUp as error:
        raise RunFailed(problem("RUN-104", f"积分明细之和与结果不符：{error}")) from error
    except BrokenProcessPool as error:
        raise RunFailed(problem("RUN-102", "有一个计算进程中途退出，本次运行没有留下结果")) from error
    except (OSError, duckdb.Error, pa.ArrowException) as error:
        if is_full(error):
            raise RunFailed(
                problem("RUN-101", f"磁盘已满，写不下结果：{folder.parent}", file=str(folder.parent))
            ) from error
        if isinstance(error, duckdb.OutOfMemoryException):
            raise RunFailed(problem("RUN-103", "内存不够，计算没有完成")) from error
        raise


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk is full."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return os.strerror(errno.ENOSPC).lower() in str(error).lower() or "max_temp_directory_size" in str(error)
