"""Benchmark of the engine over the reference province.

``python3 dev.py bench engine [--records N] [--runs 3] [--growth] [--part books|hand|same]``

* **books**: all shipped rulebooks in one run over the province, with every entry and with scores only;
* **hand**: three books of different shape against the best hand-written DuckDB SQL for the same findings and entries
  on the same files (``bench/by_hand``), compared row by row, each run in a process of its own, in turns;
* **same**: digests of runs with other numbers of buckets and processes, another order of rows and less memory;
* **growth** (asked for by ``--growth``): the whole run at 1, 5, 10, 25 and 50 million records.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from _apart import Clock, apart, printed

from xinlu.demo.reference import shape
from xinlu.demo.reference.province import write_province
from xinlu.engine.compile.primitives import identifier, text_literal
from xinlu.engine.kept import Kept
from xinlu.engine.manifest import Files, Manifest
from xinlu.engine.pack import ROW_GROUP
from xinlu.engine.result import ENTRIES_SCHEMA, FINDINGS_SCHEMA
from xinlu.engine.shelves import Shelved
from xinlu.engine.whole import run_whole
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import Library, load, load_catalogue, load_rulebook, shipped
from xinlu.law.rulebook import Rulebook

HERE = Path(__file__).parent
SCORECARD = "bench-scorecard"
HAND = (SCORECARD, "road-driver-integrity", "overlimit-enterprise")
"""A scorecard; personal cycles and the level before; a dated relation and a ratio."""
KNOWN_AT = datetime(2026, 1, 15)  # noqa: DTZ001 the engine’s times are UTC without zone
SHELVES = 64
GROWTH = (1_000_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000)
SAME_RECORDS = 400_000
RESULTS = {"findings": FINDINGS_SCHEMA, "entries": ENTRIES_SCHEMA}


# ── what is measured: the law and the data ──────────────────────────────────────────────────────


def all_books(library: Library) -> list[Rulebook]:
    """Every version of every shipped book."""
    return [book for versions in library.rulebooks.values() for book in versions]


def scorecard_law() -> tuple[list[Rulebook], Catalogue]:
    """The scorecard and its little catalogue."""
    return [load_rulebook(HERE / "engine_book" / "scorecard.yaml")], load_catalogue(HERE / "engine_book")


def write_scorecard_data(folder: Path, *, subjects: int, records: int) -> None:
    """Subjects and records of the scorecard on shelves, the same for the same numbers."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    duck = duckdb.connect(str(folder / "work.duckdb"))
    duck.execute("SET memory_limit = '1.5GiB'")
    known = "TIMESTAMP '2020-01-01 00:00:00' AS recorded_at, CAST(NULL AS TIMESTAMP) AS superseded_at"
    duck.execute(
        "CREATE TABLE subject_firm AS SELECT CAST(range AS BIGINT) AS subject, CAST(NULL AS VARCHAR) AS name, "
        "CAST(NULL AS VARCHAR) AS region, DATE '2010-01-01' AS valid_from, CAST(NULL AS DATE) AS valid_until, "
        f"{known} FROM range({subjects})"
    )
    # Mixing by large odd numbers spreads codes, dates and severities without a random generator.
    mixed = "CAST((range * 2654435761 + 12345) % 4294967291 AS BIGINT)"
    duck.execute(
        "CREATE TABLE item_act AS SELECT CAST(range AS BIGINT) AS record, CAST(NULL AS BIGINT) AS parent, "
        f"m % {subjects} AS role_subject, DATE '2022-01-01' + CAST(m // 7 % 1461 AS INTEGER) AS occurred_on, "
        f"DATE '2022-01-01' AS effective_from, CAST(NULL AS DATE) AS effective_until, {known}, "
        "'C' || lpad(CAST(m // 11 % 36 + 1 AS VARCHAR), 2, '0') AS code, "
        "CAST(0.8 + (m // 13 % 13) * 0.1 AS DECIMAL(4, 2)) AS severity, CAST(NULL AS DATE) AS acted_on "
        f"FROM (SELECT range, {mixed} AS m FROM range({records}))"
    )
    files = {}
    for table, by, order in (
        ("subject_firm", "subject", "subject"),
        ("item_act", "role_subject", "role_subject, occurred_on, record"),
    ):
        (folder / table).mkdir()
        for shelf in range(SHELVES):
            target = text_literal(str(folder / table / f"{shelf:06d}.parquet"))
            duck.execute(
                f"COPY (SELECT * FROM {table} WHERE {by} % {SHELVES} = {shelf} ORDER BY {order}) TO {target} "
                f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
            )
        files[table] = Files({shelf: (f"{shelf:06d}.parquet",) for shelf in range(SHELVES)})
    duck.close()
    (folder / "work.duckdb").unlink()
    manifest = Manifest(change=1, shape="scorecard", shelves=SHELVES, tables=files)
    (folder / "manifest.json").write_text(manifest.text(), encoding="utf-8")


