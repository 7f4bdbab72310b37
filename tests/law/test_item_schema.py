from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from xinlu.law.catalogue import Catalogue
from xinlu.law.item_schema import item_digest, item_schema
from xinlu.law.library import load_catalogue, shipped

PENALTY: dict[str, Any] = {
    "party_name": "示例运输有限公司",
    "party_kind": "organisation",
    "uscc": "91330106XL00000746",
    "decision_no": "示例罚决〔2024〕1号",
    "violation_type": "示例",
    "facts": "示例",
    "legal_ground": "示例",
    "penalty_kinds": ["fine"],
    "content": "罚款",
    "fine_amount": "0.2",
    "decided_on": "2024-01-31",
    "organ_name": "示例机关",
    "organ_uscc": "11330000XL00000000",
    "source_unit": "示例机关",
    "source_unit_uscc": "11330000XL00000000",
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(shipped())


@pytest.fixture(scope="module")
def penalty(catalogue: Catalogue) -> Draft202012Validator:
    return Draft202012Validator(item_schema(catalogue.items["administrative_penalty"], catalogue=catalogue))


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PENALTY.items() if key != name}


def test_every_item_has_a_schema_that_is_one(catalogue: Catalogue) -> None:
    for item in catalogue.items.values():
        schema = item_schema(item, catalogue=catalogue)
        Draft202012Validator.check_schema(schema)
        assert set(schema["properties"]) == {"op", *(r.name for r in item.roles), *(f.name for f in item.fields)}


def test_a_good_row_is_taken(penalty: Draft202012Validator) -> None:
    assert penalty.is_valid(PENALTY)
    assert penalty.is_valid({**PENALTY, "expires_on": None, "fine_amount": 0.2, "subject": "91330106XL00000746"})


@pytest.mark.parametrize(
    "wrong",
    [
        without("decision_no"),
        without("uscc"),  # nobody is named
        {**PENALTY, "decided_on": "2024/1/31"},
        {**PENALTY, "decided_on": None},
        {**PENALTY, "penalty_kinds": ["罚款"]},
        {**PENALTY, "penalty_kinds": []},
        {**PENALTY, "fine_amount": "0.1234567"},
        {**PENALTY, "fine_amount": "一千"},
        {**PENALTY, "fine_amount": 10**12},
        {**PENALTY, "party_name": "长" * 201},
        {**PENALTY, "colour": "red"},
        {**PENALTY, "op": "delete"},
    ],
)
def test_a_wrong_row_is_not(penalty: Draft202012Validator, wrong: dict[str, Any]) -> None:
    assert not penalty.is_valid(wrong)


def test_taking_back_asks_for_the_key_only(penalty: Draft202012Validator) -> None:
    assert penalty.is_valid({"op": "withdraw", "decision_no": "示例罚决〔2024〕1号", "subject": "91330106XL00000746"})
    assert not penalty.is_valid({"op": "withdraw", "subject": "91330106XL00000746"})


def test_several_subjects_in_a_role_are_a_list(catalogue: Catalogue) -> None:
    passage = Draft202012Validator(item_schema(catalogue.items["lock_passage"], catalogue=catalogue))
    row = {"passage_no": "1", "applied_on": "2024-01-31", "lock_name": "示例船闸"}
    assert passage.is_valid({**row, "members": ["CN20240000001"]})
    assert not passage.is_valid({**row, "members": []})
    assert not passage.is_valid(row)


def test_the_digest_changes_with_what_a_sender_must_know_and_not_otherwise(catalogue: Catalogue) -> None:
    item = catalogue.items["honour"]
    digest = item_digest(item, catalogue=catalogue)
    assert len(digest) == 64
    assert item_digest(item, catalogue=catalogue.model_copy(update={"edition": "x"})) == digest
    assert item_digest(item.model_copy(update={"legal_basis": "别的"}), catalogue=catalogue) == digest
    first, *others = item.fields
    longer = item.model_copy(update={"fields": (first.model_copy(update={"length": 201}), *others)})
    assert item_digest(longer, catalogue=catalogue) != digest
    codes = catalogue.code_lists["organ_levels"]
    more = codes.model_copy(update={"values": {**codes.values, "other": "其他"}})
    other = catalogue.model_copy(update={"code_lists": {**catalogue.code_lists, "organ_levels": more}})
    assert item_digest(item, catalogue=other) != digest
