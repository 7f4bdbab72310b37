"""The small site on a port of its own, as an operator would run it: own folder, own process, strict headers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Served:
    """Where the site answers, and the numbers of what stands in it."""

    address: str
    firm: int
    standing: int

    def at(self, path: str) -> str:
        """The whole address of a path."""
        return self.address + path


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XINLU_")}
    return {**kept, "XINLU_VAR": str(folder), "DJANGO_SETTINGS_MODULE": "xinlu.settings", "PYTHONPATH": str(ROOT)}


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=_environment(folder), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


BUILD = (
    "import django; django.setup(); from tests.web.seed import build; site = build(); print(site.firm, site.standing)"
)


def build(folder: Path) -> None:
    """Database, run and static files of the small site in ``folder``."""
    _run(folder, "-m", "django", "migrate", "-v0")
    (folder / "numbers.txt").write_text(_run(folder, "-c", BUILD))
    _run(
        folder, "-m", "django", "collectstatic", "-v0", "--noinput", "-i", "licences.txt", "-i", "admin", "-i", "fonts*"
    )


@pytest.fixture(scope="session")
def served(
    made_once: Callable[[str, Callable[[Path], None]], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The small site, served until the tests end; a copy of its own, so that tests may write."""
    folder = tmp_path_factory.mktemp("served") / "var"
    shutil.copytree(made_once("web-site", build), folder)
    firm, standing = (int(part) for part in (folder / "numbers.txt").read_text().split())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-access-log",
        "xinlu.wsgi:application",
    ]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=_environment(folder), stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, server, folder / "server.log")
        yield Served(address, firm, standing)
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(150):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/sign-in/", timeout=5)
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the site did not start: {log.read_text()}")
