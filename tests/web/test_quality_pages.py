"""Each number of the pages of quality and indicators leads to as many rows; a letter tells what was refused."""

from __future__ import annotations

import html
import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from tests.intake.conftest import ACTOR, PLATE, SYSTEM, Desk, as_csv, open_desk, penalty

from xinlu.access.models import Organ, Person
from xinlu.access.scope import Scope
from xinlu.casework.returned_rows import cases_of, follow, return_rows
from xinlu.intake import quantities
from xinlu.intake.freshness import lamps
from xinlu.intake.judge import judge_older
from xinlu.intake.letter import letter
from xinlu.intake.letter_file import as_pdf, as_workbook
from xinlu.intake.measured import CheckResult
from xinlu.intake.measures import COUNTED, faults, handed, rows_of
from xinlu.law.quality import Dimension
from xinlu.ledger.cuts import Cut
from xinlu.ledger.deliver import register_source
from xinlu.ledger.models import DeliveryRow, Record

JUNE, JULY = date(2024, 6, 1), date(2024, 7, 1)
CUT = Cut(JUNE, JULY)
TOTAL = re.compile(r"共 ([\d,]+) (?:行|条|处)")


@pytest.fixture
def desk(db: None) -> Desk:
    """Deliveries of two sources in June 2024: files and an interface, good rows, refused ones, late ones, repeats."""
    Organ.objects.create(code="zj-info-centre", name="示例数据中心", kind="province", everywhere=True, sectors=["all"])
    one = open_desk()
    register_source(code="hz", title="示例市", organ="jt-330100", kind="platform", actor=ACTOR, at=one.at)
    first = [penalty(1), penalty(2), penalty(3, CF_SY=""), penalty(4, CF_JDRQ="2024-02-01"), penalty(1)]
    one.hand(as_csv(first))
    one.hand(as_csv([penalty(2, CF_SY="改正"), penalty(5, CF_XDR_SHXYM="")]))
    one.hand(as_csv([penalty(11), penalty(12, CF_CFLB="不知道")]), source="hz", way="api")
    one.hand(as_csv([{"检测单号": "C-1", "检测日期": "2024-06-05", "被检车辆车牌号": PLATE}]), item="weighing")
    return one


@pytest.fixture
def steward(client: Client, desk: Desk, settings: Any) -> Client:
    settings.TODAY = date(2024, 6, 30)
    organ = Organ.objects.get(code="zj-info-centre")
    client.force_login(Person.objects.create(username="steward", organ=organ, data_level="L2"))
    return client


def text(page: Any) -> str:
    assert page.status_code == 200, page.status_code
    return html.unescape(page.content.decode())


def listed(client: Client, address: str) -> int:
    said = text(client.get(address))
    found = TOTAL.search(re.sub(r"<[^>]+>", "", said))
    return int(found[1].replace(",", "")) if found else 0


def links(said: str, part: str) -> list[tuple[str, int]]:
    """Links whose words are a number: address and number."""
    found = re.findall(rf'<a (?:class="small" )?href="([^"]*{part}[^"]*)">([\d,]+)(?: 处(?:不合格)?)?</a>', said)
    return [(address, int(number.replace(",", ""))) for address, number in found]


def test_quantities_are_as_many_as_the_rows_that_they_list(desk: Desk) -> None:
    cells = quantities.cube(SYSTEM, since=JUNE, until=JULY)
    total = quantities.total(cells)
    assert total == {
        "records_automatic": 1, "records_effective": 5, "rows_on_time": 4, "rows_due": 5,
        "rows_compliant": 6, "rows_judged": 9, "rows_accepted": 6,
    }  # fmt: skip
    places = {(None, None), *((one.city, one.item) for one in cells), *((one.city, None) for one in cells)}
    for city, item in places:
        own = quantities.total(o for o in cells if city in (None, o.city) and item in (None, o.item))
        for name in quantities.QUANTITIES:
            cut = Cut(JUNE, JULY, city=city, item=item)
            assert quantities.listed(SYSTEM, name, cut).count() == own[name], (name, city, item)


def test_a_withdrawn_record_is_no_longer_effective(desk: Desk) -> None:
    desk.hand(as_csv([{**penalty(1), "操作": "撤销"}]))
    assert quantities.total(quantities.cube(SYSTEM, since=JUNE, until=JULY))["records_effective"] == 4


