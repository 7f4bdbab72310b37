"""Road transport enterprises: their yearly points of 800, and the sample warning model for freight.

Rates by vehicle of the year's end; each whole 0.01 costs: accidents 5 of 50, deaths 25 of 150, injured 10 of 100,
violations 10 of 200; complaints 10 of 150 for each whole 0.005; 10 for each person without social security (80) and
each vehicle without carrier's insurance (70). Responsible means from equal shares on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from xinlu.demo.chance import Chance
from xinlu.demo.plan import OPEN
from xinlu.demo.world import Subject, World

BOOK, WARNING = "road-transport-enterprise", "freight-warning"
RATED = {"road_passenger", "road_freight", "dangerous_goods"}


@dataclass(frozen=True)
class Accident:
    """One accident; None: not filled in."""

    responsibility: str | None = "main"
    deaths: int | None = 0
    injuries: int | None = 0


@dataclass(frozen=True)
class Year:
    """What happens in one year; ``highest`` is the best level that the accidents leave open."""

    accidents: tuple[Accident, ...] = ()
    violations: int = 0
    complaints: int = 0
    unconfirmed: int = 0
    social: int = 0
    insurance: int = 0
    highest: str = "AAA"


YEARS: dict[str, Year] = {
    "clean": Year(),
    "one_violation": Year(violations=1),
    "three_violations": Year(violations=3),
    "one_complaint": Year(complaints=1),
    "complaint_not_confirmed": Year(unconfirmed=2),
    "two_injured": Year((Accident("equal", 0, 2),)),
    "one_death": Year((Accident("full", 1, 0),)),
    "three_deaths": Year((Accident("main", 3, 1),), highest="AA"),
    "ten_deaths": Year((Accident("full", 10, 4),), highest="A"),
    "minor_share": Year((Accident("minor", 1, 1),)),
    "no_share": Year((Accident("none", 1, 0), Accident(None, 2, 0))),
    "injured_not_filled_in": Year((Accident("main", 0, None),)),
    "two_without_social_security": Year(social=2),
    "nine_without_social_security": Year(social=9),
    "eight_without_insurance": Year(insurance=8),
    "a_bit_of_everything": Year((Accident("main", 0, 1),), 2, 1, 1, 1, 1),
}
WEIGHTS = [
    ("clean", 60), ("one_violation", 20), ("three_violations", 6), ("one_complaint", 10),
    ("complaint_not_confirmed", 6), ("two_injured", 4),
    ("one_death", 2), ("three_deaths", 1), ("ten_deaths", 1), ("minor_share", 3), ("no_share", 2),
    ("injured_not_filled_in", 1), ("two_without_social_security", 4), ("nine_without_social_security", 1),
    ("eight_without_insurance", 1), ("a_bit_of_everything", 6),
]  # fmt: skip


@dataclass(frozen=True)
class Signals:
    """Signals of the last 90 days and of the 90 before: violations, deaths of each accident, complaints."""

    now: tuple[int, tuple[int, ...], int]
    before: tuple[int, tuple[int, ...], int]
    points: int
    trend: int
    warning: str


SIGNALS: list[tuple[tuple[str, Signals], int]] = [
    (("quiet", Signals((0, (), 0), (0, (), 0), 0, 0, "none")), 60),
    (("below_the_line", Signals((4, (), 1), (1, (), 0), 9, 7, "none")), 8),
    (("yellow_steady", Signals((5, (), 0), (4, (), 0), 10, 2, "yellow")), 6),
    (("falling", Signals((5, (), 1), (0, (0,), 2), 11, -1, "yellow")), 3),
    (("orange_soaring", Signals((6, (), 0), (2, (), 0), 12, 8, "orange")), 3),
    (("orange_high", Signals((0, (1,), 0), (0, (1,), 0), 20, 0, "orange")), 2),
    (("red", Signals((0, (1, 1), 0), (0, (), 0), 40, 40, "red")), 1),
    (("red_not_rising", Signals((0, (1, 1), 0), (0, (1, 1), 0), 40, 0, "orange")), 1),
]


def make_firms(world: World) -> None:
    """Passenger and dangerous goods firms with vehicles, and the drivers that they employ."""
    chance = world.chance("road")
    for business, kind, what, full, category in (
        ("road_passenger", "coach", "客运", 40, "passenger_driver"),
        ("dangerous_goods", "dangerous_goods", "危险品运输", 30, "dangerous_goods_driver"),
    ):
        firms = []
        for _ in range(world.count(full, 3)):
            firm = world.enterprise(what, [business], licensed_on=date(2015, 6, 1))
            for _ in range(chance.pick((4, 5, 5, 10))):
                more: dict[str, Any] = {"seats": Decimal(45)} if kind == "coach" else {"axles": Decimal(4)}
                vehicle = world.vehicle(kind, region=firm.region, fuel="diesel", **more)
                world.relate("operates", firm, vehicle)
            firms.append(firm)
        drivers = [one for one in world.of_kind("practitioner") if category in one.attributes["categories"]]
        for number, driver in enumerate(drivers):
            # One in twelve works for nobody.
            if number % 12 != 5:
                world.relate("employs", firms[number % len(firms)], driver)


def populate(world: World) -> None:
    """The years and signals of all road transport firms."""
    chance = world.chance("road years")
    sizes: dict[int, int] = {}
    for one in world.relations:
        if one.relation == "operates":
            sizes[one.start.number] = sizes.get(one.start.number, 0) + 1
    firms = [one for one in world.of_kind("enterprise") if RATED & set(one.attributes["businesses"])]
    with_fleet = [one for one in firms if sizes.get(one.number)]
    for as_of in world.rounds:
        for firm in firms:
            if not sizes.get(firm.number):
                world.plan.expect(BOOK, as_of, firm.key, "no_fleet", score=None, level=None, highest_level=None)
        for firm, name in zip(with_fleet, chance.spread(WEIGHTS, len(with_fleet)), strict=True):
            _year(world, chance, firm, sizes[firm.number], as_of, name)
    freight = [one for one in firms if "road_freight" in one.attributes["businesses"]]
    _signals(world, chance, [one for one in freight if sizes.get(one.number)])
    for as_of in world.rounds:
        if as_of < date(2024, 1, 1):
            continue
        for firm in freight:
            if sizes.get(firm.number):
                world.plan.rest(WARNING, as_of, firm.key, "quiet", points=Decimal(0), trend=Decimal(0), warning="none")
            else:
                world.plan.expect(WARNING, as_of, firm.key, "no_fleet", points=None, trend=None, warning=None)


def _year(world: World, chance: Chance, firm: Subject, size: int, as_of: date, name: str) -> None:
    what, year = YEARS[name], as_of.year - 1
    # From July on, so that the warning model of the round in June sees nothing of it.
    first, last = date(year, 7, 2), date(year, 12, 28)
    for one in what.accidents:
        accident(world, firm, chance.day(first, last), one)
    for _ in range(what.violations):
        violation(world, firm, chance.day(first, last))
    for number in range(what.complaints + what.unconfirmed):
        complaint(world, firm, chance.day(first, last), confirmed=number < what.complaints)
    for kind, times in (("driver_social_security", what.social), ("carrier_liability", what.insurance)):
        for _ in range(times):
            day = chance.day(first, last)
            world.add(
                "insurance_gap", {"gap_no": world.next("BX", day), "gap_kind": kind, "found_on": day}, subject=firm
            )
    if name == "injured_not_filled_in":
        world.plan.expect(BOOK, as_of, firm.key, name, score=OPEN, level=OPEN, highest_level=OPEN)
        return
    score = points_of(what, size)
    world.plan.expect(BOOK, as_of, firm.key, name, score=Decimal(score), level=None, highest_level=what.highest)


def points_of(what: Year, size: int) -> int:
    """Points of 800 for a year with so many vehicles.

    >>> points_of(Year(violations=1), 20)
    750
    """
    ours = [one for one in what.accidents if one.responsibility in ("full", "main", "equal")]
    hundredths = {
        (50, 5): len(ours),
        (150, 25): sum(one.deaths or 0 for one in ours),
        (100, 10): sum(one.injuries or 0 for one in ours),
        (200, 10): what.violations,
    }
    score = sum(max(full - each * (100 * count // size), 0) for (full, each), count in hundredths.items())
    score += max(150 - 10 * (200 * what.complaints // size), 0)
    return score + max(80 - 10 * what.social, 0) + max(70 - 10 * what.insurance, 0)


def _signals(world: World, chance: Chance, firms: list[Subject]) -> None:
    today = world.today
    spans = (
        (today - timedelta(days=86), today - timedelta(days=3)),
        (today - timedelta(days=176), today - timedelta(days=93)),
    )
    for firm, (name, what) in zip(firms, chance.spread(SIGNALS, len(firms)), strict=True):
        for (violations, deaths, complaints), (first, last) in zip((what.now, what.before), spans, strict=True):
            for _ in range(violations):
                violation(world, firm, chance.day(first, last))
            for one in deaths:
                accident(world, firm, chance.day(first, last), Accident("main", one, 0))
            for _ in range(complaints):
                complaint(world, firm, chance.day(first, last), confirmed=True)
        world.plan.expect(
            WARNING, today, firm.key, name,
            points=Decimal(what.points), trend=Decimal(what.trend), warning=what.warning,
        )  # fmt: skip


# ── records ─────────────────────────────────────────────────────────────────────────────────────


def accident(world: World, firm: Subject, day: date, what: Accident) -> None:
    """A road accident."""
    fields: dict[str, Any] = {"accident_no": world.next("SG", day), "accident_kind": "road_traffic", "happened_on": day}
    if what.responsibility is not None:
        fields |= {"responsibility": what.responsibility, "confirmed_on": day + timedelta(days=1)}
    for name, value in (("deaths", what.deaths), ("injuries", what.injuries)):
        if value is not None:
            fields[name] = Decimal(value)
    deaths = what.deaths or 0
    fields["accident_class"] = "major" if deaths >= 10 else "larger" if deaths >= 3 else "minor"
    world.add("accident", fields, subject=firm)


def violation(world: World, firm: Subject, day: date) -> None:
    """A violation in running the business."""
    fields = {
        "violation_no": world.next("WZ", day),
        "violated_on": day,
        "matter": "示例：未按规定维护检测车辆",
        "decided_on": day,
    }
    world.add("transport_violation", fields, subject=firm)


def complaint(world: World, firm: Subject, day: date, *, confirmed: bool) -> None:
    """A complaint, confirmed or not."""
    fields: dict[str, Any] = {
        "complaint_no": world.next("TS", day), "channel": "12328", "complaint_kind": "attitude", "happened_on": day,
        "received_on": day, "confirmed": confirmed, "content": "示例投诉",
    }  # fmt: skip
    if confirmed:
        fields["confirmed_on"] = day + timedelta(days=2)
    world.add("complaint", fields, subject=firm)
