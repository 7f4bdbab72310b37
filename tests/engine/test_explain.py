"""Findings explained in the words and sums of the law."""

from __future__ import annotations

import pytest
from tests.engine.conftest import Play, Played, shipped_cases

from xinlu.engine.explain import Explanation, as_text, explain
from xinlu.engine.oracle import understood
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import Library
from xinlu.law.meaning import understand

SCORE = """
parameters: {full: {value: 100, title: 基准分}}
sources:
  acts:
    item: other_behaviour
    within: life
    exclude: [{when: "behaviour_code = 'old'", because: 已经整改, clause: 第九条}]
clauses:
  act:
    {title: 不良行为, text: 每次按记录扣分, clause: 第三条, hits: acts, minus: points, when: "behaviour_code <> 'fake'"}
  fake: {title: 弄虚作假, clause: 第四条, hits: acts, when: "behaviour_code = 'fake'"}
folds:
  total: {title: 得分, start: full, sum: [act]}
outputs:
  score: {title: 综合得分, value: total}
  level:
    title: 信用等级
    bands: {of: total, cut: {AA: "[95, 100]", A: "[85, 95)", B: "[60, 85)", C: "< 60"}, clause: 第五条}
    moves: [{set: C, by: [fake], title: 弄虚作假直接定级, clause: 第六条}]
"""


def act(record: str, code: str, points: str, day: str) -> str:
    return (
        f"  - {{item: other_behaviour, id: {record}, subject: 甲公司, behaviour_no: {record}, "
        f"business: highway_design, area: '330000', behaviour_code: {code}, points: {points}, found_on: {day}}}\n"
    )


FIRM = "subjects: [{id: 甲公司, kind: enterprise}]\nrecords:\n"


def explained(played: Played, catalogue: Catalogue, output: str) -> Explanation:
    result = played.result
    meaning = understand(played.book, catalogue)
    findings, entries = result.findings["trial-book"], result.entries["trial-book"]
    return explain(meaning, findings, entries, unit=played.number_of("甲公司"), output=output)


def test_a_sum_is_told_as_people_count_it(play: Play, catalogue: Catalogue) -> None:
    facts = FIRM + act("r1", "x", "5", "2024-01-01") + act("r2", "y", "3", "2024-02-01")
    found = explained(play(SCORE, facts), catalogue, "score")
    assert found.sentence == "综合得分：92"
    (part,) = found.parts
    assert part.arithmetic == "100 − 5 − 3 = 92"
    assert [(one.title, one.text, one.article, one.arithmetic) for one in part.lines if one.kind == "hit"] == [
        ("不良行为", "每次按记录扣分", "第三条", "-5"),
        ("不良行为", "每次按记录扣分", "第三条", "-3"),
    ]


def test_many_terms_are_summed_by_clause(play: Play, catalogue: Catalogue) -> None:
    facts = FIRM + "".join(act(f"r{n}", "x", "1", "2024-01-01") for n in range(20))
    (part,) = explained(play(SCORE, facts), catalogue, "score").parts
    assert part.arithmetic == "100 − 20 = 80"


def test_a_level_names_its_band_its_moves_and_what_would_change_it(play: Play, catalogue: Catalogue) -> None:
    facts = FIRM + act("r1", "x", "7", "2024-01-01") + act("r2", "fake", "0", "2024-02-01")
    found = explained(play(SCORE, facts), catalogue, "level")
    assert found.answer == "C（差）"
    assert [one.level for one in found.bands if one.here] == ["A"]
    assert [(one.title, one.article, one.text) for one in found.decisions] == [
        ("所在分段", "第五条", "A"),
        ("弄虚作假直接定级", "第六条", "C"),
    ]
    assert [one.title for one in found.evidence] == ["弄虚作假"]
    assert "再增加 2 为 AA" in found.would_change
    assert "再减少超过 8 为 B" in found.would_change
    assert "没有“弄虚作假直接定级”时为 A" in found.would_change


def test_what_was_left_out_stays_visible(play: Play, catalogue: Catalogue) -> None:
    facts = FIRM + act("r1", "old", "7", "2024-01-01")
    found = explained(play(SCORE, facts), catalogue, "score")
    assert [(one.title, one.text) for one in found.excluded] == [("不计入（第九条）", "已经整改")]


def test_a_unit_that_was_left_out_gets_a_reason_and_no_number(play: Play, catalogue: Catalogue) -> None:
    text = SCORE + "rated_when: [{require: founded_on is not null, otherwise: 没有成立日期}]\n"
    found = explained(play(text, "subjects: [{id: 甲公司, kind: enterprise}]"), catalogue, "level")
    assert found.sentence == "信用等级：未评，没有成立日期"
    assert found.parts == ()
    assert found.bands == ()
    assert [(one.title, one.value) for one in found.facts] == [("成立日期", "缺失")]


def test_a_running_fold_shows_its_balance(play: Play, catalogue: Catalogue) -> None:
    text = SCORE.replace(
        "total: {title: 得分, start: full, sum: [act]}",
        'total: {title: 得分, running: {clauses: [act], start: "10", floor: "0"}}',
    )
    facts = FIRM + act("r2", "x", "4", "2024-02-01") + act("r1", "x", "8", "2024-01-01")
    (part,) = explained(play(text, facts), catalogue, "score").parts
    assert [(one.kind, one.balance) for one in part.lines] == [("start", 10), ("hit", 2), ("hit", -2), ("clamp", 0)]


def test_an_answer_that_is_not_there_is_a_key_error(play: Play, catalogue: Catalogue) -> None:
    with pytest.raises(KeyError):
        explained(play(SCORE, FIRM + act("r1", "x", "7", "2024-01-01")), catalogue, "nothing")


def test_every_finding_of_the_shipped_cases_can_be_told(library: Library) -> None:
    for case in [case for index, case in enumerate(shipped_cases(library)) if index % 6 == 0]:
        result = case.evaluated(library.catalogue)
        meanings = {m.book.rulebook: m for ms in understood(case.books, catalogue=library.catalogue) for m in ms}
        book = case.book.rulebook
        for finding in result.findings[book]:
            given = {"unit": finding.unit, "output": finding.output}
            text = as_text(explain(meanings[book], result.findings[book], result.entries[book], **given))
            assert text.startswith(case.book.outputs[finding.output].title), case.name
