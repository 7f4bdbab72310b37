"""What a folder of files is to a connector, wherever it lies: which files wait, and reading one whole or not at all.

A file is taken

1. when its name fits the pattern, and it is neither hidden nor half-written by name (``.part``, ``.tmp`` …);
2. when it has not changed for ``settle_seconds``; where ``marker`` is set, when the marker file lies beside it;
3. when size and time are the same before and after it was read, and just so many bytes came.

Otherwise it waits for the next pull. Files are told apart by name, size and time: a file that is written anew under
its old name is another one, and a late file with an old date is not overlooked. Nothing is moved, renamed or deleted
at the other end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import Protocol

from pydantic import Field

from xinlu.exchange.connectors.contract import Memory, Parcel, Postponed, Settings
from xinlu.exchange.connectors.trouble import trouble
from xinlu.intake.sheet import COMMAND
from xinlu.journal.digest import sm3

MEGABYTE = 1024 * 1024
NONSENSE = -86_400.0
"""A file dated more than a day ahead has a wrong date; one less far ahead, a clock that is fast: it waits."""
UNFINISHED = (".part", ".tmp", ".temp", ".filepart", ".crdownload", ".swp", "~")


class FolderSettings(Settings):
    """Keys of every connection to a folder of files."""

    folder: str
    pattern: str = "*"
    """Names of files that are taken: ``*.csv``, ``CF_*.xlsx``; sub-folders are not looked into."""
    settle_seconds: int = Field(default=60, ge=0)
    """A file that changed within so many seconds waits."""
    marker: str = ""
    """Ending of a file that says that another is finished: with ``.ok``, ``a.csv`` waits for ``a.csv.ok``."""


@dataclass(frozen=True)
class Entry:
    """A file as a listing tells it."""

    name: str
    size: int
    changed_at: float
    """Seconds since 1970; of most servers, whole ones."""

    @property
    def fingerprint(self) -> str:
        """Name, size and time, as one sign."""
        return sm3(f"{self.name}|{self.size}|{self.changed_at!r}")[:40]


class Folder(Protocol):
    """A folder of files somewhere."""

    def listing(self) -> list[Entry]:
        """Regular files of the folder; no links, no sub-folders."""
        ...

    def look(self, name: str) -> Entry | None:
        """One file as it is now; None when it is gone."""
        ...

    def read(self, name: str) -> bytes:
        """Its bytes."""
        ...


@dataclass
class Files:
    """A folder that can be asked what waits. ``clock`` gives seconds since 1970."""

    folder: Folder
    settings: FolderSettings
    clock: Callable[[], float]

    def waiting(self, memory: Memory, *, start: str | None = None) -> Iterator[Parcel | Postponed]:
        """Files that were not handed over, oldest first; with ``start`` (a day) all files since then, once more."""
        entries = self.folder.listing()
        names = {one.name for one in entries}
        since = _day(start) if start is not None else None
        wanted = [one for one in entries if self._fits(one.name)]
        for one in sorted(wanted, key=lambda one: (one.changed_at, one.name)):
            again = since is not None and one.changed_at >= since
            if one.fingerprint in memory.done and not again:
                continue
            yield self._taken(one, names)

    def _fits(self, name: str) -> bool:
        marker = self.settings.marker
        hidden = name.startswith((".", "~")) or name.lower().endswith(UNFINISHED)
        return not hidden and not (marker and name.endswith(marker)) and fnmatch(name, self.settings.pattern)

    def _taken(self, one: Entry, names: set[str]) -> Parcel | Postponed:
        if self.settings.marker and f"{one.name}{self.settings.marker}" not in names:
            return Postponed(one.name, "PU-015", f"没有标记文件“{one.name}{self.settings.marker}”")
        age = self.clock() - one.changed_at
        if NONSENSE < age < self.settings.settle_seconds:
            return Postponed(one.name, "PU-008", f"文件在 {self.settings.settle_seconds} 秒之内还有改动")
        if one.size > COMMAND.size:
            return Postponed(one.name, "PU-013", f"文件 {one.size // MEGABYTE} MB，超过 {COMMAND.size // MEGABYTE} MB")
        data = self.folder.read(one.name)
        after = self.folder.look(one.name)
        if after != one or len(data) != one.size:
            return Postponed(one.name, "PU-008", "文件在读取时有改动，读到的内容没有采用")
        return Parcel(one.name, one.fingerprint, data=data, mark={"newest": one.changed_at})


def _day(text: str) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise trouble("PU-002", f"“{text}”不是日期，应写成 2026-06-30") from None
