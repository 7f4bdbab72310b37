"""The fine points of docs/language.md, each with numbers small enough to check by hand."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.engine.conftest import Play, Played

from xinlu.engine.result import Entry

ACTS = "sources: {acts: {item: other_behaviour, within: life}}\n"
FIRM = "subjects: [{id: 甲公司, kind: enterprise}]\n"


def act(record: str, day: str, points: object = 1, code: str = "x", who: str = "甲公司", **more: Any) -> str:
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return (
        f"  - {{item: other_behaviour, id: {record}, subject: {who}, behaviour_no: {record}, business: highway_design, "
        f"area: '330000', behaviour_code: '{code}', points: {points}, found_on: {day}{extra}}}\n"
    )


def records(*lines: str, subjects: str = FIRM) -> str:
    return subjects + "records:\n" + "".join(lines)


def shares(entries: list[Entry]) -> list[tuple[str, str | None, Decimal | None]]:
    return [(one.kind, one.clause, one.share) for one in entries]


def number(played: Played, output: str = "answer", who: str = "甲公司") -> Decimal | None:
    return played.finding(who, output).number


def folded(fold: str, more: str = "") -> str:
    """A book whose one output is the fold ``f``."""
    return f"{more}folds: {{f: {fold}}}\noutputs: {{answer: {{title: 答案, value: f}}}}\n"


# ── hits ────────────────────────────────────────────────────────────────────────────────────────


def clause(more: str) -> str:
    """A source and its one clause, which takes the recorded points."""
    return ACTS + f"clauses: {{a: {{title: 甲, hits: acts, minus: points, {more}}}}}\n"


def test_one_hit_is_limited_before_its_age_weighs(play: Play) -> None:
    limited = 'at_most: "4", span: {ages: [{below: 12 months, weight: 1}, {below: 24 months, weight: 0.5}]}'
    played = play(folded("{sum: [a]}", clause(limited)), records(act("r1", "2024-01-01", 10)))
    (entry,) = [one for one in played.entries("甲公司", "f") if one.kind == "hit"]
    assert (entry.raw, entry.weight, entry.share) == (-10, Decimal("0.5"), -2)


@pytest.mark.parametrize(
    ("as_of", "counts"),
    [(date(2023, 12, 31), 0), (date(2024, 1, 1), 1), (date(2024, 12, 31), 1), (date(2025, 1, 1), 0)],
)
def test_a_span_holds_its_first_day_and_not_its_end(play: Play, as_of: date, counts: int) -> None:
    text = folded("{tally: [a]}", clause("span: {for: 12 months}"))
    assert number(play(text, records(act("r1", "2024-01-01")), as_of)) == counts


@pytest.mark.parametrize(("aim", "counts"), [("forward", 0), ("back", 1)])
def test_spans_counted_back_differ_at_the_end_of_february(play: Play, aim: str, counts: int) -> None:
    text = folded("{tally: [a]}", clause(f"span: {{for: 12 months, aim: {aim}}}"))
    assert number(play(text, records(act("r1", "2024-02-29")), date(2025, 2, 28))) == counts


def test_another_row_is_never_the_row_itself(play: Play) -> None:
    needs = 'needs: {source: acts, where: "other.behaviour_code = behaviour_code"}'
    text = folded("{tally: [a]}", clause(needs))
    facts = records(act("r1", "2024-01-01"), act("r2", "2024-01-02"), act("r3", "2024-01-03", code="alone"))
    assert number(play(text, facts)) == 2


CONTEST = """
clauses:
  a: {{title: 甲, hits: acts, minus: points}}
  b: {{title: 乙, hits: acts, minus: "3"}}
