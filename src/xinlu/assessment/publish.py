"""Publish a run: its findings become standings, and only those reach the public."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from xinlu.assessment.models import Run
from xinlu.assessment.queries import findings_by_shelf, is_whole
from xinlu.engine.exact import add_length
from xinlu.engine.result import Finding
from xinlu.gazette import current
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.law.rulebook import Rulebook
from xinlu.ledger.models import Source
from xinlu.ledger.standing import NewStanding, publish_standings

VERB_PUBLISHED = "assessment.run.published"
KIND_OUTPUT = "standing_kind"
"""Output of a book that says whether a unit's standing is published, carried or inherited."""


class NotPublishable(ValueError):
    """A run that cannot become standings; ``args[0]`` says why in Chinese."""


@dataclass(frozen=True)
class Published:
    """What publication did: standings handed to the ledger, and how many of them changed something."""

    run: Run
    standings: int
    written: int


def publish(
    run: Run, *, source: Source, actor: Actor, at: datetime, effective_from: date, jurisdiction: str
) -> Published:
    """Write the standings of ``run``, in force from ``effective_from`` for as long as the book says (``valid``).

    1. The run must rate subjects: findings about single records (a weighing, a bid) stay in the run.
    2. Its files must be those that were written when it was made: their digests are compared.
    3. Every subject of the population gets a standing for each level and number, 未评 and 待人工 included.
    4. Standings, run and journal event are written in one transaction; a run is published once.
    """
    book = _book(run)
    if book.rates.subject is None:
        raise NotPublishable(f"“{book.title}”评价的是单条记录，结果留在批次中，不形成主体的评价结果")
    if run.is_published:
        return Published(run, 0, 0)
    if not is_whole(run):
        raise NotPublishable(f"批次 {run.code} 的结果文件缺失，或与试算时记下的摘要不符，请重新试算")
    standings = list(_standings(run, book, effective_from=effective_from, jurisdiction=jurisdiction))
    with transaction.atomic():
        written = publish_standings(standings, source=source, actor=actor, at=at)
        changed = Run.objects.filter(pk=run.pk, published_at__isnull=True).update(
            published_by=actor.key, published_at=at, effective_from=effective_from
        )
        if changed != 1:
            raise NotPublishable(f"批次 {run.code} 已由他人发布")
        append(
            actor=actor,
            verb=VERB_PUBLISHED,
            obj=f"assessment.run:{run.code}",
            facts={"standings": len(standings), "effective_from": effective_from},
            at=at,
        )
    run.refresh_from_db()
    return Published(run, len(standings), written)


def _book(run: Run) -> Rulebook:
    versions = current.library().rulebooks[run.book]
    used = run.version.split("、")
    return next(book for book in reversed(versions) if book.version in used)


def _standings(run: Run, book: Rulebook, *, effective_from: date, jurisdiction: str) -> Iterator[NewStanding]:
    until = add_length(effective_from, book.valid, 1) if book.valid else None
    begins, ends = rated_days(book, run.as_of)
    for findings in findings_by_shelf(run):
        kinds = {finding.unit: finding.text for finding in findings if finding.output == KIND_OUTPUT and finding.text}
        for finding in findings:
            output = book.outputs.get(finding.output)
            if output is None or not _is_standing(finding, book):
                continue
            yield NewStanding(
                subject=finding.unit,
                book=run.book,
                book_version=book.version,
                output=finding.output,
                as_of=run.as_of,
                effective_from=effective_from,
                effective_until=until,
                jurisdiction=jurisdiction,
                status=finding.status,  # type: ignore[arg-type]
                level=finding.level,
                score=finding.number,
                kind=kinds.get(finding.unit, "published"),  # type: ignore[arg-type]
                period_from=begins,
                period_until=ends,
                grade=finding.grade or "",
                run=run.code,
                reason=finding.reason or "",
            )


def _is_standing(finding: Finding, book: Rulebook) -> bool:
    """Levels and numbers become standings; dates, yes/no and texts are read from the run."""
    if finding.level is not None or finding.number is not None:
        return True
    output = book.outputs[finding.output]
    return finding.answer is None and (output.value is None or output.out_of is not None)


def rated_days(book: Rulebook, as_of: date) -> tuple[date | None, date | None]:
    """The days that count, where they are the same for every unit; else (None, None)."""
    period = book.period
    if period is None or period.calendar_year is None:
        return None, None
    if period.calendar_year == "running":
        return date(as_of.year, 1, 1), as_of + timedelta(days=1)
    return date(as_of.year - 1, 1, 1), date(as_of.year, 1, 1)
