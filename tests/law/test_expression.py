"""The expression language reads what officials write, and says where it stops understanding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinlu.law.expression import FUNCTIONS, ExpressionError, parse


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("(1 + 2) * 3", "((1 + 2) * 3)"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b", "quotient(a, b)"),
        ("a != 1", "(a <> 1)"),
        ("a between 1 and 2", "((a >= 1) and (a <= 2))"),
        ("a not in ('x', 'y')", "not (a in ('x', 'y'))"),
        ("a is not null or b", "(not (a is null) or b)"),
        ("not a and b", "(not (a) and b)"),
        ("case when a then 1 end", "case when a then 1 else null end"),
        ("v.fuel = 'it''s'", "(v.fuel = 'it''s')"),
        ("date '2024-02-29' <= d", "(date '2024-02-29' <= d)"),
        ("-x * 2", "(-x * 2)"),
        ("COALESCE(x, 0) > 3 AND NOT y", "((coalesce(x, 0) > 3) and not (y))"),
    ],
)
def test_it_reads_the_usual_forms(text, shown):
    assert str(parse(text)) == shown


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 0),
        ("1 +", 3),
        ("a b", 2),
        ("a # b", 2),
        ("f(1)", 0),
        ("round(1)", 0),
        ("date '2024-02-30'", 5),
        ("case 1 end", 5),
        ("a not 3", 6),
        ("(1", 2),
        ("'open", 0),
        ("a.", 2),
    ],
)
def test_a_mistake_is_told_with_its_column(text, column):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.at == column
    assert str(caught.value)


def test_deep_nesting_is_refused_and_not_a_crash():
    with pytest.raises(ExpressionError, match="嵌套"):
        parse("(" * 500 + "1" + ")" * 500)


def test_nothing_but_the_listed_functions_can_be_called():
    with pytest.raises(ExpressionError, match="没有名为"):
        parse("read_text('x')")
    assert "quotient" in FUNCTIONS


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_and_never_crashes(text):
    try:
        node = parse(text)
    except ExpressionError as error:
        refused = error.at
    else:
        assert str(parse(str(node))) == str(node)
        return
    assert 0 <= refused <= len(text)
