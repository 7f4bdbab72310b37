"""The clock of the pages, and the line that says a province is made up."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from django.utils import timezone

from xinlu.web.moments import sample_day, today


def mark(folder: Path, day: str) -> None:
    """Write what a build of the demo leaves behind."""
    (folder / "demo").mkdir(exist_ok=True)
    (folder / "demo" / "built.json").write_text(json.dumps({"today": day, "scale": 1}))


def test_pages_live_today_where_nothing_else_is_said(settings, tmp_path: Path) -> None:
    settings.VAR = tmp_path
    assert sample_day() is None
    assert today() == timezone.localdate()


def test_the_demo_province_lives_on_its_own_last_day(settings, tmp_path: Path) -> None:
    settings.VAR = tmp_path
    mark(tmp_path, "2026-06-30")
    assert today() == sample_day() == date(2026, 6, 30)


def test_a_day_that_an_operator_names_wins(settings, tmp_path: Path) -> None:
    settings.VAR, settings.TODAY = tmp_path, date(2025, 1, 2)
    mark(tmp_path, "2026-06-30")
    assert today() == date(2025, 1, 2)


def test_every_page_of_the_demo_says_that_it_is_made_up(settings, site, client) -> None:
    pages = ("/", "/?q=示例", "/overview/", "/rulebooks/", "/sign-in/", "/design/", "/no/such/page/")
    subject = f"/subject/{site.firm}/"
    for page in (*pages, subject):
        assert "sample-line" not in client.get(page).content.decode()
    mark(Path(settings.VAR), "2026-06-30")
    for page in (*pages, subject, f"{subject}standing/{site.standing}/"):
        assert "示例省：主体、记录和结果全部虚构，演示日 2026-06-30" in client.get(page).content.decode(), page
