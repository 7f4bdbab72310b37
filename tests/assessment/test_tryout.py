"""A drafted version on the records of a day, beside the version that it was copied from."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.web.conftest import site
from tests.web.seed import Site

from xinlu.assessment import tryout
from xinlu.assessment.models import Run
from xinlu.gazette import current
from xinlu.law.library import Library
from xinlu.law.rulebook import Rulebook
from xinlu.ledger.models import Standing

__all__ = ["site"]

DAY = date(2026, 3, 1)
AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def law(site: Site) -> Library:
    return current.library()


def book(law: Library, **parts: object) -> Rulebook:
    found = law.version("highway-design-firm", "2013")
    assert found is not None
    return found.model_copy(update=parts)


def test_a_version_that_changes_only_points_moves_nobody_and_renumbers_them(law: Library, site: Site) -> None:
    old = book(law)
    full = old.parameters["full"].model_copy(update={"value": old.parameters["full"].value - 1})  # type: ignore[operator]
    new = book(law, parameters={**old.parameters, "full": full})
    runs, standings = Run.objects.count(), Standing._base_manager.count()
    made = tryout.try_book(law, new, key="7-abc", as_of=DAY, known_at=AT, beside=old)
    assert (made.units, made.units_before, made.moved, made.renumbered) == (1, 1, 0, 1)
    level = next(one for one in made.answers if one.output == "level")
    assert (dict(level.counts), dict(level.examples)) == ({"A": (1, 1)}, {"A": (site.firm,)})
    score = next(one for one in made.answers if one.output == "score")
    assert score.spreads is not None
    assert score.spreads[0].high - score.spreads[1].high == 1  # type: ignore[operator]
    assert (Run.objects.count(), Standing._base_manager.count()) == (runs, standings), "nothing is left behind"
    assert tryout.tried(new, key="7-abc", as_of=DAY) == made
    assert {one.output for one in tryout.findings_of_tryout("7-abc", DAY, site.firm)} == {"score", "level"}
    assert tryout.entries_of_tryout("7-abc", DAY, site.firm)


def test_a_version_is_tried_before_the_day_on_which_it_comes_into_force(law: Library) -> None:
    in_force = book(law).in_force.model_copy(update={"from_": date(2030, 1, 1)})
    made = tryout.try_book(law, book(law, in_force=in_force), key="8-abc", as_of=DAY, known_at=AT)
    assert (made.units, made.moved) == (1, None)


def test_tryouts_of_another_text_and_old_ones_are_thrown_away(law: Library) -> None:
    tryout.try_book(law, book(law), key="9-a", as_of=DAY, known_at=AT)
    tryout.try_book(law, book(law), key="10-a", as_of=DAY, known_at=AT)
    tryout.try_book(law, book(law), key="9-b", as_of=DAY, known_at=AT)
    assert (tryout.days_tried("9-a"), tryout.days_tried("9-b"), tryout.days_tried("10-a")) == ((), (DAY,), (DAY,))
    tryout.try_book(law, book(law), key="9-b", as_of=date(2026, 2, 1), known_at=AT + timedelta(days=31))
    assert tryout.days_tried("9-b") == (date(2026, 2, 1),)
    assert tryout.days_tried("10-a") == ()
