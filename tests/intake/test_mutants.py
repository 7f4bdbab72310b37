"""Broken deliveries: each is refused or queried with its code, none crashes, slips in or fills the memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from tests.intake.conftest import ACTOR, START, SYSTEM, Desk
from tests.intake.mutants import FORMS, ITEMS, Mutant, all_mutants, as_file, good_row

from xinlu.gazette import current
from xinlu.intake.deliver import deliver
from xinlu.intake.preview import preview
from xinlu.intake.problems import CODES, Refused
from xinlu.intake.sheet import UPLOAD
from xinlu.ledger.models import Record

AT = START + timedelta(days=1)
MOST_MEMORY = 300
"""MiB, of the whole process."""
EACH = 47
"""In the quick run one mutant in so many is tried; no multiple of the number of forms."""
LEAST = 300


def mutants(*, heavy: bool) -> list[Mutant]:
    return [one for one in all_mutants(current.catalogue()) if one.heavy == heavy]


def wrong_with(one: Mutant, *, commit: bool) -> str:
    """What a mutant gets that it should not; empty when all is well."""
    said = {"file": one.bytes(), "name": one.file, "source": "zj-penalties", "item": one.item}
    said |= {"received_at": AT, "scope": SYSTEM, "limits": UPLOAD}
    try:
        found = deliver(**said, actor=ACTOR) if commit else preview(**said)  # type: ignore[arg-type]
    except Refused as refused:
        told = {problem.code for problem in refused.problems}
        missing = [problem.code for problem in refused.problems if not (problem.basis and problem.next_step)]
        return "" if told <= one.codes and not missing else f"{one.name}: refused with {sorted(told)}"
    if found.queried and set(found.codes) & one.codes and found.accepted < found.delivered:
        return ""
    return f"{one.name}: {found.accepted} accepted, {found.queried} queried, {dict(found.codes)}"


def wrong_among(several: list[Mutant], *, commit: bool) -> list[str]:
    wrong = []
    for one in several:
        mark = transaction.savepoint()
        if told := wrong_with(one, commit=commit):
            wrong.append(told)
        transaction.savepoint_rollback(mark)
    return wrong


def test_there_are_hundreds_of_mutants_and_every_code_they_await_exists() -> None:
    several = all_mutants(current.catalogue())
    assert len({one.name for one in several}) == len(several) >= LEAST
    assert {code for one in several for code in one.codes} <= CODES.keys()
    assert {one.heavy for one in several} == {True, False}


@pytest.mark.parametrize("item", ITEMS)
def test_the_rows_that_mutants_are_made_from_are_in_order(desk: Desk, item: str) -> None:
    law = current.catalogue()
    rows = [good_row(law.items[item], law, number) for number in (1, 2)]
    for form in FORMS:
        seen = preview(
            file=as_file(form, rows), name=f"a.{form}", source="zj-penalties", item=item, received_at=AT, scope=SYSTEM
        )
        assert (seen.accepted, seen.queried) == (2, 0), seen.problems


def test_a_handful_of_mutants_of_every_sort_is_answered(desk: Desk) -> None:
    light = mutants(heavy=False)
    rows = [one for one in light if ":" in one.name and one.name.split(":")[0] in ITEMS]
    files = [one for one in light if one not in rows]
    assert wrong_among(rows[::EACH] + files[::3], commit=False) == []
    assert not Record._base_manager.exists()


def test_a_few_are_handed_over_and_leave_no_record(desk: Desk) -> None:
    light = mutants(heavy=False)
    assert wrong_among(light[:: EACH * 11], commit=True) == []
    assert not Record._base_manager.exists()


@pytest.mark.slow
def test_every_mutant_is_answered_when_it_is_handed_over(desk: Desk) -> None:
    assert wrong_among(mutants(heavy=False), commit=True) == []
    assert not Record._base_manager.exists()


READ = """
import json, sys
import django
django.setup()
from xinlu.gazette import current
from xinlu.intake.problems import Refused
from xinlu.intake.sheet import UPLOAD, read_sheet
from xinlu.intake.table import table_of
law = current.catalogue()
for place, name in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    told = []
    with open(place, "rb") as handle:
        try:
            table_of(read_sheet(handle, name=name, limits=UPLOAD), catalogue=law, limits=UPLOAD)
        except Refused as refused:
            told = [problem.code for problem in refused.problems]
    # Not getrusage: its peak is inherited from the process that started this one.
    status = open("/proc/self/status").read()
    print(json.dumps([told, int(status.partition("VmHWM:")[2].split()[0]) // 1024]))
"""


def wrong_with_bombs(several: list[Mutant], folder: Path) -> list[str]:
    """Read heavy mutants in a process of its own, with all that a server has loaded; what went wrong with them."""
    words = []
    for number, one in enumerate(several):
        place = folder / str(number)
        place.write_bytes(one.bytes())
        words += [str(place), one.file]
    done = subprocess.run(
        [sys.executable, "-c", READ, *words],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "xinlu.settings", "XINLU_VAR": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(several)
    wrong = [f"{one.name}: {told}" for one, (told, _) in zip(several, found, strict=True) if not _answers(one, told)]
    return wrong + [
        f"{one.name}: {peak} MiB" for one, (_, peak) in zip(several, found, strict=True) if peak > MOST_MEMORY
    ]


def _answers(one: Mutant, told: list[str]) -> bool:
    return bool(told) and set(told) <= one.codes


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")


@needs_proc
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    chosen = ("bomb: a part of 30 MB of nothing", "bomb: thirty thousand parts", "bomb: a million lines")
    several = [one for one in mutants(heavy=True) if one.name in chosen]
    assert len(several) == len(chosen)
    assert wrong_with_bombs(several, tmp_path) == []


@needs_proc
@pytest.mark.slow
def test_every_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    assert wrong_with_bombs(mutants(heavy=True), tmp_path) == []
