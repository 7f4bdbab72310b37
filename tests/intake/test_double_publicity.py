"""双公示: what the standard asks of a row beyond the fields of its item."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.intake.conftest import DRIVER, FIRM, ORGAN, TRADER, Desk, as_csv, penalty

from xinlu.intake.problems import Refused
from xinlu.ledger.models import DeliveryRow, Record


def permit(number: int = 1, **changes: str) -> dict[str, str]:
    """A permit that is in order, but for ``changes``."""
    row = {
        "XK_XDR_MC": "示例运输有限公司", "XK_XDR_LB": "法人及非法人组织", "XK_XDR_SHXYM": FIRM, "XK_FRDB": "李示例",
        "XK_XKWS": "道路运输经营许可决定书", "XK_WSH": f"浙杭交许〔2024〕{number}号", "XK_XKLB": "普通",
        "XK_XKZS": "道路运输经营许可证", "XK_XKBH": "330106000001", "XK_NR": "道路普通货物运输", "XK_JDRQ": "2024/5/30",
        "XK_YXQZ": "2024/5/30", "XK_YXQZI": "2099/12/31", "XK_XKJG": "示例市交通运输局", "XK_XKJGDM": ORGAN,
        "XK_ZT": "1", "XK_LYDW": "示例市交通运输局", "XK_LYDWDM": ORGAN, "BZ": "",
    }  # fmt: skip
    return row | changes


def codes(desk: Desk, *rows: dict[str, str], **said: object) -> dict[str, int]:
    return dict(desk.hand(as_csv(rows), **said).codes)


def test_both_sheets_are_told_by_their_columns(desk: Desk) -> None:
    assert desk.hand(as_csv([permit()])).carries == "administrative_permit"
    assert desk.hand(as_csv([penalty()])).carries == "administrative_penalty"
    assert {row.payload["decided_on"] for row in Record._base_manager.all()} == {"2024-05-30"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"CF_XDR_SHXYM": TRADER, "CF_XDR_MC": "示例货运部"}, "92 开头，类别应为个体工商户"),
        ({"CF_XDR_LB": "个体工商户"}, "却不以 92 开头"),
        ({"CF_XDR_LB": "自然人", "CF_XDR_ZJHM": DRIVER}, "自然人的不填"),
    ],
)
def test_the_kind_of_party_and_its_code_must_agree(desk: Desk, changes: dict[str, str], said: str) -> None:
    assert codes(desk, penalty(**changes)) == {"E41": 1}
    (row,) = DeliveryRow._base_manager.filter(outcome="queried")
    assert said in row.sentence
    assert row.field == "CF_XDR_LB"


def test_a_sole_trader_comes_in_the_sheet_of_firms(desk: Desk) -> None:
    row = permit(XK_XDR_LB="个体工商户", XK_XDR_SHXYM=TRADER, XK_XDR_MC="示例货运部", XK_FRDB="")
    assert codes(desk, row) == {}


@pytest.mark.parametrize(
    ("day", "late"),
    [
        # Decided on Thursday 30 May; 10 June is a holiday: the seventh working day is 11 June.
        (datetime(2024, 6, 11, 15, 59, tzinfo=UTC), False),
        (datetime(2024, 6, 11, 16, 0, tzinfo=UTC), True),
    ],
)
def test_after_the_seventh_working_day_a_row_is_late(desk: Desk, day: datetime, late: bool) -> None:
    result = desk.hand(as_csv([penalty()]), received_at=day)
    assert result.accepted == 1
    assert dict(result.codes) == ({"W41": 1} if late else {})
    (row,) = DeliveryRow._base_manager.all()
    assert ("2024-06-11" in row.sentence) == late


def test_a_correction_is_not_late(desk: Desk) -> None:
    desk.hand(as_csv([penalty()]))
    later = datetime(2024, 9, 1, tzinfo=UTC)
    assert codes(desk, penalty(CF_SY="更正后的事实"), received_at=later) == {}
    assert codes(desk, penalty(2), received_at=later) == {"W41": 1}


def test_a_day_beyond_the_calendar_is_not_called_late(desk: Desk) -> None:
    decided = penalty(CF_JDRQ="2026/12/30", CF_GSJZQ="2029-12-30")
    assert codes(desk, decided, received_at=datetime(2027, 3, 1, tzinfo=UTC)) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"CF_NR": "当场处罚罚款200元", "CF_NR_FK": "0.02"},
        {"CF_WSH": "浙杭交简罚〔2024〕7号"},
        {"处罚程序": "简易程序"},
        {"BZ": "适用简易程序"},
    ],
)
def test_penalties_by_summary_procedure_are_refused(desk: Desk, changes: dict[str, str]) -> None:
    assert codes(desk, penalty(**changes)) == {"E20": 1}


def test_a_permit_has_no_summary_procedure(desk: Desk) -> None:
    assert codes(desk, permit(BZ="简易程序办理")) == {}


def test_the_names_of_2016_are_taken_and_both_columns_of_kinds_are_read(desk: Desk) -> None:
    row = penalty()
    older = {"CF_FRDB": "CF_FR", "CF_NR": "CF_JG", "CF_CFJG": "CF_XZJG", "CF_SY": "处罚事由"}
    row = {older.get(name, name): value for name, value in row.items() if name != "CF_CFLB"}
    row |= {"CF_CFLB1": "警告", "CF_CFLB2": "罚款", "CF_CFMC": "示例", "CF_ZT": "0", "DFBM": "330100", "SJC": "1"}
    result = desk.hand(as_csv([row]))
    assert (result.accepted, result.warnings) == (1, ()), result.problems
    (record,) = Record._base_manager.all()
    assert record.payload["penalty_kinds"] == ["warning", "fine"]


def test_one_name_twice_is_still_refused(desk: Desk) -> None:
    header, line = as_csv([penalty()]).decode().splitlines()
    with pytest.raises(Refused) as refused:
        desk.hand(f"{header},CF_CFLB\n{line},罚款\n".encode(), item="administrative_penalty")
    assert refused.value.problems[0].code == "F08"
