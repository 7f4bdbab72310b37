"""What may be asked of 双公示 going out: how each decision stands with the provincial platform.

The state of a record is computed from what the ledger holds now and the last thing that was told:

| the ledger | last told, and the answer | state |
| --- | --- | --- |
| holds it | nothing | 待报, to report |
| holds the version told | no answer | 已报 |
| holds the version told | accepted | 成功 |
| holds the version told | sent back | 退回: correct it, or ask to tell it again |
| holds another version | no answer | 已报: the correction waits for the answer |
| holds another version | answered | 待报, to correct; to report, where the platform holds nothing |
| holds it no more | told, sent back, and the platform holds nothing | 撤销 |
| holds it no more | told otherwise, answered or not | 待报, to withdraw |
| holds it no more | withdrawal, no answer | 已报 |
| holds it no more | withdrawal, accepted | 撤销 |
| holds it no more | withdrawal, sent back | 退回 |

A person who asks to tell something again makes it 待报. Decisions by summary procedure are left out, also when that is
said later: what was told of one is withdrawn. So are decisions of before ``XINLU_REPORT_FROM``, and of sources of
organs outside the authority, who report their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Literal

from django.conf import settings
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)

from xinlu.access.models import Organ
from xinlu.access.scope import Scope
from xinlu.exchange.models import of_sources
from xinlu.exchange.publicity_models import Submission, SubmissionEvent, SubmissionRow
from xinlu.gazette import current
from xinlu.intake.deliver import CHINA
from xinlu.law.calendar import WorkingCalendar
from xinlu.law.problem import LawError
from xinlu.law.reporting import Deadline, Reporting, Table, in_force, rules_under
from xinlu.ledger.models import Record
from xinlu.registry import queries as registry

State = Literal["pending", "sent", "returned", "done", "withdrawn"]
STATES: Mapping[str, str] = {
    "pending": "待报",
    "sent": "已报",
    "returned": "退回",
    "done": "成功",
    "withdrawn": "撤销",
}
Lamp = Literal["overdue", "soon", "open", "unknown", "timely", "late", "none"]
_OUTSIDE = (Organ.Kind.EXTERNAL, Organ.Kind.PARTNER)
_OP, _KIND = SubmissionRow.Operation, SubmissionEvent.Kind
LOOK_BACK = 60
"""Days in which seven working days surely lie."""


def rule_on(day: date) -> Reporting | None:
    """The reporting rule that holds on ``day``, of the law in use."""
    return in_force(rules_under(current.library().root), on=day)


# ── records with their states ───────────────────────────────────────────────────────────────────


def standing(scope: Scope, table: Table) -> QuerySet[Any]:
    """One row for each record that is to be told or was told, with ``state``, ``operation``, ``told``, ``answer``.

    ``operation`` is what is to be done next (of 待报) or was told last; ``told`` the number of the last row told,
    ``answer`` its last event. A record is shown by its current version, else by the last one.
    """
    later = Record._base_manager.filter(record=OuterRef("record"), recorded_at__gt=OuterRef("recorded_at"))
    last = Q(superseded_at__isnull=True) | (Q(withdrawn=True) & ~Exists(later))
    rows = _annotated(_seen(scope, table).filter(last), table)
    concerned = Q(superseded_at__isnull=True, left_out=False, outside=False) | Q(told__isnull=False)
    found: QuerySet[Any] = rows.filter(concerned).annotate(
        held=Case(When(held_operation__in=[_OP.REPORT, _OP.CORRECT], then=Value(1)), default=Value(0)),
        present=Case(When(superseded_at__isnull=True, left_out=False, then=Value(1)), default=Value(0)),
    )
    told: QuerySet[Any] = found.annotate(state=_state(), operation=_operation())
    return told.select_related("subject", "source__organ")


def _seen(scope: Scope, table: Table) -> QuerySet[Record]:
    rows = Record._base_manager.filter(item=table.item)
    return rows if scope.kind == "system" else rows.filter(of_sources(scope, "source__"))


def _annotated(rows: QuerySet[Record], table: Table) -> QuerySet[Record]:
    last = SubmissionRow.objects.filter(record=OuterRef("record")).order_by("-pk")
    rows = rows.annotate(
        told=Subquery(last.values("pk")[:1]),
        told_version=Subquery(last.values("version")[:1]),
        told_operation=Subquery(last.values("operation")[:1]),
    )
    answers = SubmissionEvent.objects.filter(row=OuterRef("told")).order_by("-number")
    accepted = SubmissionEvent.objects.filter(row__record=OuterRef("record"), kind=_KIND.ACCEPTED)
    return rows.annotate(
        answer=Subquery(answers.values("kind")[:1]),
        held_operation=Subquery(accepted.order_by("-row", "-number").values("row__operation")[:1]),
        left_out=_left_out(table),
        outside=_outside(),
    )


def _left_out(table: Table) -> Any:
    flag = table.summary_flag
    if flag is None:
        return Value(False, output_field=BooleanField())
    said = Record._base_manager.filter(
        item=flag.item,
        parent=OuterRef("record"),
        superseded_at__isnull=True,
        **{f"payload__{flag.field}": "true"},
    )
    return Exists(said)


def _outside() -> Any:
    """Told elsewhere, unless it was told here before."""
    found = Q(source__organ__kind__in=_OUTSIDE)
    if settings.REPORT_FROM is not None:
        found |= Q(occurred_on__lt=settings.REPORT_FROM)
    return Case(When(found, then=Value(True)), default=Value(False))


def _state() -> Case:
    here, gone = Q(present=1), Q(present=0)
    same = Q(told_version=F("pk"))
    withdrawal = Q(told_operation=_OP.WITHDRAW)
    no_answer, accepted, returned = Q(answer__isnull=True), Q(answer=_KIND.ACCEPTED), Q(answer=_KIND.RETURNED)
    return Case(
        When(Q(told__isnull=True) | Q(answer=_KIND.AGAIN) & (here | Q(held=1) | withdrawal), then=Value("pending")),
        When(gone & Q(answer=_KIND.AGAIN), then=Value("withdrawn")),
        When(gone & withdrawal & no_answer, then=Value("sent")),
        When(gone & withdrawal & accepted, then=Value("withdrawn")),
        When(gone & withdrawal & returned & Q(held=1), then=Value("returned")),
        When(gone & withdrawal, then=Value("withdrawn")),
        When(gone & returned & Q(held=0), then=Value("withdrawn")),
        When(gone, then=Value("pending")),
        When(here & no_answer, then=Value("sent")),
        When(here & withdrawal, then=Value("pending")),
        When(here & same & accepted, then=Value("done")),
        When(here & same & returned, then=Value("returned")),
        default=Value("pending"),
        output_field=CharField(),
    )


def _operation() -> Case:
    pending = Q(state="pending")
    return Case(
        When(pending & Q(present=0), then=Value(_OP.WITHDRAW.value)),
        When(pending & Q(held=1), then=Value(_OP.CORRECT.value)),
        When(pending, then=Value(_OP.REPORT.value)),
        default=F("told_operation"),
        output_field=CharField(),
    )


# ── counts, lists, files ────────────────────────────────────────────────────────────────────────


def counts(scope: Scope, table: Table) -> dict[str, int]:
    """State → number of records."""
    rows = standing(scope, table).order_by().values("state").annotate(number=Count("pk"))
    found = {one["state"]: one["number"] for one in rows}
    return {state: found.get(state, 0) for state in STATES}


def overdue(scope: Scope, table: Table, *, on: date, rule: Reporting) -> dict[str, int]:
    """Of the records still to be reported: how many are ``overdue`` on a day, and how many will be ``soon``."""
    rows = standing(scope, table).filter(state="pending", operation=_OP.REPORT.value)
    late, soon = bounds(on, rule)
    found = {"overdue": 0, "soon": 0}
    if late is not None:
        found["overdue"] = rows.filter(occurred_on__lte=late).count()
    if soon is not None:
        found["soon"] = rows.filter(occurred_on__lte=soon).count() - found["overdue"]
    return found


@dataclass(frozen=True)
class Standing:
    """One record and how it stands with the platform."""

    version: Record
    state: str
    operation: str
    name: str
    """Of the party, as the scope may read it."""
    decision_no: str
    due: date | None
    """Last day for the report; None where the calendar does not reach."""
    lamp: Lamp
    row: SubmissionRow | None
    answer: SubmissionEvent | None


def standings(scope: Scope, rows: Iterable[Record], *, on: date, rule: Reporting) -> list[Standing]:
    """What a page shows of rows of :func:`standing`."""
    listed: list[Any] = list(rows)
    told = SubmissionRow.objects.filter(record__in=[one.record for one in listed]).select_related("submission")
    last = {one.record: one for one in told.order_by("pk")}
    first = {one.record: one for one in told.order_by("-pk")}
    events = SubmissionEvent.objects.filter(row__in=[one.pk for one in last.values()]).order_by("row", "number")
    answers = {one.row_id: one for one in events}
    return [_standing(scope, one, last.get(one.record), first.get(one.record), answers, on, rule) for one in listed]


def _standing(
    scope: Scope,
    one: Any,
    row: SubmissionRow | None,
    first: SubmissionRow | None,
    answers: Mapping[int, SubmissionEvent],
    on: date,
    rule: Reporting,
) -> Standing:
    due = due_on(one.occurred_on, rule)
    return Standing(
        version=one,
        state=one.state,
        operation=one.operation,
        name=registry.shown_name(scope, one.subject) if one.subject else "",
        decision_no=str(one.payload.get("decision_no", "")),
        due=due,
        lamp=_lamp(one.state, one.operation, first, due, on, rule),
        row=row,
        answer=answers.get(row.pk) if row is not None else None,
    )


def _lamp(state: str, operation: str, first: SubmissionRow | None, due: date | None, on: date, rule: Reporting) -> Lamp:
    if first is not None:
        if due is None:
            return "unknown"
        return "timely" if _day(first.submission) <= due else "late"
    if state != "pending" or operation != _OP.REPORT:
        return "none"
    if due is None:
        return "unknown"
    if on > due:
        return "overdue"
    calendar = current.library().calendar
    try:
        left = calendar.working_days_between(on, due) if calendar else 0
    except LawError:
        return "unknown"
    return "soon" if left <= rule.deadline.remind_days else "open"


def _day(one: Submission) -> date:
    return one.made_at.astimezone(CHINA).date()


def timeliness(scope: Scope, table: Table, *, since: date, until: date, rule: Reporting) -> tuple[int, int]:
    """Of the decisions first told on days from ``since`` to ``until`` (exclusive): how many in time, and how many.

    Decisions whose last day nobody knows are not counted.
    """
    told = SubmissionRow.objects.filter(submission__item=table.item)
    before = told.filter(record=OuterRef("record"), pk__lt=OuterRef("pk"))
    wide = (since - timedelta(days=2), until + timedelta(days=2))
    rows = told.filter(~Exists(before), submission__made_at__date__range=wide)
    if scope.kind != "system":
        rows = rows.filter(of_sources(scope, "version__source__"))
    in_time = total = 0
    for decided, made in rows.values_list("version__occurred_on", "submission__made_at"):
        day, due = made.astimezone(CHINA).date(), due_on(decided, rule)
        if due is not None and since <= day < until:
            total += 1
            in_time += day <= due
    return in_time, total


def submissions(scope: Scope) -> QuerySet[Submission]:
    """Files for the platform with rows of the scope, newest first, and how many ``rows_told`` each has."""
    found = (
        Submission.objects.all()
        if scope.kind == "system"
        else Submission.objects.filter(
            pk__in=SubmissionRow.objects.filter(of_sources(scope, "version__source__")).values("submission")
        )
    )
    return found.annotate(rows_told=Count("rows")).order_by("-pk")


# ── days ────────────────────────────────────────────────────────────────────────────────────────


def due_on(decided: date, rule: Reporting) -> date | None:
    """The last day on which a decision is reported in time; None where the calendar does not reach."""
    calendar = current.library().calendar
    return _due(decided, rule.deadline, calendar) if calendar is not None else None


@lru_cache(maxsize=8192)
def _due(decided: date, deadline: Deadline, calendar: WorkingCalendar) -> date | None:
    try:
        return deadline.due(decided, calendar)
    except LawError:
        return None


def bounds(on: date, rule: Reporting) -> tuple[date | None, date | None]:
    """The newest days of decision that are overdue on ``on``, and that will be within the days of the reminder."""
    calendar = current.library().calendar
    if calendar is None:
        return None, None
    try:
        remind = calendar.add_working_days(on, rule.deadline.remind_days)
    except LawError:
        remind = on
    late = soon = None
    for back in range(LOOK_BACK):
        day = on - timedelta(days=back)
        due = due_on(day, rule)
        if due is None:
            continue
        if soon is None and due <= remind:
            soon = day
        if due < on:
            late = day
            break
    return late, soon
