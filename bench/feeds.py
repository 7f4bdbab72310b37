"""Taking in a day of weigh-in-motion records: five million rows on two cores.

``python3 dev.py bench feeds [--rows N] [--vehicles N] [--form ndjson|csv|parquet] [--known N]``

A registry of vehicles is made, a file of one day is written with planted faults (unknown plates, broken numbers, equal
keys, a stuck sensor), ``--known`` rows are there already; then the file is taken in, in a process of its own. Seconds
run from the look at the file to the closed delivery.
``ratio`` is seconds ÷ 300, what we allow; ``equal`` says whether each
planted row, and no other, was queried under its code or called a duplicate.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from _apart import Clock, apart, printed

ALLOWED = 300.0
DAY = date(2026, 6, 1)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = {"E08": 50, "E13": 1000, "duplicate": 500}
"""One row in so many: plates that nobody bears, masses that are no numbers, rows that stand there twice."""
STUCK = 40


def started(folder: Path) -> None:
    """Django, with its database under ``folder``."""
    os.environ["XINLU_VAR"] = str(folder)
    os.environ.pop("XINLU_DATABASE_URL", None)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xinlu.settings")
    import django

    django.setup()


def prepare(vehicles: int) -> None:
    """Organs, a source, vehicles with plates 浙A00000 and up, and the columnar copy."""
    from django.conf import settings
    from django.core.management import call_command

    from xinlu.access.load_organs import load_organs
    from xinlu.journal.actor import Actor
    from xinlu.ledger import columnar
    from xinlu.ledger.deliver import register_source
    from xinlu.registry.enrol import NewSubject, enrol_many

    call_command("migrate", verbosity=0)
    load_organs(settings.STANDARDS)
    actor = Actor.system("bench")
    register_source(code="wim", title="wim", organ="zj-road-centre", kind="platform", actor=actor, at=BEGIN)
    since = date(2020, 1, 1)
    for start in range(0, vehicles, 20_000):
        several = [
            NewSubject("vehicle", plate(n), "330106", {"plate": plate(n)}, since)
            for n in range(start, min(vehicles, start + 20_000))
        ]
        enrol_many(several, actor=actor, at=BEGIN)
    columnar.sync()


def plate(number: int) -> str:
    """Plate of a vehicle; the same as :func:`write` makes."""
    return f"浙{'ABCDEFGHJK'[number // 100_000]}{number % 100_000:05d}"


def write(path: Path, rows: int, vehicles: int, day: date, *, planted: bool = True) -> None:
    """A day of passings, by row number alone."""
    import duckdb

    bad = (
        f"CASE WHEN n % {EVERY['E08']} = 7 THEN '沪Z' || lpad(CAST(n % 90000 AS VARCHAR), 5, '0') ELSE known END"
        if planted
        else "known"
    )
    mass = "CAST(12000 + (n * 7919) % 40000 AS VARCHAR)"
    if planted:
        stuck = f"n BETWEEN {rows // 2} AND {rows // 2 + STUCK - 1}"
        mass = f"CASE WHEN n % {EVERY['E13']} = 11 THEN '18t' WHEN {stuck} THEN '15500' ELSE {mass} END"
        site = f"CASE WHEN {stuck} THEN '示例站99' ELSE '示例站' || n % 40 END"
    else:
        site = "'示例站' || n % 40"
    form = {".ndjson": "FORMAT json", ".csv": "FORMAT csv, HEADER", ".parquet": "FORMAT parquet"}[path.suffix]
    same = f"CASE WHEN n % {EVERY['duplicate']} = 3 THEN n - 1 ELSE n END" if planted else "n"
    duck = duckdb.connect()
    duck.execute("SET threads = 2; SET memory_limit = '1.5GiB'")
    duck.execute(
        f"""COPY (
            SELECT 'W{day:%Y%m%d}-' || lpad(CAST(n AS VARCHAR), 9, '0') AS weighing_no,
                '{day.isoformat()}T' || lpad(CAST(n % 24 AS VARCHAR), 2, '0') || ':00:00' AS weighed_on,
                {bad} AS vehicle, {site} AS site, 'goods' AS vehicle_class, 'false' AS combination,
                CAST(2 + n % 3 AS VARCHAR) AS axles, {mass} AS total_mass
            FROM (SELECT n,
                '浙' || substr('ABCDEFGHJK', CAST((n * 31) % {vehicles} // 100000 + 1 AS BIGINT), 1)
                || lpad(CAST((n * 31) % {vehicles} % 100000 AS VARCHAR), 5, '0') AS known
                FROM (SELECT {same} AS n FROM range({rows}) t(n)))
        ) TO '{path}' ({form})"""
    )
    duck.close()


def expected(rows: int) -> dict[str, int]:
    """What is planted, by counting."""
    import numpy as np

    n = np.arange(rows)
    twice = n % EVERY["duplicate"] == 3
    n = np.where(twice, n - 1, n)
    stuck = (n >= rows // 2) & (n < rows // 2 + STUCK)
    nobody = n % EVERY["E08"] == 7
    number = n % EVERY["E13"] == 11
    wrong = nobody | number | stuck
    found = {"delivered": rows, "queried": int(wrong.sum()), "duplicate": int((twice & ~wrong).sum())}
    return {**found, "accepted": rows - found["queried"] - found["duplicate"]}


def take(folder: Path, file: Path, day: date) -> dict[str, Any]:
    """Take one file in, in this process."""
    started(folder)
    from xinlu.access.scope import Scope
    from xinlu.intake.feed import take_feed
    from xinlu.journal.actor import Actor
    from xinlu.ledger import columnar

    columnar.sync()
    steps: list[tuple[str, float]] = []
    clock, busy = Clock(), time.process_time()
    done = take_feed(
        file,
        source="wim",
        item="weighing",
        received_at=datetime(day.year, day.month, day.day, 16, tzinfo=UTC) + timedelta(hours=2),
        actor=Actor.system("bench"),
        scope=Scope.system("bench"),
        progress=lambda name: steps.append((name, clock.seconds)),
    )
    seconds = clock.seconds
    ends = [at for _, at in steps[1:]] + [seconds]
    counts = {name: getattr(done, name) for name in ("delivered", "accepted", "queried", "duplicate")}
    return {
        "seconds": seconds,
        "busy": time.process_time() - busy,
        **counts,
        "codes": dict(done.codes),
        "steps": {name: round(end - at, 1) for (name, at), end in zip(steps, ends, strict=True)},
    }


def main() -> None:
    """Make everything, take it in, say how long it took."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=5_000_000)
    asked.add_argument("--vehicles", type=int, default=100_000)
    asked.add_argument("--known", type=int, default=0)
    asked.add_argument("--form", choices=["ndjson", "csv", "parquet"], default="ndjson")
    asked.add_argument("--child", nargs=3)
    asked.add_argument("--prepare", nargs=2)
    options = asked.parse_args()
    if options.child:
        print(json.dumps(take(Path(options.child[0]), Path(options.child[1]), date.fromisoformat(options.child[2]))))
        return
    if options.prepare:
        started(Path(options.prepare[0]))
        prepare(int(options.prepare[1]))
        print("{}")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "var").mkdir()
        apart(__file__, "--prepare", str(folder / "var"), str(options.vehicles))
        before = DAY - timedelta(days=1)
        if options.known:
            file = folder / f"known.{options.form}"
            write(file, options.known, options.vehicles, before, planted=False)
            apart(__file__, "--child", str(folder / "var"), str(file), before.isoformat())
            file.unlink()
        file = folder / f"day.{options.form}"
        write(file, options.rows, options.vehicles, DAY)
        size = file.stat().st_size
        found = apart(__file__, "--child", str(folder / "var"), str(file), DAY.isoformat())
        kept = sum(one.stat().st_size for one in (folder / "var" / "observations").rglob("*.parquet"))
    wanted = expected(options.rows)
    equal = {key: found[key] for key in wanted} == wanted
    printed(
        [
            (
                f"{options.rows:,}",
                options.form,
                f"{size / 1e6:,.0f}",
                f"{kept / 1e6:,.0f}",
                f"{found['seconds']:.0f}",
                f"{found['busy']:.0f}",
                f"{found['rss_gib']:.2f}",
                f"{found['queried']:,}",
                f"{found['duplicate']:,}",
            )
        ],
        head=("rows", "form", "MB in", "MB kept", "seconds", "of processor", "GiB", "queried", "duplicate"),
    )
    print(" · ".join(f"{step} {seconds} s" for step, seconds in found["steps"].items()))
    if not equal:
        print(f"planted: {wanted}; found: {found}")
    result = {"bench": "feeds", "rows": options.rows, "ratio": round(found["seconds"] / ALLOWED, 3)}
    print(json.dumps({**result, "seconds": round(found["seconds"], 1), "rss_gib": found["rss_gib"], "equal": equal}))


if __name__ == "__main__":
    main()
