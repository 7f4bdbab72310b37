"""A folder of files: taken whole or not at all, each once, nothing changed at the other end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xinlu.exchange.connectors.contract import Memory, Parcel, Postponed, SecretName
from xinlu.exchange.connectors.directory.connect import Directory, DirectorySettings
from xinlu.exchange.connectors.files import Entry, Files, FolderSettings
from xinlu.exchange.connectors.trouble import Trouble

NOW = 1_750_000_000.0


class Shelf:
    """A folder in memory; ``meanwhile`` runs after each reading, as somebody who writes at the same time."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, float]] = {}
        self.cut: dict[str, int] = {}
        self.meanwhile = lambda: None

    def put(self, name: str, data: bytes = b"a,b\n1,2\n", *, age: float = 3600) -> None:
        self.files[name] = (data, NOW - age)

    def listing(self) -> list[Entry]:
        return [found for name in self.files if (found := self.look(name))]

    def look(self, name: str) -> Entry | None:
        found = self.files.get(name)
        return Entry(name, len(found[0]), found[1]) if found else None

    def read(self, name: str) -> bytes:
        data = self.files[name][0]
        self.meanwhile()
        return data[: self.cut.get(name, len(data))]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def waiting(shelf: Shelf, *, done: tuple[str, ...] = (), start: str | None = None, **settings: object) -> list:
    files = Files(shelf, FolderSettings(folder="out", **settings), clock=lambda: NOW)
    return list(files.waiting(Memory(done=frozenset(done)), start=start))


def names(found: list) -> list[str]:
    return [one.name for one in found if isinstance(one, Parcel)]


def codes(found: list) -> dict[str, str]:
    return {one.name: one.code for one in found if isinstance(one, Postponed)}


def test_files_come_oldest_first_with_all_their_bytes(shelf: Shelf) -> None:
    shelf.put("b.csv", b"new", age=100)
    shelf.put("a.csv", b"old", age=200)
    found = waiting(shelf)
    assert [(one.name, one.data) for one in found] == [("a.csv", b"old"), ("b.csv", b"new")]


def test_what_was_handed_over_does_not_come_again_until_it_changes(shelf: Shelf) -> None:
    shelf.put("a.csv", age=200)
    (first,) = waiting(shelf)
    assert waiting(shelf, done=(first.fingerprint,)) == []
    shelf.put("a.csv", b"written anew", age=100)
    assert names(waiting(shelf, done=(first.fingerprint,))) == ["a.csv"]


def test_a_late_file_with_an_old_date_is_not_overlooked(shelf: Shelf) -> None:
    shelf.put("today.csv", age=100)
    (first,) = waiting(shelf)
    shelf.put("copied-with-its-old-date.csv", age=86_400 * 30)
    assert names(waiting(shelf, done=(first.fingerprint,))) == ["copied-with-its-old-date.csv"]


def test_a_file_that_has_just_changed_waits(shelf: Shelf) -> None:
    shelf.put("fresh.csv", age=10)
    assert codes(waiting(shelf)) == {"fresh.csv": "PU-008"}
    assert names(waiting(shelf, settle_seconds=10)) == ["fresh.csv"]


def test_a_file_that_changes_while_it_is_read_is_not_taken(shelf: Shelf) -> None:
    shelf.put("a.csv", b"1,2\n", age=200)
    shelf.meanwhile = lambda: shelf.put("a.csv", b"1,2\n3,4\n", age=200)
    assert codes(waiting(shelf)) == {"a.csv": "PU-008"}
    shelf.meanwhile = lambda: None
    assert names(waiting(shelf)) == ["a.csv"]


def test_a_file_of_which_less_came_than_it_holds_is_not_taken(shelf: Shelf) -> None:
    shelf.put("a.csv", b"1234567890")
    shelf.cut["a.csv"] = 5
    assert codes(waiting(shelf)) == {"a.csv": "PU-008"}


def test_a_file_that_vanishes_while_it_is_read_is_not_taken(shelf: Shelf) -> None:
    shelf.put("a.csv")
    shelf.meanwhile = lambda: shelf.files.clear()
    assert codes(waiting(shelf)) == {"a.csv": "PU-008"}


def test_a_wrong_date_far_ahead_keeps_no_file_waiting_for_ever(shelf: Shelf) -> None:
    shelf.put("fast-clock.csv", age=-300)
    shelf.put("wrong-date.csv", age=-86_400 * 40)
    found = waiting(shelf)
    assert (names(found), codes(found)) == (["wrong-date.csv"], {"fast-clock.csv": "PU-008"})


@pytest.mark.parametrize("name", [".hidden.csv", "a.csv.part", "a.csv.tmp", "~$a.xlsx", "a.csv~", "b.xlsx"])
def test_half_written_hidden_and_other_files_are_passed_over(shelf: Shelf, name: str) -> None:
    shelf.put(name)
    assert waiting(shelf, pattern="*.csv") == []


def test_with_a_marker_a_file_waits_for_it(shelf: Shelf) -> None:
    shelf.put("a.csv")
    assert codes(waiting(shelf, marker=".ok")) == {"a.csv": "PU-015"}
    shelf.put("a.csv.ok", b"")
    assert names(waiting(shelf, marker=".ok")) == ["a.csv"]


def test_all_since_a_day_can_be_asked_for_again(shelf: Shelf) -> None:
    shelf.put("a.csv", age=200)
    shelf.put("old.csv", age=86_400 * 30)
    done = tuple(one.fingerprint for one in waiting(shelf))
    assert waiting(shelf, done=done) == []
    assert names(waiting(shelf, done=done, start="2025-06-10")) == ["a.csv"]
    with pytest.raises(Trouble, match="PU-002"):
        waiting(shelf, start="gestern")


# ── this machine ────────────────────────────────────────────────────────────────────────────────


def nothing(name: SecretName) -> str:
    raise AssertionError(name)


def test_a_folder_of_this_machine_is_read_and_left_as_it_was(tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text("no")
    folder = tmp_path / "out"
    (folder / "inner.csv").mkdir(parents=True)
    (folder / "link.csv").symlink_to(outside)
    (folder / "a.csv").write_bytes(b"1,2\n")
    os.utime(folder / "a.csv", (NOW, NOW))
    before = sorted((path.name, path.lstat().st_mtime_ns) for path in folder.iterdir())
    with Directory.reach(DirectorySettings(folder=str(folder), pattern="*.csv", settle_seconds=0), nothing) as reached:
        found = list(reached.waiting(Memory()))
    assert [(one.name, one.data) for one in found] == [("a.csv", b"1,2\n")]
    assert sorted((path.name, path.lstat().st_mtime_ns) for path in folder.iterdir()) == before


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = DirectorySettings(folder=str(tmp_path / "nowhere"))
    with pytest.raises(Trouble, match="PU-007"), Directory.reach(settings, nothing):
        pass
