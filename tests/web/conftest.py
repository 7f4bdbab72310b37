"""The small site, for tests of pages."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.apps import apps
from django.core import serializers
from tests.web import seed
from tests.web.serving import served

__all__ = ["served"]


@dataclass(frozen=True)
class Made:
    """A small site that was made once: its numbers, its rows and its files."""

    site: seed.Site
    rows: str
    folder: Path


_made: list[Made] = []


@pytest.fixture
def site(db, settings, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> seed.Site:
    """Two firms, a driver and what is known of them, with a run over them published.

    Made once for all tests of a worker; each gets its rows and a copy of its files.
    """
    settings.VAR = tmp_path / "var"
    settings.COLUMNAR = settings.VAR / "columnar"
    if not _made:
        settings.VAR.mkdir()
        made = seed.build()
        folder = tmp_path_factory.mktemp("site") / "var"
        shutil.copytree(settings.VAR, folder)
        _made.append(Made(made, _rows(), folder))
        return made
    shutil.copytree(_made[0].folder, settings.VAR)
    for row in serializers.deserialize("jsonl", _made[0].rows):
        row.save()
    return _made[0].site


def _rows() -> str:
    """Every row of our own tables, referred ones before those that refer to them."""
    ours = [(config, None) for config in apps.get_app_configs() if config.name.startswith("xinlu.")]
    models = serializers.sort_dependencies(ours, allow_cycles=True)
    return serializers.serialize("jsonl", [row for model in models for row in model._base_manager.order_by("pk")])
