"""How clocks run: working days, pauses, lamps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from xinlu.law.clock import CHINA, Light, reading, readings, stays
from xinlu.law.library import load, shipped
from xinlu.law.procedure import Procedure

LIBRARY = load(shipped())
CALENDAR = LIBRARY.calendar
assert CALENDAR is not None
(PUBLICITY,) = LIBRARY.procedures["publicity-and-objection"]
(ROW,) = LIBRARY.procedures["returned-row"]
FRIDAY = datetime(2024, 9, 27, 10, tzinfo=CHINA)
"""Before the week of the national holiday; Sunday the 29th and Saturday 12 October are worked."""


def on(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2024, month, day, hour, tzinfo=CHINA)


def test_the_day_of_the_event_is_not_counted_and_the_last_day_is_whole() -> None:
    way = stays(ROW, FRIDAY, [])
    seen = reading(ROW, CALENDAR, way, now=FRIDAY)
    # 29 and 30 September, 8, 9, 10 October.
    assert (seen.due, seen.light, seen.share) == (date(2024, 10, 10), Light.GREEN, Decimal(1))
    assert reading(ROW, CALENDAR, way, now=on(10, 10, 23)).light is Light.YELLOW
    assert reading(ROW, CALENDAR, way, now=on(10, 11, 0)).light is Light.RED


def test_the_lamp_goes_by_the_share_of_working_time_that_the_procedure_names() -> None:
    way = stays(ROW, FRIDAY, [])
    holiday = [reading(ROW, CALENDAR, way, now=on(10, day)) for day in (1, 4, 7)]
    assert {(one.left, one.share) for one in holiday} == {(timedelta(days=3), Decimal("0.6"))}, (
        "a holiday takes nothing"
    )
    assert reading(ROW, CALENDAR, way, now=on(10, 8, 23)).light is Light.GREEN
    at_forty_per_cent = reading(ROW, CALENDAR, way, now=on(10, 9, 0))
    assert (at_forty_per_cent.share, at_forty_per_cent.light) == (Decimal("0.4"), Light.YELLOW)
    assert ROW.lamp is not None
    late = ROW.model_copy(update={"lamp": ROW.lamp.model_copy(update={"yellow_share": Decimal("0.1")})})
    assert reading(late, CALENDAR, way, now=on(10, 9, 0)).light is Light.GREEN
    assert reading(late, CALENDAR, way, now=on(10, 10, 0)).light is Light.YELLOW, "one working day is left"


def test_one_clock_goes_on_through_the_states_that_it_counts() -> None:
    way = stays(ROW, FRIDAY, [("fix", on(9, 30))])
    assert reading(ROW, CALENDAR, way, now=on(9, 30)).due == date(2024, 10, 10)


def test_a_clock_starts_anew_when_the_case_comes_back_from_outside() -> None:
    steps = [("fix", on(9, 29)), ("redeliver", on(9, 30)), ("return_again", on(10, 8))]
    way = stays(ROW, FRIDAY, steps)
    assert [stay.state for stay in way] == ["returned", "fixed", "redelivered", "returned"]
    assert reading(ROW, CALENDAR, way, now=on(10, 8)).due == date(2024, 10, 14)


def test_days_in_a_pausing_state_are_not_counted() -> None:
    steps = [("show", FRIDAY), ("object", on(9, 30)), ("keep", on(10, 11))]
    way = stays(PUBLICITY, FRIDAY, steps)
    during = readings(PUBLICITY, CALENDAR, stays(PUBLICITY, FRIDAY, steps[:2]), now=on(10, 8))
    assert [(one.clock, one.light) for one in during] == [("objection", Light.GREEN), ("publicity", Light.PAUSED)]
    # Ten days, two used before the objection (29 and 30 September); eight more after 11 October.
    assert reading(PUBLICITY, CALENDAR, way, now=on(10, 11)).due == date(2024, 10, 22)


def test_a_clock_that_ran_out_before_a_pause_stays_out() -> None:
    steps = [("show", FRIDAY), ("object", on(10, 30)), ("keep", on(11, 4))]
    seen = reading(PUBLICITY, CALENDAR, stays(PUBLICITY, FRIDAY, steps), now=on(11, 4))
    assert (seen.due, seen.light) == (date(2024, 10, 16), Light.RED)


def test_beyond_the_calendar_nothing_is_guessed() -> None:
    end = datetime(2026, 12, 30, 2, tzinfo=UTC)
    seen = reading(ROW, CALENDAR, stays(ROW, end, []), now=end)
    assert (seen.light, seen.due) == (Light.UNKNOWN, None)
    assert seen.why is not None
    assert seen.why.code == "CAL-001"


def test_a_period_of_calendar_days_that_ends_on_a_holiday_ends_after_it() -> None:
    (clock,) = [PUBLICITY.clocks["verification"]]
    days = clock.model_copy(update={"working_days": None, "days": 5})
    lent = PUBLICITY.model_copy(update={"clocks": {"verification": days}})
    steps = [("show", FRIDAY), ("object", FRIDAY), ("ask", FRIDAY)]
    assert reading(lent, CALENDAR, stays(lent, FRIDAY, steps), now=FRIDAY).due == date(2024, 10, 8)


@pytest.mark.parametrize("procedure", [one for several in LIBRARY.procedures.values() for one in several])
def test_every_procedure_can_be_read_by_its_clocks_from_the_start(procedure: Procedure) -> None:
    way = stays(procedure, FRIDAY, [])
    assert all(one.clock in procedure.clocks for one in readings(procedure, CALENDAR, way, now=FRIDAY))
