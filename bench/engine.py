"""Benchmark of the engine: one 30-clause scorecard with all its entries written, against the same written by hand.

``python3 dev.py bench engine [--records N] [--subjects N] [--runs 3]``

The book is ``bench/engine/scorecard.yaml``, the hand-written SQL ``bench/engine/by_hand.sql``. Both read the same
Parquet files and write findings and entries, sorted by subject, to Parquet; the results are compared row by row.
Each run has a process of its own; ``ratio`` is the median of ours ÷ by hand, run by run. Then one subject is
computed again in a warm process.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime
from pathlib import Path

import duckdb

from xinlu.engine.duck import Duck
from xinlu.engine.run import Prepared, prepare
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import load_catalogue, load_rulebook

HERE = Path(__file__).parent / "engine_book"
AS_OF = date(2025, 12, 31)
KNOWN_AT = datetime(2026, 1, 1)  # noqa: DTZ001 the engine’s times are UTC without zone
BOOK = "bench-scorecard"


def catalogue() -> Catalogue:
    """The little catalogue of the benchmark."""
    return load_catalogue(HERE)


def generate(folder: Path, *, subjects: int, records: int, threads: int) -> None:
    """Subjects and records as Parquet, the same for the same numbers; records lie by subject and date."""
    duck = duckdb.connect()
    duck.execute(f"SET threads = {threads}; SET memory_limit = '3GiB'; SET temp_directory = '{folder}/spill'")
    known = "TIMESTAMP '2020-01-01 00:00:00' AS recorded_at, CAST(NULL AS TIMESTAMP) AS superseded_at"
    duck.execute(
        "COPY (SELECT CAST(range AS BIGINT) AS subject, CAST(NULL AS VARCHAR) AS name, "
        "CAST(NULL AS VARCHAR) AS region, "
        f"DATE '2010-01-01' AS valid_from, CAST(NULL AS DATE) AS valid_until, {known} FROM range({subjects})) "
        f"TO '{folder}/subjects.parquet' (FORMAT parquet, COMPRESSION zstd)"
    )
    # Mixing by large odd numbers spreads codes, dates and severities without a random generator.
    mixed = "CAST((range * 2654435761 + 12345) % 4294967291 AS BIGINT)"
    duck.execute(
        f"COPY (SELECT CAST(range AS BIGINT) AS record, CAST(NULL AS BIGINT) AS parent, "
        f"m % {subjects} AS role_subject, "
        f"DATE '2022-01-01' + CAST(m // 7 % 1461 AS INTEGER) AS occurred_on, "
        f"DATE '2022-01-01' AS effective_from, CAST(NULL AS DATE) AS effective_until, {known}, "
        f"'C' || lpad(CAST(m // 11 % 36 + 1 AS VARCHAR), 2, '0') AS code, "
        f"CAST(0.8 + (m // 13 % 13) * 0.1 AS DECIMAL(4, 2)) AS severity "
        f"FROM (SELECT range, {mixed} AS m FROM range({records})) ORDER BY role_subject, occurred_on, record) "
        f"TO '{folder}/records.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
    )
    duck.close()


def tables(folder: Path) -> dict[str, list[str]]:
    """Table names of the engine → files."""
    return {"subject_firm": [f"{folder}/subjects.parquet"], "item_act": [f"{folder}/records.parquet"]}


def prepared(folder: Path, *, threads: int, narrowed: bool = False) -> Prepared:
    """The compiled scorecard over the files."""
    duck = Duck(tables(folder), threads=threads, memory_gib=3)
    book = load_rulebook(HERE / "scorecard.yaml")
    return prepare([book], duck, catalogue=catalogue(), as_of=AS_OF, known_at=KNOWN_AT, narrowed=narrowed)


def ours(folder: Path, out: Path, threads: int) -> None:
    """Run the book and write what it found."""
    one = prepared(folder, threads=threads)
    one.run()
    one.write(BOOK, out)


def by_hand(folder: Path, out: Path, threads: int) -> None:
    """Run the hand-written SQL on the same files."""
    duck = duckdb.connect()
    duck.execute(f"SET threads = {threads}; SET memory_limit = '3GiB'; SET preserve_insertion_order = false")
    sql = (HERE / "by_hand.sql").read_text(encoding="utf-8")
    out.mkdir(parents=True, exist_ok=True)
    for statement in sql.replace("$in", str(folder)).replace("$out", str(out)).split(";\n"):
        if statement.strip():
            duck.execute(statement)
    duck.close()


def child(role: str, folder: Path, out: Path, threads: int) -> None:
    """One timed run in a process of its own; prints seconds and peak memory."""
    begin = time.perf_counter()
    {"ours": ours, "hand": by_hand}[role](folder, out, threads)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
    print(json.dumps({"seconds": seconds, "rss_gib": peak}))


def timed(role: str, folder: Path, out: Path, threads: int) -> dict[str, float]:
    """Start :func:`child` and read its figures."""
    command = [sys.executable, __file__, "--child", role, "--folder", str(folder), "--out", str(out)]
    done = subprocess.run([*command, "--threads", str(threads)], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def equal(a: Path, b: Path) -> bool:
    """Whether two results hold the same rows, in whatever order equal keys came."""
    duck = duckdb.connect()
    for name in ("findings", "entries"):
        one, two = (f"read_parquet('{folder}/{name}.parquet')" for folder in (a, b))
        columns = [row[0] for row in duck.execute(f"DESCRIBE SELECT * FROM {one}").fetchall()]
        listed = ", ".join(f'"{column}"' for column in columns)
        digest = f"SELECT count(*), sum(hash({listed})::HUGEINT) FROM "
        if duck.execute(digest + one).fetchone() != duck.execute(digest + two).fetchone():
            return False
    return True


def warm_subject(folder: Path, threads: int) -> float:
    """Median seconds to compute one subject again in a warm process."""
    one = prepared(folder, threads=threads, narrowed=True)
    one.run({BOOK: [0]})
    times = []
    for subject in range(1000, 1021):
        begin = time.perf_counter()
        one.run({BOOK: [subject]})
        one.findings(BOOK)
        one.entries(BOOK)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def measure(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """All figures, printed as they come."""
    print(f"making {options.subjects:,} subjects and {options.records:,} records …", flush=True)
    generate(folder, subjects=options.subjects, records=options.records, threads=options.threads)
    rows = []
    for number in range(options.runs):
        pair = {role: timed(role, folder, folder / role, options.threads) for role in ("hand", "ours")}
        rows.append(pair)
        ratio = pair["ours"]["seconds"] / pair["hand"]["seconds"]
        hand, own = (f"{pair[r]['seconds']:6.2f} s {pair[r]['rss_gib']:5.2f} GiB" for r in ("hand", "ours"))
        print(f"run {number + 1}: by hand {hand} | ours {own} | ratio {ratio:.2f}", flush=True)
    same = equal(folder / "hand", folder / "ours")
    warm = warm_subject(folder, options.threads)
    print(f"same findings and entries: {same}; one subject in a warm process: {warm * 1000:.0f} ms", flush=True)
    return {
        "bench": "engine",
        "records": options.records,
        "ratio": round(statistics.median(r["ours"]["seconds"] / r["hand"]["seconds"] for r in rows), 3),
        "seconds": round(statistics.median(r["ours"]["seconds"] for r in rows), 2),
        "seconds_by_hand": round(statistics.median(r["hand"]["seconds"] for r in rows), 2),
        "rss_gib": round(max(r["ours"]["rss_gib"] for r in rows), 2),
        "one_subject_ms": round(warm * 1000, 1),
        "equal": same,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000_000)
    parser.add_argument("--subjects", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", choices=["ours", "hand"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.folder, options.out, options.threads)
        return
    with tempfile.TemporaryDirectory(prefix="xinlu-bench-") as folder:
        print(json.dumps(measure(options, Path(folder))))


if __name__ == "__main__":
    main()
