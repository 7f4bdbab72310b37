"""A preview says what a delivery would come to, and writes nothing."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from tests.intake.conftest import FIRM, SYSTEM, Desk, as_csv, penalty

from xinlu.access.scope import Scope
from xinlu.intake.error_file import error_file
from xinlu.intake.preview import Preview, preview
from xinlu.intake.problems import Refused
from xinlu.journal.models import Event
from xinlu.ledger.models import Delivery, Record


def look(desk: Desk, file: bytes, name: str = "a.csv", **said: Any) -> Preview:
    said = {"source": "zj-penalties", "scope": SYSTEM, "received_at": desk.at + timedelta(days=1), **said}
    return preview(file=file, name=name, **said)


def test_a_preview_agrees_with_the_delivery_and_writes_nothing(desk: Desk) -> None:
    desk.hand(as_csv([penalty(1), penalty(2)]))
    rows = [
        penalty(1),
        penalty(2, CF_NR_FK="0.3", CF_NR="罚款3000元"),
        penalty(3),
        penalty(3),
        penalty(4, CF_JDRQ="去年"),
        penalty(5, 操作="撤销"),
    ]
    file = as_csv(rows)
    before = (Delivery._base_manager.count(), Record._base_manager.count(), Event.objects.count())
    seen = look(desk, file)
    assert (Delivery._base_manager.count(), Record._base_manager.count(), Event.objects.count()) == before
    assert (seen.new, seen.corrections, seen.withdrawals, seen.repeated) == (1, 1, 0, False)
    assert seen.columns["CF_WSH"] == "行政处罚决定书文号"
    assert seen.sample[0]["CF_XDR_SHXYM"] == FIRM
    done = desk.hand(file)
    for name in ("delivered", "accepted", "queried", "duplicate", "codes", "carries", "title"):
        assert getattr(seen, name) == getattr(done, name), name
    assert [(one.code, one.line) for one in seen.problems] == [(one.code, one.line) for one in done.problems]
    assert look(desk, file).repeated


def test_a_preview_of_subjects_counts_without_enrolling(desk: Desk) -> None:
    row = {"统一社会信用代码": FIRM, "名称": "示例运输有限公司", "生效日期": "2024-01-01"}
    seen = look(desk, as_csv([row]), kind="enterprise")
    assert (seen.duplicate, seen.accepted, seen.title) == (1, 0, "主体登记：企业")
    assert seen.columns == {name: name for name in row}


def test_a_bad_file_is_refused_in_the_preview_too(desk: Desk) -> None:
    with pytest.raises(Refused):
        look(desk, b"")


def test_queried_rows_come_back_as_a_workbook_that_can_be_mended_and_delivered(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(1), penalty(2, CF_JDRQ="去年", BZ="=1+1")]))
    data = error_file(SYSTEM, result.delivery)
    assert data is not None
    head, row = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    told = dict(zip(head, row, strict=True))
    assert (told["行号"], told["问题代码"], told["CF_JDRQ"], told["BZ"]) == ("3", "E04", "去年", "=1+1")
    assert told["怎么办"]
    again = desk.hand(data, "疑问数据.xlsx")
    assert (again.codes, again.warnings) == ({"E04": 1}, ())


def test_nobody_else_learns_of_an_error_file(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty(2, CF_JDRQ="去年")]))
    assert error_file(Scope.public(), result.delivery) is None
    assert error_file(SYSTEM, desk.hand(as_csv([penalty(1)])).delivery) is None
