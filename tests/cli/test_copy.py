"""``xinlu copy`` over a small ledger."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import province
from typer.testing import CliRunner

from xinlu.cli import _app

pytestmark = pytest.mark.django_db(transaction=True)
ITEM = "administrative_penalty"


@pytest.fixture
def said(settings, tmp_path):
    settings.VAR, settings.COLUMNAR = tmp_path, tmp_path / "columnar"
    province.organs()
    runner = CliRunner()

    def say(*words: str, code: int = 0) -> str:
        result = runner.invoke(_app, ["copy", *words], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output

    return say


def change(firm: int, number: str, fine: str = "0.200000", days: int = 0) -> None:
    row = province.penalty(firm, number, fine_amount=fine)
    province.deliver(province.source(), ITEM, [row], when=province.at(days))


def test_a_copy_is_synced_folded_checked_and_rebuilt(said):
    firm = province.firm()
    rows = [province.penalty(firm, f"{number}号") for number in range(50)]
    province.deliver(province.source(), ITEM, rows)
    assert "副本完整到变更" in said("sync")
    assert "副本与数据库一致" in said("check")
    change(firm, "0号", fine="0.300000", days=1)
    assert "请先运行 xinlu copy sync" in said("check", code=1)
    assert "2 行在 1 个后续文件" in said("sync", "--no-tidy")
    assert "副本与数据库一致" in said("check")
    assert "0 行在 0 个后续文件" in said("compact")
    assert "副本与数据库一致" in said("check")
    assert "0 行在 0 个后续文件" in said("rebuild")
    assert "副本与数据库一致" in said("check")


def test_a_check_finds_a_broken_file_and_rows_that_the_truth_lacks(said, settings):
    from xinlu.ledger.models import Record, RecordRole

    change(province.firm(), "1号")
    said("sync")
    RecordRole.objects.all().delete()
    Record._base_manager.all().delete()
    assert f"item_{ITEM}：副本 1 行，数据库 0 行" in said("check", code=1)
    (file,) = Path(settings.COLUMNAR, f"item_{ITEM}").glob("*.parquet")
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)
    assert f"文件缺失或内容已变：item_{ITEM}/{file.name}" in said("check", code=1)
    file.unlink()
    assert "文件缺失" in said("check", code=1)
    assert "完整" in said("rebuild")
    assert "一致" in said("check")