def test_measures_are_as_many_as_the_rows_that_they_list(desk: Desk) -> None:
    for one in handed(SYSTEM, CUT):
        cut = Cut(JUNE, JULY, item=one.item, source=one.source)
        for what in COUNTED:
            assert rows_of(SYSTEM, cut, what).count() == getattr(one, what), (one.item, what)
        for dimension, measure in one.dimensions.items():
            assert faults(SYSTEM, cut, dimension=dimension).count() == measure.failed
    (own,) = [one for one in handed(SYSTEM, CUT) if one.source == "zj-penalties" and one.item != "weighing"]
    assert (own.delivered, own.accepted, own.updated, own.queried, own.duplicate) == (7, 4, 1, 2, 1)
    assert set(own.dimensions) == set(Dimension)
    assert (own.dimensions[Dimension.TIMELINESS].ran, own.dimensions[Dimension.TIMELINESS].failed) == (3, 1)


def test_a_city_counts_what_it_delivered_and_nothing_else(desk: Desk) -> None:
    city = Scope(kind="officer", key="person:9", organ="jt-330100", regions=("330100",), sectors=("all",), level="L2")
    total = quantities.total(quantities.cube(city, since=JUNE, until=JULY))
    assert (total["records_effective"], total["rows_judged"]) == (1, 2)
    assert {one.source for one in handed(city, CUT)} == {"hz"}
    assert letter(city, "zj-penalties", JUNE) is None


def test_lamps_turn_with_the_silence_of_a_source(desk: Desk) -> None:
    by_day = {}
    for day in (date(2024, 6, 9), date(2024, 6, 12), date(2024, 6, 20)):
        found = {(one.item, one.source): one for one in lamps(SYSTEM, on=day)}
        by_day[day] = found["weighing", "zj-penalties"].colour
    assert list(by_day.values()) == ["green", "yellow", "red"]
    penalties = {one.source: one for one in lamps(SYSTEM, on=date(2024, 6, 18))}
    # Received on 6 June; 10 June was a holiday: the seventh working day after it is 18 June.
    assert (penalties["hz"].warns_after, penalties["hz"].colour) == (date(2024, 6, 18), "green")


def test_deliveries_from_before_the_rules_are_judged_afterwards_and_never_held(desk: Desk) -> None:
    before = list(CheckResult.objects.within(SYSTEM).values_list("delivery", "name", "ran", "failed"))
    CheckResult._base_manager.all().delete()
    assert judge_older() == 4
    assert list(CheckResult.objects.within(SYSTEM).values_list("delivery", "name", "ran", "failed")) == before
    assert judge_older() == 0


def test_every_number_of_the_pages_leads_to_its_rows(steward: Client) -> None:
    numbers = 0
    for name in ("automatic_share", "in_time", "compliance", "effective_share", "clause_use"):
        for address, number in links(text(steward.get(f"/indicators/{name}/?period=2024-06")), "/rows/"):
            assert listed(steward, address) == number, address
            numbers += 1
    for address, number in links(text(steward.get("/quality/?month=2024-06")), "/faults/"):
        assert listed(steward, address) == number, address
        numbers += 1
    for address, number in links(text(steward.get("/quality/arrivals/?month=2024-06")), "/arrivals/rows/"):
        assert listed(steward, address) == number, address
        numbers += 1
    assert numbers > 60


def test_the_pages_show_indicator_definition_source_and_target(steward: Client) -> None:
    said = text(steward.get("/indicators/"))
    assert all(word in said for word in ("指标利用率", "自动化归集率", "及时率", "合规率", "有效入库率", "示例"))
    assert "20.0%" in said
    one = text(steward.get("/indicators/compliance/"))
    assert "95%" in one
    assert "行政处罚、行政许可" in one


def test_nobody_but_officers_finds_these_pages(client: Client, desk: Desk) -> None:
    for address in ("/indicators/", "/quality/", "/quality/arrivals/", "/quality/letters/"):
        assert client.get(address).status_code == 302
    client.force_login(Person.objects.create(username="firm", subject=desk.numbers["firm"], role="subject"))
    for address in ("/indicators/", "/quality/", "/quality/arrivals/", "/quality/letters/"):
        assert client.get(address).status_code == 404


def test_a_letter_says_row_by_row_what_was_refused_and_until_when(desk: Desk) -> None:
    found = letter(SYSTEM, "zj-penalties", JUNE)
    assert found is not None
    assert [(one.row.number, one.row.code, one.state) for one in found.rows] == [
        (4, "E01", "待重报"),
        (3, "E01", "待重报"),
    ]
    assert found.due == date(2024, 7, 5)
    assert sum(found.counts().values()) == 2 * found.counts()["delivered"]


