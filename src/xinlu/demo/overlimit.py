"""Over-limit transport: 一超四罚 of vehicles, drivers and firms, and the list of serious offenders.

More than 3 acts within a year cost a vehicle its licence and a driver the work; a firm is suspended when more than
10 % of its goods vehicles had an act within a year, each act at the firm that ran the vehicle that day. The list:
4 acts, a suspension that was ordered, and graver conduct, which counts until it has been shown for 24 months.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from xinlu.demo.chance import Chance
from xinlu.demo.world import FIRST_DAY, Replay, Revision, Subject, World

VEHICLE, DRIVER, FIRM = "overlimit-vehicle", "overlimit-driver", "overlimit-enterprise"
LIST_VEHICLE, LIST_DRIVER, LIST_FIRM = "overload-list-vehicle", "overload-list-driver", "overload-list-enterprise"
GOODS = ("goods", "dangerous_goods", "tractor", "low_speed")
CARRIERS = {"road_freight", "dangerous_goods", "heavy_haul"}


@dataclass(frozen=True)
class Fleet:
    """A firm's fleet and how many of its vehicles have acts in one year; ``suspended`` by the 10 % rule."""

    size: int
    over: int
    suspended: bool


FLEETS: dict[str, Fleet] = {
    "ten_none": Fleet(10, 0, False),
    "ten_exactly_a_tenth": Fleet(10, 1, False),
    "ten_above_a_tenth": Fleet(10, 2, True),
    "five_one": Fleet(5, 1, True),
    "two_none": Fleet(2, 0, False),
    "one_none": Fleet(1, 0, False),
    "one_and_only": Fleet(1, 1, True),
    "twenty_exactly_a_tenth": Fleet(20, 2, False),
    "twenty_above_a_tenth": Fleet(20, 3, True),
}
SIZES: list[tuple[int, int]] = [(1, 50), (2, 40), (5, 14), (10, 12), (20, 6)]
YEARS_BY_SIZE: dict[int, list[tuple[str, int]]] = {
    1: [("one_none", 40), ("one_and_only", 1)],
    2: [("two_none", 1)],
    5: [("five_one", 1)],
    10: [("ten_none", 6), ("ten_exactly_a_tenth", 4), ("ten_above_a_tenth", 2)],
    20: [("twenty_exactly_a_tenth", 4), ("twenty_above_a_tenth", 1)],
}
ACTS_OF_A_VEHICLE = [(1, 50), (2, 20), (3, 12), (4, 12), (6, 6)]
"""Acts of one vehicle within a year, by weight; 3 is just not enough to revoke, 4 is."""
ACTS_OF_A_DRIVER = [(1, 60), (3, 10), (4, 8), (5, 3), (2, 19)]


def populate(world: World) -> None:
    """Fleets, acts, conduct and lists."""
    chance = world.chance("overlimit")
    firms = _fleets(world, chance)
    sole = _sole_traders(world, chance)
    drivers = [
        one
        for one in world.of_kind("practitioner")
        if {"freight_driver", "dangerous_goods_driver"} & set(one.attributes["categories"])
    ]
    carriers = [firm for firm, size, _ in firms if size]
    for number, driver in enumerate(drivers):
        if "freight_driver" in driver.attributes["categories"]:
            world.relate("employs", carriers[number % len(carriers)], driver)
    for as_of in world.rounds:
        acts = [*_acts_of_firms(world, chance, firms, as_of), *_acts_of_sole_traders(chance, sole, as_of)]
        _record(world, chance, acts, drivers, as_of)
    _other_carriers(world)
    _taken_back(world)
    _lists(world, chance, firms)


# ── fleets ──────────────────────────────────────────────────────────────────────────────────────

Fleets = list[tuple[Subject, int, list[Subject]]]


