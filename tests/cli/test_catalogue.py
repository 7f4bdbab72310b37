from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xinlu.cli.catalogue import app
from xinlu.law.problem import LawError

RUN = CliRunner()


def test_a_template_is_written(tmp_path: Path) -> None:
    done = RUN.invoke(app, ["template", "honour", "-o", str(tmp_path / "a.xlsx")])
    assert done.exit_code == 0
    assert (tmp_path / "a.xlsx").read_bytes()[:2] == b"PK"


def test_a_schema_is_told_by_name_or_title() -> None:
    by_name, by_title = (RUN.invoke(app, ["schema", one]) for one in ("honour", "诚实守信相关荣誉"))
    assert json.loads(by_name.stdout)["title"] == "诚实守信相关荣誉"
    assert by_title.stdout.endswith(by_name.stdout)


def test_an_item_that_is_not_in_the_catalogue_is_told() -> None:
    with pytest.raises(LawError) as refused:
        RUN.invoke(app, ["schema", "rumour"], catch_exceptions=False)
    assert refused.value.problems[0].code == "LAW-311"
