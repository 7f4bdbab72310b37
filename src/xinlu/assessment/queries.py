"""What others may ask about runs. Lines about a subject are given to whoever may see the subject."""

from __future__ import annotations

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
from xinlu.registry.models import Subject


def runs(scope: Scope, *, book: str | None = None) -> QuerySet[Run]:
    """Runs that the asker may know of: the public knows published ones."""
    found = Run.objects.all() if book is None else Run.objects.filter(book=book)
    return found.filter(published_at__isnull=False) if scope.is_public else found


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


def findings_table_of(one: Run) -> pa.Table:
    """All findings of a run as a table."""
    return pq.read_table(_file(one.code, "findings"))


def entries_table_of(one: Run) -> pa.Table:
    """All entries of a run as a table."""
    return pq.read_table(_file(one.code, "entries"))


def entries_of(scope: Scope, code: str, unit: int) -> list[Entry]:
    """The lines of one unit of a run, in canonical order; none for a unit or run that the asker may not see."""
    return rows_of_entries(_rows(code, "entries", unit)) if _visible(scope, code, unit) else []


def findings_of(scope: Scope, code: str, unit: int) -> list[Finding]:
    """The findings of one unit of a run."""
    return rows_of_findings(_rows(code, "findings", unit)) if _visible(scope, code, unit) else []


def _visible(scope: Scope, code: str, unit: int) -> bool:
    return run(scope, code) is not None and Subject.objects.within(scope).filter(pk=unit).exists()


def _rows(code: str, name: str, unit: int) -> pa.Table:
    """Rows of one unit: the file is sorted by unit, so whole row groups are passed over unread."""
    return pq.read_table(_file(code, name), filters=[("unit", "=", unit)])


def _file(code: str, name: str) -> Path:
    return runs_folder() / code / f"{name}.parquet"
