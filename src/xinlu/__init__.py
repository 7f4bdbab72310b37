"""Xinlu 信路: a transport authority's credit regulations, run as dated files.

Rooms are sub-packages, one floor each; ``docs/architecture.md`` draws them.
This module holds the two facts that every room may ask: the version of the
program, and where the shipped law lies.
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
