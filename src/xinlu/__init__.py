"""Xinlu 信路: a transport authority's credit regulations, run as dated files.

Rooms are sub-packages, one floor each; ``docs/architecture.md`` draws them.
This module holds the facts that every room may ask: the version of the program,
where the shipped law lies, and what an installation leaves behind and goes by.
"""

from __future__ import annotations

import os
from pathlib import Path

__version__ = "0.1.0"

_PACKAGE = Path(__file__).resolve().parent


def standards_folder() -> Path:
    """Return the folder with the law files (``standards/``).

    Order: the environment variable ``XINLU_STANDARDS``; the folder at the root
    of a source checkout; the copy inside an installed package.

    >>> standards_folder().name
    'standards'
    """
    named = os.environ.get("XINLU_STANDARDS")
    if named:
        return Path(named).resolve()
    checkout = _PACKAGE.parent.parent / "standards"
    if checkout.is_dir() and (_PACKAGE.parent.parent / "pyproject.toml").is_file():
        return checkout
    return _PACKAGE / "standards"


def var_folder() -> Path:
    """Return the folder of what a run leaves behind.

    Order: the environment variable ``XINLU_VAR``; ``var`` at the root of a
    source checkout; ``~/.local/share/xinlu``.
    """
    named = os.environ.get("XINLU_VAR")
    if named:
        return Path(named).resolve()
    if (_PACKAGE.parent.parent / "pyproject.toml").is_file():
        return _PACKAGE.parent.parent / "var"
    return Path.home() / ".local" / "share" / "xinlu"


def published_folder() -> Path | None:
    """Return the folder with the law that was published at run time, all of it; None before the first publication.

    :mod:`xinlu.gazette.current` lays it out; commands without a database read it, too.
    """
    laid_out = var_folder() / "law"
    try:
        place = laid_out / (laid_out / "current.txt").read_text(encoding="ascii").strip() / standards_folder().name
    except OSError:
        return None
    return place if place.is_dir() else None
