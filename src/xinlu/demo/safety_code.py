"""Safety codes of passenger and dangerous goods drivers: 100 points less what each alarm of the last 30 days costs.

Blue from 80, yellow from 60, else red. Speeding of 30 % and more on the main line has no known points: a person
decides, unless the known points are red already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from xinlu.demo.chance import Chance
from xinlu.demo.plan import OPEN
from xinlu.demo.world import Subject, World

BOOK = "safety-code-driver"
FATIGUE = ("fatigue", 241, 19, False)


def _ramp(seconds: int, ratio: str) -> tuple[Any, ...]:
    return ("ramp", seconds, ratio)


def _main(seconds: int, ratio: str) -> tuple[Any, ...]:
    return ("mainline", seconds, ratio)


@dataclass(frozen=True)
class Month:
    """Alarms of the 30 days before a round, and what they make."""

    alarms: tuple[tuple[Any, ...], ...]
    score: int
    code: str
    weight: int = 1
    days_ago: tuple[int, int] = (1, 28)


MONTHS: dict[str, Month] = {
    "no_alarm": Month((), 100, "blue", 60),
    "one_fatigue": Month((FATIGUE,), 95, "blue", 8),
    "exactly_80": Month((FATIGUE,) * 4, 80, "blue", 2),
    "just_yellow": Month(((*FATIGUE,),) * 4 + (_main(40, "0.10"),), 79, "yellow", 2),
    "exactly_60": Month((FATIGUE,) * 8, 60, "yellow"),
    "just_red": Month((FATIGUE,) * 8 + (_main(40, "0.10"),), 59, "red"),
    "down_to_0": Month((FATIGUE,) * 22, 0, "red"),
    "four_hours_exactly": Month((("fatigue", 240, 10, False),), 100, "blue", 2),
    "twenty_minutes_rest": Month((("fatigue", 300, 20, False),), 100, "blue", 2),
    "night_coach": Month((("fatigue", 121, 5, True),), 95, "blue", 2),
    "ramp_2": Month((_ramp(40, "0.20"),), 98, "blue", 2),
    "ramp_4": Month((_ramp(60, "0.49"),), 96, "blue"),
    "ramp_6": Month((_ramp(180, "0.20"),), 94, "blue"),
    "ramp_3": Month((_ramp(59, "0.50"),), 97, "blue"),
    "ramp_6_severe": Month((_ramp(179, "0.50"),), 94, "blue"),
    "ramp_9": Month((_ramp(180, "0.80"),), 91, "blue"),
    "too_short_or_slow": Month(
        (_ramp(39, "0.30"), _ramp(50, "0.19"), _main(39, "0.20"), _main(50, "0.09")), 100, "blue", 3
    ),
    "main_1_2_3": Month((_main(59, "0.29"), _main(60, "0.10"), _main(180, "0.29")), 94, "blue", 4),
    "points_unknown": Month((_main(40, "0.30"),), 100, OPEN),
    "points_unknown_below_80": Month((FATIGUE,) * 5 + (_main(200, "0.45"),), 75, OPEN),
    "points_unknown_but_red": Month((FATIGUE,) * 9 + (_main(200, "0.45"),), 55, "red"),
    "long_past": Month((FATIGUE,) * 6, 100, "blue", 3, (31, 34)),
}


def populate(world: World) -> None:
    """Alarms of the drivers at each round, and many on other days."""
    chance = world.chance("safety")
    employed = {one.end.number: one.start for one in world.relations if one.relation == "employs"}
    drivers = [
        one
        for one in world.of_kind("practitioner")
        if {"passenger_driver", "dangerous_goods_driver"} & set(one.attributes["categories"])
    ]
    working = [one for one in drivers if one.number in employed]
    table = [(name, month.weight) for name, month in MONTHS.items()]
    for as_of in world.rounds:
        for driver, name in zip(working, chance.spread(table, len(working)), strict=False):
            month = MONTHS[name]
            nearest, farthest = month.days_ago
            for one in month.alarms:
                day = chance.day(as_of - timedelta(days=farthest), as_of - timedelta(days=nearest))
                _alarm(world, driver, employed[driver.number], day, one)
            world.plan.expect(BOOK, as_of, driver.key, name, score=Decimal(month.score), code=month.code)
        for driver in drivers:
            if driver.number not in employed:
                world.plan.expect(BOOK, as_of, driver.key, "works_for_nobody", score=None, code=None)
    _elsewhen(world, chance, working, employed)


def _elsewhen(world: World, chance: Chance, drivers: list[Subject], employed: dict[int, Subject]) -> None:
    """Alarms in months that no round looks at."""
    kinds = [one for month in MONTHS.values() for one in month.alarms[:2]]
    for _ in range(world.count(18_000, 40)):
        year = chance.between(2022, 2026)
        month = chance.pick((1, 2, 3, 4) if year == 2026 else (1, 2, 3, 4, 8, 9, 10, 11, 12))
        driver = chance.pick(drivers)
        _alarm(world, driver, employed[driver.number], date(year, month, chance.between(1, 28)), chance.pick(kinds))


def _alarm(world: World, driver: Subject, firm: Subject, day: date, what: tuple[Any, ...]) -> None:
    number = {"alarm_no": world.next("BJ", day), "happened_on": day}
    if what[0] == "fatigue":
        _, minutes, rest, night = what
        said = {"driving_minutes": Decimal(minutes), "rest_minutes": Decimal(rest), "night_coach": night}
        world.add("fatigue_alarm", number | said, subject=driver, operator=firm)
    else:
        part, seconds, ratio = what
        said = {"road_part": part, "lasted_seconds": Decimal(seconds), "excess_ratio": Decimal(ratio)}
        world.add("speeding_alarm", number | said, subject=driver, operator=firm)
