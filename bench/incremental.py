"""Benchmark of partial runs over the reference province.

``python3 dev.py bench incremental [--records N] [--province FOLDER] [--changed 10,100,…]``

* **changed records**: a table at 10 … 100,000 records that are corrected, withdrawn or new, spread over all items as
  they come; the time runs from the changed rows at hand to the partial runs of all books written;
* **one subject**: all books that rate it, over 200 subjects of a kind in a warm process, and the heaviest one;
* **a later day**: the units that are due on the next day, with nothing new recorded;
* **reading**: the entries of one unit of a run, whole or partial.

Books that rank peers move everybody and are run whole, with their readers; they are named and left out. ``ratio`` is
the worst of: time for 10 records ÷ 0.5 s, for 10,000 ÷ the greater of 2 s and 5 % of the whole run, 95th percentile
of one practitioner ÷ 40 ms, the heaviest subject ÷ 1 s, and reading ÷ 20 ms. ``equal``: the partial runs of the
largest table that is compared (``--compare``, 0 for none), read on top of the first run, are what a whole run over
the changed province writes.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xinlu.demo.reference import shape
from xinlu.demo.reference.province import Province, read_province, write_province
from xinlu.engine.compile.primitives import identifier
from xinlu.engine.delta import AnyRun, Delta, shelf_rows, write_delta
from xinlu.engine.duck import Duck
from xinlu.engine.incremental import Changed, Partial, reckon_changed, reckon_later
from xinlu.engine.kept import Kept
from xinlu.engine.manifest import identity
from xinlu.engine.reckon import Reckoner
from xinlu.engine.shelves import Shelved
from xinlu.engine.tables import schemas
from xinlu.engine.whole import run_whole
from xinlu.law.library import Library, load, shipped
from xinlu.law.rulebook import Rulebook

KNOWN_AT = datetime(2026, 1, 15)  # noqa: DTZ001 the engine’s times are UTC without zone
LATER = KNOWN_AT + timedelta(days=1)
LEARNT = KNOWN_AT + timedelta(hours=6)
PROCESSES = 2
MEMORY_GIB = 1.8
KINDS = ("practitioner", "vehicle", "enterprise")
ASKED = 200


def main() -> None:
    """Command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--records", type=int, default=shape.RECORDS, help="records of the province")
    words.add_argument("--province", type=Path, help="a reference province that is there already")
    words.add_argument("--changed", default="10,100,1000,10000,100000", help="how many records change, with commas")
    words.add_argument("--compare", type=int, default=10_000, help="up to which table results are compared; 0: none")
    words.add_argument("--work", type=Path, help="folder for runs (default: a new one that is removed)")
    options = words.parse_args()
    folder = options.work or Path(tempfile.mkdtemp(prefix="xinlu-bench-"))
    try:
        print(json.dumps(Bench(options, folder).measure()))
    finally:
        if options.work is None:
            shutil.rmtree(folder, ignore_errors=True)


def timed(work: Any) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def milliseconds(times: Sequence[float], percent: float) -> float:
    """A percentile in milliseconds."""
    return round(float(np.percentile(times, percent)) * 1000, 1)


