"""Rows as delivered, with the personal data in them masked."""

from __future__ import annotations

import io
import zipfile

from python_calamine import CalamineWorkbook
from tests.intake.conftest import DRIVER, START, SYSTEM, Desk, as_csv, penalty

from xinlu.access.masking import id_number
from xinlu.access.scope import Scope
from xinlu.intake.error_file import error_file, hand_out
from xinlu.intake.personal import masked, masked_sentence
from xinlu.intake.preview import preview
from xinlu.intake.sheet import UPLOAD
from xinlu.journal.models import Event
from xinlu.ledger.models import Delivery

OWN = Scope(kind="officer", key="person:1", organ="zj", everywhere=True, sectors=("all",), level="L3")
OTHER = Scope(kind="officer", key="person:2", organ="other", everywhere=True, sectors=("all",), level="L3")


def test_a_column_of_persons_is_masked_under_each_of_its_names() -> None:
    for column in ("公民身份号码", "身份证号", "CF_XDR_ZJHM"):
        assert masked("administrative_penalty", {column: "123456"}) != {column: "123456"}, column
    assert masked("administrative_penalty", {"CF_WSH": "示交罚〔2026〕1号"}) == {"CF_WSH": "示交罚〔2026〕1号"}


def test_a_number_of_a_person_is_masked_wherever_it_stands() -> None:
    told = masked("administrative_penalty", {"CF_SY": f"当事人（{DRIVER}）违法", "关系": "13812345678"})
    assert told == {"CF_SY": f"当事人（{id_number(DRIVER)}）违法", "关系": "138****5678"}
    assert masked("relation:", {"终点标识": DRIVER}) == {"终点标识": id_number(DRIVER)}


def test_subjects_that_are_persons_lose_their_names_and_firms_do_not() -> None:
    row = {"姓名": "张小三", "身份证号": "33010"}
    assert masked("kind:practitioner", row) == {"姓名": "张*三", "身份证号": "*****"}
    assert masked("kind:enterprise", {"名称": "示例运输有限公司"}) == {"名称": "示例运输有限公司"}


def test_a_sentence_repeats_no_number_in_clear() -> None:
    raw = {"身份证号": "3301061990"}
    assert masked_sentence("kind:practitioner", "身份证号“3301061990”位数不对", raw) == "身份证号“330*****90”位数不对"


def test_the_workbook_is_in_clear_for_the_organ_that_delivered_and_masked_for_others(desk: Desk) -> None:
    wrong = penalty(1, CF_JDRQ="去年", CF_SY=f"当事人（{DRIVER}）违法")
    number = desk.hand(as_csv([wrong])).delivery
    for scope, shown in ((OWN, DRIVER), (SYSTEM, DRIVER), (OTHER, id_number(DRIVER))):
        data = error_file(scope, number)
        assert data is not None
        head, row = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
        assert dict(zip(head, row, strict=True))["CF_SY"] == f"当事人（{shown}）违法"


def test_what_is_told_of_a_file_and_its_name_hold_no_number_in_clear(desk: Desk) -> None:
    wrong = penalty(1, CF_XDR_LB="自然人", CF_XDR_ZJHM=DRIVER[:-1] + "0")
    done = desk.hand(as_csv([wrong]), f"{DRIVER}的处罚.csv")
    looked = preview(
        file=as_csv([wrong]), name="a.csv", source="zj-penalties", received_at=START, scope=SYSTEM, limits=UPLOAD
    )
    assert done.queried == looked.queried == 1
    assert DRIVER[:-1] not in repr(done) + repr(looked.problems)
    assert Delivery._base_manager.get(pk=done.delivery).file_name == f"{id_number(DRIVER)}的处罚.csv"


def test_cells_that_begin_like_a_formula_are_text_in_the_workbook(desk: Desk) -> None:
    for sign in "=+-@\t":
        danger = f"{sign}cmd|'/c calc'!A1"
        data = error_file(SYSTEM, desk.hand(as_csv([penalty(1, CF_JDRQ="去年", CF_SY=danger, BZ=sign)])).delivery)
        assert data is not None
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            assert b"<f>" not in packed.read("xl/worksheets/sheet1.xml")
        head, row = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
        assert str(dict(zip(head, row, strict=True))["CF_SY"]).strip() == danger.strip()


def test_taking_a_workbook_away_is_written_into_the_journal(desk: Desk) -> None:
    number = desk.hand(as_csv([penalty(1, CF_JDRQ="去年")])).delivery
    assert hand_out(OWN, number, at=START)
    assert hand_out(Scope.public(), number, at=START) is None
    kept = Event.objects.filter(verb="intake.error_file.read")
    assert [(one.actor, one.facts["clear"]) for one in kept] == [("person:1", True)]
