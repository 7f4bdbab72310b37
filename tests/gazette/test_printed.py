"""The printed edition: whole, the same bytes each time, without records."""

from __future__ import annotations

from xinlu.gazette.printed import facts, is_sample, printed, publicity
from xinlu.law.library import load_catalogue, shipped

CATALOGUE = load_catalogue(shipped())


def test_the_paper_is_a_pdf_and_the_same_each_time() -> None:
    few = CATALOGUE.model_copy(update={"items": {name: CATALOGUE.items[name] for name in ("honour", "weighing")}})
    first = printed(few)
    assert first.startswith(b"%PDF-")
    assert first == printed(few)


def test_a_sample_edition_says_so() -> None:
    assert is_sample(CATALOGUE)


def test_rules_of_collection_and_use_stand_in_words() -> None:
    said = dict(facts(CATALOGUE.items["administrative_penalty"], CATALOGUE))
    assert said["允许的用途"] == "信用评价、社会公开、政务共享、监督检查、授权查询"
    assert said["公示期限"] == "自处罚决定日期起，最长 36 个月，按修复规则，至公示截止期"
    assert said["提供单位"] == "省厅、设区市局、设区市港航机构、县级局"
    assert publicity(CATALOGUE.items["weighing"]) == "不公示"
    assert all(len(facts(item, CATALOGUE)) % 2 == 0 for item in CATALOGUE.items.values())
