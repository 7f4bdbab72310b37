"""Pages as the public, an officer of the province and one of another city see them."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from tests.province import ACTOR
from tests.web.seed import AT, CLEAN, FIRM, PASSWORD

from xinlu.access.models import Person
from xinlu.gazette.current import library
from xinlu.ledger.models import Record
from xinlu.registry.enrol import add_identifiers


def text_of(answer) -> str:
    """Words of a page without its tags."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def open_page(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200, answer.status_code
    return text_of(answer)


@pytest.fixture
def province(site) -> Client:
    client = Client()
    assert client.login(username="province", password=PASSWORD)
    return client


@pytest.fixture
def other_city(site) -> Client:
    client = Client()
    assert client.login(username="city", password=PASSWORD)
    return client


def test_the_public_finds_a_firm_by_code_name_part_and_initials(site, client) -> None:
    for asked in ("91330106MA2SAMP015", FIRM, "示例江南", "勘察设计", "sljn"):
        assert FIRM in open_page(client, "web:home", q=asked)


def test_an_exact_code_stands_before_everything_else(site, client) -> None:
    answer = client.get("/", {"q": "91330212MA2SAMP02X"})
    assert [hit.name for hit, _ in answer.context["hits"]] == [CLEAN]


def test_nobody_finds_a_natural_person_by_name(site, client, province) -> None:
    for who in (client, province):
        assert "没有找到" in open_page(who, "web:home", q="张小三")


def test_a_number_of_a_person_stands_in_no_address_and_on_no_page(site, client, province, other_city) -> None:
    number = "33010619900307123X"
    found = province.post("/", {"q": number})
    assert (found.status_code, found["Location"]) == (303, f"/subject/{site.driver}/")
    for who in (client, other_city):
        hidden = who.post("/", {"q": number})
        nobody = who.post("/", {"q": "330106199003071213"})
        assert hidden.status_code == 200
        assert text_of(hidden) == text_of(nobody)
        assert "没有找到" in text_of(hidden)
    asked = province.get("/", {"q": number})
    assert "不写在网址里" in text_of(asked)
    for answer in (found, hidden, asked):
        assert number not in answer.content.decode() + str(answer.headers)
    assert client.post("/", {"q": FIRM})["Location"] == f"/?q={quote(FIRM)}"
    assert not client.cookies, "a question needs no cookie"


def test_a_person_known_by_a_certificate_is_opened_and_not_listed(site, province) -> None:
    add_identifiers([(site.driver, "certificate_no", "示从 7788")], actor=ACTOR, at=AT)
    assert province.post("/", {"q": "示从7788"})["Location"] == f"/subject/{site.driver}/"
    assert "没有找到" in open_page(province, "web:home", q="示从7788")


def test_the_public_gets_no_page_of_a_natural_person(site, client) -> None:
    assert client.get(reverse("web:subject", args=[site.driver])).status_code == 404


def test_a_dossier_shows_code_level_year_book_and_grade(site, client) -> None:
    words = open_page(client, "web:subject", site.firm)
    for part in (FIRM, "91330106MA2SAMP015", "公路设计企业信用评价", "2025 年度", "90.9148… 分", "待核", "重要提示"):
        assert part in words
    assert "陈示例" not in words
    assert "陈*例" in words


def test_counts_on_tabs_are_those_of_the_lists_behind_them(site, client, province) -> None:
    for who, bad in ((client, 1), (province, 6)):
        answer = who.get(reverse("web:subject", args=[site.firm]), {"tab": "bad"})
        tab = next(tab for tab in answer.context["tabs"] if tab.title == "不良")
        assert tab.count == len(answer.context["records"]) == bad


def test_an_empty_tab_says_why(site, client) -> None:
    assert "暂无公示中的失信信息" in open_page(client, "web:subject", site.clean, tab="bad")


def test_relations_of_the_public_name_no_person(site, client, province) -> None:
    assert "张" not in open_page(client, "web:subject", site.firm, tab="relation").replace("张开", "")
    assert "张小三" in open_page(province, "web:subject", site.firm, tab="relation")


