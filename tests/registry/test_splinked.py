"""The second opinion of Splink, where it is installed; nothing needs it."""

from __future__ import annotations

import importlib.util

import pytest
from django.conf import settings

from xinlu.demo.lookalikes import Lookalikes
from xinlu.law.regions import load_regions
from xinlu.registry.likeness import Called, Known
from xinlu.registry.splinked import NotInstalled, pairs, table_of

INSTALLED = importlib.util.find_spec("splink") is not None


def registry(count: int) -> list[Known]:
    world = Lookalikes(count, load_regions(settings.STANDARDS / "regions.yaml"), seed=5)
    return [
        Known(
            one.place,
            one.kind,
            (Called(one.name),),
            (("uscc", one.uscc),),
            one.region.code,
            one.address,
            one.owner,
        )
        for one in world.firms
    ]


def test_the_model_gets_one_row_for_each_subject_in_one_spelling() -> None:
    known = Known(7, "enterprise", (Called("杭州示例順達物流有限公司宁波分公司"),), (), "330106")
    (row,) = table_of([known]).to_pylist()
    assert (row["unique_id"], row["core"], row["branch"]) == (7, "示例顺达物流", "宁波分公司")
    assert row["uscc"] is None
    assert row["owner"] is None


@pytest.mark.skipif(INSTALLED, reason="Splink is installed")
def test_without_splink_it_says_what_to_install() -> None:
    with pytest.raises(NotInstalled, match=r"xinlu\[matching\]"):
        pairs(registry(5))


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="the optional extra xinlu[matching] is not installed")
def test_splink_finds_the_same_duplicates() -> None:
    known = registry(3000)
    twins = {}
    for one in known[::10]:
        number = 10_000 + one.number
        twins[one.number] = number
        known.append(Known(number, one.kind, one.names, (), one.region, one.address, one.owner))
    found = {(a, b) for a, b, _ in pairs(known)}
    assert len(found & set(twins.items())) >= 0.97 * len(twins)
    assert len(found - set(twins.items())) <= 0.005 * len(twins)
