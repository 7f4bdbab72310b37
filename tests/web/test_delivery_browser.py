"""The way of a file in a real Chromium: look at it, hand it over, mend the error file, take the delivery back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook
from tests.web.test_browser import PHONE, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SHOTS = os.environ.get("XINLU_SHOTS")
"""A folder, when somebody wants to look at the pages."""
ROWS = (
    "荣誉名称,荣誉级别,统一社会信用代码,授予日期,授予单位",
    "示例奖甲,省级,91330106MA2SAMP015,2026-01-15,示例协会",
    "示例奖乙,省级,91330106MA2SAMP015,2026-13-45,=1+1",
    "示例奖丙,省及,91330106MA2SAMP015,2026-02-01,示例协会",
)


def shot(page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def choose(page, served, file: Path) -> None:
    page.goto(served.at("/deliveries/upload/"))
    page.select_option("#id_source", "honours")
    page.select_option("#id_item", "honour")
    page.set_input_files("#id_file", str(file))
    page.click("main button[type=submit]")


def test_a_file_is_looked_at_handed_over_mended_and_taken_back(page, served, tmp_path: Path) -> None:
    file = tmp_path / "荣誉.csv"
    file.write_bytes("\n".join(ROWS).encode("gbk"))
    sign_in(page, served)
    page.goto(served.at("/deliveries/upload/"))
    shot(page, "upload")
    choose(page, served, file)
    figures = page.inner_text(".figures")
    assert [word in figures for word in ("总行数", "可入库", "警告", "错误", "未关联", "重复")] == [True] * 6
    shot(page, "preview")
    page.set_viewport_size(PHONE)
    shot(page, "preview-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.set_viewport_size({"width": 1280, "height": 900})
    page.click("button:has-text('入库正确的 1 行')")
    page.wait_for_url("**/deliveries/*/")
    shot(page, "delivery")
    with page.expect_download() as got:
        page.click("text=下载疑问数据")
    mended = _mend(Path(got.value.path()), tmp_path / "改正.xlsx")
    delivery = page.url
    choose(page, served, mended)
    shot(page, "preview-mended")
    page.click("button:has-text('确认入库')")
    page.wait_for_url("**/deliveries/*/")
    assert "入库 2，疑问 0" in page.inner_text("main, [role=status]") or "入库 2" in page.inner_text("body")
    page.goto(delivery)
    page.fill("#reason", "错了")
    page.evaluate("document.querySelector('#reason').removeAttribute('minlength')")
    page.click("button:has-text('撤销批次')")
    assert "B07" in page.inner_text("[role=alert]")
    shot(page, "undo-refused")
    page.fill("#reason", "上传了另一个月的文件，全部作废")
    page.click("button:has-text('撤销批次')")
    page.wait_for_selector("text=本批次已撤销")
    shot(page, "undone")
    page.set_viewport_size(PHONE)
    shot(page, "undone-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.emulate_media(media="print")
    shot(page, "undone-print")


def _mend(errors: Path, place: Path) -> Path:
    """The error file as somebody mends it: the suggested code, a day, and a text for the formula."""
    sheet = CalamineWorkbook.from_path(str(errors)).get_sheet_by_index(0).to_python()
    head = [str(one) for one in sheet[0]]
    assert head[:6] == ["行号", "问题代码", "问题说明", "建议值", "依据", "怎么办"]
    assert head[6:] == ROWS[0].split(",")
    told = [dict(zip(head, row, strict=True)) for row in sheet[1:]]
    assert [row["问题代码"] for row in told] == ["E04", "E05"]
    assert (told[0]["授予单位"], told[1]["建议值"]) == ("=1+1", "省级")
    told[0] |= {"授予日期": "2026-01-20", "授予单位": "示例协会"}
    told[1] |= {"荣誉级别": told[1]["建议值"]}
    with xlsxwriter.Workbook(place) as book:
        out = book.add_worksheet()
        out.write_row(0, 0, head)
        for line, row in enumerate(told, 1):
            out.write_row(line, 0, [str(row[name]) for name in head])
    return place
