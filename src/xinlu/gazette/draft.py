"""Draft an edition from a folder of law files, and load the first one that ships."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.gazette.models import Edition, LawFile
from xinlu.gazette.publish import publish
from xinlu.gazette.seal import edition_digest
from xinlu.journal.append import append
from xinlu.journal.digest import sm3

SUFFIXES = (".yaml", ".yml", ".csv", ".json")


@transaction.atomic
def draft_edition(folder: Path, *, title: str, author: Person, at: datetime) -> Edition:
    """Take every law file under ``folder`` into a draft, word for word."""
    files = [_file(folder, path) for path in _paths(folder)]
    edition = Edition.objects.create(
        title=title,
        author=author,
        drafted_at=at,
        digest=edition_digest({file.path: file.digest for file in files}),
    )
    for file in files:
        file.edition = edition
    LawFile.objects.bulk_create(files, batch_size=500)
    append(
        actor=Scope.of(author).actor,
        verb="gazette.edition.drafted",
        obj=f"gazette.edition:{edition.pk}",
        facts={"digest": edition.digest, "files": len(files)},
        at=at,
    )
    return edition


@transaction.atomic
def load_edition(folder: Path, *, title: str, author: Person, publisher: Person, at: datetime) -> Edition:
    """Draft and publish the law files under ``folder``; gives the edition that is there already for equal files."""
    digests = {path.relative_to(folder).as_posix(): sm3(path.read_bytes()) for path in _paths(folder)}
    known = Edition.objects.filter(digest=edition_digest(digests), state=Edition.State.PUBLISHED).first()
    if known is not None:
        return known
    edition = draft_edition(folder, title=title, author=author, at=at)
    return publish(edition, publisher=publisher, at=at)


def _paths(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in SUFFIXES)


def _file(folder: Path, path: Path) -> LawFile:
    raw = path.read_bytes()
    content = raw.decode("utf-8")
    head = _head(path, content)
    plane, identity = _identity(folder, path, head)
    period = head.get("in_force")
    days = period if isinstance(period, dict) else {}
    return LawFile(
        plane=plane,
        identity=identity,
        version=str(head.get("version", "")),
        valid_from=_day(days.get("from")),
        valid_until=_day(days.get("until")),
        path=path.relative_to(folder).as_posix(),
        content=content,
        digest=sm3(raw),
    )


def _head(path: Path, content: str) -> Mapping[str, Any]:
    if path.suffix not in (".yaml", ".yml"):
        return {}
    loaded = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return loaded if isinstance(loaded, dict) else {}


def _identity(folder: Path, path: Path, head: Mapping[str, Any]) -> tuple[str, str]:
    planes = {
        "rulebook": LawFile.Plane.RULEBOOK,
        "procedure": LawFile.Plane.PROCEDURE,
        "item": LawFile.Plane.CATALOGUE,
    }
    # A file of cases names its book too, but it is not the book.
    if not path.name.endswith(("cases.yaml", "cases.yml")):
        for key, plane in planes.items():
            if isinstance(head.get(key), str):
                return plane, head[key]
    relative = path.relative_to(folder).as_posix()
    inside = relative.startswith("catalogue/")
    return (LawFile.Plane.CATALOGUE if inside else LawFile.Plane.OTHER), relative


def _day(value: object) -> date | None:
    if isinstance(value, str):
        return date.fromisoformat(value)
    return value if isinstance(value, date) else None