def test_every_entry_shows_its_record_clause_and_sum(site, province) -> None:
    answer = province.get(reverse("web:standing", args=[site.firm, site.standing]))
    words = text_of(answer)
    for part in ("设计变更未按时提交", "第十一条", "建设单位评价的履约不良行为", "履约行为得分 L", "代入计算"):
        assert part in words
    sheet = next(view.sheet for view in answer.context["sheets"] if view.sheet.step == "other_points")
    assert sheet.lines[-1].balance == sheet.total == Decimal("-3")
    for record in Record._base_manager.filter(item="section_behaviour"):
        assert f'id="record-{record.record}"' in answer.content.decode()


def test_the_public_reads_sums_by_clause_and_no_record_that_is_not_public(site, client) -> None:
    answer = client.get(reverse("web:standing", args=[site.firm, site.standing]))
    words = text_of(answer)
    assert "设计变更未按时提交" not in words
    assert "按目录不向社会公示" in words
    sheet = next(view.sheet for view in answer.context["sheets"] if view.sheet.step == "other_points")
    assert sheet.total == Decimal("-3")
    assert not answer.context["explained"].complete


def test_a_standing_of_somebody_else_is_not_found(site, client) -> None:
    assert client.get(reverse("web:standing", args=[site.clean, site.standing])).status_code == 404


def test_deliveries_are_for_those_who_may_see_them(site, client, province, other_city) -> None:
    answer = client.get(reverse("web:deliveries"))
    assert answer.status_code == 302
    assert answer.url.startswith("/sign-in/")
    assert len(province.get(reverse("web:deliveries")).context["rows"]) == 5
    assert len(other_city.get(reverse("web:deliveries")).context["rows"]) == 0
    assert other_city.get(reverse("web:delivery", args=[1])).status_code == 404


def test_queried_rows_are_taken_away_as_a_workbook_by_who_may_see_them(site, client, province, other_city) -> None:
    rows = "荣誉名称,荣誉级别,统一社会信用代码,授予日期,授予单位\n示例奖,省级,91330106MA2SAMP015,2026-13-45,示例协会\n"
    file = SimpleUploadedFile("a.csv", rows.encode())
    answer = province.post("/deliveries/upload/", {"step": "preview", "source": "honours", "file": file})
    province.post("/deliveries/upload/", {"step": "commit", "token": answer.context["token"]})
    number = province.get(reverse("web:deliveries")).context["rows"][0][0].pk
    taken = province.get(reverse("web:queried", args=[number]))
    assert taken.headers["Content-Type"].startswith("application/vnd.openxmlformats")
    assert "attachment" in taken.headers["Content-Disposition"]
    assert b"".join(taken.streaming_content)[:2] == b"PK"
    assert other_city.get(reverse("web:queried", args=[number])).status_code == 404
    assert client.get(reverse("web:queried", args=[number])).status_code == 302
    assert province.get(reverse("web:queried", args=[1])).status_code == 404


def test_the_overview_counts_what_the_asker_may_see(site, client, province) -> None:
    public = client.get(reverse("web:overview"))
    officer = province.get(reverse("web:overview"))
    assert dict(public.context["counts"]) == {"企业": 2}
    assert dict(officer.context["counts"]) == {"企业": 2, "从业人员": 1}
    assert sum(officer.context["months"].series[0].numbers) > sum(public.context["months"].series[0].numbers)
    line = next(line for line in public.context["lines"] if line.book.rulebook == "highway-design-firm")
    assert [(made.text, number) for made, number in line.marks if number] == [("A", 1)]


def test_each_chart_has_its_table_in_the_page(site, client) -> None:
    answer = client.get(reverse("web:overview"))
    body = answer.content.decode()
    assert body.count("data-chart=") == body.count("数据表</summary>") == 3
    assert "宁波" in text_of(answer)


