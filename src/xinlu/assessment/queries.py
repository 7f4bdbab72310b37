"""What others may ask about runs. Lines about a subject are given to whoever may see the subject."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.db.models import QuerySet

from xinlu.access.scope import Scope
from xinlu.assessment.models import Run
from xinlu.assessment.run import runs_folder
from xinlu.engine.kept import Kept
from xinlu.engine.result import Entry, Finding, sorted_findings
from xinlu.engine.result import entries_of as rows_of_entries
from xinlu.engine.result import findings_of as rows_of_findings
from xinlu.gazette import current
from xinlu.ledger import observations
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
    return sorted_findings(finding for found in findings_by_shelf(one) for finding in found)


def findings_by_shelf(one: Run) -> Iterator[list[Finding]]:
    """All findings of a run, in parts that fit into memory: those of one unit stand in one part."""
    for table in kept(one).tables("findings"):
        yield rows_of_findings(table)


def kept(one: Run) -> Kept:
    """The folder of a run. Raises ``OSError`` when it is gone."""
    return Kept.read(runs_folder() / one.code)


def is_whole(one: Run) -> bool:
    """Whether the files of a run are there and have the digests that were noted when it was made."""
    try:
        found = kept(one)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    noted = [one.findings_digest, one.entries_digest]
    return [found.digest("findings"), found.digest("entries")] == noted and found.is_whole()


def entries_of(scope: Scope, code: str, unit: int) -> list[Entry]:
    """The lines of one unit of a run, in canonical order; none for a unit or run that the asker may not see."""
    one = _visible(scope, code, unit)
    return rows_of_entries(kept(one).of_unit("entries", unit)) if one is not None else []


def findings_of(scope: Scope, code: str, unit: int) -> list[Finding]:
    """The findings of one unit of a run."""
    one = _visible(scope, code, unit)
    return rows_of_findings(kept(one).of_unit("findings", unit)) if one is not None else []


def rates_records(one: Run) -> bool:
    """Whether the units of a run are records (weighings, bids) and no subjects."""
    versions = current.library().rulebooks.get(one.book, ())
    return bool(versions) and versions[-1].rates.subject is None


def _visible(scope: Scope, code: str, unit: int) -> Run | None:
    """The run, if the asker may see it and the unit. Numbers of records and of subjects overlap: each is asked of
    its own room."""
    one = run(scope, code)
    if one is None:
        return None
    if rates_records(one):
        seen = Record.objects.within(scope, on=one.as_of).filter(record=unit).exists()
        seen = seen or observations.is_seen(scope, unit)
    else:
        seen = Subject.objects.within(scope).filter(pk=unit).exists()
    return one if seen else None
