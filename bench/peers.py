"""Benchmark: one scorecard and the same data through other engines, side by side.

``python3 dev.py bench peers [--subjects N] [--records N] [--runs N]``

zen-engine, OpenFisca, plain Python record by record, pandas, Polars, hand-written DuckDB SQL, and ours. Each has a
process of its own and reads the same Parquet files; its scores and levels are compared with ours. Peers are not part
of Xinlu: each is installed into a throw-away environment, or left out with a sentence when that cannot be done.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
from _apart import apart, printed

from engine import HERE, SCORECARD, days_of, scorecard_law, tables_of, write_scorecard_data
from xinlu.engine.compile.primitives import text_literal
from xinlu.engine.kept import Kept

ENGINE = str(HERE / "engine.py")


@dataclass(frozen=True)
class Peer:
    """One peer: its script, what it needs installed, and what it leaves out."""

    name: str
    script: str
    packages: tuple[str, ...]
    leaves_out: str


PEERS = (
    Peer(
        "zen-engine",
        "zen_decision.py",
        ("zen-engine", "pyarrow"),
        "entries; dates (numbers by hand); two time axes; grouping of records (Python before it)",
    ),
    Peer(
        "OpenFisca",
        "openfisca_system.py",
        ("OpenFisca-Core", "pyarrow"),
        "entries; exactness (32-bit floats); missing values (defaults instead); two time axes; levels (numpy after it)",
    ),
    Peer("plain Python, Decimal", "python_rows.py", ("pyarrow",), "entries"),
    Peer("pandas", "pandas_frames.py", ("pandas", "pyarrow"), "entries; exactness (floats)"),
    Peer("Polars", "polars_frames.py", ("polars",), "entries; exactness (floats)"),
)


def job(folder: Path, work: Path) -> dict[str, Any]:
    """The scorecard and its data as plain values, the same for every peer."""
    book = scorecard_law()[0][0]
    as_of, known_at = days_of(SCORECARD)
    dimension = {clause: name for name, fold in book.folds.items() for clause in fold.sum or ()}
    clauses = []
    for name, one in book.clauses.items():
        if one.minus is None or one.cap is None or one.span is None:
            raise ValueError(f"clause {name} is not of the form that peers are given")
        points = one.minus.removeprefix("round(").split(" * ")[0]
        clauses.append({"code": one.code, "points": points, "cap": one.cap.limit, "dimension": dimension[name]})
        ages = [
            {"from": _counts_from(as_of, int(age.below.split()[0])).isoformat(), "weight": str(age.weight)}
            for age in one.span.ages
        ]
    tables = tables_of(folder, scorecard_law()[1])
    return {
        "as_of": as_of.isoformat(),
        "known_at": known_at.isoformat(),
        "clauses": clauses,
        "ages": ages,
        "shares": {"safety": "0.5", "conduct": "0.3", "service": "0.2"},
        "cuts": [
            {"level": level, "least": least}
            for level, least in (("AA", "90"), ("A", "80"), ("B", "70"), ("C", "60"), ("D", "0"))
        ],
        "subjects": list(tables["subject_firm"].files),
        "records": list(tables["item_act"].files),
        "out": str(work / "out.parquet"),
    }


def _counts_from(as_of: date, months: int) -> date:
    """The first day that still counts on ``as_of`` with a span of so many months."""
    duck = duckdb.connect()
    day = as_of - timedelta(days=31 * months + 31)
    query = "SELECT ? < CAST(CAST(? AS DATE) + to_months(CAST(? AS INTEGER)) AS DATE)"
    while not duck.execute(query, [as_of, day, months]).fetchall()[0][0]:
        day += timedelta(days=1)
    return day


def installed(peer: Peer, work: Path) -> str | None:
    """The interpreter of an environment with a peer; None, said in a sentence, where it cannot be made."""
    if set(peer.packages) <= {"pyarrow"}:
        return sys.executable
    folder = work / f"env-{Path(peer.script).stem}"
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", *peer.packages], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{peer.name} is left out: it could not be installed (pip install {' '.join(peer.packages)})", flush=True)
        return None
    return str(python)


def differing(own: Path, theirs: str) -> tuple[int, int]:
    """How many levels and how many scores (to five digits) differ from ours; missing ones differ.

    ``theirs``: SQL of a table with the columns ``unit, level, score``.
    """
    counted = duckdb.connect().execute(
        f"SELECT count(*) FILTER (WHERE p.level IS DISTINCT FROM o.level), "
        "count(*) FILTER (WHERE CAST(p.score AS DECIMAL(18, 5)) IS DISTINCT FROM CAST(o.score AS DECIMAL(18, 5))) "
        f"FROM ({found_in(_kept(own))}) o FULL JOIN ({theirs}) p USING (unit)"
    )
    levels, scores = counted.fetchall()[0]
    return int(levels), int(scores)


def found_in(files: Iterable[str]) -> str:
    """SQL of unit, level and score in findings of the scorecard."""
    listed = ", ".join(text_literal(one) for one in files)
    return f"SELECT unit, max(level) AS level, max(number) AS score FROM read_parquet([{listed}]) GROUP BY unit"


def _kept(folder: Path) -> list[str]:
    return Kept.read(folder / SCORECARD).files("findings")


def measure(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Run everything and print the table."""
    data = work / "data"
    print(f"making {options.subjects:,} subjects and {options.records:,} records …", flush=True)
    write_scorecard_data(data, subjects=options.subjects, records=options.records)
    own = work / "own"
    common = ("--book", SCORECARD, "--folder", str(data), "--processes", str(options.processes), "--memory", "1.9")
    told = work / "job.json"
    told.write_text(json.dumps(job(data, work)), encoding="utf-8")
    told_out = str(work / "out.parquet")
    lines: list[tuple[str, dict[str, Any], tuple[int, int] | None, str]] = []

    def repeated(run: Any) -> dict[str, Any]:
        found = [run() for _ in range(options.runs)]
        return {
            "seconds": statistics.median(one["seconds"] for one in found),
            "rss_gib": max(one["rss_gib"] for one in found),
        }

    def engine(role: str, name: str, *more: str) -> dict[str, Any]:
        return apart(ENGINE, "--child", role, *common, "--out", str(_emptied(work / name)), *more)

    ours = repeated(lambda: engine("ours", "own"))
    bare = repeated(lambda: engine("ours", "bare", "--scores-only"))
    hand = repeated(lambda: engine("hand", "hand", "--buckets", str(2 * options.processes)))
    for peer in PEERS:
        python = installed(peer, work)
        if python is None:
            continue
        script = str(HERE / "by_peers" / peer.script)
        try:
            found = repeated(lambda s=script, p=python: apart(s, str(told), python=p))
        except RuntimeError as error:
            print(f"{peer.name} is left out: it failed\n{error}", flush=True)
            continue
        lines.append(
            (peer.name, found, differing(own, f"FROM read_parquet({text_literal(told_out)})"), peer.leaves_out)
        )
    by_hand = found_in(str(one) for one in (work / "hand").glob("findings-*.parquet"))
    lines.append(("DuckDB SQL by hand", hand, differing(own, by_hand), "nothing of this book, at a page of SQL a book"))
    lines.append(("Xinlu, scores only", bare, differing(own, found_in(_kept(work / "bare"))), "entries"))
    lines.append(("Xinlu", ours, None, "nothing"))
    printed([_row(options.subjects, *line) for line in lines], head=HEAD)
    fastest = min(found["seconds"] for name, found, _, _ in lines if not name.startswith("Xinlu"))
    return {
        "bench": "peers",
        "subjects": options.subjects,
        "records": options.records,
        "ratio": round(ours["seconds"] / fastest, 3),
        "seconds": round(ours["seconds"], 2),
        "rss_gib": round(ours["rss_gib"], 2),
        "equal": all(line[2] is None or line[2][0] == 0 for line in lines),
        "peers": {
            name: {"seconds": round(found["seconds"], 2), "rss_gib": round(found["rss_gib"], 2), "differing": differ}
            for name, found, differ, _ in lines
        },
    }


HEAD = ("engine", "seconds", "subjects/s", "GiB", "levels that differ", "scores that differ", "leaves out")


def _row(
    subjects: int, name: str, found: Mapping[str, Any], differ: tuple[int, int] | None, leaves_out: str
) -> tuple[object, ...]:
    levels, scores = ("–", "–") if differ is None else (f"{one:,}" for one in differ)
    speed = f"{subjects / found['seconds']:,.0f}"
    return (name, f"{found['seconds']:.2f}", speed, f"{found['rss_gib']:.2f}", levels, scores, leaves_out)


def _emptied(folder: Path) -> Path:
    """A folder name under which nothing lies."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=100_000)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xinlu-peers-") as work:
        print(json.dumps(measure(options, Path(work))))


if __name__ == "__main__":
    main()
