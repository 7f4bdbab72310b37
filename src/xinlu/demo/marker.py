"""What says that the demo is built, from what, and that a build was cut short."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from xinlu.registry.models import Subject

State = Literal["built", "older", "cut_short", "foreign", "empty"]
DONE, BEGUN = "built.json", "building.json"


@dataclass(frozen=True)
class Recipe:
    """Everything that a build depends on."""

    seed: int
    scale: float
    today: date
    digest: str
    """Of the law and of the generator."""

    def text(self) -> str:
        """As stored."""
        return json.dumps(asdict(self), default=str)


def recipe(*, seed: int, scale: float, today: date) -> Recipe:
    """The recipe of a build made now."""
    content = hashlib.sha256()
    for path in sorted(_sources()):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return Recipe(seed, scale, today, content.hexdigest())


def _sources() -> Iterator[Path]:
    yield from Path(settings.STANDARDS).rglob("*.yaml")
    yield from Path(__file__).resolve().parent.glob("*.py")


def state(folder: Path, wanted: Recipe) -> State:
    """How things stand: ``built`` by the same recipe, by an ``older`` one, ``cut_short``, a ``foreign`` database
    with subjects of somebody, or ``empty``.
    """
    if (folder / DONE).is_file():
        stored: dict[str, Any] = json.loads((folder / DONE).read_text(encoding="utf-8"))
        return "built" if stored == json.loads(wanted.text()) else "older"
    if (folder / BEGUN).is_file():
        return "cut_short"
    return "foreign" if Subject._base_manager.exists() else "empty"


def begin(folder: Path, made: Recipe) -> None:
    """Note that a build begins on an empty database: what a cut build left may be thrown away."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BEGUN).write_text(made.text(), encoding="utf-8")


def finish(folder: Path) -> None:
    """Note that the build is whole."""
    (folder / BEGUN).replace(folder / DONE)


def clear(folder: Path) -> None:
    """Throw away the demo: its files, the database, the columnar copy and the runs."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3") and str(database["NAME"]) != ":memory:":
        connection.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{database['NAME']}{suffix}").unlink(missing_ok=True)
        call_command("migrate", verbosity=0)
    else:
        call_command("flush", interactive=False, verbosity=0)
    for place in (folder, Path(settings.COLUMNAR), Path(settings.VAR) / "runs"):
        shutil.rmtree(place, ignore_errors=True)
