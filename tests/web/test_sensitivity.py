"""The page on which one number is changed."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from tests.web.seed import PASSWORD
from tests.web.test_pages import open_page, text_of

ASKED = {"book": "highway-design-firm@2013", "as_of": "2026-03-01", "at": "outputs/level/bands/cut/A#1"}


@pytest.fixture
def province(site) -> Client:
    client = Client()
    assert client.login(username="province", password=PASSWORD)
    return client


def test_the_numbers_of_a_book_are_offered_by_part(province) -> None:
    answer = province.get(reverse("web:sensitivity"), {"book": ASKED["book"]})
    words = text_of(answer)
    for part in ("起评分：100", "信用等级 分界：85", "试算"):
        assert part in words


def test_a_changed_number_shows_both_distributions(province) -> None:
    answer = province.get(reverse("web:sensitivity"), {**ASKED, "number": "92"})
    (card,) = answer.context["cards"]
    assert card.impact.matrix == {("A", "B"): 1}
    assert [series.numbers for series in card.chart.series] == [(0, 1, 0, 0, 0), (0, 0, 1, 0, 0)]
    assert "综合得分：没有任何变化" in text_of(answer)


@pytest.mark.parametrize("number", ["x", "99", "-5"])
def test_a_number_that_the_law_cannot_take_is_told(province, number: str) -> None:
    answer = province.get(reverse("web:sensitivity"), {**ASKED, "number": number})
    assert answer.status_code == 422
    assert "需要更正" in text_of(answer)


def test_an_address_without_a_known_number_only_offers_them(province) -> None:
    assert "改成" in open_page(province, "web:sensitivity", book=ASKED["book"], at="no/such/place", number="1")
