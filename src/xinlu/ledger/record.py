"""Accept the rows of a delivery as records: new, a new version, a withdrawal, a duplicate, or queried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.db import transaction
from django.db.models import QuerySet

from xinlu.journal.sequence import next_change
from xinlu.law.catalogue import Item
from xinlu.ledger.destroy import stub_key
from xinlu.ledger.draft import Draft
from xinlu.ledger.models import Delivery, Destroyed, Record
from xinlu.ledger.versions import BATCH, Version, supersede, write

Kind = Literal["accepted", "queried", "duplicate"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of row ``number``. A queried row says why; ``raw`` is the row as it was delivered."""

    number: int
    outcome: Kind
    record: int | None = None
    code: str = ""
    sentence: str = ""
    field: str = ""
    raw: Mapping[str, Any] | None = None
    columns: tuple[str, ...] = ()
    """Of a queried row, every column that is wrong; ``field`` is the first."""


@dataclass
class _Known:
    """All versions under one business key, oldest first, and what this delivery has done to them so far."""

    versions: list[Record] = field(default_factory=list)

    @property
    def current(self) -> Record | None:
        return next((v for v in self.versions if v.superseded_at is None), None)

    def last_of(self, source: int) -> Record | None:
        return next((v for v in reversed(self.versions) if v.source_id == source), None)


@transaction.atomic
def accept(delivery: Delivery, item: Item, drafts: Sequence[Draft], *, at: datetime) -> list[Outcome]:
    """Accept ``drafts`` of one item; gives one outcome for each, in order.

    For each row, by business key:

    1. The same key twice in this delivery: duplicate if the content agrees, else queried (LD-001).
    2. The very same file was handed over before: what it said is known, duplicate. So a file that is sent again
       brings nothing back that was corrected or withdrawn since.
    3. Nothing current: a new record, or a new version of a record of this source that had been withdrawn.
    4. Current with the same content: duplicate. From another source with other content: queried (LD-002).
    5. Current of this source with other content: a new version supersedes it.
    6. A row that withdraws: the current version is superseded and nothing follows; queried (LD-003) if the source
       never had such a record, duplicate if it is withdrawn already.

    A row whose effective period ends before it starts is queried (LD-004). One whose record was archived or destroyed
    brings nothing back: duplicate with the same content, else queried (LD-005).

    ``at`` (aware) becomes ``recorded_at``; it must lie after that of every version superseded.
    """
    known = _known(item, [draft.key for draft in drafts])
    gone = _destroyed(item, [draft.key for draft in drafts if draft.key not in known])
    repeated = is_repeat(delivery)
    first: dict[str, int] = {}
    outcomes: dict[int, Outcome] = {}
    writes: list[tuple[int, Version]] = []
    withdrawals: list[Record] = []
    for place, draft in enumerate(drafts):
        if draft.key in first:
            outcomes[place] = _twice(draft, drafts[first[draft.key]])
            continue
        first[draft.key] = place
        if draft.key in gone:
            outcomes[place] = _gone(draft, *gone[draft.key])
            continue
        judged = _judge(delivery, draft, known[draft.key], repeated=repeated)
        match judged:
            case Outcome():
                outcomes[place] = judged
            case Version():
                writes.append((place, judged))
            case Record():
                withdrawals.append(judged)
                outcomes[place] = Outcome(draft.number, "accepted", judged.record)
    _withdraw_and_write(delivery, item, writes, withdrawals, outcomes, at=at)
    return [_linked(outcomes[n], outcomes[first[one.key]]) for n, one in enumerate(drafts)]


def is_repeat(delivery: Delivery) -> bool:
    """Whether the same source handed over the same bytes before, and that delivery was closed."""
    return said_before(delivery.source_id, delivery.digest).exclude(pk=delivery.pk).exists()


def said_before(source: int, digest: str) -> QuerySet[Delivery]:
    """Deliveries of ``source`` with these very bytes that still count: closed, and not taken back."""
    closed = Delivery._base_manager.filter(source=source, digest=digest, closed_at__isnull=False)
    return closed.filter(taken_back__isnull=True)


def _known(item: Item, keys: Sequence[str]) -> defaultdict[str, _Known]:
    found: defaultdict[str, _Known] = defaultdict(_Known)
    distinct = list(dict.fromkeys(keys))
    for start in range(0, len(distinct), BATCH):
        rows = (
            Record._base_manager.filter(item=item.item, key__in=distinct[start : start + BATCH])
            .defer("payload")
            .order_by("recorded_at", "pk")
        )
        for row in rows:
            found[row.key].versions.append(row)
    return found


