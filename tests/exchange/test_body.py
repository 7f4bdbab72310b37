"""The body of a call, before anything is judged."""

from __future__ import annotations

import doctest
from decimal import Decimal

import pytest

from xinlu.exchange import answers, body, signature
from xinlu.exchange.body import Rows, named_in, numbered_rows_of, rows_of, sheet_of
from xinlu.exchange.refusal import Refused
from xinlu.gazette import current

ITEM = "administrative_penalty"


def sheet(*objects: dict[str, object]) -> tuple[tuple[str, ...], list[tuple[int, list[object]]]]:
    law = current.catalogue()
    rows = Rows(objects, range(1, len(objects) + 1))
    made = sheet_of(rows, law.items[ITEM], catalogue=law, name="a.json")
    return made.headers or (), list(made.lines)


@pytest.mark.parametrize("module", [answers, body, signature])
def test_what_the_docstrings_show_is_so(module) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_numbers_are_read_as_they_are_written() -> None:
    row = rows_of(b'{"rows": [{"a": 0.10, "b": 12345678901234567890.5, "c": 7, "d": null}]}').objects[0]
    assert (row["a"], row["b"], row["c"], row["d"]) == (Decimal("0.10"), Decimal("12345678901234567890.5"), 7, None)
    assert str(row["a"]) == "0.10"


def test_rows_that_are_sent_again_name_the_row_they_stand_for() -> None:
    rows = numbered_rows_of(b'{"rows": [{"row": 7, "a": 1}, {"row": 3, "a": 2}]}')
    assert rows is not None
    assert (list(rows.numbers), [dict(one) for one in rows.objects]) == ([7, 3], [{"a": 1}, {"a": 2}])
    assert numbered_rows_of(b" \n") is None
    for wrong in (b'{"rows": [{"row": true}]}', b'{"rows": [{"row": 0}]}', b'{"rows": [{"row": 1}, {"row": 1}]}'):
        with pytest.raises(Refused, match="EX-037"):
            numbered_rows_of(wrong)


def test_columns_that_the_item_needs_are_there_whatever_the_rows_say() -> None:
    headers, lines = sheet({"CF_WSH": "1号", "uscc": ""}, {"decided_on": "2026-01-31"})
    assert headers[:3] == ("CF_WSH", "uscc", "decided_on")
    assert "行政相对人名称" in headers
    assert [cells[:3] for _, cells in lines] == [["1号", None, None], [None, None, "2026-01-31"]]


def test_only_keys_with_a_value_count_as_given() -> None:
    law = current.catalogue()
    rows = Rows([{"CF_WSH": "1号", "remark": None, "uscc": " "}, {"vehicle": "浙A12345"}], (1, 2))
    assert named_in(rows, law.items[ITEM], catalogue=law) == {"decision_no": "CF_WSH", "vehicle": "vehicle"}


def test_where_a_row_is_wrong_is_a_pointer() -> None:
    with pytest.raises(Refused) as refused:
        sheet({"a": 1}, {"x/y~z": {"inside": 1}})
    assert refused.value.problem.file == "/rows/1/x~1y~0z"
