"""The working-day calendar."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinlu.law.calendar import WorkingCalendar, load_calendar
from xinlu.law.library import load
from xinlu.law.problem import LawError

FOLDER = Path(__file__).parents[2] / "standards" / "calendar"
CALENDAR = load_calendar(FOLDER)
inside = st.dates(date(2004, 3, 1), date(2026, 10, 31))


def test_the_table_agrees_with_the_library_it_was_seeded_from_on_every_day() -> None:
    day = date(2004, 1, 1)
    while day <= date(2026, 12, 31):
        assert CALENDAR.is_working(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


def test_a_make_up_saturday_is_worked_and_a_holiday_monday_is_not() -> None:
    assert CALENDAR.is_working(date(2026, 2, 14))
    assert not CALENDAR.is_working(date(2026, 2, 16))
    assert CALENDAR.why(date(2026, 2, 14)) == "春节（补班）"
    assert CALENDAR.why(date(2026, 2, 16)) == "春节"
    assert CALENDAR.why(date(2026, 3, 7)) == "周末"
    assert CALENDAR.why(date(2026, 3, 9)) == "工作日"


def test_a_period_does_not_count_its_first_day_and_counts_its_last() -> None:
    assert CALENDAR.add_working_days(date(2026, 2, 13), 1) == date(2026, 2, 14)
    assert CALENDAR.add_working_days(date(2026, 2, 14), 1) == date(2026, 2, 24)
    assert CALENDAR.add_working_days(date(2026, 2, 18), 7) == date(2026, 3, 3)
    assert CALENDAR.add_working_days(date(2026, 2, 18), 0) == date(2026, 2, 18)
    assert CALENDAR.add_working_days(date(2026, 2, 24), -1) == date(2026, 2, 14)


def test_a_period_that_ends_on_a_holiday_ends_on_the_next_working_day() -> None:
    assert CALENDAR.on_or_after(date(2026, 10, 1)) == date(2026, 10, 8)
    assert CALENDAR.on_or_after(date(2026, 10, 8)) == date(2026, 10, 8)


@given(inside, st.integers(1, 30))
def test_counting_undoes_adding(day: date, n: int) -> None:
    later = CALENDAR.add_working_days(day, n)
    assert CALENDAR.is_working(later)
    assert CALENDAR.working_days_between(day, later) == n
    assert CALENDAR.working_days_between(later, day) == -n


def test_beyond_the_last_year_there_is_an_error_not_a_guess() -> None:
    assert (CALENDAR.first_year, CALENDAR.last_year) == (2004, 2026)
    for ask in (
        lambda: CALENDAR.is_working(date(2027, 1, 4)),
        lambda: CALENDAR.add_working_days(date(2026, 12, 31), 1),
        lambda: CALENDAR.working_days_between(date(2026, 12, 1), date(2027, 1, 1)),
    ):
        with pytest.raises(LawError) as caught:
            ask()
        assert caught.value.problems[0].code == "CAL-001"
        assert "2026" in caught.value.problems[0].sentence


def test_before_the_first_year_there_is_an_error() -> None:
    with pytest.raises(LawError) as caught:
        CALENDAR.add_working_days(date(2004, 1, 1), -1)
    assert caught.value.problems[0].code == "CAL-002"


def test_a_gap_between_years_is_refused(tmp_path: Path) -> None:
    for year in (2023, 2025):
        (tmp_path / f"{year}.yaml").write_bytes((FOLDER / f"{year}.yaml").read_bytes())
    with pytest.raises(LawError) as caught:
        load_calendar(tmp_path)
    assert caught.value.problems[0].code == "LAW-801"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"2026-02-14": 春节', '"2026-02-13": 春节'),  # a Friday cannot be a make-up day
        ('"2026-02-14": 春节', '"2026-02-15": 春节'),  # off and worked at once
        ('"2026-02-14": 春节', '"2025-02-15": 春节'),  # another year
        ('"2026-02-14": 春节', '"2026-02-30": 春节'),  # no such day
    ],
)
def test_a_day_that_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = (FOLDER / "2026.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "2026.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(LawError):
        load_calendar(tmp_path)


def test_a_file_named_for_another_year_is_refused(tmp_path: Path) -> None:
    (tmp_path / "2030.yaml").write_bytes((FOLDER / "2026.yaml").read_bytes())
    with pytest.raises(LawError) as caught:
        load_calendar(tmp_path)
    assert caught.value.problems[0].code == "LAW-801"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LawError):
        load_calendar(tmp_path)
    with pytest.raises(LawError):
        WorkingCalendar([])


def test_a_library_carries_the_calendar_and_tells_a_mistake_in_it(tmp_path: Path) -> None:
    library = load(FOLDER.parent)
    assert library.calendar is not None
    assert library.calendar.last_year == 2026
    (tmp_path / "calendar").mkdir()
    assert load(tmp_path).calendar is None
    text = (FOLDER / "2026.yaml").read_text(encoding="utf-8").replace("2026-02-14", "2026-02-30")
    (tmp_path / "calendar" / "2026.yaml").write_text(text, encoding="utf-8")
    broken = load(tmp_path)
    assert broken.calendar is None
    assert [p for p in broken.problems if p.file.endswith("calendar/2026.yaml") and p.line]
