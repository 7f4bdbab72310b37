"""The shipped books, read and studied once for all tests of a process."""

from __future__ import annotations

from functools import cache

import pytest
from tests.engine.populations.drawing import Law, law_of

from xinlu.law.library import load, shipped

SHIPPED = load(shipped())
BOOKS = [(book.rulebook, book.version) for versions in SHIPPED.rulebooks.values() for book in versions]
EACH_BOOK = pytest.mark.parametrize(("book", "version"), BOOKS, ids=[f"{book}-{version}" for book, version in BOOKS])

OF_EACH_SHAPE = (
    "credit-repair-period",
    "highway-construction-firm",
    "lock-convoy",
    "overlimit-enterprise",
    "overload-list-enterprise",
    "paris-mou-ship",
    "road-driver-integrity",
    "safety-code-firm",
    "sole-trader-freight",
    "taxi-enterprise",
)
"""Books that between them reach their rows in every way; what is costly is tried on these each time, on all in the
long run."""
EACH_SHAPE = pytest.mark.parametrize(
    ("book", "version"),
    [
        pytest.param(book, version, id=f"{book}-{version}", marks=() if book in OF_EACH_SHAPE else (pytest.mark.slow,))
        for book, version in BOOKS
    ],
)


@cache
def shipped_law(book: str, version: str) -> Law:
    """A shipped book with its edges and cases."""
    chosen = SHIPPED.version(book, version)
    assert chosen is not None
    return law_of(SHIPPED, chosen)
