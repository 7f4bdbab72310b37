"""What others may ask about runs. Lines about a subject are given to whoever may see the subject."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from django.db.models import QuerySet

from xinlu.access.scope import Scope
from xinlu.assessment.models import Run
from xinlu.assessment.run import runs_folder
from xinlu.engine.result import Entry, Finding
from xinlu.engine.result import entries_of as rows_of_entries
from xinlu.engine.result import findings_of as rows_of_findings
from xinlu.gazette import current
from xinlu.ledger.models import Record
from xinlu.registry.models import Subject


def runs(scope: Scope, *, book: str | None = None) -> QuerySet[Run]:
    """Runs that the asker may know of: officers know trials, everybody else published ones only."""
    found = Run.objects.all() if book is None else Run.objects.filter(book=book)
    return found if scope.kind in ("officer", "system") else found.filter(published_at__isnull=False)


def run(scope: Scope, code: str) -> Run | None:
    """One run by its code."""
    return runs(scope).filter(code=code).first()


def last_published(book: str, *, before: date | None = None) -> Run | None:
    """The newest published run of a book, of those with an earlier ``as_of`` where ``before`` is given."""
    found = Run.objects.filter(book=book, published_at__isnull=False)
    if before is not None:
        found = found.filter(as_of__lt=before)
    return found.order_by("-as_of", "-published_at").first()


def findings_of_run(one: Run) -> list[Finding]:
    """All findings of a run, by unit and output. For verbs, which have a scope of their own."""
    return rows_of_findings(pq.read_table(_file(one.code, "findings")))


def is_whole(one: Run) -> bool:
    """Whether the files of a run are there and have the digests that were noted when it was made."""
    try:
        found = [hashlib.sha256(_file(one.code, name).read_bytes()).hexdigest() for name in ("findings", "entries")]
    except OSError:
        return False
    return found == [one.findings_digest, one.entries_digest]


def entries_of(scope: Scope, code: str, unit: int) -> list[Entry]:
    """The lines of one unit of a run, in canonical order; none for a unit or run that the asker may not see."""
    return rows_of_entries(_rows(code, "entries", unit)) if _visible(scope, code, unit) else []


def findings_of(scope: Scope, code: str, unit: int) -> list[Finding]:
    """The findings of one unit of a run."""
    return rows_of_findings(_rows(code, "findings", unit)) if _visible(scope, code, unit) else []


def rates_records(one: Run) -> bool:
    """Whether the units of a run are records (weighings, bids) and no subjects."""
    versions = current.library().rulebooks.get(one.book, ())
    return bool(versions) and versions[-1].rates.subject is None


def _visible(scope: Scope, code: str, unit: int) -> bool:
    """Numbers of records and of subjects overlap: each is asked of its own room."""
    one = run(scope, code)
    if one is None:
        return False
    if rates_records(one):
        return Record.objects.within(scope, on=one.as_of).filter(record=unit).exists()
    return Subject.objects.within(scope).filter(pk=unit).exists()


def _rows(code: str, name: str, unit: int) -> pa.Table:
    """Rows of one unit: the file is sorted by unit, so whole row groups are passed over unread."""
    return pq.read_table(_file(code, name), filters=[("unit", "=", unit)])


def _file(code: str, name: str) -> Path:
    return runs_folder() / code / f"{name}.parquet"
