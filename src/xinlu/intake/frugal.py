"""Keep the memory of the database small while a delivery of any size goes through it.

A delivery looks at each page of the database about once, and writes each once: a large cache gains it nothing, and
fills. PostgreSQL keeps its cache for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

CACHE = -4_000
"""KiB, as SQLite wants it said."""


@contextmanager
def small_cache() -> Iterator[None]:
    """Within this block SQLite holds a few megabytes of pages, and afterwards as many as before."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        before = {}
        for name, value in (("cache_size", CACHE), ("mmap_size", 0)):
            row = cursor.execute(f"PRAGMA {name}").fetchone()
            before[name] = int(row[0]) if row else value
            cursor.execute(f"PRAGMA {name}={value}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for name, value in before.items():
                cursor.execute(f"PRAGMA {name}={value}")