contests: {{one: {{among: [a, b], same: [{same}], keep: {keep}}}}}
folds: {{f: {{sum: [a, b]}}}}
outputs: {{answer: {{title: 答案, value: f}}}}
"""


@pytest.mark.parametrize(("keep", "answer"), [("most_severe", -5), ("first", -2), ("last", -5)])
def test_a_contest_keeps_one_hit_and_the_losers_name_it(play: Play, keep: str, answer: int) -> None:
    text = ACTS + CONTEST.format(same="behaviour_code", keep=keep)
    played = play(text, records(act("r1", "2024-01-01", 2), act("r2", "2024-02-01", 5)))
    assert number(played) == answer
    lost = [one for one in played.entries("甲公司", "f") if one.kind == "lost"]
    winner = played.number_of("r1" if answer == -2 else "r2")
    assert [(one.share, one.lost_to, one.text) for one in lost] == [(0, winner, "a")] * 3


def test_a_tie_goes_to_the_earlier_date_then_the_smaller_key_then_the_first_clause(play: Play) -> None:
    text = ACTS + CONTEST.format(same="behaviour_code", keep="most_severe")
    played = play(text, records(act("r2", "2024-01-01", 3), act("r1", "2024-01-01", 3)))
    (hit,) = [one for one in played.entries("甲公司", "f") if one.kind == "hit"]
    assert (hit.record, hit.clause) == (played.number_of("r1"), "a")


def test_a_cap_gives_the_excess_back_in_one_entry(play: Play) -> None:
    facts = records(act("r1", "2024-01-01", 4), act("r2", "2024-01-02", 5))
    played = play(folded("{start: '100', sum: [a]}", clause("cap: {limit: '6'}")), facts)
    assert shares(played.entries("甲公司", "f")) == [
        ("start", None, 100), ("hit", "a", -4), ("hit", "a", -5), ("cap", "a", 3),
    ]  # fmt: skip
    assert number(played) == 94


def test_a_cap_may_hold_for_each_occasion(play: Play) -> None:
    facts = records(act("r1", "2024-01-01", 9), act("r2", "2024-01-02", 5, code="y"))
    assert number(play(folded("{sum: [a]}", clause("cap: {limit: '6', per: [behaviour_code]}")), facts)) == -11


def test_a_cap_inside_a_run_is_used_up_along_it(play: Play) -> None:
    facts = records(act("r1", "2024-01-01", 4), act("r2", "2024-01-02", 5), act("r3", "2024-01-03", 5))
    played = play(folded("{running: {clauses: [a], start: '20'}}", clause("cap: {limit: '6'}")), facts)
    assert shares(played.entries("甲公司", "f")) == [
        ("start", None, 20), ("hit", "a", -4), ("hit", "a", -2), ("hit", "a", 0),
    ]  # fmt: skip
    assert number(played) == 14


# ── folds ───────────────────────────────────────────────────────────────────────────────────────

PLAIN = ACTS + "clauses: {a: {title: 甲, hits: acts, minus: points}}\n"


def test_a_sum_meets_its_ceiling_before_its_floor(play: Play) -> None:
    fold = "{start: '10', sum: [a], ceiling: '8', floor: '9'}"
    played = play(folded(fold, PLAIN), records(act("r1", "2024-01-01", 1)))
    assert number(played) == 9
    assert shares(played.entries("甲公司", "f"))[2:] == [("ceiling", None, -1), ("floor", None, 1)]


def test_a_running_fold_is_clamped_at_every_step_and_counts_its_falls(play: Play) -> None:
    text = (
        PLAIN
        + """
folds:
  f: {running: {clauses: [a], start: "10", floor: "0", ceiling: "12"}}
  falls: {crossings: f, at_or_below: "5"}
