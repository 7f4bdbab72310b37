"""Impact statements: two results over the same people."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.engine.conftest import Play, Played

from xinlu.engine.compare import Difference, GroupCount, Impact, compare
from xinlu.engine.result import Entry, Finding

BOOK = """
sources: {{acts: {{item: other_behaviour, within: life}}}}
clauses:
  act: {{title: 不良行为, hits: acts, minus: points, at_most: "{limit}"}}
  good: {{title: 良好行为, hits: acts, when: "behaviour_code = 'good'", plus: "1"}}
folds: {{total: {{start: "100", sum: [act, good]}}}}
outputs:
  level: {{title: 等级, bands: {{of: total, cut: {{AA: "[95, )", A: "[85, 95)", B: "[60, 85)", C: "< 60"}}}}}}
  score: {{title: 得分, value: total}}
"""
FACTS = """
subjects:
  - {id: 甲公司, kind: enterprise, region: "330100"}
  - {id: 乙公司, kind: enterprise, region: "330100"}
  - {id: 丙公司, kind: enterprise, region: "330200"}
records:
  - {item: other_behaviour, id: r1, subject: 甲公司, behaviour_no: '1', business: highway_design, area: '330000',
     behaviour_code: x, points: 12, found_on: 2024-01-01}
  - {item: other_behaviour, id: r2, subject: 乙公司, behaviour_no: '2', business: highway_design, area: '330000',
     behaviour_code: x, points: 3, found_on: 2024-01-01}
"""
LEVELS = ("AA", "A", "B", "C")


def sides(played: Played) -> tuple[list[Finding], list[Entry]]:
    return played.result.findings["trial-book"], played.result.entries["trial-book"]


def impact(play: Play, output: str, facts: str = FACTS) -> Impact:
    before, after = play(BOOK.format(limit="5"), FACTS), play(BOOK.format(limit="50"), facts)
    cities = {1: {"city": "杭州"}, 2: {"city": "杭州"}, 3: {"city": "宁波"}}
    return compare(
        sides(before), sides(after), output=output, levels=LEVELS if output == "level" else (), groups=cities
    )


def test_a_unit_that_moves_is_shown_with_the_clause_that_moves_it(play: Play) -> None:
    (shift,) = impact(play, "level").shifts
    assert (shift.unit, shift.before, shift.after) == (1, "AA", "A")
    assert (shift.number_before, shift.number_after) == (95, 88)
    assert shift.clauses == (Difference("act", Decimal(-5), Decimal(-12)),)


def test_the_matrix_counts_everybody(play: Play) -> None:
    found = impact(play, "level")
    assert found.matrix == {("AA", "A"): 1, ("AA", "AA"): 2}
    assert found.population == 3
    assert found.unaccounted == 0
    assert found.by_clause == {"act": 1}
    assert found.places == LEVELS


def test_groups_say_who_rises_and_who_falls(play: Play) -> None:
    assert impact(play, "level").groups == (
        GroupCount("city", "宁波", units=1, changed=0, better=0, worse=0),
        GroupCount("city", "杭州", units=2, changed=1, better=0, worse=1),
    )


def test_a_number_may_change_where_the_place_does_not(play: Play) -> None:
    found = impact(play, "score")
    assert (found.unchanged, found.numbers_changed, found.shifts) == (3, 1, ())
    assert [one.worse for one in found.groups] == [0, 1]


def test_who_comes_or_leaves_is_counted(play: Play) -> None:
    found = impact(
        play, "level", FACTS.replace("  - {id: 丙公司", "  - {id: 丁公司, kind: enterprise}\n  - {id: 丙公司")
    )
    assert found.matrix[("absent", "AA")] == 1
    assert found.population == 4
    assert found.unaccounted == 0


RATED = st.builds(lambda level: ("rated", level), st.sampled_from(LEVELS))
STANDS = st.dictionaries(st.integers(1, 30), RATED | st.just(("not_rated", None)) | st.just(("open", None)))


@given(STANDS, STANDS)
def test_nobody_is_ever_unaccounted_for(
    before: dict[int, tuple[str, str | None]], after: dict[int, tuple[str, str | None]]
) -> None:
    old, new = (
        [Finding(unit, "level", status, level=level) for unit, (status, level) in stands.items()]
        for stands in (before, after)
    )
    found = compare((old, []), (new, []), output="level", levels=LEVELS)
    assert found.unaccounted == 0
    assert sum(found.matrix.values()) == found.population == len(before.keys() | after.keys())
