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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Literal

from django.conf import settings
from django.db.models import (
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
from django.db.models.functions import Coalesce, Concat
from django.db.models.lookups import In

from xinlu.access import masking
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
Lamp = Literal["overdue", "soon", "open", "unknown", "timely", "late"]
_OUTSIDE = (Organ.Kind.EXTERNAL, Organ.Kind.PARTNER)
_OP, _KIND = SubmissionRow.Operation, SubmissionEvent.Kind
LOOK_BACK = 60
"""Days in which seven working days surely lie."""


def rule_on(day: date) -> Reporting | None:
    """The reporting rule that holds on ``day``, of the law in use."""
    return in_force(rules_under(current.library().root), on=day)


# ── states ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Told:
    """What decides the state of a record that was told: five facts, each of few values."""

    operation: str
    """What was told last."""
    answer: str
    """The last event of that row; empty: none."""
    same: bool
    """The version told is the current one."""
    here: bool
    """The ledger holds the record, and it is to be told."""
    held: bool
    """The platform holds it: the last row that it took was no withdrawal."""

    @property
    def code(self) -> str:
        """The five as one text, as the database writes them."""
        return f"{self.operation}|{self.answer}|{self.same:d}|{self.here:d}|{self.held:d}"

    @property
    def state(self) -> State:
        """How it stands; the table at the head of this module.

        >>> Told("report", "accepted", same=True, here=True, held=True).state
        'done'
        """
        withdrawal = self.operation == _OP.WITHDRAW
        if self.answer == _KIND.AGAIN:
            return "pending" if self.here or self.held or withdrawal else "withdrawn"
        if self.here:
            if not self.answer:
                return "sent"
            if withdrawal or not self.same:
                return "pending"
            return "done" if self.answer == _KIND.ACCEPTED else "returned"
        if withdrawal:
            if not self.answer:
                return "sent"
            return "returned" if self.answer == _KIND.RETURNED and self.held else "withdrawn"
        return "withdrawn" if self.answer == _KIND.RETURNED and not self.held else "pending"

    @property
    def next_operation(self) -> str:
        """What is to be done of 待报, else what was told last."""
        if self.state != "pending":
            return self.operation
        if not self.here:
            return _OP.WITHDRAW.value
        return _OP.CORRECT.value if self.held else _OP.REPORT.value


_YES_NO = (False, True)
_ALL = [
    Told(operation, answer, same, here, held)
    for operation in _OP.values
    for answer in ("", *_KIND.values)
    for same in _YES_NO
    for here in _YES_NO
    for held in _YES_NO
]
FACTS = {one.code: one for one in _ALL}
"""The text that the database writes → what it says."""


def new(scope: Scope, table: Table) -> QuerySet[Record]:
    """Records that are to be told and never were: 待报 as new ones, by day of decision."""
    rows = _seen(scope, Record._base_manager.filter(item=table.item, superseded_at__isnull=True), "source__")
    if settings.REPORT_FROM is not None:
        rows = rows.filter(occurred_on__gte=settings.REPORT_FROM)
    rows = rows.exclude(source__organ__kind__in=_OUTSIDE)
    if (said := _summary(table)) is not None:
        rows = rows.filter(~Exists(said.filter(parent=OuterRef("record"))))
    rows = rows.filter(~Exists(SubmissionRow.objects.filter(record=OuterRef("record"))))
    return rows.select_related("subject").order_by("occurred_on", "record")


def told(scope: Scope, table: Table, *, state: str | None = None) -> QuerySet[Any]:
    """The last row told of each record, with ``facts``: the code of :class:`Told`; of one ``state``, or of all."""
    later = SubmissionRow.objects.filter(record=OuterRef("record"), pk__gt=OuterRef("pk"))
    rows = _seen(scope, SubmissionRow.objects.filter(submission__item=table.item), "version__source__")
    found: QuerySet[Any] = rows.filter(~Exists(later)).annotate(facts=_facts(table))
    if state is not None:
        found = found.filter(facts__in=[one.code for one in _ALL if one.state == state])
    return found.select_related("version__subject", "submission").order_by("pk")


def _seen(scope: Scope, rows: QuerySet[Any], source: str) -> QuerySet[Any]:
    return rows if scope.kind == "system" else rows.filter(of_sources(scope, source))


def _facts(table: Table) -> Concat:
    bar = Value("|")
    events = SubmissionEvent.objects.filter(row=OuterRef("pk")).order_by("-number")
    answer = Coalesce(Subquery(events.values("kind")[:1]), Value(""))
    live = Record._base_manager.filter(record=OuterRef("record"), superseded_at__isnull=True)
    current_ = Q(version__superseded_at__isnull=True)
    here = [When(current_, then=Value("1")), When(Exists(live), then=Value("1"))]
    if (said := _summary(table)) is not None:
        here.insert(0, When(Exists(said.filter(parent=OuterRef("record"))), then=Value("0")))
    taken = SubmissionEvent.objects.filter(row__record=OuterRef("record"), kind=_KIND.ACCEPTED)
    held = taken.order_by("-row", "-number").values("row__operation")[:1]
    return Concat(
        F("operation"),
        bar,
        answer,
        bar,
        Case(When(current_, then=Value("1")), default=Value("0")),
        bar,
        Case(*here, default=Value("0")),
        bar,
        _as_flag(Subquery(held)),
        output_field=CharField(),
    )


def _as_flag(operation: Subquery) -> Case:
    """1 when the last row that was taken was no withdrawal."""
    return Case(When(In(operation, [_OP.REPORT.value, _OP.CORRECT.value]), then=Value("1")), default=Value("0"))


def _summary(table: Table) -> QuerySet[Record] | None:
    """Children that say of a record that it came by summary procedure."""
    flag = table.summary_flag
    if flag is None:
        return None
    said = {f"payload__{flag.field}": "true"}
    return Record._base_manager.filter(item=flag.item, superseded_at__isnull=True, **said)


# ── counts, lists, files ────────────────────────────────────────────────────────────────────────


def counts(scope: Scope, table: Table) -> dict[str, int]:
    """State → number of records."""
    found = dict.fromkeys(STATES, 0)
    found["pending"] = new(scope, table).count()
    for one in told(scope, table).order_by().values("facts").annotate(number=Count("pk")):
        found[FACTS[one["facts"]].state] += one["number"]
    return found


def overdue(scope: Scope, table: Table, *, on: date, rule: Reporting) -> dict[str, int]:
    """Of the records never told: how many are ``overdue`` on a day, and how many will be ``soon``."""
    rows = new(scope, table)
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


@dataclass(frozen=True)
class Standings:
    """Records of one state, in the order in which they are told: what can be cut into pages."""

    scope: Scope
    table: Table
    state: str
    on: date
    rule: Reporting

    def count(self) -> int:
        """How many there are."""
        return self.told_before() + (self._new().count() if self.state == "pending" else 0)

    def told_before(self) -> int:
        """How many of them were told before: they stand first."""
        return self._told().count()

    def cut(self, start: int, stop: int) -> list[Standing]:
        """Some of them: what was told before, then what was not."""
        before = list(self._told()[start:stop])
        found = _told_standings(self.scope, before, on=self.on, rule=self.rule)
        if self.state == "pending" and len(before) < stop - start:
            first = max(0, start - self.told_before())
            fresh = self._new()[first : first + stop - start - len(before)]
            found += [_standing(self.scope, one, "pending", _OP.REPORT.value, self.on, self.rule) for one in fresh]
        return found

    def _told(self) -> QuerySet[Any]:
        return told(self.scope, self.table, state=self.state)

    def _new(self) -> QuerySet[Record]:
        return new(self.scope, self.table)


def _told_standings(scope: Scope, rows: Sequence[Any], *, on: date, rule: Reporting) -> list[Standing]:
    records = [one.record for one in rows]
    history = SubmissionRow.objects.filter(record__in=records).select_related("submission").order_by("-pk")
    first = {one.record: one for one in history}
    events = SubmissionEvent.objects.filter(row__in=[one.pk for one in rows]).order_by("row", "number")
    answers = {one.row_id: one for one in events}
    now = {
        one.record: one
        for one in Record._base_manager.filter(record__in=records, superseded_at__isnull=True).select_related("subject")
    }
    return [
        _standing(
            scope,
            now.get(one.record, one.version),
            FACTS[one.facts].state,
            FACTS[one.facts].next_operation,
            on,
            rule,
            row=one,
            first=first[one.record],
            answer=answers.get(one.pk),
        )
        for one in rows
    ]


def _standing(
    scope: Scope,
    version: Record,
    state: str,
    operation: str,
    on: date,
    rule: Reporting,
    *,
    row: SubmissionRow | None = None,
    first: SubmissionRow | None = None,
    answer: SubmissionEvent | None = None,
) -> Standing:
    due = due_on(version.occurred_on, rule)
    return Standing(
        version=version,
        state=state,
        operation=operation,
        name=registry.shown_name(scope, version.subject) if version.subject else "",
        decision_no=masking.within(str(version.payload.get("decision_no", ""))),
        due=due,
        lamp=_lamp(first, due, on, rule),
        row=row,
        answer=answer,
    )


def _lamp(first: SubmissionRow | None, due: date | None, on: date, rule: Reporting) -> Lamp:
    if due is None:
        return "unknown"
    if first is not None:
        return "timely" if _day(first.submission) <= due else "late"
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
    every = SubmissionRow.objects.filter(submission__item=table.item)
    before = every.filter(record=OuterRef("record"), pk__lt=OuterRef("pk"))
    wide = (since - timedelta(days=2), until + timedelta(days=2))
    rows = every.filter(~Exists(before), submission__made_at__date__range=wide)
    if scope.kind != "system":
        rows = rows.filter(of_sources(scope, "version__source__"))
    in_time = total = 0
    days = rows.order_by().values_list("version__occurred_on", "submission__made_at").annotate(number=Count("pk"))
    for decided, made, number in days:
        day, due = made.astimezone(CHINA).date(), due_on(decided, rule)
        if due is not None and since <= day < until:
            total += number
            in_time += number if day <= due else 0
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
