"""The page of impact statements: who may read it, what it accounts for, and drafts for those who work on them."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook
from tests.web.seed import AT, FIRM, PASSWORD
from tests.web.test_pages import open_page, text_of

from xinlu.access.models import Person
from xinlu.assessment.statement_file import VERB_TAKEN
from xinlu.gazette.current import library
from xinlu.gazette.models import Edition, LawFile
from xinlu.journal.models import Event

BOOK = "highway-design-firm@2013"
DAY = {"as_of": "2026-03-01"}


def signed_in(name: str) -> Client:
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


@pytest.fixture
def province(site) -> Client:
    return signed_in("province")


@pytest.fixture
def maker(site) -> Client:
    return signed_in("maker")


@pytest.fixture
def drafted(maker) -> str:
    """A draft of the book in which A begins at 92: the firm with 90.9 points falls to B."""
    shipped = library().rulebooks["highway-design-firm"][-1]
    text = library().filed(shipped).path.read_text(encoding="utf-8")
    edition = Edition.objects.create(
        title="试改", author=Person.objects.get(username="maker"), drafted_at=AT, digest="", plane="rulebook",
        identity=shipped.rulebook, version="draft",
    )  # fmt: skip
    changed = text.replace("[85, 95)", "[92, 95)").replace("[75, 85)", "[75, 92)")
    assert changed != text
    LawFile.objects.create(
        edition=edition,
        plane="rulebook",
        identity=shipped.rulebook,
        path="rulebooks/x.yaml",
        content=changed,
        digest="",
    )
    return f"draft:{edition.pk}"


def test_nobody_but_officers_finds_the_pages_about_trials(site, client) -> None:
    Person.objects.create_user("me", password=PASSWORD, role="subject", subject=site.firm)
    me = signed_in("me")
    for name in ("web:impact", "web:impact-file", "web:sensitivity", "web:measures"):
        assert client.get(reverse(name)).status_code == 302, name
        assert me.get(reverse(name)).status_code == 404, name


def test_the_page_accounts_for_everybody(province) -> None:
    assert "选择现行和拟行版本" in open_page(province, "web:impact")
    words = open_page(province, "web:impact", before=BOOK, after=BOOK, **DAY)
    assert "全体 1 = 不变 1 + 变动 0，没有遗漏" in words
    assert "没有主体变动" in words


def test_a_draft_shows_who_falls_and_only_to_those_who_work_on_drafts(maker, province, drafted) -> None:
    answer = maker.get(reverse("web:impact"), {"before": BOOK, "after": drafted, "output": "level", **DAY})
    words = text_of(answer)
    assert FIRM in words
    assert "全体 1 = 不变 0 + 变动 1，没有遗漏" in words
    assert [cell.turn for row in answer.context["matrix"] for cell in row.cells if cell.number] == ["worse"]
    assert [row.group for table in answer.context["groups"] for _, row in table.rows][:2] == [
        "330100",
        "highway_design",
    ]
    assert province.get(reverse("web:impact"), {"before": BOOK, "after": drafted, **DAY}).status_code == 404


def test_two_books_that_cannot_be_compared_are_told_why(province) -> None:
    answer = province.get(reverse("web:impact"), {"before": BOOK, "after": "overlimit-vehicle@2011", **DAY})
    assert answer.status_code == 422
    assert "评价的对象不同，不能比较" in text_of(answer)
    for said in ("no-such-book@1", "draft:x", "draft:999"):
        assert province.get(reverse("web:impact"), {"before": BOOK, "after": said}).status_code == 404


def test_whoever_takes_the_workbook_stands_in_the_journal(maker, drafted) -> None:
    answer = maker.get(reverse("web:impact-file"), {"before": BOOK, "after": drafted, **DAY})
    book = CalamineWorkbook.from_filelike(BytesIO(b"".join(answer.streaming_content)))
    movers = book.get_sheet_by_name("信用等级-变动").to_python()
    assert [row[:4] for row in movers[1:]] == [[FIRM, "杭州市西湖区", "A", "B"]]
    event = Event.objects.get(verb=VERB_TAKEN)
    assert event.facts["after"] == "highway-design-firm@2013"


def test_figures_about_single_records_are_for_the_whole_province_only(province) -> None:
    weighings = {"before": "overlimit-determination@2016", "after": "overlimit-determination@2016", **DAY}
    assert "全体数字只有省级可看" in open_page(signed_in("city"), "web:impact", **weighings)
