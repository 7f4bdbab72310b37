"""The life cycle plane: what ships is right, and a wrong file is told with its line."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from xinlu.law.check import check
from xinlu.law.check.life_cycles import check_life_cycles
from xinlu.law.library import load, shipped
from xinlu.law.life_cycle import in_force_on


@pytest.fixture
def standards(tmp_path: Path) -> Path:
    root = tmp_path / "standards"
    shutil.copytree(shipped() / "catalogue", root / "catalogue")
    shutil.copytree(shipped() / "life-cycle", root / "life-cycle")
    return root


def test_the_shipped_file_is_right_and_governs_what_came_before_it() -> None:
    library = load(shipped())
    assert check_life_cycles(library) == []
    (one,) = library.life_cycles
    assert one.adverse.months == 60
    assert in_force_on(library.life_cycles, date(2010, 1, 1)) is one


def test_names_that_the_catalogue_lacks_and_days_that_overlap_are_told(standards: Path) -> None:
    file = standards / "life-cycle" / "2018.yaml"
    text = file.read_text(encoding="utf-8")
    broken = text.replace("items: [serious_list_entry]", "items: [no_list]").replace(
        "field: final_on", "field: decision_no"
    )
    (standards / "life-cycle" / "2020.yaml").write_text(
        broken.replace('version: "2018"', 'version: "2020"').replace("from: 2018-01-01", "from: 2020-01-01"), "utf-8"
    )
    found = [(one.code, one.sentence) for one in check(load(standards)) if "life-cycle" in one.file]
    assert found == [
        ("LAW-411", "与“2018”版的施行期重叠"),
        ("LAW-301", "目录中没有信息项“no_list”"),
        ("LAW-301", "信息项“penalty_classification”没有日期数据项“final_on”".replace("final_on", "decision_no")),
    ]
