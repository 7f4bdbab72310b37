"""What holds for the project as a whole, whoever changes it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "xinlu"

# Written in pieces, so that this file does not name what it forbids.
FORBIDDEN = [
    re.compile("|".join(words))
    for words in (
        ("pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npmjs", "npm" + "mirror"),
        ("deb" + r"\.debian", "/" + "work/", "/" + "farm/", "/" + "root/", "/" + r"home/\w+/"),
    )
]
CLOCKS = {
    ("date", "today"),
    ("datetime", "today"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
    ("timezone", "now"),
    ("timezone", "localdate"),
    ("timezone", "localtime"),
}
# Floors below the edges: clock and actor come as arguments.
ROOMS_WITHOUT_CLOCK = (
    "law",
    "engine",
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


def tracked_files() -> list[Path]:
    """Return what git tracks; in an unpacked archive, what lies in the known folders."""
    asked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if asked.returncode == 0:
        return [ROOT / name for name in asked.stdout.split("\0") if name]
    places = [ROOT / name for name in ("src", "standards", "tests", "docs", "bench", "frontend")]
    return [path for place in places for path in place.rglob("*") if path.is_file()]


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tracked_files():
        if not path.is_file():
            continue
        try:
            found.append((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_file_names_a_package_host_or_a_path_of_a_machine() -> None:
    named = [
        f"{name}: {match.group()}"
        for name, text in texts()
        for pattern in FORBIDDEN
        for match in [pattern.search(text)]
        if match
    ]
    assert named == []


def test_the_check_for_hosts_and_paths_can_fail() -> None:
    assert FORBIDDEN[0].search("https://" + "pypi" + ".org/simple")
    assert FORBIDDEN[1].search("see /" + "root/notes")


def test_the_lock_has_a_digest_for_each_package_and_names_no_index() -> None:
    for name in ("requirements.lock", "requirements-node.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text
        blocks = re.split(r"\n(?=\S)", text.strip())
        packages = [block for block in blocks if "==" in block.split("\n")[0]]
        assert packages
        assert [p.split("==")[0] for p in packages if "--hash=sha256:" not in p] == []


def test_the_npm_lock_names_no_place_of_download() -> None:
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text
    assert text.count('"integrity"') > 5


def required(lines: list[str]) -> set[str]:
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def test_what_the_wheel_needs_stands_in_the_lock_too() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[<>=]", one)[0] for one in wheel["dependencies"]}
    offered = required((ROOT / "requirements.in").read_text(encoding="utf-8").splitlines())
    assert wanted <= {re.split(r"[<>=]", one)[0] for one in offered}


def python_files(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (SOURCE / room).rglob("*.py"))


def imports_of(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def clocks_read_by(tree: ast.AST) -> list[str]:
    """Name each place that reads a clock: ``date.today``, ``from time import time`` …"""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if (name.removeprefix("_"), node.attr) in CLOCKS:
                found.append(f"{node.lineno}: {name}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module in ("time", "django.utils.timezone"):
            banned = {call for _, call in CLOCKS}
            found += [f"{node.lineno}: {a.name}" for a in node.names if a.name in banned]
    return found


def test_law_and_engine_import_no_django_and_no_settings() -> None:
    for path in python_files("law", "engine"):
        names = imports_of(ast.parse(path.read_text(encoding="utf-8")))
        tops = {name.split(".")[0] for name in names}
        assert not tops & {"django", "ninja", "requests", "socket", "urllib", "psycopg"}, path
        assert "xinlu.settings" not in names, path


def test_law_and_engine_can_be_imported_where_django_cannot() -> None:
    modules = [
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in python_files("law", "engine")
    ]
    assert modules
    program = (
        "import sys; sys.modules['django'] = None\n"
        + "".join(f"import {module}\n" for module in modules if not module.endswith("__main__"))
        + "assert not [m for m in sys.modules if m.startswith('django.')]\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", ROOMS_WITHOUT_CLOCK)
def test_a_room_below_the_edges_reads_no_clock(room: str) -> None:
    read = {
        path.relative_to(ROOT).as_posix(): places
        for path in python_files(room)
        if "migrations" not in path.parts and (places := clocks_read_by(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert read == {}


@pytest.mark.parametrize(
    "line",
    [
        "import datetime; datetime.date.today()",
        "from datetime import datetime; datetime.now()",
        "import time; time.time()",
        "from time import time",
        "from django.utils import timezone; timezone.now()",
    ],
)
def test_the_check_for_clocks_can_fail(line: str) -> None:
    assert clocks_read_by(ast.parse(line))


def test_a_clock_in_words_is_no_clock() -> None:
    assert clocks_read_by(ast.parse("import datetime; datetime.date(2024, 1, 1); 'date.today'")) == []


def test_nothing_of_others_is_committed() -> None:
    names = [name for name, _ in texts()]
    other = re.compile(r"\.min\.(js|css)$|(^|/)(vendor|node_modules|built)/")
    assert [name for name in names if other.search(name)] == []
