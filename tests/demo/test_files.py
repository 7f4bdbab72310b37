"""The delivery files: always the same, and mistaken where they should be."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

from xinlu.demo.files import DeliveryFile, write_deliveries
from xinlu.demo.province import make
from xinlu.law.identifiers import is_fictional, is_valid
from xinlu.law.library import shipped


def written(folder: Path, *, seed: int = 7) -> tuple[list[DeliveryFile], dict[str, str]]:
    world = make(shipped(), seed=seed, scale=0.01)
    files = write_deliveries(world, folder)
    return files, {one.path: hashlib.sha256((folder / one.path).read_bytes()).hexdigest() for one in files}


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    files, first = written(tmp_path / "a")
    assert written(tmp_path / "b")[1] == first
    other = written(tmp_path / "c", seed=8)[1]
    weighings = [one.path for one in files if one.item == "weighing"]
    assert all(other[path] != first[path] for path in weighings if path in other)


def test_files_come_in_order_of_their_day_and_parents_before_children(tmp_path: Path) -> None:
    files, _ = written(tmp_path)
    days = [one.handover.received_at for one in files]
    assert days == sorted(days)
    first = {one.carries: number for number, one in reversed(list(enumerate(files)))}
    assert first["enterprise"] < first["relation"] < first["weighing"]
    assert first["bid_evaluation"] < first["bid_behaviour"]
    assert first["administrative_penalty"] < first["penalty_classification"]


def test_penalties_come_as_workbooks_as_utf8_and_as_gbk(tmp_path: Path) -> None:
    files, _ = written(tmp_path)
    contents = [(tmp_path / one.path).read_bytes() for one in files if one.item == "administrative_penalty"]
    marks = {content[:3] for content in contents}
    assert b"PK\x03" in marks
    assert b"\xef\xbb\xbf" in marks
    gbk = next(one for one in contents if one[:3] not in (b"PK\x03", b"\xef\xbb\xbf"))
    assert "示例" in gbk.decode("gb18030")


def test_every_kind_of_mistake_is_seeded(tmp_path: Path) -> None:
    files, _ = written(tmp_path)
    seeded = {mistake.code for one in files for mistake in one.mistakes}
    assert {"E01", "E02", "E04", "E05", "E07", "E08", "E12", "E13", "E16", "E17", "E25", "E27", ""} <= seeded


def test_nobody_bears_a_code_of_the_demo() -> None:
    for one in make(shipped(), seed=7, scale=0.01).subjects:
        for kind, value in one.identifiers.items():
            if kind in ("uscc", "id_number", "plate", "vessel_id", "mmsi"):
                assert is_valid(kind, value), (kind, value)  # type: ignore[arg-type]
                assert is_fictional(kind, value), (kind, value)  # type: ignore[arg-type]
        assert "示" in one.name or one.kind == "vehicle"


def test_rows_of_a_file_are_as_many_as_it_says(tmp_path: Path) -> None:
    files, _ = written(tmp_path)
    for one in files:
        if one.path.endswith(".csv") and one.item != "administrative_penalty" and one.item != "administrative_permit":
            with (tmp_path / one.path).open(encoding="utf-8-sig", newline="") as lines:
                assert sum(1 for _ in csv.reader(lines)) == one.rows + 1, one.path