def _destroyed(item: Item, unknown: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Business key → number and digest of records that were destroyed."""
    if not Destroyed._base_manager.filter(item=item.item).exists():
        return {}
    keys = {stub_key(item.item, key): key for key in unknown}
    found: dict[str, tuple[int, str]] = {}
    listed = list(keys)
    for start in range(0, len(listed), BATCH):
        stubs = Destroyed._base_manager.filter(item=item.item, key__in=listed[start : start + BATCH])
        found.update(
            (keys[key], (number, digest)) for key, number, digest in stubs.values_list("key", "record", "digest")
        )
    return found


def _gone(draft: Draft, record: int, digest: str) -> Outcome:
    """A row about a record that is in the archive, or destroyed."""
    if draft.withdraws or draft.digest == digest:
        return Outcome(draft.number, "duplicate", record)
    return Outcome(
        draft.number,
        "queried",
        record,
        code="LD-005",
        sentence="同一业务主键的记录已期满归档或销毁，不再收入新的内容。确有差错的，请书面说明。",
    )


def _judge(delivery: Delivery, draft: Draft, known: _Known, *, repeated: bool) -> Outcome | Version | Record:
    """An outcome, a version to write, or the version to withdraw."""
    if draft.effective_until is not None and draft.effective_until < draft.effective_from:
        return Outcome(
            draft.number,
            "queried",
            code="LD-004",
            sentence="有效期止早于有效期起。请核对两个日期后重新报送。",
        )
    last = known.last_of(delivery.source_id)
    if repeated and last is not None and _said_before(draft, known):
        return Outcome(draft.number, "duplicate", last.record)
    current = known.current
    if current is None:
        return _without_current(draft, last)
    if current.source_id != delivery.source_id:
        return _from_another_source(draft, current)
    if draft.withdraws:
        return current
    if current.digest == draft.digest:
        return Outcome(draft.number, "duplicate", current.record)
    if current.delivery_id == delivery.pk:
        return _contradicts(draft.number)
    return Version(draft, current.record, (current.pk, current.recorded_at), "correction")


def _said_before(draft: Draft, known: _Known) -> bool:
    if draft.withdraws:
        return any(version.withdrawn for version in known.versions)
    return any(version.digest == draft.digest for version in known.versions)


def _without_current(draft: Draft, last: Record | None) -> Outcome | Version:
    if last is not None and not last.withdrawn:
        # Nothing but a deed ends a record without a version after it and without a withdrawal.
        return _gone(draft, last.record, last.digest)
    if not draft.withdraws:
        return Version(draft, last.record if last else None)
    if last is not None:
        return Outcome(draft.number, "duplicate", last.record)
    return Outcome(
        draft.number,
        "queried",
        code="LD-003",
        sentence="要撤回的记录不存在：本数据源从未报送过同一业务主键的记录。请核对主键后重新报送。",
    )


def _from_another_source(draft: Draft, current: Record) -> Outcome:
    if current.digest == draft.digest and not draft.withdraws:
        return Outcome(draft.number, "duplicate", current.record)
    return Outcome(
        draft.number,
        "queried",
        current.record,
        code="LD-002",
        sentence="另一数据源已报送同一业务主键的记录，且内容不一致。请与该数据源核对，由原报送方更正或撤回。",
    )


def _twice(draft: Draft, before: Draft) -> Outcome:
    if draft.digest == before.digest and draft.withdraws == before.withdraws:
        return Outcome(draft.number, "duplicate")
    return _contradicts(draft.number)


def _contradicts(number: int) -> Outcome:
    return Outcome(
        number,
        "queried",
        code="LD-001",
        sentence="同一批次中另有一行业务主键相同而内容不同，无法确定以哪一行为准。请保留一行后重新报送。",
    )


def _withdraw_and_write(
    delivery: Delivery,
    item: Item,
    writes: Sequence[tuple[int, Version]],
    withdrawals: Sequence[Record],
    outcomes: dict[int, Outcome],
    *,
    at: datetime,
) -> None:
    if not writes and not withdrawals:
        return
    change = next_change()
    gone = [(row.pk, row.recorded_at) for row in withdrawals]
    supersede(gone, at=at, change=change, withdrawn=True, reason="withdrawn by source")
    numbers = write(
        item,
        [version for _, version in writes],
        source=delivery.source_id,
        delivery=delivery.pk,
        at=at,
        change=change,
    )
    for (place, version), number in zip(writes, numbers, strict=True):
        outcomes[place] = Outcome(version.draft.number, "accepted", number)


def _linked(outcome: Outcome, first: Outcome) -> Outcome:
    """A duplicate inside the delivery names the record of the row that it repeats."""
    if outcome.outcome != "duplicate" or outcome.record is not None:
        return outcome
    return Outcome(outcome.number, "duplicate", first.record)
