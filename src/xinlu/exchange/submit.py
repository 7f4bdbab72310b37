"""Submit: put what is to be told into one file for the provincial platform; tell something again when a person asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.exchange.outgoing import content_digest
from xinlu.exchange.publicity import Standings, rule_on
from xinlu.exchange.publicity_models import Submission, SubmissionEvent, SubmissionRow
from xinlu.exchange.publicity_problems import NotReported
from xinlu.intake.deliver import CHINA
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.journal.insert import insert_many
from xinlu.journal.sequence import last_change
from xinlu.law.reporting import Reporting, Table
from xinlu.ledger.models import Record

MOST = 5000
"""Rows of one file."""


def may_report(person: Person) -> bool:
    """Whether a person may make files for the platform and read its receipts: data stewards of the province."""
    return (
        person.is_active
        and person.role == Person.Role.STEWARD
        and person.organ is not None
        and person.organ.everywhere
        and person.organ.supervises
        and Scope.of(person).sees_level("L3")
    )


def rule_and_table(item: str, at: datetime) -> tuple[Reporting, Table]:
    """The rule that holds at ``at`` and its sheet of ``item``.

    Raises:
        NotReported: DP-001.
    """
    rule = rule_on(at.astimezone(CHINA).date())
    table = rule.table(item) if rule else None
    if rule is None or table is None:
        raise NotReported("DP-001", f"没有对“{item}”生效的双公示报送规定")
    return rule, table


@transaction.atomic
def submit(item: str, *, actor: Actor, at: datetime, most: int = MOST) -> Submission | None:
    """Make one file of what is to be told of ``item``: withdrawals first, then by day of decision; None: nothing is.

    Whoever else does the same at the same time waits, and finds nothing left to tell.

    Raises:
        NotReported: DP-001, no rule holds.
    """
    # What is read from here on is what will be there when it is written.
    last_change(hold=True)
    rule, table = rule_and_table(item, at)
    operations = _pending(table, at, rule, most)
    if not operations:
        return None
    before = SubmissionRow.objects.filter(version__in=[one.pk for one, _ in operations])
    attempts = Counter(before.values_list("version", "operation"))
    made = Submission(
        item=item, rule=rule.version, digest=content_digest(operations, table, rule), made_at=at, made_by=actor.key
    )
    made.save()
    insert_many(
        SubmissionRow,
        [
            SubmissionRow(
                submission=made,
                number=number,
                record=one.record,
                version=one,
                operation=operation,
                attempt=attempts[one.pk, operation],
            )
            for number, (one, operation) in enumerate(operations, 1)
        ],
    )
    append(
        actor=actor,
        verb="exchange.publicity.submitted",
        obj=f"exchange.submission:{made.pk}",
        facts={"item": item, "rows": len(operations), "digest": made.digest},
        at=at,
    )
    return made


def _pending(table: Table, at: datetime, rule: Reporting, most: int) -> list[tuple[Record, str]]:
    """Versions to tell with their operations: withdrawals, corrections, new ones."""
    rows = Standings(Scope.system("double publicity"), table, "pending", at.astimezone(CHINA).date(), rule)
    order = list(SubmissionRow.Operation.values)
    # What was told before stands first, and there is never much of it.
    found = [(one.version, one.operation) for one in rows.cut(0, rows.told_before() + most)]
    found.sort(key=lambda pair: -order.index(pair[1]))
    return found[:most]


@transaction.atomic
def send_again(records: Sequence[int], *, reason: str, actor: Actor, at: datetime) -> int:
    """Make what was told last of these records be told again: the file never arrived, the platform was wrong.

    Raises:
        NotReported: DP-006 no reason, DP-005 one of them is neither without answer nor sent back.
    """
    if not reason.strip():
        raise NotReported("DP-006", "没有写明为什么再报")
    last_change(hold=True)
    for record in sorted(set(records)):
        row = SubmissionRow.objects.filter(record=record).order_by("-pk").first()
        last = row.events.order_by("-number").first() if row is not None else None
        if row is None or (last is not None and last.kind != SubmissionEvent.Kind.RETURNED):
            raise NotReported("DP-005", f"记录 {record} 现在不是已报未回执，也不是退回")
        SubmissionEvent(
            row=row,
            number=last.number + 1 if last else 1,
            kind=SubmissionEvent.Kind.AGAIN,
            at=at,
            by=actor.key,
            sentence=reason.strip()[:600],
        ).save()
    append(
        actor=actor,
        verb="exchange.publicity.asked-again",
        obj="exchange.publicity:rows",
        facts={"records": sorted(set(records)), "reason": reason.strip()[:200]},
        at=at,
    )
    return len(set(records))
