"""Forms of self-filing, and procedures that are set in motion: what the check says of wrong ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from xinlu.law.check.filings import check_filings
from xinlu.law.check.procedures import check_procedures
from xinlu.law.filing import load_forms
from xinlu.law.library import load, shipped
from xinlu.law.problem import LawError

LIBRARY = load(shipped())
FORM = shipped() / "filing" / "engineering-firm.yaml"


def told(tmp_path: Path, old: str, new: str) -> list[tuple[str, str]]:
    """(code, sentence) of every problem of the shipped form with one text changed."""
    text = FORM.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "filing").mkdir()
    (tmp_path / "filing" / FORM.name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return [(one.code, one.sentence) for one in check_filings(replace(LIBRARY, root=tmp_path))]


def test_the_shipped_form_is_a_sample_and_in_order() -> None:
    form = load_forms(shipped())["engineering-firm"]
    assert check_filings(LIBRARY) == []
    assert form.source.grade == "sample"
    assert list(form.parts) == ["unit", "persons", "projects", "sections", "performance"]
    assert form.newest(date(2026, 6, 30)) == form.round(2026)
    assert form.newest(date(2024, 6, 30)) is None


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("form: engineering-firm", "form: other-firm", "LAW-308"),
        ("kind: enterprise\nbusinesses", "kind: company\nbusinesses", "LAW-301"),
        ("highway_design,", "bridge_design,", "LAW-301"),
        ("{name: registered_capital,", "{name: registered_capitals,", "LAW-301"),
        ("item: works_performance", "item: works", "LAW-301"),
        ("relation: employs", "relation: hires", "LAW-301"),
        ("from: firm, to: row}", "from: boss, to: row}", "LAW-301"),
        ("since: started_on", "since: begun_on", "LAW-301"),
        ("locks_on: 2025-07-01", "locks_on: 2025-01-06", "LAW-708"),
        ("year: 2026, opens_on: 2026-01-05", "year: 2026, opens_on: 2024-01-05", "LAW-708"),
        ("once: id_number", "once: age", "LAW-206"),
        ("    kind: practitioner\n", "", "LAW-206"),
    ],
)
def test_a_name_that_nobody_knows_or_a_day_out_of_order_is_told(tmp_path: Path, old: str, new: str, code: str) -> None:
    assert code in {one for one, _ in told(tmp_path, old, new)}


def test_a_form_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "filing").mkdir()
    (tmp_path / "filing" / "a.yaml").write_text("form: a\n", encoding="utf-8")
    with pytest.raises(LawError):
        load_forms(tmp_path)
    assert load_forms(tmp_path / "nothing") == {}


def test_a_procedure_in_motion_has_a_lamp_and_asks_for_nothing_that_the_machine_does_not_do() -> None:
    (row,) = LIBRARY.procedures["returned-row"]
    clock = row.clocks["check"].model_copy(update={"extend_once": 3})
    states = {**row.states, "fixed": row.states["fixed"].model_copy(update={"queue": None})}
    action = row.actions["close"].model_copy(update={"other_than": ("nobody",)})
    broken = row.model_copy(
        update={
            "lamp": None,
            "clocks": {**row.clocks, "check": clock},
            "states": states,
            "actions": {**row.actions, "close": action},
        }
    )
    found = check_procedures(replace(LIBRARY, procedures={"returned-row": (broken,)}))
    assert sorted(one.code for one in found) == ["LAW-701", "LAW-706", "LAW-707", "LAW-707"]