@pytest.mark.parametrize(
    "book",
    [b for versions in library().rulebooks.values() for b in versions],
    ids=lambda b: f"{b.rulebook}-{b.version}",
)
def test_every_rulebook_has_its_page(db, client, book) -> None:
    words = open_page(client, "web:rulebook", book.rulebook, book.version)
    assert book.title in words
    for clause in book.clauses.values():
        assert clause.title in words


def test_a_book_without_a_version_leads_to_the_one_in_force(db, client) -> None:
    answer = client.get(reverse("web:rulebook-newest", args=["taxi-enterprise"]))
    assert answer.url.endswith("/taxi-enterprise/2018/")
    assert client.get("/rulebooks/no-such-book/").status_code == 404
    assert client.get("/rulebooks/taxi-enterprise/1900/").status_code == 404


def test_unknown_addresses_and_nonsense_are_answered_in_our_own_words(site, client) -> None:
    answer = client.get("/no/such/page/")
    assert answer.status_code == 404
    assert "没有找到这一页" in text_of(answer)
    for query in ({"page": "-3"}, {"page": "9" * 40}, {"tab": "<script>"}, {"tab": "bad", "page": "99"}):
        assert client.get(reverse("web:subject", args=[site.firm]), query).status_code == 200
    assert "<script>alert" not in client.get("/", {"q": "<script>alert(1)</script>"}).content.decode()


def test_a_failed_sign_in_says_the_same_for_wrong_name_and_wrong_password(site, client) -> None:
    said = [
        text_of(client.post("/sign-in/", {"username": name, "password": "nonsense-nonsense"}))
        for name in ("province", "nobody")
    ]
    assert all("用户名或密码不对" in words for words in said)


def test_signing_in_leads_back_to_the_page_that_was_wanted(site, client) -> None:
    answer = client.post("/sign-in/", {"username": "province", "password": PASSWORD, "next": "/deliveries/"})
    assert answer.url == "/deliveries/"
    assert client.post("/sign-out/").url == "/"


def test_five_wrong_passwords_lock_the_name_and_the_right_one_does_not_open_it(site, client, settings) -> None:
    settings.AXES_ENABLED = True
    wrong = {"username": "province", "password": "nonsense-nonsense"}
    answers = [client.post("/sign-in/", wrong) for _ in range(5)]
    assert "用户名或密码不对" in text_of(answers[0])
    assert answers[-1].status_code == 429
    assert "账号暂时锁定" in text_of(answers[-1])
    assert "十五分钟" in text_of(answers[-1])
    again = client.post("/sign-in/", {"username": "province", "password": PASSWORD})
    assert again.status_code == 429
    assert client.get("/deliveries/").status_code == 302
    colleague = client.post("/sign-in/", {"username": "city", "password": PASSWORD})
    assert colleague.status_code == 302


def test_signing_out_closes_the_session_and_needs_a_post(site, province) -> None:
    assert province.get("/sign-out/").status_code == 405
    assert province.get("/deliveries/").status_code == 200
    province.post("/sign-out/")
    assert province.get("/deliveries/").status_code == 302


def test_a_firm_sees_its_own_file_in_full_and_nothing_of_intake(site) -> None:
    Person.objects.create_user("firm", password=PASSWORD, subject=site.firm, role="subject")
    own = Client()
    assert own.login(username="firm", password=PASSWORD)
    home = own.get("/").content.decode()
    assert f'href="/subject/{site.firm}/"' in home
    assert "/deliveries/" not in home
    answer = own.get(reverse("web:subject", args=[site.firm]), {"tab": "bad"})
    tab = next(tab for tab in answer.context["tabs"] if tab.title == "不良")
    assert tab.count == len(answer.context["records"]) == 6
    assert "/deliveries/" not in answer.content.decode()
    shown = own.get(reverse("web:standing", args=[site.firm, site.standing]))
    assert shown.context["explained"].complete
    assert "设计变更未按时提交" in text_of(shown)


