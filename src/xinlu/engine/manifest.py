"""The manifest of a columnar copy: which files hold the province, and up to which change.

``<copy>/manifest.json`` names the change up to which the copy is complete, the number of shelves, and for each table
its base files by shelf and its later files. Files lie in ``<copy>/<table>/`` and are never written twice, so a reader
who holds a manifest reads one state of the whole province, whatever is written meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from xinlu.engine.shelves import Shelved, kept_by
from xinlu.law.catalogue import Catalogue

FORMAT: Final = 2
NAME: Final = "manifest.json"
SUBJECT_KEY: Final = ("subject", "valid_from", "recorded_at")
RELATION_KEY: Final = ("relation", "from_subject", "to_subject", "valid_from", "recorded_at")
RECORD_KEY: Final = ("record", "recorded_at")


@dataclass(frozen=True)
class Files:
    """Names of the files of one table: base by shelf, later ones oldest first."""

    base: Mapping[int, Sequence[str]] = field(default_factory=dict)
    later: Sequence[str] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, base by shelf first."""
        return (*(one for _, several in sorted(self.base.items()) for one in several), *self.later)


@dataclass(frozen=True)
class Manifest:
    """What a copy holds: complete up to ``change``, on ``shelves`` shelves.

    ``shape`` is a digest of all schemas: when the catalogue changes, everything is written anew.
    """

    change: int = 0
    shape: str = ""
    shelves: int = 1
    tables: Mapping[str, Files] = field(default_factory=dict)

    def text(self) -> str:
        """The manifest as it is stored."""
        tables = {
            name: {
                "base": {str(shelf): list(found) for shelf, found in sorted(files.base.items())},
                "later": list(files.later),
            }
            for name, files in sorted(self.tables.items())
        }
        head = {"format": FORMAT, "change": self.change, "shape": self.shape, "shelves": self.shelves}
        return json.dumps({**head, "tables": tables}, indent=1)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of ``folder``; an empty one where there is none, or one of another format."""
        try:
            stored = json.loads((folder / NAME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        if stored["format"] != FORMAT:
            return cls()
        tables = {
            name: Files({int(shelf): tuple(found) for shelf, found in one["base"].items()}, tuple(one["later"]))
            for name, one in stored["tables"].items()
        }
        return cls(stored["change"], stored["shape"], stored["shelves"], tables)

    def shelved(self, folder: Path, catalogue: Catalogue) -> dict[str, Shelved]:
        """Table → its files under ``folder``, as the engine reads them; without tables that ``catalogue`` lacks."""
        known = {
            "relation",
            *(f"subject_{kind}" for kind in catalogue.kinds),
            *(f"item_{item}" for item in catalogue.items),
        }
        return {name: self._shelved(folder / name, name, catalogue) for name in self.tables if name in known}

    def _shelved(self, folder: Path, table: str, catalogue: Catalogue) -> Shelved:
        files = self.tables[table]
        key, by = identity(table, catalogue)
        return Shelved(
            self.shelves,
            {shelf: tuple(str(folder / one) for one in found) for shelf, found in files.base.items()},
            tuple(str(folder / one) for one in files.later),
            key=key,
            kept_by=by,
        )


def identity(table: str, catalogue: Catalogue) -> tuple[Sequence[str], str]:
    """Columns that identify a row of a table, and SQL of the number it is kept by."""
    if table == "relation":
        return RELATION_KEY, "from_subject"
    if table.startswith("subject_"):
        return SUBJECT_KEY, "subject"
    return RECORD_KEY, kept_by(catalogue.items[table.removeprefix("item_")])


def order(table: str, catalogue: Catalogue) -> str:
    """SQL of the order of rows inside a file: by the number they are kept by, by time, by what identifies them.

    No two rows are equal in it, so the same rows always make the same file.
    """
    key, by = identity(table, catalogue)
    if table == "relation":
        return "from_subject, relation, to_subject, valid_from, recorded_at"
    if table.startswith("subject_"):
        return ", ".join(key)
    return f"{by}, occurred_on, record, recorded_at"
