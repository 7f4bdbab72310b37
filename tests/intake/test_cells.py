"""Cells become the catalogue's spelling or a fault."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinlu.intake.cells import Unreadable, day, number, reader
from xinlu.intake.problems import Fault
from xinlu.intake.sheet import Cell
from xinlu.law.catalogue import Field, FieldType


@pytest.mark.parametrize(
    "cell",
    ["2024-01-31", "2024/1/31", "20240131", "2024年1月31日", "2024.1.31", " ２０２４－０１－３１ ",
     "2024-01-31 00:00:00",
     "2024-01-31T08:30:00",
     20240131, 45322, 45322.0, "45322", date(2024, 1, 31)],
)  # fmt: skip
def test_one_day_is_read_in_every_usual_spelling(cell: Cell) -> None:
    assert day(cell) == "2024-01-31"


@pytest.mark.parametrize("cell", [0, 1, "1900-01-00", "1900-01-01", "0", "2023-02-29", "31/01/2024", "2024", "x", True])
def test_what_is_no_day_is_not_guessed(cell: Cell) -> None:
    with pytest.raises(Unreadable):
        day(cell)


@given(st.dates(min_value=date(1927, 5, 18), max_value=date(2118, 1, 1)))
def test_every_day_survives_its_spellings_and_its_serial(one: date) -> None:
    serial = (one - date(1899, 12, 30)).days
    assert {day(one.isoformat()), day(f"{one:%Y/%m/%d}"), day(f"{one:%Y%m%d}"), day(serial)} == {one.isoformat()}


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6))
def test_numbers_are_exact_as_text_and_as_a_spreadsheets_number(one: Decimal) -> None:
    assert number(str(one)) == one
    assert number(f"{one:,}") == one


@pytest.mark.parametrize(
    ("cell", "spelt"),
    [("1,234.5", "1234.50"), (0.1, "0.10"), (0.1 + 0.2, "0.30"), ("12.5", "12.50"), ("３", "3.00"), (7, "7.00")],
)
def test_a_number_gets_the_scale_of_its_field(cell: Cell, spelt: str) -> None:
    field = Field(name="points", title="扣分", type=FieldType.NUMBER, digits=6, scale=2, unit="分")
    assert reader(field, header="扣分", codes=None)(cell) == spelt


@pytest.mark.parametrize(
    ("cell", "code"), [("1.234", "E14"), ("99999", "E14"), ("nan", "E13"), ("Infinity", "E13"), ("a", "E13")]
)
def test_a_number_that_does_not_fit_is_a_fault(cell: Cell, code: str) -> None:
    field = Field(name="points", title="扣分", type=FieldType.NUMBER, digits=6, scale=2)
    found = reader(field, header="扣分", codes=None)(cell)
    assert isinstance(found, Fault)
    assert found.code == code


@pytest.mark.parametrize(
    ("header", "cell"), [("金额", "0.2"), ("金额", "2000元"), ("金额（元）", "2000"), ("金额(元)", 2000)]
)
def test_money_is_in_ten_thousands_whatever_the_sheet_counts_in(header: str, cell: Cell) -> None:
    field = Field(name="fine", title="金额", type=FieldType.NUMBER, digits=18, scale=6, unit="万元")
    assert reader(field, header=header, codes=None)(cell) == "0.200000"


@pytest.mark.parametrize(
    ("cell", "spelt"), [("是", "true"), ("N", "false"), (1, "true"), (0.0, "false"), (True, "true")]
)
def test_yes_and_no(cell: Cell, spelt: str) -> None:
    field = Field(name="flag", title="是否", type=FieldType.YES_NO)
    assert reader(field, header="是否", codes=None)(cell) == spelt
