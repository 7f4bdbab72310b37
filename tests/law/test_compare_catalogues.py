from __future__ import annotations

from xinlu.law.catalogue import Catalogue
from xinlu.law.compare_catalogues import compare_catalogues
from xinlu.law.library import load_catalogue, shipped

CATALOGUE = load_catalogue(shipped())


def amended(item: str, **changed: object) -> Catalogue:
    one = CATALOGUE.items[item].model_copy(update=changed)
    return CATALOGUE.model_copy(update={"items": {**CATALOGUE.items, item: one}})


def test_equal_editions_differ_in_nothing() -> None:
    assert compare_catalogues(CATALOGUE, CATALOGUE) == ()


def test_a_changed_field_is_told_by_its_name() -> None:
    first, *others = CATALOGUE.items["honour"].fields
    after = amended("honour", fields=(*others, first.model_copy(update={"length": 300})), retention_months=60)
    (change,) = compare_catalogues(CATALOGUE, after)
    assert (change.kind, change.name) == ("changed", "honour")
    places = {one for one in change.after if change.before.get(one) != change.after[one]}
    assert places == {"数据项 › 荣誉名称（honour_name） › 长度", "保存月数"}  # moving a field changes nothing else


def test_items_that_came_and_went_are_told_whole() -> None:
    fewer = CATALOGUE.model_copy(
        update={"items": {name: one for name, one in CATALOGUE.items.items() if name != "honour"}}
    )
    (gone,) = compare_catalogues(CATALOGUE, fewer)
    (came,) = compare_catalogues(fewer, CATALOGUE)
    assert (gone.kind, came.kind) == ("removed", "added")
    assert gone.before == came.after
