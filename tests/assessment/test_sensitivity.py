"""One number of a book changed, and the distribution that follows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from tests import province

from xinlu.access.scope import Scope
from xinlu.assessment.sensitivity import knobs, replaced, sensitivity
from xinlu.gazette import current
from xinlu.law.problem import LawError
from xinlu.law.rulebook import Rulebook

DAY = date(2024, 6, 30)


def book(name: str) -> Rulebook:
    return current.library().rulebooks[name][-1]


def every_book() -> list[Rulebook]:
    return [one for versions in current.library().rulebooks.values() for one in versions]


@pytest.mark.parametrize("one", every_book(), ids=lambda one: f"{one.rulebook}@{one.version}")
def test_every_number_of_every_book_can_be_written_back_unchanged(one: Rulebook) -> None:
    for knob in knobs(one)[:5]:
        assert replaced(one, knob.place, knob.number) == one


def test_places_of_numbers_are_told_apart() -> None:
    for one in every_book():
        places = [knob.place for knob in knobs(one)]
        assert len(set(places)) == len(places), one.rulebook


def test_a_band_edge_is_one_number_and_moves_in_both_bands() -> None:
    design = book("highway-design-firm")
    edges = [one for one in knobs(design) if "/cut/" in one.place]
    assert sorted(one.number for one in edges) == [60, 75, 85, 95]
    edge = next(one for one in edges if one.number == 85)
    changed = replaced(design, edge.place, Decimal("87.5"))
    assert changed.outputs["level"].bands.cut == {
        "AA": ">= 95",
        "A": "[87.5, 95)",
        "B": "[75, 87.5)",
        "C": "[60, 75)",
        "D": "< 60",
    }


def test_an_edge_beyond_its_neighbour_and_a_place_without_a_number_are_refused() -> None:
    design = book("highway-design-firm")
    edge = next(one for one in knobs(design) if one.number == 85 and "/cut/" in one.place)
    with pytest.raises(LawError):
        replaced(design, edge.place, Decimal(99))
    with pytest.raises(LawError, match="没有可以改动的数"):
        replaced(design, "outputs/level/title", Decimal(1))


@pytest.fixture
def province_of_two(settings, tmp_path, transactional_db):
    """Two firms; one has lost 12 points by one act in the year that counts."""
    settings.VAR, settings.COLUMNAR = tmp_path, tmp_path / "columnar"
    province.organs()
    for name, points in (("示例甲设计有限公司", "12.00"), ("示例乙设计有限公司", "1.00")):
        firm = province.firm(name, businesses=["highway_design"])
        row = {
            "behaviour_no": name,
            "found_on": "2023-05-01",
            "behaviour_code": "x",
            "points": points,
            "business": "highway_design",
            "area": "330000",
        }
        section = {"evaluation_no": name, "evaluated_on": "2023-05-01", "contract_price": "1000.00"}
        section |= {"business": "highway_design", "area": "330000"}
        where = province.source("works", "zj-road-centre")
        roles = {"subject": (firm,)}
        province.deliver(where, "section_evaluation", [{"payload": section, "roles": roles}], when=province.at(1))
        province.deliver(where, "other_behaviour", [{"payload": row, "roles": roles}], when=province.at(1))


def test_a_moved_edge_moves_those_between_the_old_and_the_new_one(province_of_two) -> None:
    design = book("highway-design-firm")
    edge = next(one for one in knobs(design) if one.number == 85 and "/cut/" in one.place)
    found = sensitivity(design, edge.place, "90", as_of=DAY, scope=Scope.system("test"))
    level = next(one for one in found.impacts if one.output == "level")
    assert level.matrix == {("A", "B"): 1, ("AA", "AA"): 1}
    assert (level.population, level.moved, level.worse, level.better, level.unaccounted) == (2, 1, 1, 0, 0)
    back = sensitivity(design, edge.place, "85", as_of=DAY, scope=Scope.system("test"))
    assert all(one.moved == 0 for one in back.impacts)
    assert sensitivity(design, edge.place, "90", as_of=DAY, scope=Scope.public()).impacts[0].population == 0


@pytest.mark.parametrize("number", ["", "x", "-1", "NaN", "1e30", "0.0000000000001"])
def test_what_is_no_usable_number_is_refused(number: str) -> None:
    design = book("highway-design-firm")
    with pytest.raises(LawError):
        sensitivity(design, knobs(design)[0].place, number, as_of=DAY, scope=Scope.system("test"))
