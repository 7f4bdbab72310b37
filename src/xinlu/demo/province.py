"""The whole province from a seed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from xinlu.demo import construction, drivers, overlimit, penalties
from xinlu.demo.world import DEMO_SEED, DEMO_TODAY, World

DOMAINS = (construction, drivers, overlimit, penalties)
"""In the order in which they need each other's subjects."""


def make(standards: Path, *, seed: int = DEMO_SEED, scale: float = 1, today: date = DEMO_TODAY) -> World:
    """Generate subjects, relations, records and the plan; the same arguments always give the same province."""
    world = World(standards=standards, seed=seed, scale=scale, today=today)
    for domain in DOMAINS:
        domain.populate(world)
    return world
