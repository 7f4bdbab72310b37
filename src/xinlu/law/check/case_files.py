"""Cases files: there, enough of them, each with a name of its own and something expected."""

from __future__ import annotations

from collections.abc import Iterator

from xinlu.law.cases import FEWEST, Cases, read_cases
from xinlu.law.check.notes import Notes
from xinlu.law.library import CASES, Library
from xinlu.law.problem import LawError, Problem
from xinlu.law.rulebook import Rulebook


def check_case_files(library: Library) -> Iterator[Problem]:
    """Problems of the cases file of every book."""
    for versions in library.rulebooks.values():
        for book in versions:
            yield from _book(library, book)


def _book(library: Library, book: Rulebook) -> list[Problem]:
    path, filed = library.cases_path(book), library.filed(book)
    if not path.exists():
        notes = Notes(filed)
        notes.add("LAW-601", f"没有案例文件 {path.name}")
        return notes.problems
    name = filed.marked.file.removesuffix(".yaml") + CASES
    try:
        cases, where = read_cases(path, name=name)
    except LawError as error:
        return list(error.problems)
    notes = Notes(where)
    _cases(book, cases, notes)
    return notes.problems


def _cases(book: Rulebook, cases: Cases, notes: Notes) -> None:
    if (cases.book, cases.version) != (book.rulebook, book.version):
        wanted = f"{book.rulebook} {book.version}"
        notes.add("LAW-606", f"案例写的是 {cases.book} {cases.version}，旁边的规则是 {wanted}", "book")
    if len(cases.cases) < FEWEST:
        notes.add("LAW-602", f"只有 {len(cases.cases)} 个案例，至少要 {FEWEST} 个", "cases")
    names: set[str] = set()
    for index, case in enumerate(cases.cases):
        if case.case in names:
            notes.add("LAW-605", f"案例“{case.case}”写了两次", "cases", index, "case")
        names.add(case.case)
        if not (case.expect or case.values or case.entries):
            notes.add("LAW-607", f"案例“{case.case}”没有期望", "cases", index)
