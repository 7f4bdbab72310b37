"""Who is who, on subjects and dirty rows of which it is known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.conf import settings

from xinlu.access.scope import Scope
from xinlu.demo.lookalikes import DIRT, Lookalikes, quality
from xinlu.journal.actor import Actor
from xinlu.law.regions import load_regions
from xinlu.registry.candidates import candidates
from xinlu.registry.enrol import enrol_many
from xinlu.registry.likeness import proposed
from xinlu.registry.revise import revise_many

ACTOR = Actor.system("test")
AT = datetime(2026, 1, 1, tzinfo=UTC)
PRECISION, RECALL = 0.995, 0.97


@pytest.mark.django_db
def test_proposals_are_right_and_complete_on_two_thousand_subjects() -> None:
    world = Lookalikes(2000, load_regions(settings.STANDARDS / "regions.yaml"), seed=11)
    numbers = enrol_many(list(world.subjects()), actor=ACTOR, at=AT)
    revise_many(world.revisions(numbers), actor=ACTOR, at=AT)
    rows = world.rows(1800, numbers)
    assert {row.dirt for row in rows} == set(DIRT)
    assert sum(row.meant is None for row in rows) == len(rows) / 2, "half must not match"
    shown = candidates(Scope.system("test"), [row.said for row in rows])
    judged = []
    for row, several in zip(rows, shown, strict=True):
        taken = proposed(several)
        judged.append((row, taken.number if taken else None, row.meant in [known.number for known, _ in several]))
    found = quality(judged)
    assert found["all"].precision >= PRECISION, found
    assert found["all"].recall >= RECALL, found
    assert min(one.precision for one in found.values()) >= 0.98, found
    assert min(one.recall for one in found.values()) >= 0.93, found
    assert found["all"].seen == len(rows) / 2, "who is meant stands among the candidates in every case"