def law_of(book: str) -> tuple[list[Rulebook], Catalogue]:
    """The versions of a book with all that it reads, and its catalogue."""
    if book == SCORECARD:
        return scorecard_law()
    library = load(shipped())
    if book == "all":
        return all_books(library), library.catalogue
    return list(library.needed(*library.rulebooks[book])), library.catalogue


def days_of(book: str) -> tuple[date, datetime]:
    """As-of day and time of knowledge of a run."""
    return shape.AS_OF, KNOWN_AT - timedelta(days=14) if book == SCORECARD else KNOWN_AT


def tables_of(folder: Path, catalogue: Catalogue) -> dict[str, Shelved]:
    """The copy in a folder."""
    return Manifest.read(folder).shelved(folder, catalogue)


# ── ours ────────────────────────────────────────────────────────────────────────────────────────


def ours(options: argparse.Namespace) -> dict[str, Any]:
    """One run of a book, or of all, in buckets on processes."""
    books, catalogue = law_of(options.book)
    as_of, known_at = days_of(options.book)
    tables = tables_of(options.folder, catalogue)
    clock = Clock()
    kept = run_whole(
        books,
        tables,
        catalogue=catalogue,
        as_of=as_of,
        known_at=known_at,
        folder=options.out,
        keep=None if options.book == "all" else {options.book},
        buckets=options.buckets,
        processes=options.processes,
        memory_gib=options.memory,
        scores_only=options.scores_only,
    )
    return {
        "seconds": clock.seconds,
        "units": sum(one.units for one in kept.values()),
        "findings": sum(one.rows("findings") for one in kept.values()),
        "entries": sum(one.rows("entries") for one in kept.values()),
        "digests": {book: [one.digest("findings"), one.digest("entries")] for book, one in sorted(kept.items())},
    }


# ── by hand ─────────────────────────────────────────────────────────────────────────────────────


def by_hand(options: argparse.Namespace) -> dict[str, Any]:
    """The hand-written SQL over the same files: whole on several threads, or in buckets on as many processes."""
    _, catalogue = law_of(options.book)
    tables = tables_of(options.folder, catalogue)
    options.out.mkdir(parents=True, exist_ok=True)
    buckets = [hand_bucket(options.book, tables, options.out, one, options.buckets) for one in range(options.buckets)]
    processes = min(options.processes, options.buckets)
    jobs = []
    for number in range(processes):
        job = options.out / f"job-{number}.json"
        threads = options.processes if processes == 1 else 1
        mine = {"threads": threads, "memory": options.memory / processes, "buckets": buckets[number::processes]}
        job.write_text(json.dumps(mine), encoding="utf-8")
        jobs.append(job)
    clock = Clock()
    running = [subprocess.Popen([sys.executable, str(HERE / "_hand.py"), str(job)]) for job in jobs]
    ended = [one.wait() for one in running]
    # What does not fit into the memory that both are given is no way to do it.
    return {"seconds": math.inf if any(ended) else clock.seconds}


