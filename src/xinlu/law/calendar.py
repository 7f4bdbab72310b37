"""The working-day calendar of China with make-up days (调休).

Data: ``standards/calendar/<year>.yaml``, one file a year, edited by hand against the yearly notice of the
State Council. Before the first and beyond the last year there is no answer, only a coded error: a date that
nobody has announced is never guessed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

from pydantic import Field, model_validator

from xinlu.law.marks import read
from xinlu.law.problem import LawError, Problem, problem
from xinlu.law.shape import shape
from xinlu.law.source import Document, LawModel

BASIS = "国务院办公厅关于节假日安排的年度通知（standards/calendar/）"
SATURDAY = 5


class CalendarYear(LawModel):
    """One file: the days of a year that differ from Monday–Friday work."""

    year: int = Field(ge=1949, le=2199)
    source: Document
    days_off: dict[date, str]
    """Day without work (weekend days inside a holiday may be listed) → name of the holiday."""
    make_up_days: dict[date, str] = {}
    """Saturday or Sunday worked instead → name of the holiday."""

    @model_validator(mode="after")
    def _days_make_sense(self) -> CalendarYear:
        for day in (*self.days_off, *self.make_up_days):
            if day.year != self.year:
                raise ValueError(f"{day} 不在 {self.year} 年")
        for day in self.make_up_days:
            if day.weekday() < SATURDAY:
                raise ValueError(f"{day} 不是周末，不能作补班日")
            if day in self.days_off:
                raise ValueError(f"{day} 既放假又补班")
        return self


class WorkingCalendar:
    """Which days are worked, from 1 January of :attr:`first_year` to 31 December of :attr:`last_year`.

    Periods count the way law counts them: the day of the event is not counted, the last day is.

    >>> from pathlib import Path
    >>> calendar = load_calendar(Path("standards/calendar"))
    >>> calendar.is_working(date(2024, 10, 1)), calendar.is_working(date(2024, 10, 12))
    (False, True)
    >>> calendar.add_working_days(date(2024, 9, 30), 5).isoformat()
    '2024-10-12'
    """

    def __init__(self, years: Iterable[CalendarYear]) -> None:
        """
        Args:
            years: in any order, without gaps.

        Raises:
            LawError: LAW-801, no year, a year twice, or a gap.
        """
        table = sorted(years, key=lambda y: y.year)
        numbers = [y.year for y in table]
        if not numbers or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise LawError(problem("LAW-801", f"工作日历的年份应连续且不重复，现为 {numbers}"))
        self.first_year = numbers[0]
        self.last_year = numbers[-1]
        self._names = {day: why for year in table for day, why in year.days_off.items()}
        self._make_up = {day: why for year in table for day, why in year.make_up_days.items()}
        first = date(self.first_year, 1, 1)
        length = (date(self.last_year, 12, 31) - first).days + 1
        every = (first + timedelta(days=n) for n in range(length))
        self._working = [day for day in every if self._worked(day)]

    def _worked(self, day: date) -> bool:
        return day in self._make_up or (day.weekday() < SATURDAY and day not in self._names)

    def _known(self, day: date) -> None:
        if day.year > self.last_year:
            raise _unknown("CAL-001", f"工作日历只到 {self.last_year} 年，无法推算 {day.year} 年的工作日")
        if day.year < self.first_year:
            raise _unknown("CAL-002", f"工作日历从 {self.first_year} 年开始，没有 {day.year} 年")

    def is_working(self, day: date) -> bool:
        """Whether ``day`` is worked.

        Raises:
            LawError: CAL-001 beyond the last year, CAL-002 before the first.
        """
        self._known(day)
        return self._worked(day)

    def why(self, day: date) -> str:
        """Why the day is as it is: 春节, 春节（补班）, 周末, 工作日.

        Raises:
            LawError: CAL-001, CAL-002.
        """
        self._known(day)
        if day in self._make_up:
            return f"{self._make_up[day]}（补班）"
        return self._names.get(day, "周末" if day.weekday() >= SATURDAY else "工作日")

    def add_working_days(self, day: date, n: int) -> date:
        """The n-th working day after ``day``, which itself is not counted; before it when ``n`` is negative.

        0 gives ``day`` back, worked or not.

        Raises:
            LawError: CAL-001, CAL-002, when ``day`` or the answer lies outside the table.
        """
        self._known(day)
        if n == 0:
            return day
        at = bisect_right(self._working, day) + n - 1 if n > 0 else bisect_left(self._working, day) + n
        if at >= len(self._working):
            raise _unknown("CAL-001", f"{day} 之后第 {n} 个工作日超出工作日历（只到 {self.last_year} 年）")
        if at < 0:
            raise _unknown("CAL-002", f"{day} 之前第 {-n} 个工作日早于工作日历（从 {self.first_year} 年开始）")
        return self._working[at]

    def working_days_between(self, a: date, b: date) -> int:
        """Working days after ``a`` up to and with ``b``; negative when ``b`` is before ``a``.

        So ``working_days_between(d, add_working_days(d, n)) == n`` for n > 0.

        Raises:
            LawError: CAL-001, CAL-002.
        """
        self._known(a)
        self._known(b)
        return bisect_right(self._working, b) - bisect_right(self._working, a)

    def working_time_between(self, a: datetime, b: datetime) -> timedelta:
        """The time from ``a`` to ``b`` on working days, each of them 24 hours; negative when ``b`` is earlier.

        The law counts days and ends a period at midnight; no hours of an office are guessed. Both times are local.

        Raises:
            LawError: CAL-001, CAL-002.
        """
        return self._worked_before(b) - self._worked_before(a)

    def _worked_before(self, at: datetime) -> timedelta:
        day = at.date()
        self._known(day)
        whole = timedelta(days=bisect_left(self._working, day))
        since_midnight = timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
        return whole + since_midnight if self._worked(day) else whole

    def on_or_after(self, day: date) -> date:
        """``day`` when it is worked, else the next working day: a period that ends on a holiday ends on
        the day after it (民法典 第二百零三条).

        Raises:
            LawError: CAL-001, CAL-002.
        """
        return day if self.is_working(day) else self.add_working_days(day, 1)


def _unknown(code: str, sentence: str) -> LawError:
    return LawError(
        Problem(
            code=code,
            sentence=sentence,
            basis=BASIS,
            next_step="请按国务院办公厅当年通知，在 standards/calendar/ 中补上这一年",
        )
    )


def load_calendar(folder: Path) -> WorkingCalendar:
    """Read every ``<year>.yaml`` of ``standards/calendar``.

    Raises:
        LawError: a file cannot be used (with its line), its name is not its year, or a year is missing.
    """
    years = []
    for path in sorted(folder.glob("*.yaml")):
        shown = f"{folder.parent.name}/{folder.name}/{path.name}"
        year = shape(CalendarYear, read(path, name=shown))
        if path.stem != str(year.year):
            raise LawError(problem("LAW-801", f"文件名与年份 {year.year} 不一致", file=shown, line=1))
        years.append(year)
    return WorkingCalendar(years)
