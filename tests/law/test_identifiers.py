"""Identifiers: normal form, check digits, what spreadsheets do to them, and fictional ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from xinlu.law.identifiers import (
    BASES,
    CODES,
    TITLES,
    USCC_SIGNS,
    Kind,
    born_on,
    check,
    is_fictional,
    is_valid,
    make_id_number,
    make_mmsi,
    make_organisation_code,
    make_plate,
    make_uscc,
    make_vessel_id,
    normalise,
    organisation_check_digit,
    recognise,
    region_of,
)

serials = st.integers(0, 14_999)


def code_of(kind: Kind, text: str) -> str | None:
    found = check(kind, text)
    return found.code if found else None


def test_the_example_of_the_id_standard_is_valid() -> None:
    assert is_valid("id_number", "11010519491231002X")
    assert is_valid("id_number", " 11010519491231002x ")


def test_a_published_uscc_and_its_organisation_code_are_valid() -> None:
    assert is_valid("uscc", "91110000600037341L")
    assert organisation_check_digit("60003734") == "1"
    assert is_valid("organisation_code", "60003734-1")


def test_collective_economic_organisations_have_a_letter_in_front() -> None:
    body = "N2330106XL0000001"
    assert is_valid("uscc", body + uscc.calc_check_digit(body))


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("uscc", "", "ID-101"),
        ("uscc", "　", "ID-101"),
        ("uscc", "9.13301E+17", "ID-102"),
        ("uscc", "9.1330106e+17", "ID-102"),
        ("id_number", "3.30106E+17", "ID-102"),
        ("id_number", "3.3E+17", "ID-102"),
        ("mmsi", "4.13E+08", "ID-102"),
        ("id_number", "330106198312230000", "ID-103"),
        ("uscc", "91110000600037341", "ID-104"),
        ("uscc", "91110000600037341LL", "ID-104"),
        ("uscc", "9111000060003734IL", "ID-105"),
        ("uscc", "91110000600037342L", "ID-106"),
        ("uscc", "91990000600037341L", "ID-107"),
        ("organisation_code", "600037342", "ID-106"),
        ("organisation_code", "6000373", "ID-104"),
        ("organisation_code", "6000373?1", "ID-105"),
        ("id_number", "990105194912310024", "ID-107"),
        ("id_number", "110105194902310024", "ID-108"),
        ("id_number", "110105100001010024", "ID-108"),
        ("id_number", "110105194912310021", "ID-106"),
        ("id_number", "110105491231002", "ID-109"),
        ("id_number", "1101051949123100X2", "ID-105"),
        ("plate", "浙12345", "ID-110"),
        ("plate", "浙AI2345", "ID-110"),
        ("plate", "折A12345", "ID-110"),
        ("vessel_id", "CN2010", "ID-110"),
        ("vessel_id", "CN10101234567", "ID-110"),
        ("mmsi", "112345678", "ID-110"),
    ],
)
def test_each_mistake_has_its_code(kind: Kind, text: str, code: str) -> None:
    assert code_of(kind, text) == code


def test_a_problem_names_the_identifier_its_basis_and_the_next_step() -> None:
    found = check("uscc", "91110000600037342L")
    assert found is not None
    assert found.sentence == "统一社会信用代码“91110000600037342L”校验码不符"
    assert "GB 32100" in found.basis
    assert found.next_step


def test_a_letter_o_typed_for_zero_gets_the_right_code_proposed() -> None:
    found = check("uscc", "9111OOOO600037341L")
    assert found is not None
    assert "91110000600037341L" in found.next_step


@pytest.mark.parametrize(
    "plate",
    [
        "浙A12345",
        "浙A·1B2C3",
        "浙a 12345",
        "浙AD12345",
        "浙A12345D",
        "浙A1234挂",
        "沪C1234学",
        "粤Z1234港",
    ],
)
def test_plates_of_every_shape_are_valid(plate: str) -> None:
    assert is_valid("plate", plate)


def test_full_width_blanks_and_separators_go() -> None:
    assert normalise("uscc", "９１１１００００　6000-37341ｌ") == "91110000600037341L"
    assert normalise("plate", "浙Ａ·１２３４５") == "浙A12345"
    assert normalise("mmsi", "412990001.0") == "412990001"
    assert normalise("code", " HT-2024－01 ") == "HT-2024-01"


def test_the_search_box_knows_an_identifier_by_its_form() -> None:
    assert recognise("91110000600037341L") == "uscc"
    assert recognise("11010519491231002X") == "id_number"
    assert recognise("浙X00001") == "plate"
    assert recognise("CN20109900012") == "vessel_id"
    assert recognise("412990001") == "mmsi"
    assert recognise("某某运输有限公司") is None


@given(serials, st.sampled_from(["330106", "330782", "310000"]))
def test_made_identifiers_are_valid_and_fictional(serial: int, region: str) -> None:
    made: list[tuple[Kind, str]] = [
        ("uscc", make_uscc(serial, region=region)),
        ("uscc", make_uscc(serial, region=region, holder="sole_trader")),
        ("organisation_code", make_organisation_code(serial)),
        ("id_number", make_id_number(serial, region=region)),
        ("plate", make_plate(serial)),
        ("plate", make_plate(serial, new_energy=True)),
        ("plate", make_plate(serial % 10_000, trailer=True)),
        ("vessel_id", make_vessel_id(serial, year=2012)),
        ("mmsi", make_mmsi(serial % 10_000)),
    ]
    for kind, text in made:
        assert check(kind, text) is None, (kind, text)
        assert is_fictional(kind, text)
        assert normalise(kind, text) == text
    assert region_of("uscc", made[0][1]) == region
    assert region_of("id_number", made[3][1]) == region


def test_made_identifiers_differ() -> None:
    assert len({make_id_number(n, region="330106") for n in range(15_000)}) == 15_000
    assert len({make_uscc(n, region="330106") for n in range(2_000)}) == 2_000


def test_real_identifiers_are_not_fictional() -> None:
    assert not is_fictional("uscc", "91110000600037341L")
    assert not is_fictional("id_number", "11010519491231002X")
    assert not is_fictional("plate", "浙A12345")


@given(serials, st.integers(0, 17), st.sampled_from(USCC_SIGNS))
def test_one_wrong_sign_of_a_uscc_is_always_found(serial: int, at: int, sign: str) -> None:
    right = make_uscc(serial, region="330106")
    wrong = right[:at] + sign + right[at + 1 :]
    assert is_valid("uscc", wrong) == (wrong == right)


@given(serials, st.integers(0, 16))
def test_two_neighbours_exchanged_in_an_id_number_are_always_found(serial: int, at: int) -> None:
    right = make_id_number(serial, region="330106")
    wrong = right[:at] + right[at + 1] + right[at] + right[at + 2 :]
    assert is_valid("id_number", wrong) == (wrong == right)


@given(st.text(max_size=30), st.sampled_from(sorted(TITLES)))
def test_no_text_breaks_a_check(text: str, kind: Kind) -> None:
    found = check(kind, text)
    assert found is None or (found.code in CODES and found.sentence and found.next_step)
    assert normalise(kind, normalise(kind, text)) == normalise(kind, text)


def test_the_birth_date_is_read_from_the_number() -> None:
    found = born_on("11010519491231002X")
    assert found is not None
    assert found.isoformat() == "1949-12-31"
    assert born_on("1") is None
    assert region_of("plate", "浙A12345") is None


@pytest.mark.parametrize("serial", [-1, 15_000])
def test_a_serial_out_of_range_is_refused(serial: int) -> None:
    with pytest.raises(ValueError):
        make_id_number(serial, region="330106")


def test_every_kind_has_a_title_and_a_basis() -> None:
    assert set(TITLES) == set(BASES)


def test_every_code_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"`{code}`" not in text] == []
