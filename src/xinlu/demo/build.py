"""Build the demo province: generate, write delivery files, take them in year by year, run and publish each round."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from time import perf_counter

from django.conf import settings

from xinlu.access.load_organs import load_organs
from xinlu.access.scope import Scope
from xinlu.assessment.publish import publish
from xinlu.assessment.run import run_books
from xinlu.demo import accounts, construction, filings, wires
from xinlu.demo.files import DeliveryFile, write_deliveries
from xinlu.demo.province import make
from xinlu.demo.world import DEMO_SEED, DEMO_TODAY, World
from xinlu.gazette import current
from xinlu.intake.deliver import DeliveryResult, deliver
from xinlu.journal.actor import Actor
from xinlu.ledger import columnar
from xinlu.ledger.deliver import register_source
from xinlu.ledger.models import Source

ACTOR = Actor.system("demo")
MANIFEST = "manifest.json"
PUBLISHER = "xinlu"
"""Source of what this platform publishes itself."""
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
    runs: int = 0
    standings: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


def build(
    *,
    scale: float = 1,
    seed: int = DEMO_SEED,
    today: date = DEMO_TODAY,
    folder: Path | None = None,
    books: Collection[str] | None = None,
    steps: Steps | None = None,
) -> Built:
    """Build into the database and columnar copy of the settings, with files under ``folder`` (``<var>/demo``).

    What is known on the day of a round is handed over before it, so that the ledger's history is in order.
    ``books`` names the only books to run (with those that they read); none named: every book, none at all with
    ``()``. The database must be migrated and empty.
    """
    steps = steps or Steps()
    place = folder or Path(settings.VAR) / "demo"
    built = Built(place, seed, scale)
    current.restore()  # what an earlier demo published is no more
    with _timed(built, "generate"), steps.step("生成示例省", None):
        world = make(settings.STANDARDS, seed=seed, scale=scale, today=today)
        files = write_deliveries(world, place / "deliveries")
        write_manifest(world, files, place)
    built.subjects, built.relations, built.records = len(world.subjects), len(world.relations), len(world.rows)
    built.files = len(files)
    with _timed(built, "deliver"):
        load_organs(settings.STANDARDS)
    for as_of in world.rounds:
        due = [one for one in files if one.handover.received_at <= moment(as_of)]
        files = files[len(due) :]
        take_in(due, place / "deliveries", built, steps, title=f"报送入库，至{as_of:%Y年%m月}")
        if books is None or books:
            hold_round(world, as_of, built, steps, books)
    with _timed(built, "accounts"):
        accounts.create(world)
        wires.connect(at=moment(today))
    with _timed(built, "filings"), steps.step("自主填报", None):
        filings.make(world)
    with _timed(built, "columnar"), steps.step("写列式副本", None):
        columnar.sync()
    return built


def take_in(files: list[DeliveryFile], folder: Path, built: Built, steps: Steps, *, title: str) -> list[DeliveryResult]:
    """Hand every file over in order, as its source, on its day."""
    results = []
    with _timed(built, "deliver"), steps.step(title, sum(one.rows for one in files)) as advance:
        for one in files:
            at = one.handover.received_at
            if not Source.objects.filter(code=one.source.code).exists():
                register_source(**asdict(one.source), kind="file", actor=ACTOR, at=at)
            result = deliver(
                path=folder / one.path,
                source=one.source.code,
                item=one.item,
                kind=one.kind,
                relation=one.relation,
                received_at=at,
                actor=ACTOR,
                scope=Scope.system("demo"),
                way=one.way,
            )
            results.append(result)
            built.accepted += result.accepted
            built.queried += result.queried
            built.duplicate += result.duplicate
            advance(one.rows)
    return results


LATER: tuple[tuple[str, ...], ...] = ((construction.FIRM,), (construction.JOINT,))
"""Books that read standings of the same day, after those that they read."""


def hold_round(world: World, as_of: date, built: Built, steps: Steps, books: Collection[str] | None = None) -> None:
    """Run the books that have planted answers for ``as_of``, and publish those that rate subjects."""
    wanted = [book for book, day in world.plan.days() if day == as_of and (books is None or book in books)]
    later = {book for several in LATER for book in several}
    stages = [[book for book in wanted if book not in later]]
    stages += [[book for book in several if book in wanted] for several in LATER]
    at = moment(as_of)
    with steps.step(f"{as_of.year} 年评价批次：运行并发布", len(wanted)) as advance:
        for several in stages:
            if several:
                _run_and_publish(several, as_of, at, built, advance)


def _run_and_publish(books: list[str], as_of: date, at: datetime, built: Built, advance: Advance) -> None:
    with _timed(built, "columnar"):
        columnar.sync()
    with _timed(built, "run"):
        made = run_books(books, as_of=as_of, known_at=at, actor=ACTOR, at=at, sync=False)
    with _timed(built, "publish"):
        source = register_source(code=PUBLISHER, title="信路评价", organ="zj", kind="xinlu", actor=ACTOR, at=at)
        for run in made:
            built.runs += 1
            if current.library().rulebooks[run.book][-1].rates.subject is not None:
                published = publish(run, source=source, actor=ACTOR, at=at, effective_from=as_of, jurisdiction="zj")
                built.standings += published.standings
            advance(1)


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
                "received": one.handover.received_at.date().isoformat(),
                "carries": one.carries,
                "rows": one.rows,
                "queried": one.queried,
                "duplicate": one.duplicate,
                "mistakes": [{"name": m.name, "code": m.code} for m in one.mistakes],
            }
            for one in files
        ],
        "books": world.plan.manifest(),
        "replays": [
            {"book": one.book, "as_of": one.as_of.isoformat(), "unit": one.unit, "answers": one.answers}
            for one in world.replays
        ],
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
