"""Every code has a basis and a next step, and stands in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from xinlu.intake.problems import CODES, advice

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "deliveries.md"


def test_the_documentation_lists_just_the_codes_that_there_are() -> None:
    listed = re.findall(r"^\| `([A-Z0-9-]+)` \| (.+?) \| (.+?) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert {code: (title, step) for code, title, step in listed} == {
        one.code: (one.title, one.next_step) for one in CODES.values()
    }


def test_every_code_says_on_what_it_rests_and_what_to_do() -> None:
    for code, one in CODES.items():
        assert one.title
        assert all(advice(code))
