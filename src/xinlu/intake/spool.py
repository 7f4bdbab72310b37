"""Lines of a file on their way to being judged, kept on disk so that a delivery of any size needs little memory.

A delivery is read once, whole, before the first row is judged: so what is wrong with the file as such is known before
anything is written, and the rows can be gone through again.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Generic, TypeVar

BATCH = 250
HELD = 2
"""Batches that stay in memory: most files are small, and need no file beside them."""

_T = TypeVar("_T")


class Spool(Generic[_T]):
    """A long list that is filled once and can be gone through any number of times.

    >>> several = Spool(range(3000))
    >>> len(several), list(several) == list(range(3000)), next(iter(several))
    (3000, True, 0)
    """

    def __init__(self, parts: Iterable[_T] = ()) -> None:
        self._batches: list[list[_T]] = []
        self._open: list[_T] = []
        self._file: IO[bytes] | None = None
        self._places: list[tuple[int, int]] = []
        self._count = 0
        for one in parts:
            self.add(one)

    def add(self, one: _T) -> None:
        """Put ``one`` behind the others."""
        self._open.append(one)
        self._count += 1
        if len(self._open) == BATCH:
            self._put(self._open)
            self._open = []

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[_T]:
        for batch in self._batches:
            yield from batch
        for place, length in self._places:
            assert self._file is not None
            self._file.seek(place)
            # Written by this process into a file without a name.
            yield from pickle.loads(self._file.read(length))  # noqa: S301
        yield from self._open

    def _put(self, batch: list[_T]) -> None:
        if len(self._batches) < HELD:
            self._batches.append(batch)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="xinlu-")  # noqa: SIM115
        data = pickle.dumps(batch, protocol=pickle.HIGHEST_PROTOCOL)
        place = self._file.seek(0, 2)
        self._file.write(data)
        self._places.append((place, len(data)))


class Texts:
    """Texts by number, as many as a workbook shares: those beyond a few megabytes wait on disk.

    >>> texts = Texts()
    >>> texts.add("甲"), texts.add("乙"), texts[1]
    (None, None, '乙')
    """

    IN_MEMORY = 1_000_000
    """Signs."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._size = 0
        self._file: IO[bytes] | None = None
        self._ends: list[int] = [0]

    def add(self, text: str) -> None:
        """Put ``text`` behind the others."""
        if self._size < self.IN_MEMORY:
            self._held.append(text)
            self._size += len(text) + 30
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="xinlu-", buffering=1 << 20)  # noqa: SIM115
        data = text.encode()
        self._file.write(data)
        self._ends.append(self._ends[-1] + len(data))

    def __len__(self) -> int:
        return len(self._held) + len(self._ends) - 1

    def __getitem__(self, number: int) -> str:
        if 0 <= number < len(self._held):
            return self._held[number]
        place = number - len(self._held)
        if self._file is None or not 0 <= place < len(self._ends) - 1:
            raise IndexError(number)
        self._file.seek(self._ends[place])
        return self._file.read(self._ends[place + 1] - self._ends[place]).decode()