@pytest.mark.slow
def test_the_papers_of_a_letter_are_equal_each_time_and_marked_as_sample(desk: Desk) -> None:
    from pypdf import PdfReader
    from python_calamine import CalamineWorkbook

    found = letter(SYSTEM, "zj-penalties", JUNE)
    assert found is not None
    paper = as_pdf(found, sample=True, at=desk.at)
    assert paper == as_pdf(found, sample=True, at=desk.at)
    said = "".join(page.extract_text() for page in PdfReader(io.BytesIO(paper)).pages)
    assert "数据质量函" in said
    assert "示例数据" in said
    book = CalamineWorkbook.from_filelike(io.BytesIO(as_workbook(found, sample=True, at=desk.at)))
    assert book.sheet_names == ["填报说明", "行政处罚"]
    rows = book.get_sheet_by_name("行政处罚").to_python()
    assert len(rows) == 3
    assert rows[1][rows[0].index("重报情况")] == "待重报"
    assert any("示例数据" in str(cell) for row in book.get_sheet_by_name("填报说明").to_python() for cell in row)


def test_only_the_delivering_organ_reads_its_rows_in_clear(desk: Desk) -> None:
    desk.hand(as_csv([penalty(20, CF_XDR_ZJHM="330106199001011234", CF_SY="")]), source="hz")
    own = Scope(kind="officer", key="person:9", organ="jt-330100", regions=("330100",), sectors=("all",), level="L3")
    for scope, clear in ((own, True), (SYSTEM, False)):
        found = letter(scope, "hz", JUNE)
        assert found is not None
        assert ("330106199001011234" in str([one.raw for one in found.rows])) is clear


def test_a_returned_row_is_fixed_delivered_again_and_closed(desk: Desk, steward: Client) -> None:
    assert steward.post("/quality/letters/zj-penalties/2024-06/return/").status_code == 302
    rows = list(DeliveryRow._base_manager.filter(outcome="queried", delivery__source__code="zj-penalties"))
    at = desk.at.replace(month=6, day=30, hour=23)
    orders = cases_of(SYSTEM, [one.pk for one in rows], now=at)
    assert {one.state for one in orders.values()} == {"returned"}
    assert len(orders) == 2
    assert not return_rows(SYSTEM, "zj-penalties", JUNE, at=at), "each row is returned once"
    desk.at = at + timedelta(hours=1)
    desk.hand(as_csv([penalty(3)]))
    assert follow(SYSTEM, at=desk.at + timedelta(hours=1)) == 1
    states = {one.case.title[-3:]: one.state for one in cases_of(SYSTEM, [r.pk for r in rows], now=desk.at).values()}
    assert sorted(one.state for one in cases_of(SYSTEM, [r.pk for r in rows], now=desk.at).values()) == [
        "redelivered",
        "returned",
    ], states
    said = text(steward.get("/quality/letters/zj-penalties/2024-06/"))
    assert "已重报待核对" in said
    assert "已重报入库" in said


def test_lineage_leads_from_the_line_of_a_file_to_its_record_and_back(desk: Desk, steward: Client) -> None:
    from xinlu.ledger.lineage import origins, record_of_line, rows_about

    record = Record._base_manager.get(item="administrative_penalty", key__contains="〔2024〕2号", superseded_at=None)
    found = origins(SYSTEM, record.record, on=date(2024, 6, 30))
    assert [one.line for one in found] == [3, 2]
    assert {record_of_line(SYSTEM, row.delivery_id, row.number) for row in rows_about(SYSTEM, record.record)} == {
        record.record
    }
    said = text(steward.get(f"/lineage/{record.record}/"))
    assert "第 3 行" in said
    assert "a.csv" in said
    assert steward.get("/lineage/999999/").status_code == 404


def test_a_held_delivery_is_shown_and_released_on_its_page(desk: Desk, steward: Client) -> None:
    rows = [*(penalty(n) for n in range(30, 40)), *(penalty(n, CF_SY="") for n in range(50, 65))]
    number = desk.hand(as_csv(rows)).delivery
    assert f"/quality/held/{number}/" in text(steward.get("/quality/?month=2024-06"))
    assert "没有任何一行生效" in text(steward.get(f"/quality/held/{number}/"))
    done = steward.post(f"/quality/held/{number}/decide/", {"what": "release", "reason": "来源确认"}, follow=True)
    assert "已放行" in text(done)
    assert Record._base_manager.filter(key__contains="〔2024〕30号").exists()
    again = steward.post(f"/quality/held/{number}/decide/", {"what": "drop", "reason": "来源确认"}, follow=True)
    assert "QH-02" in text(again)