outputs: {answer: {title: 答案, value: f}, falls: {title: 次数, value: falls}}
"""
    )
    days = [("r1", "2024-01-01", 20), ("r2", "2024-01-02", -8), ("r3", "2024-01-03", 3), ("r4", "2024-01-04", -20)]
    played = play(text, records(*(act(*one) for one in days)))
    assert number(played) == 12
    assert number(played, "falls") == 2
    clamps = [(one.day, one.share) for one in played.entries("甲公司", "f") if one.kind == "clamp"]
    assert clamps == [(date(2024, 1, 1), 10), (date(2024, 1, 4), -13)]


def test_shares_of_a_mean_add_up_to_it_exactly(play: Play) -> None:
    facts = records(*(act(f"r{n}", "2024-01-01", points) for n, points in enumerate((1, 0, 0))))
    played = play(folded("{over: acts, mean: points}", ACTS), facts)
    assert number(played) == Decimal("0.333333333333")
    entries = played.entries("甲公司", "f")
    assert sum(one.share for one in entries if one.share is not None) == number(played)
    facts = records(*(act(f"r{n}", "2024-01-01", points) for n, points in enumerate((1, 1, 0))))
    played = play(folded("{over: acts, mean: points}", ACTS), facts)
    assert number(played) == Decimal("0.666666666667")
    (closing,) = [one for one in played.entries("甲公司", "f") if one.kind == "rounding"]
    assert closing.share == Decimal("0.000000000001")


def test_a_mean_without_weight_is_missing_and_says_so(play: Play) -> None:
    played = play(
        folded("{title: 平均分, over: acts, mean: points, weight: points}", ACTS), records(act("r1", "2024-01-01", 0))
    )
    finding = played.finding("甲公司", "answer")
    assert (finding.status, finding.number, finding.reason) == ("not_rated", None, "缺少平均分")


def test_worst_weighted_puts_most_weight_on_the_worst(play: Play) -> None:
    facts = records(*(act(f"r{n}", "2024-01-01", points) for n, points in enumerate((60, 90, 80))))
    assert number(play(folded("{over: acts, worst_weighted: points}", ACTS), facts)) == Decimal("71.666666666667")


@pytest.mark.parametrize(
    ("fold", "answer"),
    [
        ("{over: acts, count: true}", 0),
        ("{over: acts, distinct: behaviour_code}", 0),
        ("{over: acts, total: points}", None),
        ("{over: acts, min: points}", None),
        ("{over: acts, last: points}", None),
        ("{over: acts, ratio: [points, points]}", None),
        ("{over: acts, share: points > 1}", None),
        ("{over: acts, mean: points}", None),
    ],
)
def test_nothing_is_zero_only_where_it_is_counted(play: Play, fold: str, answer: int | None) -> None:
    assert number(play(folded(fold, ACTS), FIRM)) == answer


def test_first_and_last_go_by_date_then_key(play: Play) -> None:
    facts = records(act("r3", "2024-01-01", 3), act("r1", "2024-02-01", 1), act("r2", "2024-02-01", 2))
    played = play(folded("{over: acts, last: points}", ACTS), facts)
    assert number(played) == 2
    assert [one.record for one in played.entries("甲公司", "f")] == [played.number_of("r2")]
    assert number(play(folded("{over: acts, first: points}", ACTS), facts)) == 3


def test_points_of_rows_flow_through_a_fold_per_row(play: Play) -> None:
    text = """
sources:
  sections: {item: section_evaluation, within: life}
  faults: {item: section_behaviour, within: life, unit: {parent: sections}}
clauses: {a: {title: 甲, hits: faults, minus: points}}
folds:
  one: {per: sections, start: "100", sum: [a]}
  f: {over: sections, mean: one}
outputs: {answer: {title: 答案, value: f}}
"""
    section = "evaluated_on: 2024-01-01, subject: 甲公司"
    facts = (
        FIRM
        + f"""records:
  - {{item: section_evaluation, id: s1, {section}}}
  - {{item: section_evaluation, id: s2, {section}}}
  - {{item: section_behaviour, id: b1, parent: s1, subject: 甲公司, found_on: 2023-12-01, points: 7}}
"""
    )
    played = play(text, facts)
    assert number(played) == Decimal("96.5")
    rows = [(one.kind, one.row, one.share) for one in played.entries("甲公司", "one")]
    first, second = played.number_of("s1"), played.number_of("s2")
    assert rows == [("start", first, 100), ("start", second, 100), ("hit", first, -7)]


# ── reach, relations, knowledge ─────────────────────────────────────────────────────────────────


def test_a_relation_is_read_on_the_day_of_the_act(play: Play) -> None:
    text = folded(
        "{over: acts, count: true}",
        "sources: {acts: {item: overlimit_act, within: life, "
        "unit: {role: vehicle, relation: operates, unit_end: from, at: occurred_on}}}\n",
    )
    facts = """
subjects: [{id: 甲公司, kind: enterprise}, {id: 乙公司, kind: enterprise}, {id: 浙A00001, kind: vehicle}]
relations:
  - {relation: operates, from: 甲公司, to: 浙A00001, since: 2020-01-01, until: 2024-03-01}
  - {relation: operates, from: 乙公司, to: 浙A00001, since: 2024-03-01}
records:
  - {item: overlimit_act, id: r1, vehicle: 浙A00001, found_on: 2024-02-29}
  - {item: overlimit_act, id: r2, vehicle: 浙A00001, found_on: 2024-03-01}
  - {item: overlimit_act, id: r3, vehicle: 浙A00001, found_on: 2024-03-02}
