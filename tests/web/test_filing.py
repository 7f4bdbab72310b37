"""Pages of self-filing and of cases: the firm, its reviewers, and everybody else."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.intake.filing.conftest import ENGINEER, FORM, PERSON, UNIT, WORKS, Desk, desk, scan

from xinlu.access.models import Person
from xinlu.casework import queries as cases
from xinlu.casework.filing import submit
from xinlu.intake.filing import queries
from xinlu.journal.models import Event

__all__ = ["desk"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def seats(desk: Desk, settings) -> dict[str, Client]:
    settings.TODAY = date(2026, 3, 3)
    found = {}
    for person in Person.objects.all():
        found[person.username] = Client()
        found[person.username].force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return found


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def sent(client: Client, to: str, /, **values):
    answer = client.post(to, values, follow=True)
    assert answer.status_code == 200, answer.status_code
    return text(answer)


def hidden(answer, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.content.decode())
    assert found is not None
    return found.group(1)


def test_a_firm_files_and_two_offices_approve_it_page_by_page(desk: Desk, seats) -> None:
    firm, county, city = seats["firm"], seats["county"], seats["city"]
    assert "开始填报" in text(firm.get("/filing/"))
    sent(firm, "/filing/start/", form=FORM, year="2026")
    base = "/filing/1/"
    assert "处要改" in text(firm.get(base))

    row = firm.get(f"{base}unit/unit/")
    answer = sent(
        firm, f"{base}unit/save/", row="unit", seen=hidden(row, "seen"), **{**UNIT, "licence_valid_until": "明年"}
    )
    assert "还有 1 处要改" in answer
    assert "不是日期" in answer
    row = firm.get(f"{base}unit/unit/")
    assert 'value="明年"' in row.content.decode()
    sent(
        firm,
        f"{base}unit/save/",
        row="unit",
        seen=hidden(row, "seen"),
        **{**UNIT, "phone": "", "licence_valid_until": ""},
    )
    told = firm.get(f"{base}unit/unit/").content.decode()
    assert "138****0000" in told
    assert UNIT["phone"] not in told

    answer = sent(firm, f"{base}persons/save/", row="", seen="", **PERSON)
    assert "330*************" in answer
    assert ENGINEER not in answer
    assert "没有发现问题" in text(firm.get(f"{base}submit/"))
    sent(firm, f"{base}submit/")
    (stands,) = cases.queue(desk.county, now=desk.at)
    assert "撤回填报" in text(firm.get(base))

    queue = text(county.get("/casework/"))
    assert "示例路桥有限公司" in queue
    assert "剩 5 个工作日" in queue
    case = county.get(f"/casework/{stands.number}/")
    assert "孙示例" in text(case)
    assert ENGINEER not in case.content.decode()
    sent(county, f"/casework/{stands.number}/act/", action="pass", seen="0", version="1")
    stale = county.post(f"/casework/{stands.number}/act/", {"action": "pass", "seen": "0"})
    assert (stale.status_code, "CW-003" in text(stale)) == (422, True)
    assert "审核通过" in sent(city, f"/casework/{stands.number}/act/", action="approve", seen="1", version="1")
    assert "已通过" in text(firm.get(f"{base}versions/1/"))
    assert "没有变化" in text(firm.get(f"{base}submit/"))


def filed(desk: Desk) -> tuple[int, int]:
    filing = desk.start()
    desk.fill(filing)
    return filing.pk, submit(desk.firm, filing.pk, at=desk.tick()).number


def test_a_return_by_field_takes_two_steps_and_stands_beside_the_field(desk: Desk, seats) -> None:
    filing, number = filed(desk)
    county, firm = seats["county"], seats["firm"]
    place = "sections/sections-2/contract_price"
    assert place in county.get(f"/casework/{number}/").content.decode()
    second = county.get(f"/casework/{number}/return/", {"action": "return", "point": [place, "no/such/place"]})
    assert "标段 SLXM-2026-01-TJ1 土建第一合同段 · 合同价" in text(second)
    said = {"step": "return", "action": "return", "seen": "0", "point": place, "title": "标段 · 合同价"}
    short = county.post(f"/casework/{number}/act/", {**said, "rule": "合同", "point_words": "请改"})
    assert short.status_code == 422
    assert "不少于 15 字" in text(short)
    assert "请改" in short.content.decode(), "what was typed is kept"
    words = "合同价与所附合同不一致，请按合同第三页改正"
    sent(county, f"/casework/{number}/act/", **said, rule="中标通知书与合同", point_words=words)
    assert "审核退回了 1 处" in text(firm.get(f"/filing/{filing}/"))
    row = firm.get(f"/filing/{filing}/sections/sections-2/")
    assert f"退回：{words}（依据：中标通知书与合同）" in text(row)
    assert "暂停计时" in text(seats["province"].get(f"/casework/{number}/"))


def test_a_script_saves_while_one_types_and_is_told_when_somebody_else_did(desk: Desk, seats) -> None:
    filing = desk.start()
    firm, address = seats["firm"], f"/filing/{filing.pk}/persons/save/"
    answer = firm.post(address, {"row": "", "seen": "", "name": "孙"}, headers={"HX-Request": "true"})
    row, seen = hidden(answer, "row"), hidden(answer, "seen")
    assert (row, "已自动保存" in text(answer)) == ("persons-1", True)
    answer = firm.post(address, {"row": row, "seen": seen, "name": "孙示"}, headers={"HX-Request": "true"})
    stale = firm.post(address, {"row": row, "seen": seen, "name": "另一页"}, headers={"HX-Request": "true"})
    assert "没有保存" in text(stale)
    assert [one["values"]["name"] for one in queries.draft(desk.firm, filing.pk)["persons"]] == ["孙示"]
    page = firm.post(address, {"row": row, "seen": seen, "name": "没有脚本时"})
    assert page.status_code == 422
    assert "没有脚本时" in page.content.decode()


def test_papers_come_and_go_and_a_reader_stands_in_the_journal(desk: Desk, seats) -> None:
    filing = desk.start()
    names = desk.fill(filing)
    firm = seats["firm"]
    address = f"/filing/{filing.pk}/persons/{names['persons']}/"
    bad = firm.post(f"{address}papers/", {"title": "劳动合同", "file": SimpleUploadedFile("a.pdf", b"MZ not a pdf")})
    assert (bad.status_code, "SF-102" in text(bad)) == (422, True)
    sent(firm, f"{address}papers/", title="劳动合同", file=SimpleUploadedFile("孙示例身份证.png", scan()))
    (token,) = queries.draft(desk.firm, filing.pk)["persons"][0]["papers"]
    assert "孙示例身份证" not in firm.get(address).content.decode()
    got = firm.get(f"/filing/papers/{token}/content/")
    assert (got.content, got["Content-Type"]) == (scan(), "image/png")
    assert got["Content-Disposition"] == 'inline; filename="paper.png"'
    assert "no-store" in got["Cache-Control"]
    for who in ("freight", "county", "elsewhere"):
        assert seats[who].get(f"/filing/papers/{token}/content/").status_code == 404
    submit(desk.firm, filing.pk, at=desk.tick())
    assert seats["county"].get(f"/filing/papers/{token}/").status_code == 200
    assert seats["county"].get(f"/filing/papers/{token}/content/").status_code == 200
    assert Event.objects.filter(verb="intake.paper.read").count() == 1
    sent(firm, f"{address}papers/", remove=token)
    assert queries.draft(desk.firm, filing.pk)["persons"][0]["papers"] == []


def test_problems_of_a_submission_lead_to_their_fields(desk: Desk, seats) -> None:
    filing = desk.start()
    names = desk.fill(filing)
    desk.save(filing, "performance", names["performance"], **{**WORKS, "section": "SLXM-NOBODY"})
    answer = seats["firm"].post(f"/filing/{filing.pk}/submit/")
    assert answer.status_code == 422
    assert f'href="/filing/{filing.pk}/performance/{names["performance"]}/#f-section"' in answer.content.decode()
    assert "E08" in text(answer)


def test_a_locked_filing_offers_an_unlock_and_the_city_grants_it(desk: Desk, seats, settings) -> None:
    filing = desk.start()
    settings.TODAY = date(2026, 7, 20)
    firm, city = seats["firm"], seats["city"]
    assert "申请解锁" in text(firm.get(f"/filing/{filing.pk}/"))
    assert "disabled" in firm.get(f"/filing/{filing.pk}/unit/unit/").content.decode()
    short = firm.post(f"/filing/{filing.pk}/unlock/", {"words": "要改"})
    assert (short.status_code, "要改" in short.content.decode()) == (422, True)
    sent(firm, f"/filing/{filing.pk}/unlock/", words="上报时漏填补充协议，需要更正标段的合同价")
    (stands,) = cases.queue(desk.city, now=desk.at)
    page = text(city.get(f"/casework/{stands.number}/"))
    assert "漏填补充协议" in page
    assert "同意解锁" in page
    assert "已解锁" in sent(city, f"/casework/{stands.number}/act/", action="grant", seen="0")
    assert "2026-08-04 起锁定" in text(firm.get(f"/filing/{filing.pk}/"))


def test_what_somebody_may_not_see_is_not_there(desk: Desk, seats) -> None:
    filing, number = filed(desk)
    own = (f"/filing/{filing}/", f"/filing/{filing}/unit/unit/", f"/filing/{filing}/submit/")
    for who in ("freight", "county", "city", "elsewhere"):
        assert [seats[who].get(address).status_code for address in own] == [404] * 3, who
    for who, status in (("county", 200), ("province", 200), ("freight", 404), ("elsewhere", 404)):
        assert seats[who].get(f"/filing/{filing}/versions/1/").status_code == status
        assert seats[who].get(f"/casework/{number}/").status_code == status
    assert Client().get(f"/casework/{number}/").status_code == 302
    assert seats["province"].get(f"/casework/{number}/return/", {"action": "return"}).status_code == 404
    assert "没有待办" in text(seats["elsewhere"].get("/casework/"))
