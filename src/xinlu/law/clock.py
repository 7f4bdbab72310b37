"""How the clocks of a procedure run: from the actions of a case to due days and lamps.

The law counts days: the day of the event is not counted, the last day is, and it ends at midnight. A clock starts
when the case comes into one of its states from outside, stands still in the states that pause it, and ends when the
case goes anywhere else. The day on which it is paused still counts; the day on which it goes on does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from xinlu.law.calendar import WorkingCalendar
from xinlu.law.problem import LawError, Problem
from xinlu.law.procedure import Clock, Lamp, Procedure

CHINA = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)


class Light(StrEnum):
    """What a lamp shows."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    PAUSED = "paused"
    """The time stands still: somebody else, as a rule the applicant, has the case."""
    NONE = "none"
    """Nothing limits the time."""
    UNKNOWN = "unknown"
    """The working calendar ends before the period does."""


@dataclass(frozen=True)
class Stay:
    """A case stood in ``state`` from ``since`` until ``until``; None: it stands there now."""

    state: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Reading:
    """What a clock shows at a moment. ``due`` is the last day that counts; None while paused, or not to be known.

    ``left`` is working time, of ``given`` days (calendar time where the clock counts those).
    """

    light: Light
    clock: str = ""
    title: str = ""
    due: date | None = None
    left: timedelta = timedelta()
    given: int = 0
    why: Problem | None = None

    @property
    def share(self) -> Decimal:
        """The share of the time that is left, 0 … 1; 1 where nothing limits it."""
        if not self.given:
            return Decimal(1)
        return max(Decimal(0), Decimal(self.left // timedelta(seconds=1)) / Decimal(self.given * 86400))


NO_LIMIT = Reading(Light.NONE)


def stays(procedure: Procedure, opened_at: datetime, steps: Sequence[tuple[str, datetime]]) -> list[Stay]:
    """Where a case stood, in order; ``steps`` are its actions with their times. An action may lead back to its state.

    Raises:
        ValueError: an action is unknown or not possible, as :func:`xinlu.law.procedure.state_after` tells.
    """
    from xinlu.law.procedure import state_after

    names = [name for name, _ in steps]
    marks = [(procedure.start, opened_at)]
    marks += [(state_after(procedure, names[: n + 1]), at) for n, (_, at) in enumerate(steps)]
    found = [Stay(state, since, until) for (state, since), (_, until) in pairwise(marks)]
    return [*found, Stay(*marks[-1])]


def readings(procedure: Procedure, calendar: WorkingCalendar, way: Sequence[Stay], *, now: datetime) -> list[Reading]:
    """Every clock that runs or is paused where the case stands, the most urgent first."""
    here = way[-1].state
    found = []
    for name, clock in procedure.clocks.items():
        if here in clock.on:
            found.append(_running(name, clock, calendar, _segments(clock, way), procedure.lamp, now))
        elif here in clock.pauses_in and _segments(clock, way):
            found.append(Reading(Light.PAUSED, name, clock.title))
    return sorted(found, key=lambda one: (one.light is Light.PAUSED, one.due or date.max, one.clock))


def reading(procedure: Procedure, calendar: WorkingCalendar, way: Sequence[Stay], *, now: datetime) -> Reading:
    """The most urgent clock where the case stands; :data:`NO_LIMIT` when none runs there."""
    return next(iter(readings(procedure, calendar, way, now=now)), NO_LIMIT)


def _segments(clock: Clock, way: Sequence[Stay]) -> list[tuple[date, date | None]]:
    """The days [from, to] on which the clock ran since it was started last: from is not counted, to is."""
    found: list[tuple[date, date | None]] = []
    goes_on = False
    for stay in way:
        if stay.state in clock.on:
            since, until = _day(stay.since), _day(stay.until) if stay.until else None
            if goes_on:
                found[-1] = (found[-1][0], until)
            else:
                found.append((since, until))
            goes_on = True
        elif stay.state in clock.pauses_in:
            goes_on = False
        else:
            found, goes_on = [], False
    return found


def _running(
    name: str,
    clock: Clock,
    calendar: WorkingCalendar,
    segments: Sequence[tuple[date, date | None]],
    lamp: Lamp | None,
    now: datetime,
) -> Reading:
    given = clock.working_days or clock.days
    if given is None:
        return Reading(Light.NONE, name, clock.title)
    try:
        since, left = _left(clock, calendar, segments, given)
        due = _after(clock, calendar, since, left)
        end = datetime.combine(due + DAY, time())
        begin = max(now.astimezone(CHINA).replace(tzinfo=None), datetime.combine(since + DAY, time()))
        time_left = calendar.working_time_between(begin, end) if clock.working_days else end - begin
    except LawError as error:
        return Reading(Light.UNKNOWN, name, clock.title, given=given, why=error.problems[0])
    found = Reading(Light.GREEN, name, clock.title, due, time_left, given)
    return Reading(_light(found, lamp, over=begin >= end), name, clock.title, due, time_left, given)


def _left(
    clock: Clock, calendar: WorkingCalendar, segments: Sequence[tuple[date, date | None]], given: int
) -> tuple[date, int]:
    """From which day on how many days are left; a segment that used them all up is the last that counts."""
    left = given
    for since, until in segments:
        if until is None:
            return since, left
        used = calendar.working_days_between(since, until) if clock.working_days else (until - since).days
        if used > left:
            return since, left
        left -= used
    raise ValueError("the clock does not run")


def _after(clock: Clock, calendar: WorkingCalendar, since: date, days: int) -> date:
    if clock.working_days:
        return calendar.add_working_days(since, days)
    # A period that ends on a holiday ends on the day after it (民法典 第二百零三条).
    return calendar.on_or_after(since + timedelta(days=days))


def _light(found: Reading, lamp: Lamp | None, *, over: bool) -> Light:
    if over:
        return Light.RED
    if lamp and (found.share <= lamp.yellow_share or found.left <= lamp.yellow_working_days * DAY):
        return Light.YELLOW
    return Light.GREEN


def _day(at: datetime) -> date:
    return at.astimezone(CHINA).date()
