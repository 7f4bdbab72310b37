"""Explain a finding of a run: the law's arithmetic over the entries that were kept."""

from __future__ import annotations

from collections.abc import Iterable

from xinlu.access.scope import Scope
from xinlu.assessment.models import Run
from xinlu.assessment.queries import entries_of, findings_of
from xinlu.engine.explain import Explanation, explain
from xinlu.engine.run import understand_all
from xinlu.gazette import current
from xinlu.law.meaning import Meaning


def meaning_of(run: Run) -> Meaning:
    """The book of a run, understood with the books that it reads; the newest version that was used."""
    library = current.library()
    versions = library.rulebooks[run.book]
    used = run.version.split("、")
    book = next(one for one in reversed(versions) if one.version in used)
    return understand_all(library.needed(*versions), library.catalogue)[(book.rulebook, book.version)]


def explain_unit(scope: Scope, run: Run, unit: int, *, outputs: Iterable[str] | None = None) -> list[Explanation]:
    """Explanations of the outputs of one unit; none for a unit that the asker may not see or that was not rated."""
    findings = findings_of(scope, run.code, unit)
    if not findings:
        return []
    entries = entries_of(scope, run.code, unit)
    meaning = meaning_of(run)
    wanted = list(outputs) if outputs is not None else list(meaning.book.outputs)
    there = {one.output for one in findings}
    return [explain(meaning, findings, entries, unit=unit, output=name) for name in wanted if name in there]