"""
    played = play(text, facts)
    assert (number(played, who="甲公司"), number(played, who="乙公司")) == (1, 2)


def test_only_what_was_known_then_counts(play: Play) -> None:
    facts = records(
        act("r1", "2024-01-01", 5, recorded_at="2024-02-01", superseded_at="2024-05-01"),
        act("r1", "2024-01-01", 2, recorded_at="2024-05-01"),
    )
    text = folded("{over: acts, total: points}", ACTS)
    answers = [
        number(play(text, facts, known_at=datetime(2024, month, 15))) for month in (1, 3, 5)
    ]  # fmt: skip
    assert answers == [None, 5, 2]


def test_a_row_that_is_left_out_stays_visible(play: Play) -> None:
    text = folded(
        "{over: acts, count: true}",
        "sources: {acts: {item: other_behaviour, within: life, exclude: [{when: points < 3, because: 轻微}]}}\n",
    )
    played = play(text, records(act("r1", "2024-01-01", 1), act("r2", "2024-01-01", 4)))
    assert number(played) == 1
    assert [(one.kind, one.text, one.share) for one in played.entries("甲公司", "acts")] == [("excluded", "轻微", 0)]


# ── units and periods ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "start", "reason"),
    [
        ("{anniversary: last_complete, of: founded_on}", "2024-12-31", "还没有一个完整的评价周期"),
        ("{anniversary: running, of: founded_on}", "2026-01-01", "评价周期尚未开始"),
        ("{since: founded_on}", "2026-01-01", "评价周期尚未开始"),
        ("{since: founded_on}", None, "没有评价周期的起算日期"),
    ],
)
def test_a_unit_without_a_period_is_not_rated(play: Play, rule: str, start: str | None, reason: str) -> None:
    begun = f", founded_on: {start}" if start else ""
    text = f"period: {rule}\n" + folded("{over: acts, count: true}", "sources: {acts: {item: other_behaviour}}\n")
    played = play(text, f"subjects: [{{id: 甲公司, kind: enterprise{begun}}}]\n", date(2025, 6, 30))
    finding = played.finding("甲公司", "answer")
    assert (finding.status, finding.number, finding.reason) == ("not_rated", None, reason)


@pytest.mark.parametrize(
    ("rule", "days", "counts"),
    [
        ("{calendar_year: last_complete}", ("2023-12-31", "2024-01-01", "2024-12-31", "2025-01-01"), 2),
        ("{calendar_year: running}", ("2024-12-31", "2025-01-01", "2025-06-30"), 2),
        ("{rolling: 12 months}", ("2024-06-30", "2024-07-01", "2025-06-30"), 2),
        ("{anniversary: running, of: founded_on}", ("2025-02-27", "2025-02-28", "2025-06-30"), 2),
        ("{anniversary: last_complete, of: founded_on}", ("2024-02-28", "2024-02-29", "2025-02-27", "2025-02-28"), 2),
    ],
)
def test_periods_hold_their_first_day_and_not_the_day_after_the_last(
    play: Play, rule: str, days: tuple[str, ...], counts: int
) -> None:
    text = f"period: {rule}\n" + folded("{over: acts, count: true}", "sources: {acts: {item: other_behaviour}}\n")
    firm = "subjects: [{id: 甲公司, kind: enterprise, founded_on: 2020-02-29}]\n"
    facts = records(*(act(f"r{n}", day) for n, day in enumerate(days)), subjects=firm)
    assert number(play(text, facts, date(2025, 6, 30))) == counts


# ── answers ─────────────────────────────────────────────────────────────────────────────────────


def levelled(moves: str) -> str:
    """A book that cuts 100 less the recorded points into levels, then moves them."""
    cut = '{AA: "[95, )", A: "[85, 95)", B: "[60, 85)", C: "< 60"}'
    answer = f"{{title: 等级, bands: {{of: f, cut: {cut}}}, moves: [{moves}]}}"
    return PLAIN + f'folds: {{f: {{start: "100", sum: [a]}}}}\noutputs: {{answer: {answer}}}\n'


@pytest.mark.parametrize(
    ("moves", "level"),
    [
        ("", "A"),
        ("{set: C, by: [a]}", "C"),
        ('{set: C, when: "f > 95"}', "A"),
        ("{at_most: B}", "B"),
        ("{at_most: AA}", "A"),
        ("{at_least: AA}", "AA"),
        ('{at_least: C}, {at_most: "step(level, -1)"}', "B"),
        ('{at_most: "step(level, -9)"}', "C"),
    ],
)
def test_moves_change_the_level_in_order(play: Play, moves: str, level: str) -> None:
    played = play(levelled(moves), records(act("r1", "2024-01-01", 10)))
    assert played.finding("甲公司", "answer").level == level


def test_a_move_tells_the_rank_before_and_its_evidence(play: Play) -> None:
    facts = records(act("r2", "2024-02-01", 5), act("r1", "2024-01-01", 5))
    played = play(levelled("{set: C, by: [a]}, {at_most: AA}"), facts)
    moves = [one for one in played.entries("甲公司", "answer") if one.kind == "move"]
    assert [(one.seq, one.raw, one.text, one.record) for one in moves] == [
        (1, 2, "C", played.number_of("r1")),
        (2, 4, "C", None),
    ]


RULED = """
rated_when: [{{require: "founded_on is not null", otherwise: 没有成立日期, status: {status}}}]
outputs: {{answer: {{title: 等级, otherwise: A, moves: [{{set: C, when: "region = '330100'", unrated: {unrated}}}]}}}}
"""


@pytest.mark.parametrize(
    ("status", "unrated", "answer"),
    [
        ("not_rated", "false", ("not_rated", None, "没有成立日期")),
        ("open", "false", ("open", None, "没有成立日期")),
        ("open", "true", ("rated", "C", None)),
    ],
)
def test_a_unit_that_is_left_out_may_still_be_moved(
    play: Play, status: str, unrated: str, answer: tuple[str, str | None, str | None]
) -> None:
    text = RULED.replace("region =", "region is not null and region =").format(status=status, unrated=unrated)
    finding = play(text, 'subjects: [{id: 甲公司, kind: enterprise, region: "330100"}]').finding("甲公司", "answer")
    assert (finding.status, finding.level, finding.reason) == answer


def test_what_a_person_must_decide_is_open(play: Play) -> None:
    text = """outputs: {answer: {title: 等级, conditions: [{when: "true", ask: 是否情节严重}], otherwise: A}}"""
    finding = play(text, FIRM).finding("甲公司", "answer")
    assert (finding.status, finding.level, finding.reason) == ("open", None, "是否情节严重")


def test_a_missing_part_gives_its_weight_to_the_others(play: Play) -> None:
    text = (
        ACTS
        + """
