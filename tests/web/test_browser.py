"""Journeys in a real Chromium: search to clause, a bad file, phone, print, keyboard, accessibility, weight."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from tests.web.seed import FIRM, PASSWORD

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
LIMIT = 150 * 1024
PUBLIC = (
    "/",
    "/?q=示例",
    "/rulebooks/",
    "/rulebooks/highway-design-firm/2013/",
    "/rulebooks/taxi-enterprise/2018/?against=2011",
    "/overview/",
    "/sign-in/",
    "/design/",
    "/no/such/page/",
)
OFFICER = (
    "/",
    "/deliveries/",
    "/deliveries/1/",
    "/deliveries/upload/",
    "/overview/",
    *(
        "/impact/?before=highway-design-firm@2013&after=highway-design-firm@2013&as_of=2026-03-01",
        "/sensitivity/?book=highway-design-firm@2013&as_of=2026-03-01&at=outputs/level/bands/cut/A%231&number=92",
        "/measures/?book=highway-design-firm",
    ),
)


def own(served) -> tuple[str, ...]:
    """Pages of the firm."""
    tabs = tuple(f"/subject/{served.firm}/?tab={tab}" for tab in ("basic", "rating", "bad", "relation"))
    return (*tabs, f"/subject/{served.firm}/standing/{served.standing}/")


def sign_in(page, served) -> None:
    page.goto(served.at("/sign-in/"))
    page.fill("#id_username", "province")
    page.fill("#id_password", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_selector(".side")


def test_from_a_search_to_one_record_and_its_clause(page, served) -> None:
    sign_in(page, served)
    page.goto(served.at("/"))
    page.fill("#q", "江南勘察")
    page.press("#q", "Enter")
    page.click(f"text={FIRM}")
    assert page.inner_text("h1") == FIRM
    page.click(".standings a")
    assert "90.9148" in page.inner_text(".verdict")
    line = page.locator(".ledger tr", has_text="其他不良行为").first
    line.locator("a[href^='#record-']").click()
    record = page.locator(".record:target")
    assert "信用信息填报不及时" in record.inner_text()
    page.locator(".ledger a", has_text="第十一条").first.click()
    clause = page.locator(".clause:target")
    assert "其他不良行为" in clause.inner_text()
    assert "主管部门评价的其他不良行为" in clause.inner_text()


def test_a_bad_file_is_read_row_by_row(page, served, tmp_path: Path) -> None:
    rows = [
        "荣誉名称,荣誉级别,统一社会信用代码,授予日期,授予单位",
        "示例奖,省级,91330106MA2SAMP015,2026-13-45,示例协会",
        "示例奖二,省级,91330106MA2SAMP0XX,2026-02-01,示例协会",
    ]
    file = tmp_path / "荣誉.csv"
    file.write_bytes("\n".join(rows).encode("gbk"))
    sign_in(page, served)
    page.goto(served.at("/deliveries/upload/"))
    page.select_option("#id_source", "honours")
    page.select_option("#id_item", "honour")
    page.set_input_files("#id_file", str(file))
    page.click("main button[type=submit]")
    assert "E04" in page.inner_text("main"), page.inner_text("main")
    page.click("button:has-text('入库')")
    page.wait_for_url("**/deliveries/*/")
    words = page.inner_text("#rows")
    assert "E04" in words
    assert "E02" in words
    assert "GB 32100" in words
    assert "请写成" in words


def test_a_file_that_is_no_table_is_refused_and_nothing_is_written(page, served, tmp_path: Path) -> None:
    sign_in(page, served)
    page.goto(served.at("/deliveries/"))
    before = page.inner_text(".pager")
    file = tmp_path / "picture.xlsx"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    page.goto(served.at("/deliveries/upload/"))
    page.set_input_files("#id_file", str(file))
    page.click("main button[type=submit]")
    assert "没有写入任何数据" in page.inner_text("[role=alert]")
    assert page.evaluate("document.activeElement.id") == "error-summary"
    page.goto(served.at("/deliveries/"))
    assert page.inner_text(".pager") == before


def test_no_page_is_wider_than_a_phone(page, served) -> None:
    page.set_viewport_size(PHONE)
    for path in (*PUBLIC, *own(served)):
        page.goto(served.at(path))
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    sign_in(page, served)
    for path in (*OFFICER, *own(served)):
        page.goto(served.at(path))
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path


def test_a_printed_page_has_its_head_and_all_its_lines_and_no_navigation(page, served) -> None:
    sign_in(page, served)
    page.goto(served.at(own(served)[-1]))
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.is_visible(".print-head")
    assert "示例经办" in page.inner_text(".print-head")
    for hidden in (".top", ".side", ".foot", ".crumbs"):
        assert not page.is_visible(hidden)
    assert page.locator(".ledger tr:visible", has_text="履约不良行为").count() == 3
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_everything_is_reached_with_the_keyboard(page, served) -> None:
    page.goto(served.at("/"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.goto(served.at("/"))
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "q":
            break
    page.keyboard.type("sljn")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=sljn")
    reach(page, FIRM)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/subject/{served.firm}/")
    reach(page, "不良")
    ring = page.evaluate("getComputedStyle(document.activeElement).boxShadow")
    assert ring != "none"
    page.keyboard.press("Enter")
    page.wait_for_url("**tab=bad**")
    page.wait_for_function("document.activeElement.hasAttribute('data-focus')")
    assert "不良信息" in page.inner_text("#live")


def reach(page, words: str) -> None:
    """Press Tab until the focus stands on what begins with ``words``."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip().startswith(words):
            return
    raise AssertionError(f"{words} is not reached with Tab")


def test_pages_work_without_javascript(browser, served) -> None:
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(served.at("/"))
    page.fill("#q", FIRM)
    page.click(".search button")
    page.click(f"text={FIRM}")
    page.click(".tabs >> text=不良")
    assert "示交罚〔2026〕第 18 号" in page.inner_text("#part")
    page.goto(served.at("/overview/"))
    assert page.locator(".chart table:visible").count() == 3
    context.close()


def test_figures_are_drawn_and_keep_their_tables(page, served) -> None:
    page.goto(served.at("/overview/"))
    page.wait_for_selector(".drawn svg path")
    page.wait_for_function("document.querySelectorAll('.drawn').length === 3")
    assert page.locator(".chart table").count() == 3
    page.locator(".chart summary").first.click()
    assert page.locator(".chart table").first.is_visible()


@pytest.mark.parametrize("who", ["public", "officer"])
def test_every_page_is_accessible(page, served, axe, who) -> None:
    if who == "officer":
        sign_in(page, served)
    paths = (*PUBLIC, *own(served)) if who == "public" else (*OFFICER, *own(served))
    found = {}
    for path in paths:
        page.goto(served.at(path))
        if findings := axe(page):
            found[path] = findings
    assert found == {}


def test_the_first_page_weighs_little(browser, served) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    bodies: list[tuple[str, int]] = []
    page.on("requestfinished", lambda request: bodies.append((request.url, request.sizes()["responseBodySize"])))
    page.goto(served.at("/"), wait_until="networkidle")
    assert bodies
    assert all(url.startswith(served.address) for url, _ in bodies)
    assert sum(size for _, size in bodies) <= LIMIT, bodies
    context.close()


def test_the_style_sheet_stays_small(served) -> None:
    from xinlu import web

    css = Path(web.__file__).parent / "static" / "xinlu" / "xinlu.css"
    assert len(zlib.compress(css.read_bytes(), 9)) < 16 * 1024
