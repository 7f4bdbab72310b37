"""Revising subjects: what was known stays known as of then."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from tests.province import ACTOR, at, firm

from xinlu.access.scope import Scope
from xinlu.registry import queries
from xinlu.registry.models import SubjectPeriod
from xinlu.registry.revise import Revision, revise, revise_many

SYSTEM = Scope.system("test")


def current(number: int) -> list[tuple[date, date | None, str | None, str]]:
    rows = SubjectPeriod.objects.filter(subject=number, superseded_at__isnull=True).order_by("valid_from")
    return [(r.valid_from, r.valid_until, r.attributes.get("status"), r.name) for r in rows]


@pytest.mark.django_db
def test_a_revision_from_a_day_on_cuts_the_period_there() -> None:
    number = firm(status="active")
    assert revise(Revision(number, date(2023, 1, 1), attributes={"status": "revoked"}), actor=ACTOR, at=at(1))
    name = "示例路桥有限公司"
    assert current(number) == [
        (date(2015, 1, 1), date(2023, 1, 1), "active", name),
        (date(2023, 1, 1), None, "revoked", name),
    ]
    gone = SubjectPeriod.objects.get(subject=number, superseded_at__isnull=False)
    assert (gone.valid_until, gone.superseded_at) == (None, at(1))


@pytest.mark.django_db
def test_a_new_name_is_found_from_then_on() -> None:
    number = firm("旧名公司")
    revise(Revision(number, date(2023, 1, 1), name="新名公司", region="330200"), actor=ACTOR, at=at(1))
    assert [hit.subject.pk for hit in queries.search(SYSTEM, "新名公司")] == [number]
    assert queries.search(SYSTEM, "旧名公司") == []
    before, after = (queries.period(SYSTEM, number, on=date(y, 6, 1)) for y in (2022, 2023))
    assert before is not None
    assert after is not None
    assert (before.name, before.region, after.name, after.region) == ("旧名公司", "330106", "新名公司", "330200")


@pytest.mark.django_db
def test_what_is_so_already_changes_nothing() -> None:
    number = firm(status="active")
    same = Revision(number, date(2020, 1, 1), attributes={"status": "active"})
    assert not revise(same, actor=ACTOR, at=at(1))
    assert SubjectPeriod.objects.filter(subject=number).count() == 1


@pytest.mark.django_db
def test_several_revisions_of_one_batch_build_on_each_other() -> None:
    number = firm(status="a")
    changed = revise_many(
        [
            Revision(number, date(2020, 1, 1), attributes={"status": "b"}),
            Revision(number, date(2021, 1, 1), attributes={"status": "c"}),
            Revision(number, date(2020, 6, 1), date(2020, 7, 1), attributes={"status": None}),
        ],
        actor=ACTOR,
        at=at(1),
    )
    assert changed == 1
    assert [(start, status) for start, _, status, _ in current(number)] == [
        (date(2015, 1, 1), "a"),
        (date(2020, 1, 1), "b"),
        (date(2020, 6, 1), None),
        (date(2020, 7, 1), "b"),
        (date(2021, 1, 1), "c"),
    ]
    assert SubjectPeriod.objects.filter(subject=number, superseded_at__isnull=False).count() == 1


@pytest.mark.django_db
def test_a_subject_can_end_and_begin_again() -> None:
    number = firm(status="a")
    revise(Revision(number, date(2020, 1, 1), ends=True), actor=ACTOR, at=at(1))
    assert [(s, e) for s, e, _, _ in current(number)] == [(date(2015, 1, 1), date(2020, 1, 1))]
    assert queries.period(SYSTEM, number, on=date(2020, 1, 1)) is None
    revise(Revision(number, date(2021, 1, 1), attributes={"status": "z"}), actor=ACTOR, at=at(2))
    assert [(s, e) for s, e, _, _ in current(number)][1:] == [(date(2021, 1, 1), None)]


class PeriodsNeverOverlap(TestCase):
    """Whatever is revised in whatever order, each day has the value revised last."""

    @given(st.lists(st.tuples(st.integers(1, 28), st.integers(1, 12), st.sampled_from("abc")), min_size=1, max_size=6))
    def test_each_day_has_the_value_revised_last(self, steps: list[tuple[int, int, str]]) -> None:
        number = firm(status="0")
        wanted = dict.fromkeys((date(2020, 1, d) for d in range(1, 29)), "0")
        for n, (start, length, value) in enumerate(steps, start=1):
            first = date(2020, 1, start)
            until = date.fromordinal(first.toordinal() + length)
            revise(Revision(number, first, until, attributes={"status": value}), actor=ACTOR, at=at(n))
            wanted |= {d: value for d in wanted if first <= d < until}
        periods = current(number)
        for before, after in pairwise(periods):
            assert before[1] == after[0]
        for day, value in wanted.items():
            holding = [s for f, u, s, _ in periods if f <= day and (u is None or day < u)]
            assert holding == [value]