folds:
  t: {title: 投标, over: acts, mean: points, where: "behaviour_code = 't'"}
  l: {title: 履约, over: acts, mean: points, where: "behaviour_code = 'l'"}
values: {x: {parts: {t: 0.2, l: 0.8}}}
outputs: {answer: {title: 得分, value: x}}
"""
    )
    both = records(act("r1", "2024-01-01", 90, code="t"), act("r2", "2024-01-01", 80, code="l"))
    assert number(play(text, both)) == 82
    assert number(play(text, records(act("r1", "2024-01-01", 90, code="t")))) == 90
    assert play(text, FIRM).finding("甲公司", "answer").reason == "缺少投标、履约"


@pytest.mark.parametrize(
    ("stat", "answers"),
    [
        ("mean", ["2.666666666667"] * 3),
        ("rank", ["1", "1", "3"]),
        ("percent_rank", ["0", "0", "1"]),
        ("cume_dist", ["0.666666666667", "0.666666666667", "1"]),
        ("top_share", ["0.333333333333", "0.333333333333", "1"]),
        ("quantile, q: 0.7", ["4"] * 3),
        ("quantile, q: 0.6", ["2"] * 3),
    ],
)
def test_peers_are_ranked_exactly(play: Play, stat: str, answers: list[str]) -> None:
    text = (
        ACTS
        + f"""
folds: {{f: {{over: acts, total: points}}}}
values: {{p: {{peer: {{stat: {stat}, of: f}}}}}}
outputs: {{answer: {{title: 答案, value: p}}}}
"""
    )
    firms = (
        "subjects: [{id: 甲公司, kind: enterprise}, {id: 乙公司, kind: enterprise}, {id: 丙公司, kind: enterprise}]\n"
    )
    scores = (("甲公司", 2), ("乙公司", 2), ("丙公司", 4))
    facts = records(*(act(f"r{n}", "2024-01-01", p, who=w) for n, (w, p) in enumerate(scores)), subjects=firms)
    played = play(text, facts)
    assert [number(played, who=who) for who, _ in scores] == [Decimal(one) for one in answers]


def test_a_frozen_snapshot_is_read_instead_of_the_peers(play: Play) -> None:
    text = (
        ACTS
        + """
