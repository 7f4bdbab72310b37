"""Destroy archived records whose period of keeping is over: two persons, a list that both saw, and a stub for each.

Every version of a record goes, with its roles; a stub keeps number, item, digest of the content and reason, so that
rows of deliveries, counts and the chain of the journal still add up. The next sync of the columnar copy writes the copy
anew, since it holds rows that the database has no longer; :func:`xinlu.ledger.columnar.expunge` does so at once and
removes the files of the copy before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from django.db import transaction
from django.db.models import Count, ProtectedError

from xinlu.access.sealing import blind_index
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.insert import insert_many
from xinlu.journal.sequence import last_change, next_change
from xinlu.law.problem import LawError, Problem
from xinlu.ledger import ended
from xinlu.ledger.archive import Touched, told, touched_by
from xinlu.ledger.models import Archived, DeliveryRow, Destroyed, Destruction, Record, RecordRole, Standing
from xinlu.ledger.terms import merged, terms
from xinlu.ledger.versions import BATCH

VERB_PROPOSED: Final = "ledger.destruction.proposed"
VERB_DESTROYED: Final = "ledger.records.destroyed"
GONE: Final = "本行所指的记录已按期销毁"

_BASIS = "生命周期（docs/life-cycle.md）"
_CODES = {
    "LC-001": "请由另一人核对后执行",
    "LC-002": "请重新提出销毁，核对新的清单",
    "LC-003": "没有需要做的",
    "LC-004": "请先处理仍在使用这些记录的事项",
    "LC-005": "请写明事由",
    "LC-006": "请等到期满之后",
    "LC-007": "请由省级数据管理员或负责人办理",
    "LC-008": "请核对销毁单编号",
}


class DestructionRefused(LawError):
    """An order that cannot be made or carried out; nothing was changed."""


@transaction.atomic
def propose(*, on: date, reason: str, actor: Actor, at: datetime, item: str | None = None) -> Destruction:
    """Propose to destroy what is due on the day ``on``. Changes no record.

    Raises :class:`DestructionRefused`: LC-005 without a reason, LC-006 when ``on`` lies after the day of ``at``,
    LC-003 when nothing is due.
    """
    if not reason.strip():
        raise _refused("LC-005", "销毁要写明事由")
    if on > at.date():
        raise _refused("LC-006", f"{on.isoformat()} 还没有到")
    last_change(hold=True)
    touched = due(on=on, item=item)
    if not touched.records:
        raise _refused("LC-003", "没有到期可以销毁的记录")
    order = Destruction.objects.create(
        as_of=on,
        item=item or "",
        reason=reason.strip(),
        records=touched.records,
        digest=touched.digest,
        proposed_by=actor.key,
        proposed_at=at,
    )
    facts = {"day": on, "records": touched.records, "digest": touched.digest, "by": told(touched)}
    append(actor=actor, verb=VERB_PROPOSED, obj=f"ledger.destruction:{order.pk}", facts=facts, at=at)
    return order


@transaction.atomic
def carry_out(number: int, *, actor: Actor, at: datetime) -> Destruction:
    """Carry out an order that somebody else proposed. One that is done already is given back as it is.

    1. The list is made again; if it is not the one that was proposed (LC-002), nothing happens.
    2. A stub for each record; then roles and versions go, and what was kept of queried rows about them.
    3. One change number, and one event of the journal with the digest of the list.

    Raises :class:`DestructionRefused`: LC-001 the same person, LC-002, LC-004 when something still rests on a record.
    """
    last_change(hold=True)
    order = Destruction.objects.select_for_update().get(pk=number)
    if order.done_at is not None:
        return order
    if order.proposed_by == actor.key:
        raise _refused("LC-001", "提出销毁的人不能自己执行")
    records = _due(order.as_of, order.item or None)
    touched = touched_by(records)
    if touched.digest != order.digest:
        raise _refused("LC-002", f"提出之后清单变了：当时 {order.records} 条，现在 {touched.records} 条")
    change = next_change()
    for start in range(0, len(records), BATCH):
        _destroy(records[start : start + BATCH], order, at)
    order.done_by, order.done_at, order.change = actor.key, at, change
    order.save()
    facts = {
        "order": order.pk,
        "day": order.as_of,
        "records": touched.records,
        "digest": touched.digest,
        "by": told(touched),
        "proposed_by": order.proposed_by,
    }
    append(actor=actor, verb=VERB_DESTROYED, obj=f"ledger.change:{change}", facts=facts, at=at)
    return order


def due(*, on: date, item: str | None = None) -> Touched:
    """What an order of the day ``on`` would destroy."""
    return touched_by(_due(on, item))


def destroyed_since(change: int) -> bool:
    """Whether rows went from the database after ``change``: a copy that is complete up to it holds too much."""
    return Destruction.objects.filter(change__gt=change).exists()


def _due(on: date, item: str | None) -> list[tuple[int, str, str]]:
    """(record, item, why it was archived) of archived records whose keeping is over, with their archived children."""
    found: dict[int, tuple[int, str, str]] = {}
    chosen = (one for name, several in terms().items() if item in (None, name) for one in several)
    for term in merged(chosen, ended.alike):
        wanted = ended.kept_over(term, on)
        if wanted != ended.NOTHING:
            rows = Record._base_manager.filter(wanted, archived__isnull=False)
            columns = rows.order_by("record").values_list("record", "item", "archived__because")
            found.update((one[0], one) for one in columns.iterator(chunk_size=BATCH))
    waiting = sorted(found)
    while waiting:
        part, waiting = waiting[:BATCH], waiting[BATCH:]
        rows = Record._base_manager.filter(parent__in=part, archived__isnull=False)
        for one in rows.order_by("record").values_list("record", "item", "archived__because"):
            if one[0] not in found:
                found[one[0]] = one
                waiting.append(one[0])
    # A record that came back to life after it was archived is none of it.
    alive: set[int] = set()
    numbers = sorted(found)
    for start in range(0, len(numbers), BATCH):
        part = numbers[start : start + BATCH]
        current = Record._base_manager.filter(record__in=part, superseded_at__isnull=True)
        alive.update(current.values_list("record", flat=True))
    return [found[number] for number in numbers if number not in alive]


def _destroy(part: Sequence[tuple[int, str, str]], order: Destruction, at: datetime) -> None:
    numbers = [number for number, _, _ in part]
    versions = Record._base_manager.filter(record__in=numbers)
    many = dict(versions.order_by("record").values_list("record").annotate(number=Count("pk")))
    last = {
        one.record: one
        for one in versions.filter(archived__isnull=False).select_related("subject", "archived").order_by("recorded_at")
    }
    stubs = []
    for number in numbers:
        one = last[number]
        stubs.append(
            Destroyed(
                record=number,
                item=one.item,
                key=stub_key(one.item, one.key),
                digest=one.digest,
                versions=many[number],
                source_id=one.source_id,
                region=one.subject.region if one.subject else "",
                because=one.archived.because,
                archived_at=one.archived.archived_at,
                destroyed_at=at,
                order=order,
            )
        )
    insert_many(Destroyed, stubs)
    # What a queried row says of the record may be the record word for word.
    DeliveryRow._base_manager.filter(record__in=numbers, raw__isnull=False).update(raw=None, sentence=GONE)
    keys = list(versions.values_list("pk", flat=True))
    Archived.objects.filter(record__in=numbers).delete()
    for start in range(0, len(keys), BATCH):
        few = keys[start : start + BATCH]
        RecordRole.objects.filter(version__in=few).delete()
        Standing._base_manager.filter(version__in=few).delete()
        try:
            Record._base_manager.filter(pk__in=few).delete()
        except ProtectedError as error:
            kinds = "、".join(sorted({str(one._meta.verbose_name) for one in error.protected_objects}))
            raise _refused("LC-004", f"有记录仍被引用（{kinds}），没有销毁任何记录") from None


def known_order(number: int) -> Destruction:
    """An order by its number. Raises :class:`DestructionRefused`: LC-008."""
    found = Destruction.objects.filter(pk=number).first()
    if found is None:
        raise _refused("LC-008", f"没有销毁单 {number}")
    return found


def refuse_person(name: str) -> DestructionRefused:
    """LC-007: who is not there, or may not."""
    return _refused("LC-007", f"没有用户“{name}”，或其没有销毁记录的权限")


def stub_key(item: str, key: str) -> str:
    """The keyed digest of a business key, by which a stub is found."""
    return blind_index(f"{item}|{key}")


def _refused(code: str, sentence: str) -> DestructionRefused:
    return DestructionRefused(Problem(code=code, sentence=sentence, basis=_BASIS, next_step=_CODES[code]))
