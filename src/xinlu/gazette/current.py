"""The law that the running system works with: one library, read once from ``XINLU_STANDARDS``."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from xinlu.law.catalogue import Catalogue
from xinlu.law.library import Library, load

_loaded: dict[Path, Library] = {}
_installed: list[Library] = []


def library() -> Library:
    """All law files in use; reading them takes a moment the first time."""
    if _installed:
        return _installed[-1]
    folder = Path(settings.STANDARDS)
    if folder not in _loaded:
        _loaded[folder] = load(folder)
    return _loaded[folder]


def catalogue() -> Catalogue:
    """The catalogue in use."""
    return library().catalogue


def install(replacement: Library | None) -> None:
    """Use ``replacement`` in this process until None is installed: for trials and tests."""
    _installed.clear()
    if replacement is not None:
        _installed.append(replacement)


def forget() -> None:
    """Read the files again at the next question, after they have changed."""
    _loaded.clear()
