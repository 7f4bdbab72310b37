"""Impact statement (影响评估): two books, versions or drafts over the same whole population, on the same day.

A statement is worked out once and kept in a folder of its own: where every unit stands before and after, with its
labels, and what moves those that move. Whoever may see it reads from there the figures of the units in scope.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from django.conf import settings

from xinlu.access.scope import Scope
from xinlu.assessment.groups import Grouping, Labels, divided, label
from xinlu.assessment.run import UnknownBook
from xinlu.engine.compare import CAUSES, PLACES, Impact, Shift, lay_out, population, shifts, summarise
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.duck import Duck, TableLike
from xinlu.engine.kept import RESULTS, Kept
from xinlu.engine.run import add_empty_tables
from xinlu.engine.whole import run_whole
from xinlu.gazette import current
from xinlu.gazette.models import LawFile
from xinlu.law.library import CASES, Library, load_rulebook
from xinlu.law.marks import parse
from xinlu.law.problem import LawError, problem
from xinlu.law.rulebook import Rulebook
from xinlu.law.shape import shape
from xinlu.law.source import InForce
from xinlu.ledger import columnar
from xinlu.registry import queries as registry
from xinlu.registry.models import Subject

ALWAYS = InForce.model_validate({"from": date.min})
"""A version that is compared counts for every unit, whenever it is in force."""
EVERYTHING = datetime(9999, 1, 1, tzinfo=UTC)
"""``known_at`` of whoever asks with everything that is known."""
KEPT = 30
"""Statements that are kept; the one that was read longest ago goes first."""
FORMAT = 2
DRAFT = "draft:"
"""Begins the name of a draft of the workbench."""


@dataclass(frozen=True)
class Mover:
    """One unit that stands elsewhere, as somebody may read of it."""

    shift: Shift
    name: str
    region: str


@dataclass(frozen=True)
class Statement:
    """What was compared, and where it lies."""

    before: Rulebook
    after: Rulebook
    as_of: date
    folder: Path
    labels: Labels

    @property
    def outputs(self) -> tuple[str, ...]:
        """The answers that both books give, in the order of the newer one."""
        return shared_outputs(self.before, self.after)

    @property
    def groupings(self) -> tuple[Grouping, ...]:
        """How the population is divided."""
        return self.labels.groupings

    @cached_property
    def populations(self) -> Mapping[str, int]:
        """Output → different units of both results, counted from the findings."""
        told = json.loads((self.folder / "statement.json").read_text(encoding="utf-8"))
        return {name: int(number) for name, number in told["populations"].items()}

    def impact(self, scope: Scope, output: str, *, most: int | None = 0) -> Impact:
        """The comparison of one output over the units that ``scope`` may see, with at most ``most`` shifts.

        Raises:
            NotAllAccountedFor: the parts do not add up to the population.
        """
        duck, where = self._opened(), self.labels.seen_by(scope)
        try:
            whole = where == "true"
            found = summarise(
                duck,
                output=output,
                population=self.populations[output] if whole else _counted(duck, output, where),
                levels=levels_of(self.after, output),
                groups=[one.name for one in self.groupings],
                where=where,
                most=most,
            )
        finally:
            duck.close()
        if found.unaccounted or sum(found.matrix.values()) != found.population:
            raise NotAllAccountedFor(output, found)
        return found

    def movers(self, scope: Scope, output: str, *, most: int | None = None) -> Iterator[Mover]:
        """The units in scope that stand elsewhere, by number, named as ``scope`` may read them."""
        duck = self._opened()
        try:
            found = shifts(duck, output=output, where=self.labels.seen_by(scope), most=most)
            part: list[Shift] = []
            for shift in found:
                part.append(shift)
                if len(part) == 500:
                    yield from self._named(scope, part)
                    part = []
            yield from self._named(scope, part)
        finally:
            duck.close()

    def _named(self, scope: Scope, part: list[Shift]) -> Iterator[Mover]:
        if self.labels.records:
            yield from (Mover(one, f"记录 {one.unit}", "") for one in part)
            return
        rows = Subject.objects.within(scope).filter(pk__in=[one.unit for one in part])
        known = {one.pk: one for one in rows}
        for shift in part:
            one = known.get(shift.unit)
            if one is None:
                yield Mover(shift, f"主体 {shift.unit}", "")
            else:
                yield Mover(shift, registry.shown_name(scope, one), one.region)

    def _opened(self) -> Duck:
        return Duck({name: [self.folder / f"{name}.parquet"] for name in (PLACES, CAUSES)})


class NotAllAccountedFor(AssertionError):
    """A statement that leaves somebody out is never shown."""

    def __init__(self, output: str, found: Impact) -> None:
        parts = f"{found.population} ≠ {found.unchanged} + {found.moved}"
        super().__init__(f"影响评估没有交代所有主体（{output}：{parts}）")


def compare_books(before: str, after: str, *, as_of: date, known_at: datetime | None = None) -> Statement:
    """Run both over everything the ledger knows and lay them side by side.

    ``before`` and ``after``: ``book``, ``book@version``, ``draft:7`` or the path of a draft file.
    """
    library = current.library()
    old, new = (chosen(library, one, as_of) for one in (before, after))
    return impact(old, new, as_of=as_of, known_at=known_at)


def impact(before: Rulebook, after: Rulebook, *, as_of: date, known_at: datetime | None = None) -> Statement:
    """The statement of two rulebooks, drafts included; both must rate the same kind of unit.

    ``known_at``: with what was known then; None: with everything. A statement of the same law, day and facts is not
    worked out twice.
    """
    library = current.library()
    comparable(before, after)
    change = columnar.sync().change
    folder = statements_folder() / _key(library, before, after, as_of, known_at, change)
    duck = Duck(columnar.tables())
    try:
        if not (folder / "statement.json").exists():
            _work_out(duck, library, before, after, as_of=as_of, known_at=known_at or EVERYTHING, folder=folder)
        os.utime(folder)
    finally:
        duck.close()
    kinds = divided(before.rates.subject, library.catalogue)
    natural = before.rates.subject is not None and library.catalogue.kinds[before.rates.subject].natural_person
    labels = Labels(PLACES, kinds.groupings, natural, records=before.rates.subject is None)
    return Statement(before, after, as_of, folder, labels)


def is_quick(before: Rulebook, after: Rulebook, *, as_of: date) -> bool:
    """Whether :func:`impact` answers while somebody waits: the copy is small, or the statement lies there already."""
    manifest = columnar.sync()
    if manifest.shelves == 1:
        return True
    key = _key(current.library(), before, after, as_of, None, manifest.change)
    return (statements_folder() / key / "statement.json").exists()


def comparable(before: Rulebook, after: Rulebook) -> None:
    """Refuse two books that rate different things, or have no answer in common.

    Raises:
        LawError: LAW-111.
    """
    if (before.rates.subject, before.rates.record) != (after.rates.subject, after.rates.record):
        raise LawError(problem("LAW-111", f"“{before.title}”与“{after.title}”评价的对象不同，不能比较"))
    if not shared_outputs(before, after):
        raise LawError(problem("LAW-111", f"“{before.title}”与“{after.title}”没有同名的结论，不能比较"))


def chosen(library: Library, said: str, as_of: date) -> Rulebook:
    """The rulebook that ``book``, ``book@version``, ``draft:7`` or a file path names."""
    if said.startswith(DRAFT):
        found = drafted(said)
        if found is None:
            raise UnknownBook(said)
        return found
    if said.endswith((".yaml", ".yml")):
        return load_rulebook(Path(said))
    return in_library(library, said, as_of)


def drafted(said: str) -> Rulebook | None:
    """The book of the draft that ``draft:7`` names; None where there is none. Who may read it is asked elsewhere.

    Raises:
        LawError: its text cannot be read.
    """
    number = said.removeprefix(DRAFT)
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    files = LawFile.objects.filter(edition=int(number), plane=LawFile.Plane.RULEBOOK).order_by("path")
    file = next((one for one in files if not one.path.endswith(CASES)), None)
    return None if file is None else shape(Rulebook, parse(file.content, file=file.path))


def in_library(library: Library, said: str, as_of: date) -> Rulebook:
    """The rulebook that ``book`` (the version of the day, else the newest) or ``book@version`` names.

    Raises:
        UnknownBook: there is none.
    """
    name, _, version = said.partition("@")
    versions = library.rulebooks.get(name, ())
    if version:
        found = next((one for one in versions if one.version == version), None)
    else:
        found = library.book(name, on=as_of) or (versions[-1] if versions else None)
    if found is None:
        raise UnknownBook(said)
    return found


def shared_outputs(before: Rulebook, after: Rulebook) -> tuple[str, ...]:
    """The answers that both books give, in the order of ``after``."""
    return tuple(name for name in after.outputs if name in before.outputs)


def levels_of(book: Rulebook, output: str) -> tuple[str, ...]:
    """Names of the levels of an output, best first; none for numbers, dates and yes or no."""
    own = book.outputs[output].levels or book.levels
    return tuple(level.level for level in own) if book.outputs[output].value is None else ()


def statements_folder() -> Path:
    """Where statements lie."""
    return Path(settings.VAR) / "statements"


# ── working it out ──────────────────────────────────────────────────────────────────────────────


def _key(
    library: Library, before: Rulebook, after: Rulebook, as_of: date, known_at: datetime | None, change: int
) -> str:
    needed = [one for book in (before, after) for one in (book, *library.needed(book))]
    told = [one.model_dump_json() for one in needed]
    known = "" if known_at is None else known_at.astimezone(UTC).isoformat()
    told += [library.catalogue.model_dump_json(), as_of.isoformat(), known, str(change), str(FORMAT)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:24]


def _work_out(
    duck: Duck, library: Library, before: Rulebook, after: Rulebook, *, as_of: date, known_at: datetime, folder: Path
) -> None:
    known = known_at.astimezone(UTC).replace(tzinfo=None)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        draft = Path(made) / "draft"
        sides = []
        for name, book in (("before", before), ("after", after)):
            kept = run_alone(library, book, as_of=as_of, known_at=known, folder=Path(made) / name)
            sides.append((rows_of(kept, "findings"), rows_of(kept, "entries")))
        outputs = shared_outputs(before, after)
        lay_out(duck, sides[0], sides[1], outputs=outputs)
        add_empty_tables(duck, library.catalogue)
        labels = label(duck, before.rates.subject, library.catalogue, as_of=as_of, known_at=known)
        draft.mkdir()
        _write(duck, labels, draft)
        told = {"format": FORMAT, "populations": {name: population(duck, name) for name in outputs}}
        (draft / "statement.json").write_text(json.dumps(told), encoding="utf-8")
        try:
            draft.rename(folder)
        except OSError:
            # Somebody else has worked out the same at the same time; readers may have opened it already.
            if not (folder / "statement.json").exists():
                raise
    _discard_old()


def run_alone(
    library: Library, book: Rulebook, *, as_of: date, known_at: datetime, folder: Path, scores_only: bool = False
) -> Kept:
    """Run one version over everybody, whenever it is in force, into ``folder``, which must not exist.

    ``known_at`` is UTC without zone. Books that are read are run beside it and not kept.
    """
    alone = book.model_copy(update={"in_force": ALWAYS, "governed_by": "as_of"})
    others = [one for one in library.needed(book) if one.rulebook != book.rulebook]
    kept = run_whole(
        [alone, *others],
        columnar.tables(),
        catalogue=library.catalogue,
        as_of=as_of,
        known_at=known_at,
        folder=folder,
        keep=[book.rulebook],
        processes=settings.PROCESSES,
        memory_gib=settings.MEMORY_GIB,
        scores_only=scores_only,
    )
    return kept[book.rulebook]


def rows_of(kept: Kept, name: str) -> TableLike:
    """Findings or entries of a run for DuckDB: its files, or an empty table where it has none."""
    return kept.files(name) or RESULTS[name].empty_table()


def _write(duck: Duck, labels: Labels, folder: Path) -> None:
    columns = "".join(f", coalesce(l.{identifier(g.name)}, ['']) AS {identifier(g.name)}" for g in labels.groupings)
    query = (
        f"SELECT p.*, coalesce(l.region, '') AS region{columns} FROM {PLACES} p "
        f"LEFT JOIN {labels.table} l USING (unit) ORDER BY p.output, p.unit"
    )
    causes = f"SELECT * FROM {CAUSES} ORDER BY output, unit, clause, moved"
    for name, sql in ((PLACES, query), (CAUSES, causes)):
        target = text_literal(str(folder / f"{name}.parquet"))
        duck.connection.execute(f"COPY ({sql}) TO {target} (FORMAT parquet, COMPRESSION zstd)")


def _counted(duck: Duck, output: str, where: str) -> int:
    ((number,),) = duck.rows(
        f"SELECT count(DISTINCT unit) FROM {PLACES} WHERE output = {text_literal(output)} AND ({where})"
    )
    return int(number)


def _discard_old() -> None:
    folders = [one for one in statements_folder().iterdir() if (one / "statement.json").exists()]
    for one in sorted(folders, key=lambda folder: folder.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(one, ignore_errors=True)
