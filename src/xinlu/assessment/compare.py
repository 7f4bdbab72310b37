"""Impact statement (影响评估): two books, versions or drafts over the same whole population, on the same day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from django.conf import settings

from xinlu.assessment.run import UnknownBook
from xinlu.engine.compare import Impact, compare
from xinlu.engine.duck import Duck
from xinlu.engine.result import Entry, Finding, entries_of, findings_of
from xinlu.engine.run import prepare
from xinlu.gazette import current
from xinlu.law.library import Library, load_rulebook
from xinlu.law.problem import LawError, problem
from xinlu.law.regions import Regions, load_regions
from xinlu.law.rulebook import Rulebook
from xinlu.law.source import InForce
from xinlu.ledger import columnar
from xinlu.registry.models import Subject

ALWAYS = InForce.model_validate({"from": date.min})
"""A version that is compared counts for every unit, whenever it is in force."""


@dataclass(frozen=True)
class Comparison:
    """What was compared, and what changes for each level and number that both books give."""

    before: Rulebook
    after: Rulebook
    as_of: date
    impacts: tuple[Impact, ...]
    names: Mapping[int, str]
    """Names of the units that move, natural persons left out."""


def compare_books(before: str, after: str, *, as_of: date, known_at: datetime) -> Comparison:
    """Run both over everything the ledger knows and compare each output that they share.

    ``before`` and ``after``: ``book``, ``book@version`` or the path of a draft file; both must rate the same
    kind of unit. Nothing is kept: a comparison is no run.
    """
    library = current.library()
    old, new = (chosen(library, one, as_of) for one in (before, after))
    if old.rates != new.rates and (old.rates.subject, old.rates.record) != (new.rates.subject, new.rates.record):
        raise LawError(problem("LAW-111", f"“{old.title}”与“{new.title}”评价的对象不同，不能比较"))
    columnar.sync()
    results = [_result(library, one, as_of, known_at.astimezone(UTC).replace(tzinfo=None)) for one in (old, new)]
    units = {finding.unit for findings, _ in results for finding in findings}
    groups = _labels(units) if old.rates.subject else {}
    shared = [name for name in old.outputs if name in new.outputs]
    impacts = tuple(compare(*results, output=name, levels=_levels(new, name), groups=groups) for name in shared)
    moved = {shift.unit for impact in impacts for shift in impact.shifts}
    return Comparison(old, new, as_of, impacts, _names(moved) if old.rates.subject else {})


def chosen(library: Library, said: str, as_of: date) -> Rulebook:
    """The rulebook that ``book``, ``book@version`` or a file path names."""
    if said.endswith((".yaml", ".yml")):
        return load_rulebook(Path(said))
    name, _, version = said.partition("@")
    versions = library.rulebooks.get(name, ())
    if version:
        found = next((one for one in versions if one.version == version), None)
    else:
        found = library.book(name, on=as_of) or (versions[-1] if versions else None)
    if found is None:
        raise UnknownBook(said)
    return found


def _result(library: Library, book: Rulebook, as_of: date, known_at: datetime) -> tuple[list[Finding], list[Entry]]:
    alone = book.model_copy(update={"in_force": ALWAYS, "governed_by": "as_of"})
    others = [one for one in library.needed(book) if one.rulebook != book.rulebook]
    duck = Duck(columnar.tables())
    try:
        prepared = prepare([alone, *others], duck, catalogue=library.catalogue, as_of=as_of, known_at=known_at)
        prepared.run()
        name = book.rulebook
        return findings_of(prepared.findings(name)), entries_of(prepared.entries(name))
    finally:
        duck.close()


def _levels(book: Rulebook, output: str) -> tuple[str, ...]:
    own = book.outputs[output].levels or book.levels
    return tuple(level.level for level in own) if book.outputs[output].value is None else ()


def _labels(units: set[int]) -> dict[int, dict[str, str]]:
    """City (as the tree of regions has it) and kind of each unit; a region that it does not know stands for itself."""
    regions = load_regions(Path(settings.STANDARDS) / "regions.yaml")
    rows = Subject._base_manager.filter(pk__in=units).values_list("pk", "region", "kind")
    return {number: {"city": _city(regions, region), "kind": kind} for number, region, kind in rows}


def _city(regions: Regions, region: str) -> str:
    city = regions.city_of(region) if region in regions else None
    return city.code if city else region


def _names(units: set[int]) -> dict[int, str]:
    rows = Subject._base_manager.filter(pk__in=units, natural_person=False)
    return dict(rows.values_list("pk", "name"))
