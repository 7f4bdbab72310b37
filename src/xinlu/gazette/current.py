"""The law that the running system works with: one library, read once.

``install`` lets a test or a trial put another library in its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from xinlu.law.catalogue import Catalogue

_installed: Any = None
_loaded: dict[Path, Any] = {}


def library() -> Any:
    """The :class:`xinlu.law.library.Library` of ``XINLU_STANDARDS``, read on first use."""
    if _installed is not None:
        return _installed
    folder = Path(settings.STANDARDS)
    if folder not in _loaded:
        from xinlu.law.library import load

        _loaded[folder] = load(folder)
    return _loaded[folder]


def catalogue() -> Catalogue:
    """The catalogue of the library."""
    found: Catalogue = library().catalogue
    return found


def install(replacement: Any) -> Any:
    """Use ``replacement`` (anything with the parts that are read; None for the shipped law). Gives what it replaced."""
    global _installed
    before, _installed = _installed, replacement
    return before
