"""The editions of the catalogue: what was in force one after the other, and what a draft would make of it."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from xinlu.gazette.candidate import candidate
from xinlu.gazette.models import Edition, LawFile
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import load_catalogue

FIRST = "first"
"""Key of the edition that ships."""


@dataclass(frozen=True)
class Past:
    """One edition: ``key`` names it in addresses, ``edition`` is None of the one that ships."""

    key: str
    version: str
    edition: Edition | None
    published_at: datetime | None = None


def editions() -> tuple[Past, ...]:
    """Every edition that is or was in force, oldest first."""
    shipped = Past(FIRST, load_catalogue(Path(settings.STANDARDS)).edition, None)
    rows = Edition.objects.filter(plane=Edition.Plane.CATALOGUE, state=Edition.State.PUBLISHED)
    later = rows.select_related("author", "publisher").order_by("published_at", "pk")
    return (shipped, *(Past(str(one.pk), one.version, one, one.published_at) for one in later))


def catalogue_of(past: Past) -> Catalogue:
    """The whole catalogue as it was with this edition."""
    files: dict[str, str] = {}
    if past.edition is not None:
        rows = LawFile.objects.filter(
            edition__state=Edition.State.PUBLISHED,
            edition__plane=Edition.Plane.CATALOGUE,
            edition__published_at__lte=past.edition.published_at,
        ).order_by("edition__published_at", "edition")
        files = {path: text for path, text in rows.values_list("path", "content") if path.startswith("catalogue/")}
    folder = Path(tempfile.mkdtemp(prefix="xinlu-edition-"))
    try:
        shutil.copytree(Path(settings.STANDARDS) / "catalogue", folder / "catalogue")
        for path, text in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode())
        return load_catalogue(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def drafted_catalogue(edition: Edition) -> Catalogue:
    """The catalogue with a draft in it; what cannot be read of the draft is not there."""
    with candidate(edition) as law:
        return law.catalogue
