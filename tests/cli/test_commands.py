"""The command line as a whole: every module is a command, found lazily."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import xinlu
from xinlu.cli import _Commands, _modules


def xinlu_(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "xinlu", *arguments]
    env = {name: value for name, value in {**os.environ, **env}.items() if value}
    return subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8", env=env)


def test_the_version_is_said() -> None:
    assert xinlu_("--version").stdout.strip() == f"xinlu {xinlu.__version__}"


def test_help_names_every_command_and_sets_up_no_project() -> None:
    code = (
        "import sys; from xinlu.cli import main\n"
        "sys.argv = ['xinlu', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "import django.conf; assert not django.conf.settings.configured\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    for name in ("law", "try"):
        assert name in run.stdout


def test_a_command_that_does_not_exist_is_refused() -> None:
    run = xinlu_("dance")
    assert run.returncode == 2
    assert "dance" in run.stderr


def test_a_problem_in_law_ends_with_one_through_the_real_command() -> None:
    assert xinlu_("law", "check", "nowhere-at-all").returncode == 1


@pytest.mark.parametrize("words", ["demo", "explain nobody highway-design-firm"])
def test_a_database_that_is_not_there_yet_is_said_with_what_to_do(words: str, tmp_path: Path) -> None:
    run = xinlu_(*words.split(), XINLU_VAR=str(tmp_path), XINLU_DATABASE_URL="", DJANGO_SETTINGS_MODULE="")
    assert run.returncode == 2
    assert "CLI-001" in run.stderr
    assert "migrate" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_setting_that_is_wrong_is_said(tmp_path: Path) -> None:
    run = xinlu_("demo", XINLU_VAR=str(tmp_path), XINLU_TODAY="someday", DJANGO_SETTINGS_MODULE="")
    assert run.returncode == 2
    assert "CLI-003" in run.stderr


@pytest.mark.parametrize("module", sorted(_modules()))
def test_every_module_is_a_command(module: str) -> None:
    group = _Commands()
    name = module.rstrip("_").replace("_", "-")
    assert name in group.list_commands(None)
    assert group.get_command(None, name) is not None


def test_private_modules_are_no_commands() -> None:
    group = _Commands()
    assert group.get_command(None, "-screen") is None
    assert group.get_command(None, "_screen") is None
