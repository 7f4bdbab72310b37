"""The whole province from a seed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from xinlu.demo import construction, drivers, overlimit, penalties, road_enterprises, safety_code, weighings
from xinlu.demo.world import DEMO_SEED, DEMO_TODAY, World

DOMAINS: tuple[Callable[[World], None], ...] = (
    construction.populate,
    drivers.populate,
    road_enterprises.make_firms,
    overlimit.populate,
    road_enterprises.populate,
    safety_code.populate,
    weighings.populate,
    penalties.populate,
)
"""In the order in which they need each other's subjects."""


def make(standards: Path, *, seed: int = DEMO_SEED, scale: float = 1, today: date = DEMO_TODAY) -> World:
    """Generate subjects, relations, records and the plan; the same arguments always give the same province."""
    world = World(standards=standards, seed=seed, scale=scale, today=today)
    for populate in DOMAINS:
        populate(world)
    return world
