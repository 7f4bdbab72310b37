"""Trial runs are discarded after some days; published ones, and those that something names, stay."""

from __future__ import annotations

import os
from datetime import date, timedelta

import pytest
from tests import province
from typer.testing import CliRunner

from xinlu.assessment import discard
from xinlu.assessment.discard import VERB_DISCARDED, discard_trials
from xinlu.assessment.models import Run
from xinlu.assessment.publish import publish
from xinlu.assessment.queries import is_whole
from xinlu.assessment.run import run_books, runs_folder
from xinlu.cli import _app
from xinlu.journal.models import Event
from xinlu.ledger.models import Standing

pytestmark = pytest.mark.django_db(transaction=True)
BOOK = "supervision-firm-zhejiang-2014"
MADE = 200


def made(day: date = date(2024, 6, 30), days: int = MADE) -> Run:
    return run_books([BOOK], as_of=day, actor=province.ACTOR, at=province.at(days))[0]


def published(run: Run) -> Run:
    source = province.source("xinlu", "zj")
    when = province.at(MADE + 1)
    return publish(run, source=source, actor=province.ACTOR, at=when, effective_from=run.as_of, jurisdiction="zj").run


@pytest.fixture(autouse=True)
def _province(settings, tmp_path):
    settings.VAR, settings.COLUMNAR, settings.TRIAL_DAYS = tmp_path, tmp_path / "columnar", 30
    province.organs()
    province.firm(businesses=["supervision"])


def discarded(on: int = MADE + 31, **more):
    return discard_trials(actor=province.ACTOR, at=province.at(on), **more)


def test_a_trial_goes_with_its_files_after_the_days_of_the_setting():
    run = made()
    folder = runs_folder() / run.code
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert discarded(MADE + 30).runs == ()
    assert discarded(MADE + 31, days=32).runs == ()
    found = discarded()
    assert (found.runs, found.bytes) == ((run.code,), size)
    assert not Run.objects.exists()
    assert not folder.exists()
    event = Event.objects.get(verb=VERB_DISCARDED)
    assert event.object == f"assessment.run:{run.code}"
    assert event.facts["entries"] == run.entries_digest


def test_a_published_run_and_one_that_a_standing_names_stay():
    kept = published(made())
    assert discarded().runs == ()
    Run.objects.update(published_by="", published_at=None, effective_from=None)
    assert discarded().kept == (kept.code,)
    assert is_whole(kept)
    Standing._base_manager.update(run="")
    assert discarded(keep=[kept.code]).kept == (kept.code,)
    assert discarded().runs == (kept.code,)


def test_a_dry_run_says_what_would_go_and_changes_nothing():
    run = made()
    events = Event.objects.count()
    assert discarded(dry_run=True).runs == (run.code,)
    assert is_whole(run)
    assert Event.objects.count() == events
    assert discarded().runs == (run.code,)


def test_a_code_is_not_given_twice():
    first = made()
    discarded()
    again = made(days=MADE + 40)
    assert first.code == f"{BOOK}-20240630-1"
    assert again.code == f"{BOOK}-20240630-2"
    assert again.entries_digest == first.entries_digest


def test_folders_without_a_run_go_when_they_are_a_day_old(monkeypatch):
    run = made()
    with monkeypatch.context() as crashed:
        crashed.setattr(discard, "_remove", lambda places: None)
        assert discarded().runs == (run.code,)
    draft = runs_folder() / ".draft"
    draft.mkdir()
    (runs_folder() / "stray").write_bytes(b"1234")
    now = province.at(MADE + 40)
    for name, age in ((run.code, 2), (".draft", 0), ("stray", 2)):
        when = (now - timedelta(days=age)).timestamp()
        os.utime(runs_folder() / name, (when, when))
    assert discarded(MADE + 40).orphans == ("stray", run.code)
    assert [path.name for path in runs_folder().iterdir()] == [".draft"]


def test_negative_days_are_refused():
    with pytest.raises(ValueError, match="negative"):
        discarded(days=-1)


def test_the_command_tells_what_goes():
    run = made()
    runner = CliRunner()
    dry = runner.invoke(_app, ["discard", "--dry-run"], catch_exceptions=False).output
    assert run.code in dry
    assert "将清理 1 个试算批次" in dry
    done = runner.invoke(_app, ["discard", "--days", "0"], catch_exceptions=False).output
    assert "已清理 1 个试算批次、0 个无主文件夹" in done
    assert not Run.objects.exists()