def _fleets(world: World, chance: Chance) -> Fleets:
    """Carriers with their goods vehicles. A few have none."""
    made: Fleets = []
    for number, size in enumerate(chance.spread(SIZES, world.count(122, 8))):
        business = ["road_freight"] if number % 6 else ["heavy_haul", "road_freight"]
        firm = world.enterprise("运输" if number % 6 else "大件运输", business, licensed_on=date(2016, 3, 1))
        made.append((firm, size, [_vehicle(world, chance, firm) for _ in range(size)]))
    for _ in range(world.count(20, 2)):
        made.append((world.enterprise("货运", ["road_freight"]), 0, []))
    return made


def _vehicle(world: World, chance: Chance, owner: Subject) -> Subject:
    kind = chance.pick(("goods", "goods", "goods", "tractor", "low_speed"))
    axles = {"goods": 4, "tractor": 3, "low_speed": 2}[kind]
    vehicle = world.vehicle(
        kind, region=owner.region, axles=Decimal(axles), registered_mass=Decimal(axles * 7000), fuel="diesel"
    )
    world.relate("operates", owner, vehicle)
    return vehicle


def _sole_traders(world: World, chance: Chance) -> Fleets:
    made: Fleets = []
    for number in range(world.count(200, 3)):
        owner = world.sole_trader("货运", ["road_freight"], licensed_on=date(2018, 5, 1))
        # A few are big enough to be rated themselves.
        size = 1 if number % 5 else 3
        made.append((owner, size, [_vehicle(world, chance, owner) for _ in range(size)]))
    return made


def _other_carriers(world: World) -> None:
    """Carriers of other domains, whose vehicles have no acts."""
    fleets: dict[int, int] = {}
    for one in world.relations:
        if one.relation == "operates" and one.end.attributes.get("vehicle_class") in GOODS:
            fleets[one.start.number] = fleets.get(one.start.number, 0) + 1
    for firm in world.of_kind("enterprise"):
        if not CARRIERS & set(firm.attributes["businesses"]):
            continue
        size = fleets.get(firm.number, 0)
        for as_of in world.rounds:
            if firm.valid_from > as_of:
                continue
            answers = {"measure": "clear", "licence": "keep", "fleet_now": Decimal(size)} if size else {"measure": None}
            world.plan.rest(FIRM, as_of, firm.key, "no_acts" if size else "no_fleet", **answers)


# ── acts ────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Act:
    """An act on its way: who ran the vehicle, and when."""

    owner: Subject
    vehicle: Subject
    day: date


def _within_year(chance: Chance, as_of: date) -> date:
    """A day that the round at ``as_of`` counts and no other does; the first year begins with the records."""
    first = max(as_of.replace(year=as_of.year - 1) + timedelta(days=2), FIRST_DAY)
    return chance.day(first, as_of - timedelta(days=2))


def _acts_of_firms(world: World, chance: Chance, firms: Fleets, as_of: date) -> Iterator[Act]:
    by_size = {size: [one for one in firms if one[1] == size] for size in (*YEARS_BY_SIZE, 0)}
    for size, several in by_size.items():
        if size == 0:
            for firm, _, _ in several:
                world.plan.expect(FIRM, as_of, firm.key, "no_fleet", measure=None, licence=None)
            continue
        for (firm, _, vehicles), name in zip(several, chance.spread(YEARS_BY_SIZE[size], len(several)), strict=True):
            fleet = FLEETS[name]
            world.plan.expect(
                FIRM, as_of, firm.key, name,
                measure="suspend" if fleet.suspended else "clear",
                licence="open" if fleet.suspended else "keep",
                vehicles_over=Decimal(fleet.over), fleet_now=Decimal(fleet.size),
            )  # fmt: skip
            first = chance.between(0, size - 1)
            for step in range(fleet.over):
                vehicle = vehicles[(first + step) % size]
                for _ in range(_weighted(chance, ACTS_OF_A_VEHICLE)):
                    yield Act(firm, vehicle, _within_year(chance, as_of))