ADDRESSES = (
    "/",
    "/?q=示例",
    "/design/",
    "/rulebooks/",
    "/rulebooks/highway-design-firm/2013/",
    "/overview/",
    "/sign-in/",
    "/deliveries/",
    "/deliveries/upload/",
    "/deliveries/1/",
    "/no/such/page/",
)


def test_no_page_holds_an_inline_style_or_script(site, client, province) -> None:
    own = [f"/subject/{site.firm}/?tab={tab}" for tab in ("basic", "rating", "bad", "relation")]
    for address in (*ADDRESSES, *own, f"/subject/{site.firm}/standing/{site.standing}/"):
        for who in (client, province):
            body = who.get(address).content.decode()
            assert not re.search(r"<[^>]+\sstyle=", body), address
            assert "<style" not in body, address
            assert not re.search(r"<[^>]+\son[a-z]+=", body), address
            for tag in re.findall(r"<script\b[^>]*>", body):
                assert "src=" in tag or 'type="application/json"' in tag, (address, tag)


def test_every_page_has_one_heading_a_title_and_a_way_past_the_navigation(site, client, province) -> None:
    for address in ADDRESSES:
        for who in (client, province):
            answer = who.get(address)
            if answer.status_code in (200, 404):
                body = answer.content.decode()
                assert len(re.findall(r"<h1\b", body)) == 1, address
                assert re.search(r"<title>[^<]+ · ", body), address
                assert 'href="#main"' in body, address
                assert 'lang="zh-Hans"' in body, address


def test_upload_looks_first_and_then_hands_over(site, province) -> None:
    head = "奖项名称,统一社会信用代码\n"
    answer = province.post(
        "/deliveries/upload/",
        {"step": "preview", "source": "honours", "file": SimpleUploadedFile("a.csv", (head + "甲,乙\n").encode())},
    )
    assert answer.status_code == 422
    assert "文件没有收下" in text_of(answer)
    assert "F" in text_of(answer)
    assert len(province.get("/deliveries/").context["rows"]) == 5


def test_a_file_that_was_only_looked_at_does_not_stay(site, province, settings, tmp_path) -> None:
    storages = {**settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path}}}
    settings.STORAGES = storages
    file = "奖项名称,荣誉级别,统一社会信用代码,授予日期,授予单位\n甲奖,省级,91330106MA2SAMP015,2026-02-01,示例协会\n"

    def look(client: Client) -> None:
        upload = SimpleUploadedFile("a.csv", file.replace("奖项", "荣誉").encode())
        asked = {"step": "preview", "source": "honours", "item": "honour", "file": upload}
        assert client.post("/deliveries/upload/", asked).status_code == 200

    look(province)
    (left,) = (tmp_path / "drafts").iterdir()
    os.utime(left, (0, 0))
    again = Client()
    assert again.login(username="province", password=PASSWORD)
    look(again)
    assert [one for one in (tmp_path / "drafts").iterdir() if one.name == left.name] == []
    assert len(list((tmp_path / "drafts").iterdir())) == 1


def test_no_browser_keeps_a_page_of_somebody_signed_in(site, client, province) -> None:
    for address in ("/", "/deliveries/", f"/subject/{site.driver}/", "/no/such/page/"):
        assert "no-store" in province.get(address)["Cache-Control"]
    assert "no-store" not in client.get("/").get("Cache-Control", "")


def test_upload_without_a_file_names_the_field(site, province) -> None:
    answer = province.post("/deliveries/upload/", {"step": "preview", "source": "honours"})
    assert answer.status_code == 422
    assert 'href="#id_file"' in answer.content.decode()


def test_a_confirmation_without_a_preview_writes_nothing(site, province) -> None:
    answer = province.post("/deliveries/upload/", {"step": "commit", "token": "x"}, follow=True)
    assert "预览已过期" in text_of(answer)
    assert len(province.get("/deliveries/").context["rows"]) == 5


def test_only_sources_of_the_own_organ_are_offered(site, other_city) -> None:
    assert "本机构没有登记数据源" in open_page(other_city, "web:upload")