folds: {f: {over: acts, total: points}}
values: {p: {peer: {stat: rank, of: f, order: descending}}}
outputs: {answer: {title: 答案, value: p}}
"""
    )
    facts = records(act("r1", "2024-01-01", 3))
    assert number(play(text, facts, peers={"trial-book": {"p": [5, 4, 3, 1]}})) == 3
    assert number(play(text, facts)) == 1


def test_rounding_an_output_writes_what_it_took(play: Play) -> None:
    played = play("outputs: {answer: {title: 答案, value: 2 / 3, round: 2}}", FIRM)
    assert number(played) == Decimal("0.67")
    kinds = {one.kind: one.share for one in played.entries("甲公司", "answer")}
    assert kinds["rounding"] == Decimal("0.003333333333")


# ── grades ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("code", "grade"), [("clean", "official"), ("weak", "sample")])
def test_a_finding_is_as_weak_as_the_weakest_clause_that_made_it(play: Play, code: str, grade: str) -> None:
    text = (
        ACTS
        + """
clauses:
  a: {title: 甲, hits: acts, minus: points, when: "behaviour_code = 'clean'"}
  b: {title: 乙, hits: acts, minus: points, when: "behaviour_code = 'weak'", grade: sample}
folds: {f: {start: "100", sum: [a, b]}}
outputs: {answer: {title: 答案, value: f}, other: {title: 其他, value: "1"}}
"""
    )
    played = play(text, records(act("r1", "2024-01-01", code=code)))
    assert played.finding("甲公司", "answer").grade == grade
    assert played.finding("甲公司", "other").grade == "official"


def test_a_parameter_that_is_only_a_sample_weakens_what_reads_it(play: Play) -> None:
    text = """
parameters: {limit: {value: 3, title: 界限, grade: sample}}
outputs: {answer: {title: 答案, value: limit + 1}}
"""
    assert play(text, FIRM).finding("甲公司", "answer").grade == "sample"


# ── missing columns, lists, tables, levels ──────────────────────────────────────────────────────


def problem(record: str, severity: str = "", who: str = "甲公司") -> str:
    """A problem found in an inspection; its severity class may be missing."""
    known = f", severity_class: {severity}" if severity else ""
    return (
        f"  - {{item: inspection_problem, id: {record}, subject: {who}, inspection_no: '1', problem_no: '{record}', "
        f"content: 问题, found_on: 2024-01-01{known}}}\n"
    )


PROBLEMS = """
sources: {problems: {item: inspection_problem, within: life}}
clauses: {a: {title: 甲, hits: problems, minus: "2", cap: {limit: "3", per: [severity_class]}}}
"""


def test_what_lacks_the_column_of_a_contest_contends_with_nobody(play: Play) -> None:
    text = PROBLEMS.replace(', cap: {limit: "3", per: [severity_class]}', "")
    text += "contests: {one: {among: [a], same: [severity_class]}}\n"
    facts = records(problem("r1"), problem("r2"), problem("r3", "minor"), problem("r4", "minor"))
    assert number(play(folded("{sum: [a]}", text), facts)) == -6


def test_what_lacks_the_column_of_a_cap_is_an_occasion_of_its_own(play: Play) -> None:
    facts = records(problem("r1"), problem("r2"), problem("r3", "minor"), problem("r4", "minor"))
    assert number(play(folded("{sum: [a]}", PROBLEMS), facts)) == -7


def test_a_list_gives_a_row_for_each_of_its_values(play: Play) -> None:
    text = folded(
        "{over: bids, count: true}",
        "sources: {bids: {item: joint_bid, within: life, each: members, unit: {role: members}}}\n",
    )
    facts = """
subjects: [{id: 甲公司, kind: enterprise}, {id: 乙公司, kind: enterprise}]
records:
  - {item: joint_bid, id: b1, members: [甲公司, 乙公司], bid_no: '1', bid_on: 2024-01-01, business: highway_design}
  - {item: joint_bid, id: b2, members: [乙公司], bid_no: '2', bid_on: 2024-01-01, business: highway_design}
"""
    played = play(text, facts)
    assert (number(played, who="甲公司"), number(played, who="乙公司")) == (1, 2)


def test_attributes_beside_a_row_are_those_of_the_named_day(play: Play) -> None:
    text = folded(
        "{over: acts, count: true, where: \"present(v.vehicle_class) and v.vehicle_class = 'goods'\"}",
        """
