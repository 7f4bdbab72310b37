"""What the law would be with a draft in it: the library, its problems, and the cases that fail."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from xinlu.engine.cases import failing_cases
from xinlu.gazette import current
from xinlu.gazette.models import Edition
from xinlu.gazette.refusal import told
from xinlu.law.check import check
from xinlu.law.library import CASES, Library, load
from xinlu.law.overlay import overlay
from xinlu.law.problem import LawError, Problem, Severity, by_place
from xinlu.law.procedure import Procedure
from xinlu.law.rewrite import CannotRewrite, close
from xinlu.law.rulebook import Rulebook


@dataclass(frozen=True)
class Checked:
    """What ``xinlu law check`` says of the law with a draft in it."""

    problems: tuple[Problem, ...]
    """In the files of the draft, and elsewhere what is not wrong without it."""
    failing: tuple[Problem, ...]
    """Failing cases of the drafted books and of those that read them; empty until the form is right."""
    ran: int
    """Books whose cases were run."""
    begins: date | None = None
    """The day from which the draft would hold; None for the catalogue, and while it cannot be read."""
    ends: date | None = None
    closes: str = ""
    """The version that would end on that day."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems that keep the draft from being published."""
        return tuple(one for one in self.problems if one.severity is Severity.ERROR)


def files_of(edition: Edition) -> dict[str, str]:
    """Path → text of every file of an edition."""
    return dict(edition.files.order_by("path").values_list("path", "content"))


@dataclass(frozen=True)
class Closed:
    """The version before a drafted one, ended on the day on which the new one begins."""

    path: str
    text: str
    version: str
    valid_from: date


@contextmanager
def candidate(edition: Edition) -> Iterator[Library]:
    """The law with the draft in it and the version before closed; its folder is gone afterwards."""
    files = files_of(edition)
    with laid_out(files) as drafted:
        closed = _closing(edition, drafted)
        if closed is None:
            yield drafted
            return
    with laid_out({**files, closed.path: closed.text}) as whole:
        yield whole


@contextmanager
def laid_out(files: Mapping[str, str]) -> Iterator[Library]:
    """The law in use with ``files`` in place of others; its folder is gone afterwards."""
    base = current.folder()
    folder = Path(tempfile.mkdtemp(prefix="xinlu-draft-"))
    try:
        yield load(overlay(base, folder / base.name, files))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def closings(edition: Edition) -> list[Closed]:
    """The version that a draft will end: none, or one."""
    with laid_out(files_of(edition)) as drafted:
        closed = _closing(edition, drafted)
    return [closed] if closed else []


def _closing(edition: Edition, drafted: Library) -> Closed | None:
    """None where nothing is before the draft, where that ends earlier anyway, and where the draft cannot be read."""
    new = drafted_piece(edition, drafted)
    before = predecessor(drafted, new) if new else None
    if new is None or before is None:
        return None
    path = drafted.filed(before).path
    try:
        text = close(path.read_text(encoding="utf-8"), new.in_force.from_)
    except CannotRewrite:
        return None
    return Closed(path.relative_to(drafted.root).as_posix(), text, before.version, before.in_force.from_)


def drafted_piece(edition: Edition, law: Library) -> Rulebook | Procedure | None:
    """The book or procedure of a draft as ``law`` has it; None for the catalogue, or when it cannot be read."""
    versions: tuple[Rulebook, ...] | tuple[Procedure, ...] = ()
    if edition.plane == Edition.Plane.RULEBOOK:
        versions = law.rulebooks.get(edition.identity, ())
    elif edition.plane == Edition.Plane.PROCEDURE:
        versions = law.procedures.get(edition.identity, ())
    return next((one for one in versions if one.version == edition.version), None)


def predecessor(law: Library, new: Rulebook | Procedure) -> Rulebook | Procedure | None:
    """The version that would still be in force when ``new`` begins."""
    versions = law.rulebooks[new.rulebook] if isinstance(new, Rulebook) else law.procedures[new.procedure]
    begins = new.in_force.from_
    earlier = [one for one in versions if one.version != new.version and one.in_force.from_ < begins]
    open_ = [one for one in earlier if one.in_force.until is None or one.in_force.until > begins]
    return open_[-1] if open_ else None


_kept: dict[tuple[str, str, bool], Checked] = {}


def checked(edition: Edition, *, cases: bool = True) -> Checked:
    """Check a draft in its place among all law; with ``cases`` the cases of every book that it touches are run.

    Kept in this process for a text that did not change, as long as the law around it did not.
    """
    key = (f"{edition.pk}:{edition.digest}", str(current.folder()), cases)
    if key not in _kept:
        while len(_kept) > 30:
            _kept.pop(next(iter(_kept)))
        _kept[key] = _checked(edition, cases=cases)
    return _kept[key]


def _checked(edition: Edition, *, cases: bool) -> Checked:
    closed = closings(edition)
    closes = closed[0].version if closed else ""
    with candidate(edition) as law:
        new = drafted_piece(edition, law)
        dates = (new.in_force.from_, new.in_force.until, closes) if new else (None, None, "")
        problems = by_place([*_own(law, edition), *_renamed(law, edition)])
        if not cases or any(one.severity is Severity.ERROR for one in problems):
            return Checked(problems, (), 0, *dates)
        books = touched(edition, law)
        try:
            return Checked(problems, failing_cases(law, books), len(books), *dates)
        except LawError as error:
            return Checked(by_place([*problems, *error.problems]), (), 0, *dates)


def _own(law: Library, edition: Edition) -> tuple[Problem, ...]:
    own = {f"{law.root.name}/{path}" for path in files_of(edition)}
    found = check(law)
    if all(one.file in own for one in found):
        return found
    before = {(one.code, one.file, one.sentence) for one in check(current.library())}
    return tuple(one for one in found if one.file in own or (one.code, one.file, one.sentence) not in before)


def _renamed(law: Library, edition: Edition) -> list[Problem]:
    """A text that can be read must still be what the draft is called: it would become law under another name."""
    paths = [path for path in files_of(edition) if not path.endswith(CASES)]
    if edition.plane == Edition.Plane.CATALOGUE:
        name = law.catalogue.edition
        path = next(path for path in paths if path.endswith("edition.yaml"))
        there = name in (edition.version, "")
    else:
        path = paths[0]
        there = drafted_piece(edition, law) is not None or f"{law.root.name}/{path}" in {p.file for p in law.problems}
    if there:
        return []
    sentence = f"草案是“{edition.identity}”的“{edition.version}”版，文件里写的不是"
    return [told("GZ-014", sentence, file=f"{law.root.name}/{path}")]


def touched(edition: Edition, law: Library) -> list[Rulebook]:
    """The books whose answers a draft can change: the drafted version and those that read its book; for the
    catalogue, every book that reads a changed item, or all of them when something else was changed."""
    books = [book for versions in law.rulebooks.values() for book in versions]
    if edition.plane == Edition.Plane.RULEBOOK:
        own = edition.identity
        return [
            book
            for book in books
            if (book.rulebook == own and book.version == edition.version)
            or (book.rulebook != own and any(one.rulebook == own for one in law.needed(book)))
        ]
    if edition.plane == Edition.Plane.CATALOGUE:
        paths = set(files_of(edition)) - {"catalogue/edition.yaml"}
        items = {Path(path).stem for path in paths if path.startswith("catalogue/items/")}
        if len(items) < len(paths):
            return books
        return [book for book in books if items & {book.rates.record, *(one.item for one in book.sources.values())}]
    return []
