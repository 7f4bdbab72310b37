"""Feeds: rows of machines by the million, under the rules of every delivery."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests import province
from tests.province import ACTOR, at

from xinlu.access.scope import Scope
from xinlu.assessment.queries import entries_of, findings_of
from xinlu.assessment.run import run_books
from xinlu.engine.duck import Duck
from xinlu.intake import feed
from xinlu.intake.feed import FeedResult, take_feed
from xinlu.intake.problems import CODES, Refused
from xinlu.journal.verify import verify
from xinlu.law.identifiers import make_plate
from xinlu.ledger import columnar, observations
from xinlu.ledger.models import Delivery, ObservationFile
from xinlu.registry.enrol import NewSubject, enrol

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")
SOURCE = "hz-wim"
PLATE = make_plate(1)
OTHER = make_plate(2)
STRANGER = make_plate(9)


def vehicle(plate: str, since: date, until: date | None = None, *, number: str = "") -> int:
    named = {"certificate_no": number} if number else {"plate": plate}
    one = NewSubject("vehicle", plate, "330106", named, since, until, attributes={"axles": "2"})
    return enrol(one, actor=ACTOR, at=at())


@pytest.fixture
def site(settings, tmp_path) -> dict[str, int]:
    """A plate that two vehicles bore one after the other, and another one."""
    settings.VAR, settings.COLUMNAR = tmp_path / "var", tmp_path / "var" / "columnar"
    settings.VAR.mkdir()
    province.organs()
    province.source(SOURCE, "jt-330100")
    province.source("hz-other", "jt-330100")
    return {
        "first": vehicle(PLATE, date(2018, 1, 1), date(2023, 11, 1)),
        "second": vehicle(PLATE, date(2023, 12, 1), number="330100000017"),
        "other": vehicle(OTHER, date(2018, 1, 1)),
    }


def row(number: str, plate: str = OTHER, on: str = "2023-12-31", mass: object = 17000, **more: Any) -> dict[str, Any]:
    said = {"weighing_no": number, "weighed_on": on, "vehicle": plate, "site": "示例站01", "axles": 2}
    return {**said, "combination": "false", "total_mass": mass, **more}


def take(
    tmp_path: Path,
    rows: Sequence[Any],
    days: int = 1,
    *,
    source: str = SOURCE,
    form: str = "ndjson",
    name: str = "feed",
    item: str = "weighing",
) -> FeedResult:
    path = tmp_path / f"{name}-{days}.{form}"
    names = list(dict.fromkeys(key for one in rows if isinstance(one, dict) for key in one))
    match form:
        case "ndjson":
            lines = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in rows]
            path.write_text("\n".join(lines) + "\n", "utf-8")
        case "csv":
            text = io.StringIO()
            writer = csv.DictWriter(text, names)
            writer.writeheader()
            for one in rows:
                if isinstance(one, str):
                    text.write(one + "\r\n")
                else:
                    writer.writerow(one)
            path.write_bytes(text.getvalue().encode("gb18030"))
        case "parquet":
            columns = {
                key: pa.array([None if one.get(key) is None else str(one[key]) for one in rows]) for key in names
            }
            pq.write_table(pa.table(columns), path)
    return take_feed(path, source=source, item=item, received_at=at(days), actor=ACTOR, scope=SYSTEM)


def queried(delivery: int) -> dict[int, tuple[str, str]]:
    found = observations.queried(SYSTEM, delivery)
    if found is None:
        return {}
    return {n: (code, sentence) for n, code, sentence, *_ in observations._ask(found[1])}


def known(number: str, days: int) -> list[tuple[Any, ...]]:
    """Versions of an observation that are known at a time: vehicle and mass."""
    duck = Duck({"item_weighing": columnar.tables()["item_weighing"]})
    when = observations.time_literal(at(days))
    try:
        return duck.rows(
            f"SELECT role_vehicle, total_mass FROM item_weighing WHERE weighing_no = '{number}' "
            f"AND recorded_at <= {when} AND (superseded_at IS NULL OR superseded_at > {when})"
        )
    finally:
        duck.close()


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_each_form_gives_the_same_rows_and_every_row_is_accounted_for(site, tmp_path, form) -> None:
    rows = [
        row("A1"),
        row("A2", mass="17,5", on="2023/12/30"),
        row("A3", mass="heavy"),
        row("", mass=1),
        row("A5", plate=STRANGER),
        row("A6", on="2024年1月1日", mass="16000.0", site=" 示例站02\u3000"),
        row("A1"),
        row("A1", mass=1),
        row("A9", mass=-4),
        row("A10", on="2029-01-01"),
        row("A11", axles=1),
    ]
    done = take(tmp_path, rows, form=form)
    first = 2 if form == "csv" else 1
    assert (done.delivered, done.accepted, done.queried, done.duplicate) == (11, 3, 7, 1)
    told = {number - first + 1: code for number, (code, _) in queried(done.delivery).items()}
    assert told == {3: "E13", 4: "E01", 5: "E08", 8: "E07", 9: "E16", 10: "O03", 11: "E16"}
    assert set(done.codes) <= set(CODES)
    assert known("A6", 2) == [(site["other"], Decimal(16000))]
    assert known("A2", 2) == [(site["other"], Decimal(175))]


def test_the_sentence_is_that_of_a_row_in_a_file(site, tmp_path) -> None:
    from xinlu.intake.deliver import deliver

    bad = [
        row("B1", mass="heavy"),
        row("B2", plate=STRANGER),
        row("B3", axles=1),
        row("B4", on="31.12.2023"),
        row("", mass=2),
    ]
    mine = take(tmp_path, bad)
    data = "\n".join(json.dumps(one, ensure_ascii=False) for one in bad).encode()
    file = deliver(
        file=data, name="rows.ndjson", source=SOURCE, item="weighing", received_at=at(1), actor=ACTOR, scope=SYSTEM
    )
    rows = Delivery._base_manager.get(pk=file.delivery).rows.within(SYSTEM)
    theirs = {one.number: (one.code, one.sentence) for one in rows.filter(outcome="queried")}
    assert queried(mine.delivery) == theirs


def test_what_is_no_row_is_queried_with_its_line(site, tmp_path) -> None:
    done = take(tmp_path, [row("C1"), "no json", row("C2")])
    assert (done.accepted, queried(done.delivery)) == (2, {2: ("E24", "不是一个 JSON 对象")})
    done = take(tmp_path, [row("C3"), "a,b", row("C4")], 2, form="csv")
    assert (done.accepted, queried(done.delivery)) == (2, {3: ("E24", "列数与列名不符")})
    number = observations._ask(
        f"SELECT record FROM ({columnar.tables()['item_weighing'].query()}) WHERE weighing_no = 'C4'"
    )
    assert observations.lineage(SYSTEM, number[0][0])[0].row == 4


def test_a_plate_is_the_vehicle_that_bore_it_on_the_day(site, tmp_path) -> None:
    days = {"D1": "2023-10-31", "D2": "2023-11-15", "D3": "2023-12-01", "D4": "2023-09-01"}
    spelt = f"{PLATE[:2]}·{PLATE[2:]}".lower()
    done = take(tmp_path, [row(n, spelt if n == "D3" else PLATE, on) for n, on in days.items()], 1)
    assert [known(n, 2)[0][0] for n in ("D1", "D3")] == [site["first"], site["second"]]
    assert {n: code for n, (code, _) in queried(done.delivery).items()} == {2: "O01", 4: "O03"}
    vehicle(OTHER, date(2023, 12, 1), number="330100000018")
    done = take(tmp_path, [row("D5", OTHER, "2023-12-30"), row("D6", OTHER, "2023-11-01")], 2)
    assert queried(done.delivery)[1][0] == "O02"
    assert done.accepted == 1


def test_corrections_and_withdrawals_leave_the_past_as_it_was(site, tmp_path) -> None:
    take(tmp_path, [row("E1"), row("E2")], 1)
    same = take(tmp_path, [row("E1"), row("E2")], 2)
    assert (same.duplicate, same.repeated) == (2, True)
    done = take(tmp_path, [row("E1", mass=18001), {**row("E2"), "op": "撤销"}, {**row("E9"), "op": "撤销"}], 3)
    assert (done.corrected, done.withdrawn, done.queried) == (1, 1, 1)
    assert queried(done.delivery)[3][0] == "LD-003"
    assert [known("E1", n) for n in (0, 1, 2, 3)] == [
        [], [(site["other"], Decimal(17000))], [(site["other"], Decimal(17000))], [(site["other"], Decimal(18001))]
    ]  # fmt: skip
    assert [len(known("E2", n)) for n in (2, 3)] == [1, 0]
    again = take(tmp_path, [row("E2"), row("E1", mass=18001)], 4)
    assert (again.corrected, again.duplicate) == (1, 1)
    back = take(tmp_path, [row("E1", mass=1)], 2, name="late")
    assert queried(back.delivery)[1][0] == "E11"
    other = take(tmp_path, [row("E1", mass=5), row("E2")], 6, source="hz-other")
    assert (queried(other.delivery)[1][0], other.duplicate) == ("LD-002", 1)


def test_a_late_row_is_known_from_its_receipt_on(site, tmp_path) -> None:
    take(tmp_path, [row("F1", on="2023-11-03")], 20)
    assert [len(known("F1", n)) for n in (19, 20)] == [0, 1]


def test_a_sensor_that_repeats_itself_is_doubted(site, tmp_path) -> None:
    rows = [row(f"G{n}", mass=15500) for n in range(25)] + [row(f"H{n}", mass=15000 + n) for n in range(20)]
    rows += [row(f"I{n}", mass=15500, site="示例站07") for n in range(19)]
    done = take(tmp_path, rows)
    assert (done.codes, done.accepted) == ({"O04": 25}, 39)
    assert "共 45 行，其中 25 行车货总质量同为 15500" in queried(done.delivery)[1][1]


def test_a_delivery_is_withdrawn_as_a_whole(site, tmp_path) -> None:
    done = take(tmp_path, [row("J1"), row("J2")], 1)
    take(tmp_path, [row("J2", mass=16000)], 2)
    one = Delivery._base_manager.get(pk=done.delivery)
    assert observations.withdraw_delivery(one, reason="传感器未检定", actor=ACTOR, at=at(3)) == 1
    assert observations.withdraw_delivery(one, reason="传感器未检定", actor=ACTOR, at=at(4)) == 0
    assert [(len(known("J1", n)), len(known("J2", n))) for n in (2, 3)] == [(1, 1), (0, 1)]
    assert verify() == ()


@pytest.mark.parametrize("when", ["write_file", "put_in_force", "write_manifest"])
def test_a_crash_in_the_middle_leaves_the_last_good_state(site, tmp_path, monkeypatch, when) -> None:
    take(tmp_path, [row("K1")], 1)
    before = list(ObservationFile._base_manager.values_list("name", flat=True))

    def dies(*args: object, **more: object) -> None:
        raise RuntimeError("power")

    with monkeypatch.context() as patch:
        patch.setattr(feed.observations, when, dies)
        with pytest.raises(RuntimeError, match="power"):
            take(tmp_path, [row("K2")], 2)
    there = list(ObservationFile._base_manager.values_list("name", flat=True))
    if when == "write_manifest":
        assert len(known("K2", 3)) == 1, "the delivery is closed; only what is told to others is a step behind"
    else:
        assert there == before
        assert (len(known("K1", 3)), len(known("K2", 3))) == (1, 0)
        assert Delivery._base_manager.count() == 1
    done = take(tmp_path, [row("K2")], 3)
    assert done.accepted + done.duplicate == 1
    assert len(known("K2", 3)) == 1
    told = json.loads((observations.folder("weighing") / observations.MANIFEST).read_text())
    names = {one["name"] for one in told["files"]}
    assert names == set(ObservationFile._base_manager.values_list("name", flat=True))
    assert {path.name for path in observations.folder("weighing").glob("*.parquet")} == names
    assert observations.broken() == []


def test_a_book_reads_them_and_a_finding_leads_to_file_and_row(site, tmp_path) -> None:
    done = take(tmp_path, [row("L1", mass=17000), row("L2", mass=20000)], 1, name="night")
    (run,) = run_books(["overlimit-determination"], as_of=date(2024, 1, 31), actor=ACTOR, at=at(30))
    record = observations._ask(
        f"SELECT record FROM ({columnar.tables()['item_weighing'].query()}) WHERE weighing_no = 'L2'"
    )[0][0]
    finding = next(one for one in findings_of(SYSTEM, run.code, record) if one.output == "determination")
    assert finding.level == "over"
    entries = entries_of(SYSTEM, run.code, record)
    assert any(one.step == "total_mass" and one.raw == 20000 for one in entries)
    (origin,) = observations.lineage(SYSTEM, record)
    assert (origin.delivery, origin.source, origin.file_name, origin.row) == (
        done.delivery,
        SOURCE,
        "night-1.ndjson",
        2,
    )
    assert len(origin.digest) == 64
    shown = observations.observation(SYSTEM, record)
    assert shown is not None
    assert (shown["weighing_no"], shown["role_vehicle"]) == ("L2", site["other"])
    city, elsewhere = (Scope.of(province.officer(n, c)) for n, c in (("city", "jt-330100"), ("far", "jt-330200")))
    for scope, seen in ((city, True), (elsewhere, False), (Scope.public(), False)):
        assert bool(observations.lineage(scope, record)) == seen
        assert (observations.observation(scope, record) is not None) == seen
        assert bool(findings_of(scope, run.code, record)) == seen
    earlier = run_books(["overlimit-determination"], as_of=date(2024, 1, 31), actor=ACTOR, at=at(31), known_at=at(0))
    assert earlier[0].units == 0


def test_a_file_that_is_none_is_refused_whole(site, tmp_path) -> None:
    for content, code in (("", "F01"), ("[1, 2]\n", "F07"), ('{"weighing_no": "1"}\n', "F07")):
        path = tmp_path / "bad.ndjson"
        path.write_text(content)
        with pytest.raises(Refused) as refused:
            take_feed(path, source=SOURCE, item="weighing", received_at=at(1), actor=ACTOR, scope=SYSTEM)
        assert refused.value.problems[0].code == code
    with pytest.raises(Refused) as refused:
        take_feed(path, source=SOURCE, item="honour", received_at=at(1), actor=ACTOR, scope=SYSTEM)
    assert refused.value.problems[0].code == "F15"
    with pytest.raises(Refused) as refused:
        take(tmp_path, [row("M1")], scope_source := 1, source="nobody")
    assert refused.value.problems[0].code == "F13"
    assert not ObservationFile._base_manager.exists()
    assert scope_source == 1
