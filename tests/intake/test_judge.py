"""Every delivery is judged by the declared checks; what is too bad is held and nothing of it takes effect."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.intake.conftest import FIRM, PLATE, SYSTEM, Desk, as_csv, penalty

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.hold import HOLD_CODES, HoldRefused, drop, hold_of, holds, release
from xinlu.intake.measured import CheckResult, RowFault
from xinlu.journal.models import Event
from xinlu.law.quality import Check, Fails, QualityRules
from xinlu.law.reporting import load_reporting
from xinlu.ledger.models import DeliveryRow, Record

PENALTY = "administrative_penalty"
STEWARD = Scope.system("steward")


def results(delivery: int) -> dict[str, tuple[int, int]]:
    rows = CheckResult.objects.within(SYSTEM).filter(delivery=delivery)
    return {one.name: (one.ran, one.failed) for one in rows}


def failing(delivery: int, name: str) -> list[int]:
    rows = RowFault.objects.within(SYSTEM).filter(result__delivery=delivery, result__name=name)
    return sorted(rows.values_list("row__number", flat=True))


def many(good: int, bad: int, **changes: str) -> bytes:
    rows = [penalty(number) for number in range(1, good + 1)]
    return as_csv([*rows, *(penalty(1000 + number, **changes) for number in range(bad))])


@pytest.fixture
def rules() -> Any:
    """Put other quality rules into the law of this process."""

    def use(*several: QualityRules) -> None:
        law = current.library()
        current.install(replace(law, quality={one.quality: one for one in several}))

    yield use
    current.install(None)


def made(*checks: Check, items: tuple[str, ...] = (), least_rows: int = 1) -> QualityRules:
    shipped = current.library().quality["all_items"]
    return QualityRules(
        quality="trial",
        title="试",
        source=shipped.source,
        in_force=shipped.in_force,
        items=items,
        least_rows=least_rows,
        checks=checks,
        rhythms=shipped.rhythms,
    )


def test_each_check_counts_the_rows_that_it_looked_at_and_keeps_those_that_failed(desk: Desk) -> None:
    file = as_csv([penalty(1), penalty(2, CF_SY=""), penalty(3, CF_JDRQ="2024-02-30"), penalty(1)])
    found = desk.hand(file)
    said = results(found.delivery)
    assert said["required_filled"] == (4, 1)
    assert said["readable_values"] == (4, 1)
    assert said["nothing_repeated"] == (4, 1)
    assert said["in_time"] == (1, 0)
    assert (failing(found.delivery, "required_filled"), failing(found.delivery, "readable_values")) == ([3], [4])
    assert failing(found.delivery, "nothing_repeated") == [5]
    counted = CheckResult.objects.within(SYSTEM).filter(delivery=found.delivery)
    for one in counted:
        assert RowFault.objects.within(SYSTEM).filter(result=one).count() == one.failed, one.name


def test_seven_working_days_after_the_decision_are_in_time_and_the_eighth_is_late(desk: Desk) -> None:
    # 30 May 2024 was a Thursday, 10 June the holiday of 端午.
    desk.at = desk.at.replace(month=6, day=10)
    assert results(desk.hand(as_csv([penalty(1)])).delivery)["in_time"] == (1, 0)
    late = desk.hand(as_csv([penalty(2)]))
    assert results(late.delivery)["in_time"] == (1, 1)
    assert failing(late.delivery, "in_time") == [2]


def test_a_correction_is_not_late(desk: Desk) -> None:
    desk.hand(as_csv([penalty(1)]))
    desk.at += timedelta(days=60)
    assert "in_time" not in results(desk.hand(as_csv([penalty(1, CF_SY="改正")])).delivery)


def test_a_record_is_held_against_the_register_and_against_other_records(desk: Desk, rules: Any) -> None:
    named = Check(check="named", title="名称", dimension="accuracy", fails=Fails(name_differs="party_name"))
    known = Check(check="known", title="登记", dimension="accuracy", fails=Fails(before_registration=True))
    empty = Check(check="empty", title="金额", dimension="completeness", fails=Fails(empty=("fine_amount",)))
    rules(made(named, known, empty, items=(PENALTY,)))
    found = desk.hand(
        as_csv([penalty(1), penalty(2, CF_XDR_MC="示例运输公司", CF_CFLB="警告", CF_NR="警告", CF_NR_FK="")])
    )
    assert found.accepted + found.queried == 2
    said = results(found.delivery)
    assert said["known"] == (found.accepted, 0)
    old = desk.hand(as_csv([penalty(3, CF_JDRQ="2014-05-30", CF_GSJZQ="2015-05-30")]))
    assert results(old.delivery)["known"] == (1, 1)
    assert results(old.delivery)["empty"] == (1, 0)


def test_an_act_without_a_weighing_of_the_same_vehicle_near_it_fails(desk: Desk) -> None:
    weighings = [{"检测单号": "C-1", "检测日期": "2024-05-30", "被检车辆车牌号": PLATE, "车货总质量": "50000"}]
    desk.hand(as_csv(weighings), item="weighing")
    acts = [
        {"违法行为编号": f"W-{day}", "发现日期": f"2024-05-{day}", "违法车辆车牌号": PLATE}
        for day in ("26", "27", "30")
    ]
    found = desk.hand(as_csv(acts), item="overlimit_act")
    assert found.accepted == 3, found.problems
    assert results(found.delivery)["weighed"] == (3, 1)
    assert failing(found.delivery, "weighed") == [2]
    assert results(found.delivery)["excess_stated"] == (3, 3)


def test_a_delivery_below_a_floor_is_held_and_what_was_there_stays_live(desk: Desk) -> None:
    desk.hand(as_csv([penalty(1)]))
    (before,) = Record._base_manager.filter(item=PENALTY)
    rows = [
        penalty(1, CF_SY="改动"),
        *(penalty(n) for n in range(2, 10)),
        *(penalty(n, CF_SY="") for n in range(50, 65)),
    ]
    found = desk.hand(as_csv(rows))
    assert (found.accepted, found.queried, found.codes["Q01"], found.codes["E01"]) == (0, 24, 9, 15)
    assert found.held
    (after,) = Record._base_manager.filter(item=PENALTY)
    assert (after.pk, after.superseded_at, after.digest) == (before.pk, None, before.digest)
    said = results(found.delivery)
    assert said["required_filled"] == (24, 15)
    assert "低于最低占比 50%" in DeliveryRow._base_manager.filter(delivery=found.delivery, code="Q01")[0].sentence


def test_a_small_delivery_is_not_held(desk: Desk) -> None:
    found = desk.hand(many(1, 3, CF_SY=""))
    assert (found.accepted, found.queried, found.held) == (1, 3, False)


def test_a_delivery_on_which_no_check_ran_fails(desk: Desk, rules: Any) -> None:
    rules()
    found = desk.hand(as_csv([penalty(1), penalty(2)]))
    assert (found.accepted, found.codes) == (0, {"Q02": 2})
    assert not Record._base_manager.filter(item=PENALTY).exists()
    assert not results(found.delivery)


def test_a_floor_of_records_holds_too_and_the_rows_that_broke_it_are_known(desk: Desk, rules: Any) -> None:
    late = Check(check="in_time", title="及时", dimension="timeliness", fails=Fails(late=True), floor=Decimal("0.9"))
    rules(made(late, items=(PENALTY,)))
    found = desk.hand(as_csv([penalty(1), penalty(2, CF_JDRQ="2024-02-01")]))
    assert found.codes == {"Q01": 2}
    assert results(found.delivery) == {"in_time": (2, 1)}
    assert failing(found.delivery, "in_time") == [3]


def held(desk: Desk) -> int:
    rows = [*(penalty(n) for n in range(1, 10)), *(penalty(n, CF_SY="") for n in range(50, 65))]
    return desk.hand(as_csv(rows)).delivery


def test_releasing_hands_the_held_rows_over_again_and_leaves_those_with_mistakes(desk: Desk) -> None:
    number = held(desk)
    assert [one.pk for one in holds(SYSTEM)] == [number]
    found = release(STEWARD, number, reason="来源系统确认无误", at=desk.at + timedelta(hours=1))
    assert (found.delivered, found.accepted, found.queried) == (9, 9, 0)
    assert Record._base_manager.filter(item=PENALTY, superseded_at=None).count() == 9
    hold = hold_of(SYSTEM, number)
    assert hold is not None
    assert hold.ruling is not None
    assert (hold.waiting, hold.ruling.kind, hold.ruling.made_id) == (9, "released", found.delivery)
    assert not holds(SYSTEM)
    assert Event.objects.filter(verb="intake.delivery.released").count() == 1
    with pytest.raises(HoldRefused, match="QH-02"):
        release(STEWARD, number, reason="再来", at=desk.at + timedelta(hours=2))


def test_dropping_leaves_everything_as_it_was(desk: Desk) -> None:
    number = held(desk)
    drop(SYSTEM, number, reason="来源系统导出有误", at=desk.at)
    assert not Record._base_manager.filter(item=PENALTY).exists()
    with pytest.raises(HoldRefused, match="QH-02"):
        drop(SYSTEM, number, reason="再来", at=desk.at)


def test_only_somebody_else_of_the_province_releases_and_a_reason_is_needed(desk: Desk) -> None:
    number = held(desk)
    city = Scope(kind="officer", key="person:9", organ="jt-330100", regions=("330106",), sectors=("all",), level="L2")
    province = replace(city, organ="zj", everywhere=True)
    with pytest.raises(HoldRefused, match="QH-01"):
        release(city, number, reason="放行", at=desk.at)
    with pytest.raises(HoldRefused, match="QH-04"):
        release(province, number, reason=" ", at=desk.at)
    with pytest.raises(HoldRefused, match="QH-03"):
        release(replace(province, key="system:test"), number, reason="放行", at=desk.at)
    assert release(province, number, reason="放行", at=desk.at + timedelta(hours=1)).accepted == 9


def test_subjects_and_relations_are_judged_by_code(desk: Desk) -> None:
    rows = [{"统一社会信用代码": FIRM[:-1] + "0", "名称": "示例", "行政区划代码": "330106", "生效日期": "2020-01-01"}]
    found = desk.hand(as_csv(rows), kind="enterprise")
    said = results(found.delivery)
    assert said["readable_values"][0] == 1
    assert "in_time" not in said


def test_the_days_of_the_quality_rule_are_those_of_the_reporting_rule() -> None:
    law = current.library()
    rhythm = law.quality["double_publicity"].rhythms["daily"]
    (rule,) = [one for one in load_reporting(law.root) if one.in_force.covers(date(2026, 6, 30))]
    assert rhythm.due == f"{rule.deadline.working_days} working days"


def test_the_codes_of_decisions_stand_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")
    for code in HOLD_CODES.values():
        assert f"| `{code.code}` | {code.title} | {code.next_step} |" in page
