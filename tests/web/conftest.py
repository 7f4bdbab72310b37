"""The small site, for tests of pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.web import seed
from tests.web.serving import served

__all__ = ["served"]


@pytest.fixture
def site(db, settings, tmp_path: Path) -> seed.Site:
    """Two firms, a driver and what is known of them, with a run over them published."""
    settings.VAR = tmp_path
    settings.COLUMNAR = tmp_path / "columnar"
    return seed.build()
