"""Files that register subjects and state relations."""

from __future__ import annotations

from datetime import date

import pytest
from tests.intake.conftest import DRIVER, FIRM, OTHER_FIRM, PLATE, SYSTEM, Desk, as_csv

from xinlu.intake.problems import Refused
from xinlu.law.identifiers import make_id_number, make_plate, make_uscc
from xinlu.registry import queries
from xinlu.registry.models import Identifier, Relation, Subject, SubjectPeriod

NEW = make_uscc(50, region="330106")


def firm(**changes: str) -> dict[str, str]:
    row = {
        "统一社会信用代码": NEW,
        "名称": "示例新公司",
        "所在地": "330106",
        "生效日期": "2020-01-01",
        "登记状态": "存续",
    }
    return {**row, "从事业务": "道路货物运输；大件运输", "注册资本": "500", **changes}


def periods(number: int) -> list[SubjectPeriod]:
    return list(SubjectPeriod.objects.filter(subject=number, superseded_at__isnull=True).order_by("valid_from"))


def number_of(value: str) -> int:
    found = queries.find(SYSTEM, value=value)
    assert found is not None
    return found.pk


def test_a_new_subject_is_enrolled_with_its_attributes(desk: Desk) -> None:
    result = desk.hand(as_csv([firm()]), kind="enterprise")
    assert (result.accepted, result.carries) == (1, "kind:enterprise"), result.problems
    (period,) = periods(number_of(NEW))
    assert period.attributes == {
        "status": "active",
        "businesses": ["road_freight", "heavy_haul"],
        "registered_capital": "500.000000",
    }


def test_later_rows_of_one_file_are_later_periods_and_sending_it_again_changes_nothing(desk: Desk) -> None:
    file = as_csv([firm(), firm(生效日期="2022-07-01", 登记状态="注销"), firm(生效日期="2021-01-01", 注册资本="600")])
    assert desk.hand(file, kind="enterprise").accepted == 3
    said = [(p.valid_from, p.valid_until, p.attributes["status"]) for p in periods(number_of(NEW))]
    assert said == [
        (date(2020, 1, 1), date(2021, 1, 1), "active"),
        (date(2021, 1, 1), date(2022, 7, 1), "active"),
        (date(2022, 7, 1), None, "cancelled"),
    ]
    stored = list(SubjectPeriod.objects.order_by("pk").values_list("pk", "superseded_at"))
    assert desk.hand(file, kind="enterprise").duplicate == 3
    assert desk.hand(file + b"\r\n ", kind="enterprise").duplicate == 3
    assert list(SubjectPeriod.objects.order_by("pk").values_list("pk", "superseded_at")) == stored


def test_a_registered_subject_is_revised_from_the_day_that_the_row_names(desk: Desk) -> None:
    row = {"统一社会信用代码": FIRM, "名称": "示例运输集团有限公司", "生效日期": "2024-01-01"}
    assert desk.hand(as_csv([row]), kind="enterprise").accepted == 1
    names = [(p.name, p.region) for p in periods(desk.numbers["firm"])]
    assert names == [("示例运输有限公司", "330106"), ("示例运输集团有限公司", "330106")]


def test_persons_are_sealed_and_vehicles_are_called_by_their_plate(desk: Desk) -> None:
    identity = make_id_number(9, region="330106")
    person = {"身份证号": identity, "姓名": "李示例", "生效日期": "2020-01-01", "从业类别": ""}
    plate = make_plate(8)
    vehicle = {"车牌号": plate.lower(), "生效日期": "2020-01-01", "轴数": "6", "是否汽车列车": "是"}
    assert desk.hand(as_csv([person]), "practitioner.csv").accepted == 1
    assert desk.hand(as_csv([vehicle]), "vehicle.csv").accepted == 1
    sealed = Identifier.objects.get(subject=number_of(identity))
    assert (sealed.value, identity in sealed.sealed) == ("", False)
    assert Subject.objects.within(SYSTEM).get(pk=number_of(plate)).kind == "vehicle"


