"""The folder of a partial run: what was computed again, beside the run that it stands on.

::

    delta.json    the folder of the run it stands on (a whole run, or another partial one)
    units.npy     the units that were computed again, rated or not
    run.json, findings/, entries/   their rows, as in the folder of a whole run (:mod:`xinlu.engine.kept`)

Readers take the newest: a unit that is named here from here, every other one from below. Read together they are what
a whole run would have written.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xinlu.engine.kept import RESULTS, Kept, write_shelves
from xinlu.engine.reckon import Result

NAME: Final = "delta.json"
UNITS: Final = "units.npy"
DEEPEST: Final = 30
"""So many partial runs may stand on one another; then a whole run is due."""


class TooDeep(ValueError):
    """Too many partial runs stand on one another."""


@dataclass(frozen=True)
class Delta:
    """A partial run over the one below."""

    own: Kept
    below: AnyRun

    @classmethod
    def read(cls, folder: Path) -> Delta:
        """The partial run in ``folder``. Raises ``OSError`` where none is, or where what it stands on is gone."""
        stored = json.loads((folder / NAME).read_text(encoding="utf-8"))
        return cls(Kept.read(folder), read_run(folder / stored["below"]))

    @property
    def book(self) -> str:
        """The book that was run."""
        return self.own.book

    @property
    def shelves(self) -> int:
        """Shelves of the results."""
        return self.own.shelves

    @cached_property
    def units(self) -> npt.NDArray[np.int64]:
        """The units that were computed again, in order."""
        found: npt.NDArray[np.int64] = np.load(self.own.folder / UNITS, mmap_mode="r")
        return found

    @property
    def depth(self) -> int:
        """How many partial runs stand on one another here."""
        return 1 + (self.below.depth if isinstance(self.below, Delta) else 0)

    def names(self, unit: int) -> bool:
        """Whether a unit was computed again."""
        place = int(np.searchsorted(self.units, unit))
        return place < len(self.units) and int(self.units[place]) == unit

    def of_unit(self, name: str, unit: int) -> pa.Table:
        """Rows of one unit in canonical order: the newest."""
        return (self.own if self.names(unit) else self.below).of_unit(name, unit)

    def shelf(self, name: str, shelf: int) -> pa.Table:
        """Rows of one shelf in canonical order."""
        below = shelf_rows(self.below, name, shelf)
        old = below.filter(pc.invert(pc.is_in(below["unit"], value_set=pa.array(self.units))))
        rows = pa.concat_tables([old, shelf_rows(self.own, name, shelf)]).combine_chunks()
        return rows.take(pa.array(np.argsort(rows["unit"].to_numpy(), kind="stable")))

    def tables(self, name: str) -> Iterator[pa.Table]:
        """All rows, shelf by shelf, as a whole run has them."""
        for shelf in range(self.shelves):
            rows = self.shelf(name, shelf)
            if rows.num_rows:
                yield rows

    def table(self, name: str) -> pa.Table:
        """All rows at once, by shelf."""
        return pa.concat_tables([RESULTS[name].empty_table(), *self.tables(name)])


AnyRun: TypeAlias = "Kept | Delta"


def read_run(folder: Path) -> AnyRun:
    """The run in ``folder``, whole or partial. Raises ``OSError`` where none is."""
    return Delta.read(folder) if (folder / NAME).exists() else Kept.read(folder)


def shelf_rows(run: AnyRun, name: str, shelf: int) -> pa.Table:
    """Rows of one shelf of a run, with the types of the schema."""
    if isinstance(run, Delta):
        return run.shelf(name, shelf)
    written = run.of(name).get(shelf)
    if written is None:
        return RESULTS[name].empty_table()
    return pq.read_table(run.folder / written.file).cast(RESULTS[name])


def write_delta(folder: Path, below: AnyRun, result: Result, units: npt.NDArray[np.int64]) -> Delta:
    """Write what was computed again of ``units`` into ``folder``, on top of ``below``; it appears whole or not at all.

    ``result``: rows of these units alone, in canonical order. Raises :class:`TooDeep` where a whole run is due.
    """
    if isinstance(below, Delta) and below.depth >= DEEPEST:
        raise TooDeep(f"{DEEPEST} partial runs stand on one another")
    draft = folder.with_name(f"{folder.name}.draft-{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        files = {}
        for name, rows in (("findings", result.findings), ("entries", result.entries)):
            # The same arithmetic as shelf_of, for all rows at once.
            order = np.argsort(rows["unit"].to_numpy() % below.shelves, kind="stable")
            laid = rows.take(pa.array(order)) if below.shelves > 1 else rows
            files[name] = write_shelves(
                laid.cast(RESULTS[name]).to_batches(), RESULTS[name], draft, name, below.shelves
            )
        own = below.own if isinstance(below, Delta) else below
        present = len(pc.unique(result.findings["unit"]))
        Kept(draft, own.book, own.versions, present, below.shelves, **files).write()
        np.save(draft / UNITS, np.sort(units))
        where = own.folder
        told = {"format": 1, "below": os.path.relpath(where, folder)}
        (draft / NAME).write_text(json.dumps(told, indent=1), encoding="utf-8")
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return Delta.read(folder)
