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


def test_what_was_published_is_read_without_a_database_and_a_given_path_wins(
    standards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var = tmp_path / "var"
    place = var / "law" / "0a1b" / "standards"
    shutil.copytree(standards, place)
    (var / "law" / "current.txt").write_text("0a1b", encoding="ascii")
    book = place / "rulebooks" / "overlimit-vehicle" / "2011.yaml"
    published = book.read_text(encoding="utf-8").replace("title:", "tilte:", 1)
    book.write_text(published, encoding="utf-8")
    monkeypatch.setenv("XINLU_VAR", str(var))
    run = law("check", "--no-cases")
    assert run.exit_code == 1
    assert "overlimit-vehicle/2011.yaml" in run.stdout
    assert "本系统已发布的法规" in run.stderr
    assert law("check", "--no-cases", standards).exit_code == 0
    (var / "law" / "current.txt").write_text("gone", encoding="ascii")
    assert "已发布的法规" not in law("show", "overlimit-vehicle").stderr


@pytest.mark.django_db
def test_published_law_is_verified_against_digests_and_journal(
    standards: Path, tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.province import at, officer, organs

    from xinlu.gazette.draft import load_edition
    from xinlu.gazette.models import LawFile

    settings.VAR = tmp_path / "var"
    monkeypatch.setattr("xinlu.cli.law.start_django", lambda: None)
    organs()
    people = [officer(name, "zj-law", role="rule_maker") for name in ("one", "two")]
    load_edition(standards, title="首版", author=people[0], publisher=people[1], at=at())
    run = law("verify")
    assert (run.exit_code, run.stdout.strip()) == (0, "1 次发布，内容、摘要和审计链相符")
    LawFile.objects.filter(path__endswith="2011.yaml").update(content="changed")
    run = law("verify")
    assert run.exit_code == 1
    assert "2011.yaml 的内容在发布后被改动" in run.stderr