def test_rows_of_several_kinds_say_their_kind(desk: Desk) -> None:
    rows = [
        {"主体类别": "企业", "统一社会信用代码": NEW, "名称": "示例新公司", "生效日期": "2020-01-01"},
        {"主体类别": "vehicle", "号牌": make_plate(8), "生效日期": "2020-01-01"},
        {"主体类别": "飞船", "号牌": make_plate(9), "生效日期": "2020-01-01"},
    ]
    result = desk.hand(as_csv(rows))
    assert (result.carries, result.accepted, result.codes) == ("kind:", 2, {"E05": 1})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"名称": ""}, "E01"),
        ({"统一社会信用代码": NEW[:-1]}, "E02"),
        ({"统一社会信用代码": "9.13E+17"}, "E17"),
        ({"统一社会信用代码": ""}, "E01"),
        ({"生效日期": "0"}, "E04"),
        ({"登记状态": "不明"}, "E05"),
        ({"所在地": "杭州"}, "E05"),
        ({"失效日期": "2019-01-01"}, "E25"),
        ({"操作": "抹掉"}, "E23"),
        ({"代码": "Q-2", "统一社会信用代码": FIRM}, "E22"),
    ],
)
def test_a_registration_that_cannot_be_right_is_queried(desk: Desk, changes: dict[str, str], code: str) -> None:
    result = desk.hand(as_csv([firm(**changes)]), kind="enterprise")
    assert (result.accepted, result.codes) == (0, {code: 1})


def test_two_rows_for_one_day_contradict_each_other(desk: Desk) -> None:
    result = desk.hand(as_csv([firm(), firm(), firm(注册资本="7")]), kind="enterprise")
    assert (result.accepted, result.duplicate, result.codes) == (1, 1, {"E07": 1})


def employs(**changes: str) -> dict[str, str]:
    return {"关系": "聘用", "起点": FIRM, "终点": DRIVER, "起始日期": "2021-03-01", "终止日期": "", **changes}


def related() -> list[tuple[date, date | None]]:
    rows = Relation.objects.filter(superseded_at__isnull=True).order_by("valid_from")
    return [(row.valid_from, row.valid_until) for row in rows]


def test_a_relation_is_stated_ended_and_taken_back(desk: Desk) -> None:
    file = as_csv([employs()])
    assert (desk.hand(file).accepted, related()) == (1, [(date(2021, 3, 1), None)])
    assert desk.hand(file).duplicate == 1
    ended = desk.hand(as_csv([employs(终止日期="2023-01-01")]))
    assert (ended.accepted, related()) == (1, [(date(2021, 3, 1), date(2023, 1, 1))])
    assert desk.hand(file).duplicate == 1
    assert related() == [(date(2021, 3, 1), date(2023, 1, 1))]
    gone = as_csv([employs(操作="撤销")])
    assert (desk.hand(gone).accepted, related()) == (1, [])
    assert desk.hand(gone).duplicate == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"终点": make_id_number(44, region="330106")}, "E08"),
        ({"终点": OTHER_FIRM}, "E18"),
        ({"关系": "收养"}, "E05"),
        ({"起始日期": ""}, "E01"),
        ({"终止日期": "2021-03-01"}, "E25"),
        ({"操作": "撤销"}, "LD-003"),
        ({"起点": "9.1E+17"}, "E17"),
    ],
)
def test_a_relation_that_cannot_be_right_is_queried(desk: Desk, changes: dict[str, str], code: str) -> None:
    result = desk.hand(as_csv([employs(**changes)]))
    assert (result.accepted, result.codes) == (0, {code: 1})
    assert related() == []


def test_a_file_of_one_relation_needs_no_column_for_it(desk: Desk) -> None:
    row = employs(终点=PLATE)
    del row["关系"]
    result = desk.hand(as_csv([row]), relation="operates")
    assert (result.accepted, result.carries) == (1, "relation:operates")
    with pytest.raises(Refused) as refused:
        desk.hand(as_csv([row]), relation="adopts")
    assert refused.value.problems[0].code == "F15"
