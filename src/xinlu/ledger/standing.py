"""Publish standings: write them as records of the item 评价结果, each in force until the next one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from django.db import transaction

from xinlu.gazette import current
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.sequence import last_change, next_change
from xinlu.law.catalogue import Item
from xinlu.ledger.draft import Draft, Value, draft
from xinlu.ledger.models import Record, Source, Standing
from xinlu.ledger.versions import BATCH, RATING, Version, write

VERB_PUBLISHED = "ledger.standing.published"
_Chain = tuple[int, str, str, str]


@dataclass(frozen=True)
class NewStanding:
    """A finding that becomes public. ``effective_until`` (exclusive) is its expiry, None for none.

    ``jurisdiction`` is the code of the organ whose standing it is; standings of two organs stand side by side.
    """

    subject: int
    book: str
    book_version: str
    output: str
    as_of: date
    effective_from: date
    jurisdiction: str
    status: Literal["rated", "not_rated", "open"]
    level: str | None = None
    score: Decimal | None = None
    kind: Literal["published", "carried", "inherited", "imported"] = "published"
    effective_until: date | None = None
    period_from: date | None = None
    period_until: date | None = None
    grade: str = ""
    run: str = ""
    reason: str = ""

    @property
    def chain(self) -> _Chain:
        """Standings of one chain follow each other: subject, book, output, organ."""
        return (self.subject, self.book, self.output, self.jurisdiction)


@dataclass
class _Link:
    """A standing on the drawing board; ``row`` is what stands in the ledger."""

    standing: NewStanding
    row: Record | None
    changed: bool


@transaction.atomic
def publish_standings(standings: Sequence[NewStanding], *, source: Source, actor: Actor, at: datetime) -> int:
    """Write ``standings``; gives how many records were written or got a new version.

    1. In a chain (subject, book, output, organ), a standing is in force until the next one starts: the one
       before gets a new version that ends there, unless it ends earlier by itself.
    2. A standing published behind a later one ends where the later one starts.
    3. The same standing with the same content again changes nothing; with other content it gets a new version.

    Of two that start on the same day, the one with the later ``as_of`` holds.
    """
    # What is read from here on is what will be there when it is written.
    last_change(hold=True)
    item = current.catalogue().items[RATING]
    wanted: dict[_Chain, list[NewStanding]] = defaultdict(list)
    for one in standings:
        wanted[one.chain].append(one)
    chains = _chains(list(wanted), source)
    for key, several in wanted.items():
        for one in several:
            _insert(chains[key], one)
        _fit(chains[key])
    versions = [v for key in wanted for v in _versions(item, chains[key])]
    if not versions:
        return 0
    change = next_change()
    write(item, versions, source=source.pk, delivery=None, at=at, change=change)
    append(
        actor=actor,
        verb=VERB_PUBLISHED,
        obj=f"ledger.change:{change}",
        facts={
            "standings": len(standings),
            "versions": len(versions),
            "books": sorted({f"{s.book}@{s.book_version}" for s in standings}),
            "runs": sorted({s.run for s in standings}),
        },
        at=at,
    )
    return len(versions)


def _chains(keys: Sequence[_Chain], source: Source) -> dict[_Chain, list[_Link]]:
    """What this source has in the ledger now, by chain. What another one imported is not ours to end."""
    found: dict[_Chain, list[_Link]] = {key: [] for key in keys}
    subjects = sorted({key[0] for key in keys})
    books = sorted({key[1] for key in keys})
    for start in range(0, len(subjects), BATCH):
        rows = Standing._base_manager.filter(
            subject__in=subjects[start : start + BATCH],
            book__in=books,
            version__superseded_at__isnull=True,
            version__source=source,
        ).select_related("version")
        for row in rows:
            key = (row.subject_id, row.book, row.output, row.jurisdiction)
            if key in found:
                found[key].append(_Link(_restored(row), row.version, changed=False))
    return found


def _insert(chain: list[_Link], one: NewStanding) -> None:
    for link in chain:
        if (link.standing.kind, link.standing.as_of) == (one.kind, one.as_of):
            link.standing, link.changed = one, True
            return
    chain.append(_Link(one, None, changed=True))


def _fit(chain: list[_Link]) -> None:
    chain.sort(key=lambda link: (link.standing.effective_from, link.standing.as_of, link.standing.kind))
    for link, following in pairwise(chain):
        one, start = link.standing, following.standing.effective_from
        if one.effective_until is None or one.effective_until > start:
            link.standing, link.changed = replace(one, effective_until=start), True


def _versions(item: Item, chain: Iterable[_Link]) -> Iterable[Version]:
    for link in chain:
        if not link.changed:
            continue
        made = _draft(item, link.standing)
        if link.row is None:
            yield Version(made)
        elif link.row.digest != made.digest:
            yield Version(made, link.row.record, (link.row.pk, link.row.recorded_at), "succession")


def _draft(item: Item, one: NewStanding) -> Draft:
    fields = {
        "book": one.book,
        "book_version": one.book_version,
        "output": one.output,
        "level": one.level,
        "score": None if one.score is None else format(one.score.quantize(Decimal("0.000001")), "f"),
        "status": one.status,
        "jurisdiction": one.jurisdiction,
        "kind": one.kind,
        "as_of_day": one.as_of.isoformat(),
        "published_on": one.effective_from.isoformat(),
        "ends_on": one.effective_until and one.effective_until.isoformat(),
        "rated_from": one.period_from and one.period_from.isoformat(),
        "rated_until": one.period_until and one.period_until.isoformat(),
        "grade": one.grade,
        "run": one.run,
        "reason": one.reason,
    }
    payload: dict[str, Value] = {name: text for name, text in fields.items() if text}
    return draft(item, number=0, payload=payload, roles={"subject": (one.subject,)})


def _restored(row: Standing) -> NewStanding:
    payload = row.version.payload

    def day(name: str) -> date | None:
        return date.fromisoformat(payload[name]) if payload.get(name) else None

    return NewStanding(
        subject=row.subject_id,
        book=row.book,
        book_version=row.book_version,
        output=row.output,
        as_of=row.as_of,
        effective_from=row.effective_from,
        jurisdiction=row.jurisdiction,
        status=payload["status"],
        level=row.level or None,
        score=row.score,
        kind=payload["kind"],
        effective_until=row.effective_until,
        period_from=day("rated_from"),
        period_until=day("rated_until"),
        grade=row.grade,
        run=row.run,
        reason=payload.get("reason", ""),
    )