def hand_bucket(book: str, tables: Mapping[str, Shelved], out: Path, bucket: int, buckets: int) -> list[str]:
    """The statements of one bucket: its views, then those of the file."""
    text = (HERE / "by_hand" / f"{book}.sql").read_text(encoding="utf-8")
    shelves = [shelf for shelf in range(SHELVES) if shelf % buckets == bucket]
    views = [
        f"CREATE OR REPLACE VIEW {identifier(name)} AS {table.query(None if _everywhere(book, name) else shelves)}"
        for name, table in tables.items()
        if name in text
    ]
    files = {name: str(out / f"{name}-{bucket:02d}.parquet") for name in RESULTS}
    text = text.replace("$findings", files["findings"]).replace("$entries", files["entries"])
    return [*views, *(one for one in text.split(";\n") if one.strip())]


def _everywhere(book: str, table: str) -> bool:
    """Whether a bucket needs rows of all shelves of a table."""
    return book == "overlimit-enterprise" and table in ("subject_vehicle", "item_overlimit_act")


# ── comparing ───────────────────────────────────────────────────────────────────────────────────


def rows_digest(files: str, name: str) -> tuple[int, int]:
    """Number of rows and a sum over their hashes, whatever their order and the width of their numbers."""
    types = {"int64": "BIGINT", "int32": "INTEGER", "date32[day]": "DATE", "bool": "BOOLEAN"}
    types["decimal128(38, 12)"] = "DECIMAL(38, 12)"
    cast = ", ".join(f"CAST({identifier(one.name)} AS {types.get(str(one.type), 'VARCHAR')})" for one in RESULTS[name])
    query = f"SELECT count(*), sum(CAST(hash({cast}) AS HUGEINT)) FROM read_parquet({files})"
    found = duckdb.connect().execute(query).fetchall()[0]
    return int(found[0]), int(found[1] or 0)


def equal(book: str, own: Path, hand: Path) -> bool:
    """Whether both hold the same rows of findings and entries."""
    kept = Kept.read(own / book)
    for name in RESULTS:
        listed = ", ".join(text_literal(file) for file in kept.files(name))
        by_hand_files = text_literal(str(hand / f"{name}-*.parquet"))
        if rows_digest(f"[{listed}]", name) != rows_digest(by_hand_files, name):
            return False
    return True


# ── the parts ───────────────────────────────────────────────────────────────────────────────────


