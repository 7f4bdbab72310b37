"""The same book on DuckDB, ClickHouse and Spark, over the same Parquet files.

``python3 dev.py bench backends [--records N] [--book ID] [--engines duckdb,clickhouse,spark] [--cores 2]``

Each engine reads the reference province, runs the book with all that it reads and writes findings and entries as
Parquet, unsorted, in a process of its own. Seconds are counted from the first look at the files to the closed ones;
starting the engine (a Java machine for Spark) is counted apart. ``equal``: the same rows, digit by digit.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from _apart import Clock, apart, printed

from xinlu.demo.reference import shape
from xinlu.demo.reference.province import write_province
from xinlu.engine.backends import installed, open_backend
from xinlu.engine.backends.runs import run_on
from xinlu.engine.compile.primitives import text_literal
from xinlu.engine.kept import RESULTS
from xinlu.engine.manifest import Manifest
from xinlu.law.library import load, shipped

KNOWN_AT = datetime(2026, 1, 15)  # noqa: DTZ001 the engine’s times are UTC without zone
BOOK = "road-driver-integrity"
"""Rates 2.5 million practitioners in a whole province: the largest population."""


def one(engine: str, book: str, province: Path, out: Path, cores: int) -> dict[str, Any]:
    """Run the book on one engine."""
    library = load(shipped())
    options: dict[str, dict[str, Any]] = {
        "duckdb": {"threads": cores},
        "spark": {"options": {"spark.driver.memory": "3g", "spark.sql.adaptive.enabled": "true"}},
    }
    clock = Clock()
    backend = open_backend(f"spark:local[{cores}]" if engine == "spark" else engine, **options.get(engine, {}))
    started, clock = clock.seconds, Clock()
    tables = Manifest.read(province).shelved(province, library.catalogue)
    books = library.needed(*library.rulebooks[book])
    ran = run_on(backend, books, tables, catalogue=library.catalogue, as_of=shape.AS_OF, known_at=KNOWN_AT)
    ran.write(book, str(out))
    seconds = clock.seconds
    backend.close()
    return {"start": started, "seconds": seconds}


def told(out: Path, book: str) -> dict[str, tuple[int, int]]:
    """Number of rows and a sum over all rows of findings and entries, whatever their order."""
    found = {}
    for name, schema in RESULTS.items():
        files = text_literal(str(out / book / name / "*.parquet"))
        sql = {"decimal128(38, 12)": "DECIMAL(38, 12)", "string": "VARCHAR", "int32": "INTEGER"}
        columns = ", ".join(
            f'CAST("{c.name}" AS {sql[str(c.type)]})' if str(c.type) in sql else f'"{c.name}"' for c in schema
        )
        query = f"SELECT count(*), sum(CAST(hash({columns}) AS HUGEINT)) FROM read_parquet({files})"
        found[name] = duckdb.connect().execute(query).fetchall()[0]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--book", default=BOOK)
    parser.add_argument("--engines", default="duckdb,clickhouse,spark")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder of the province; made when it is not there")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        engine, out = options.one
        print(json.dumps(one(engine, options.book, options.keep, Path(out), options.cores)))
        return
    with tempfile.TemporaryDirectory(prefix="xinlu-bench-") as scratch:
        province = options.keep or Path(scratch) / "province"
        if not (province / "manifest.json").exists():
            write_province(province, load(shipped()), records=options.records)
        compared(options, province, Path(scratch))


def compared(options: argparse.Namespace, province: Path, scratch: Path) -> None:
    """Run every engine that is installed and print the table."""
    rows, found, said = [], {}, {}
    for engine in options.engines.split(","):
        if not installed(engine):
            print(f"{engine}: not installed (pip install 'xinlu[{engine}]')")
            continue
        words = ["--keep", str(province), "--book", options.book, "--cores", str(options.cores)]
        measured = apart(__file__, *words, "--one", engine, str(scratch / engine))
        found[engine], said[engine] = told(scratch / engine, options.book), measured
        findings, entries = (found[engine][name][0] for name in ("findings", "entries"))
        speed = f"{entries / measured['seconds']:,.0f}"
        rows.append(
            [
                engine, f"{measured['start']:.1f} s", f"{measured['seconds']:.1f} s", f"{findings:,}", f"{entries:,}",
                speed, f"{measured['rss_gib']:.2f} GiB",
            ]
        )  # fmt: skip
    printed(rows, head=["engine", "start", "run", "findings", "entries", "entries/s", "memory"])
    first = next(iter(said.values()))
    equal = all(one == next(iter(found.values())) for one in found.values())
    print("same rows on all of them" if equal else "NOT the same rows")
    ratio = max(one["seconds"] for one in said.values()) / first["seconds"]
    seconds = {name: round(one["seconds"], 2) for name, one in said.items()}
    rss = max(one["rss_gib"] for one in said.values())
    print(
        json.dumps(
            {
                "bench": "backends", "ratio": round(ratio, 2), "seconds": seconds, "rss_gib": round(rss, 2),
                "equal": equal, "book": options.book, "records": options.records, "cores": options.cores,
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
