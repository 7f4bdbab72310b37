"""Follow merges and splits of subjects: records that name the one get a version that names the other.

This happens in the transaction of the merge itself (:mod:`xinlu.journal.follow`), whoever calls it, and at its time: so
the next run, whole or partial, finds the records of both under one subject, and after a split under two again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from xinlu.gazette import current
from xinlu.journal.follow import catch_up, follow
from xinlu.journal.models import Event
from xinlu.journal.sequence import next_change
from xinlu.law.catalogue import Item
from xinlu.ledger.draft import Draft, key_of
from xinlu.ledger.models import Record, RecordRole, Standing
from xinlu.ledger.versions import BATCH, Version, supersede, write
from xinlu.registry.merge import VERB_MERGED, VERB_SPLIT

CONSUMER = "ledger.repoint"

Roles = Mapping[str, tuple[int, ...]]


def attend() -> None:
    """Follow merges and splits from now on."""
    follow(consumer=CONSUMER, verbs=(VERB_MERGED, VERB_SPLIT), effect=_apply)


def follow_merges(*, at: datetime) -> int:
    """Apply merges and splits that were written while nobody followed them, each once; gives how many."""
    return catch_up(consumer=CONSUMER, at=at)


def _apply(event: Event, at: datetime) -> None:
    kept, absorbed = event.facts["kept"], event.facts["absorbed"]
    mark = f"merge {event.object}"
    if event.verb == VERB_MERGED:
        _merge(kept, absorbed, mark, at)
    else:
        _split(kept, absorbed, mark, f"split {event.object}", at)


@dataclass
class _Batch:
    """Versions to write, by what is written together, and those that go without one in their place."""

    mark: str
    versions: dict[tuple[str, int, int | None], list[Version]] = field(default_factory=lambda: defaultdict(list))
    gone: list[tuple[int, datetime]] = field(default_factory=list)

    def add(self, row: Record, draft: Draft, *, supersedes: bool) -> None:
        before = (row.pk, row.recorded_at) if supersedes else None
        self.versions[row.item, row.source_id, row.delivery_id].append(Version(draft, row.record, before, self.mark))

    def write(self, at: datetime) -> None:
        if not self.versions and not self.gone:
            return
        change = next_change()
        items = current.catalogue().items
        supersede(self.gone, at=at, change=change, withdrawn=True, reason=self.mark)
        for (item, source, delivery), several in self.versions.items():
            write(items[item], several, source=source, delivery=delivery, at=at, change=change)


# ── merged ──────────────────────────────────────────────────────────────────────────────────────


def _merge(kept: int, absorbed: int, mark: str, at: datetime) -> None:
    """Each current record of ``absorbed`` gets a version that names ``kept``.

    What both have – the same source reported one decision of each entry, or both hold a standing of one book and
    organ – stays that of ``kept``; the other is superseded, and comes back with a split.
    """
    batch = _Batch(mark)
    rows = list(_naming(absorbed).order_by("record"))
    drafts = {row.pk: _draft(row, roles) for row, roles in _with_roles(rows, {absorbed: kept})}
    held = _keys_held(rows, drafts)
    chains = _chains(kept)
    of = {one.version_id: one for one in Standing._base_manager.filter(version__in=[row.pk for row in rows])}
    for row in rows:
        key = (row.source_id, row.item, drafts[row.pk].key)
        standing = of.get(row.pk)
        if held.get(key, row.record) != row.record or (standing is not None and _chain(standing) in chains):
            batch.gone.append((row.pk, row.recorded_at))
        else:
            held[key] = row.record
            batch.add(row, drafts[row.pk], supersedes=True)
    batch.write(at)


def _keys_held(rows: Iterable[Record], drafts: Mapping[int, Draft]) -> dict[tuple[int, str, str], int]:
    """(source, item, key) → the current record that has it, for the keys that the drafts will have."""
    found: dict[tuple[int, str, str], int] = {}
    by_item: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        by_item[row.item].add(drafts[row.pk].key)
    for item, several in by_item.items():
        keys = sorted(several)
        for start in range(0, len(keys), BATCH):
            current_ones = Record._base_manager.filter(
                item=item, key__in=keys[start : start + BATCH], superseded_at__isnull=True
            )
            for source, key, record in current_ones.values_list("source_id", "key", "record"):
                found[source, item, key] = record
    return found


def _chain(one: Standing) -> tuple[str, str, str]:
    return (one.book, one.output, one.jurisdiction)


def _chains(subject: int) -> set[tuple[str, str, str]]:
    """Books, outputs and organs of which ``subject`` has a standing now."""
    rows = Standing._base_manager.filter(subject=subject, version__superseded_at__isnull=True)
    return {_chain(one) for one in rows}


# ── split ───────────────────────────────────────────────────────────────────────────────────────


def _split(kept: int, absorbed: int, mark: str, new_mark: str, at: datetime) -> None:
    """What the merge moved goes back, corrected since or not; what was recorded of ``kept`` since stays its own."""
    batch = _Batch(new_mark)
    moved = Record._base_manager.filter(reason=mark, withdrawn=False).values("record")
    rows = list(_naming(kept).filter(record__in=moved).order_by("record"))
    roles_before = _roles_before(absorbed, mark)
    for row, roles in _with_roles(rows, {}):
        batch.add(row, _draft(row, _given_back(roles, roles_before.get(row.record, {}), kept)), supersedes=True)
    for row, roles in _with_roles(list(_dropped(mark)), {}):
        batch.add(row, _draft(row, roles), supersedes=False)
    batch.write(at)


def _given_back(roles: Roles, before: Roles, kept: int) -> Roles:
    """The roles of a record in which ``kept`` stands for somebody else: those stand there again who stood there."""
    given = {}
    for role, numbers in roles.items():
        meant = before.get(role, ())
        several = [one for number in numbers for one in (meant if number == kept and meant else (number,))]
        given[role] = tuple(dict.fromkeys(several))
    return given


def _roles_before(absorbed: int, mark: str) -> dict[int, Roles]:
    """Record → role → who of ``kept`` and ``absorbed`` stood there in the version that the merge superseded."""
    moved = Record._base_manager.filter(reason=mark, withdrawn=False)
    found: dict[int, Roles] = {}
    for record, at in moved.values_list("record", "recorded_at"):
        last = Record._base_manager.filter(record=record, superseded_at=at).order_by("-recorded_at").first()
        if last is None:
            continue
        named = _roles(last)
        found[record] = {role: numbers for role, numbers in named.items() if absorbed in numbers}
    return found


def _dropped(mark: str) -> Iterator[Record]:
    """Versions that the merge superseded without one in their place, where nobody has said the same since."""
    for row in Record._base_manager.filter(reason=mark, withdrawn=True).order_by("record"):
        taken = Record._base_manager.filter(
            source=row.source_id, item=row.item, key=row.key, superseded_at__isnull=True
        ).exists()
        if not taken:
            yield row


# ── versions ────────────────────────────────────────────────────────────────────────────────────


def _naming(subject: int) -> QuerySet[Record]:
    named = RecordRole.objects.filter(version=OuterRef("pk"), subject=subject)
    return Record._base_manager.filter(Exists(named), superseded_at__isnull=True)


def _with_roles(rows: list[Record], names: Mapping[int, int]) -> Iterator[tuple[Record, Roles]]:
    """Each row with its roles, in which ``names`` says who is now called by which number."""
    for row in rows:
        roles = {
            role: tuple(dict.fromkeys(names.get(number, number) for number in numbers))
            for role, numbers in _roles(row).items()
        }
        yield row, roles


def _roles(row: Record) -> Roles:
    found: dict[str, tuple[int, ...]] = {}
    for role, number in row.roles.order_by("pk").values_list("role", "subject"):
        found[role] = (*found.get(role, ()), number)
    return found


def _draft(row: Record, roles: Roles) -> Draft:
    item: Item = current.catalogue().items[row.item]
    return Draft(
        number=row.row or 0,
        key=key_of(item, payload=row.payload, roles=roles),
        occurred_on=row.occurred_on,
        effective_from=row.effective_from,
        effective_until=row.effective_until,
        payload=row.payload,
        roles=roles,
        parent=row.parent,
    )
