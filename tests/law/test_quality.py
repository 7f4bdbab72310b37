"""Quality rules and indicators: read, checked, and told where they are wrong."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from xinlu.law.check.quality import check_quality
from xinlu.law.indicator import QUANTITIES, Share
from xinlu.law.library import Library, load, shipped
from xinlu.law.quality import Dimension, Fails, after, checks_of, first_in_time, rhythm_of
from xinlu.law.source import Grade

ON = date(2026, 6, 30)


@pytest.fixture(scope="module")
def law() -> Library:
    return load(shipped())


def test_the_shipped_rules_are_right_and_say_where_they_come_from(law: Library) -> None:
    assert not check_quality(law)
    assert law.quality["all_items"].source.grade is Grade.SAMPLE
    assert all(one.source.document and one.formula for one in law.indicators.values())


def test_the_plan_has_its_five_indicators_and_the_one_weighted_by_entries(law: Library) -> None:
    titles = [one.title for one in sorted(law.indicators.values(), key=lambda one: one.place)]
    assert titles == ["指标利用率", "自动化归集率", "自动化归集率（按积分明细）", "及时率", "合规率", "有效入库率"]
    target = law.indicators["compliance"].target
    assert target is not None
    assert (target.share, target.source.grade) == (Decimal("0.95"), Grade.SECONDARY)


def test_every_item_is_checked_in_all_six_dimensions(law: Library) -> None:
    for item in law.catalogue.items:
        found = {check.dimension for _, check in checks_of(law.quality.values(), item, on=ON)}
        assert found == set(Dimension), item


def test_every_item_has_a_rhythm_and_what_comes_by_event_has_no_lamp(law: Library) -> None:
    for name, item in law.catalogue.items.items():
        rhythm = rhythm_of(law.quality.values(), name, item.cadence, on=ON)
        assert rhythm is not None, name
        assert (rhythm.warn is None) == (item.cadence == "event"), name


def test_a_check_of_the_item_stands_in_place_of_the_general_one(law: Library) -> None:
    checks = {
        check.check: (file.quality, check)
        for file, check in checks_of(law.quality.values(), "administrative_penalty", on=ON)
    }
    assert checks["in_time"][0] == "double_publicity"
    assert checks["required_filled"][0] == "all_items"


def test_before_the_rules_are_in_force_there_is_no_check(law: Library) -> None:
    assert checks_of(law.quality.values(), "weighing", on=date(2009, 1, 1)) == ()


@pytest.mark.parametrize("length", ["7 working days", "1 working days", "35 days"])
def test_what_happened_on_the_first_day_in_time_is_in_time_and_the_day_before_is_not(law: Library, length: str) -> None:
    for number in range(40):
        received = date(2024, 9, 25) + timedelta(days=number)
        first = first_in_time(received, length, law.calendar)
        assert first is not None
        last = after(first, length, law.calendar)
        before = after(first - timedelta(days=1), length, law.calendar)
        assert last is not None
        assert last >= received
        assert before is not None
        assert before < received


def test_beyond_the_working_calendar_nothing_is_guessed(law: Library) -> None:
    assert law.calendar is not None
    beyond = date(law.calendar.last_year + 1, 6, 1)
    assert after(beyond, "7 working days", law.calendar) is None
    assert first_in_time(beyond, "7 working days", law.calendar) is None
    assert after(beyond, "7 days", None) == beyond + timedelta(days=7)


def test_a_check_says_in_one_way_which_rows_fail() -> None:
    with pytest.raises(ValidationError):
        Fails(codes=("E01",), late=True)
    with pytest.raises(ValidationError):
        Fails()


def test_a_share_of_nothing_is_no_share() -> None:
    assert Share(0, 0).value is None
    assert Share(0, 0).reaches(Decimal("0.95")) is None
    assert Share(949_999, 1_000_000).value == Decimal("0.9500")
    assert Share(949_999, 1_000_000).reaches(Decimal("0.95")) is False


def test_numerator_and_denominator_of_every_indicator_count_the_same_things(law: Library) -> None:
    for one in law.indicators.values():
        assert QUANTITIES[one.numerator.counts] == one.counts


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("quality/overlimit.yaml", "item: weighing", "item: weighings", "LAW-720"),
        ("quality/overlimit.yaml", "role: vehicle", "role: vessel", "LAW-720"),
        ("quality/overlimit.yaml", "empty: [excess_ratio", "empty: [excess", "LAW-720"),
        ("quality/overlimit.yaml", "check: excess_stated", "check: weighed", "LAW-721"),
        ("quality/double_publicity.yaml", "name_differs: party_name", "name_differs: decided_on", "LAW-721"),
        ("quality/overlimit.yaml", "items: [overlimit_act]", "items: []", "LAW-721"),
        ("indicators/compliance.yaml", "counts: rows_judged", "counts: records_effective", "LAW-722"),
        ("indicators/compliance.yaml", "administrative_permit]", "administrative_permits]", "LAW-720"),
        ("indicators/compliance.yaml", "share: 0.95", "share: 1.5", "LAW-203"),
        ("quality/all_items.yaml", "due: 45 days", "due: a month", "LAW-206"),
    ],
)
def test_a_mistake_is_told_with_its_code(tmp_path: Path, file: str, old: str, new: str, code: str) -> None:
    root = tmp_path / "standards"
    for folder in ("catalogue", "quality", "indicators"):
        shutil.copytree(shipped() / folder, root / folder)
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    law = load(root)
    found = [one for one in (*law.problems, *check_quality(law)) if one.file.endswith(file)]
    assert code in {one.code for one in found}
    assert all(one.line and one.sentence and one.next_step for one in found)
