"""The law as it lies on disk: one folder with the catalogue, rulebooks, procedures and the calendar.

::

    standards/
      catalogue/  edition.yaml  subjects.yaml  relations.yaml  codes/*.yaml  items/*.yaml
      rulebooks/<book>/<version>.yaml   with <version>.cases.yaml beside it
      foreign/<book>/<version>.yaml     the same, for law of other countries
      sample/<book>/<version>.yaml      the same, for books that this project proposes: never law
      procedures/*.yaml  quality/*.yaml  indicators/*.yaml
      life-cycle/<version>.yaml         what holds for use and publicity of every item
      feeds/<item>.yaml                 items that machines send
      calendar/<year>.yaml  regions.yaml  organs.yaml

Loading never stops at the first mistake: what can be read is in the library, what cannot is in ``problems``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

import xinlu
from xinlu.law.calendar import WorkingCalendar, load_calendar
from xinlu.law.catalogue import Catalogue, CodeList, Item, RelationKind, SubjectKind
from xinlu.law.feed import Feed
from xinlu.law.indicator import Indicator
from xinlu.law.life_cycle import LifeCycle
from xinlu.law.marks import Marked, Place, read
from xinlu.law.problem import LawError, Problem, by_place, problem
from xinlu.law.procedure import Procedure
from xinlu.law.quality import QualityRules
from xinlu.law.rulebook import Rulebook
from xinlu.law.shape import shape
from xinlu.law.source import Document, Grade, LawModel

Model = TypeVar("Model", bound=BaseModel)
Key = tuple[str, ...]
"""What a file is about: ``("rulebook", id, version)``, ``("procedure", id, version)``, ``("item", id)``,
``("codes", id)``, ``("kind", id)``, ``("relation", id)``, ``("catalogue",)``, ``("life_cycle", version)``,
``("feed", item)``."""

CASES = ".cases.yaml"
_BOOK_FOLDERS = ("rulebooks", "foreign", "sample")


@dataclass(frozen=True)
class Filed:
    """Where one piece of law stands: its marked file, and the path of the piece inside it."""

    marked: Marked
    path: Path
    at: Place = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes, hexadecimal."""
        return self.marked.digest

    def line(self, place: Iterable[str | int] = ()) -> int:
        """Line of a part of the piece."""
        return self.marked.marks.line((*self.at, *place))


@dataclass(frozen=True)
class Library:
    """All law under one folder."""

    root: Path
    catalogue: Catalogue
    rulebooks: Mapping[str, tuple[Rulebook, ...]]
    """Versions of each book in the order of coming into force."""
    procedures: Mapping[str, tuple[Procedure, ...]]
    files: Mapping[Key, Filed] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    quality: Mapping[str, QualityRules] = field(default_factory=dict)
    """Rules of data quality by the name of their file."""
    indicators: Mapping[str, Indicator] = field(default_factory=dict)
    """Indicators of the plan by their name."""
    calendar: WorkingCalendar | None = None
    """None when the folder has no calendar, or one that cannot be used."""
    life_cycles: tuple[LifeCycle, ...] = ()
    """Versions of the rules of the life cycle, in the order of coming into force."""
    feeds: Mapping[str, Feed] = field(default_factory=dict)
    """Items that machines send, by item."""

    def book(self, book: str, *, on: date) -> Rulebook | None:
        """The version of ``book`` in force on a day, or None."""
        return next((b for b in self.rulebooks.get(book, ()) if b.in_force.covers(on)), None)

    def version(self, book: str, version: str) -> Rulebook | None:
        """One named version of ``book``, or None."""
        return next((b for b in self.rulebooks.get(book, ()) if b.version == version), None)

    def needed(self, *books: Rulebook) -> tuple[Rulebook, ...]:
        """``books`` and every version of every book that they read, directly or through others.

        Books that are read but not here are left out.
        """
        found = {(b.rulebook, b.version): b for b in books}
        waiting = list(books)
        while waiting:
            for source in waiting.pop().sources.values():
                for other in self.rulebooks.get(source.findings or "", ()):
                    if (other.rulebook, other.version) not in found:
                        found[other.rulebook, other.version] = other
                        waiting.append(other)
        return tuple(found.values())

    def filed(self, piece: Rulebook | Procedure) -> Filed:
        """Where a book or procedure of this library stands."""
        if isinstance(piece, Rulebook):
            return self.files["rulebook", piece.rulebook, piece.version]
        return self.files["procedure", piece.procedure, piece.version]

    def cases_path(self, book: Rulebook) -> Path:
        """Where the cases of a book lie, whether they exist or not."""
        path = self.filed(book).path
        return path.with_name(path.name.removesuffix(".yaml") + CASES)

    def with_book(self, path: Path) -> Library:
        """The library with one more rulebook file, in place of the same version if it has one.

        Raises:
            LawError: the file is no rulebook; every mistake with its line.
        """
        filed = Filed(read(path), path)
        book = shape(Rulebook, filed.marked)
        others = (b for b in self.rulebooks.get(book.rulebook, ()) if b.version != book.version)
        versions = _in_order((*others, book))
        return replace(
            self,
            rulebooks={**self.rulebooks, book.rulebook: versions},
            files={**self.files, ("rulebook", book.rulebook, book.version): filed},
        )


