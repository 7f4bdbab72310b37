"""What of a book was reached: clauses, caps, exclusions, contests, bands, conditions, moves, statuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from xinlu.engine.result import Entry, Finding
from xinlu.law.rulebook import Output, Rulebook

Target = str
"""One thing that a population should reach, in words: ``clause bid``, ``move level 2``."""


def targets(book: Rulebook) -> list[Target]:
    """Everything of ``book`` that generated populations have to reach, in the order of the book."""
    found: list[Target] = []
    for source, law in book.sources.items():
        found += [f"exclusion {source}: {one.because}" for one in law.exclude]
    for name, clause in book.clauses.items():
        found.append(f"clause {name}")
        if clause.cap is not None and not _runs(book, name):
            found.append(f"cap {name}")
        if clause.at_most is not None:
            found.append(f"limit {name}")
        if clause.span is not None:
            found += [f"age {name} {age.weight.normalize():f}" for age in clause.span.ages]
    found += [f"contest lost {name}" for name in book.contests]
    for name, fold in book.folds.items():
        found += [f"{bound} {name}" for bound in ("ceiling", "floor") if getattr(fold, bound) is not None]
        if fold.running is not None:
            bounds = (fold.running.floor, fold.running.ceiling)
            found += [f"clamp {name}"] if any(bounds) else []
    found += [f"not enough: {rule.otherwise}" for rule in book.rated_when]
    for name, output in book.outputs.items():
        found += _answers(name, output)
    return found


def _runs(book: Rulebook, clause: str) -> bool:
    """Whether a running fold takes the clause: its cap cuts hits and closes nothing."""
    return any(clause in fold.running.clauses for fold in book.folds.values() if fold.running)


def _answers(name: str, output: Output) -> Iterator[Target]:
    if output.bands is not None:
        yield from (f"band {name} {level}" for level in output.bands.cut)
    for place, condition in enumerate(output.conditions, start=1):
        yield f"condition {name} {place}: {condition.then or condition.ask}"
    if output.conditions and output.otherwise is not None and output.conditions[-1].when != "true":
        yield f"otherwise {name}"
    yield from (f"move {name} {place}: {move.title}" for place, move in enumerate(output.moves, start=1))
    yield f"rated {name}"


def reached(book: Rulebook, findings: Iterable[Finding], entries: Iterable[Entry]) -> Counter[Target]:
    """How often each target was reached in one result of ``book``; targets that were not are left out."""
    found: Counter[Target] = Counter()
    for entry in entries:
        found.update(_of_entry(book, entry))
    reasons = {rule.otherwise for rule in book.rated_when}
    units = {(f.unit, f.reason) for f in findings if f.status != "rated" and f.reason in reasons}
    found.update(f"not enough: {reason}" for _, reason in units)
    found.update(f"rated {f.output}" for f in findings if f.status == "rated")
    return found


def _of_entry(book: Rulebook, entry: Entry) -> Iterator[Target]:
    name, output = entry.clause, book.outputs.get(entry.step)
    if entry.kind == "excluded":
        yield f"exclusion {entry.step}: {entry.text}"
    elif entry.kind == "hit" and name in book.clauses:
        yield from _of_hit(book, entry)
    elif entry.kind == "cap":
        yield f"cap {name}"
    elif entry.kind == "lost":
        yield from (f"contest lost {key}" for key, one in book.contests.items() if name in one.among)
    elif entry.kind in {"ceiling", "floor", "clamp"}:
        yield f"{entry.kind} {entry.step}"
    elif output is not None and entry.kind == "band":
        yield f"band {entry.step} {entry.text}"
    elif output is not None and entry.kind == "condition":
        yield _of_condition(entry, output)
    elif output is not None and entry.kind == "move":
        yield f"move {entry.step} {entry.seq}: {output.moves[entry.seq - 1].title}"


def _of_condition(entry: Entry, output: Output) -> Target:
    place = int(entry.raw or 0)
    if place == 0:
        return f"otherwise {entry.step}"
    condition = output.conditions[place - 1]
    return f"condition {entry.step} {place}: {condition.then or condition.ask}"


def _of_hit(book: Rulebook, entry: Entry) -> Iterator[Target]:
    clause = book.clauses[str(entry.clause)]
    yield f"clause {entry.clause}"
    if clause.span is not None and clause.span.ages and entry.weight is not None:
        yield f"age {entry.clause} {entry.weight.normalize():f}"
    whole = (entry.raw or 0) * (entry.weight or 0)
    if clause.at_most is not None and entry.share is not None and abs(entry.share) < abs(whole):
        yield f"limit {entry.clause}"


def told(book: Rulebook, found: Counter[Target], units: int, statuses: Counter[str]) -> str:
    """One line for the table that the tests print: what was reached of how much, and what was not."""
    wanted = targets(book)
    missing = [one for one in wanted if not found[one]]
    rated = ", ".join(f"{name} {count}" for name, count in sorted(statuses.items()))
    line = (
        f"{book.rulebook} {book.version}: {len(wanted) - len(missing)}/{len(wanted)} reached, {units} units ({rated})"
    )
    return line + "".join(f"\n    never: {one}" for one in missing)
