"""Names of firms taken apart, and read in one spelling."""

from __future__ import annotations

import pytest

from xinlu.registry.firm_name import called_person, folded, sound
from xinlu.registry.match_keys import places


@pytest.mark.parametrize(
    "name",
    [
        "示例顺达物流有限公司",
        "示例顺达物流有限责任公司",
        "示例顺达物流公司",
        "杭州市西湖区示例顺达物流有限公司",
        "浙江杭州示例顺达物流有限公司",
        "示例顺达（杭州）物流有限公司",
        "示例順達物流有限責任公司",
        "示例顺达 物流　有限公司（自然人独资）",
    ],
)
def test_place_form_and_spelling_leave_the_core(name: str) -> None:
    found = places().parts(name)
    assert (found.core, found.form, found.branch) == ("示例顺达物流", "limited", "")


def test_a_branch_keeps_the_parent_and_what_follows_it() -> None:
    found = places().parts("示例顺达（杭州）物流有限责任公司宁波第一分公司")
    assert (found.core, found.branch, found.places) == ("示例顺达物流", "宁波第一分公司", ("330100",))
    assert places().parts("示例顺达物流股份有限公司").form == "shares"


def test_a_name_that_is_only_a_place_and_a_form_keeps_its_core() -> None:
    assert places().parts("杭州公司").core == "杭州公司"
    assert places().parts("").core == ""


def test_places_are_told_by_their_line() -> None:
    table = places()
    assert table.cut("浙江省杭州市西湖区示例路")[0][-1] == "330106"
    assert table.agree("330100", "330106")
    assert not table.agree("330106", "330200")
    assert table.of_address("绍兴市柯桥区示例路９號")[1] == "示例路9号"


def test_full_width_and_traditional_signs_are_folded() -> None:
    assert folded("ＡＢ示例運輸・有限公司") == "AB示例运输有限公司"
    assert sound("示例恒驰") == sound("示例衡池")


def test_a_name_of_a_person_is_recognised_with_what_traders_add() -> None:
    names = ("赵示甲", "赵示甲运输户", "赵示甲（个体工商户）", "示例青禾货运部")
    assert [called_person(one) for one in names] == ["赵示甲", "赵示甲", "赵示甲", ""]
