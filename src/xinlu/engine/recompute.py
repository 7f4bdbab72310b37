"""Findings from entries and the book alone: the one law for every kind of rule.

Folds come from the shares of their entries or from what they read, facts and peer statistics from their own
entries; values, what is enough data, levels and moves are worked out again by the law.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from itertools import groupby

from xinlu.engine import exact
from xinlu.engine.answers import Answering, Evidence, named_value
from xinlu.engine.evaluation import Frame, Value
from xinlu.engine.oracle.population import PERIOD_REASONS
from xinlu.engine.provenance import RATED_WHEN, Provenance
from xinlu.engine.result import Entry, Finding, sorted_findings
from xinlu.law.meaning import Meaning
from xinlu.law.types import Type

SUMMED = {"start", "hit", "cap", "ceiling", "floor", "clamp", "rounding", "row"}
"""Kinds whose shares make a fold."""


def recompute(versions: Sequence[Meaning], entries: Iterable[Entry]) -> list[Finding]:
    """The findings of every unit that has entries, in canonical order.

    ``versions``: the version of the book in force on the day of the run; where a date of the unit picks the
    version, all of them.

    >>> recompute([], [])
    []

    Raises ValueError when no version governs a unit: the entries are of another book or version.
    """
    found: list[Finding] = []
    books = [Provenance(meaning) for meaning in versions]
    with localcontext(exact.EXACT):
        for unit, own in groupby(sorted(entries, key=lambda one: one.unit), key=lambda one: one.unit):
            found += _recomputed(books, unit, list(own))
    return sorted_findings(found)


def _recomputed(books: Sequence[Provenance], unit: int, entries: list[Entry]) -> list[Finding]:
    by_step: dict[str, list[Entry]] = {}
    for entry in entries:
        by_step.setdefault(entry.step, []).append(entry)
    provenance = _governing(books, unit, by_step)
    frame = frame_of(provenance.meaning, by_step)
    unrated = next((e.text for e in by_step.get(RATED_WHEN, []) if e.text in PERIOD_REASONS), None)
    answering = Answering(provenance, unit, frame, _evidence(entries), unrated)
    answering.answer()
    return [replace(one, grade=provenance.weakest(one.output, entries)) for one in answering.findings]


def _governing(books: Sequence[Provenance], unit: int, by_step: Mapping[str, Sequence[Entry]]) -> Provenance:
    """The version that governs a unit."""
    for provenance in books:
        meaning = provenance.meaning
        if meaning.book.governed_by == "as_of":
            return provenance
        day = Frame(meaning, _facts(meaning, by_step)).value("governed_by")
        if day is not None and meaning.book.in_force.covers(day):
            return provenance
    raise ValueError(f"no version governs unit {unit}")


def _facts(meaning: Meaning, by_step: Mapping[str, Sequence[Entry]]) -> dict[str, dict[str, Value]]:
    """Attributes and days that entries of one unit kept."""
    facts: dict[str, dict[str, Value]] = {"unit": {}, "day": {}}
    for ref in meaning.facts:
        found = meaning.units.get(ref.name) if ref.space == "unit" else None
        facts[ref.space][ref.name] = _read(by_step.get(ref.name, ()), found)
    return facts


def frame_of(meaning: Meaning, by_step: Mapping[str, Sequence[Entry]]) -> Frame:
    """Facts, folds and values of one unit, by the entries of each step."""
    facts = _facts(meaning, by_step)
    folds = {name: _fold(meaning, name, by_step.get(name, ())) for name in meaning.folds}
    values: dict[str, Value] = {}
    frame = Frame(meaning, {**facts, "fold": folds, "value": values})
    for kind, name in meaning.order:
        if kind == "value" and meaning.book.values[name].peer is not None:
            values[name] = _read(by_step.get(name, ()), meaning.values[name])
        elif kind == "value":
            _, values[name] = named_value(meaning, name, frame)
    return frame


def _fold(meaning: Meaning, name: str, entries: Sequence[Entry]) -> Value:
    fold = meaning.book.folds[name]
    if fold.sum is not None or fold.running is not None:
        return _summed(entries)
    if fold.mean is not None or fold.worst_weighted is not None:
        rows = [one for one in entries if one.kind == "row"]
        absent = not rows or any(one.share is None for one in rows)
        return None if absent else _summed(entries)
    return _read(entries, meaning.folds[name])


def _summed(entries: Iterable[Entry]) -> Decimal:
    shares = (one.share for one in entries if one.kind in SUMMED and one.share is not None)
    return sum(shares, Decimal(0))


def _read(entries: Iterable[Entry], found: Type | None) -> Value:
    """The value in a ``read``, ``fact`` or ``value`` entry; missing when it holds none."""
    entry = next((one for one in entries if one.kind in {"read", "fact", "value"}), None)
    if entry is None:
        return None
    if entry.raw is not None:
        return entry.raw
    if entry.day is not None:
        return entry.day
    if entry.text is None or found is None:
        return entry.text
    if found.kind == "flag":
        return entry.text == "true"
    return json.loads(entry.text) if found.kind == "list" else entry.text


def _evidence(entries: Iterable[Entry]) -> dict[str, Evidence]:
    """The first hit of each clause, wherever it was written."""
    found: dict[str, Evidence] = {}
    for entry in entries:
        if entry.kind == "hit" and entry.clause is not None:
            hit = Evidence(entry.clause, entry.record, entry.day)
            known = found.setdefault(entry.clause, hit)
            found[entry.clause] = min(known, hit, key=lambda one: one.order)
    return found
