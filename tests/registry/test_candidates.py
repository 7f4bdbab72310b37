"""Candidates are found by keys that follow names and identifiers, inside the scope of who asks."""

from __future__ import annotations

from datetime import date
from unittest.mock import patch

import pytest
from tests.province import ACTOR, at, driver, firm, officer, organs

from xinlu.access.scope import Scope
from xinlu.law.identifiers import make_id_number, make_uscc
from xinlu.registry import candidates as searching
from xinlu.registry.candidates import candidates
from xinlu.registry.enrol import NewSubject, add_identifiers, enrol
from xinlu.registry.likeness import Said
from xinlu.registry.merge import merge
from xinlu.registry.models import MatchKey
from xinlu.registry.revise import Revision, revise

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")
CODE = make_uscc(7, region="330106")
WRONG = CODE[:-2] + CODE[-1] + CODE[-2]


def found(said: Said, scope: Scope = SYSTEM) -> list[int]:
    return [known.number for known, _ in candidates(scope, [said])[0]]


def test_a_spoilt_code_a_former_name_and_a_sound_lead_to_the_subject() -> None:
    number = firm("示例恒驰物流有限公司", uscc=CODE)
    firm("示例别家仓储有限公司", uscc=make_uscc(8, region="330106"))
    revise(Revision(number, date(2023, 1, 1), name="杭州示例新名物流有限公司"), actor=ACTOR, at=at(1))
    for said in (
        Said((("uscc", WRONG),)),
        Said((("", WRONG),)),
        Said((("organisation_code", CODE[8:17]),)),
        Said((("", CODE[8:17]),)),
        Said(name="杭州示例新名物流公司"),
        Said(name="示例恒驰物流有限公司"),
        Said(name="示例衡池物流有限公司", region="330106"),
    ):
        assert found(said) == [number], said
    assert found(Said(name="示例无此人物流有限公司")) == []


def test_keys_follow_a_change_of_name_and_a_further_code() -> None:
    number = firm("示例甲物流有限公司")
    add_identifiers([(number, "uscc", CODE)], actor=ACTOR, at=at(1))
    revise(Revision(number, date(2010, 1, 1), name="示例乙物流有限公司"), actor=ACTOR, at=at(2))
    keys = dict(MatchKey.objects.filter(subject=number).exclude(what="sound").values_list("what", "key"))
    assert keys == {"core": "示例乙物流", "organ": CODE[8:17]}, "a name that was never borne has no key"


def test_a_person_is_found_by_number_only_and_only_in_the_scope() -> None:
    organs()
    clear = make_id_number(7, region="330106")
    number = driver("张小三", id_number=clear)
    assert found(Said(name="张小三")) == []
    spoilt = clear[:12] + str(9 - int(clear[12])) + clear[13:]
    said = Said((("id_number", spoilt),), "张小三")
    assert found(said) == [number]
    assert found(said, Scope.of(officer("hz", "jt-330100"))) == [number]
    assert found(said, Scope.of(officer("nb", "jt-330200"))) == []
    assert not MatchKey.objects.filter(subject=number).exists()


def test_a_trader_is_found_by_an_owner_whose_name_is_kept_sealed() -> None:
    trader = NewSubject(
        "sole_trader",
        "示例青禾货运部",
        "330106",
        {},
        date(2015, 1, 1),
        attributes={"operator_name": "赵示甲", "address": "杭州市西湖区示例路 9 号"},
    )
    number = enrol(trader, actor=ACTOR, at=at())
    said = Said(name="赵示甲运输户", region="330106", address="西湖区示例路9号")
    assert found(said) == [number]
    assert "赵示甲" not in str(list(MatchKey.objects.values_list("key", flat=True)))


def test_an_absorbed_entry_leads_to_whoever_absorbed_it() -> None:
    kept, absorbed = firm("示例甲物流有限公司"), firm("示例乙运输有限公司")
    merge(kept=kept, absorbed=absorbed, reason="同一企业", actor=ACTOR, at=at(1))
    assert found(Said(name="示例乙运输有限公司", region="330106")) == [kept]


def test_only_kinds_that_may_stand_there_are_candidates() -> None:
    number = firm("示例甲物流有限公司")
    assert found(Said(name="示例甲物流有限公司", kinds=("enterprise",))) == [number]
    assert found(Said(name="示例甲物流有限公司", kinds=("vessel",))) == []


def test_of_a_name_that_many_bear_those_of_the_county_are_compared() -> None:
    others = [firm("示例同名物流有限公司", region="330203") for _ in range(3)]
    here = firm("示例同名物流有限公司", region="330106")
    with patch.object(searching, "BLOCK", 2):
        assert found(Said(name="示例同名物流有限公司", region="330106")) == [here]
        assert here not in found(Said(name="示例同名物流有限公司", region="330200"))
        assert set(found(Said(name="示例同名物流有限公司"))) <= {*others, here}
