"""Rows become records, versions, withdrawals, duplicates or queried rows; nothing is lost."""

from __future__ import annotations

from tests.intake.conftest import Desk, as_csv, penalty

from xinlu.ledger.models import Record


def test_a_good_row_becomes_a_record_in_the_catalogues_spelling(desk: Desk) -> None:
    result = desk.hand(as_csv([penalty()]))
    assert (result.accepted, result.queried, result.carries) == (1, 0, "administrative_penalty"), result.problems
    record = Record._base_manager.get(item="administrative_penalty")
    assert record.subject_id == desk.numbers["firm"]
    assert record.payload["fine_amount"] == "0.200000"
    assert record.payload["penalty_kinds"] == ["warning", "fine"]
    assert record.payload["decided_on"] == "2024-05-20"
    assert record.payload["expires_on"] == "2099-12-31"
