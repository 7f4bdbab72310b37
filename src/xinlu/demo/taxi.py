"""Taxi drivers, who start each cycle with 20 points, and the firms that they drive for.

Drivers: AAA from 20, AA from 11, A from 4, else B; never below 0, at most 10 bonus points a cycle. Bad record: twice at
3 or below in one cycle, B in two cycles, or a finding. Firms: B from a fifth of B drivers; from 850 points with 85 %
of drivers at AA or better AAA, AAAA with 80 bonus points, AAAAA with 100; from 700 AA, from 600 A, else B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from xinlu.demo.chance import Chance
from xinlu.demo.drivers import certified_day, judged_only_at
from xinlu.demo.plan import OPEN
from xinlu.demo.world import Subject, World

DRIVER, FIRM = "taxi-driver", "taxi-enterprise"


@dataclass(frozen=True)
class Cycle:
    """Acts of one cycle in order, with the points that were noted, and what remains."""

    acts: tuple[tuple[str, int], ...]
    score: int
    level: str
    twice_low: bool = False


CYCLES: dict[str, Cycle] = {
    "clean": Cycle((), 20, "AAA"),
    "lost_property": Cycle((("lost_property", 3),), 23, "AAA"),
    "no_papers": Cycle((("documents", 1),), 19, "AA"),
    "detour": Cycle((("detour", 5),), 15, "AA"),
    "down_to_11": Cycle((("detour", 5), ("other_deduction", 3), ("comfort", 1)), 11, "AA"),
    "refusal": Cycle((("refusal", 10),), 10, "A"),
    "down_to_4": Cycle((("refusal", 10), ("no_show", 5), ("comfort", 1)), 4, "A"),
    "down_to_3": Cycle((("refusal", 10), ("no_show", 5), ("comfort", 1), ("documents", 1)), 3, "B"),
    "fatal_accident": Cycle((("fatal_accident", 20),), 0, "B"),
    "floor_then_bonus": Cycle((("disruption", 20), ("refusal", 10), ("assist_enforcement", 3)), 3, "B"),
    "twice_low": Cycle((("handed_over", 20), ("other_bonus", 8), ("detour", 5)), 3, "B", twice_low=True),
    "bonus_limit": Cycle((("other_bonus", 8), ("lost_property", 3)), 30, "AAA"),
}


@dataclass(frozen=True)
class Career:
    """The cycles that the four rounds judge, and whether each round finds a bad record."""

    cycles: tuple[str, str, str, str]
    bad: tuple[bool, bool, bool, bool] = (False, False, False, False)
    finding: str = ""


NO, YES = False, True
GOOD: list[tuple[tuple[str, Career], int]] = [
    (("always_clean", Career(("clean",) * 4)), 60),
    (("small_things", Career(("no_papers", "clean", "detour", "lost_property"))), 20),
    (("eleven_is_enough", Career(("down_to_11",) * 4)), 4),
    (("bonus_up_to_ten", Career(("clean", "bonus_limit", "clean", "bonus_limit"))), 3),
]
MIDDLING: list[tuple[tuple[str, Career], int]] = [
    (("refuses_each_year", Career(("refusal",) * 4)), 3),
    (("down_to_four", Career(("down_to_4", "refusal", "down_to_4", "refusal"))), 1),
]
POOR: list[tuple[tuple[str, Career], int]] = [
    (("b_twice", Career(("down_to_3", "clean", "fatal_accident", "down_to_3"), (NO, NO, NO, YES))), 1),
    (("b_each_year", Career(("down_to_3", "fatal_accident", "floor_then_bonus", "down_to_3"), (NO, YES, YES, YES))), 2),
    (("twice_low_in_a_cycle", Career(("fatal_accident", "clean", "twice_low", "clean"), (NO, NO, YES, NO))), 1),
    (("not_trained", Career(("clean", "clean", "clean", "fatal_accident"), (NO, NO, NO, YES), "untrained")), 1),
]  # fmt: skip


@dataclass(frozen=True)
class Score:
    """One year's points of a firm by group; ``missing``: a group was not scored."""

    base: str
    bonus: int = 0
    missing: bool = False


SCORES: list[tuple[tuple[str, Score | None], int]] = [
    (("full_bonus", Score("900", 100)), 3),
    (("bonus_80", Score("870", 80)), 4),
    (("bonus_79", Score("870", 79)), 2),
    (("exactly_850", Score("850")), 5),
    (("under_850", Score("849.5")), 4),
    (("exactly_700", Score("700")), 3),
    (("exactly_600", Score("600")), 2),
    (("under_600", Score("599.9")), 1),
    (("group_missing", Score("800", missing=True)), 1),
    (("not_scored", None), 1),
]
MIXES = [("good", 12), ("mixed", 4), ("poor", 3), ("nobody", 1)]


