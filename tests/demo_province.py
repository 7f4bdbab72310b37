"""A small demo province, built once for all workers by the command itself.

A folder of tests that needs it imports the fixture in its ``conftest.py``::

    from tests.demo_province import small_province
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCALE = "0.01"
SMALL_BOOKS = (
    "highway-design-firm",
    "overlimit-vehicle",
    "overload-list-vehicle",
    "road-driver-integrity",
    "taxi-driver",
    "lock-credit",
)


def xinlu(var: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``xinlu`` with its own folder and SQLite."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("XINLU_")}
    env |= {"XINLU_VAR": str(var), "DJANGO_SETTINGS_MODULE": "xinlu.settings", "PYTHONUTF8": "1"}
    commands = [["-m", "xinlu", *words]]
    if not (var / "xinlu.sqlite3").exists():
        commands.insert(0, ["-m", "django", "migrate", "--verbosity", "0"])
    for command in commands:
        done = subprocess.run([sys.executable, *command], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            break
    return done


@pytest.fixture(scope="session")
def small_province(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A folder for ``XINLU_VAR`` with a small demo province in it; nobody may change it."""

    def build(folder: Path) -> None:
        books = [word for book in SMALL_BOOKS for word in ("--book", book)]
        done = xinlu(folder, "demo", "--scale", SCALE, *books)
        assert done.returncode == 0, done.stdout + done.stderr

    return made_once("demo-province", build)
