"""The page of model measures."""

from __future__ import annotations

import pytest
from django.test import Client
from tests.web.seed import PASSWORD
from tests.web.test_pages import open_page


@pytest.fixture
def province(site) -> Client:
    client = Client()
    assert client.login(username="province", password=PASSWORD)
    return client


def test_books_that_were_run_are_offered(province) -> None:
    words = open_page(province, "web:measures")
    assert "公路设计企业信用评价" in words
    assert "出租汽车企业服务质量信誉考核" not in words


def test_clauses_are_counted_and_figures_on_too_little_data_are_withheld(province) -> None:
    words = open_page(province, "web:measures", book="highway-design-firm")
    for part in ("用到的条款 2／3", "履约不良行为", "未足样本", "临界主体", "A 与 B 之间", "地区公平", "文件报送"):
        assert part in words, part


def test_what_is_no_number_of_points_is_taken_for_one_point(province) -> None:
    for near in ("x", "-3", "NaN", "1e9"):
        assert "距分界 1 分以内" in open_page(province, "web:measures", book="highway-design-firm", near=near)