class Bench:
    """Runs the parts and prints their tables."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        self.options = options
        self.work = work

    def child(self, role: str, book: str, folder: Path, out: Path, **more: object) -> dict[str, Any]:
        """One run in a process of its own."""
        shutil.rmtree(out, ignore_errors=True)
        words = {
            "--child": role,
            "--book": book,
            "--folder": folder,
            "--out": out,
            "--processes": more.pop("processes", self.options.processes),
            "--memory": more.pop("memory", self.options.memory),
        }
        listed = [str(one) for pair in words.items() for one in pair]
        for name, value in more.items():
            if value is not None:
                listed += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        return apart(__file__, *listed)

    def province(self, records: int) -> Path:
        """The folder of a province, written if it is not there."""
        folder = self.work / f"province-{records}"
        if not (folder / "manifest.json").exists():
            clock = Clock()
            made = write_province(folder, load(shipped()), records=records, shelves=SHELVES)
            print(
                f"made {made.records:,} rows of records in {clock.seconds:.0f} s, {made.bytes / 2**20:,.0f} MiB",
                flush=True,
            )
        return folder

    def books(self, records: int) -> dict[str, Any]:
        """All books, with entries and without."""
        folder, out = self.province(records), self.work / "run"
        rows, full, bare = [], [], []
        for number in range(self.options.runs):
            full.append(self.child("ours", "all", folder, out))
            size = sum(path.stat().st_size for path in out.rglob("*.parquet")) / 2**20
            bare.append(self.child("ours", "all", folder, out, **{"scores-only": True}))
            one, other = full[-1], bare[-1]
            rows.append(
                (
                    number + 1,
                    f"{one['seconds']:.1f} s, {one['rss_gib']:.2f} GiB",
                    f"{other['seconds']:.1f} s, {other['rss_gib']:.2f} GiB",
                    f"{one['seconds'] / other['seconds']:.2f}",
                    f"{one['entries']:,}",
                    f"{one['entries'] / one['seconds']:,.0f}",
                    f"{size:,.0f}",
                )
            )
        shutil.rmtree(out, ignore_errors=True)
        printed(rows, head=("all books", "all entries", "scores only", "ratio", "entries", "entries/s", "MiB written"))
        seconds = statistics.median(one["seconds"] for one in full)
        return {
            "seconds": round(seconds, 2),
            "seconds_scores_only": round(statistics.median(one["seconds"] for one in bare), 2),
            "ratio_to_scores_only": round(
                statistics.median(a["seconds"] / b["seconds"] for a, b in zip(full, bare, strict=True)), 3
            ),
            "rss_gib": round(max(one["rss_gib"] for one in (*full, *bare)), 2),
            "entries": full[0]["entries"],
            "entries_per_second": round(full[0]["entries"] / seconds),
        }

    def hand(self, records: int) -> dict[str, Any]:
        """Three books against their best hand-written SQL."""
        results = {}
        for book in HAND:
            results[book] = self.against(book, self.data_of(book, records))
        return {
            "ratio": max(one["ratio"] for one in results.values()),
            "equal": all(one["equal"] for one in results.values()),
            "by_hand": results,
        }

    def data_of(self, book: str, records: int) -> Path:
        """The copy that a book runs over."""
        if book != SCORECARD:
            return self.province(records)
        folder = self.work / f"scorecard-{records}"
        if not (folder / "manifest.json").exists():
            write_scorecard_data(folder, subjects=self.options.subjects or records // 10, records=records)
        return folder

    def against(self, book: str, folder: Path) -> dict[str, Any]:
        """One book, ours and by hand in turns; the best number of buckets for the hand-written SQL is found first."""
        hand, own = self.work / "hand", self.work / "own"
        tried = {
            buckets: self.child("hand", book, folder, hand, buckets=buckets)["seconds"]
            for buckets in self.options.tried
        }
        buckets = min(tried, key=lambda one: tried[one])
        rows, ratios, found = [], [], []
        for number in range(self.options.runs):
            theirs = self.child("hand", book, folder, hand, buckets=buckets)
            mine = self.child("ours", book, folder, own)
            ratios.append(mine["seconds"] / theirs["seconds"])
            found.append((theirs["seconds"], mine["seconds"], mine["rss_gib"]))
            pair = (f"{one['seconds']:.2f} s, {one['rss_gib']:.2f} GiB" for one in (theirs, mine))
            rows.append((number + 1, *pair, f"{ratios[-1]:.2f}"))
        same = equal(book, own, hand)
        how = "whole" if buckets == 1 else f"{buckets} buckets"
        printed(
            [*rows, ("median", "", "", f"**{statistics.median(ratios):.2f}**")],
            head=(book, f"by hand ({how})", "ours", "ratio"),
        )
        print(
            f"same findings and entries: {same}; {mine['findings']:,} findings, {mine['entries']:,} entries\n",
            flush=True,
        )
        return {
            "ratio": round(statistics.median(ratios), 3),
            "equal": same,
            "seconds": round(statistics.median(one[1] for one in found), 2),
            "seconds_by_hand": round(statistics.median(one[0] for one in found), 2),
            "rss_gib": round(max(one[2] for one in found), 2),
            "buckets_by_hand": buckets,
        }

    def same(self) -> dict[str, Any]:
        """The same digests, however a run is cut."""
        folder, out = self.province(min(SAME_RECORDS, self.options.records)), self.work / "run"
        stirred = stir(folder, self.work / "stirred")
        ways: dict[str, tuple[Path, dict[str, object]]] = {
            "8 buckets, 2 processes": (folder, {"buckets": 8, "processes": 2}),
            "1 bucket, 1 process": (folder, {"buckets": 1, "processes": 1}),
            "16 buckets, 1 process": (folder, {"buckets": 16, "processes": 1}),
            "32 buckets, 3 processes, three quarters of the memory": (
                folder,
                {"buckets": 32, "processes": 3, "memory": self.options.memory * 3 / 4},
            ),
            "8 buckets, 2 processes, rows in another order": (stirred, {"buckets": 8, "processes": 2}),
        }
        digests = {name: self.child("ours", "all", where, out, **how)["digests"] for name, (where, how) in ways.items()}
        first = next(iter(digests.values()))
        printed(
            [(name, sum(found[book] == first[book] for book in first), len(first)) for name, found in digests.items()],
            head=("run", "books with the same digests", "of"),
        )
        shutil.rmtree(stirred)
        return {"same": all(found == first for found in digests.values())}

    def growth(self) -> dict[str, Any]:
        """The whole run at growing sizes."""
        rows = []
        for records in self.options.sizes:
            folder, out = self.province(records), self.work / "run"
            size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 2**20
            one = self.child("ours", "all", folder, out)
            written = sum(path.stat().st_size for path in out.rglob("*.parquet")) / 2**20
            rows.append((records, one["seconds"], one["rss_gib"], one["entries"], size, written))
            shutil.rmtree(out, ignore_errors=True)
            if records != self.options.records and not self.options.keep:
                shutil.rmtree(folder)
            print(f"{records:,}: {one['seconds']:.1f} s", flush=True)
        printed(
            [
                (f"{r:,}", f"{s:.1f}", f"{s / r * 1e6:.2f}", f"{g:.2f}", f"{e:,}", f"{a:,.0f}", f"{b:,.0f}")
                for r, s, g, e, a, b in rows
            ],
            head=("records", "seconds", "s per million", "GiB", "entries", "MiB read", "MiB written"),
        )
        return {"growth": [{"records": r, "seconds": round(s, 1), "rss_gib": round(g, 2)} for r, s, g, *_ in rows]}


def stir(folder: Path, into: Path) -> Path:
    """A copy of a province whose files hold their rows in another order."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir()
    shutil.copy(folder / "manifest.json", into)
    duck = duckdb.connect()
    for path in folder.glob("*/*.parquet"):
        (into / path.parent.name).mkdir(exist_ok=True)
        source, target = (text_literal(str(one)) for one in (path, into / path.parent.name / path.name))
        duck.execute(f"COPY (SELECT * FROM {source} t ORDER BY hash(t)) TO {target} (FORMAT parquet)")
    return into


