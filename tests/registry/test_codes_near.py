"""Codes that somebody may have meant."""

from __future__ import annotations

from random import Random

import pytest

from xinlu.law.identifiers import is_valid, make_id_number, make_organisation_code, make_uscc
from xinlu.registry.codes_near import near

CODES = {
    "uscc": make_uscc(7, region="330106"),
    "id_number": make_id_number(7, region="330106"),
    "organisation_code": make_organisation_code(7),
}


@pytest.mark.parametrize("type_", CODES)
def test_every_single_slip_leads_back_to_the_code(type_: str) -> None:
    code, chance = CODES[type_], Random(3)
    for place in range(len(code) - 1):
        other = chance.choice([one for one in "0123456789" if one != code[place]])
        wrong = code[:place] + other + code[place + 1 :]
        assert near(type_, wrong).get(code) in ("one", "swapped", "lookalike"), wrong
        if code[place] != code[place + 1]:
            swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            assert near(type_, swapped)[code] == "swapped"
        assert near(type_, code[:place] + code[place + 1 :])[code] == "missing"
        assert near(type_, code[:place] + "7" + code[place:])[code] == "extra"


def test_what_is_near_is_valid_and_little() -> None:
    wrong = CODES["uscc"][:11] + "5" + CODES["uscc"][12:]
    found = near("uscc", wrong)
    assert 1 < len(found) < 40
    assert all(is_valid("uscc", one) for one in found)


def test_a_valid_code_means_what_it_says() -> None:
    assert all(near(type_, code) == {} for type_, code in CODES.items())


def test_a_letter_stands_for_the_digit_it_looks_like() -> None:
    assert near("uscc", CODES["uscc"].replace("0", "O", 1))[CODES["uscc"]] == "lookalike"


def test_of_a_plate_only_the_order_is_tried_and_of_nothing_nothing() -> None:
    assert near("plate", "浙X12345")["浙X13245"] == "swapped"
    assert near("uscc", "无") == {} == near("nobody knows", "1")
