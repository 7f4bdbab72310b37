"""Run books over the columnar copy and keep what came out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings
from django.db import transaction

from xinlu.assessment.models import Run
from xinlu.engine.duck import Duck
from xinlu.engine.manifest import Manifest
from xinlu.engine.run import Prepared, prepare
from xinlu.gazette import current
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.models import Event
from xinlu.journal.sequence import last_change
from xinlu.law.library import Library
from xinlu.law.problem import LawError, problem
from xinlu.law.rulebook import Rulebook
from xinlu.ledger import columnar

VERB_RAN = "assessment.run.made"
ROW_GROUP = 65_536
"""Rows in one row group: entries are sorted by unit, so one subject's lines lie in one or two groups."""


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
) -> list[Run]:
    """Evaluate books (with those that they read) on ``as_of`` with what was known at ``known_at`` (default: ``at``).

    1. Bring the columnar copy up to date, unless ``sync`` is False.
    2. Compile all books once, run them in one process, each after those that it reads.
    3. Write findings and entries of the wanted books to files, then the runs and their journal events.

    The same law, day and knowledge give the same bytes: a run that is there already with equal digests is
    given back instead of a second one.
    """
    library = current.library()
    manifest = columnar.sync() if sync else Manifest.read(Path(settings.COLUMNAR))
    wanted = list(dict.fromkeys(books))
    versions = [book for name in wanted for book in _versions(library, name)]
    known = (known_at or at).astimezone(UTC)
    duck = Duck(columnar.tables())
    try:
        prepared = prepare(
            library.needed(*versions),
            duck,
            catalogue=library.catalogue,
            as_of=as_of,
            known_at=known.replace(tzinfo=None),
        )
        prepared.run()
        law = {book: _law(library, book) for book in wanted}
        return [
            _keep(
                prepared, book, as_of=as_of, known_at=known, change=manifest.change, law=law[book], actor=actor, at=at
            )
            for book in wanted
        ]
    finally:
        duck.close()


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
    prepared: Prepared,
    book: str,
    *,
    as_of: date,
    known_at: datetime,
    change: int,
    law: dict[str, str],
    actor: Actor,
    at: datetime,
) -> Run:
    findings, entries = prepared.findings(book), prepared.entries(book)
    files = {"findings": _bytes(findings), "entries": _bytes(entries)}
    digests = {name: _digest(content) for name, content in files.items()}
    with transaction.atomic():
        # Two runs of one book and day at a time would take one code and write into one folder.
        last_change(hold=True)
        same = Run.objects.filter(
            book=book, as_of=as_of, law=law, findings_digest=digests["findings"], entries_digest=digests["entries"]
        ).first()
        if same is not None:
            return same
        code = _free_code(book, as_of)
        folder = runs_folder() / code
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / f"{name}.parquet").write_bytes(content)
        versions = sorted(plan.version for plan in prepared.plans[book])
        run = Run.objects.create(
            code=code,
            book=book,
            version="、".join(_used(prepared, book) or versions),
            as_of=as_of,
            known_at=known_at,
            change=change,
            law=law,
            units=pc.count_distinct(findings["unit"]).as_py() if findings.num_rows else 0,
            lines=entries.num_rows,
            findings_digest=digests["findings"],
            entries_digest=digests["entries"],
            made_by=actor.key,
            made_at=at,
        )
        append(
            actor=actor,
            verb=VERB_RAN,
            obj=f"assessment.run:{code}",
            facts={"book": book, "as_of": as_of, "units": run.units, "lines": run.lines, **digests},
            at=at,
        )
    return run


def _used(prepared: Prepared, book: str) -> list[str]:
    """Versions under which at least one unit was rated."""
    plans = prepared.plans[book]
    return [plan.version for plan in plans if prepared.duck.has_rows(plan.findings)]


def _free_code(book: str, as_of: date) -> str:
    """The next code of a book and day. Those of runs that were discarded since are in the journal, and taken."""
    stem = f"{book}-{as_of:%Y%m%d}-"
    made = Event.objects.filter(verb=VERB_RAN, object__startswith=f"assessment.run:{stem}").count()
    return f"{stem}{made + 1}"


def _bytes(table: pa.Table) -> bytes:
    """Parquet bytes that depend on the rows alone."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(None), sink, row_group_size=ROW_GROUP, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content
