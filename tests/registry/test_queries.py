"""Finding subjects: in the right order, and only within the scope."""

from __future__ import annotations

from datetime import date

import pytest
from tests.province import ACTOR, at, driver, firm, organs, scopes

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.registry import queries
from xinlu.registry.enrol import NewSubject, enrol
from xinlu.registry.relate import NewRelation, relate

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")
PUBLIC = Scope.public()


def names(scope: Scope, text: str) -> list[tuple[str, str]]:
    return [(hit.subject.name, hit.why) for hit in queries.search(scope, text)]


def test_a_search_ranks_exact_names_before_prefixes_before_parts() -> None:
    for name in ("浙江示例", "示例", "示例交通", "示例（浙江）公司"):
        firm(name)
    assert names(PUBLIC, "示例") == [
        ("示例", "name"),
        ("示例（浙江）公司", "prefix"),
        ("示例交通", "prefix"),
        ("浙江示例", "contains"),
    ]
    assert names(PUBLIC, "示例(浙江)") == [("示例（浙江）公司", "prefix")]


def test_an_exact_identifier_comes_first() -> None:
    firm("某某公司", uscc="91330106MA2AXXXX5K")
    firm("91330106MA2AXXXX5K公司")
    assert names(PUBLIC, " 91330106ma2axxxx5k") == [
        ("某某公司", "identifier"),
        ("91330106MA2AXXXX5K公司", "prefix"),
    ]


def test_two_characters_and_pinyin_initials_find_a_name() -> None:
    firm("杭州路桥建设公司")
    assert names(PUBLIC, "路桥") == [("杭州路桥建设公司", "contains")]
    assert names(PUBLIC, "hzlq") == [("杭州路桥建设公司", "initials")]


@pytest.mark.parametrize("text", ["", "   ", "没有这家", "%", "_", "\\"])
def test_a_search_for_nothing_finds_nothing(text: str) -> None:
    firm()
    assert queries.search(PUBLIC, text) == []


def test_a_search_gives_at_most_fifty() -> None:
    for n in range(53):
        firm(f"示例{n:02}公司")
    assert len(queries.search(PUBLIC, "示例")) == 50
    assert len(queries.search(PUBLIC, "示例", limit=500)) == 50


def test_regions_narrow_a_search_before_its_limit_counts() -> None:
    for n in range(51):
        firm(f"示例{n:02}公司", region="330106")
    far = firm("示例远方公司", region="330203", uscc="91330203MA2AXXXX5K")
    in_ningbo = {"regions": {"330200", "330203"}}
    assert [hit.subject.pk for hit in queries.search(PUBLIC, "示例", **in_ningbo)] == [far]
    assert [hit.subject.pk for hit in queries.search(PUBLIC, "91330203MA2AXXXX5K", **in_ningbo)] == [far]
    assert queries.search(PUBLIC, "91330203MA2AXXXX5K", regions={"330106"}) == []
    assert queries.search(PUBLIC, "示例", regions=()) == []


def test_natural_persons_are_found_by_exact_identifier_in_region_only() -> None:
    organs()
    number = driver("张小三", region="330106", id_number="33010619900307123X")
    for name, scope in {**scopes(), "system": SYSTEM}.items():
        assert queries.search(scope, "张小三") == [], name
        assert queries.search(scope, "zxs") == [], name
        sees = name in ("county", "city", "province", "system")
        assert (queries.find(scope, value="33010619900307123X") is not None) == sees, name
        assert (queries.subject(scope, number) is not None) == sees, name
        assert (queries.period(scope, number, on=date(2023, 1, 1)) is not None) == sees, name
        assert bool(queries.identifiers(scope, number)) == sees, name


def test_lists_hold_persons_of_the_region_for_officers_and_none_for_the_public() -> None:
    organs()
    firm(region="330106")
    firm("宁波示例公司", region="330203")
    driver(region="330106")
    enrol(NewSubject("vehicle", "浙A12345", "330106", {"plate": "浙A12345"}, date(2020, 1, 1)), actor=ACTOR, at=at())
    seen = {name: dict(queries.counts(scope)) for name, scope in scopes().items()}
    firms = {"enterprise": 2}
    assert seen["public"] == firms
    assert seen["county"] == seen["city"] == seen["province"] == {**firms, "practitioner": 1, "vehicle": 1}
    assert seen["other city"] == {**firms, "vehicle": 1}


def test_an_officer_reads_a_persons_number_masked() -> None:
    organs()
    number = driver(region="330106", id_number="33010619900307123X")
    city = scopes()["city"]
    assert queries.identifiers(city, number) == [("id_number", "330*************3X")]
    assert queries.shown_name(city, queries.subject(SYSTEM, number)) == "张小三"  # type: ignore[arg-type]
    assert queries.shown_name(PUBLIC, queries.subject(SYSTEM, number)) == "张*三"  # type: ignore[arg-type]


def test_a_person_sees_its_own_entry_and_no_other_persons() -> None:
    one = driver(id_number="33010619900307123X")
    other = driver("李四四", id_number="330106199003071248")
    myself = Scope.of(Person.objects.create_user("me", role="subject", subject=one))
    assert queries.subject(myself, one) is not None
    assert queries.subject(myself, other) is None
    assert queries.find(myself, value="330106199003071248") is None


def test_a_plate_is_masked_for_the_public_and_whole_for_who_operates_the_vehicle() -> None:
    organs()
    owner, stranger = firm(), firm("别家公司")
    plate = "浙A12312"
    car = enrol(NewSubject("vehicle", plate, "330106", {"plate": plate}, date(2020, 1, 1)), actor=ACTOR, at=at())
    relate(NewRelation("operates", owner, car, date(2020, 1, 1)), actor=ACTOR, at=at(1))
    vehicle = queries.subject(SYSTEM, car)
    assert vehicle is not None
    people = {
        name: Scope.of(Person.objects.create_user(name, role="subject", subject=number))
        for name, number in (("owner", owner), ("stranger", stranger))
    }
    shown = {name: queries.shown_name(scope, vehicle) for name, scope in {**scopes(), **people}.items()}
    assert {name for name, text in shown.items() if text == "浙A***12"} == {"public", "stranger"}
    assert {name for name, text in shown.items() if text == plate} == {
        "county",
        "city",
        "other city",
        "province",
        "owner",
    }
    assert queries.subject(people["owner"], car) == vehicle
    assert queries.subject(people["stranger"], car) is None
    assert len(queries.relations(people["owner"], owner, on=date(2021, 1, 1))) == 1
    assert queries.relations(people["stranger"], owner, on=date(2021, 1, 1)) == []