def shipped() -> Path:
    """The folder ``standards`` that comes with Xinlu; see :func:`xinlu.standards_folder`."""
    return xinlu.standards_folder()


def load(root: Path) -> Library:
    """Read everything under ``root``.

    Mistakes of form are in ``problems`` of the library, sorted by place; what the parts mean together is
    the business of :func:`xinlu.law.check.check`.

    Raises:
        LawError: LAW-001, ``root`` is no folder.
    """
    if not root.is_dir():
        raise LawError(problem("LAW-001", f"没有文件夹“{root}”", file=str(root)))
    return _Loading(root).library()


def load_catalogue(root: Path) -> Catalogue:
    """Only the catalogue under ``root``.

    Raises:
        LawError: with every mistake in the catalogue's files.
    """
    loading = _Loading(root)
    catalogue = loading.catalogue()
    if loading.problems:
        raise LawError(*by_place(loading.problems))
    return catalogue


def load_rulebook(path: Path) -> Rulebook:
    """One rulebook file.

    Raises:
        LawError: every mistake with its line.
    """
    return shape(Rulebook, read(path))


class _Loading:
    """One reading of a folder; collects files and problems on the way."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[Key, Filed] = {}
        self.problems: list[Problem] = []

    def library(self) -> Library:
        catalogue = self.catalogue()
        books = self._books()
        procedures = self._procedures()
        quality = self._each(QualityRules, self.root / "quality", "quality", "quality")
        indicators = self._each(Indicator, self.root / "indicators", "indicator", "indicator")
        calendar = self._calendar()
        life_cycles = self._life_cycles()
        feeds = self._each(Feed, self.root / "feeds", "feed", "feed")
        return Library(
            root=self.root,
            catalogue=catalogue,
            rulebooks=books,
            procedures=procedures,
            files=self.files,
            problems=by_place(self.problems),
            quality=quality,
            indicators=indicators,
            calendar=calendar,
            life_cycles=life_cycles,
            feeds=feeds,
        )

    def _life_cycles(self) -> tuple[LifeCycle, ...]:
        found: list[LifeCycle] = []
        for path in _yaml_files(self.root / "life-cycle"):
            if (shaped := self._shaped(LifeCycle, path)) is None:
                continue
            model, self.files["life_cycle", path.stem] = shaped
            if path.stem != model.version:
                self._problem("LAW-308", f"标识“{model.version}”与文件名不一致", shaped[1], "version")
            found.append(model)
        return tuple(sorted(found, key=lambda one: (one.in_force.from_, one.version)))

    def _calendar(self) -> WorkingCalendar | None:
        folder = self.root / "calendar"
        if not folder.is_dir():
            return None
        try:
            return load_calendar(folder)
        except LawError as error:
            self.problems += error.problems
            return None

    def catalogue(self) -> Catalogue:
        folder = self.root / "catalogue"
        edition = _Edition()
        if shaped := self._shaped(_Edition, folder / "edition.yaml"):
            edition, self.files["catalogue",] = shaped
        return Catalogue(
            edition=edition.edition,
            title=edition.title,
            source=edition.source,
            kinds=self._listed(SubjectKind, folder / "subjects.yaml", "kinds", "kind"),
            relations=self._listed(RelationKind, folder / "relations.yaml", "relations", "relation"),
            code_lists=self._each(CodeList, folder / "codes", "codes", "codes"),
            items=self._each(Item, folder / "items", "item", "item"),
        )

    def _books(self) -> dict[str, tuple[Rulebook, ...]]:
        found: dict[str, list[Rulebook]] = {}
        for path in self._book_files():
            if (book := self._shaped(Rulebook, path)) is None:
                continue
            model, filed = book
            key = ("rulebook", model.rulebook, model.version)
            if path.parent.name != model.rulebook or path.name != f"{model.version}.yaml":
                where = f"{model.rulebook}/{model.version}.yaml"
                self._problem("LAW-418", f"文件应放在 {where}", filed)
            if key in self.files:
                other = self.files[key].marked.file
                self._problem("LAW-417", f"版本“{model.version}”在 {other} 已有", filed, "version")
                continue
            self.files[key] = filed
            found.setdefault(model.rulebook, []).append(model)
        return {name: _in_order(versions) for name, versions in sorted(found.items())}

    def _procedures(self) -> dict[str, tuple[Procedure, ...]]:
        found: dict[str, list[Procedure]] = {}
        for path in _yaml_files(self.root / "procedures"):
            if (shaped := self._shaped(Procedure, path)) is None:
                continue
            model, filed = shaped
            key = ("procedure", model.procedure, model.version)
            if key in self.files:
                other = self.files[key].marked.file
                self._problem("LAW-417", f"版本“{model.version}”在 {other} 已有", filed, "version")
                continue
            self.files[key] = filed
            found.setdefault(model.procedure, []).append(model)
        return {
            name: tuple(sorted(versions, key=lambda p: (p.in_force.from_, p.version)))
            for name, versions in sorted(found.items())
        }

    def _book_files(self) -> Iterator[Path]:
        for folder in _BOOK_FOLDERS:
            for path in _yaml_files(self.root / folder):
                if not path.name.endswith(CASES):
                    yield path

    def _listed(self, model: type[Model], path: Path, key: str, identity: str) -> dict[str, Model]:
        filed = self._read(path)
        if filed is None:
            return {}
        data = filed.marked.data
        entries = data.get(key) if isinstance(data, dict) else None
        if not isinstance(entries, list):
            self._problem("LAW-202", f"缺少列表“{key}”", filed)
            return {}
        found: dict[str, Model] = {}
        for index in range(len(entries)):
            one = replace(filed, at=(key, index))
            try:
                made = shape(model, filed.marked, at=one.at)
            except LawError as error:
                self.problems += error.problems
                continue
            self._keep(found, made, identity, one)
        return found

    def _each(self, model: type[Model], folder: Path, prefix: str, identity: str) -> dict[str, Model]:
        found: dict[str, Model] = {}
        for path in _yaml_files(folder):
            if shaped := self._shaped(model, path):
                made, filed = shaped
                if path.stem != getattr(made, identity):
                    name = getattr(made, identity)
                    self._problem("LAW-308", f"标识“{name}”与文件名不一致", filed, identity)
                self._keep(found, made, identity, filed, prefix)
        return found

    def _keep(self, found: dict[str, Model], made: Model, identity: str, filed: Filed, prefix: str = "") -> None:
        name = getattr(made, identity)
        if name in found:
            self._problem("LAW-302", f"“{name}”登记了两次", filed, identity)
            return
        found[name] = made
        self.files[prefix or identity, name] = filed

    def _shaped(self, model: type[Model], path: Path) -> tuple[Model, Filed] | None:
        filed = self._read(path)
        if filed is None:
            return None
        try:
            return shape(model, filed.marked), filed
        except LawError as error:
            self.problems += error.problems
            return None

    def _read(self, path: Path) -> Filed | None:
        name = (Path(self.root.name) / path.relative_to(self.root)).as_posix()
        try:
            return Filed(read(path, name=name), path)
        except LawError as error:
            self.problems += error.problems
            return None

    def _problem(self, code: str, sentence: str, filed: Filed, *place: str) -> None:
        self.problems.append(problem(code, sentence, file=filed.marked.file, line=filed.line(place)))


class _Edition(LawModel):
    """The head of the catalogue; nothing is known of one that cannot be read."""

    edition: str = ""
    title: str = ""
    source: Document = Document(document="", issuer="", grade=Grade.SAMPLE)


def _in_order(books: Iterable[Rulebook]) -> tuple[Rulebook, ...]:
    return tuple(sorted(books, key=lambda b: (b.in_force.from_, b.version)))


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.yaml")) if folder.is_dir() else []
