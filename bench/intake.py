"""Benchmark of the ways in: a file that is looked at and handed over.

``python3 dev.py bench intake [--rows N] [--forms xlsx,csv,json,ndjson] [--wrong PERCENT]``

*File*: a registry of ``--subjects`` firms is enrolled; then a delivery of ``--rows`` penalties (19 columns; one row in
fifty is wrong, in four ways) is looked at (preview) and handed over (commit), in a process of its own for each form of
file. CSV is written in GB 18030. Afterwards every record is compared with the row that it came from, every queried row
with the mistake that was made in it, and the counts of the preview with those of the delivery.

``ratio`` is the slowest form ÷ 30 s or its memory ÷ 150 MiB, whichever is more.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from _apart import Clock, apart, printed

SECONDS = 30.0
"""For 50,000 rows."""
MEBIBYTES = 150.0
FORMS = ("xlsx", "csv", "json", "ndjson")
MADE = datetime(2025, 1, 1, tzinfo=UTC)
RECEIVED = datetime(2025, 6, 2, 1, tzinfo=UTC)
MISTAKES = ("E01", "E04", "E05", "E08")


def main() -> None:
    """Command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rows", type=int, default=50_000)
    words.add_argument("--subjects", type=int, default=20_000)
    words.add_argument("--forms", default=",".join(FORMS), help="with commas")
    words.add_argument("--wrong", type=int, default=2, help="rows in a hundred that are wrong")
    words.add_argument("--child", choices=["enrol", "deliver", "compare"])
    words.add_argument("--file", type=Path)
    options = words.parse_args()
    if options.child:
        print(json.dumps(CHILDREN[options.child](options)))
        return
    print(json.dumps(measure(options)))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures, printed as they come."""
    figures: dict[str, Any] = {"bench": "intake", "rows": options.rows}
    table, ratios, slowest, peak, equal = [], [], 0.0, 0.0, True
    for form in filter(None, options.forms.split(",")):
        found = one_form(form, options)
        seconds = found["preview"] + found["commit"]
        rss = found["rss_gib"] * 1024
        table.append(
            [
                form,
                f"{found['megabytes']:.1f}",
                f"{found['preview']:.1f}",
                f"{found['commit']:.1f}",
                f"{seconds:.1f}",
                f"{found['cpu']:.1f}",
                f"{rss:.0f}",
                f"{found['base_mib']:.0f}",
                "yes" if found["equal"] else "NO",
            ]
        )
        figures |= {f"{form}_{name}": round(found[name], 2) for name in ("preview", "commit", "cpu")}
        figures[f"{form}_rss_gib"] = round(found["rss_gib"], 3)
        ratios += [seconds / SECONDS * 50_000 / options.rows, rss / MEBIBYTES]
        slowest, peak, equal = max(slowest, seconds), max(peak, found["rss_gib"]), equal and found["equal"]
    head = ("form", "MB", "preview s", "commit s", "both s", "processor s", "peak MiB", "of it before", "equal")
    printed(table, head=head)
    return {
        **figures,
        "ratio": round(max(ratios, default=0.0), 3),
        "seconds": round(slowest, 2),
        "rss_gib": round(peak, 3),
        "equal": equal,
    }


def one_form(form: str, options: argparse.Namespace) -> dict[str, Any]:
    """A fresh database, a file of this form, and what became of it."""
    with tempfile.TemporaryDirectory(prefix="xinlu-bench-") as folder:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "xinlu.settings", "XINLU_DATABASE_URL": "", "XINLU_VAR": folder}
        file = Path(folder) / f"penalties.{form}"
        said = ["--rows", options.rows, "--subjects", options.subjects, "--wrong", options.wrong, "--file", file]
        words = [str(word) for word in said]
        apart(__file__, "--child", "enrol", *words)
        found = apart(__file__, "--child", "deliver", *words)
        compared = apart(__file__, "--child", "compare", *words)
        equal = compared["equal"] and found["alike"]
        return {**found, "equal": equal, "megabytes": file.stat().st_size / 2**20}


# ── what is delivered ───────────────────────────────────────────────────────────────────────────


def uscc(number: int) -> str:
    """The code of firm ``number``."""
    from xinlu.law.identifiers import make_uscc

    return make_uscc(number, region="330106")


def rows_of(options: argparse.Namespace) -> Iterator[tuple[dict[str, str], str]]:
    """Every row, and the code that it must be queried with (empty: none)."""
    organ = uscc(900_001)
    every = 100 // options.wrong if options.wrong else 0
    for number in range(options.rows):
        firm = number * 7919 % options.subjects
        day = date(2024, 1, 1) + timedelta(days=number % 480)
        fine = 1000 + number % 4000
        row = {
            "CF_XDR_MC": f"示例运输{firm}有限公司",
            "CF_XDR_LB": "法人及非法人组织",
            "CF_XDR_SHXYM": uscc(firm),
            "CF_FRDB": "李示例",
            "CF_WSH": f"浙杭交罚〔2024〕{number}号",
            "CF_WFXW": "超限运输",
            "CF_SY": f"车货总质量 {49 + number % 30}.{number % 10} 吨，超过限值",
            "CF_YJ": "《公路安全保护条例》第六十四条",
            "CF_CFLB": "警告;罚款",
            "CF_NR": f"警告，罚款人民币{fine}元",
            "CF_NR_FK": f"{fine / 10_000:.4f}",
            "CF_JDRQ": day.strftime("%Y/%m/%d"),
            "CF_YXQ": "2099-12-31",
            "CF_GSJZQ": day.replace(year=day.year + 3, day=min(day.day, 28)).isoformat(),
            "CF_CFJG": "示例市交通运输局",
            "CF_CFJGDM": organ,
            "CF_SJLY": "示例市交通运输局",
            "CF_SJLYDM": organ,
            "BZ": "" if number % 3 else f"第 {number} 件",
        }
        yield spoilt(row, number // every) if every and number % every == every - 1 else (row, "")


def spoilt(row: dict[str, str], turn: int) -> tuple[dict[str, str], str]:
    """The row with one mistake, and its code."""
    code = MISTAKES[turn % len(MISTAKES)]
    wrong = {"E01": ("CF_CFJG", ""), "E04": ("CF_JDRQ", "去年"), "E05": ("CF_CFLB", "口头批评")}
    column, value = wrong.get(code, ("CF_XDR_SHXYM", uscc(800_000 + turn)))
    return {**row, column: value}, code


def write_file(options: argparse.Namespace) -> None:
    """The delivery, in the form that the name of the file says."""
    rows = (row for row, _ in rows_of(options))
    match options.file.suffix:
        case ".csv":
            with options.file.open("w", encoding="gb18030", newline="") as out:
                writer = csv.DictWriter(out, next(rows_of(options))[0])
                writer.writeheader()
                writer.writerows(rows)
        case ".xlsx":
            write_workbook(options.file, rows)
        case ".json":
            with options.file.open("w", encoding="utf-8") as out:
                for place, row in enumerate(rows):
                    out.write(f"{',' if place else '['}\n{json.dumps(row, ensure_ascii=False)}")
                out.write("\n]\n")
        case ".ndjson":
            with options.file.open("w", encoding="utf-8") as out:
                out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_workbook(path: Path, rows: Iterator[dict[str, str]]) -> None:
    """As spreadsheets save it: texts shared between cells, days as days."""
    import xlsxwriter

    with xlsxwriter.Workbook(path) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        for line, row in enumerate(rows, 1):
            for place, (name, cell) in enumerate(row.items()):
                if line == 1:
                    sheet.write_string(0, place, name)
                if name == "CF_JDRQ" and cell[:1] == "2":
                    sheet.write_datetime(line, place, datetime.strptime(cell, "%Y/%m/%d"), day)  # noqa: DTZ007
                elif cell:
                    sheet.write_string(line, place, cell)


# ── processes of their own ──────────────────────────────────────────────────────────────────────


def enrol(options: argparse.Namespace) -> dict[str, Any]:
    """A database with the firms and one source, and the file."""
    import django

    django.setup()
    from django.core.management import call_command

    from xinlu.access.models import Organ
    from xinlu.journal.actor import Actor
    from xinlu.ledger.deliver import register_source
    from xinlu.registry.enrol import NewSubject, enrol_many

    call_command("migrate", verbosity=0)
    actor = Actor.system("bench")
    Organ.objects.create(code="bench", name="示例局", kind="city_bureau", region="330100")
    register_source(code="bench", title="bench", organ="bench", kind="file", actor=actor, at=MADE)
    born = date(2015, 1, 1)
    firms = [
        NewSubject("enterprise", f"示例运输{n}有限公司", "330106", {"uscc": uscc(n)}, born)
        for n in range(options.subjects)
    ]
    enrol_many(firms, actor=actor, at=MADE)
    write_file(options)
    return {}


def deliver_file(options: argparse.Namespace) -> dict[str, Any]:
    """Look at the file, then hand it over."""
    import resource
    import time

    import django

    django.setup()
    from xinlu.access.scope import Scope
    from xinlu.gazette import current
    from xinlu.intake.deliver import deliver
    from xinlu.intake.preview import preview
    from xinlu.journal.actor import Actor

    current.catalogue()
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    said: dict[str, Any] = {"path": options.file, "source": "bench", "received_at": RECEIVED}
    said |= {"scope": Scope.system("bench"), "item": "administrative_penalty"}
    begin = time.process_time()
    clock = Clock()
    seen = preview(**said)
    looked = clock.seconds
    clock = Clock()
    done = deliver(**said, actor=Actor.system("bench"))
    names = ("delivered", "accepted", "queried", "duplicate", "codes")
    return {
        "preview": looked,
        "commit": clock.seconds,
        "cpu": time.process_time() - begin,
        "base_mib": base,
        "alike": all(getattr(seen, name) == getattr(done, name) for name in names),
    }


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Whether each row became the record, or the queried row, that it had to become."""
    import django

    django.setup()
    from xinlu.ledger.models import DeliveryRow, Record

    first = 1 if options.file.suffix in (".json", ".ndjson") else 2
    expected = {number: (row, code) for number, (row, code) in enumerate(rows_of(options), first)}
    wrong: Counter[str] = Counter()
    records = Record._base_manager.values_list("row", "payload").iterator(2000)
    for number, payload in records:
        assert number is not None
        assert payload is not None
        row, code = expected.pop(number)
        told = (payload["decision_no"], payload["party_name"], payload["uscc"], payload["decided_on"])
        meant = (row["CF_WSH"], row["CF_XDR_MC"], row["CF_XDR_SHXYM"], row["CF_JDRQ"].replace("/", "-"))
        same = told == meant and float(payload["fine_amount"]) == float(row["CF_NR_FK"]) and not code
        wrong["record"] += not same
    rows = DeliveryRow._base_manager.filter(outcome="queried").values_list("number", "code", "raw")
    for number, code, raw in rows.iterator(2000):
        assert raw is not None
        row, meant_code = expected.pop(number)
        wrong["query"] += code != meant_code or raw["CF_WSH"] != row["CF_WSH"]
    return {"equal": not expected and not sum(wrong.values())}


CHILDREN = {"enrol": enrol, "deliver": deliver_file, "compare": compare}

if __name__ == "__main__":
    main()
