"""Row checks of the catalogue run, and say in Chinese what they ask."""

from __future__ import annotations

from decimal import Decimal

import pytest

from xinlu.intake.conditions import conditions
from xinlu.law.library import load_catalogue, shipped

CATALOGUE = load_catalogue(shipped())


def test_every_check_of_the_shipped_catalogue_can_be_run_and_said() -> None:
    for item in CATALOGUE.items.values():
        for one in conditions(item, CATALOGUE):
            assert one.sentence, one.text
            assert one.columns
            one.fails({})


@pytest.mark.parametrize(
    ("row", "fails"),
    [({"points": Decimal(5)}, False), ({"points": Decimal(4)}, True), ({}, False)],
)
def test_a_check_fails_only_when_it_is_false(row: dict[str, Decimal], fails: bool) -> None:
    (one,) = conditions(CATALOGUE.items["driver_points"], CATALOGUE)
    assert one.fails(row) is fails
    assert one.sentence == "记分为 20、10、5、3、1 之一"
