"""Static checks of a library: what can be known to be wrong before a single record is read.

Each group of checks has its module; :func:`check` runs them all. Whether the cases of a book hold is found
out by running them (:mod:`xinlu.engine.cases`).
"""

from __future__ import annotations

from xinlu.law.check.books import check_books
from xinlu.law.check.case_files import check_case_files
from xinlu.law.check.catalogue import check_catalogue
from xinlu.law.check.feeds import check_feeds
from xinlu.law.check.filings import check_filings
from xinlu.law.check.life_cycles import check_life_cycles
from xinlu.law.check.procedures import check_procedures
from xinlu.law.check.quality import check_quality
from xinlu.law.check.reporting import check_reporting
from xinlu.law.library import Library
from xinlu.law.problem import Problem, by_place

__all__ = ["check"]


def check(library: Library) -> tuple[Problem, ...]:
    """Every problem of form and meaning in a library, in the order of file and line."""
    return by_place(
        [
            *library.problems,
            *check_catalogue(library),
            *check_books(library),
            *check_case_files(library),
            *check_procedures(library),
            *check_filings(library),
            *check_quality(library),
            *check_reporting(library),
            *check_life_cycles(library),
            *check_feeds(library),
        ]
    )
