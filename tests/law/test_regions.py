"""The region tree and the organ tree of the province."""

from __future__ import annotations

from pathlib import Path

import pytest

from xinlu.law.organs import OrganKind, Organs, load_organs
from xinlu.law.problem import LawError
from xinlu.law.regions import RegionLevel, Regions, load_regions

STANDARDS = Path(__file__).parents[2] / "standards"


@pytest.fixture(scope="module")
def regions() -> Regions:
    return load_regions(STANDARDS / "regions.yaml")


@pytest.fixture(scope="module")
def organs(regions: Regions) -> Organs:
    return load_organs(STANDARDS / "organs.yaml", regions=regions)


def test_the_province_has_eleven_cities_yiwu_and_ninety_leaves(regions: Regions) -> None:
    assert len(regions.cities) == 12
    assert [c.name for c in regions.cities if c.geographic_parent] == ["义乌市"]
    assert len(regions.counties) == 89
    assert len(regions.leaves) == 90
    assert {r.short for r in regions.neighbours} == {"上海", "江苏", "安徽"}


def test_yiwu_is_under_the_province_not_under_jinhua(regions: Regions) -> None:
    assert not regions.contains("330700", "330782")
    assert regions.contains("330000", "330782")
    city = regions.city_of("330782")
    assert city is not None
    assert city.name == "义乌市"


def test_a_scope_spells_out_to_everything_below(regions: Regions) -> None:
    assert len(regions.within(["330100"])) == 14
    assert len(regions.within(["330000"])) == 1 + 12 + 89
    assert regions.within([]) == frozenset()


def test_names_codes_pinyin_and_initials_find_a_region(regions: Regions) -> None:
    assert [r.code for r in regions.find("yueqing")] == ["330382"]
    assert [r.code for r in regions.find(" 义乌 ")] == ["330782"]
    assert {r.code for r in regions.find("hz")} == {"330100", "330500"}
    assert regions.full_name("330106") == "杭州市西湖区"
    assert regions.full_name("330000") == "浙江省"


def test_each_county_code_begins_with_its_city(regions: Regions) -> None:
    assert all(c.parent is not None and c.code[:4] == c.parent[:4] for c in regions.counties)
    assert all(r.level is not RegionLevel.COUNTY for r in regions.children("330000"))


def test_an_unknown_region_is_a_coded_error(regions: Regions) -> None:
    with pytest.raises(LawError) as caught:
        regions.get("339999")
    assert caught.value.problems[0].code == "REG-001"


def test_a_region_whose_parent_is_missing_is_refused(tmp_path: Path) -> None:
    text = (STANDARDS / "regions.yaml").read_text(encoding="utf-8")
    broken = tmp_path / "regions.yaml"
    broken.write_text(text.replace('level: county, parent: "330100"', 'level: county, parent: "339900"', 1))
    with pytest.raises(LawError):
        load_regions(broken)


def test_the_organ_tree_is_the_one_of_the_plan(organs: Organs) -> None:
    assert len(organs.of_kind(OrganKind.DIVISION)) == 4
    assert len(organs.of_kind(OrganKind.CENTRE)) == 5
    assert len(organs.of_kind(OrganKind.CITY_BUREAU)) == 12
    assert [o.name for o in organs.of_kind(OrganKind.CITY_PORT)] == [
        "舟山市港航和口岸管理局",
        "台州市海洋经济发展局",
    ]
    assert len(organs.of_kind(OrganKind.COUNTY_BUREAU)) == 89


def test_a_port_authority_takes_the_water_sectors_from_the_bureau(organs: Organs) -> None:
    water = organs.competent(region="330902", sector="water")
    assert [o.code for o in water] == ["jt-330902", "port-330900"]
    taxi = organs.competent(region="330902", sector="taxi")
    assert [o.code for o in taxi] == ["jt-330902", "jt-330900"]


def test_jinhua_is_not_competent_in_yiwu(organs: Organs) -> None:
    assert not organs.covers("jt-330700", region="330782")
    assert organs.covers("jt-330782", region="330782", sector="road_freight")
    assert organs.covers("zj", region="330782")


def test_everything_of_the_province_stands_below_the_department(organs: Organs) -> None:
    below = organs.below("zj")
    assert "jt-330106" in below
    assert "jt-310000" not in below
    assert [o.code for o in organs.line("jt-330106")] == ["jt-330106", "jt-330100", "zj", "mot"]


def test_a_provider_is_a_code_or_a_kind(organs: Organs) -> None:
    assert organs.provides("kind:county_bureau", "jt-330106")
    assert not organs.provides("kind:county_bureau", "jt-330100")
    assert organs.provides("zj-road-centre", "zj-road-centre")


def test_an_unknown_organ_is_a_coded_error(organs: Organs) -> None:
    with pytest.raises(LawError) as caught:
        organs.get("jt-000000")
    assert caught.value.problems[0].code == "ORG-001"
