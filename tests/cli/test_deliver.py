"""``xinlu deliver`` tells what became of a file, and exits accordingly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.intake.conftest import as_csv, open_desk, penalty
from typer.testing import CliRunner

from xinlu.cli.deliver import app
from xinlu.ledger.models import Record

RUN = CliRunner()
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _desk(db: None) -> None:
    open_desk()


def file_of(folder: Path, *rows: dict[str, str]) -> str:
    file = folder / "penalties.csv"
    file.write_bytes(as_csv(rows))
    return str(file)


def test_a_good_file_exits_with_0_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    file = file_of(tmp_path, penalty(1), penalty(2))
    first = RUN.invoke(app, [file, "--source", "zj-penalties"])
    assert (first.exit_code, "共 2 行，入库 2，疑问 0，重复 0" in first.output) == (0, True), first.output
    again = RUN.invoke(app, [file, "-s", "zj-penalties"])
    assert (again.exit_code, "入库 0，疑问 0，重复 2" in again.output) == (0, True), again.output


def test_queried_rows_are_told_with_row_code_and_next_step(tmp_path: Path) -> None:
    file = file_of(tmp_path, penalty(1), penalty(2, CF_JDRQ="去年"))
    result = RUN.invoke(app, [file, "--source", "zj-penalties"])
    assert result.exit_code == 1
    for words in ("penalties.csv:3", "E04", "处罚决定日期“去年”不是日期", "怎么办"):
        assert words in result.output


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    result = RUN.invoke(app, [file_of(tmp_path, penalty(1)), "--source", "zj-penalties", "--check"])
    assert (result.exit_code, "可入库 1" in result.output) == (0, True), result.output
    assert not Record._base_manager.exists()


def test_a_refused_file_exits_with_2_and_can_be_read_by_programs(tmp_path: Path) -> None:
    result = RUN.invoke(app, [file_of(tmp_path, penalty(1)), "--source", "nobody", "--json"])
    assert result.exit_code == 2
    assert [one["code"] for one in json.loads(result.output)["refused"]] == ["F13"]
    missing = RUN.invoke(app, [str(tmp_path / "none.csv"), "--source", "zj-penalties"])
    assert (missing.exit_code, "F03" in missing.output) == (2, True)


def test_the_answer_as_json_adds_up(tmp_path: Path) -> None:
    result = RUN.invoke(app, [file_of(tmp_path, penalty(1), penalty(1)), "--source", "zj-penalties", "--json"])
    told = json.loads(result.output)
    assert told["accepted"] + told["queried"] + told["duplicate"] == told["delivered"] == 2
