"""The whole way: files, intake, rounds, standings, and what was planted."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from tests.demo_province import SCALE, SMALL_BOOKS, xinlu

SMALL = ["--scale", SCALE, *(word for book in SMALL_BOOKS for word in ("--book", book))]


EVENTS = "select count(*), max(rowid) from journal_event"


def copied(province: Path, place: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(province, place / "var")


def ask(var: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{var / 'xinlu.sqlite3'}?mode=ro", uri=True) as database:
        return database.execute(query).fetchall()


def test_a_second_build_changes_nothing_and_all_is_as_planted(small_province: Path, tmp_path: Path) -> None:
    var = copied(small_province, tmp_path)
    before = ask(var, EVENTS)
    done = xinlu(var, "demo", *SMALL, "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "没有改动" in done.stdout
    assert "全部相符" in done.stdout
    assert "demo-law" in done.stdout
    assert ask(var, EVENTS) == before


def test_an_answer_that_is_not_as_planted_is_told(small_province: Path, tmp_path: Path) -> None:
    var = copied(small_province, tmp_path)
    path = var / "demo" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    group = manifest["books"]["overlimit-vehicle"]["2026-06-30"]["archetypes"][0]
    group["answers"]["act_count"] = "77"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    done = xinlu(var, "demo", *SMALL, "--check")
    assert done.returncode == 1
    assert "act_count should be 77" in done.stdout
    assert f"与预设不符 {len(group['units'])} 处" in done.stdout


def test_rounds_follow_each_other_and_the_records_are_known_in_time(small_province: Path) -> None:
    runs = ask(small_province, "select as_of, made_at, published_at from assessment_run order by id")
    assert [one[0] for one in runs] == sorted(str(one[0]) for one in runs)
    assert len({one[0] for one in runs}) == 4
    assert all(one[2] is not None for one in runs)
    late = ask(small_province, "select count(*) from ledger_record where occurred_on > date(recorded_at, '+1 day')")
    assert late == [(0,)]


def test_what_was_corrected_later_is_replayed(small_province: Path) -> None:
    manifest = json.loads((small_province / "demo" / "manifest.json").read_text(encoding="utf-8"))
    assert {one["book"] for one in manifest["replays"]} == {"overlimit-vehicle", "road-driver-integrity"}
    corrected = "select item, count(*) from ledger_record where superseded_at like '2026-06-30%' group by item"
    found = dict(ask(small_province, corrected))
    assert found["driver_points"] >= 1
    assert found["overlimit_act"] >= 1


def test_a_level_follows_the_level_of_the_round_before(small_province: Path) -> None:
    manifest = json.loads((small_province / "demo" / "manifest.json").read_text(encoding="utf-8"))
    days = manifest["books"]["road-driver-integrity"]
    assert {"AA", "A", "B"} <= set(days["2023-06-30"]["counts"]["level"])
    assert "AAA" not in days["2023-06-30"]["counts"]["level"]
    assert "AAA" in days["2026-06-30"]["counts"]["level"]


def test_another_recipe_is_told_and_nothing_is_thrown_away(small_province: Path, tmp_path: Path) -> None:
    var = copied(small_province, tmp_path)
    done = xinlu(var, "demo", "--scale", "0.03")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--fresh" in done.stdout


def test_a_database_of_somebody_is_left_alone(small_province: Path, tmp_path: Path) -> None:
    var = copied(small_province, tmp_path)
    shutil.rmtree(var / "demo")
    done = xinlu(var, "demo", *SMALL, "--fresh")
    assert done.returncode == 2
    assert "XINLU_VAR" in done.stdout
    assert not (var / "demo").exists()


@pytest.mark.slow
def test_the_whole_demo_comes_out_as_planted(tmp_path: Path) -> None:
    done = xinlu(tmp_path, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    done = xinlu(tmp_path, "demo", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
