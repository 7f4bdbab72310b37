"""The page of 双公示 going out: counts, lamps, the file, the receipt, telling again; for whom it is."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.intake.conftest import DRIVER, as_csv, open_desk, penalty
from tests.web.test_pulls import signed_in

from xinlu.exchange.publicity_models import SubmissionRow
from xinlu.journal.models import Event

pytestmark = pytest.mark.django_db
PAGE = "/double-publicity/"
ITEM = "administrative_penalty"


@pytest.fixture(autouse=True)
def _taken(db: None, settings) -> None:
    settings.TODAY = date(2024, 6, 13)
    person = {"CF_XDR_LB": "自然人", "CF_XDR_SHXYM": "", "CF_FRDB": "", "CF_XDR_ZJLX": "身份证", "CF_XDR_ZJHM": DRIVER}
    open_desk().hand(as_csv([penalty(1), penalty(2, CF_XDR_MC="张示例", **person)]))


def test_what_is_due_is_listed_with_its_lamp_and_the_grade_of_the_deadline() -> None:
    text = signed_in("officer").get(PAGE).content.decode()
    for words in ("浙杭交罚〔2024〕1号", "超期", "2024-06-11", "7 个工作日", "转引"):
        assert words in text, words
    assert DRIVER not in text
    assert "生成行政处罚批次" not in text


def test_a_steward_makes_the_file_and_reads_the_answer() -> None:
    steward = signed_in("steward")
    made = steward.post(f"{PAGE}make/", {"item": ITEM}, follow=True)
    assert "共 2 行" in made.content.decode()
    number = SubmissionRow.objects.first().submission_id
    file = steward.post(f"{PAGE}{number}/", {"form": "csv"})
    first, second = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
    assert second["CF_XDR_ZJHM"] == DRIVER
    assert DRIVER not in file.headers["Content-Disposition"]
    assert Event.objects.filter(verb="exchange.publicity.handed-out", actor__startswith="person:").count() == 1
    lines = (
        f"上报序号,处理结果,原因\n{first['上报序号']},成功,\n{second['上报序号']},退回,姓名与证件号码不符\n9,成功,\n"
    )
    read = steward.post(f"{PAGE}receipt/", {"file": SimpleUploadedFile("回执.csv", lines.encode())})
    text = read.content.decode()
    assert "成功 1，退回 1，已知 0，对不上 1" in text
    assert "DP-008" in text
    returned = steward.get(f"{PAGE}?item={ITEM}&state=returned").content.decode()
    assert "姓名与证件号码不符" in returned
    record = SubmissionRow.objects.get(pk=second["上报序号"]).record
    refused = steward.post(f"{PAGE}again/", {"item": ITEM, "record": record, "reason": ""})
    assert (refused.status_code, "DP-006" in refused.content.decode()) == (422, True)
    done = steward.post(f"{PAGE}again/", {"item": ITEM, "record": record, "reason": "平台已改正"}, follow=True)
    assert "1 条列为待报" in done.content.decode()


def test_what_is_no_receipt_is_told_with_its_code() -> None:
    steward = signed_in("steward")
    for file, code in (
        (SimpleUploadedFile("a.csv", b"a,b\n1,2\n"), "DP-007"),
        (SimpleUploadedFile("b.csv", b" "), "F01"),
    ):
        answer = steward.post(f"{PAGE}receipt/", {"file": file})
        assert (answer.status_code, code in answer.content.decode()) == (422, True)
    assert steward.post(f"{PAGE}receipt/").status_code == 422


def test_only_stewards_of_the_province_report() -> None:
    for client in (signed_in("officer"), signed_in("steward", "jt-330100")):
        for address in ("make/", "receipt/", "again/", "1/"):
            assert client.post(PAGE + address, {"item": ITEM}).status_code == 404
    city = signed_in("officer", "jt-330100").get(PAGE).content.decode()
    assert "浙杭交罚" not in city
    assert Client().get(PAGE).status_code == 302
