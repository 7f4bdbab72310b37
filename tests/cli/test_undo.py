"""``xinlu undo`` takes a delivery back, or says why not."""

from __future__ import annotations

import pytest
from tests.intake.conftest import as_csv, open_desk, penalty
from typer.testing import CliRunner

from xinlu.cli.undo import app
from xinlu.ledger.models import Record


@pytest.mark.django_db
def test_a_delivery_is_withdrawn_and_cannot_be_undone_after_a_day() -> None:
    desk = open_desk()
    first = desk.hand(as_csv([penalty(1)]))
    said = [str(first.delivery), "--reason", "上传了另一个月的文件，全部作废"]
    refused = CliRunner().invoke(app, said)
    assert (refused.exit_code, "B03" in refused.output) == (2, True)
    done = CliRunner().invoke(app, [*said, "--withdraw"])
    assert (done.exit_code, "撤下 1 条记录" in done.output) == (0, True)
    assert not Record._base_manager.filter(superseded_at__isnull=True).exists()
