"""From a record to the entries that rest on it: in which rounds, under which clause, for whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from xinlu.access.scope import Scope
from xinlu.assessment.clause_use import entry_files
from xinlu.assessment.models import Run
from xinlu.assessment.queries import runs
from xinlu.engine.compile.primitives import text_literal
from xinlu.engine.duck import Duck
from xinlu.gazette import current
from xinlu.ledger.models import Record
from xinlu.registry.models import Subject


@dataclass(frozen=True)
class Effect:
    """One entry that rests on a record."""

    run: Run
    title: str
    """Of the book."""
    clause: str
    clause_title: str
    unit: int
    rates_records: bool
    kind: str
    share: Decimal | None
    text: str
    day: date | None


def effects(scope: Scope, record: int, *, since: date | None = None) -> list[Effect]:
    """Entries of the runs that ``scope`` may know of, newest round first, about units that it may see.

    ``since``: only rounds of that day or later; nothing rests on a record before it happened.
    """
    asked = runs(scope).filter(published_at__isnull=False)
    by_file = {
        str(file): run for run in (asked.filter(as_of__gte=since) if since else asked) for file in entry_files(run)
    }
    if not by_file:
        return []
    files = ", ".join(text_literal(one) for one in by_file)
    # One question to the files of all rounds: opening them one after the other takes longer than reading them.
    duck = Duck({})
    try:
        rows = duck.rows(
            "SELECT filename, unit, clause, kind, share, text, day "
            f"FROM read_parquet([{files}], filename = true) WHERE record = {int(record)} AND kind <> 'fact' "
            "ORDER BY unit, step, seq, clause, kind"
        )
    finally:
        duck.close()
    found = [_effect(by_file[name], *rest) for name, *rest in rows]
    seen = _seen(scope, found)
    told = [one for one in found if (one.unit, one.rates_records) in seen]
    return sorted(told, key=lambda one: (-one.run.as_of.toordinal(), one.run.book))


def _effect(
    run: Run, unit: int, clause: str | None, kind: str, share: Decimal | None, text: str | None, day: date | None
) -> Effect:
    versions = current.library().rulebooks.get(run.book, ())
    book = versions[-1] if versions else None
    return Effect(
        run=run,
        title=book.title if book else run.book,
        clause=clause or "",
        clause_title=book.clauses[clause].title if book and clause in book.clauses else "",
        unit=unit,
        rates_records=book is not None and book.rates.subject is None,
        kind=kind,
        share=share,
        text=text or "",
        day=day,
    )


def _seen(scope: Scope, found: list[Effect]) -> set[tuple[int, bool]]:
    subjects = {one.unit for one in found if not one.rates_records}
    records = {(one.unit, one.run.as_of) for one in found if one.rates_records}
    seen = {(pk, False) for pk in Subject.objects.within(scope).filter(pk__in=subjects).values_list("pk", flat=True)}
    for unit, day in records:
        if Record.objects.within(scope, on=day).filter(record=unit).exists():
            seen.add((unit, True))
    return seen
