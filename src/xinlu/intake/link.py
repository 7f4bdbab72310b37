"""Say who is meant by a queried row, say that nobody shown is, and take either back.

Nothing is linked without a person, unless identifiers are equal. What a person says is kept with who was shown, and in
the journal; the row stays in its delivery as it was judged then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from xinlu.access import masking
from xinlu.access.scope import Scope
from xinlu.intake.linked import Linking
from xinlu.intake.said import Missing, Reading, answered, read_again
from xinlu.journal.append import append
from xinlu.journal.sequence import last_change
from xinlu.law.problem import Code, Problem
from xinlu.ledger.draft import Draft
from xinlu.ledger.models import DeliveryRow, Record
from xinlu.ledger.record import Outcome, accept
from xinlu.ledger.take_back import take_back
from xinlu.registry.candidates import load
from xinlu.registry.likeness import Known

EQUAL_REASON = "标识已登记，与所报相同"
UNDONE = "linking undone"
"""Begins the reason of what a judgement that was taken back leaves in the ledger."""
OPEN = (Linking.Kind.CONFIRMED, Linking.Kind.EQUAL)


_RULES = "主体关联规则（docs/matching.md）"
CODES: dict[str, Code] = {
    one.code: one
    for one in (
        Code("MT-001", "没有填写理由", _RULES, "请写明凭什么判断，例如电话核实、与证照核对"),
        Code("MT-002", "这个位置没有等待关联的主体", _RULES, "请刷新页面，看这一行现在的状态"),
        Code("MT-003", "这个主体不能在这里", _RULES, "请核对标识；尚未登记的，先报送主体登记"),
        Code("MT-004", "关联后这一行仍有问题", "信用信息目录中该信息项的数据项定义", "请由报送单位更正后重新报送"),
        Code(
            "MT-005", "与库中的记录冲突", "交付规则（docs/deliveries.md）", "请与报送单位核对，需要更正的以新的批次报送"
        ),
        Code("MT-006", "这个判断已经撤销", _RULES, "请刷新页面，看这一行现在的状态"),
    )
}
"""What can be wrong with a judgement; docs/matching.md lists the same."""


class CannotLink(ValueError):
    """The row cannot be linked so; ``problem`` says why, on which basis, and what to do."""

    def __init__(self, code: str, sentence: str) -> None:
        known = CODES[code]
        self.problem = Problem(code=code, sentence=sentence, basis=known.basis, next_step=known.next_step)
        super().__init__(f"{code} {sentence}")


@dataclass(frozen=True)
class Linked:
    """What a confirmation did. ``outcome`` None: the row waits for another of its places."""

    linking: Linking
    outcome: Outcome | None


@transaction.atomic
def confirm(
    scope: Scope,
    row: int,
    *,
    place: str,
    subject: int,
    reason: str,
    at: datetime,
    shown: Sequence[tuple[int, int]] = (),
) -> Linked | None:
    """``subject`` is meant in ``place`` of the queried row; None when ``scope`` knows of no such row or subject.

    1. The row as it was delivered gets the registered identifiers of the subject, and its registered name of the day
       where the name is not its own.
    2. It passes all checks again. If it waits for nobody else, the ledger accepts it under its own delivery, known
       from ``at``.
    3. The judgement is kept with ``shown``, pairs of candidate and score, and stands in the journal.

    Raises :class:`CannotLink`: MT-001 no reason, MT-002 nobody is missing there, MT-003 the subject cannot stand
    there, MT-004 the row has other faults, MT-005 the ledger has something else or later.
    """
    found = _begin(scope, row, place, reason)
    if found is None:
        return None
    reading, missing = found
    known = load(scope, [subject]).get(subject)
    if known is None:
        return None
    if known.kind not in missing.role.kinds or not known.codes:
        raise CannotLink("MT-003", "该主体的类别与这个角色不符，或没有登记可用的标识。")
    answers = {**_answers(scope, reading), place: known}
    after = answered(reading, answers)
    if place in {one.place for one in after.missing}:
        raise CannotLink("MT-004", f"关联后仍有问题：{_sentences(after)}")
    outcome = _take(after, at) if not after.missing else None
    linking = _keep(
        scope,
        reading.row,
        missing,
        Linking.Kind.CONFIRMED,
        reason=reason,
        at=at,
        subject=known.number,
        outcome=outcome,
        shown=shown,
    )
    return Linked(linking, outcome)


@transaction.atomic
def refuse(
    scope: Scope, row: int, *, place: str, reason: str, at: datetime, shown: Sequence[tuple[int, int]] = ()
) -> Linking | None:
    """None of those ``shown`` is meant in ``place``: the row goes back to its sender as it is.

    None when ``scope`` knows of no such row. Raises :class:`CannotLink` as :func:`confirm` does.
    """
    found = _begin(scope, row, place, reason)
    if found is None:
        return None
    reading, missing = found
    return _keep(scope, reading.row, missing, Linking.Kind.NONE, reason=reason, at=at, shown=shown)


@transaction.atomic
def undo(scope: Scope, linking: int, *, reason: str, at: datetime) -> Linking | None:
    """Take a judgement back; None when ``scope`` knows of no such judgement.

    What the row became is taken back with it: the version before holds again, or the record is withdrawn. What a
    later delivery said of the record stays. Raises :class:`CannotLink`: MT-001 no reason, MT-006 undone already.
    """
    if not reason.strip():
        raise CannotLink("MT-001", "请填写理由。")
    last_change(hold=True)
    held = Linking.objects.filter(pk=linking).exclude(kind=Linking.Kind.UNDONE).select_related("row").first()
    if held is None or not DeliveryRow.objects.within(scope).filter(pk=held.row_id).exists():
        return None
    if Linking.objects.filter(undoes=held).exists():
        raise CannotLink("MT-006", "这个判断已经撤销过了。")
    for one in [held, *_resting_on(held)]:
        if one.version is not None:
            take_back(one.version, reason=f"{UNDONE} {held.pk}", actor=scope.actor, at=at)
    if held.kind in OPEN:
        DeliveryRow._base_manager.filter(pk=held.row_id).update(record=None)
    done = Linking.objects.create(
        row=held.row,
        place=held.place,
        kind=Linking.Kind.UNDONE,
        undoes=held,
        reason=masking.within(reason.strip())[:400],
        by=scope.actor.key,
        organ=scope.actor.organ,
        at=at,
    )
    _note(done, "intake.linking.undone", scope, at)
    return done


@transaction.atomic
def take_equal(scope: Scope, rows: Sequence[int], *, at: datetime) -> int:
    """Take in those of the queried ``rows`` whose identifiers have been registered since; gives how many.

    Equal identifiers decide, so nobody is asked. A row with any other fault is left as it is.
    """
    last_change(hold=True)
    taken = 0
    for row in _waiting(scope).filter(pk__in=list(rows)).order_by("pk"):
        reading = read_again(row)
        if reading is None or reading.missing or reading.others or reading.parsed.draft is None:
            continue
        if _open(row):
            continue
        try:
            outcome = _take(reading, at)
        except CannotLink:
            continue
        main = reading.item.roles[0].name
        subject = next(iter(reading.parsed.roles.get(main) or (n for s in reading.parsed.roles.values() for n in s)))
        done = Linking.objects.create(
            row=row,
            place=f"{main}:",
            kind=Linking.Kind.EQUAL,
            subject_id=subject,
            record=outcome.record,
            version=_version(outcome),
            reason=EQUAL_REASON,
            by=scope.actor.key,
            organ=scope.actor.organ,
            at=at,
        )
        _arrived(row, outcome)
        _note(done, "intake.row.linked", scope, at)
        taken += 1
    return taken


# ── steps ───────────────────────────────────────────────────────────────────────────────────────


def _waiting(scope: Scope) -> QuerySet[DeliveryRow]:
    rows = DeliveryRow.objects.within(scope).filter(
        outcome=DeliveryRow.Outcome.QUERIED, delivery__taken_back__isnull=True
    )
    return rows.select_related("delivery__source")


def _begin(scope: Scope, row: int, place: str, reason: str) -> tuple[Reading, Missing] | None:
    if not reason.strip():
        raise CannotLink("MT-001", "请填写理由。")
    # What is read from here on is what will be there when it is written.
    last_change(hold=True)
    held = _waiting(scope).filter(pk=row).first()
    reading = read_again(held) if held is not None else None
    if reading is None:
        return None
    missing = next((one for one in reading.missing if one.place == place), None)
    if missing is None or any(one.place == place for one in _open(reading.row)):
        raise CannotLink("MT-002", "这一行的这个位置没有等待关联的主体，可能已被处理。")
    return reading, missing


def _open(row: DeliveryRow) -> list[Linking]:
    """The judgements on a row that hold, those that nobody is meant included."""
    rows = Linking.objects.filter(row=row, undone_by__isnull=True).exclude(kind=Linking.Kind.UNDONE)
    return list(rows)


def _answers(scope: Scope, reading: Reading) -> dict[str, Known]:
    held = {one.place: one.subject_id for one in _open(reading.row) if one.subject_id is not None}
    known = load(Scope.system("linking the places of a row"), sorted(set(held.values()))) if held else {}
    del scope
    return {place: known[number] for place, number in held.items() if number in known}


def _take(reading: Reading, at: datetime) -> Outcome:
    """Let the ledger accept the row under its own delivery."""
    parsed, delivery = reading.parsed, reading.row.delivery
    if parsed.faults or parsed.draft is None:
        raise CannotLink("MT-004", f"关联后仍有问题：{_sentences(reading)}")
    if _came_later(reading, parsed.draft):
        raise CannotLink("MT-005", "库中已有在本批次之后收到的版本，不能用较早的一行覆盖。")
    (outcome,) = accept(delivery, reading.item, [parsed.draft], at=at)
    if outcome.outcome == "queried":
        raise CannotLink("MT-005", f"{outcome.sentence}")
    return outcome


def _came_later(reading: Reading, draft: Draft) -> bool:
    """Whether the ledger heard of the record after the row was received: other content, or its withdrawal.

    What judgements on rows wrote and took back is not news of a source.
    """
    row, since = reading.row, reading.row.delivery.received_at
    versions = Record._base_manager.filter(item=reading.item.item, key=draft.key).exclude(
        Q(delivery=row.delivery_id, row=row.number) | Q(reason__startswith=UNDONE)
    )
    later = versions.filter(recorded_at__gte=since).exclude(digest=draft.digest)
    return later.exists() or versions.filter(withdrawn=True, superseded_at__gt=since).exists()


def _sentences(reading: Reading) -> str:
    said = dict.fromkeys(one.sentence for one in reading.parsed.faults)
    return masking.within("；".join(said)) or "该行读不出来"


def _keep(
    scope: Scope,
    row: DeliveryRow,
    missing: Missing,
    kind: Linking.Kind,
    *,
    reason: str,
    at: datetime,
    subject: int | None = None,
    outcome: Outcome | None = None,
    shown: Sequence[tuple[int, int]] = (),
) -> Linking:
    done = Linking.objects.create(
        row=row,
        place=missing.place,
        kind=kind,
        subject_id=subject,
        record=outcome.record if outcome else None,
        version=_version(outcome) if outcome else None,
        said=missing.digest,
        shown=[list(pair) for pair in shown],
        reason=masking.within(reason.strip())[:400],
        by=scope.actor.key,
        organ=scope.actor.organ,
        at=at,
    )
    if outcome is not None:
        _arrived(row, outcome)
    _note(done, "intake.row.linked" if subject is not None else "intake.row.not_linked", scope, at)
    return done


def _version(outcome: Outcome) -> int | None:
    """The version that an accepted row became; None for a duplicate or a withdrawal."""
    if outcome.outcome != "accepted" or outcome.record is None:
        return None
    rows = Record._base_manager.filter(record=outcome.record, superseded_at__isnull=True)
    return rows.values_list("pk", flat=True).first()


def _arrived(row: DeliveryRow, outcome: Outcome) -> None:
    """The row leads to its record from now on; what was said of it at its delivery stays said."""
    DeliveryRow._base_manager.filter(pk=row.pk).update(record=outcome.record)


def _resting_on(held: Linking) -> list[Linking]:
    """Later judgements on the same row that took it in with this one among their answers."""
    if held.kind not in OPEN:
        return []
    return [one for one in _open(held.row) if one.pk != held.pk and one.version is not None]


def _note(done: Linking, verb: str, scope: Scope, at: datetime) -> None:
    facts: Mapping[str, object] = {
        "row": done.row_id,
        "delivery": done.row.delivery_id,
        "place": done.place.partition(":")[0],
        "kind": done.kind,
        "subject": done.subject_id,
        "record": done.record,
        "undoes": done.undoes_id,
        "shown": done.shown,
        "reason": done.reason,
    }
    append(actor=scope.actor, verb=verb, obj=f"intake.linking:{done.pk}", facts=facts, at=at)
