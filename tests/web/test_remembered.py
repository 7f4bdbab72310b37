"""Counted figures are kept while nothing changes, and never shown to somebody with another view."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import transaction

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.journal.sequence import next_change
from xinlu.web.remembered import remembered

DAY = date(2026, 6, 30)
ANNA = Scope(kind="officer", key="person:1", organ="a", regions=("330106",), sectors=("all",), level="L2")
BEN = Scope(kind="officer", key="person:2", organ="a", regions=("330106",), sectors=("all",), level="L2")
CITY = Scope(kind="officer", key="person:3", organ="a", regions=("330106", "330100"), sectors=("all",), level="L2")


class Counting:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        return self.times


@pytest.fixture
def count(db, settings) -> Counting:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "figures"}}
    from django.core.cache import cache

    cache.clear()
    return Counting()


def test_a_figure_is_counted_once_for_everybody_with_the_same_view(count) -> None:
    assert [remembered("figure", who, DAY, count) for who in (ANNA, ANNA, BEN)] == [1, 1, 1]


def test_another_view_or_day_or_figure_is_counted_for_itself(count) -> None:
    remembered("figure", ANNA, DAY, count)
    assert remembered("figure", CITY, DAY, count) == 2
    assert remembered("figure", Scope.public(), DAY, count) == 3
    assert remembered("figure", ANNA, date(2026, 7, 1), count) == 4
    assert remembered("other", ANNA, DAY, count) == 5


def test_a_change_of_the_data_or_of_the_law_is_a_new_figure(count) -> None:
    remembered("figure", ANNA, DAY, count)
    with transaction.atomic():
        next_change()
    assert remembered("figure", ANNA, DAY, count) == 2
    current.forget()
    assert remembered("figure", ANNA, DAY, count) == 3
