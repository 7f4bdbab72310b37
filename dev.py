#!/usr/bin/env python3
"""One door to everything a developer or evaluator does; standard library only.

    python3 dev.py demo       build the demo province and serve it
    python3 dev.py test       run all tests
    python3 dev.py --help     the rest

The first call makes ``.venv`` from ``requirements.lock``; later calls see that
nothing changed and start at once.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "xinlu-setup.txt"
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")


def say(text: str) -> None:
    print(f"» {text}", flush=True)


def fail(text: str) -> SystemExit:
    print(f"✗ {text}", file=sys.stderr, flush=True)
    return SystemExit(1)


class Bar:
    """A progress bar on a terminal; one line per fifth elsewhere."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done, self.shown = title, max(total, 1), 0, -1
        self.live = sys.stdout.isatty()
        self.start = time.monotonic()

    def step(self, label: str = "") -> None:
        self.done = min(self.done + 1, self.total)
        part = self.done / self.total
        if self.live:
            filled = "█" * int(part * 30)
            print(f"\r  {filled:·<30} {part:4.0%}  {label[:36]:<36}", end="", flush=True)
        elif int(part * 5) > self.shown:
            self.shown = int(part * 5)
            print(f"  {part:4.0%} {self.title}", flush=True)

    def close(self) -> None:
        seconds = time.monotonic() - self.start
        head = "\r" if self.live else ""
        print(f"{head}  {self.title}: done in {seconds:.0f} s{'':<40}", flush=True)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two set-ups at once would spoil each other: the second waits."""
    try:
        import fcntl
    except ImportError:  # Windows: no such lock, and one developer at a time
        yield
        return
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "setup.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def wanted_setup() -> str:
    """A digest of everything that decides what ``.venv`` must hold."""
    digest = hashlib.sha256()
    for path in (LOCK, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    digest.update(f"{sys.version_info[:2]}".encode())
    return digest.hexdigest()


def set_up() -> None:
    """Make ``.venv`` hold exactly what the lock names, and the project itself."""
    if sys.version_info < (3, 11):
        raise fail(f"Xinlu needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    with one_at_a_time():
        wanted = wanted_setup()
        if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
            return
        uv = shutil.which("uv")
        make_venv(uv)
        install_lock(uv)
        say("Installing Xinlu itself, editable")
        own = ["--no-deps", "--no-build-isolation", "--quiet", "-e", str(ROOT)]
        run([*installer(uv), *own])
        STAMP.write_text(wanted)


def make_venv(uv: str | None) -> None:
    if PYTHON.exists():
        return
    say("Making .venv")
    if uv:
        run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)])
        return
    try:
        run([sys.executable, "-m", "venv", str(VENV)])
    except SystemExit:
        shutil.rmtree(VENV, ignore_errors=True)
        # A bare Debian has python3 and pip, yet not the package python3-venv.
        say("The module venv is not complete here; trying the package virtualenv")
        target = ROOT / "var" / "virtualenv"
        run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), "virtualenv"])
        run(
            [sys.executable, "-m", "virtualenv", "--quiet", str(VENV)],
            env={**os.environ, "PYTHONPATH": str(target)},
        )


def installer(uv: str | None) -> list[str]:
    if uv:
        return [uv, "pip", "install", "--python", str(PYTHON)]
    return [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]


def install_lock(uv: str | None) -> None:
    packages = sum(1 for line in LOCK.read_text().splitlines() if "==" in line[:60])
    say(f"Installing {packages} packages from requirements.lock (1 to 3 minutes the first time)")
    command = [*installer(uv), "--require-hashes", "-r", str(LOCK)]
    if uv:
        run(command)
        return
    bar = Bar("packages", packages)
    last: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            last = [*last[-30:], line]
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                bar.step(line.split()[-1 if line[0] == "R" else 1])
            elif line.startswith("Installing collected"):
                print("\n  unpacking …" if bar.live else "  unpacking …", flush=True)
    if pip.returncode:
        print("".join(last), file=sys.stderr)
        raise fail("The packages could not be installed; pip's own words stand above.")
    bar.close()


def run(command: list[str], *, env: dict[str, str] | None = None) -> None:
    """Run a command from the root; stop with its exit code when it fails."""
    done = subprocess.run(command, cwd=ROOT, env=env)
    if done.returncode:
        print(f"✗ failed: {' '.join(command)}", file=sys.stderr, flush=True)
        raise SystemExit(done.returncode)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["setup"])
    parser.parse_args()
    set_up()


if __name__ == "__main__":
    main()
