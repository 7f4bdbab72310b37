"""Run books over the columnar copy and keep what came out."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypedDict

from django.conf import settings
from django.db import transaction

from xinlu.assessment.models import Run
from xinlu.engine.backends import Backend, open_backend
from xinlu.engine.backends.runs import moved, run_kept, run_on
from xinlu.engine.duck import TableLike
from xinlu.engine.kept import Kept
from xinlu.engine.manifest import Manifest
from xinlu.engine.whole import run_whole
from xinlu.gazette import current
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.models import Event
from xinlu.journal.sequence import last_change
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import Library
from xinlu.law.problem import LawError, problem
from xinlu.law.rulebook import Rulebook
from xinlu.ledger import columnar


class _Given(TypedDict):
    catalogue: Catalogue
    as_of: date
    known_at: datetime
    folder: Path
    keep: list[str]


class _Limits(TypedDict):
    processes: int
    memory_gib: float


VERB_RAN = "assessment.run.made"
DRAFT = ".draft-"
"""Begins the name of a folder in which a run is being written; no code of a run begins so."""


@contextmanager
def opened(backend: str) -> Iterator[Backend]:
    """A backend by its address, closed at the end."""
    engine = open_backend(backend)
    try:
        yield engine
    finally:
        engine.close()


def cluster_tables(copy: str | None) -> Mapping[str, TableLike]:
    """The tables of the columnar copy, under the address at which a cluster reads it."""
    tables = columnar.tables()
    return tables if copy is None else moved(tables, Path(settings.COLUMNAR), copy)


def leave_books(
    books: Iterable[str], *, as_of: date, known_at: datetime, backend: str, to: str, copy: str | None = None
) -> list[str]:
    """Evaluate books on a backend and leave findings and entries as Parquet under ``to``; gives the places.

    Nothing is kept here: for results that are too big to bring, or wanted elsewhere.
    """
    library = current.library()
    columnar.sync()
    wanted = list(dict.fromkeys(books))
    versions = [book for name in wanted for book in _versions(library, name)]
    with opened(backend) as engine:
        ran = run_on(
            engine,
            library.needed(*versions),
            cluster_tables(copy),
            catalogue=library.catalogue,
            as_of=as_of,
            known_at=known_at.astimezone(UTC).replace(tzinfo=None),
        )
        for book in wanted:
            ran.write(book, to)
    return [f"{to.rstrip('/')}/{book}" for book in wanted]


class UnknownBook(LawError):
    """There is no such rulebook in the law in use."""

    def __init__(self, book: str) -> None:
        super().__init__(problem("LAW-113", f"没有评价办法“{book}”", file=str(settings.STANDARDS)))


def runs_folder() -> Path:
    """Where the files of runs lie."""
    return Path(settings.VAR) / "runs"


def run_books(
    books: Iterable[str],
    *,
    as_of: date,
    actor: Actor,
    at: datetime,
    known_at: datetime | None = None,
    sync: bool = True,
    backend: str | None = None,
    copy: str | None = None,
) -> list[Run]:
    """Evaluate books (with those that they read) on ``as_of`` with what was known at ``known_at`` (default: ``at``).

    1. Bring the columnar copy up to date, unless ``sync`` is False.
    2. Compile all books once and run them over the copy in buckets, on as many processes and within as much memory
       as the settings give (``XINLU_PROCESSES``, ``XINLU_MEMORY_GIB``).
    3. Findings and entries of the wanted books are written to a draft; when all are there, the folder of each book
       takes its place in one step, with the run and its journal event.

    The same law, day and knowledge give the same bytes: a run that is there already with equal digests is
    given back instead of a second one. ``backend``: another engine (:func:`xinlu.engine.backends.open_backend`), which
    gives the same bytes; ``copy``: the address at which it reads the columnar copy.

    Raises :class:`xinlu.engine.whole.RunFailed` when the machine fails; then nothing is kept, and earlier runs stand
    as they are.
    """
    library = current.library()
    manifest = columnar.sync() if sync else Manifest.read(Path(settings.COLUMNAR))
    wanted = list(dict.fromkeys(books))
    versions = [book for name in wanted for book in _versions(library, name)]
    known = (known_at or at).astimezone(UTC)
    with _draft() as folder:
        given: _Given = {
            "catalogue": library.catalogue,
            "as_of": as_of,
            "known_at": known.replace(tzinfo=None),
            "folder": folder,
            "keep": wanted,
        }
        if backend is None:
            limits: _Limits = {"processes": settings.PROCESSES, "memory_gib": settings.MEMORY_GIB}
            kept = run_whole(library.needed(*versions), columnar.tables(), **given, **limits)
        else:
            with opened(backend) as engine:
                kept = run_kept(engine, library.needed(*versions), cluster_tables(copy), **given)
        law = {book: _law(library, book) for book in wanted}
        return [
            _keep(kept[book], as_of=as_of, known_at=known, change=manifest.change, law=law[book], actor=actor, at=at)
            for book in wanted
        ]


@contextmanager
def _draft() -> Iterator[Path]:
    """A new folder beside those of the runs; gone afterwards. What killed processes left behind goes too."""
    place = runs_folder()
    place.mkdir(parents=True, exist_ok=True)
    for left in place.glob(f"{DRAFT}*"):
        if not _is_alive(left.name.removeprefix(DRAFT).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    folder = place / f"{DRAFT}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        return True
    return True


def _versions(library: Library, name: str) -> Sequence[Rulebook]:
    versions = library.rulebooks.get(name)
    if not versions:
        raise UnknownBook(name)
    return versions


def _law(library: Library, book: str) -> dict[str, str]:
    """Digests of the files of a book and of every book that it reads, and of the catalogue."""
    needed = library.needed(*library.rulebooks[book])
    found = {f"{one.rulebook}@{one.version}": _digest(library.filed(one).path.read_bytes()) for one in needed}
    catalogue = library.catalogue.model_dump_json().encode()
    return {**dict(sorted(found.items())), "catalogue": _digest(catalogue)}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _keep(
    kept: Kept,
    *,
    as_of: date,
    known_at: datetime,
    change: int,
    law: dict[str, str],
    actor: Actor,
    at: datetime,
) -> Run:
    digests = {name: kept.digest(name) for name in ("findings", "entries")}
    with transaction.atomic():
        # Two runs of one book and day at a time would take one code and write into one folder.
        last_change(hold=True)
        same = Run.objects.filter(
            book=kept.book, as_of=as_of, law=law, findings_digest=digests["findings"], entries_digest=digests["entries"]
        ).first()
        if same is not None:
            return same
        code = _free_code(kept.book, as_of)
        _move(kept.folder, runs_folder() / code)
        run = Run.objects.create(
            code=code,
            book=kept.book,
            version="、".join(kept.versions or sorted(one.version for one in current.library().rulebooks[kept.book])),
            as_of=as_of,
            known_at=known_at,
            change=change,
            law=law,
            units=kept.units,
            lines=kept.rows("entries"),
            findings_digest=digests["findings"],
            entries_digest=digests["entries"],
            made_by=actor.key,
            made_at=at,
        )
        append(
            actor=actor,
            verb=VERB_RAN,
            obj=f"assessment.run:{code}",
            facts={"book": kept.book, "as_of": as_of, "units": run.units, "lines": run.lines, **digests},
            at=at,
        )
    return run


def _move(draft: Path, folder: Path) -> None:
    """Put a finished folder in its place in one step. A folder that stands there belongs to no run: a process was
    killed between this step and the commit."""
    if folder.exists():
        shutil.rmtree(folder)
    draft.rename(folder)


def _free_code(book: str, as_of: date) -> str:
    """The next code of a book and day. Those of runs that were discarded since are in the journal, and taken."""
    stem = f"{book}-{as_of:%Y%m%d}-"
    made = Event.objects.filter(verb=VERB_RAN, object__startswith=f"assessment.run:{stem}").count()
    return f"{stem}{made + 1}"