sources:
  acts:
    item: overlimit_act
    within: life
    unit: {role: operator}
    attributes: {v: {role: vehicle, kind: vehicle, at: occurred_on}}
""",
    )
    facts = """
subjects:
  - {id: 甲公司, kind: enterprise}
  - id: 浙A00001
    kind: vehicle
    periods: [{from: 2020-01-01, until: 2024-03-01, vehicle_class: goods}, {from: 2024-03-01}]
records:
  - {item: overlimit_act, id: r1, operator: 甲公司, vehicle: 浙A00001, act_no: '1', found_on: 2024-02-29}
  - {item: overlimit_act, id: r2, operator: 甲公司, vehicle: 浙A00001, act_no: '2', found_on: 2024-03-01}
"""
    assert number(play(text, facts)) == 1


@pytest.mark.parametrize(
    ("looked_up", "answer"),
    [
        ("lookup('named', 'x')", 1),
        ("lookup('named', 'z')", 9),
        ("lookup('named', region)", None),
        ("lookup('stepped', 10)", 5),
        ("lookup('stepped', 10.5)", 21),
        ("lookup('stepped', 30)", None),
    ],
)
def test_tables_answer_by_key_or_by_interval(play: Play, looked_up: str, answer: int | None) -> None:
    text = f"""
tables:
  named: {{title: 按名, keys: [name], rows: [{{when: [x], value: 1}}, {{when: [y], value: 2}}], otherwise: 9}}
  stepped:
    title: 分段
    by: number
    rows: [{{in: "[0, 10]", value: 5}}, {{in: "(10, 20]", expr: 2 * x}}]
outputs: {{answer: {{title: 答案, value: "{looked_up}"}}}}
"""
    assert number(play(text, FIRM)) == answer


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("step(level, 1)", "A"),
        ("step(level, 9)", "AA"),
        ("step(level, -1)", "C"),
        ("worst('A', level)", "B"),
        ("best('A', level, 'C')", "A"),
    ],
)
def test_levels_step_and_compare_by_their_order(play: Play, expression: str, answer: str) -> None:
    text = f'outputs: {{answer: {{title: 等级, otherwise: B, moves: [{{set: "{expression}"}}]}}}}'
    assert play(text, FIRM).finding("甲公司", "answer").level == answer


def test_the_worst_level_of_rows_goes_by_the_order_of_the_set(play: Play) -> None:
    text = """
sources: {standings: {item: rating_result, within: life}}
folds:
  worst_level: {over: standings, min: level}
  best_level: {over: standings, max: level}
outputs:
  answer: {title: 最差, otherwise: AA, moves: [{set: worst_level}]}
  best: {title: 最好, otherwise: C, moves: [{set: best_level}]}
"""
    levels = ("A", "C", "AA", "none of the set")
    facts = (
        FIRM
        + "standings:\n"
        + "".join(
            f"  - {{id: s{n}, book: some-book, subject: 甲公司, output: level, level: {level}, from: 2024-01-01, "
            f"as_of: 2024-01-0{n + 1}, jurisdiction: zj, kind: published}}\n"
            for n, level in enumerate(levels)
        )
    )
    played = play(text, facts)
    assert played.finding("甲公司", "answer").level == "C"
    assert played.finding("甲公司", "best").level == "AA"


def test_the_date_of_a_record_picks_the_version(play: Play) -> None:
    text = """
rates: {record: other_behaviour}
governed_by: found_on
in_force: {from: 2024-01-01, until: 2025-01-01}
outputs: {answer: {title: 答案, value: points}}
"""
    played = play(text, records(act("r1", "2023-12-31", 1), act("r2", "2024-01-01", 2), act("r3", "2025-01-01", 3)))
    assert [one.number for one in played.result.findings["trial-book"]] == [2]


def test_an_answer_called_like_its_value_rests_on_what_the_value_reads(play: Play) -> None:
    """29: an output and the value that it gives may have one name; its grade follows the folds below all the same."""
    played = play(
        """
sources: {acts: {item: other_behaviour, grade: unverified}}
folds: {number: {over: acts, count: true}}
values: {points: {is: "number * 2"}}
outputs: {points: {title: 分, value: points}, number: {title: 次, value: number}}
""",
        "{subjects: [{id: 甲, kind: enterprise}]}",
    )
    assert [played.finding("甲", one).grade for one in ("points", "number")] == ["unverified", "unverified"]
