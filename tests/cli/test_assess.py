"""``xinlu run``, ``publish``, ``explain`` and ``compare`` over a small ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests import province
from typer.testing import CliRunner

from xinlu.assessment.models import Run
from xinlu.cli import _app

pytestmark = pytest.mark.django_db(transaction=True)
BOOK = "supervision-firm-zhejiang-2014"
USCC = "91330106MA2TEST0X0"


@pytest.fixture
def said(settings, tmp_path):
    settings.VAR, settings.COLUMNAR = tmp_path, tmp_path / "columnar"
    province.organs()
    province.firm("示例监理有限公司", uscc=USCC, businesses=["supervision"])
    runner = CliRunner()

    def say(*words: str, code: int = 0) -> str:
        result = runner.invoke(_app, list(words), catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output

    return say


def test_a_run_is_a_trial_until_it_is_published_and_then_it_is_explained(said):
    assert "1 个评价单元" in said("run", BOOK, "--as-of", "2024-06-30")
    run = f"{BOOK}-20240630-1"
    assert "没有已发布的" in said("explain", USCC, BOOK, code=2)
    assert "示例监理有限公司" in said("explain", USCC, BOOK, "--run", run)
    assert "自 2024-08-01 起生效" in said("publish", run, "--from", "2024-08-01")
    assert "写入 0 条" in said("publish", run, "--from", "2024-08-01")
    assert run in said("explain", USCC, BOOK)


def test_what_is_not_there_is_said(said):
    assert "没有编号为" in said("publish", "nothing-20240101-1", code=2)
    said("run", BOOK, "--as-of", "2024-06-30")
    assert "没有这个主体" in said("explain", "91330106MA2NOBODY0", BOOK, "--run", f"{BOOK}-20240630-1", code=2)


def test_what_law_does_not_know_is_a_problem_with_a_code_and_no_trace(said):
    for words in (
        ("run", "nothing", "--as-of", "2024-06-30"),
        ("compare", "nothing", BOOK, "--as-of", "2024-06-30"),
        ("compare", BOOK, f"{BOOK}@nothing", "--as-of", "2024-06-30"),
        ("compare", "nothing.yaml", BOOK, "--as-of", "2024-06-30"),
    ):
        told = said(*words, code=2)
        assert "错误 LAW-" in told
        assert "怎么办" in told


def test_publishing_twice_or_for_nobody_is_said(said):
    said("run", BOOK, "--as-of", "2024-06-30")
    run = f"{BOOK}-20240630-1"
    assert "没有代码为 nobody 的机构" in said("publish", run, "--organ", "nobody", code=2)
    said("publish", run, "--from", "2024-08-01")
    told = said("publish", run, "--from", "2025-01-01")
    assert "已于" in told
    assert "2025-01-01" not in told


def test_a_run_is_in_force_from_the_day_in_china(said, monkeypatch):
    class Late(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2024, 7, 1, 17, 30, tzinfo=UTC)

    said("run", BOOK, "--as-of", "2024-06-30")
    Run.objects.update(made_at=Late.now())
    monkeypatch.setattr("xinlu.cli.publish.datetime", Late)
    assert "自 2024-07-02 起生效" in said("publish", f"{BOOK}-20240630-1")


def test_an_impact_statement_leaves_nobody_out(said):
    told = said("compare", BOOK, BOOK, "--as-of", "2024-06-30")
    assert "全体 1 = 不变 1 + 变动 0，未交代 0" in told


def test_another_backend_must_be_known_and_installed(said, monkeypatch):
    assert "没有名为“oracle”的计算后端" in said("run", BOOK, "--as-of", "2024-06-30", "--backend", "oracle", code=2)
    monkeypatch.setattr("xinlu.engine.backends.find_spec", lambda package: None)
    told = said("run", BOOK, "--as-of", "2024-06-30", "--backend", "spark", code=2)
    assert "xinlu[spark]" in told
    assert "--backend" in said("run", BOOK, "--as-of", "2024-06-30", "--to", "out", code=2)
    assert not Run.objects.exists()


def test_a_backend_keeps_the_run_that_is_there_or_leaves_the_results_elsewhere(said, tmp_path):
    said("run", BOOK, "--as-of", "2024-06-30")
    said("run", BOOK, "--as-of", "2024-06-30", "--backend", "duckdb")
    assert Run.objects.count() == 1
    told = said("run", BOOK, "--as-of", "2024-06-30", "--backend", "duckdb", "--to", str(tmp_path / "out"))
    assert f"结果在 {tmp_path}" in told.replace("\n", "")
    assert (tmp_path / "out" / BOOK / "findings" / "part-0.parquet").is_file()
    copy = str(tmp_path / "columnar")
    assert "结果在" in said(
        "run", BOOK, "--as-of", "2024-06-30", "--backend", "duckdb", "--copy", copy, "--to", f"{tmp_path}/2"
    )
