"""Shelves: rows that belong to one subject lie in one file, whoever wrote them and whoever reads them.

A table that is too big for one file stands on ``shelves`` files: a row lies on shelf ``number % shelves`` of the
subject (or record) it is kept by. Plain arithmetic, so that every engine finds the same shelf. What was written
since the last tidying lies in *later* files, whose rows stand for base rows of the same key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.law.catalogue import Item


def shelf_of(number: int, shelves: int) -> int:
    """The shelf of a subject, record or unit (numbers are never negative).

    >>> shelf_of(130, 64)
    2
    """
    return number % shelves


def kept_by(item: Item) -> str:
    """SQL, over the columns of an item's table, of the number that decides the shelf of a row: the subject in the
    first role, or the record itself where that is missing or a list."""
    first = next(iter(item.roles), None)
    if first is None or first.many:
        return "record"
    return f"coalesce({identifier('role_' + first.name)}, record)"


@dataclass(frozen=True)
class Shelved:
    """One table on shelves.

    ``base``: shelf → files; each file sorted by the number its rows are kept by. ``later``: files by age, oldest first,
    each sorted in the same way over all shelves; a row of a later file stands for every older row of the same ``key``.
    ``kept_by``: SQL of the number that decides the shelf.

    >>> table = Shelved(2, {0: ("a0",), 1: ("a1",)}, ("new",), key=("record", "recorded_at"), kept_by="record")
    >>> table.files
    ('a0', 'a1', 'new')
    """

    shelves: int
    base: Mapping[int, Sequence[str]]
    later: Sequence[str] = ()
    key: Sequence[str] = ("record", "recorded_at")
    kept_by: str = "record"

    @property
    def files(self) -> tuple[str, ...]:
        """Every file, in a fixed order."""
        return (*(str(one) for shelf in sorted(self.base) for one in self.base[shelf]), *map(str, self.later))

    def query(self, shelves: Sequence[int] | None = None) -> str:
        """DuckDB SELECT of the rows that hold, of all shelves or of some."""
        chosen = sorted(self.base) if shelves is None else [one for one in shelves if one in self.base]
        base = [str(file) for shelf in chosen for file in self.base[shelf]]
        parts = []
        if base:
            parts.append(self._without(f"read_parquet([{_listed(base)}])", self.later))
        for index, file in enumerate(self.later):
            own = f"read_parquet({text_literal(str(file))})"
            if shelves is not None and len(chosen) < self.shelves:
                numbers = ", ".join(str(one) for one in shelves) or "NULL"
                own = f"(SELECT * FROM {own} WHERE ({self.kept_by}) % {self.shelves} IN ({numbers}))"
            parts.append(self._without(own, self.later[index + 1 :]))
        if not parts:
            # No file holds a row of these shelves: the columns of any file, and none of its rows.
            return f"SELECT * FROM read_parquet({text_literal(self.files[0])}) WHERE false"
        return " UNION ALL BY NAME ".join(parts)

    def _without(self, rows: str, newer: Sequence[str]) -> str:
        if not newer:
            return f"SELECT * FROM {rows}"
        columns = ", ".join(identifier(one) for one in self.key)
        keys = f"(SELECT {columns} FROM read_parquet([{_listed(newer)}]))"
        matches = " AND ".join(f"n.{identifier(one)} = r.{identifier(one)}" for one in self.key)
        return f"SELECT r.* FROM {rows} r ANTI JOIN {keys} n ON {matches}"


def _listed(files: Sequence[str]) -> str:
    return ", ".join(text_literal(str(one)) for one in files)