def _weighted(chance: Chance, table: Sequence[tuple[int, int]]) -> int:
    left = chance.between(1, sum(weight for _, weight in table))
    for value, weight in table:
        left -= weight
        if left <= 0:
            return value
    raise AssertionError("weights cover every draw")


def _acts_of_sole_traders(chance: Chance, sole: Fleets, as_of: date) -> Iterator[Act]:
    # The first two always, so that three acts and four acts are there at any scale.
    for number, (owner, _, vehicles) in enumerate(sole):
        times = {0: 4, 1: 3}.get(number, _weighted(chance, ACTS_OF_A_VEHICLE) if chance.holds(0.15) else 0)
        for _ in range(times):
            yield Act(owner, vehicles[0], _within_year(chance, as_of))


def _record(world: World, chance: Chance, acts: list[Act], drivers: Sequence[Subject], as_of: date) -> None:
    """Write the acts, give them to drivers in planned numbers, and plant what vehicles and drivers get."""
    for act, driver in zip(acts, _at_the_wheel(chance, drivers, len(acts)), strict=True):
        limit = 31000
        over = chance.between(800, 16000)
        fields = {
            "act_no": world.next("CXAJ", act.day),
            "found_on": act.day,
            "confirmed_on": act.day + timedelta(days=chance.between(0, 1)),
            "site": f"示例{world.regions.get(act.owner.region).short}治超站",
            "axles": Decimal(4),
            "total_mass": Decimal(limit + over),
            "mass_limit": Decimal(limit),
            "excess_ratio": (Decimal(over) / limit).quantize(Decimal("0.000001")),
            "province": "330000",
        }
        world.add("overlimit_act", fields, vehicle=act.vehicle, driver=driver, operator=act.owner)
    _plant(world, VEHICLE, as_of, [act.vehicle for act in acts], _goods_vehicles(world), "revoke")
    done = [row.roles["driver"] for row in world.rows[-len(acts) :] if "driver" in row.roles] if acts else []
    _plant(world, DRIVER, as_of, done, drivers, "stop_work")


REVISED_ON = date(2026, 5, 20)


def _taken_back(world: World) -> None:
    """One of four acts of the round of 2025 is taken back a year later: known then, the vehicle had three."""
    as_of = world.rounds[-2]
    first = as_of.replace(year=as_of.year - 1)
    done = 0
    for row in world.rows:
        if row.item != "overlimit_act" or not first < row.occurred_on < as_of or done == 3:
            continue
        unit = row.roles["vehicle"].key
        taken = any(one.unit == unit for one in world.replays)
        if taken or world.plan.answer(VEHICLE, as_of, unit, "act_count") != "4":
            continue
        done += 1
        world.revisions.append(Revision(row, REVISED_ON, None))
        world.replays.append(Replay(VEHICLE, as_of, unit, {"act_count": "3", "measure": "clear"}))


def _goods_vehicles(world: World) -> list[Subject]:
    return [one for one in world.of_kind("vehicle") if one.attributes["vehicle_class"] in GOODS]


def _plant(
    world: World, book: str, as_of: date, done: Sequence[Subject], everybody: Sequence[Subject], measure: str
) -> None:
    times: dict[int, int] = {}
    for one in done:
        times[one.number] = times.get(one.number, 0) + 1
    for one in everybody:
        count = times.get(one.number, 0)
        name = f"{count}_acts" if count <= 4 else "more_acts"
        world.plan.expect(
            book, as_of, one.key, name, measure=measure if count >= 4 else "clear", act_count=Decimal(count)
        )


def _at_the_wheel(chance: Chance, drivers: Sequence[Subject], acts: int) -> Iterator[Subject | None]:
    """A driver for each act: one driver takes 1 to 5 in turn; of some acts the driver is not known."""
    start = chance.between(0, len(drivers) - 1)
    quotas = chance.spread(ACTS_OF_A_DRIVER, acts)
    left, place = 0, start
    for number in range(acts):
        if number % 17 == 16:
            yield None
            continue
        if left == 0:
            left, place = next(quotas), place + 1
        left -= 1
        yield drivers[place % len(drivers)]


