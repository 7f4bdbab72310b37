"""The whole province from a seed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from xinlu.demo import (
    construction,
    drivers,
    foreign,
    lock,
    others,
    overlimit,
    penalties,
    road_enterprises,
    safety_code,
    taxi,
    testing,
    tiers,
    weighings,
)
from xinlu.demo.world import DEMO_SEED, DEMO_TODAY, World

DOMAINS: tuple[Callable[[World], None], ...] = (
    construction.populate,
    drivers.populate,
    taxi.populate,
    lock.populate,
    testing.populate,
    others.make_firms,
    others.populate,
    foreign.populate,
    road_enterprises.make_firms,
    overlimit.populate,
    road_enterprises.populate,
    safety_code.populate,
    weighings.populate,
    penalties.populate,
    tiers.populate,
)
"""In the order in which they need each other's subjects: who is on no list is known when all are there."""


def make(standards: Path, *, seed: int = DEMO_SEED, scale: float = 1, today: date = DEMO_TODAY) -> World:
    """Generate subjects, relations, records and the plan; the same arguments always give the same province."""
    world = World(standards=standards, seed=seed, scale=scale, today=today)
    for populate in DOMAINS:
        populate(world)
    return world
