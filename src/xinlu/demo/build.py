"""Build the demo province: generate, write delivery files, take them in, bring the columnar copy up, run and publish."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings

from xinlu.access.load_organs import load_organs
from xinlu.access.scope import Scope
from xinlu.demo.files import DeliveryFile, write_deliveries
from xinlu.demo.province import make
from xinlu.demo.world import DEMO_SEED, DEMO_TODAY, World
from xinlu.intake.deliver import DeliveryResult, deliver
from xinlu.journal.actor import Actor
from xinlu.ledger import columnar
from xinlu.ledger.deliver import register_source

ACTOR = Actor.system("demo")
MANIFEST = "manifest.json"
Advance = Callable[[int], None]


class Steps:
    """What a build tells while it goes on; this one says nothing. The command shows bars."""

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Advance]:
        """A step of ``total`` parts; what is given counts parts that are done."""
        del title, total
        yield lambda _done: None

    def note(self, text: str) -> None:
        """A line for people."""
        del text


@dataclass
class Built:
    """What a build did; ``seconds`` by step."""

    folder: Path
    seed: int
    scale: float
    subjects: int = 0
    relations: int = 0
    records: int = 0
    files: int = 0
    accepted: int = 0
    queried: int = 0
    duplicate: int = 0
    standings: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


def build(
    *,
    scale: float = 1,
    seed: int = DEMO_SEED,
    today: date = DEMO_TODAY,
    folder: Path | None = None,
    runs: bool = True,
    steps: Steps | None = None,
) -> Built:
    """Build into the database and columnar copy of the settings, with files under ``folder`` (``<var>/demo``).

    ``runs`` False stops when everything is taken in. The database must be migrated and empty of a demo.
    """
    steps = steps or Steps()
    place = folder or Path(settings.VAR) / "demo"
    built = Built(place, seed, scale)
    with _timed(built, "generate"), steps.step("生成示例省", None):
        world = make(settings.STANDARDS, seed=seed, scale=scale, today=today)
        files = write_deliveries(world, place / "deliveries")
        write_manifest(world, files, place)
    built.subjects, built.relations, built.records = len(world.subjects), len(world.relations), len(world.rows)
    built.files = len(files)
    take_in(files, place / "deliveries", built, steps)
    with _timed(built, "columnar"), steps.step("写列式副本", None):
        columnar.sync()
    return built


def take_in(files: list[DeliveryFile], folder: Path, built: Built, steps: Steps) -> list[DeliveryResult]:
    """Hand every file over in order, as its source, on its day."""
    results = []
    with _timed(built, "deliver"), steps.step("报送入库", sum(one.rows for one in files)) as advance:
        load_organs(settings.STANDARDS)
        sources: dict[str, Any] = {}
        for one in files:
            at = one.handover.received_at
            if one.source.code not in sources:
                said = asdict(one.source)
                sources[one.source.code] = register_source(**said, kind="file", actor=ACTOR, at=at)
            result = deliver(
                path=folder / one.path,
                source=one.source.code,
                item=one.item,
                kind=one.kind,
                relation=one.relation,
                received_at=at,
                actor=ACTOR,
                scope=Scope.system("demo"),
            )
            results.append(result)
            built.accepted += result.accepted
            built.queried += result.queried
            built.duplicate += result.duplicate
            advance(one.rows)
    return results


def write_manifest(world: World, files: list[DeliveryFile], folder: Path) -> None:
    """Write what was planted: answers of each book and day, and files with the rows that must be queried."""
    said = {
        "seed": world.seed,
        "scale": world.scale,
        "today": world.today.isoformat(),
        "subjects": len(world.subjects),
        "relations": len(world.relations),
        "records": len(world.rows),
        "files": [
            {
                "path": one.path,
                "source": one.source.code,
                "carries": one.carries,
                "rows": one.rows,
                "queried": one.queried,
                "duplicate": one.duplicate,
                "mistakes": [{"name": m.name, "code": m.code} for m in one.mistakes],
            }
            for one in files
        ],
        "books": world.plan.manifest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")


def moment(day: date) -> datetime:
    """The evening of a day of a round, after its deliveries: UTC."""
    return datetime.combine(day, time(12), tzinfo=UTC)


@contextmanager
def _timed(built: Built, step: str) -> Iterator[None]:
    begins = perf_counter()
    yield
    built.seconds[step] = round(built.seconds.get(step, 0) + perf_counter() - begins, 2)