# ── command line ────────────────────────────────────────────────────────────────────────────────


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=5_000_000, help="of the province and of the scorecard")
    parser.add_argument("--subjects", type=int, help="of the scorecard; a tenth of the records")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--memory", type=float, default=1.9, help="GiB for all processes together")
    parser.add_argument("--part", action="append", choices=["books", "hand", "same"], help="may be given several times")
    parser.add_argument(
        "--growth", action="store_true", help="also the whole run at 1, 5, 10, 25 and 50 million records"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=GROWTH, help="other sizes for --growth")
    parser.add_argument(
        "--tried", type=int, nargs="+", default=(1, 2, 8, 32), help="buckets that the SQL by hand may choose from"
    )
    parser.add_argument("--keep", type=Path, help="folder for the data, kept for the next time")
    parser.add_argument("--child", choices=["ours", "hand"], help=argparse.SUPPRESS)
    hidden: dict[str, Callable[[str], Any]] = {"--book": str, "--folder": Path, "--out": Path, "--buckets": int}
    for name, kind in hidden.items():
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    parser.add_argument("--scores-only", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Command line."""
    options = parsed()
    if options.child:
        print(json.dumps({"ours": ours, "hand": by_hand}[options.child](options)))
        return
    parts = options.part or (["books", "hand", "same"] if not options.growth else [])
    with tempfile.TemporaryDirectory(prefix="xinlu-bench-") as scratch:
        work = options.keep or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(options, work)
        found: dict[str, Any] = {"bench": "engine", "records": options.records}
        # A part that was not asked for says nothing.
        found |= {"ratio": None, "seconds": None, "rss_gib": None, "equal": None}
        for part in ("books", "hand", "same"):
            if part in parts:
                found |= getattr(bench, part)(*((options.records,) if part != "same" else ()))
        if options.growth:
            found |= bench.growth()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