# ── lists ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Conduct:
    """Graver conduct, found ``times`` from ``day`` on, perhaps published; and what the list says at each round."""

    act: str
    fields: dict[str, Any]
    day: date
    listing: tuple[str, str, str, str]
    published: date | None = None
    until: date | None = None
    times: int = 1


N, C, L = "none", "candidate", "listed"
OF_FIRMS: dict[str, Conduct] = {
    "repairer_lost_licence": Conduct(
        "illegal_modification", {"capacity": "repairer", "serious": True, "licence_revoked": True},
        date(2024, 9, 10), (N, N, C, C),
    ),
    "modification_not_serious": Conduct(
        "illegal_modification", {"capacity": "repairer", "serious": False}, date(2024, 9, 10), (N, N, N, N)
    ),
    "ordering_fine_2": Conduct("ordering", {"fine_amount": Decimal(2)}, date(2023, 8, 8), (N, C, C, C)),
    "ordering_fine_below_2": Conduct("ordering", {"fine_amount": Decimal("1.999999")}, date(2023, 8, 8), (N, N, N, N)),
    "ordering_three_penalties": Conduct(
        "ordering", {"penalised": True, "fine_amount": Decimal("0.5")}, date(2025, 2, 3), (N, N, C, N), times=3
    ),
    "ordering_two_penalties": Conduct(
        "ordering", {"penalised": True, "fine_amount": Decimal("0.5")}, date(2025, 2, 3), (N, N, N, N), times=2
    ),
    "permit_fraud_published": Conduct(
        "permit_fraud", {"capacity": "applicant"}, date(2025, 9, 1), (N, N, N, L), date(2025, 12, 1), date(2027, 12, 1)
    ),
    "permit_fraud_published_once": Conduct(
        "permit_fraud", {"capacity": "applicant"}, date(2022, 9, 1), (L, L, N, N), date(2022, 12, 1), date(2024, 12, 1)
    ),
    "source_unit_refuses": Conduct("refusal", {"capacity": "source_unit"}, date(2026, 3, 2), (N, N, N, C)),
    "carrier_refuses": Conduct("refusal", {"capacity": "carrier"}, date(2026, 3, 2), (N, N, N, N)),
    "major_accident": Conduct(
        "accident", {"major_accident": True, "responsibility": "equal"}, date(2026, 1, 20), (N, N, N, C)
    ),
    "accident_minor_share": Conduct(
        "accident", {"major_accident": True, "responsibility": "minor"}, date(2026, 1, 20), (N, N, N, N)
    ),
}  # fmt: skip
OF_PERSONS: dict[str, Conduct] = {
    "driver_refuses": Conduct("refusal", {"capacity": "driver"}, date(2025, 10, 9), (N, N, N, C)),
    "obstruction_police": Conduct("obstruction", {"police_penalty": True}, date(2024, 3, 4), (N, C, C, C)),
    "obstruction_no_police": Conduct("obstruction", {"police_penalty": False}, date(2024, 3, 4), (N, N, N, N)),
    "violence_casualty_listed": Conduct(
        "violent_resistance", {"casualty": True}, date(2024, 10, 10), (N, N, L, L), date(2025, 1, 5), date(2027, 1, 5)
    ),
    "violence_no_casualty": Conduct("violent_resistance", {"casualty": False}, date(2024, 10, 10), (N, N, N, N)),
}
OF_VEHICLES: dict[str, Conduct] = {
    "vehicle_breaks_through": Conduct("obstruction", {"police_penalty": True}, date(2025, 11, 5), (N, N, N, C)),
    "vehicle_listed": Conduct(
        "obstruction", {"police_penalty": True}, date(2024, 8, 8), (N, N, L, L), date(2024, 9, 9), date(2026, 9, 9)
    ),
}


