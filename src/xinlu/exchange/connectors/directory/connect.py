"""Read a folder of this machine: a drop folder, a mounted share, what a gateway (网闸) leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import ClassVar

from xinlu.exchange.connectors.contract import Reached, Secrets
from xinlu.exchange.connectors.files import Entry, Files, FolderSettings
from xinlu.exchange.connectors.trouble import trouble


class DirectorySettings(FolderSettings):
    """Keys of a connection to a folder of this machine; ``folder`` is its path."""


class Directory:
    """A folder of files on this machine or on a mounted share."""

    title: ClassVar[str] = "文件夹"
    Settings: ClassVar[type[DirectorySettings]] = DirectorySettings

    @staticmethod
    @contextmanager
    def reach(settings: DirectorySettings, secrets: Secrets) -> Iterator[Reached]:  # noqa: ARG004 there are none
        """Open the folder.

        Raises:
            Trouble: PU-007, there is none or it may not be read.
        """
        folder = Path(settings.folder)
        try:
            if not folder.is_dir():
                raise trouble("PU-007", f"没有文件夹“{folder.name}”")
            next(folder.iterdir(), None)
        except OSError as error:
            raise trouble("PU-007", f"文件夹“{folder.name}”不能读（{error.strerror}）") from None
        yield Files(_Folder(folder), settings, clock=time.time)


class _Folder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def listing(self) -> list[Entry]:
        try:
            found = [self.look(path.name) for path in self.folder.iterdir()]
        except OSError as error:
            raise trouble("PU-012", f"文件夹读不下去（{error.strerror}）") from None
        return [one for one in found if one is not None]

    def look(self, name: str) -> Entry | None:
        try:
            # A link could lead out of the folder.
            found = (self.folder / name).lstat()
        except OSError:
            return None
        return Entry(name, found.st_size, found.st_mtime_ns / 1e9) if S_ISREG(found.st_mode) else None

    def read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise trouble("PU-012", f"文件“{name}”读不下去（{error.strerror}）", file=name) from None
