"""The law that the running system works with: the shipped folder, and over it what was published at run time.

``XINLU_STANDARDS`` is the first edition and is never written. Each publication lays out the whole law as a folder
under ``XINLU_VAR/law/``, named after the digest of what is in it, and then moves the pointer ``current.txt``. Every
process looks at the pointer, so that all pages, runs and commands change to a new version at the same moment.
The database is the truth: :func:`restore` lays the folder out again from it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from xinlu.gazette.models import Edition, LawFile
from xinlu.journal.digest import canonical, sm3
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import Library, load
from xinlu.law.overlay import overlay

POINTER = "current.txt"

_loaded: dict[Path, Library] = {}
_installed: list[Library] = []


def library() -> Library:
    """All law files in use; reading them takes a moment the first time."""
    if _installed:
        return _installed[-1]
    place = folder()
    if place not in _loaded:
        _loaded.clear()
        _loaded[place] = load(place)
    return _loaded[place]


def catalogue() -> Catalogue:
    """The catalogue in use."""
    return library().catalogue


def folder() -> Path:
    """Where the law in use lies: the shipped folder until something was published at run time."""
    try:
        named = (laid_out() / POINTER).read_text(encoding="ascii").strip()
    except OSError:
        return Path(settings.STANDARDS)
    place = laid_out() / named / Path(settings.STANDARDS).name
    return place if named and place.is_dir() else Path(settings.STANDARDS)


def laid_out() -> Path:
    """The folder under which published law is laid out."""
    return Path(settings.VAR) / "law"


def amendments() -> dict[str, str]:
    """Path → text of every file that was published at run time; of several of one path, the last."""
    rows = LawFile.objects.filter(edition__state=Edition.State.PUBLISHED).exclude(edition__plane="")
    ordered = rows.order_by("edition__published_at", "edition", "path")
    return dict(ordered.values_list("path", "content"))


def restore() -> Path:
    """Lay out the law that the database holds as published, point at it, and give its folder.

    Does nothing where it lies there already; without publications the shipped folder is in use.
    """
    files = amendments()
    pointer = laid_out() / POINTER
    if not files:
        pointer.unlink(missing_ok=True)
        return Path(settings.STANDARDS)
    base = Path(settings.STANDARDS)
    name = _name(base, files)
    place = laid_out() / name / base.name
    if not _is_whole(place, base, files):
        draft = laid_out() / f"{name}.{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        overlay(base, draft / base.name, files)
        shutil.rmtree(place.parent, ignore_errors=True)
        draft.rename(place.parent)
        _loaded.pop(place, None)
    if folder() != place:
        written = pointer.with_name(f"{POINTER}.{os.getpid()}")
        written.write_text(name, encoding="ascii")
        written.replace(pointer)
    return place


def is_restored() -> bool:
    """Whether the law that is read is what the database holds as published, file by file."""
    files, base = amendments(), Path(settings.STANDARDS)
    place = folder()
    return _is_whole(place, base, files) if files else place == base


def install(replacement: Library | None) -> None:
    """Use ``replacement`` in this process until None is installed: for trials and tests."""
    _installed.clear()
    if replacement is not None:
        _installed.append(replacement)


def forget() -> None:
    """Read the files again at the next question, after they have changed."""
    _loaded.clear()


def _name(base: Path, files: Mapping[str, str]) -> str:
    told = {path.relative_to(base).as_posix(): sm3(path.read_bytes()) for path in _files(base)}
    return sm3(canonical({**told, **{path: sm3(text) for path, text in files.items()}}))[:24]


def _is_whole(place: Path, base: Path, files: Mapping[str, str]) -> bool:
    """Whether a folder holds exactly what it should: somebody may have edited it."""
    if not place.is_dir():
        return False
    wanted = {path.relative_to(base).as_posix(): path.read_bytes() for path in _files(base)}
    wanted |= {path: text.encode() for path, text in files.items()}
    return wanted == {path.relative_to(place).as_posix(): path.read_bytes() for path in _files(place)}


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())