def _lists(world: World, chance: Chance, fleets: Fleets) -> None:
    _ordered_suspensions(world, chance, [firm for firm, size, _ in fleets if size])
    carriers = {firm.number for firm, _, _ in fleets}
    firms = [
        one
        for one in world.of_kind("enterprise")
        if "foreign_regime" not in one.attributes and one.number not in carriers
        and {"repair_shop", "source_unit"} & set(one.attributes["businesses"])
    ]  # fmt: skip
    _conduct(world, OF_FIRMS, firms, LIST_FIRM)
    persons = [one for one in world.of_kind("practitioner") if _never(world, DRIVER, one, "stop_work")]
    _conduct(world, OF_PERSONS, persons, LIST_DRIVER)
    vehicles = [one for one in _goods_vehicles(world) if _never(world, VEHICLE, one, "revoke")]
    _conduct(world, OF_VEHICLES, vehicles, LIST_VEHICLE)
    everybody = {
        LIST_FIRM: (world.of_kind("enterprise"), FIRM, ""),
        LIST_DRIVER: (world.of_kind("practitioner"), DRIVER, "stop_work"),
        LIST_VEHICLE: (_goods_vehicles(world), VEHICLE, "revoke"),
    }
    for as_of in world.rounds:
        for book, (subjects, rule, measure) in everybody.items():
            for one in subjects:
                if one.valid_from > as_of:
                    continue
                hit = bool(measure) and world.plan.answer(rule, as_of, one.key, "measure") == measure
                world.plan.rest(book, as_of, one.key, "four_acts" if hit else "clean", listing=C if hit else N)


def _never(world: World, book: str, one: Subject, measure: str) -> bool:
    return all(world.plan.answer(book, as_of, one.key, "measure") != measure for as_of in world.rounds)


def _ordered_suspensions(world: World, chance: Chance, firms: Sequence[Subject]) -> None:
    """Half of the firms above a tenth were ordered to stop, within the year of the round: candidates."""
    ordered: set[int] = set()
    for as_of in world.rounds:
        above = [one for one in firms if world.plan.answer(FIRM, as_of, one.key, "measure") == "suspend"]
        for number, one in enumerate(above):
            if number % 2 or one.number in ordered:
                continue
            ordered.add(one.number)
            day = _within_year(chance, as_of)
            _act(world, one, "suspension_ordered", day, {"capacity": "carrier"})
            world.plan.expect(LIST_FIRM, as_of, one.key, "suspension_ordered", listing=C)


def _conduct(world: World, table: dict[str, Conduct], subjects: Sequence[Subject], book: str) -> None:
    place = iter(subjects)
    for _ in range(max(1, min(world.count(3), len(subjects) // len(table)))):
        for name, what in table.items():
            who = next(place, None)
            if who is None:
                return
            for number in range(what.times):
                _act(world, who, what.act, what.day + timedelta(days=11 * number), what.fields)
            if what.published is not None:
                _publish(world, who, what)
            for as_of, listing in zip(world.rounds, what.listing, strict=True):
                shown = (
                    {"publish_until": what.until} if what.until and what.published and what.published <= as_of else {}
                )
                world.plan.expect(book, as_of, who.key, name, listing=listing, **shown)


def _act(world: World, who: Subject, act: str, day: date, fields: dict[str, Any]) -> None:
    number = f"示治超认字〔{day.year}〕{world.next('RD', day)[-5:]}号"
    world.add("overlimit_related_act", {"act_no": number, "decided_on": day, "act": act, **fields}, subject=who)


def _publish(world: World, who: Subject, what: Conduct) -> None:
    assert what.published is not None
    listed = what.published - timedelta(days=10)
    fields = {
        "list_kind": "overlimit",
        "decision_no": f"示失信字〔{listed.year}〕{world.next('SX', listed)[-5:]}号",
        "listed_on": listed,
        "published_on": what.published,
        "reason": "示例：严重违法超限超载",
        "legal_ground": "交办公路〔2017〕8号",
        "organ_name": "浙江省交通运输厅",
    }
    world.add("serious_list_entry", fields, subject=who)
