"""Vessels at the locks: 200 points to begin with, 100 while the registration is incomplete, never below 0.

Five stars from 1001, four from 501, three from 101, two from 51. While incomplete, bonus points do not count. A convoy
has the points of its lowest member, and none when a member has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from xinlu.demo.chance import Chance
from xinlu.demo.world import Subject, World

VESSEL, CONVOY = "lock-credit", "lock-convoy"
STARS = ((1001, "star5"), (501, "star4"), (101, "star3"), (51, "star2"))


@dataclass(frozen=True)
class Life:
    """Points of the springs of 2022 to 2026; ``complete`` None: never registered with the locks."""

    complete: bool | None
    springs: tuple[tuple[int, ...], ...]
    scores: tuple[int | None, int | None, int | None, int | None]
    """At the four rounds."""
    weight: int = 1


NO = ((), (), (), (), ())
LIVES: dict[str, Life] = {
    "no_events": Life(True, NO, (200, 200, 200, 200), 20),
    "not_registered": Life(None, NO, (None, None, None, None), 3),
    "incomplete": Life(False, NO, (100, 100, 100, 100), 4),
    "incomplete_bonus_lost": Life(False, ((50,), (), (60,), (), (-20,)), (100, 100, 100, 80), 3),
    "climbs_to_1001": Life(True, ((300,), (300,), (100,), (100,), (1,)), (800, 900, 1000, 1001), 3),
    "stops_at_1000": Life(True, ((300,), (300,), (100,), (100,), ()), (800, 900, 1000, 1000), 3),
    "climbs_to_501": Life(True, ((), (100,), (100,), (100,), (1,)), (300, 400, 500, 501), 4),
    "down_to_101": Life(True, ((), (), (-50,), (-49,), ()), (200, 150, 101, 101), 4),
    "down_to_100": Life(True, ((), (), (-50,), (-50,), ()), (200, 150, 100, 100), 3),
    "down_to_51": Life(True, ((), (-100,), (-49,), (), ()), (100, 51, 51, 51), 2),
    "down_to_50": Life(True, ((), (-100,), (-50,), (), ()), (100, 50, 50, 50), 2),
    "floor_then_bonus": Life(True, ((), (-150, -100), (), (), (30,)), (0, 0, 0, 30), 2),
    "up_and_down": Life(True, ((20, -40), (10,), (-20, 5), (30,), (-5,)), (190, 175, 205, 200), 8),
}
TYPES = ("sand_gravel", "dry_bulk", "container", "dangerous_goods", "other")
LOCKS = ("示例一号船闸", "示例二号船闸", "示例三号船闸")


def populate(world: World) -> None:
    """Vessels with owners, events at locks, passages."""
    chance = world.chance("lock")
    owners = [world.enterprise("航运", ["ship_operator"]) for _ in range(world.count(25, 2))]
    fleet: list[tuple[Subject, Life]] = []
    for name in chance.spread([(one, life.weight) for one, life in LIVES.items()], world.count(100, len(LIVES))):
        life = LIVES[name]
        known: dict[str, Any] = {} if life.complete is None else {"registration_complete": life.complete}
        vessel = world.vessel(chance.pick(TYPES), **known)
        world.relate("operates", chance.pick(owners), vessel)
        _live(world, chance, vessel, life)
        fleet.append((vessel, life))
        for as_of, score in zip(world.rounds, life.scores, strict=True):
            points = None if score is None else Decimal(score)
            world.plan.expect(VESSEL, as_of, vessel.key, name, score=points, star=star(score))
    _crews(world, chance, [vessel for vessel, _ in fleet])
    _passages(world, chance, fleet)


def star(score: int | None) -> str | None:
    """The star of so many points.

    >>> star(1001), star(1000), star(101), star(100), star(50), star(None)
    ('star5', 'star4', 'star3', 'star2', 'star1', None)
    """
    if score is None:
        return None
    return next((name for least, name in STARS if score >= least), "star1")


def _live(world: World, chance: Chance, vessel: Subject, life: Life) -> None:
    for year, points in zip(range(2022, 2027), life.springs, strict=True):
        for month, one in enumerate(points, start=2):
            day = date(year, month, chance.between(1, 28))
            fields = {
                "event_no": world.next("GZ", day),
                "happened_on": day,
                "effect": "plus" if one > 0 else "minus",
                "points": Decimal(abs(one)),
                "matter": "示例：遵守调度" if one > 0 else "示例：不服从调度",
                "lock_name": chance.pick(LOCKS),
            }
            world.add("lock_event", fields, subject=vessel)


def _crews(world: World, chance: Chance, vessels: list[Subject]) -> None:
    for vessel in vessels:
        for category in ("skipper", "crew"):
            certified = date(chance.between(2008, 2019), chance.between(1, 12), chance.between(1, 28))
            world.relate("crews", world.practitioner([category], certified=certified), vessel)


def _passages(world: World, chance: Chance, fleet: list[tuple[Subject, Life]]) -> None:
    """Some on the days of the rounds, which are judged; many on other days, which are not."""
    for place, as_of in enumerate(world.rounds):
        for number in range(world.count(10, 4)):
            size = (1, 1, 2, 3)[number % 4]
            start = chance.between(0, len(fleet) - 1)
            members = [fleet[(start + step) % len(fleet)] for step in range(size)]
            unit = _passage(world, chance, as_of, [vessel for vessel, _ in members])
            scores = [life.scores[place] for _, life in members]
            known = [one for one in scores if one is not None]
            lowest = min(known) if len(known) == len(scores) else None
            name = "member_without_points" if lowest is None else f"convoy_of_{size}"
            points = None if lowest is None else Decimal(lowest)
            world.plan.expect(CONVOY, as_of, unit, name, score=points, star=star(lowest))
    for _ in range(world.count(900, 6)):
        day = date(chance.between(2022, 2025), chance.pick((1, 3, 5, 8, 10, 12)), chance.between(1, 28))
        _passage(world, chance, day, [chance.pick(fleet)[0]])


def _passage(world: World, chance: Chance, day: date, members: list[Subject]) -> str:
    number = world.next("GZSQ", day)
    fields = {"passage_no": number, "applied_on": day, "lock_name": chance.pick(LOCKS)}
    world.add("lock_passage", fields, members=members)
    return number