class Bench:
    """The whole measurement over one province."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.random = Random(1)
        self.library: Library = load(shipped())
        self.catalogue = self.library.catalogue
        self.province: Province = self.provided()
        self.books, self.left_out = parted(self.library)
        self.limits: dict[str, float] = {}

    def provided(self) -> Province:
        if self.options.province is not None:
            return read_province(self.options.province, self.catalogue)
        seconds, province = timed(
            lambda: write_province(self.folder / "province", self.library, records=self.options.records)
        )
        print(f"province of {province.records:,} records written in {seconds:.0f} s", flush=True)
        found: Province = province
        return found

    def whole(self, name: str, tables: Mapping[str, Shelved], known_at: datetime) -> dict[str, Kept]:
        return run_whole(
            self.books,
            tables,
            catalogue=self.catalogue,
            as_of=shape.AS_OF,
            known_at=known_at,
            folder=self.folder / name,
            processes=PROCESSES,
            memory_gib=MEMORY_GIB,
        )

    def measure(self) -> dict[str, Any]:
        """All figures, printed as they come."""
        named = len({one.rulebook for one in self.books})
        print(f"{named} books; run whole, since they rank peers, and left out: {', '.join(sorted(self.left_out))}")
        shutil.rmtree(self.folder / "base", ignore_errors=True)
        self.seconds, self.base = timed(lambda: self.whole("base", self.province.tables, KNOWN_AT))
        entries = sum(one.rows("entries") for one in self.base.values())
        print(f"whole run: {self.seconds:.1f} s, {entries:,} entries", flush=True)
        self.reckoner = Reckoner(
            self.books,
            self.province.tables,
            self.catalogue,
            shape.AS_OF,
            KNOWN_AT,
            index=self.province.folder / "index",
            threads=PROCESSES,
            memory_gib=MEMORY_GIB / 2,
        )
        ready, _ = timed(self.reckoner.make_ready)
        index = sum(one.stat().st_size for one in (self.province.folder / "index").rglob("*.npy"))
        print(f"ready in {ready:.1f} s, index of {index / 2**20:,.0f} MiB", flush=True)
        subjects = {kind: self.subjects(kind) for kind in KINDS}
        heaviest = self.heaviest()
        reading = self.reading()
        table, equal = self.changes()
        later = self.later_day()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"peak of this process {peak:.2f} GiB", flush=True)
        return {
            "bench": "incremental",
            "records": self.province.records,
            "ratio": round(max(self.limits.values()), 2),
            "ratios": {name: round(one, 2) for name, one in self.limits.items()},
            "seconds": round(self.seconds, 2),
            "rss_gib": round(peak, 2),
            "equal": equal,
            "changed": table,
            "subjects": subjects,
            "heaviest": heaviest,
            "later_day": later,
            "reading": reading,
        }

    # one subject

    def rating(self, kind: str) -> list[str]:
        return sorted({one.rulebook for one in self.books if one.rates.subject == kind})

    def subjects(self, kind: str) -> dict[str, Any]:
        """Subjects of a kind, each by all books that rate it."""
        books = self.rating(kind)
        duck = Duck({"s": self.province.tables[f"subject_{kind}"]})
        everybody = [row[0] for row in duck.rows("SELECT DISTINCT subject FROM s ORDER BY 1")]
        chosen = self.random.sample(everybody, min(ASKED + 20, len(everybody)))
        times = [timed(lambda one=one: self.reckoner.reckon({book: [one] for book in books}))[0] for one in chosen][20:]
        told = {"books": books, "p50_ms": milliseconds(times, 50), "p95_ms": milliseconds(times, 95)}
        print(f"one {kind}: p50 {told['p50_ms']} ms, p95 {told['p95_ms']} ms ({len(books)} books)", flush=True)
        if kind == "practitioner":
            self.limits["subject"] = milliseconds(times, 95) / 40
        return told

    def heaviest(self) -> dict[str, Any]:
        """The subject with the most records of one item, by the books that read this item by its main subject."""
        item = max(shape.HEAVIEST, key=lambda one: shape.HEAVIEST[one])
        role = f"role_{self.catalogue.items[item].roles[0].name}"
        duck = Duck({"i": self.province.tables[f"item_{item}"]})
        subject, many = duck.rows(f"SELECT {role}, count(*) FROM i GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1")[0]
        reads = {
            one.rulebook
            for one in self.books
            if one.rates.subject and any(source.item == item for source in one.sources.values())
        }
        kinds = {one.rulebook: one.rates.subject for one in self.books}
        own = Duck({kind: self.province.tables[f"subject_{kind}"] for kind in ("enterprise", "sole_trader")})
        kind = next(
            k for k in ("enterprise", "sole_trader") if own.rows(f"SELECT 1 FROM {k} WHERE subject = {subject}")
        )
        books = sorted(one for one in reads if kinds[one] == kind)
        times = [timed(lambda: self.reckoner.reckon({book: [subject] for book in books}))[0] for _ in range(4)]
        best = sorted(times[1:])[1]
        print(
            f"heaviest subject, {many:,} {item}: {best:.2f} s ({', '.join(books)}; first {times[0]:.2f} s)", flush=True
        )
        self.limits["heaviest"] = best
        return {"records": many, "seconds": round(best, 3), "first": round(times[0], 3), "books": books}

    def reading(self) -> dict[str, Any]:
        """One unit's entries of the run with the most entries."""
        run = max(self.base.values(), key=lambda one: one.rows("entries"))
        units: list[int] = []
        for shelf in list(run.of("findings"))[:: max(1, len(run.of("findings")) // 8)]:
            found = pq.read_table(run.folder / run.of("findings")[shelf].file, columns=["unit"])["unit"].unique()
            units += self.random.sample(found.to_pylist(), min(30, len(found)))
        self.random.shuffle(units)
        times = [timed(lambda one=one: run.of_unit("entries", one))[0] for one in units][20:]
        told = {"book": run.book, "p50_ms": milliseconds(times, 50), "p95_ms": milliseconds(times, 95)}
        print(f"entries of one unit of {run.book}: p50 {told['p50_ms']} ms, p95 {told['p95_ms']} ms", flush=True)
        self.limits["reading"] = milliseconds(times, 95) / 20
        return told

    # changed records

    def changes(self) -> tuple[list[dict[str, Any]], bool | None]:
        """The table, and whether what was compared is equal; None where nothing was."""
        print(
            "| changed records | units | entries | seconds | of the whole run |\n| ---: | ---: | ---: | ---: | ---: |"
        )
        table: list[dict[str, Any]] = []
        equal: bool | None = None  # nothing was compared yet
        for many in (int(one) for one in self.options.changed.split(",")):
            rows = self.changed_rows(many)
            tables = self.with_later(rows, many)
            warm = self.reckoner.over(tables, LATER)
            seconds, (partial, runs) = timed(lambda w=warm, r=rows, m=many: self.written(w, r, m))
            units = sum(len(one) for one in partial.units.values())
            lines = sum(one.entries.num_rows for one in partial.results.values())
            share = seconds / self.seconds
            print(f"| {many:,} | {units:,} | {lines:,} | {seconds:.2f} | {share:.1%} |", flush=True)
            table.append({"changed": many, "units": units, "entries": lines, "seconds": round(seconds, 3)})
            if many == 10:
                self.limits["10"] = seconds / 0.5
            if many == 10_000:
                self.limits["10000"] = seconds / max(2.0, 0.05 * self.seconds)
            if many <= self.options.compare and many == self.largest_compared():
                equal = self.same(runs, tables)
            for run in [one for one in runs.values() if isinstance(one, Delta)]:
                shutil.rmtree(run.own.folder)
        return table, equal

    def largest_compared(self) -> int:
        wanted = [int(one) for one in self.options.changed.split(",") if int(one) <= self.options.compare]
        return max(wanted, default=0)

    def written(self, warm: Reckoner, rows: Mapping[str, pa.Table], many: int) -> tuple[Partial, dict[str, AnyRun]]:
        """Everything from changed rows at hand to partial runs on disk."""
        partial = reckon_changed(warm, Changed.of_rows(rows), whole=False)
        runs: dict[str, AnyRun] = dict(self.base)
        for book, units in partial.units.items():
            if len(units):
                folder = self.folder / f"partial-{many}" / book
                runs[book] = write_delta(folder, self.base[book], partial.results[book], units)
        return partial, runs

    def changed_rows(self, many: int) -> dict[str, pa.Table]:
        """Rows of a later file: of ten records seven are corrected (another day), one is withdrawn, two are new."""
        items = {name: count for name, count in self.province.rows.items() if name.startswith("item_") and count}
        names = self.random.choices(list(items), weights=list(items.values()), k=many)
        found: dict[str, pa.Table] = {}
        for name in sorted(set(names)):
            # Rows of a few places in the files stand for any, since files are sorted by subject.
            wanted = names.count(name)
            columns = schemas(self.catalogue)[name].names
            duck = Duck({"t": self.province.tables[name]})
            listed = ", ".join(f"t.{identifier(one)}" for one in columns)
            standing = duck.arrow(
                f"SELECT {listed} FROM t WHERE superseded_at IS NULL AND hash(record + {many}) % "
                f"{max(1, items[name] // (wanted * 3))} = 0 ORDER BY hash(record) LIMIT {wanted}"
            )
            duck.close()
            found[name] = self.touched(standing.cast(schemas(self.catalogue)[name]))
        return found

    def touched(self, standing: pa.Table) -> pa.Table:
        rows: list[dict[str, Any]] = []
        for place, row in enumerate(standing.to_pylist()):
            corrected = {**row, "occurred_on": row["occurred_on"] - timedelta(days=3), "recorded_at": LEARNT}
            if place % 10 < 8:
                rows.append({**row, "superseded_at": LEARNT})
            if place % 10 < 7:
                rows.append(corrected)
            elif place % 10 > 7:
                rows.append({**corrected, "record": row["record"] + 10**12})
        return pa.Table.from_pylist(rows, schema=standing.schema)

    def with_later(self, rows: Mapping[str, pa.Table], many: int) -> dict[str, Shelved]:
        """The copy with one later file for each touched table, as a sync leaves it."""
        tables = dict(self.province.tables)
        for name, found in rows.items():
            path = self.folder / "later" / name / f"{many}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            old = tables[name]
            order = Duck({"t": found})
            sorted_rows = order.arrow(f"SELECT * FROM t ORDER BY {old.kept_by}, occurred_on, record, recorded_at")
            pq.write_table(sorted_rows.cast(found.schema), path, compression="zstd")
            key, by = identity(name, self.catalogue)
            tables[name] = Shelved(old.shelves, old.base, (*old.later, str(path)), key=key, kept_by=by)
        return tables

    def same(self, runs: Mapping[str, AnyRun], tables: Mapping[str, Shelved]) -> bool:
        """Whether partial runs read as a whole run over the changed province."""
        expected = self.whole("expected", tables, LATER)
        differing = [
            f"{book} {name} {shelf}"
            for book, run in runs.items()
            for name in ("findings", "entries")
            for shelf in range(run.shelves)
            if not shelf_rows(run, name, shelf).equals(shelf_rows(expected[book], name, shelf))
        ]
        print(f"read on top of the first run as a whole run: {not differing} {differing[:3] or ''}", flush=True)
        shutil.rmtree(self.folder / "expected")
        return not differing

    # a later day

    def later_day(self) -> dict[str, Any]:
        """The next ordinary day, of the books that do not name the day itself."""
        day = shape.AS_OF + timedelta(days=30)
        before = self.reckoner.on(day - timedelta(days=1))
        seconds, partial = timed(lambda: reckon_later(before.on(day), day - timedelta(days=1), whole=False))
        units = sum(len(one) for one in partial.units.values())
        print(f"a later day: {units:,} units of {len(partial.units)} books in {seconds:.2f} s", flush=True)
        for book, reason in partial.whole.items():
            print(f"  run whole: {book} ({reason})", flush=True)
        return {
            "units": units,
            "books": len(partial.units),
            "seconds": round(seconds, 2),
            "whole": dict(partial.whole),
        }


def parted(library: Library) -> tuple[list[Rulebook], set[str]]:
    """Books of which single units can be computed again, and the names of those over peers with their readers."""
    everything = [book for versions in library.rulebooks.values() for book in versions]
    out = {one.rulebook for one in everything if any(value.peer is not None for value in one.values.values())}
    before: set[str] = set()
    while before != out:
        before = set(out)
        out |= {one.rulebook for one in everything if any(source.findings in out for source in one.sources.values())}
    return [one for one in everything if one.rulebook not in out], out


if __name__ == "__main__":
    main()
