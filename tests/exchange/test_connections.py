"""The file of connections: mistakes with their line, secrets somewhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from xinlu.exchange.connections import connection, read_connections, seal_secret, secret
from xinlu.exchange.connectors.contract import SecretName
from xinlu.exchange.connectors.trouble import Trouble

GOOD = """\
connections:
  - name: hz-drop
    title: 示例
    source: hz-penalties
    every: 15m
    connector: directory
    settings: {folder: /drop/penalties, pattern: "*.csv"}
  - name: hz-cases
    title: 示例
    source: hz-cases
    organ: jt-330100
    item: administrative_penalty
    connector: sql
    settings:
      url: postgresql+psycopg://reader@cases.example/cases
      password: {secret: hz-cases}
      table: v_penalty
      columns: {wsh: CF_WSH}
      watermark: changed_at
      key: [id]
"""


@pytest.fixture(autouse=True)
def _var(settings: object, tmp_path: Path) -> None:
    settings.VAR = tmp_path / "var"  # type: ignore[attr-defined]
    settings.CONNECTIONS = tmp_path / "connections.yaml"  # type: ignore[attr-defined]


def write(tmp_path: Path, text: str) -> None:
    (tmp_path / "connections.yaml").write_text(text, encoding="utf-8")


def test_no_file_is_no_connection() -> None:
    assert (read_connections().connections, read_connections().problems) == ((), ())
    with pytest.raises(Trouble, match="PU-001"):
        connection("hz-drop")


def test_connections_are_read_with_the_settings_of_their_kind(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    drop, cases = read_connections().connections
    assert (drop.name, drop.rhythm.total_seconds(), drop.own_settings.settle_seconds) == ("hz-drop", 900, 60)
    assert (cases.own_settings.password.secret, cases.own_settings.chunk, cases.rhythm) == ("hz-cases", 5000, None)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("    every: 15m", "    every: soon", 5, "15m"),
        ("    connector: directory", "    connector: pigeon", 6, "没有连接方式"),
        ("{folder: /drop/penalties,", "{folders: /drop/penalties,", 7, "folders"),
        ("      table: v_penalty\n", "", 14, "table"),
        ("{secret: hz-cases}", "hunter2", 14, "口令"),
        ("reader@cases", "reader:hunter2@cases", 15, "口令"),
        ("name: hz-cases", "name: hz-drop", 8, "写了两次"),
        ("    item: administrative_penalty", "    item: a\n    kind: b", 12, "至多写一个"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_other_connections_stay(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    assert old in GOOD
    write(tmp_path, GOOD.replace(old, new, 1))
    found = read_connections()
    problem = found.problems[0]
    told = "；".join(one.sentence for one in found.problems)
    assert (problem.code, problem.line, said in told) == ("PU-002", line, True), found.problems
    assert len(found.connections) == 1
    assert "hunter2" not in "".join(str(one) for one in found.problems)


def test_a_secret_comes_from_the_environment_or_sealed_and_is_never_clear_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = SecretName(secret="hz-cases")
    with pytest.raises(Trouble, match="PU-003"):
        secret(asked)
    (tmp_path / "var").mkdir()
    file = seal_secret("hz-cases", "hunter2")
    assert secret(asked) == "hunter2"
    assert (b"hunter2" in file.read_bytes(), file.stat().st_mode & 0o077) == (False, 0)
    file.write_text("1:00", encoding="ascii")
    with pytest.raises(Trouble, match="PU-003"):
        secret(asked)
    monkeypatch.setenv("XINLU_SECRET_HZ_CASES", "other")
    assert secret(asked) == "other"


@pytest.mark.parametrize("name", ["../field-key", "A", "", "a" * 80])
def test_a_name_that_is_none_seals_nothing(name: str) -> None:
    with pytest.raises(Trouble, match="PU-002"):
        seal_secret(name, "x")
