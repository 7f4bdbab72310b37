"""The oracle's own arithmetic and calendar."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinlu.engine import exact

NUMBERS = st.decimals(min_value=-(10**12), max_value=10**12, places=6)


@pytest.mark.parametrize(
    ("a", "b", "scale", "answer"),
    [
        ("1", "3", 12, "0.333333333333"),
        ("2", "3", 12, "0.666666666667"),
        ("-2", "3", 12, "-0.666666666667"),
        ("1", "-8", 2, "-0.13"),
        ("0.5", "1", 0, "1"),
        ("-0.5", "1", 0, "-1"),
        ("1", "0", 12, None),
    ],
)
def test_a_quotient_rounds_half_up_away_from_zero(a: str, b: str, scale: int, answer: str | None) -> None:
    found = exact.quotient(Decimal(a), Decimal(b), scale)
    assert found == (None if answer is None else Decimal(answer))


@given(NUMBERS, NUMBERS.filter(lambda x: x != 0))
def test_a_quotient_is_never_further_than_half_a_digit_from_the_truth(a: Decimal, b: Decimal) -> None:
    found = exact.quotient(a, b)
    assert found is not None
    top, under = a.as_integer_ratio()
    by, over = b.as_integer_ratio()
    wanted = top * over * 2 * 10**12
    got = int(found.scaleb(12, context=exact.EXACT)) * 2 * under * by
    assert abs(wanted - got) <= abs(under * by)


@given(st.decimals(min_value=0, max_value=10**12, places=6))
def test_a_root_is_the_nearest_number_of_twelve_digits(x: Decimal) -> None:
    root = exact.sqrt(x)
    assert root is not None
    doubled, target = 2 * int(root.scaleb(12, context=exact.EXACT)), 4 * int(x.scaleb(6)) * 10**18
    assert (doubled - 1) ** 2 <= target < (doubled + 1) ** 2 or doubled == 0


def test_a_root_of_less_than_nothing_is_missing() -> None:
    assert exact.sqrt(Decimal(-1)) is None


@pytest.mark.parametrize(
    ("day", "months", "answer"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 3, 31), -1, date(2024, 2, 29)),
        (date(2024, 1, 15), -13, date(2022, 12, 15)),
    ],
)
def test_months_are_clamped_at_the_end_of_the_month(day: date, months: int, answer: date) -> None:
    assert exact.add_months(day, months) == answer


@given(st.dates(date(1990, 1, 1), date(2050, 1, 1)), st.dates(date(1990, 1, 1), date(2050, 1, 1)))
def test_completed_months_are_the_most_that_fit(a: date, b: date) -> None:
    months = exact.months_between(a, b)
    assert exact.add_months(a, months) <= b < exact.add_months(a, months + 1)


@pytest.mark.parametrize(("x", "size", "answer"), [("0.30", "0.1", 3), ("0.29", "0.1", 2), ("-0.01", "0.1", -1)])
def test_whole_steps_are_counted_exactly(x: str, size: str, answer: int) -> None:
    assert exact.steps(Decimal(x), Decimal(size)) == answer


def test_steps_of_no_size_are_missing() -> None:
    assert exact.steps(Decimal(1), Decimal(0)) is None
