"""``xinlu pull`` fetches, lists, looks and seals; the guide's example of connections can be read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.intake.conftest import as_csv, open_desk, penalty
from typer.testing import CliRunner

from xinlu.cli.pull import app
from xinlu.exchange.connections import read_connections, secret
from xinlu.exchange.connectors.contract import SecretName
from xinlu.exchange.connectors.trouble import CODES
from xinlu.exchange.pull_models import Pull
from xinlu.ledger.models import Delivery, Source

RUN = CliRunner()
GUIDE = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(db: None, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The guide's connections, with the first one's folder beside them."""
    open_desk()
    settings.VAR = tmp_path
    settings.CONNECTIONS = tmp_path / "connections.yaml"
    (example,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.S)
    settings.CONNECTIONS.write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    drop = tmp_path / "drop" / "penalties"
    drop.mkdir(parents=True)
    return drop


def put(folder: Path, name: str, data: bytes) -> None:
    import os

    (folder / name).write_bytes(data)
    os.utime(folder / name, (1_750_000_000, 1_750_000_000))


def test_the_example_of_the_guide_is_three_connections_without_a_mistake() -> None:
    read = read_connections()
    assert read.problems == ()
    assert {one.connector for one in read.connections} == {"directory", "sftp", "sql"}


def test_the_guide_lists_just_the_codes_that_there_are() -> None:
    listed = re.findall(r"^\| `(PU-\d+)` \| (.+?) \| (.+?) \|$", GUIDE, re.M)
    assert [(one.code, one.title, one.next_step) for one in CODES.values()] == listed


def test_what_waits_is_looked_at_and_then_fetched_once(folder: Path) -> None:
    put(folder, "a.csv", as_csv([penalty(1), penalty(2)]))
    looked = RUN.invoke(app, ["check", "hz-drop"])
    assert (looked.exit_code, "a.csv" in looked.output, Pull._base_manager.count()) == (0, True, 0), looked.output
    first = RUN.invoke(app, ["run", "hz-drop"])
    assert (first.exit_code, "1 件，共 2 行，入库 2" in first.output) == (0, True), first.output
    assert Source.objects.get(code="hz-penalties").organ.code == "jt-330100"
    assert RUN.invoke(app, ["check", "hz-drop"]).output.strip() == "没有要取的"
    again = json.loads(RUN.invoke(app, ["run", "hz-drop", "--json"]).output)
    assert (again[0]["deliveries"], Delivery._base_manager.count()) == ([], 1)
    since = RUN.invoke(app, ["run", "hz-drop", "--from", "2025-01-01", "--json"])
    assert json.loads(since.output)[0]["duplicate"] == 2


def test_a_refused_file_exits_with_1_and_a_system_that_cannot_be_read_with_2(folder: Path) -> None:
    put(folder, "bad.csv", b"x,y\n1,2\n")
    refused = RUN.invoke(app, ["run", "hz-drop"])
    assert (refused.exit_code, "F10" in refused.output) == (1, True), refused.output
    unknown = RUN.invoke(app, ["run", "nobody"])
    assert (unknown.exit_code, "PU-001" in unknown.output) == (2, True), unknown.output
    no_secret = RUN.invoke(app, ["run", "hz-cases"])
    assert (no_secret.exit_code, "PU-003" in no_secret.output) == (2, True), no_secret.output
    assert RUN.invoke(app, ["run"]).exit_code == 2


def test_due_takes_all_whose_time_has_come_and_list_tells_how_they_stand(folder: Path) -> None:
    put(folder, "a.csv", as_csv([penalty(1)]))
    done = RUN.invoke(app, ["run", "--due"])
    # The other two have no secret here; the first is fetched all the same.
    assert (done.exit_code, done.output.count("PU-003")) == (2, 2), done.output
    listed = RUN.invoke(app, ["list"])
    assert listed.exit_code == 0
    assert listed.output.count("失败") == 2
    assert "完成" in listed.output
    assert "没有到时间的连接" in RUN.invoke(app, ["run", "--due"]).output


def test_a_secret_is_sealed_from_standard_input_and_not_shown(folder: Path) -> None:
    done = RUN.invoke(app, ["seal", "hz-cases"], input="hunter2\n")
    assert (done.exit_code, "hunter2" in done.output) == (0, False), done.output
    assert secret(SecretName(secret="hz-cases")) == "hunter2"
    assert RUN.invoke(app, ["seal", "../x"], input="a").exit_code == 2
