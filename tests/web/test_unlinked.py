"""The pages of rows that wait for their subject: what a steward reads, does, and takes back."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.province import ACTOR, source
from tests.web.seed import AT, PASSWORD
from tests.web.test_pages import open_page, text_of

from xinlu.access.models import Organ, Person
from xinlu.access.scope import Scope
from xinlu.intake.deliver import deliver
from xinlu.intake.linked import Linking
from xinlu.intake.unlinked import rows
from xinlu.law.identifiers import make_uscc
from xinlu.ledger.models import DeliveryRow, Record
from xinlu.registry.enrol import NewSubject, add_identifiers, enrol
from xinlu.registry.models import Subject

FIRM, OTHER = "示例远帆勘察设计有限公司", "示例海屿船务有限公司"
CODE, OTHER_CODE = make_uscc(801, region="330106"), make_uscc(802, region="330206")
ORGAN = make_uscc(9, region="330100", holder="organ")
PENALTY = {
    "行政相对人名称": FIRM,
    "行政相对人类别": "法人及非法人组织",
    "统一社会信用代码": "",
    "法定代表人": "陈示例",
    "行政处罚决定书文号": "示交罚〔2026〕第 77 号",
    "违法行为类型": "超限运输",
    "违法事实": "车货总质量超过限值",
    "处罚依据": "《公路安全保护条例》第六十四条",
    "处罚类别": "警告",
    "处罚内容": "警告",
    "处罚决定日期": "2026-03-02",
    "处罚有效期": "2099-12-31",
    "公示截止期": "2029-03-02",
    "处罚机关": "示例市交通运输局",
    "处罚机关统一社会信用代码": ORGAN,
    "数据来源单位": "示例市交通运输局",
    "数据来源单位统一社会信用代码": ORGAN,
}


def hand(**changes: str) -> DeliveryRow:
    """Hand over one penalty that waits for its subject."""
    row = {**PENALTY, **changes}
    out = io.StringIO()
    writer = csv.DictWriter(out, list(row))
    writer.writeheader()
    writer.writerow(row)
    done = deliver(
        file=out.getvalue().encode(),
        name="处罚.csv",
        source=source("hz-hand", "jt-330100"),
        item="administrative_penalty",
        received_at=timezone.now() - timedelta(days=1),
        actor=ACTOR,
        scope=Scope.system("test"),
    )
    assert done.queried == 1, done
    return rows(Scope.system("test")).get(delivery=done.delivery)


@pytest.fixture
def firm(site) -> int:
    """A firm with a code that is valid, and another."""
    facts = {"legal_representative": "陈示例"}
    born = date(2015, 1, 1)
    new = NewSubject("enterprise", FIRM, "330106", {"uscc": CODE}, born, attributes=facts)
    enrol(NewSubject("enterprise", OTHER, "330206", {"uscc": OTHER_CODE}, born), actor=ACTOR, at=AT)
    return enrol(new, actor=ACTOR, at=AT)


@pytest.fixture
def steward(firm: int) -> Client:
    Person.objects.create_user(
        "steward",
        password=PASSWORD,
        role="steward",
        data_level="L3",
        first_name="示例数据",
        organ=Organ.objects.get(code="zj"),
    )
    client = Client()
    assert client.login(username="steward", password=PASSWORD)
    return client


def say(client: Client, row: DeliveryRow, **said: str):
    found = client.get(reverse("web:unlinked-row", args=[row.pk]))
    (place, _), *_ = found.context["places"]
    return client.post(reverse("web:unlinked-row", args=[row.pk]), {"place": place.missing.place, **said})


def test_a_steward_reads_candidates_side_by_side_and_confirms_one(firm: int, steward: Client) -> None:
    row = hand(行政相对人名称="示例遠帆勘察設計有限责任公司")
    listed = open_page(steward, "web:unlinked")
    for words in ("示例遠帆勘察設計有限责任公司", FIRM, "很可能是", "78 分"):
        assert words in listed
    page = open_page(steward, "web:unlinked-row", row.pk)
    for words in (FIRM, "名称只差", "法定代表人相同", "所写", "登记", CODE, "都不是"):
        assert words in page
    missing_reason = say(steward, row, subject=str(firm), act="confirm", reason=" ")
    assert missing_reason.status_code == 422
    assert "MT-001" in text_of(missing_reason)
    nobody = say(steward, row, act="confirm", reason="核对")
    assert nobody.status_code == 422
    assert "请先选中一个候选主体" in text_of(nobody)

    done = say(steward, row, subject=str(firm), act="confirm", reason="与营业执照核对")
    assert done.status_code == 302
    record = Record._base_manager.get(key__contains="第 77 号", superseded_at__isnull=True)
    assert record.subject_id == firm
    after = open_page(steward, "web:unlinked-row", row.pk)
    assert f"已确认：是 {FIRM}" in after
    assert "示例数据" in after
    assert "没有待关联的数据" in open_page(steward, "web:unlinked")
    assert FIRM in open_page(steward, "web:unlinked", state="linked") or "已关联" in open_page(
        steward, "web:unlinked", state="linked"
    )

    linking = Linking.objects.get()
    address = reverse("web:unlinked-row", args=[row.pk])
    assert steward.post(address, {"act": "undo", "linking": linking.pk, "reason": "看错了"}).status_code == 302
    assert not Record._base_manager.filter(key__contains="第 77 号", superseded_at__isnull=True).exists()
    assert "待关联" in open_page(steward, "web:unlinked")


def test_none_of_these_sends_the_row_back(firm: int, steward: Client) -> None:
    row = hand(行政相对人名称=FIRM)
    assert say(steward, row, act="none", reason="查无此案").status_code == 302
    assert "没有待关联的数据" in open_page(steward, "web:unlinked")
    assert "查无此案" in open_page(steward, "web:unlinked-row", row.pk)


def test_another_registered_subject_can_be_named(firm: int, steward: Client) -> None:
    row = hand(行政相对人名称="示例查无相近运输有限公司")
    assert "登记库中没有接近的主体" in open_page(steward, "web:unlinked-row", row.pk)
    wrong = say(steward, row, act="confirm", other="91330106NOBODY0000", reason="核实")
    assert "MT-003" in text_of(wrong)
    assert say(steward, row, act="confirm", other=OTHER_CODE, reason="核实").status_code == 302
    record = Record._base_manager.get(key__contains="第 77 号", superseded_at__isnull=True)
    found = Subject._base_manager.get(name=OTHER)
    assert (record.subject_id, record.payload["party_name"]) == (found.pk, OTHER)


def test_nobody_else_has_the_page_and_a_reader_only_looks(client: Client, steward: Client) -> None:
    row = hand()
    address = reverse("web:unlinked-row", args=[row.pk])
    assert client.get(address).status_code == 302, "who is not signed in is asked to"
    other_city = Client()
    assert other_city.login(username="city", password=PASSWORD)
    assert other_city.get(address).status_code == 404
    assert "没有待关联的数据" in open_page(other_city, "web:unlinked")
    Person.objects.create_user(
        "reader", password=PASSWORD, role="reader", data_level="L3", organ=Organ.objects.get(code="zj")
    )
    reader = Client()
    assert reader.login(username="reader", password=PASSWORD)
    page = open_page(reader, "web:unlinked-row", row.pk)
    assert "确认关联" not in page
    assert say(reader, row, act="none", reason="x").status_code == 403
    assert steward.get(reverse("web:unlinked-row", args=[0])).status_code == 404


def test_rows_whose_code_was_registered_since_are_taken_by_one_press(firm: int, steward: Client) -> None:
    code = make_uscc(4711, region="330106")
    hand(统一社会信用代码=code)
    assert "没有标识已登记的行" in text_of(steward.post(reverse("web:unlinked-equal"), follow=True))
    add_identifiers([(firm, "uscc", code)], actor=ACTOR, at=timezone.now())
    assert "可直接收入" in open_page(steward, "web:unlinked")
    assert "1 行已入库" in text_of(steward.post(reverse("web:unlinked-equal"), follow=True))
    assert Record._base_manager.filter(key__contains="第 77 号", superseded_at__isnull=True).exists()
