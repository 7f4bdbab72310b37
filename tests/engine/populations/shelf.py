"""The shipped books, read and studied once for all tests of a process."""

from __future__ import annotations

from functools import cache

import pytest
from tests.engine.populations.drawing import Law, law_of

from xinlu.law.library import load, shipped

SHIPPED = load(shipped())
BOOKS = [(book.rulebook, book.version) for versions in SHIPPED.rulebooks.values() for book in versions]
EACH_BOOK = pytest.mark.parametrize(("book", "version"), BOOKS, ids=[f"{book}-{version}" for book, version in BOOKS])


@cache
def shipped_law(book: str, version: str) -> Law:
    """A shipped book with its edges and cases."""
    chosen = SHIPPED.version(book, version)
    assert chosen is not None
    return law_of(SHIPPED, chosen)
