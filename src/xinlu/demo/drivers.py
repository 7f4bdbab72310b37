"""Drivers: points in a cycle of twelve months from the first certificate, and the level that follows.

20 points: B. None and AA before: AAA. Below 10 and A before: AA. Else A. No level before counts as A.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from xinlu.demo.chance import Chance
from xinlu.demo.world import FIRST_DAY, Replay, Revision, Row, Subject, World

BOOK = "road-driver-integrity"
CYCLE_MONTHS = (1, 2, 3, 4, 8, 9, 10, 11, 12)
"""Months of first certificates: not those around the rounds, so that a running cycle is empty unless planted."""


@dataclass(frozen=True)
class Career:
    """Points of each violation in the cycles that the four rounds judge, then in the running one."""

    cycles: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    levels: tuple[str, str, str, str]
    running: tuple[int, ...] = ()
    weight: int = 1


CAREERS: dict[str, Career] = {
    "always_clean": Career(((), (), (), ()), ("AA", "AAA", "AAA", "AAA"), weight=60),
    "nine_points": Career(((), (), (), (5, 3, 1)), ("AA", "AAA", "AAA", "AA"), weight=6),
    "ten_points": Career(((), (), (), (10,)), ("AA", "AAA", "AAA", "A"), weight=5),
    "nineteen_points": Career(((), (), (), (10, 5, 3, 1)), ("AA", "AAA", "AAA", "A"), weight=2),
    "twenty_points_in_the_cycle": Career(((), (), (), (10, 5, 5)), ("AA", "AAA", "AAA", "B"), weight=2),
    "twenty_at_once": Career(((), (), (20,), ()), ("AA", "AAA", "B", "A"), weight=2),
    "back_from_b": Career(((20, 3), (), (), ()), ("B", "A", "AA", "AAA"), weight=2),
    "small_points_each_year": Career(((1,), (3,), (1, 1), (3,)), ("AA", "AA", "AA", "AA"), weight=8),
    "ten_each_year": Career(((10,), (10,), (10,), (10,)), ("A", "A", "A", "A"), weight=3),
    "running_twenty": Career(((), (), (), ()), ("AA", "AAA", "AAA", "AAA"), (10, 10), weight=1),
    "running_nineteen": Career(((), (), (), ()), ("AA", "AAA", "AAA", "AAA"), (10, 5, 3, 1), weight=1),
}
TWENTY = Decimal(20)
REVISED_ON = date(2026, 5, 20)
BEHAVIOUR = {
    20: "示例：转让、出租从业资格证",
    10: "示例：驾驶无道路运输证的车辆营运",
    5: "示例：不按规定维护车辆仍营运",
    3: "示例：未按规定填写行车日志",
    1: "示例：未随车携带从业资格证",
}


def populate(world: World) -> None:
    """Freight, passenger and dangerous goods drivers."""
    chance = world.chance("drivers")
    for category, full in (("freight_driver", 1700), ("passenger_driver", 650), ("dangerous_goods_driver", 450)):
        for name in chance.spread([(one, c.weight) for one, c in CAREERS.items()], world.count(full, len(CAREERS))):
            _live(world, chance, category, name, CAREERS[name])
    _corrected(world)
    for _ in range(world.count(40, 2)):
        driver = world.practitioner(["freight_driver"], certified=chance.day(date(2025, 8, 1), date(2026, 5, 31)))
        for as_of in world.rounds:
            world.plan.expect(BOOK, as_of, driver.key, "no_cycle_yet", points=None, level=None)


def _corrected(world: World) -> None:
    """Twenty points of the round of 2025 are corrected to ten a year later: known then, the level was A."""
    as_of = world.rounds[-2]
    rows = [row for row in world.rows if row.item == "driver_points" and row.fields["points"] == TWENTY]
    judged = [row for row in rows if _points_judged(world, row.roles["subject"].key, as_of) == "20"]
    for row in [one for one in judged if one.occurred_on > cycle(_certified(one), as_of)[0]][:3]:
        if row.occurred_on >= cycle(_certified(row), as_of)[1]:
            continue
        world.revisions.append(Revision(row, REVISED_ON, {"points": Decimal(10), "behaviour": BEHAVIOUR[10]}))
        unit = row.roles["subject"].key
        world.replays.append(Replay(BOOK, as_of, unit, {"points": "10", "level": "A"}))


def _points_judged(world: World, unit: str, as_of: date) -> str | None:
    return world.plan.answer(BOOK, as_of, unit, "points")


def _certified(row: Row) -> date:
    day: date = row.roles["subject"].attributes["first_certified_on"]
    return day


def certified_day(chance: Chance, *, late: bool) -> date:
    """When somebody was first certified: long ago, or (``late``) in the second half of a year."""
    month = chance.pick(CYCLE_MONTHS[4:] if late else CYCLE_MONTHS)
    return date(chance.between(2008, 2019), month, chance.between(1, 28))


def cycle(certified: date, as_of: date) -> tuple[date, date]:
    """First day and the day after the last of the last complete cycle on ``as_of``."""
    ends = certified.replace(year=as_of.year)
    if ends > as_of:
        ends = ends.replace(year=ends.year - 1)
    return ends.replace(year=ends.year - 1), ends


def judged_only_at(certified: date, as_of: date) -> tuple[date, date]:
    """Days of the cycle judged at ``as_of`` that no earlier round has seen as running; both included."""
    first, ends = cycle(certified, as_of)
    seen = as_of.replace(year=as_of.year - 1) + timedelta(days=1)
    return max(first, seen, FIRST_DAY), ends - timedelta(days=1)


def _live(world: World, chance: Chance, category: str, name: str, career: Career) -> None:
    driver = world.practitioner([category], certified=certified_day(chance, late=bool(career.running)))
    certified = driver.attributes["first_certified_on"]
    for as_of, points, level in zip(world.rounds, career.cycles, career.levels, strict=True):
        first, last = judged_only_at(certified, as_of)
        for one in points:
            _violation(world, driver, chance.day(first, last), one)
        running = sum(career.running) if as_of == world.today else 0
        world.plan.expect(
            BOOK, as_of, driver.key, name, points=Decimal(sum(points)), level=level,
            running_points=Decimal(running), must_study=running >= 20,
        )  # fmt: skip
    _, begun = cycle(certified, world.today)
    for one in career.running:
        _violation(world, driver, chance.day(begun, world.today - timedelta(days=2)), one)


def _violation(world: World, driver: Subject, day: date, points: int) -> None:
    fields = {
        "points_no": world.next("JF", day),
        "violated_on": day,
        "points": Decimal(points),
        "behaviour": BEHAVIOUR[points],
        "organ_name": world.organ_of(driver.region, "road_transport").name,
    }
    world.add("driver_points", fields, subject=driver)
