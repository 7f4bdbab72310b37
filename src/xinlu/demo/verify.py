"""Hold what the runs found against what was planted, and the deliveries against the mistakes that were seeded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from xinlu.access.scope import Scope
from xinlu.assessment.models import Run
from xinlu.assessment.queries import findings_of_run
from xinlu.demo.plan import said
from xinlu.engine.result import Finding
from xinlu.engine.run import run
from xinlu.gazette import current
from xinlu.ledger import columnar
from xinlu.ledger.models import Delivery, DeliveryRow, Record
from xinlu.registry.queries import numbers_by_identifier

SYSTEM = Scope.system("demo verification")


def read_manifest(folder: Path) -> dict[str, Any]:
    """``manifest.json`` of a demo folder."""
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def found(finding: Finding) -> str:
    """A finding as the plan writes answers: its status, or when rated its level, number, day, flag or text."""
    if finding.status != "rated":
        return finding.status
    return said(finding.answer)


def differences(manifest: Mapping[str, Any], books: Collection[str] | None = None) -> Iterator[str]:
    """One sentence for each planted answer that the runs miss, and for each unit that nobody planted.

    ``books``: only these."""
    for book, days in manifest["books"].items():
        for day, planted in days.items() if books is None or book in books else ():
            made = Run.objects.filter(book=book, as_of=date.fromisoformat(day)).order_by("made_at", "pk").first()
            if made is None:
                yield f"{book} {day}: no run"
                continue
            yield from _of_run(book, day, planted, made)


def _of_run(book: str, day: str, planted: Mapping[str, Any], made: Run) -> Iterator[str]:
    wanted = {unit: one["answers"] for one in planted["archetypes"] for unit in one["units"]}
    numbers = _numbers(book, list(wanted))
    answers: dict[int, dict[str, str]] = {}
    for one in findings_of_run(made):
        answers.setdefault(one.unit, {})[one.output] = found(one)
    for unit, told in wanted.items():
        got = answers.get(numbers.get(unit, -1), {})
        for output, answer in told.items():
            if got.get(output) != answer:
                yield f"{book} {day} {unit}: {output} should be {answer}, is {got.get(output, 'not there')}"
    for number in sorted(set(answers) - set(numbers.values())):
        yield f"{book} {day}: unit {number} was not planted"


def _numbers(book: str, units: list[str]) -> dict[str, int]:
    rates = current.library().rulebooks[book][-1].rates
    if rates.subject is not None:
        return numbers_by_identifier(SYSTEM, units)
    rows = Record._base_manager.filter(item=rates.record, superseded_at__isnull=True).values_list("key", "record")
    return {key.partition("|")[0]: record for key, record in rows}


def delivery_differences(manifest: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each file whose queried and duplicate rows are not those that were seeded."""
    by_file = {
        (one.received_at.date().isoformat(), one.source.code, one.file_name): one
        for one in Delivery._base_manager.select_related("source").order_by("pk")
    }
    for one in manifest["files"]:
        delivery = by_file.get((one["received"], one["source"], one["path"].rpartition("/")[2]))
        if delivery is None:
            yield f"{one['path']}: not delivered"
            continue
        rows = DeliveryRow._base_manager.filter(delivery=delivery, outcome="queried").values_list("code", flat=True)
        wanted = Counter(m["code"] for m in one["mistakes"] if m["code"])
        planted = (one["rows"], one["duplicate"], wanted)
        got = (delivery.delivered, delivery.duplicate, Counter(rows))
        if got != planted:
            yield f"{one['path']}: delivered, duplicate, queried {got}, should be {planted}"


def replay_differences(manifest: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each past answer that does not come out otherwise with what is known since.

    Reads the columnar copy and writes nothing.
    """
    library, tables = current.library(), columnar.tables()
    known_at = datetime.combine(date.fromisoformat(manifest["today"]), time(23))
    for book, day in sorted({(one["book"], one["as_of"]) for one in manifest["replays"]}):
        told = [one for one in manifest["replays"] if (one["book"], one["as_of"]) == (book, day)]
        result = run(
            library.needed(*library.rulebooks[book]),
            tables,
            catalogue=library.catalogue,
            as_of=date.fromisoformat(day),
            known_at=known_at,
        )
        numbers = numbers_by_identifier(SYSTEM, [one["unit"] for one in told])
        answers = {(one.unit, one.output): found(one) for one in result.findings[book]}
        for one in told:
            for output, answer in one["answers"].items():
                got = answers.get((numbers[one["unit"]], output), "not there")
                if got != answer:
                    yield f"{book} {day} {one['unit']}, known today: {output} should be {answer}, is {got}"
