"""``xinlu measure``, ``sensitivity`` and the workbook of ``compare`` over a small ledger."""

from __future__ import annotations

import pytest
from python_calamine import CalamineWorkbook
from tests.cli.test_assess import BOOK, said

__all__ = ["said"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_round_is_measured_and_what_rests_on_one_firm_is_withheld(said):
    assert "没有这一天的批次" in said("measure", BOOK, code=2)
    said("run", BOOK, "--as-of", "2024-06-30")
    told = said("measure", BOOK, "--outcome", "liable_accident")
    assert "未足样本" in told
    assert "从未命中" in told
    assert "没有事后结果" in said("measure", BOOK, "--outcome", "nothing", code=2)


def test_numbers_are_listed_and_one_is_changed(said):
    listed = said("sensitivity", BOOK, "--as-of", "2024-06-30")
    assert "parameters/full/value" in listed
    told = said("sensitivity", BOOK, "parameters/full/value", "90", "--as-of", "2024-06-30")
    assert "100 → 90" in told
    assert "全体 1 = 不变" in told
    assert "错误 LAW-" in said("sensitivity", BOOK, "parameters/full/value", "x", code=2)
    assert "错误 LAW-" in said("sensitivity", BOOK, "no/such/place", "1", code=2)


def test_the_statement_is_written_to_a_workbook(said, tmp_path):
    file = tmp_path / "statement.xlsx"
    said("compare", BOOK, f"{BOOK}@2014", "--as-of", "2024-06-30", "--xlsx", str(file))
    assert "说明" in CalamineWorkbook.from_path(file).sheet_names
