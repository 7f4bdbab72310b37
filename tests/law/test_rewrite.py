"""One value is changed, and every other character stays."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from django.conf import settings

from xinlu.law.marks import parse
from xinlu.law.rewrite import CannotRewrite, close, rewrite, singles

BOOKS = sorted(path for path in Path(settings.STANDARDS).rglob("*.yaml") if path.parts[-3] in ("rulebooks", "sample"))
TEXT = """# 头注
in_force: {from: 2013-01-01}   # 试行
parameters:
  full: {value: 100, unit: 分}  # 起评分
  low: {value: -2.50}
outputs:
  level:
    bands:
      cut: {A: ">= 95", B: '< 95'}
"""


def test_comments_order_and_quotes_stay() -> None:
    made = rewrite(TEXT, ("parameters", "full", "value"), "120")
    assert made == TEXT.replace("value: 100", "value: 120")
    assert rewrite(TEXT, ("outputs", "level", "bands", "cut", "A"), ">= 90") == TEXT.replace(">= 95", ">= 90")
    assert rewrite(TEXT, ("outputs", "level", "bands", "cut", "B"), "< 90") == TEXT.replace("< 95", "< 90")
    assert rewrite(TEXT, ("parameters", "low", "value"), "-3") == TEXT.replace("-2.50", "-3")


def test_a_value_that_needs_quotes_gets_them_and_cannot_become_more_than_a_value() -> None:
    made = rewrite(TEXT, ("parameters", "full", "unit"), "分}, evil: {x: 1")
    data = parse(made, file="").mapping()
    assert data["parameters"]["full"] == {"value": 100, "unit": "分}, evil: {x: 1"}  # type: ignore[call-overload,index]
    with pytest.raises(CannotRewrite):
        rewrite(TEXT, ("parameters", "full", "unit"), "分\nevil: 1")


@pytest.mark.parametrize("place", [(), ("parameters",), ("parameters", "nobody", "value"), ("in_force", 0)])
def test_only_single_values_that_are_there_can_be_changed(place: tuple[str | int, ...]) -> None:
    with pytest.raises(CannotRewrite):
        rewrite(TEXT, place, "1")


def test_a_value_that_is_repeated_by_an_alias_is_not_changed_by_a_form() -> None:
    text = "a: &x {n: 1}\nb: *x\n"
    with pytest.raises(CannotRewrite, match="锚点"):
        rewrite(text, ("a", "n"), "2")


def test_a_version_is_closed_in_either_layout() -> None:
    day = date(2027, 1, 1)
    assert close(TEXT, day) == TEXT.replace("2013-01-01}", "2013-01-01, until: 2027-01-01}")
    assert close("in_force: {from: 2013-01-01, until: null}\n", day).endswith("until: 2027-01-01}\n")
    block = "in_force:\n  from: 2013-01-01 # 起\nversion: '1'\n"
    assert close(block, day) == "in_force:\n  from: 2013-01-01 # 起\n  until: 2027-01-01\nversion: '1'\n"
    with pytest.raises(CannotRewrite):
        close("version: 1\n", day)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_number_of_the_shipped_books_stands_where_the_marks_say(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = singles(text)
    assert found
    one = found[len(found) // 2]
    assert rewrite(text, one.place, one.written) == text
