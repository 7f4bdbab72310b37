"""Files of shelves: sorted, named by their content, packed by several processes."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from xinlu.engine import pack
from xinlu.engine.pack import Packed, PackFailed, Parcel, is_whole

ROWS = "SELECT range AS number, 'x' || range AS text, CAST(range AS DECIMAL(18, 6)) AS points FROM range({})"


def parcels(folder: Path, *many: int, weight: int = 0) -> list[Parcel]:
    return [Parcel(str(folder), f"{n:02d}", ROWS.format(rows), "number DESC", weight) for n, rows in enumerate(many)]


def test_the_same_rows_make_the_same_files_on_any_number_of_processes(tmp_path: Path) -> None:
    wanted = (3, 0, 200_000, 7)
    alone = pack.pack(parcels(tmp_path / "a", *wanted), tmp_path, processes=1)
    several = pack.pack(parcels(tmp_path / "b", *wanted, weight=pack.WORTH_PROCESSES), tmp_path, processes=2)
    assert several == alone
    assert [one.rows for one in alone] == list(wanted)
    assert alone[1] == Packed("", 0)
    names = sorted(one.name for one in alone if one.rows)
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == names
    first = duckdb.read_parquet(str(tmp_path / "b" / alone[0].name)).fetchall()
    assert [number for number, _, _ in first] == [2, 1, 0]


def test_columns_can_always_be_missing_whatever_the_rows_are(tmp_path: Path) -> None:
    (one,) = pack.pack(parcels(tmp_path / "a", 3), tmp_path)
    again = Parcel(
        str(tmp_path / "b"), "00", f"SELECT * FROM read_parquet('{tmp_path / 'a' / one.name}')", "number DESC"
    )
    assert pack.pack([again], tmp_path) == [one]
    assert all(column.nullable for column in pq.read_schema(tmp_path / "b" / one.name))


def test_a_process_that_cannot_write_is_told_and_leaves_no_draft(tmp_path: Path) -> None:
    good, bad = parcels(tmp_path / "a", 3, 5, weight=pack.WORTH_PROCESSES)
    bad = Parcel(bad.folder, bad.stem, "SELECT error('no such value') AS number", bad.order, bad.weight)
    with pytest.raises(PackFailed, match="no such value"):
        pack.pack([good, bad], tmp_path)
    assert [path.name[:2] for path in (tmp_path / "a").iterdir()] == ["00"]


def test_a_file_whose_content_changed_is_found(tmp_path: Path) -> None:
    (one,) = pack.pack(parcels(tmp_path / "a", 3), tmp_path)
    file = tmp_path / "a" / one.name
    assert is_whole(file)
    content = bytearray(file.read_bytes())
    content[10] ^= 1
    file.write_bytes(content)
    assert not is_whole(file)
    assert not is_whole(tmp_path / "a" / "nothing")
    plain = file.rename(tmp_path / "a" / "000000.parquet")
    assert is_whole(plain)
