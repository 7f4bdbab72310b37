"""``xinlu publicity`` from what is due to the platform's answer."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from tests.intake.conftest import as_csv, open_desk, penalty
from typer.testing import CliRunner

from xinlu.cli.publicity import app
from xinlu.exchange.publicity_models import SubmissionRow

RUN = CliRunner()
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _taken(db: None) -> None:
    open_desk().hand(as_csv([penalty(1), penalty(2)]))


def test_a_decision_is_told_written_answered_and_told_again(tmp_path: Path) -> None:
    due = RUN.invoke(app, ["list"])
    assert (due.exit_code, "逾期" in due.output) == (1, True), due.output
    assert RUN.invoke(app, ["submit", "permit"]).output.strip() == "没有待报的"
    made = RUN.invoke(app, ["submit", "penalty"])
    assert (made.exit_code, "共 2 行" in made.output) == (0, True), made.output
    number = str(SubmissionRow.objects.first().submission_id)
    for name in ("out.csv", "out.xlsx"):
        written = RUN.invoke(app, ["file", number, "--to", str(tmp_path / name)])
        assert (written.exit_code, (tmp_path / name).stat().st_mode & 0o077) == (0, 0), written.output
    with (tmp_path / "out.csv").open(encoding="utf-8-sig") as file:
        first, second = csv.DictReader(file)
    answer = tmp_path / "answer.csv"
    answer.write_text(
        f"上报序号,处理结果,原因\n{first['上报序号']},成功,\n{second['上报序号']},退回,缺少事实\n0,成功,\n",
        encoding="gbk",
    )
    read = RUN.invoke(app, ["receipt", str(answer), "--json"])
    assert read.exit_code == 1
    told = json.loads(read.output)
    assert (told["accepted"], told["returned"], told["problems"]) == (1, 1, ["DP-008"])
    assert "已知 3" in RUN.invoke(app, ["receipt", str(answer)]).output
    record = SubmissionRow.objects.get(pk=second["上报序号"]).record
    assert RUN.invoke(app, ["again", str(record), "--reason", "平台已改正"]).exit_code == 0
    counts = json.loads(RUN.invoke(app, ["list", "--json"]).output)["处罚"]
    assert (counts["pending"], counts["done"]) == (1, 1)


def test_what_cannot_be_done_is_told_with_a_code(tmp_path: Path) -> None:
    for asked, code in (
        (["file", "99", "--to", str(tmp_path / "a.csv")], "DP-003"),
        (["again", "1", "--reason", "x"], "DP-005"),
        (["again", "1", "--reason", " "], "DP-006"),
    ):
        done = RUN.invoke(app, asked)
        assert (done.exit_code, code in done.output) == (2, True), done.output
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    assert "F01" in RUN.invoke(app, ["receipt", str(empty)]).output
    assert RUN.invoke(app, ["receipt", os.fspath(tmp_path / "none.csv")]).exit_code == 2
    assert RUN.invoke(app, ["file", "1", "--to", str(tmp_path / "a.pdf")]).exit_code == 2
