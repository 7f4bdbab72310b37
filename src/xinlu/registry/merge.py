"""Merge two entries that are one subject, and split them again when that was wrong.

Nothing is moved: what was said of the absorbed entry is superseded and said of the kept one. Records are re-pointed
by the ledger, which learns of the merge from the journal.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.sequence import next_change
from xinlu.registry.models import Identifier, Relation, Subject, SubjectMerge, SubjectPeriod

VERB_MERGED = "registry.subject.merged"
VERB_SPLIT = "registry.subject.split"


class CannotMerge(ValueError):
    """The two entries cannot be one subject."""


@transaction.atomic
def merge(*, kept: int, absorbed: int, reason: str, actor: Actor, at: datetime) -> SubjectMerge:
    """From now on ``absorbed`` is read as ``kept``.

    1. Identifiers of ``absorbed`` become identifiers of ``kept``.
    2. Periods of ``absorbed`` are superseded: it is no unit of its own any more.
    3. Relations of ``absorbed`` are stated of ``kept``, unless it stands in the same one already.
    """
    pair = {one.pk: one for one in Subject._base_manager.select_for_update().filter(pk__in=[kept, absorbed])}
    _refuse(pair, kept, absorbed, reason)
    change = next_change()
    done = SubjectMerge.objects.create(kept_id=kept, absorbed_id=absorbed, reason=reason, recorded_at=at, change=change)
    _restate_identifiers(Q(subject=absorbed), kept, at=at, change=change)
    SubjectPeriod.objects.filter(subject=absorbed, superseded_at__isnull=True).update(superseded_at=at, change=change)
    _restate_relations(absorbed, kept, at=at, change=change)
    Subject._base_manager.filter(pk=absorbed).update(merged_into=kept, change=change)
    _note(done, VERB_MERGED, actor, at)
    return done


@transaction.atomic
def split(done: SubjectMerge, *, reason: str, actor: Actor, at: datetime) -> SubjectMerge:
    """Undo a merge: what it superseded is said again of the entry it was said of before."""
    held = SubjectMerge.objects.select_for_update().get(pk=done.pk)
    if held.undone_at is not None:
        return held
    change = next_change()
    gone = {"superseded_at": held.recorded_at, "change": held.change}
    for identifier in Identifier.objects.filter(subject=held.absorbed_id, **gone):
        Identifier.objects.filter(
            subject=held.kept_id, type=identifier.type, lookup=identifier.lookup, superseded_at__isnull=True
        ).update(superseded_at=at, change=change)
        _again(identifier, at=at, change=change)
    for period in SubjectPeriod.objects.filter(subject=held.absorbed_id, **gone):
        _again(period, at=at, change=change)
    Relation.objects.filter(change=held.change, superseded_at__isnull=True).update(superseded_at=at, change=change)
    ends = Q(from_subject=held.absorbed_id) | Q(to_subject=held.absorbed_id)
    for relation in Relation.objects.filter(ends, **gone):
        _again(relation, at=at, change=change)
    Subject._base_manager.filter(pk=held.absorbed_id).update(merged_into=None, change=change)
    held.undone_at, held.undone_change = at, change
    held.save()
    _note(held, VERB_SPLIT, actor, at, reason=reason)
    return held


def _refuse(pair: dict[int, Subject], kept: int, absorbed: int, reason: str) -> None:
    if len(pair) != 2 or not reason.strip():
        raise CannotMerge("RG-002：合并需要两个不同的现有主体和合并理由。")
    if pair[kept].kind != pair[absorbed].kind:
        raise CannotMerge("RG-003：两个主体类别不同，不能合并。")
    if pair[kept].merged_into_id is not None or pair[absorbed].merged_into_id is not None:
        raise CannotMerge("RG-004：其中一个主体已并入他处，请先查看其合并记录。")


def _restate_identifiers(rows: Q, number: int, *, at: datetime, change: int) -> None:
    current = Identifier.objects.filter(rows, superseded_at__isnull=True)
    held = list(current)
    current.update(superseded_at=at, change=change)
    for row in held:
        row.subject_id = number
        _again(row, at=at, change=change)


def _restate_relations(absorbed: int, kept: int, *, at: datetime, change: int) -> None:
    ends = Q(from_subject=absorbed) | Q(to_subject=absorbed)
    held = list(Relation.objects.filter(ends, superseded_at__isnull=True))
    Relation.objects.filter(pk__in=[row.pk for row in held]).update(superseded_at=at, change=change)
    for row in held:
        row.from_subject_id = kept if row.from_subject_id == absorbed else row.from_subject_id
        row.to_subject_id = kept if row.to_subject_id == absorbed else row.to_subject_id
        same = Relation.objects.filter(
            relation=row.relation,
            from_subject=row.from_subject_id,
            to_subject=row.to_subject_id,
            valid_from=row.valid_from,
            superseded_at__isnull=True,
        )
        if row.from_subject_id != row.to_subject_id and not same.exists():
            _again(row, at=at, change=change)


def _again(row: Identifier | SubjectPeriod | Relation, *, at: datetime, change: int) -> None:
    """Say again what ``row`` says, as known from ``at``."""
    row.pk = None
    row._state.adding = True
    row.recorded_at, row.superseded_at, row.change = at, None, change
    row.save(force_insert=True)


def _note(done: SubjectMerge, verb: str, actor: Actor, at: datetime, **more: str) -> None:
    facts = {"kept": done.kept_id, "absorbed": done.absorbed_id, "reason": done.reason, **more}
    append(actor=actor, verb=verb, obj=f"registry.merge:{done.pk}", facts=facts, at=at)
