"""What the demo province published can be computed again: from its entries, from its data, and as it was known then."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.demo_province import SMALL_BOOKS, xinlu

from xinlu import standards_folder
from xinlu.engine.kept import Kept
from xinlu.engine.recompute import recompute
from xinlu.engine.result import entries_of, findings_of
from xinlu.engine.run import understand_all
from xinlu.law.library import Library, load
from xinlu.law.meaning import Meaning


@pytest.fixture(scope="module")
def library() -> Library:
    return load(standards_folder())


def runs(var: Path) -> list[tuple[str, str, str, str]]:
    """Code, book, day and time of knowledge of every run, oldest first."""
    with sqlite3.connect(f"file:{var / 'xinlu.sqlite3'}?mode=ro", uri=True) as database:
        query = "select code, book, as_of, known_at from assessment_run order by id"
        return database.execute(query).fetchall()


def meanings(library: Library, book: str, day: str) -> list[Meaning]:
    versions = library.rulebooks[book]
    understood = understand_all(library.needed(*versions), library.catalogue)
    chosen = [one for one in versions if one.governed_by != "as_of" or one.in_force.covers(date.fromisoformat(day))]
    return [understood[one.rulebook, one.version] for one in chosen]


def test_every_finding_follows_from_its_entries_alone(small_province: Path, library: Library) -> None:
    looked_at = 0
    for code, book, day, _ in runs(small_province):
        folder = small_province / "runs" / code
        findings = findings_of(Kept.read(folder).table("findings"))
        entries = entries_of(Kept.read(folder).table("entries"))
        assert recompute(meanings(library, book, day), entries) == findings, code
        looked_at += len(findings)
    assert looked_at > 200


def test_the_shares_of_a_score_add_up_to_it_exactly(small_province: Path) -> None:
    """The driver's points are one sum, so its lines and its answer can be set against each other directly."""
    code = next(code for code, book, _, _ in reversed(runs(small_province)) if book == "road-driver-integrity")
    folder = small_province / "runs" / code
    shares: dict[int, Decimal] = {}
    for entry in entries_of(Kept.read(folder).table("entries")):
        if entry.step == "cycle_points" and entry.share is not None:
            shares[entry.unit] = shares.get(entry.unit, Decimal(0)) + entry.share
    findings = findings_of(Kept.read(folder).table("findings"))
    scores = {one.unit: one.number for one in findings if one.output == "points" and one.number is not None}
    assert len(set(scores.values())) > 3
    assert all(shares.get(unit, Decimal(0)) == number for unit, number in scores.items())


@pytest.mark.parametrize("book", SMALL_BOOKS[:3])
def test_a_replay_with_what_was_known_then_gives_the_first_result_to_the_byte(
    small_province: Path, tmp_path: Path, book: str
) -> None:
    var = shutil.copytree(small_province, tmp_path / "var")
    first = next(one for one in runs(var) if one[1] == book)
    code, _, day, known_at = first
    done = xinlu(var, "run", book, "--as-of", day, "--known-at", known_at[:19].replace(" ", "T"))
    assert done.returncode == 0, done.stdout + done.stderr
    # The digests are the same, so the run that is there is given back instead of a second one.
    assert code in done.stdout
    assert len(runs(var)) == len(runs(small_province))
