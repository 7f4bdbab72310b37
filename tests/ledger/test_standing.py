"""Published standings follow each other in both time axes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from tests.province import ACTOR, at, firm, organs, source

from xinlu.access.scope import Scope
from xinlu.ledger import queries
from xinlu.ledger.models import Record, Source, Standing
from xinlu.ledger.standing import NewStanding, publish_standings

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")


@pytest.fixture
def ours() -> Source:
    organs()
    return source("xinlu", "zj")


def year(subject: int, of: int, level: str, **more: object) -> NewStanding:
    return NewStanding(
        subject=subject, book="design", book_version="2013", output="level", as_of=date(of, 12, 31),
        effective_from=date(of + 1, 4, 1), jurisdiction="zj", status="rated", level=level,
        score=Decimal("92.5"), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def level_on(subject: int, day: date) -> str | None:
    found = queries.standing(SYSTEM, subject, "design", on=day)
    return found.level if found else None


def chain(subject: int) -> list[tuple[date, date | None, str]]:
    rows = queries.standing_history(SYSTEM, subject, "design")
    return [(r.effective_from, r.effective_until, r.level) for r in rows]


def test_a_standing_is_in_force_until_the_next_one(ours: Source) -> None:
    one = firm()
    publish_standings([year(one, 2022, "A")], source=ours, actor=ACTOR, at=at(1))
    assert publish_standings([year(one, 2023, "B")], source=ours, actor=ACTOR, at=at(2)) == 2
    assert [level_on(one, d) for d in (date(2023, 3, 31), date(2023, 4, 1), date(2024, 3, 31), date(2024, 4, 1))] == [
        None, "A", "A", "B",
    ]  # fmt: skip
    old = Record.objects.within(SYSTEM).filter(superseded_at=at(2)).get()
    assert (old.effective_until, old.recorded_at) == (None, at(1)), "what was known before stays readable"


def test_publishing_the_same_again_changes_nothing(ours: Source) -> None:
    one = firm()
    both = [year(one, 2022, "A"), year(one, 2023, "B")]
    assert publish_standings(both, source=ours, actor=ACTOR, at=at(1)) == 2
    before = list(Record.objects.within(SYSTEM).values())
    assert publish_standings(both, source=ours, actor=ACTOR, at=at(2)) == 0
    assert publish_standings([both[0]], source=ours, actor=ACTOR, at=at(2)) == 0
    assert list(Record.objects.within(SYSTEM).values()) == before


def test_a_corrected_standing_is_a_new_version(ours: Source) -> None:
    one = firm()
    publish_standings([year(one, 2022, "A"), year(one, 2023, "B")], source=ours, actor=ACTOR, at=at(1))
    assert publish_standings([year(one, 2022, "AA")], source=ours, actor=ACTOR, at=at(2)) == 1
    assert [level for _, _, level in chain(one)] == ["AA", "B"]
    assert chain(one)[0][1] == date(2024, 4, 1)


def test_one_published_late_ends_where_the_later_one_starts(ours: Source) -> None:
    one = firm()
    publish_standings([year(one, 2023, "B")], source=ours, actor=ACTOR, at=at(1))
    publish_standings([year(one, 2022, "A")], source=ours, actor=ACTOR, at=at(2))
    assert chain(one) == [
        (date(2023, 4, 1), date(2024, 4, 1), "A"),
        (date(2024, 4, 1), None, "B"),
    ]


def test_an_expiry_stays_when_it_comes_before_the_next(ours: Source) -> None:
    one = firm()
    early = year(one, 2022, "A", effective_until=date(2023, 12, 31))
    publish_standings([early, year(one, 2023, "B")], source=ours, actor=ACTOR, at=at(1))
    assert level_on(one, date(2023, 12, 30)) == "A"
    assert level_on(one, date(2023, 12, 31)) is None


def test_standings_of_two_organs_stand_side_by_side(ours: Source) -> None:
    one = firm()
    other = replace(year(one, 2023, "C"), jurisdiction="jt-320000", kind="imported")
    publish_standings([year(one, 2022, "A"), other], source=ours, actor=ACTOR, at=at(1))
    assert {s.jurisdiction for s in queries.standings_of(SYSTEM, one, on=date(2024, 5, 1))} == {"zj", "jt-320000"}
    found = queries.standing(SYSTEM, one, "design", on=date(2024, 5, 1), jurisdiction="zj")
    assert found is not None
    assert found.level == "A"


def test_a_standing_is_a_record_of_the_catalogue(ours: Source) -> None:
    one = firm()
    publish_standings([year(one, 2023, "B", reason="示例", run="run-1")], source=ours, actor=ACTOR, at=at(1))
    row = Record.objects.within(SYSTEM).get()
    assert (row.item, row.subject_id, row.occurred_on, row.effective_from) == (
        "rating_result", one, date(2023, 12, 31), date(2024, 4, 1),
    )  # fmt: skip
    assert row.payload["score"] == "92.500000"
    assert Standing.objects.within(SYSTEM).get().score == Decimal("92.500000")


def test_levels_are_counted_by_region(ours: Source) -> None:
    numbers = [firm(), firm("乙公司"), firm("丙公司", region="330203")]
    publish_standings(
        [year(n, 2023, level) for n, level in zip(numbers, "AAB", strict=True)], source=ours, actor=ACTOR, at=at(1)
    )
    day = date(2024, 5, 1)
    assert queries.level_counts(SYSTEM, "design", on=day) == {"A": 2, "B": 1}
    assert queries.level_counts(SYSTEM, "design", on=day, regions=["330203"]) == {"B": 1}
    assert queries.region_level_counts(SYSTEM, "design", on=day) == {"330106": {"A": 2}, "330203": {"B": 1}}
