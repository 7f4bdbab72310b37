"""Rows become records, versions, withdrawals, duplicates or queried rows; nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from tests.intake.conftest import (
    ACTOR,
    DRIVER,
    FIRM,
    OTHER_FIRM,
    PLATE,
    START,
    SYSTEM,
    TRADER,
    Desk,
    as_csv,
    open_desk,
    penalty,
)

from xinlu.access.models import Organ
from xinlu.access.scope import Scope
from xinlu.intake.deliver import deliver
from xinlu.intake.problems import CODES, Refused
from xinlu.journal.models import Event
from xinlu.law.identifiers import make_plate, make_uscc
from xinlu.ledger.models import Delivery, DeliveryRow, Record, RecordRole

PENALTY = "administrative_penalty"


def records(item: str = PENALTY) -> list[Record]:
    return list(Record._base_manager.filter(item=item).order_by("record", "recorded_at"))


def queried_rows() -> list[DeliveryRow]:
    return list(DeliveryRow._base_manager.filter(outcome="queried").order_by("delivery", "number"))


def test_a_good_row_becomes_a_record_in_the_catalogues_spelling(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty()]))
    assert (result.accepted, result.queried, result.carries) == (1, 0, PENALTY), result.problems
    (record,) = records()
    assert record.subject_id == desk.numbers["firm"]
    assert record.payload["fine_amount"] == "0.200000"
    assert record.payload["penalty_kinds"] == ["warning", "fine"]
    assert record.payload["decided_on"] == "2024-05-30"
    assert record.payload["expires_on"] == "2099-12-31"
    assert "remark" not in record.payload


def test_delivering_a_file_again_changes_nothing(desk: Desk) -> None:
    file = as_csv([penalty(1), penalty(2), penalty(3, CF_XDR_SHXYM="")])
    first = desk.hand(file)
    before = [(r.pk, r.superseded_at) for r in records()]
    again = desk.hand(file)
    assert (first.accepted, first.queried) == (2, 1)
    assert (again.accepted, again.queried, again.duplicate, again.repeated) == (0, 1, 2, True)
    assert [(r.pk, r.superseded_at) for r in records()] == before


def test_the_same_rows_in_another_file_are_duplicates_too(desk: Desk) -> None:
    desk.hand(as_csv([penalty(1), penalty(2)]))
    again = desk.hand(as_csv([penalty(2), penalty(1)], encoding="gbk"))
    assert (again.accepted, again.duplicate, again.repeated) == (0, 2, False)


def test_other_content_in_a_later_delivery_makes_a_new_version(desk: Desk) -> None:
    desk.hand(as_csv([penalty()]))
    corrected = desk.hand(as_csv([penalty(CF_NR_FK="0.3", CF_NR="警告，罚款3000元")]))
    assert corrected.accepted == 1
    old, new = records()
    assert old.record == new.record
    assert (old.superseded_at, new.superseded_at) == (desk.at, None)
    assert (old.withdrawn, new.payload["fine_amount"]) == (False, "0.300000")


def test_an_old_file_sent_again_brings_nothing_back(desk: Desk) -> None:
    file = as_csv([penalty()])
    desk.hand(file)
    desk.hand(as_csv([penalty(CF_NR_FK="0.3", CF_NR="警告，罚款3000元")]))
    assert desk.hand(file).duplicate == 1
    assert [r.payload["fine_amount"] for r in records() if r.superseded_at is None] == ["0.300000"]


@pytest.mark.parametrize("word", ["撤销", "撤回", "withdraw"])
def test_a_row_can_withdraw_with_nothing_but_its_key(desk: Desk, word: str) -> None:
    desk.hand(as_csv([penalty()]))
    blank = dict.fromkeys(penalty(), "")
    row = {**blank, "CF_WSH": penalty()["CF_WSH"], "CF_XDR_SHXYM": FIRM, "操作": word}
    result = desk.hand(as_csv([row]), item=PENALTY)
    assert result.accepted == 1, result.problems
    (record,) = records()
    assert record.withdrawn
    assert record.superseded_at == desk.at


def test_withdrawing_what_was_never_delivered_is_queried(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(操作="撤销")]))
    assert result.codes == {"LD-003": 1}


def test_one_delivery_cannot_say_two_things_under_one_key(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(), penalty(CF_NR_FK="0.3", CF_NR="罚款3000元"), penalty()]))
    assert (result.accepted, result.queried, result.duplicate) == (1, 1, 1)
    (row,) = queried_rows()
    assert (row.code, row.number) == ("E07", 3)
    assert "第 2 行" in row.sentence
    assert "浙杭交罚〔2024〕1号" in row.sentence


def test_another_source_cannot_change_a_record(desk: Desk) -> None:
    desk.hand(as_csv([penalty()]))
    same = desk.hand(as_csv([penalty()]), source="zj-other")
    other = desk.hand(as_csv([penalty(CF_NR_FK="0.3", CF_NR="罚款3000元")]), source="zj-other")
    assert (same.duplicate, other.codes) == (1, {"LD-002": 1})
    assert len(records()) == 1


def test_a_delivery_older_than_what_the_ledger_knows_is_queried(desk: Desk) -> None:
    desk.hand(as_csv([penalty()]))
    late = as_csv([penalty(CF_NR_FK="0.3", CF_NR="罚款3000元"), penalty(2)])
    result = desk.hand(late, received_at=START + timedelta(hours=1))
    assert (result.accepted, result.codes) == (1, {"E11": 1})


def test_an_old_file_handed_over_again_with_its_old_date_is_still_a_duplicate(desk: Desk) -> None:
    file = as_csv([penalty(1), penalty(2)])
    desk.hand(file)
    then = desk.at
    desk.hand(as_csv([penalty(1, CF_NR_FK="0.3", CF_NR="罚款3000元"), penalty(2, 操作="撤销")]))
    again = desk.hand(file, received_at=then)
    assert (again.duplicate, again.queried) == (2, 0)


def test_a_queried_row_keeps_what_was_delivered_and_says_where_and_what_to_do(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(CF_JDRQ="去年")]))
    (row,) = queried_rows()
    assert (row.code, row.field, row.number) == ("E04", "CF_JDRQ", 2)
    assert row.raw["CF_JDRQ"] == "去年"
    assert row.sentence == "处罚决定日期“去年”不是日期"
    (told,) = result.problems
    assert (told.line, told.basis, told.next_step) == (2, CODES["E04"].basis, CODES["E04"].next_step)


BAD: list[tuple[str, dict[str, str], str]] = [
    ("E01", {"CF_CFJG": ""}, "处罚机关为空"),
    ("E01", {"CF_XDR_SHXYM": ""}, "统一社会信用代码已填写"),
    ("E02", {"CF_XDR_SHXYM": f"{FIRM[:-1]}{'0' if FIRM[-1] != '0' else '1'}"}, "校验码不符"),
    ("E02", {"CF_CFJGDM": "1133010000000000"}, "位数不对"),
    ("E03", {"CF_XDR_LB": "自然人", "CF_XDR_SHXYM": "", "CF_XDR_ZJHM": "330106199001011230"}, "校验码不符"),
    ("E04", {"CF_JDRQ": "1900-01-00"}, "空日期"),
    ("E04", {"CF_JDRQ": "1900/1/1"}, "空日期"),
    ("E04", {"CF_JDRQ": "2024-02-30"}, "没有这一天"),
    ("E05", {"CF_CFLB": "口头批评"}, "不在代码表中"),
    ("E06", {"CF_SJLY": "长" * 201}, "超过上限 200"),
    ("E08", {"CF_XDR_SHXYM": make_uscc(77, region="330106")}, "未登记"),
    ("E10", {"CF_GSJZQ": "2024-05-01"}, "处罚决定日期不晚于公示截止期"),
    ("E12", {"CF_SY": f"张某（身份证号 {'11010519491231002X'}）驾驶"}, "公民身份号码"),
    ("E13", {"CF_NR_FK": "两千元"}, "不是数"),
    ("E14", {"CF_NR_FK": "0.12345678"}, "超出 6 位"),
    ("E01", {"CF_NR_FK": ""}, "罚款金额已填写"),
    ("E16", {"CF_NR_FK": "-1"}, "罚款金额不小于0"),
    ("E17", {"CF_XDR_SHXYM": "9.13301E+17"}, "科学计数法"),
    ("E18", {"CF_XDR_SHXYM": "", "涉案车辆": FIRM}, "登记为企业"),
    ("E20", {"CF_NR": "依简易程序罚款2000元"}, "简易程序"),
    ("E20", {"处罚程序": "简易程序"}, "简易程序"),
    ("E20", {"CF_WSH": "浙杭交简罚〔2024〕1号"}, "简易程序"),
    ("E22", {"行政相对人标识": FIRM, "行政相对人统一社会信用代码": OTHER_FIRM}, "不同主体"),
    ("E23", {"操作": "覆盖"}, "不认识"),
    ("E26", {"CF_XDR_MC": "示例物流有限公司"}, "不是该标识登记过的名称"),
    ("E27", {"CF_NR_FK": "2000"}, "相差一万倍"),
    ("E27", {"CF_NR_FK": "20000", "CF_NR": "罚款"}, "没有写明同一金额"),
    ("E28", {"CF_JDRQ": "2025-01-01"}, "晚于收到日期"),
]


@pytest.mark.parametrize(("code", "changes", "words"), BAD)
def test_each_mistake_is_queried_with_its_code_and_nothing_is_guessed(
    desk: Desk, code: str, changes: dict[str, str], words: str
) -> None:
    result = desk.hand(as_csv([penalty(1), penalty(2, **changes)]))
    assert (result.accepted, result.queried) == (1, 1), result
    (row,) = queried_rows()
    found = row.sentence
    assert words in found, found
    assert row.code == code or code == "E18", (row.code, found)
    assert row.code in CODES
    assert len(records()) == 1


def test_yuan_are_turned_into_ten_thousands_when_the_column_says_so(desk: Desk) -> None:
    row = penalty()
    row["罚款金额（元）"] = row.pop("CF_NR_FK") and "2000"
    assert desk.hand(as_csv([row])).accepted == 1
    assert desk.hand(as_csv([penalty(2, CF_NR_FK="2000元")])).accepted == 1
    assert {r.payload["fine_amount"] for r in records()} == {"0.200000"}


def test_a_huge_fine_that_the_decision_states_is_taken_with_a_warning(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(CF_NR_FK="12000", CF_NR="罚款12000万元")]))
    assert (result.accepted, result.codes) == (1, {"W01": 1})


def test_sole_traders_and_persons_are_found_by_their_own_identifiers(desk: Desk) -> None:
    trader = penalty(1, CF_XDR_LB="个体户", CF_XDR_SHXYM=TRADER, CF_XDR_MC="示例货运部")
    person = penalty(2, CF_XDR_LB="自然人", CF_XDR_SHXYM="", CF_FRDB="", CF_XDR_ZJLX="居民身份证")
    person |= {"CF_XDR_ZJHM": DRIVER.lower(), "CF_XDR_MC": "张示例", "涉案车辆号牌": f"{PLATE[:2]}·{PLATE[2:]}"}
    result = desk.hand(as_csv([trader, person]))
    assert result.accepted == 2, result.problems
    assert {r.subject_id for r in records()} == {desk.numbers["trader"], desk.numbers["driver"]}
    roles = RecordRole.objects.filter(role="vehicle").values_list("subject", flat=True)
    assert list(roles) == [desk.numbers["vehicle"]]


def test_a_role_with_several_subjects_takes_all_or_queries_the_row(desk: Desk) -> None:
    def row(number: int, members: str) -> dict[str, str]:
        return {"投标编号": f"T{number}", "bid_on": "2024-05-01", "business": "公路施工", "联合体成员": members}

    result = desk.hand(
        as_csv([row(1, f"{FIRM}；{OTHER_FIRM}"), row(2, f"{FIRM};{make_uscc(78, region='330106')}")]), item="joint_bid"
    )
    assert (result.accepted, result.codes) == (1, {"E08": 1})
    roles = RecordRole.objects.filter(role="members").values_list("subject", flat=True)
    assert set(roles) == {desk.numbers["firm"], desk.numbers["other_firm"]}


def test_a_child_record_finds_its_parent_or_is_queried(desk: Desk) -> None:
    inspection = {"检查编号": "J1", "检查方式": "daily", "检查日期": "2024-05-01", "检查结果": "", "检查对象": FIRM}
    kinds = ("inspection_kinds", "inspection_results")
    inspection["检查方式"], inspection["检查结果"] = (_first_code(one) for one in kinds)
    problem = {"检查编号": "J1", "问题序号": "1", "问题描述": "示例", "发现日期": "2024-05-01", "检查对象": FIRM}
    early = desk.hand(as_csv([problem]), item="inspection_problem")
    assert early.codes == {"E19": 1}
    assert desk.hand(as_csv([inspection]), item="inspection").accepted == 1
    late = desk.hand(as_csv([problem, {**problem, "检查编号": "J2"}]), item="inspection_problem")
    assert (late.accepted, late.codes) == (1, {"E19": 1})
    (child,) = records("inspection_problem")
    (parent,) = records("inspection")
    assert child.parent == parent.record


def _first_code(codes: str) -> str:
    from xinlu.gazette import current

    return next(iter(current.catalogue().code_lists[codes].values))


def test_a_file_cannot_publish_a_standing(desk: Desk) -> None:
    row = {"被评价主体": FIRM, "book": "x", "output": "level", "jurisdiction": "zj", "kind": "published"}
    row |= {
        "status": "rated",
        "level": "AA",
        "as_of_day": "2024-01-01",
        "published_on": "2024-02-01",
        "book_version": "1",
    }
    result = desk.hand(as_csv([row]), item="rating_result")
    assert "E30" in {one.code for one in result.problems} or "文件只能报送引入" in result.problems[0].sentence


def test_all_or_nothing_accepts_nothing_when_one_row_is_queried(desk: Desk) -> None:
    file = as_csv([penalty(1), penalty(2, CF_JDRQ="去年")])
    result = desk.hand(file, mode="all_or_nothing")
    assert (result.accepted, result.codes) == (0, {"E04": 1, "E29": 1})
    assert records() == []
    assert all(row.raw for row in queried_rows())
    good = desk.hand(file)
    assert (good.accepted, good.queried) == (1, 1)


def test_an_officer_delivers_only_for_the_own_organ(desk: Desk) -> None:
    own, foreign = Organ.objects.get(code="zj"), Organ.objects.exclude(code="zj").first()
    assert foreign is not None

    def officer(organ: Organ) -> Scope:
        return Scope(kind="officer", key="person:1", organ=organ.code, sectors=("all",))

    assert desk.hand(as_csv([penalty()]), scope=officer(own)).accepted == 1
    for scope in (officer(foreign), Scope.public()):
        with pytest.raises(Refused) as refused:
            desk.hand(as_csv([penalty(2)]), scope=scope)
        assert [one.code for one in refused.value.problems] == ["F13"]
    assert len(records()) == 1


def test_the_journal_says_what_a_delivery_came_to(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(1), penalty(2, CF_JDRQ="去年")]))
    event = Event.objects.get(verb="ledger.delivery.closed")
    assert event.object == f"ledger.delivery:{result.delivery}"
    assert {key: event.facts[key] for key in ("delivered", "accepted", "queried", "duplicate")} == {
        "delivered": 2,
        "accepted": 1,
        "queried": 1,
        "duplicate": 0,
    }


def test_a_file_that_breaks_off_in_the_middle_leaves_nothing_half_written(desk: Desk) -> None:
    file = as_csv([penalty(number) for number in range(1, 40)]) + b'"unfinished'
    with pytest.raises(Refused) as refused:
        desk.hand(file)
    assert refused.value.problems[0].code == "F03"
    assert (records(), Delivery._base_manager.count()) == ([], 0)


def test_a_delivery_needs_a_zone_and_exactly_one_file(desk: Desk) -> None:
    said: dict[str, Any] = {"source": "zj-penalties", "actor": ACTOR, "scope": SYSTEM}
    with pytest.raises(ValueError, match="zone"):
        deliver(file=b"a", received_at=START.replace(tzinfo=None), **said)
    with pytest.raises(ValueError, match="either"):
        deliver(received_at=START, **said)


def test_weighings_name_their_vehicle_by_its_plate(desk: Desk) -> None:
    row = {
        "检测单号": "W1",
        "检测日期": "20240501",
        "车牌号": PLATE,
        "经营者": FIRM,
        "总重": "49500",
        "是否汽车列车": "是",
    }
    stranger = {**row, "检测单号": "W2", "车牌号": make_plate(99)}
    wrong = {**row, "检测单号": "W3", "车牌号": "浙X12"}
    result = desk.hand(as_csv([row, stranger, wrong]), name="weighing-2024-05.csv")
    assert (result.carries, result.accepted, result.codes) == ("weighing", 1, {"E08": 1, "E21": 1})


VALUES = {
    "CF_JDRQ": st.sampled_from(["2024-05-20", "", "0", "昨天", "20240520", "45432"]),
    "CF_NR_FK": st.sampled_from(["0.2", "", "-1", "1e5", "２０００", "9" * 30, "NaN"]),
    "CF_XDR_SHXYM": st.sampled_from([FIRM, OTHER_FIRM, "", "9.1E+17", FIRM.lower()]),
    "CF_XDR_MC": st.sampled_from(["示例运输有限公司", "示例物流有限公司", ""]),
    "CF_WSH": st.sampled_from(["甲1", "甲2", "甲3", ""]),
    "操作": st.sampled_from(["", "", "", "撤销", "?"]),
    "BZ": st.text(max_size=8).filter(lambda text: "\x00" not in text),
}


class EveryRowIsAccountedFor(TestCase):
    @given(
        files=st.lists(
            st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=6),
            min_size=1,
            max_size=4,
        )
    )
    def test_accepted_queried_and_duplicate_rows_are_the_delivered_ones(
        self, files: list[list[dict[str, str]]]
    ) -> None:
        desk = open_desk()
        for rows in files:
            file = as_csv([{**penalty(), **row} for row in rows])
            result = desk.hand(file)
            assert result.delivered == len(rows)
            kept = DeliveryRow._base_manager.filter(delivery=result.delivery)
            assert kept.count() == len(rows)
            assert all(row.code in CODES and row.sentence and row.raw for row in kept if row.outcome == "queried")
            again = desk.hand(file)
            assert again.accepted == 0
            assert again.queried <= result.queried
        current = Record._base_manager.filter(superseded_at__isnull=True)
        assert current.count() == current.values("key").distinct().count()
