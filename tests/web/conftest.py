"""The small site, for tests of pages."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from tests.web import seed, stand_in


@pytest.fixture
def site(db, monkeypatch) -> seed.Site:
    """Two firms, a driver and what is known of them."""
    module = ModuleType("xinlu.assessment.queries")
    module.entries_of = stand_in.entries_of
    monkeypatch.setitem(sys.modules, "xinlu.assessment.queries", module)
    if "xinlu.assessment" not in sys.modules:
        package = ModuleType("xinlu.assessment")
        package.queries = module
        monkeypatch.setitem(sys.modules, "xinlu.assessment", package)
    return seed.build()
