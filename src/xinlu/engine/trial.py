"""A rulebook tried on plain facts: per unit and output the answer, why, and when it changes by itself.

This is what ``xinlu try`` prints and what its JSON Schema (:data:`SCHEMA`) describes. Numbers are written as
decimal text so that no reader rounds them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from xinlu.engine.cases import plain_number
from xinlu.engine.facts import Facts
from xinlu.engine.provenance import CLAUSES, RATED_WHEN, Provenance
from xinlu.engine.result import Entry, Finding, RunResult
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook

_OF_OUTPUTS: Final = frozenset({"output", "status", "band", "condition", "move"})
"""Kinds of lines that an output writes; other lines under its name are of a value or fold that is called the same."""
SCHEMA: Final = Path(__file__).with_name("trial.schema.json")


@dataclass(frozen=True)
class Answer:
    """One output of one unit on one day."""

    as_of: date
    unit: str
    output: str
    title: str
    finding: Finding
    value: Decimal | None
    """The number behind the answer: what the bands compared, or the answer itself."""
    entries: tuple[Entry, ...]
    """The lines on which this output rests, in the order in which the law is worked out."""
    next_change_on: date | None = None
    """First later day on which it is different although nothing new is recorded; None: not within reach."""


def answers(result: RunResult, meaning: Meaning, facts: Facts, as_of: date) -> tuple[Answer, ...]:
    """The findings of the tried book as answers, units in the order of the facts, outputs in that of the book."""
    book = meaning.book
    provenance = Provenance(meaning)
    names = _unit_names(book, facts)
    by_unit: dict[int, list[Entry]] = {}
    order = _order(meaning)
    for entry in sorted(result.entries[book.rulebook], key=lambda e: order.get(e.step, 0)):
        by_unit.setdefault(entry.unit, []).append(entry)
    position = {name: i for i, name in enumerate(book.outputs)}
    found = sorted(result.findings[book.rulebook], key=lambda f: (f.unit, position[f.output]))
    made = []
    for finding in found:
        entries = _resting(provenance, finding.output, by_unit.get(finding.unit, []))
        made.append(
            Answer(
                as_of=as_of,
                unit=names.get(finding.unit, str(finding.unit)),
                output=finding.output,
                title=book.outputs[finding.output].title,
                finding=finding,
                value=_value(finding, entries),
                entries=entries,
            )
        )
    return tuple(made)


def _order(meaning: Meaning) -> dict[str, int]:
    """Step → place: facts and sources first, then hits, folds and values as they are worked out, then answers."""
    steps = [CLAUSES, *(name for kind, name in meaning.order if kind in ("fold", "value"))]
    return {name: n for n, name in enumerate([*steps, RATED_WHEN, *meaning.book.outputs], start=1)}


def _unit_names(book: Rulebook, facts: Facts) -> dict[int, str]:
    named = facts.subjects if book.rates.subject else facts.records
    return {number: name for name, number in named.items()}


def _resting(provenance: Provenance, output: str, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    rest = provenance.rest_of(output)
    others = set(provenance.book.outputs) - {output}
    sources = set(provenance.book.sources)
    facts = {f.name for f in provenance.meaning.facts}
    return tuple(
        e
        for e in entries
        if not (e.step in others and (e.kind in _OF_OUTPUTS or e.step not in rest.steps))
        and (e.step in rest.steps or e.clause in rest.clauses or e.step in sources or e.step in facts)
    )


def _value(finding: Finding, entries: Sequence[Entry]) -> Decimal | None:
    if finding.number is not None:
        return finding.number
    bands = (e.raw for e in entries if e.step == finding.output and e.kind == "band")
    return next(bands, None)


def as_json(
    trials: Sequence[tuple[Answer, ...]], book: Rulebook, facts: Facts, known_at: datetime | None
) -> dict[str, Any]:
    """The whole trial as plain JSON data; :data:`SCHEMA` describes it."""
    return {
        "book": {
            "id": book.rulebook,
            "version": book.version,
            "title": book.title,
            "document": book.source.document,
            "grade": book.source.grade.value,
        },
        "known_at": known_at.isoformat() if known_at else None,
        "results": [_answer(a, book, facts) for answers_ in trials for a in answers_],
    }


def _answer(one: Answer, book: Rulebook, facts: Facts) -> dict[str, Any]:
    output = book.outputs[one.output]
    return {
        "as_of": one.as_of.isoformat(),
        "unit": one.unit,
        "output": one.output,
        "title": one.title,
        "value": _plain(one.value),
        "answer": _plain(one.finding.answer),
        "status": one.finding.status,
        "reason": one.finding.reason,
        "grade": one.finding.grade,
        "out_of": _plain(output.out_of),
        "partial": output.partial or None,
        "next_change_on": _plain(one.next_change_on),
        "entries": [_entry(e, book, facts) for e in one.entries],
    }


def _entry(entry: Entry, book: Rulebook, facts: Facts) -> dict[str, Any]:
    clause = book.clauses.get(entry.clause or "")
    return {
        "step": entry.step,
        "kind": entry.kind,
        "clause": entry.clause,
        "article": (clause.clause or None) if clause else None,
        "title": clause.title if clause else None,
        "record": cited(entry, book, facts) or None,
        "row": _named(entry.row, _per(entry, book), book, facts) or None,
        "day": _plain(entry.day),
        "raw": _plain(entry.raw),
        "weight": _plain(entry.weight),
        "share": _plain(entry.share),
        "text": entry.text,
        "lost_to": facts.record_name(entry.lost_to) or None,
        "grade": entry.grade,
    }


def cited(entry: Entry, book: Rulebook, facts: Facts) -> str:
    """The name in the facts of what an entry cites: a record, or the subject at the far end of a relation row or
    finding, which have subjects as their keys. Empty when it cites nothing."""
    clause, fold = book.clauses.get(entry.clause or ""), book.folds.get(entry.step)
    source = clause.hits if clause else fold.over if fold else entry.step
    return _named(entry.record, source, book, facts)


def _per(entry: Entry, book: Rulebook) -> str | None:
    fold = book.folds.get(entry.step)
    return fold.per if fold else None


def _named(key: int | None, source: str | None, book: Rulebook, facts: Facts) -> str:
    law = book.sources.get(source or "")
    of_subjects = law is not None and (
        law.relation is not None
        or (law.findings is not None and (law.unit.relation is not None or book.rates.subject is not None))
    )
    return facts.subject_name(key) if of_subjects else facts.record_name(key)


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return plain_number(value)
    return value.isoformat() if isinstance(value, date) else value


def schema() -> dict[str, Any]:
    """The JSON Schema of :func:`as_json`."""
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return loaded