def populate(world: World) -> None:
    """Firms, their drivers, four cycles of each driver and four years of each firm."""
    chance = world.chance("taxi")
    drivers: dict[int, list[Subject]] = {}
    firms: list[Subject] = []
    for business, what, full, category, per_firm in (
        ("taxi_company", "出租汽车", 36, "cruise_taxi_driver", 25),
        ("taxi_platform", "网络约车", 8, "ride_hailing_driver", 60),
    ):
        for mix in chance.spread(MIXES, world.count(full, len(MIXES))):
            firm = world.enterprise(what, [business], licensed_on=date(2014, 1, 1))
            firms.append(firm)
            for _ in range(world.count(7) if business == "taxi_company" else 0):
                world.relate("operates", firm, world.vehicle("taxi", region=firm.region, fuel="electric"))
            drivers[firm.number] = _drivers(world, chance, firm, mix, category, world.count(per_firm, 5))
    for _ in range(world.count(30)):
        fresh = world.practitioner(["cruise_taxi_driver"], certified=chance.day(date(2025, 8, 1), date(2026, 5, 31)))
        for as_of in world.rounds:
            world.plan.expect(DRIVER, as_of, fresh.key, "no_cycle_yet", score=None, level=None, bad_record=None)
    for as_of in world.rounds:
        for firm, (name, score) in zip(firms, chance.spread(SCORES, len(firms)), strict=True):
            _year(world, firm, as_of, name, score, drivers[firm.number])


# ── drivers ─────────────────────────────────────────────────────────────────────────────────────


def _drivers(world: World, chance: Chance, firm: Subject, mix: str, category: str, count: int) -> list[Subject]:
    poor = {"poor": max(1, -(-count // 4))}.get(mix, 0)
    middling = {"mixed": max(1, -(-count // 3))}.get(mix, 0)
    good = 0 if mix == "nobody" else count - poor - middling
    made = []
    for table, number in ((GOOD, good), (MIDDLING, middling), (POOR, poor)):
        for name, career in chance.spread(table, number):
            driver = world.practitioner([category], certified=certified_day(chance, late=False), region=firm.region)
            world.relate("employs", firm, driver)
            _live(world, chance, driver, name, career)
            made.append(driver)
    return made


def _live(world: World, chance: Chance, driver: Subject, name: str, career: Career) -> None:
    for as_of, cycle_name, bad in zip(world.rounds, career.cycles, career.bad, strict=True):
        cycle = CYCLES[cycle_name]
        first, last = judged_only_at(driver.attributes["first_certified_on"], as_of)
        step = (last - first).days // (len(cycle.acts) + 1)
        for number, (act, points) in enumerate(cycle.acts):
            day = first + timedelta(days=step * number + chance.between(0, max(step - 1, 0)))
            fields = {
                "act_no": world.next("CZC", day), "acted_on": day, "act_code": act, "points": Decimal(points),
                "facts": "示例",
            }  # fmt: skip
            world.add("taxi_driver_act", fields, subject=driver)
        if career.finding and as_of == world.today:
            fields = {"finding_no": world.next("BLJL", last), "found_on": last, "finding_kind": career.finding}
            world.add("taxi_driver_finding", fields, subject=driver)
        world.plan.expect(
            DRIVER, as_of, driver.key, name,
            score=Decimal(cycle.score), level=cycle.level, bad_record="listed" if bad else "clear",
        )  # fmt: skip


# ── firms ───────────────────────────────────────────────────────────────────────────────────────


def _year(world: World, firm: Subject, as_of: date, name: str, score: Score | None, drivers: Sequence[Subject]) -> None:
    ends = date(as_of.year - 1, 12, 31)
    if score is not None:
        _scores(world, firm, ends, score)
    if score is None or score.missing:
        world.plan.expect(FIRM, as_of, firm.key, name, score=None, level=None)
        return
    # The levels in force at the end of the judged year are those of the round before.
    before = as_of.replace(year=as_of.year - 1)
    levels = [world.plan.answer(DRIVER, before, one.key, "level") for one in drivers] if before in world.rounds else []
    total = Decimal(score.base) + score.bonus
    level = level_of(total, score.bonus, len(drivers), levels)
    world.plan.expect(FIRM, as_of, firm.key, name, score=total, level=level)


def level_of(total: Decimal, bonus: int, due: int, levels: Sequence[str | None]) -> str:
    """The level of a firm; ``levels``: those that its drivers hold.

    >>> level_of(Decimal(1000), 100, 4, ["AAA", "AA", "AA", "AA"]), level_of(Decimal(1000), 100, 4, ["AAA"] * 3 + ["B"])
    ('AAAAA', 'B')
    """
    good = sum(one in ("AAA", "AA") for one in levels)
    if levels and levels.count("B") * 5 >= len(levels):
        return "B"
    if total >= 850 and due == 0:
        return OPEN
    if total >= 850 and good * 100 >= due * 85:
        return "AAAAA" if bonus >= 100 else "AAAA" if bonus >= 80 else "AAA"
    return "AA" if total >= 700 else "A" if total >= 600 else "B"


def _scores(world: World, firm: Subject, ends: date, score: Score) -> None:
    platform = "taxi_platform" in firm.attributes["businesses"]
    groups = ["management", "safety", "service", "social"] + (["data"] if platform else [])
    if score.missing:
        groups.pop()
    base = Decimal(score.base)
    each = (base / len(groups)).quantize(Decimal(1))
    points = [each] * (len(groups) - 1) + [base - each * (len(groups) - 1)]
    said = list(zip(groups, points, strict=True))
    if score.bonus:
        said.append(("bonus", Decimal(score.bonus)))
    for group, one in said:
        fields = {"year_end": ends, "score_group": group, "points": one, "organ_name": "示例考核机构"}
        world.add("taxi_enterprise_score", fields, subject=firm)
