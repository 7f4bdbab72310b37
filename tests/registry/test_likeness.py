"""What speaks for and against two being one, and what is proposed."""

from __future__ import annotations

from datetime import date

import pytest

from xinlu.law.identifiers import make_id_number, make_uscc
from xinlu.registry.likeness import Called, Known, Likeness, Said, likeness, marked, proposed, ranked
from xinlu.registry.match_keys import places

CODE, OTHER = make_uscc(7, region="330106"), make_uscc(8, region="330106")
SWAPPED = CODE[:-2] + CODE[-1] + CODE[-2]
FIRM = Known(
    1,
    "enterprise",
    (Called("杭州示例顺达物流有限公司", date(2022, 7, 1)), Called("示例旧名运输有限公司", None, date(2022, 7, 1))),
    (("uscc", CODE),),
    "330106",
    "浙江省杭州市西湖区示例路 18 号",
    "陈示例",
)
TRADER = Known(2, "sole_trader", (Called("西湖区示例青禾货运部"),), (), "330106", "杭州市西湖区示例路 9 号", "赵示甲")


def alike(said: Said, known: Known = FIRM) -> Likeness:
    return likeness(said, known, places())


@pytest.mark.parametrize(
    ("said", "verdict", "sentence"),
    [
        (Said((("uscc", CODE),)), "equal", "统一社会信用代码相同"),
        (Said((("organisation_code", CODE[8:17]),)), "likely", "组织机构代码就是统一社会信用代码的第 9 至 17 位"),
        (Said((("uscc", SWAPPED),), region="330106"), "likely", "统一社会信用代码相邻两位颠倒：改正后就是该主体的代码"),
        (Said((("uscc", SWAPPED),), "示例别家仓储有限公司"), "unlike", "名称不同"),
        (
            Said((("uscc", OTHER),), "杭州示例顺达物流有限公司"),
            "unlike",
            "两个统一社会信用代码都有效而不同：是两个主体",
        ),
        (Said(name="杭州示例顺达物流有限公司"), "likely", "名称相同"),
        (Said(name="杭州示例順達物流有限公司"), "likely", "名称只差全半角、繁简体或标点"),
        (
            Said(name="杭州示例顺达物流公司", region="330106"),
            "likely",
            "名称只差“有限公司”“有限责任公司”“公司”的写法",
        ),
        (Said(name="宁波示例顺达物流有限公司", region="330106"), "unlike", "名称中的行政区划不同"),
        (Said(name="杭州示例顺达物流有限公司", region="330203"), "unlike", "所在地不同"),
        (Said(name="杭州示例顺达物流有限公司宁波分公司"), "unlike", "一个是总公司，一个是分支机构"),
        (Said(name="杭州示例顺达物流股份有限公司", region="330106"), "possible", "改制的应有曾用名"),
        (Said(name="杭州示例顺达仓储有限公司", region="330106"), "unlike", "名称不同"),
        (Said(name="示例旧名运输有限公司", region="330106"), "likely", "是曾用名（至 2022-07-01 前）"),
        (Said(name="示例旧名运输有限公司", region="330106", on=date(2021, 1, 1)), "likely", "是事发当日的登记名称"),
    ],
)
def test_each_sort_of_trace_has_its_verdict_and_its_sentence(said: Said, verdict: str, sentence: str) -> None:
    found = alike(said)
    assert found.verdict == verdict, found
    assert any(sentence in one.sentence for one in found.reasons)


def test_the_score_is_the_sum_of_the_reasons() -> None:
    found = alike(Said((("uscc", SWAPPED),), "示例旧名运输有限公司", "330203", owner="李示例"))
    assert found.score == sum(one.points for one in found.reasons)
    assert {one.part for one in found.reasons} == {"code", "name", "owner", "region"}


def test_a_trader_is_found_by_its_owner_only_with_the_address() -> None:
    named = Said(name="赵示甲运输户", region="330106")
    assert alike(named, TRADER).verdict == "possible"
    there = Said(name="赵示甲运输户", region="330106", address="浙江省杭州市西湖区示例路9號")
    assert alike(there, TRADER).verdict == "likely"
    elsewhere = Said(name="赵示甲", region="330106", address="西湖区别处路 77 号")
    assert alike(elsewhere, TRADER).verdict == "possible"


def test_a_natural_person_is_told_by_number_and_name_together() -> None:
    number = make_id_number(7, region="330106")
    person = Known(3, "practitioner", (Called("张示例"),), (("id_number", number),), natural=True)
    wrong = number[:9] + str(9 - int(number[9])) + number[10:]
    assert alike(Said((("id_number", wrong),), "张示例"), person).verdict == "likely"
    assert alike(Said((("id_number", wrong),), "李示例"), person).verdict == "unlike"


def test_of_two_that_are_as_good_neither_is_proposed() -> None:
    name = "示例顺达物流有限公司"
    said = Said(name=name, region="330106")

    def found(*regions: str) -> list[tuple[Known, Likeness]]:
        twins = [Known(n, "enterprise", (Called(name),), (), region) for n, region in enumerate(regions, 1)]
        return ranked((one, alike(said, one)) for one in twins)

    apart = found("330106", "330108")
    assert proposed(apart) == apart[0][0]
    tied = found("330106", "330106")
    assert proposed(tied) is None
    assert [known.number for known, _ in tied] == [1, 2]
    assert all("分不清" in one.reasons[-1].sentence for _, one in tied)


def test_differences_are_marked_on_both_sides() -> None:
    left, right = marked(CODE, SWAPPED)
    assert "".join(text for text, _ in left) == CODE
    assert "".join(text for text, differs in left if differs)
    assert "".join(text for text, _ in right) == SWAPPED
