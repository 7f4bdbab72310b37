"""Reporting rules (报送规定): what of the records is told to another platform, by when, and how it is written.

Data: ``standards/reporting/<rule>.<version>.yaml``. There is one rule, 双公示: permits and penalties with the 28 and
30 fields of the standard. Rows that come in are judged by it and the outgoing file is written by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from xinlu.law.calendar import WorkingCalendar
from xinlu.law.marks import read
from xinlu.law.problem import LawError, Problem, problem
from xinlu.law.shape import shape
from xinlu.law.source import Document, Grade, InForce, LawModel

DOUBLE_PUBLICITY = "double-publicity"
FOLDER = "reporting"


class Deadline(LawModel):
    """Within how many working days after the decision a row is due; the day of the decision is not counted."""

    working_days: int = Field(ge=1)
    counted_from: str
    """Date field of the items."""
    remind_days: int = Field(ge=0)
    """Working days before the last one on which the lamp turns yellow; proposed by this project."""
    grade: Grade
    note: str = ""

    def due(self, decided_on: date, calendar: WorkingCalendar) -> date:
        """The last day on which a decision of ``decided_on`` is reported in time.

        Raises:
            LawError: CAL-001, CAL-002, where the calendar does not reach.
        """
        return calendar.add_working_days(decided_on, self.working_days)


class Withdrawal(LawModel):
    """Within how many working days a decision that was set aside must be taken back."""

    working_days: int = Field(ge=1)
    grade: Grade
    basis: str
    note: str = ""


class LeftOut(LawModel):
    """Decisions that are not reported."""

    what: Literal["summary_procedure", "secret"]
    title: str
    grade: Grade
    note: str = ""


class Trader(LawModel):
    """How a sole trader (个体工商户) is known by its credit code."""

    kind: str
    uscc_begins: str
    grade: Grade
    note: str = ""


class NaturalPerson(LawModel):
    """The party kind that has no credit code."""

    kind: str
    grade: Grade
    note: str = ""


class Parties(LawModel):
    """What kind of party and credit code say of each other."""

    sole_trader: Trader
    natural_person: NaturalPerson


class Writing(LawModel):
    """How values are written for the platform."""

    money: Literal["万元", "元"]
    day: str
    """As of ``strftime``."""
    long_term: date
    """The day that stands for “long term”."""
    separator: str
    """Between several values of one field."""
    grade: Grade
    note: str = ""


class ReceiptForm(LawModel):
    """The columns and words by which the platform's answer is read."""

    grade: Grade
    note: str = ""
    number: tuple[str, ...]
    """Names of the column with our number of the row."""
    decision_no: tuple[str, ...]
    party: tuple[str, ...]
    result: tuple[str, ...]
    code: tuple[str, ...]
    sentence: tuple[str, ...]
    remote: tuple[str, ...]
    accepted: tuple[str, ...]
    returned: tuple[str, ...]

    @model_validator(mode="after")
    def _words_say_one_thing(self) -> ReceiptForm:
        if both := set(self.accepted) & set(self.returned):
            raise ValueError(f"“{'、'.join(sorted(both))}”既是成功又是退回")
        return self


class Column(LawModel):
    """One field of the standard, in its order."""

    code: str
    """Name in exchange: ``CF_WSH``."""
    title: str
    field: str
    """Field of the item."""
    length: int | None = None
    digits: int | None = None
    scale: int | None = None
    need: Literal["mandatory", "conditional", "optional"]
    grade: Grade = Grade.UNVERIFIED
    """Of length and need; name and code are as good as the document."""
    left_out: bool = False
    """Sent empty, because the standard discourages it."""


class SummaryFlag(LawModel):
    """The yes-or-no field of a child item that says of a record: by summary procedure."""

    item: str
    field: str


class Table(LawModel):
    """One of the sheets: an item with its columns."""

    item: str
    title: str
    short: str
    summary_flag: SummaryFlag | None = None
    columns: tuple[Column, ...]


class Reporting(LawModel):
    """One version of a reporting rule."""

    reporting: str
    version: str
    title: str
    source: Document
    in_force: InForce
    deadline: Deadline
    withdrawal: Withdrawal
    left_out: tuple[LeftOut, ...]
    parties: Parties
    writing: Writing
    receipt: ReceiptForm
    tables: tuple[Table, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Reporting:
        items = [one.item for one in self.tables]
        if len(set(items)) != len(items):
            raise ValueError("同一信息项有两张表")
        for table in self.tables:
            for what in ("code", "field"):
                names = [getattr(one, what) for one in table.columns]
                if twice := sorted({name for name in names if names.count(name) > 1}):
                    raise ValueError(f"{table.title}：{'、'.join(twice)} 出现两次")
        return self

    def table(self, item: str) -> Table | None:
        """The sheet of ``item``; None when the rule does not speak of it.

        >>> law = in_force(load_reporting(Path("standards")), on=date(2026, 1, 1))
        >>> [len(law.table(item).columns) for item in ("administrative_permit", "administrative_penalty")]
        [28, 30]
        """
        return next((one for one in self.tables if one.item == item), None)


def load_reporting(root: Path) -> tuple[Reporting, ...]:
    """Every reporting rule under ``root`` (a folder such as ``standards``), in the order of coming into force.

    Raises:
        LawError: every mistake of a file with its line; LAW-411, two versions of a rule hold on one day.
    """
    found: list[tuple[Reporting, str]] = []
    problems: list[Problem] = []
    for path in sorted((root / FOLDER).glob("*.yaml")):
        name = f"{root.name}/{FOLDER}/{path.name}"
        try:
            one = shape(Reporting, read(path, name=name))
        except LawError as error:
            problems += error.problems
            continue
        if path.name != f"{one.reporting}.{one.version}.yaml":
            wanted = f"{FOLDER}/{one.reporting}.{one.version}.yaml"
            problems.append(problem("LAW-308", f"文件应放在 {wanted}", file=name, line=1))
        found.append((one, name))
    found.sort(key=lambda pair: (pair[0].reporting, pair[0].in_force.from_))
    for (before, _), (after, name) in pairwise(found):
        until = before.in_force.until
        if before.reporting == after.reporting and (until is None or until > after.in_force.from_):
            sentence = f"报送规定 {before.version} 与 {after.version} 在 {after.in_force.from_} 都有效"
            problems.append(problem("LAW-411", sentence, file=name, line=1))
    if problems:
        raise LawError(*problems)
    return tuple(one for one, _ in found)


def in_force(rules: Iterable[Reporting], *, on: date, reporting: str = DOUBLE_PUBLICITY) -> Reporting | None:
    """The version of a rule that holds on a day, or None."""
    return next((one for one in rules if one.reporting == reporting and one.in_force.covers(on)), None)


@lru_cache(maxsize=4)
def rules_under(root: Path) -> tuple[Reporting, ...]:
    """:func:`load_reporting`, remembered; a published folder has another name when anything in it is other."""
    return load_reporting(root)
