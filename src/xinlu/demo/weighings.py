"""Weighings at stations: whether a vehicle is over the limit, and the fine of article 53.

Limits in kg by axles (18 000, 25 000, 27 000, 31 000, 36 000, 43 000, 49 000; 46 000 with one driven axle), 3 000 less
for each single-tyre axle, never above the sum of the axles' limits. Up to 20 % over: educate; above, 300 元 a tonne,
above 50 % 500 元, at most 30 000 元.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from xinlu.demo.plan import OPEN
from xinlu.demo.world import FIRST_DAY, World

DETERMINATION, FINE = "overlimit-determination", "zhejiang-highway-53"


@dataclass(frozen=True)
class Shape:
    """Axles and what else decides the limit; ``limit`` None: the text names none."""

    limit: int | None
    fields: Mapping[str, Any] = field(default_factory=dict)


def _axles(count: int, *, train: bool = False, **more: Any) -> dict[str, Any]:
    kind = "tractor" if train else "goods"
    return {"vehicle_class": kind, "combination": train, "axles": Decimal(count), **more}


SHAPES: dict[str, Shape] = {
    "two_axles": Shape(18000, _axles(2)),
    "three_axles": Shape(25000, _axles(3)),
    "four_axles": Shape(31000, _axles(4)),
    "train_of_3": Shape(27000, _axles(3, train=True)),
    "train_of_4": Shape(36000, _axles(4, train=True)),
    "train_of_5": Shape(43000, _axles(5, train=True)),
    "train_of_6": Shape(49000, _axles(6, train=True, drive_axles=Decimal(2))),
    "train_of_6_one_driven": Shape(46000, _axles(6, train=True, drive_axles=Decimal(1))),
    "four_axles_single_tyres": Shape(28000, _axles(4, single_tyre_axles=Decimal(1))),
    "four_axles_wide_tyres": Shape(31000, _axles(4, single_tyre_axles=Decimal(1), wide_tyres=True)),
    "axles_sum_lower": Shape(30000, _axles(4, axle_limits_sum=Decimal(30000))),
    "low_speed": Shape(4500, _axles(2, registered_mass=Decimal(4500)) | {"vehicle_class": "low_speed"}),
}  # fmt: skip
LOADS: list[tuple[Decimal, int]] = [
    (Decimal(share), weight)
    for share, weight in (
        ("0.4", 20), ("0.6", 30), ("0.7", 30), ("0.8", 30), ("0.9", 30), ("0.98", 20), ("1", 2), ("1.02", 4),
        ("1.1", 4), ("1.2", 1), ("1.22", 2), ("1.36", 2), ("1.5", 1), ("1.56", 1), ("1.8", 1), ("3.2", 1),
    )
]  # fmt: skip
"""Mass as a share of the limit: 1, 1.2 and 1.5 stand on the thresholds."""

SPECIAL: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    # name: fields, what is determined, what article 53 says
    "refrigerated_exempt": (
        _axles(4, total_mass=Decimal(33000), meets_gb1589=True, refrigerated=True),
        {"determination": "exempt", "mass_allowed": Decimal(31000), "over_mass": Decimal(2000)},
        {"handling": "none", "fine": Decimal(0)},
    ),
    "too_high": (
        _axles(4, total_mass=Decimal(20000), height=Decimal(4001)),
        {"determination": "over", "mass_allowed": Decimal(31000), "over_mass": Decimal(-11000)},
        {"handling": "none", "fine": Decimal(0)},
    ),
    "exactly_as_high_wide_long": (
        _axles(4, total_mass=Decimal(20000), height=Decimal(4000), width=Decimal(2550), length=Decimal(18100)),
        {"determination": "within", "mass_allowed": Decimal(31000)},
        {"handling": "none", "fine": Decimal(0)},
    ),
    "driven_axles_unknown_between": (
        _axles(6, train=True, total_mass=Decimal(47000)),
        {"determination": OPEN},
        {"handling": OPEN, "fine": OPEN},
    ),
    "driven_axles_unknown_above": (
        _axles(6, train=True, total_mass=Decimal(50000)),
        {"determination": "over", "mass_allowed": Decimal(49000), "over_mass": Decimal(1000)},
        {"handling": "educate", "fine": Decimal(0)},
    ),
    "not_weighed": (_axles(4), {"determination": None, "over_mass": None}, {"handling": None, "fine": None}),
    "five_axles_no_limit": (
        _axles(5, total_mass=Decimal(40000)), {"determination": None}, {"handling": None, "fine": None},
    ),
    "five_axles_too_wide": (
        _axles(5, total_mass=Decimal(40000), width=Decimal(2600)),
        {"determination": "over", "mass_allowed": None},
        {"handling": "none", "fine": Decimal(0)},
    ),
}  # fmt: skip


def populate(world: World) -> None:
    """Weighings of goods vehicles, most of them within the limit."""
    chance = world.chance("weighings")
    operators = {
        one.end.number: one.start for one in world.relations if one.relation == "operates" and one.end.kind == "vehicle"
    }
    vehicles = [one for one in world.of_kind("vehicle") if "axles" in one.attributes]
    table = [((name, share), weight) for name in SHAPES for share, weight in LOADS]
    for number, (name, share) in enumerate(chance.spread(table, world.count(60_000, len(table)))):
        shape = SHAPES[name]
        assert shape.limit is not None
        mass = shape.limit * share
        answers = by_mass(mass, Decimal(shape.limit))
        handling = handling_of(mass - shape.limit, Decimal(shape.limit))
        vehicle = vehicles[number % len(vehicles)]
        unit = _weigh(
            world, chance.day(FIRST_DAY, world.today), {**shape.fields, "total_mass": mass}, vehicle, operators
        )
        _plant(world, unit, f"{name}_at_{share}", answers, handling)
    for name, (fields, determined, fined) in SPECIAL.items():
        for _ in range(world.count(60)):
            vehicle = chance.pick(vehicles)
            unit = _weigh(world, chance.day(FIRST_DAY, world.today), fields, vehicle, operators)
            _plant(world, unit, name, determined, fined)


def by_mass(mass: Decimal, limit: Decimal) -> dict[str, Any]:
    """What is determined from the mass alone."""
    over = mass - limit
    ratio = (over / limit).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    return {
        "determination": "over" if over > 0 else "within",
        "mass_allowed": limit,
        "over_mass": over,
        "over_ratio": ratio,
    }


def handling_of(over: Decimal, limit: Decimal) -> dict[str, Any]:
    """Article 53.

    >>> handling_of(Decimal(9000), Decimal(18000))["fine"]
    Decimal('1620')
    """
    if over * 5 <= limit:
        return {"handling": "educate" if over > 0 else "none", "fine": Decimal(0)}
    lower = min(over, limit / 2) - limit / 5
    upper = max(over - limit / 2, Decimal(0))
    yuan = (lower * 300 + upper * 500) / 1000
    return {"handling": "fine", "fine": min(yuan, Decimal(30000))}


def _weigh(world: World, day: date, fields: Mapping[str, Any], vehicle: Any, operators: Mapping[int, Any]) -> str:
    number = world.next("CZ", day)
    said = {"weighing_no": number, "weighed_on": day, "site": f"示例治超站{day.toordinal() % 40 + 1:02d}", **fields}
    world.add("weighing", said, vehicle=vehicle, operator=operators.get(vehicle.number))
    return number


def _plant(world: World, unit: str, name: str, determined: dict[str, Any], fined: dict[str, Any]) -> None:
    world.plan.expect(DETERMINATION, world.today, unit, name, **determined)
    world.plan.expect(FINE, world.today, unit, name, **fined)
