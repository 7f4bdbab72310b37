"""Interval texts: bounds, gaps and overlaps, exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinlu.law.interval import IntervalError, ends, gaps, overlap, parse_interval


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("[85, 95)", ["85", "94.999999999999"], ["95", "84.999999999999"]),
        ("(85, 95]", ["85.000000000001", "95"], ["85", "95.000000000001"]),
        ("< 60", ["59.9", "-100"], ["60"]),
        ("<= 60", ["60"], ["60.1"]),
        ("> 200000", ["200000.1"], ["200000"]),
        (">= 1200", ["1200"], ["1199.9"]),
        ("[60, )", ["60", "99999"], ["59"]),
        ("= 0", ["0", "0.000"], ["0.1", "-0.1"]),
        ("[-2.5, -1]", ["-2.5", "-1.0"], ["0"]),
        ("≥3", ["3"], ["2"]),
    ],
)
def test_bounds_include_and_exclude_as_written(text: str, inside: list[str], outside: list[str]) -> None:
    interval = parse_interval(text)
    assert all(interval.contains(Decimal(x)) for x in inside)
    assert not any(interval.contains(Decimal(x)) for x in outside)


@pytest.mark.parametrize("text", ["", "85-95", "[95, 85)", "[5, 5)", "[a, b)", "60 分以上", "> 1e3"])
def test_a_text_that_is_no_interval_is_refused_in_chinese(text: str) -> None:
    with pytest.raises(IntervalError, match="区间"):
        parse_interval(text)


def test_spelling_is_read_back_as_the_same_interval() -> None:
    for text in ["[1, 2)", "(1, 2]", "< 3", ">= 4", "= 5", "(, )"]:
        assert str(parse_interval(text)) == text


def test_a_gap_is_seen_only_at_the_scale_of_the_value() -> None:
    bands = [parse_interval(t) for t in ("[95, 100]", "[85, 94]", "< 85")]
    assert gaps(bands, 0) == ()
    assert [str(g) for g in gaps(bands, 2)] == ["[94.01, 94.99]"]


def test_numbers_beyond_twenty_eight_digits_are_compared_exactly() -> None:
    big = "1" + "0" * 35
    assert not parse_interval(f"< {big}.1").contains(Decimal(big + ".1"))
    assert [str(g) for g in gaps([parse_interval(f"< {big}.1"), parse_interval(f"> {big}.1")], 1)] == [f"= {big}.1"]


def test_an_overlap_is_named_by_the_numbers_in_both() -> None:
    assert str(overlap(parse_interval("[3, 10]"), parse_interval("[10, 20)"), 1)) == "= 10.0"
    assert overlap(parse_interval("[3, 10)"), parse_interval("[10, 20)"), 12) is None


def test_ends_say_where_the_bands_stop() -> None:
    assert ends([parse_interval("[95, 100]"), parse_interval("< 95")]) == (True, False)


@given(st.integers(-50, 50), st.integers(-50, 50), st.booleans(), st.booleans(), st.integers(-60, 60))
def test_membership_agrees_with_comparison(a: int, b: int, lc: bool, hc: bool, x: int) -> None:
    low, high = min(a, b), max(a, b) + 1
    interval = parse_interval(f"{'[' if lc else '('}{low}, {high}{']' if hc else ')'}")
    expected = (low <= x if lc else low < x) and (x <= high if hc else x < high)
    assert interval.contains(Decimal(x)) is expected
