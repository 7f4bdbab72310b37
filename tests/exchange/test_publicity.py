"""双公示 going out: each version told once, answers read back, corrections and withdrawals told, states computed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from python_calamine import CalamineWorkbook
from tests.intake.conftest import DRIVER, FIRM, SYSTEM, Desk, as_csv, open_desk, penalty

from xinlu.access.models import Organ, Person
from xinlu.access.scope import Scope
from xinlu.exchange import publicity
from xinlu.exchange.outgoing import file_name, hand_out
from xinlu.exchange.publicity import Standing, Standings, rule_on
from xinlu.exchange.publicity_models import Submission, SubmissionEvent, SubmissionRow
from xinlu.exchange.publicity_problems import CODES, NotReported
from xinlu.exchange.receipt import ReceiptResult, read_receipt
from xinlu.exchange.submit import may_report, send_again, submit
from xinlu.intake.problems import Refused
from xinlu.journal.actor import Actor
from xinlu.journal.models import Event
from xinlu.ledger.deliver import register_source
from xinlu.ledger.models import Record
from xinlu.ledger.withdraw import withdraw

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test publicity")
PENALTY = "administrative_penalty"
DUE = date(2024, 6, 11)
"""Seven working days after 30 May 2024, the day of all decisions here."""


def number_of(version: Record) -> str:
    return version.payload["decision_no"].partition("〕")[2]


@dataclass
class Office:
    """The desk where decisions come in, and the way out to the platform."""

    desk: Desk

    def __post_init__(self) -> None:
        self.rule = rule_on(date(2024, 6, 1))
        self.table = self.rule.table(PENALTY)

    @property
    def at(self) -> datetime:
        return self.desk.at

    def take(self, *rows: dict[str, str]) -> None:
        assert self.desk.hand(as_csv(rows)).queried == 0

    def tell(self) -> Submission | None:
        self.desk.at += timedelta(minutes=1)
        return submit(PENALTY, actor=ACTOR, at=self.at)

    def answer(self, *lines: tuple[Any, ...], head: Sequence[str] = ("上报序号", "处理结果", "原因")) -> ReceiptResult:
        self.desk.at += timedelta(minutes=1)
        text = io.StringIO()
        csv.writer(text).writerows([head, *lines])
        return read_receipt(text.getvalue().encode(), name="回执.csv", actor=ACTOR, at=self.at)

    def withdraw(self, number: int) -> None:
        self.desk.at += timedelta(minutes=1)
        (record,) = Record._base_manager.filter(
            payload__decision_no=f"浙杭交罚〔2024〕{number}号", superseded_at__isnull=True
        )
        withdraw([record.record], reason="复议撤销", actor=ACTOR, at=self.at)

    def states(self) -> dict[str, tuple[str, str]]:
        """Number of the decision → state and operation."""
        found = {}
        for one in publicity.told(SYSTEM, self.table):
            facts = publicity.FACTS[one.facts]
            found[number_of(one.version)] = (facts.state, facts.next_operation)
        found |= {number_of(one): ("pending", "report") for one in publicity.new(SYSTEM, self.table)}
        return dict(sorted(found.items()))

    def standings(self, state: str = "pending", *, on: date = date(2024, 6, 5)) -> list[Standing]:
        rows = Standings(SYSTEM, self.table, state, on, self.rule)
        found = rows.cut(0, 50)
        assert rows.count() == len(found)
        return found


@pytest.fixture
def office(db: None) -> Office:
    return Office(open_desk())


def told(made: Submission | None) -> list[tuple[str, str]]:
    assert made is not None
    return [(number_of(row.version), row.operation) for row in made.rows.order_by("number")]


def rows_of(made: Submission | None) -> list[int]:
    assert made is not None
    return list(made.rows.order_by("number").values_list("pk", flat=True))


def test_a_decision_goes_from_to_report_over_told_to_done(office: Office) -> None:
    office.take(penalty(1), penalty(2))
    assert office.states() == {"1号": ("pending", "report"), "2号": ("pending", "report")}
    made = office.tell()
    assert told(made) == [("1号", "report"), ("2号", "report")]
    assert office.states() == {"1号": ("sent", "report"), "2号": ("sent", "report")}
    first, second = rows_of(made)
    result = office.answer((first, "成功", ""), (second, "退回", "统一社会信用代码不存在"))
    assert (result.accepted, result.returned, result.problems) == (1, 1, [])
    assert office.states() == {"1号": ("done", "report"), "2号": ("returned", "report")}
    assert publicity.counts(SYSTEM, office.table) == {
        "pending": 0, "sent": 0, "returned": 1, "done": 1, "withdrawn": 0,
    }  # fmt: skip


def test_lists_and_counts_of_states_agree_and_can_be_cut(office: Office) -> None:
    office.take(*(penalty(number) for number in range(1, 7)))
    first, second, *_ = rows_of(submit(PENALTY, actor=ACTOR, at=office.at, most=3))
    office.answer((first, "成功", ""), (second, "退回", "缺少事实"))
    office.withdraw(3)
    listed = {state: [one.state for one in office.standings(state)] for state in publicity.STATES}
    assert {state: len(found) for state, found in listed.items()} == publicity.counts(SYSTEM, office.table)
    assert all(set(found) <= {state} for state, found in listed.items())
    rows = Standings(SYSTEM, office.table, "pending", date(2024, 6, 5), office.rule)
    cut = [one.operation for start in (0, 2) for one in rows.cut(start, start + 2)]
    assert (rows.count(), cut) == (4, ["withdraw", "report", "report", "report"])


def test_nothing_is_told_twice(office: Office) -> None:
    office.take(penalty(1))
    made = office.tell()
    assert office.tell() is None
    (row,) = SubmissionRow.objects.all()
    with pytest.raises(IntegrityError), transaction.atomic():
        SubmissionRow(submission=made, number=2, record=row.record + 1, version=row.version, operation="report").save()
    office.answer((row.pk, "成功", ""))
    assert office.tell() is None


def test_a_correction_waits_for_the_answer_and_is_then_told_as_one(office: Office) -> None:
    office.take(penalty(1))
    (row,) = rows_of(office.tell())
    office.take(penalty(1, CF_SY="更正后的事实"))
    assert office.states() == {"1号": ("sent", "report")}
    assert office.tell() is None
    office.answer((row, "成功", ""))
    assert office.states() == {"1号": ("pending", "correct")}
    (row,) = rows_of(office.tell())
    office.answer((row, "成功", ""))
    assert office.states() == {"1号": ("done", "correct")}


def test_what_was_sent_back_is_told_anew_once_it_is_corrected(office: Office) -> None:
    office.take(penalty(1))
    (row,) = rows_of(office.tell())
    office.answer((row, "退回", "违法事实太短"))
    assert office.tell() is None
    office.take(penalty(1, CF_SY="写得清楚的违法事实"))
    # The platform holds nothing yet: it is a report, no correction.
    assert office.states() == {"1号": ("pending", "report")}
    assert told(office.tell()) == [("1号", "report")]


def test_a_withdrawal_is_told_at_once_and_first(office: Office) -> None:
    office.take(penalty(1), penalty(2))
    first, _ = rows_of(office.tell())
    office.answer((first, "成功", ""))
    office.withdraw(1)  # accepted there
    office.withdraw(2)  # without an answer yet
    office.take(penalty(3))
    assert office.states() == {
        "1号": ("pending", "withdraw"), "2号": ("pending", "withdraw"), "3号": ("pending", "report"),
    }  # fmt: skip
    made = office.tell()
    assert told(made) == [("1号", "withdraw"), ("2号", "withdraw"), ("3号", "report")]
    one, two, three = rows_of(made)
    office.answer((one, "撤销成功", ""), (two, "退回", "没有这条记录"), (three, "成功", ""))
    # Of the second the platform never held anything.
    assert {number: state for number, (state, _) in office.states().items()} == {
        "1号": "withdrawn", "2号": "withdrawn", "3号": "done",
    }  # fmt: skip
    assert office.tell() is None


def test_what_was_withdrawn_before_it_was_told_is_never_told(office: Office) -> None:
    office.take(penalty(1))
    office.withdraw(1)
    assert (office.states(), office.tell()) == ({}, None)


def test_what_comes_back_after_its_withdrawal_is_reported_again(office: Office) -> None:
    office.take(penalty(1))
    (row,) = rows_of(office.tell())
    office.answer((row, "成功", ""))
    office.withdraw(1)
    (row,) = rows_of(office.tell())
    office.answer((row, "成功", ""))
    office.take(penalty(1, CF_SY="重新作出"))
    assert office.states() == {"1号": ("pending", "report")}


def test_a_person_may_ask_to_tell_it_again_with_a_reason(office: Office) -> None:
    office.take(penalty(1))
    (row,) = rows_of(office.tell())
    record = SubmissionRow.objects.get(pk=row).record
    with pytest.raises(NotReported, match="DP-006"):
        send_again([record], reason=" ", actor=ACTOR, at=office.at)
    send_again([record], reason="文件没有传上去", actor=ACTOR, at=office.at)
    assert office.states() == {"1号": ("pending", "report")}
    (row,) = rows_of(office.tell())
    assert SubmissionRow.objects.get(pk=row).attempt == 1
    office.answer((row, "成功", ""))
    with pytest.raises(NotReported, match="DP-005"):
        send_again([record], reason="再报", actor=ACTOR, at=office.at)
    assert Event.objects.filter(verb="exchange.publicity.asked-again").count() == 1


def test_summary_procedure_said_later_takes_back_what_was_told(office: Office) -> None:
    office.take(penalty(1), penalty(2))
    office.desk.hand(as_csv([_classified(2)]), item="penalty_classification")
    assert office.states() == {"1号": ("pending", "report")}
    (row,) = rows_of(office.tell())
    office.answer((row, "成功", ""))
    office.desk.hand(as_csv([_classified(1)]), item="penalty_classification")
    assert office.states() == {"1号": ("pending", "withdraw")}


def _classified(number: int) -> dict[str, str]:
    return {
        "CF_WSH": f"浙杭交罚〔2024〕{number}号", "CF_JDRQ": "2024-05-30", "行政相对人": FIRM,
        "severity_class": "minor", "simple_procedure": "是",
    }  # fmt: skip


def test_decisions_of_others_and_of_before_are_left_to_others(office: Office, settings: Any) -> None:
    Organ.objects.create(code="court", name="示例外单位", kind="external")
    register_source(code="court", title="示例", organ="court", kind="platform", actor=ACTOR, at=office.at)
    office.desk.hand(as_csv([penalty(1)]), source="court")
    office.take(penalty(2))
    assert list(office.states()) == ["2号"]
    settings.REPORT_FROM = date(2024, 5, 31)
    assert office.states() == {}
    settings.REPORT_FROM = date(2024, 5, 30)
    assert list(office.states()) == ["2号"]


# ── receipts ────────────────────────────────────────────────────────────────────────────────────


def test_the_same_receipt_again_changes_nothing(office: Office) -> None:
    office.take(penalty(1))
    (row,) = rows_of(office.tell())
    first = office.answer((row, "退回", "缺少附件"))
    again = office.answer((row, "退回", "缺少附件"))
    other = office.answer((row, "退回", "缺少附件"), ("", "", ""))
    assert (first.returned, again.receipt, again.known) == (1, None, 1)
    assert (other.returned, other.known) == (0, 1)
    assert SubmissionEvent.objects.count() == 1


def test_without_our_number_a_row_is_found_by_decision_and_party(office: Office) -> None:
    person = {"CF_XDR_LB": "自然人", "CF_XDR_SHXYM": "", "CF_FRDB": "", "CF_XDR_ZJLX": "身份证", "CF_XDR_ZJHM": DRIVER}
    office.take(penalty(1), penalty(2, CF_XDR_MC="张示例", **person))
    office.tell()
    head = ("CF_WSH", "相对人代码", "结果", "平台编号")
    result = office.answer(
        ("浙杭交罚〔2024〕1号", FIRM, "1", "P-1"), ("浙杭交罚〔2024〕2号", DRIVER, "success", "P-2"), head=head
    )
    assert (result.accepted, result.problems) == (2, [])
    assert set(SubmissionEvent.objects.values_list("remote", flat=True)) == {"P-1", "P-2"}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("999999", "成功", "", ""), "DP-008"),
        (("x", "成功", "", ""), "DP-008"),
        (("", "成功", "", "浙杭交罚〔2024〕1号"), "DP-008"),
        (("ROW", "成功", "", "另一文号"), "DP-009"),
        (("ROW", "也许", "", ""), "DP-010"),
        (("ROW", "退回", "", ""), "DP-011"),
    ],
)
def test_a_row_of_a_receipt_that_fits_nothing_is_told(office: Office, line: tuple[str, ...], code: str) -> None:
    office.take(penalty(1))
    (row,) = rows_of(office.tell())
    said = tuple(str(row) if cell == "ROW" else cell for cell in line)
    result = office.answer(said, head=("上报序号", "处理结果", "原因", "文号"))
    assert [(one.code, one.line) for one in result.problems] == [(code, 2)]
    assert result.accepted + result.returned + result.known + len(result.problems) == result.rows == 1
    assert office.states() == {"1号": ("sent", "report")}


def test_a_file_that_is_no_receipt_is_refused_whole(office: Office) -> None:
    with pytest.raises(NotReported, match="DP-007"):
        office.answer(("1", "2"), head=("a", "b"))
    with pytest.raises(Refused, match="F01"):
        read_receipt(b"", name="x.csv", actor=ACTOR, at=office.at)


# ── the file ────────────────────────────────────────────────────────────────────────────────────


def test_the_file_has_the_30_columns_of_the_standard_as_the_platform_writes_them(office: Office) -> None:
    office.take(penalty(1, CF_FR_ZJHM=DRIVER, CF_FR_ZJLX="身份证", CF_NR_FK="0.25", CF_NR="警告，罚款2500元"))
    made = office.tell()
    data = hand_out(made, "csv", actor=ACTOR, at=office.at)
    (row,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert list(row) == ["上报序号", "操作", *(one.code for one in office.table.columns)]
    assert len(row) == 32
    told = {name: row[name] for name in ("操作", "CF_XDR_LB", "CF_CFLB", "CF_NR_FK", "CF_JDRQ", "CF_YXQ", "CF_FR_ZJHM")}
    assert told == {
        "操作": "新增", "CF_XDR_LB": "法人及非法人组织", "CF_CFLB": "警告;罚款", "CF_NR_FK": "0.25",
        "CF_JDRQ": "2024/05/30", "CF_YXQ": "2099/12/31", "CF_FR_ZJHM": "",
    }  # fmt: skip


def test_the_file_can_be_made_again_alike_and_each_handing_out_is_in_the_journal(office: Office) -> None:
    office.take(penalty(1, CF_SY="00123456789012345678"))
    made = office.tell()
    first = hand_out(made, "xlsx", actor=ACTOR, at=office.at)
    office.take(penalty(1, CF_SY="更正"))
    assert hand_out(made, "xlsx", actor=ACTOR, at=office.at + timedelta(days=3)) == first
    rows = CalamineWorkbook.from_filelike(io.BytesIO(first)).get_sheet_by_index(0).to_python()
    assert "00123456789012345678" in rows[1]
    assert Event.objects.filter(verb="exchange.publicity.handed-out").count() == 2
    assert file_name(made, "xlsx") == f"双公示-处罚-批次{made.pk}.xlsx"


def test_a_file_whose_versions_were_changed_is_not_handed_out(office: Office) -> None:
    office.take(penalty(1))
    made = office.tell()
    version = made.rows.get().version
    Record._base_manager.filter(pk=version.pk).update(payload={**version.payload, "facts": "改过"})
    with pytest.raises(NotReported, match="DP-004"):
        hand_out(made, "csv", actor=ACTOR, at=office.at)


# ── clocks and scopes ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("day", "lamp"),
    [(date(2024, 6, 5), "open"), (date(2024, 6, 6), "soon"), (date(2024, 6, 7), "soon"), (DUE, "soon"),
     (date(2024, 6, 12), "overdue")],
)  # fmt: skip
def test_the_lamp_counts_working_days_to_the_last_one(office: Office, day: date, lamp: str) -> None:
    office.take(penalty(1))
    (one,) = office.standings(on=day)
    assert (one.due, one.lamp) == (DUE, lamp)
    counted = publicity.overdue(SYSTEM, office.table, on=day, rule=office.rule)
    assert counted == {"overdue": int(lamp == "overdue"), "soon": int(lamp == "soon")}


@pytest.mark.parametrize(("day", "lamp", "counted"), [(11, "timely", (1, 1)), (12, "late", (0, 1))])
def test_what_was_told_was_told_in_time_or_late(office: Office, day: int, lamp: str, counted: tuple[int, int]) -> None:
    office.take(penalty(1))
    submit(PENALTY, actor=ACTOR, at=datetime(2024, 6, day, 15, 0, tzinfo=UTC))
    (one,) = office.standings("sent")
    assert one.lamp == lamp
    month = {"since": date(2024, 6, 1), "until": date(2024, 7, 1)}
    assert publicity.timeliness(SYSTEM, office.table, **month, rule=office.rule) == counted
    year = {"since": date(2025, 1, 1), "until": date(2026, 1, 1)}
    assert publicity.timeliness(SYSTEM, office.table, **year, rule=office.rule) == (0, 0)


def test_beyond_the_calendar_no_lamp_is_lit(office: Office) -> None:
    office.take(penalty(1))
    Record._base_manager.update(occurred_on=date(2026, 12, 30))
    (one,) = office.standings(on=date(2026, 12, 31))
    assert (one.due, one.lamp) == (None, "unknown")


def test_only_those_who_answer_for_the_source_see_how_its_decisions_stand(office: Office) -> None:
    office.take(penalty(1))
    office.tell()
    people = {
        name: Person.objects.create_user(username=name, role=role, organ=Organ.objects.get(code=organ), data_level="L3")
        for name, role, organ in (("p", "steward", "zj"), ("c", "steward", "jt-330100"), ("o", "officer", "zj"))
    }
    counted = {name: sum(publicity.counts(Scope.of(one), office.table).values()) for name, one in people.items()}
    assert counted == {"p": 1, "c": 0, "o": 1}
    assert sum(publicity.counts(Scope.public(), office.table).values()) == 0
    assert [name for name, one in people.items() if may_report(one)] == ["p"]
    assert publicity.submissions(Scope.of(people["c"])).count() == 0
    assert publicity.submissions(Scope.of(people["p"])).get().rows_told == 1


def test_the_guide_lists_just_the_codes_that_there_are() -> None:
    import re
    from pathlib import Path

    guide = (Path(__file__).parents[2] / "docs" / "double-publicity.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(DP-\d+)` \| (.+?) \| (.+?) \|$", guide, re.M)
    assert [(one.code, one.title, one.next_step) for one in CODES.values()] == listed
