"""Benchmark of “who is who”: dirty rows against a registry of which it is known who is meant.

``python3 dev.py bench matching [--subjects N] [--rows N] [--seed N] [--everybody N]``

A registry of ``--subjects`` enterprises and sole traders is enrolled in a database of its own (SQLite), with changes
of name; then ``--rows`` rows are asked for candidates, each with one sort of dirt (``xinlu.demo.lookalikes``). In every
second row nobody registered is meant, and a subject that looks alike must not be proposed.

A *proposal* is a candidate that is called likely. Precision is right proposals ÷ proposals, recall is right proposals ÷
rows whose subject is registered; *shown* counts the rows whose subject stands among the candidates at all. For
``--everybody`` rows the index is left out and every subject is compared: ``equal`` says whether the same are proposed.

``ratio`` is the worse of (1 - precision) ÷ 0.005 and (1 - recall) ÷ 0.03: at most 1 is asked.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

PRECISION_MISS, RECALL_MISS = 0.005, 0.03
"""Shares of wrong proposals and of missing ones that are allowed."""
BATCH = 5000
AT = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--subjects", type=int, default=100_000, help="enterprises and sole traders in the registry")
    words.add_argument("--rows", type=int, help="rows that are asked for (as many as subjects)")
    words.add_argument("--seed", type=int, default=2026, help="of everything that is drawn")
    words.add_argument("--everybody", type=int, default=10, help="rows that are compared with every subject too")
    options = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="xinlu-bench-") as folder:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "xinlu.settings", "XINLU_VAR": folder, "XINLU_DATABASE_URL": ""}
        print(json.dumps(measure(options)))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures, printed as they come."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from xinlu.access.scope import Scope
    from xinlu.demo.lookalikes import DIRT, Lookalikes, quality
    from xinlu.law.regions import load_regions
    from xinlu.registry.candidates import candidates
    from xinlu.registry.likeness import proposed

    call_command("migrate", verbosity=0)
    world = Lookalikes(options.subjects, load_regions(settings.STANDARDS / "regions.yaml"), seed=options.seed)
    with timed() as enrolling:
        numbers = enrol(world)
    rows = world.rows(options.rows or options.subjects, numbers)
    scope = Scope.system("benchmark of matching")
    shown: list[list[Any]] = []
    with timed() as asking:
        for start in range(0, len(rows), BATCH):
            shown += candidates(scope, [row.said for row in rows[start : start + BATCH]])
    proposals = [one.number if (one := proposed(several)) else None for several in shown]
    seen = [row.meant in [known.number for known, _ in several] for row, several in zip(rows, shown, strict=True)]
    found = quality(zip(rows, proposals, seen, strict=True))
    told = f"{len(numbers):,} subjects enrolled in {enrolling[0]:.1f} s, {len(rows):,} rows in {asking[0]:.1f} s"
    print(f"{told} ({asking[0] / len(rows) * 1000:.2f} ms a row), seed {options.seed}", flush=True)
    print(f"\n{'':<24}{'rows':>9}{'precision':>11}{'recall':>9}{'wrong':>7}{'missed':>8}{'shown':>9}")
    for name in (*DIRT, "all"):
        sort = found[name]
        figures = f"{sort.rows:>9,}{sort.precision:>11.4%}{sort.recall:>9.3%}{sort.wrong:>7,}{sort.missed:>8,}"
        print(f"{name:<24}{figures}{sort.seen / max(1, sort.right + sort.missed):>9.2%}")
    with timed() as checking:
        equal = same_without_index(rows, proposals, numbers, options.everybody)
    print(f"\n{options.everybody} rows compared with everybody in {checking[0]:.1f} s: same proposals: {equal}")
    everything = found["all"]
    return {
        "bench": "matching",
        "subjects": len(numbers),
        "rows": len(rows),
        "precision": round(everything.precision, 5),
        "recall": round(everything.recall, 5),
        "ratio": round(max((1 - everything.precision) / PRECISION_MISS, (1 - everything.recall) / RECALL_MISS), 3),
        "seconds": round(asking[0], 1),
        "enrol_seconds": round(enrolling[0], 1),
        "rss_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2),
        "equal": equal,
    }


def enrol(world: Any) -> list[int]:
    """The subjects and their changes of name, in the database; gives their numbers."""
    from xinlu.journal.actor import Actor
    from xinlu.registry.enrol import enrol_many
    from xinlu.registry.revise import revise_many

    actor, subjects, numbers = Actor.system("benchmark"), list(world.subjects()), list[int]()
    for start in range(0, len(subjects), BATCH):
        numbers += enrol_many(subjects[start : start + BATCH], actor=actor, at=AT)
    revise_many(world.revisions(numbers), actor=actor, at=AT)
    return numbers


def same_without_index(rows: Sequence[Any], proposals: Sequence[int | None], numbers: Sequence[int], many: int) -> bool:
    """Whether the first of each sort, ``many`` in all, get the same proposal when every subject is compared."""
    from xinlu.access.scope import Scope
    from xinlu.registry.candidates import load
    from xinlu.registry.likeness import likeness, proposed, ranked
    from xinlu.registry.match_keys import places

    step = max(1, len(rows) // max(1, many))
    places_of, equal = range(0, len(rows), step)[:many], True
    best: dict[int, list[Any]] = {place: [] for place in places_of}
    for start in range(0, len(numbers), BATCH):
        known = load(Scope.system("benchmark of matching"), numbers[start : start + BATCH])
        for place, several in best.items():
            pairs = ((one, likeness(rows[place].said, one, places())) for one in known.values())
            several += [pair for pair in pairs if pair[1].verdict != "unlike"]
    for place, several in best.items():
        one = proposed(ranked(several))
        equal = equal and (one.number if one else None) == proposals[place]
    return equal


@contextmanager
def timed() -> Iterator[list[float]]:
    """Seconds that a block takes, in a list of one."""
    seconds = [0.0]
    start = time.perf_counter()
    yield seconds
    seconds[0] = time.perf_counter() - start


if __name__ == "__main__":
    main()
