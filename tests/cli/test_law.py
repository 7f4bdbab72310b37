"""``xinlu law``: the check and the reading of a book on a terminal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from xinlu.cli.law import app
from xinlu.law.library import shipped


def law(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def standards(tmp_path: Path) -> Path:
    """The catalogue and two books of the shipped law."""
    root = tmp_path / "standards"
    shutil.copytree(shipped() / "catalogue", root / "catalogue")
    for book in ("overlimit-vehicle", "credit-repair-period"):
        shutil.copytree(shipped() / "rulebooks" / book, root / "rulebooks" / book)
    return root


def test_sound_law_passes_with_its_cases(standards: Path) -> None:
    run = law("check", standards)
    assert (run.exit_code, run.stdout.strip()) == (0, "没有发现问题")


def test_a_mistake_fails_with_place_code_and_next_step(standards: Path) -> None:
    book = standards / "rulebooks" / "overlimit-vehicle" / "2011.yaml"
    book.write_text(book.read_text(encoding="utf-8").replace("title:", "tilte:", 1), encoding="utf-8")
    run = law("check", standards)
    assert run.exit_code == 1
    for words in ("overlimit-vehicle/2011.yaml:", "LAW-201", "是不是想写“title”", "怎么办", "依据"):
        assert words in run.stdout


def test_a_failing_case_fails_the_check_unless_cases_are_left_out(standards: Path) -> None:
    cases = standards / "rulebooks" / "overlimit-vehicle" / "2011.cases.yaml"
    text = cases.read_text(encoding="utf-8")
    cases.write_text(text.replace("act_count: 4", "act_count: 5", 1), encoding="utf-8")
    run = law("check", standards)
    assert run.exit_code == 1
    assert "LAW-603" in run.stdout
    assert law("check", standards, "--no-cases").exit_code == 0


def test_one_book_can_be_checked_alone_and_as_json(standards: Path) -> None:
    for book in ("overlimit-vehicle/2011", "credit-repair-period/2023"):
        path = standards / "rulebooks" / f"{book}.yaml"
        path.write_text(path.read_text(encoding="utf-8") + "nonsense: 1\n", encoding="utf-8")
    run = law("check", standards / "rulebooks" / "overlimit-vehicle", "--json", "--no-cases")
    (found,) = json.loads(run.stdout)
    assert (found["code"], found["severity"]) == ("LAW-201", "error")
    assert found["file"] == "standards/rulebooks/overlimit-vehicle/2011.yaml"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    run = law("check", tmp_path / "nowhere")
    assert run.exit_code == 1
    assert "LAW-001" in run.stdout


def test_a_book_is_shown_as_people_read_it(standards: Path) -> None:
    run = law("show", "overlimit-vehicle", "--standards", standards)
    assert run.exit_code == 0
    for words in ("overlimit-vehicle 2011", "公路安全保护条例", "第六十六条", "条文", "吊销"):
        assert words in run.stdout


def test_a_named_version_and_a_file_can_be_shown(standards: Path) -> None:
    older = law("show", "credit-repair-period", "--version", "2019", "--standards", standards)
    assert "其他版本：2023、2026" in older.stdout
    file = law("show", standards / "rulebooks" / "overlimit-vehicle" / "2011.yaml")
    assert "overlimit-vehicle 2011" in file.stdout


def test_an_unknown_book_gets_a_suggestion(standards: Path) -> None:
    run = law("show", "overlimit-vehicles", "--standards", standards)
    assert run.exit_code == 1
    assert "是不是想写“overlimit-vehicle”" in run.output
