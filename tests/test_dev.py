"""The one door for developers: it must work before anything is installed."""

from __future__ import annotations

import ast
import importlib.util
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def dev() -> ModuleType:
    found = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"))
    names = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert names <= sys.stdlib_module_names


def test_it_tells_its_commands_without_any_set_up(tmp_path: Path) -> None:
    copy = tmp_path / "dev.py"
    copy.write_bytes((ROOT / "dev.py").read_bytes())
    told = subprocess.run(
        [sys.executable, "-I", "-S", str(copy), "--help"], capture_output=True, text=True, check=True
    ).stdout
    for command in ("demo", "test", "lint", "bench", "assets", "lock"):
        assert command in told
    assert list(tmp_path.iterdir()) == [copy]


def test_a_word_that_no_command_knows_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "dev.py"), "lint", "--quick"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--quick" in done.stderr


def test_a_changed_lock_asks_for_a_new_set_up(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_bytes(dev.LOCK.read_bytes())
    before = dev.wanted_setup()
    monkeypatch.setattr(dev, "LOCK", lock)
    assert dev.wanted_setup() == before
    lock.write_text(lock.read_text(encoding="utf-8") + "\n# more\n", encoding="utf-8")
    assert dev.wanted_setup() != before


def test_a_taken_port_is_told_before_the_long_work(dev: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as stopped:
            dev.refuse_taken_port(port)
    assert stopped.value.code == 1
    assert f"--port {port + 1}" in capsys.readouterr().err
    dev.refuse_taken_port(port)


def test_progress_away_from_a_terminal_is_a_line_each_fifth(
    dev: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = dev.Bar("packages", 100)
    for _ in range(100):
        bar.step()
    bar.close()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert lines[-2].split() == ["100%", "packages"]
