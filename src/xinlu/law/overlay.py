"""A folder of law with some files in place of others: how a draft, or what was published later, is read.

The base is never touched. A reader of law reads folders; so what is to be read is laid out as one.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath


def overlay(base: Path, target: Path, files: Mapping[str, str]) -> Path:
    """Copy ``base`` to ``target`` (which must not exist), then write ``files`` (relative path → text) over it.

    Raises:
        ValueError: a path that leads out of the folder.
    """
    shutil.copytree(base, target)
    for name, text in files.items():
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts:
            raise ValueError(f"{name!r} leads out of the folder of law")
        path = target / pure
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
    return target
