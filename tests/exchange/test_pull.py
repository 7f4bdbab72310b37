"""A pull hands over what waits, once, and goes on where it stopped."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from tests.intake.conftest import FIRM, as_csv, open_desk, penalty

from xinlu.access.models import Organ, Person
from xinlu.access.scope import Scope
from xinlu.exchange import pulls
from xinlu.exchange.connections import Connection
from xinlu.exchange.connectors.trouble import Trouble
from xinlu.exchange.models import Written
from xinlu.exchange.pull import LEASE, PullResult, ask_again, pull
from xinlu.exchange.pull_models import Pull, PullStep
from xinlu.intake.problems import Refused
from xinlu.journal.actor import Actor
from xinlu.journal.models import Event
from xinlu.ledger.models import Delivery, Record, Source

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test pull")
START = datetime(2024, 6, 5, 1, 0, tzinfo=UTC)


class Place:
    """A drop folder of one source, and a clock that moves on with each reading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = START
        self.one = Connection(
            name="hz-drop",
            title="示例投递文件夹",
            source="zj-penalties",
            every="1h",
            connector="directory",
            settings={"folder": str(folder), "pattern": "*.csv", "settle_seconds": 0},
        )

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def put(self, name: str, *rows: dict[str, str], data: bytes | None = None, age: int = 3600) -> None:
        path = self.folder / name
        path.write_bytes(as_csv(rows) if data is None else data)
        moment = START.timestamp() - age
        os.utime(path, (moment, moment))

    def pull(self, **changes: Any) -> PullResult:
        start = changes.pop("start", None)
        one = self.one.model_copy(update=changes) if changes else self.one
        return pull(one, actor=ACTOR, clock=self.clock, start=start)


@pytest.fixture
def place(db: None, tmp_path: Path) -> Place:
    open_desk()
    (tmp_path / "out").mkdir()
    return Place(tmp_path / "out")


def numbers() -> list[str]:
    found = Record._base_manager.filter(superseded_at__isnull=True).order_by("pk")
    return [one.payload["decision_no"].partition("〕")[2] for one in found]


def test_each_file_becomes_a_delivery_of_the_source(place: Place) -> None:
    place.put("a.csv", penalty(1), penalty(2), age=200)
    place.put("b.csv", penalty(3), age=100)
    result = place.pull()
    assert [(one.file, one.accepted) for one in result.taken] == [("a.csv", 2), ("b.csv", 1)]
    assert result.trouble is None
    assert numbers() == ["1号", "2号", "3号"]
    deliveries = Delivery._base_manager.order_by("pk")
    assert {(one.source.code, one.way, one.received_by) for one in deliveries} == {
        ("zj-penalties", "pull", "system:test pull")
    }


def test_pulling_again_hands_nothing_over_twice(place: Place) -> None:
    place.put("a.csv", penalty(1))
    place.pull()
    again = place.pull()
    assert (again.taken, Delivery._base_manager.count()) == ([], 1)


def test_rows_are_checked_as_on_every_other_way_in(place: Place) -> None:
    place.put("a.csv", penalty(1), penalty(2, CF_JDRQ="昨天"), penalty(1))
    result = place.pull()
    assert [result.count(what) for what in ("delivered", "accepted", "queried", "duplicate")] == [3, 1, 1, 1]
    assert result.taken[0].codes == {"E04": 1}


def test_a_refused_file_is_told_and_not_tried_again_until_somebody_asks(place: Place) -> None:
    place.put("bad.csv", data=b"x,y\n1,2\n", age=200)
    place.put("good.csv", penalty(1), age=100)
    result = place.pull()
    assert [one.code for one in result.refused] == ["F10"]
    assert numbers() == ["1号"]
    assert place.pull().refused == []
    ask_again(place.one, Scope.system("test"), at=place.clock())
    assert [one.code for one in place.pull().refused] == ["F10"]
    place.put("bad.csv", penalty(2))
    assert place.pull().count("accepted") == 1


def test_a_pull_that_dies_leaves_no_half_piece_and_goes_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put("a.csv", penalty(1), age=200)
    place.put("b.csv", penalty(2), age=100)
    real = PullStep.save

    def dies(self: PullStep, **said: Any) -> None:
        if self.kind == "taken" and self.name == "b.csv":
            raise KeyboardInterrupt
        real(self, **said)

    monkeypatch.setattr(PullStep, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        place.pull()
    assert numbers() == ["1号"]  # the delivery of b.csv went with its step
    assert pulls.told(Pull._base_manager.get(), at=place.now).state == "failed"
    monkeypatch.setattr(PullStep, "save", real)
    assert [one.file for one in place.pull().taken] == ["b.csv"]
    assert numbers() == ["1号", "2号"]


def test_trouble_of_the_other_system_ends_the_pull_with_a_code(place: Place) -> None:
    result = place.pull(settings={"folder": "/nowhere/at/all"})
    assert result.trouble.code == "PU-007"
    (step,) = PullStep.objects.all()
    assert (step.kind, step.code) == ("failed", "PU-007")
    (event,) = Event.objects.filter(verb="exchange.pull.ended")
    assert '"trouble":"PU-007"' in event.facts_text


def test_two_pulls_of_one_connection_do_not_run_at_once(place: Place) -> None:
    source = Source.objects.get(code="zj-penalties")
    Pull(connection="hz-drop", source=source, started_at=place.now, started_by="x").save()
    with pytest.raises(Trouble, match="PU-009"):
        place.pull()
    assert place.pull(name="hz-other").trouble is None
    place.now += LEASE
    assert place.pull().trouble is None


def test_the_database_sees_what_is_taken_twice_and_changes_no_step(place: Place) -> None:
    place.put("a.csv", penalty(1))
    place.pull()
    step = PullStep.objects.get(kind="taken")
    twice = {"connection": step.connection, "fingerprint": step.fingerprint, "delivery": step.delivery}
    with pytest.raises(IntegrityError), transaction.atomic():
        PullStep(pull=step.pull, number=9, kind="taken", at=place.now, **twice).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        PullStep(pull=step.pull, number=9, kind="failed", at=place.now, connection="hz-drop").save()
    with pytest.raises(Written):
        step.save()


def test_all_since_a_day_can_be_handed_over_again_as_duplicates(place: Place) -> None:
    place.put("a.csv", penalty(1))
    place.pull()
    again = place.pull(start="2024-06-01")
    assert (again.count("duplicate"), numbers()) == (1, ["1号"])
    assert place.pull(start="2024-06-01").count("duplicate") == 1


def test_an_unknown_source_is_made_known_with_its_organ_or_refused(place: Place) -> None:
    place.put("a.csv", penalty(1))
    with pytest.raises(Refused, match="F13"):
        place.pull(source="hz-new")
    assert not Pull._base_manager.exists()
    assert place.pull(source="hz-new", organ="jt-330100").count("accepted") == 1
    assert Source.objects.get(code="hz-new").organ.code == "jt-330100"


def test_a_name_with_the_number_of_a_person_is_kept_masked(place: Place) -> None:
    place.put("处罚-330106199001011230.csv", data=b"x,y\n1,2\n")
    place.pull()
    assert PullStep.objects.get(kind="refused").name == "处罚-330*************30.csv"


# ── a table ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def table(place: Place, tmp_path: Path) -> Callable[..., None]:
    """Puts rows into a table that the place is then connected to."""
    path = tmp_path / "cases.db"
    columns = [name for name in penalty() if name != "BZ"]
    with sqlite3.connect(path) as there:
        there.execute(f"CREATE TABLE cases (id INTEGER PRIMARY KEY, changed TEXT, {', '.join(columns)})")
    place.one = place.one.model_copy(
        update={
            "connector": "sql",
            "item": "administrative_penalty",
            "settings": {
                "url": f"sqlite:///{path}", "table": "cases", "columns": {name: name for name in columns},
                "watermark": "changed", "key": ["id"], "chunk": 2,
            },
        }
    )  # fmt: skip

    def put(number: int, minute: int, **changes: str) -> None:
        row = {name: value for name, value in penalty(number, **changes).items() if name != "BZ"}
        values = (number, f"2024-06-03 08:{minute:02}:00", *row.values())
        with sqlite3.connect(path) as there:
            there.execute(f"INSERT OR REPLACE INTO cases VALUES ({','.join('?' * len(values))})", values)

    return put


def test_a_table_comes_in_pieces_from_the_mark_on(place: Place, table: Callable[..., None]) -> None:
    for number in range(1, 6):
        table(number, number)
    assert [one.accepted for one in place.pull().taken] == [2, 2, 1]
    assert place.pull().taken == []
    table(6, 2)  # late
    table(1, 8, CF_NR_FK="0.3", CF_NR="警告，罚款3000元")  # corrected
    result = place.pull()
    assert (result.count("accepted"), result.count("duplicate")) == (2, 0)
    assert sorted(numbers()) == [f"{n}号" for n in range(1, 7)]
    (corrected,) = Record._base_manager.filter(payload__fine_amount="0.300000")
    assert corrected.superseded_at is None


def test_a_value_that_goes_back_to_what_it_was_is_seen(place: Place, table: Callable[..., None]) -> None:
    table(1, 1)
    place.pull()
    table(1, 20, CF_NR_FK="0.3", CF_NR="警告，罚款3000元")
    place.pull()
    table(1, 40)
    assert place.pull().count("accepted") == 1
    (now,) = Record._base_manager.filter(superseded_at__isnull=True)
    assert now.payload["fine_amount"] == "0.200000"


def test_a_piece_that_is_refused_stops_a_table_before_its_mark_passes_it(
    place: Place, table: Callable[..., None]
) -> None:
    for number in range(1, 4):
        table(number, number)
    columns = {"CF_WSH": "CF_WSH"}
    result = place.pull(settings={**place.one.settings, "columns": columns})
    assert result.trouble.code == "F07"
    assert place.pull().count("accepted") == 3


# ── how it stands ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def listed(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The place, as the only connection of the file."""
    monkeypatch.setattr(pulls, "read_connections", lambda: type("Read", (), {"connections": (place.one,)}))
    return place


def standing(place: Place, scope: Scope | None = None) -> pulls.ConnectionTold:
    (told,) = pulls.connections(scope or Scope.system("test"), at=place.now)
    return told


def test_what_comes_next_follows_from_the_rhythm_and_from_failures(listed: Place) -> None:
    assert (standing(listed).state, [one.name for one in pulls.due(at=listed.now)]) == ("never", ["hz-drop"])
    listed.put("a.csv", penalty(1))
    listed.pull()
    told = standing(listed)
    assert (told.state, told.due_at - told.last.pull.started_at, told.last.rows()) == ("done", timedelta(hours=1), 1)
    assert pulls.due(at=listed.now) == []
    assert pulls.due(at=listed.now + timedelta(hours=1)) == [listed.one]
    good = listed.one.settings
    for minutes in (5, 15, 60, 60):
        listed.one = listed.one.model_copy(update={"settings": {"folder": "/nowhere"}})
        listed.pull()
        told = standing(listed)
        assert (told.state, told.due_at - told.last.pull.started_at) == ("failed", timedelta(minutes=minutes))
    ask_again(listed.one, Scope.system("test"), at=listed.clock())
    assert (standing(listed).asked, pulls.due(at=listed.now)) == (True, [listed.one])
    listed.one = listed.one.model_copy(update={"settings": good})
    listed.pull()
    assert (standing(listed).asked, standing(listed).state) == (False, "done")


def test_a_refused_file_is_kept_in_mind_until_it_is_taken_or_asked_for(listed: Place) -> None:
    listed.put("bad.csv", data=b"x,y\n1,2\n")
    listed.pull()
    listed.put("good.csv", penalty(1))
    listed.pull()
    told = standing(listed)
    assert (told.last.state, told.state, told.trouble.name) == ("done", "waiting", "bad.csv")
    listed.put("bad.csv", penalty(2))
    listed.pull()
    assert (standing(listed).state, standing(listed).trouble) == ("done", None)
    listed.put("other.csv", data=b"x,y\n1,2\n")
    listed.pull()
    (listed.folder / "other.csv").unlink()
    assert standing(listed).state == "waiting"
    ask_again(listed.one, Scope.system("test"), at=listed.clock())
    listed.pull()
    assert standing(listed).state == "done"


def test_a_pull_without_an_end_is_running_and_later_broken(listed: Place) -> None:
    source = Source.objects.get(code="zj-penalties")
    Pull(connection="hz-drop", source=source, started_at=listed.now, started_by="x").save()
    assert (standing(listed).state, pulls.due(at=listed.now)) == ("running", [])
    listed.now += LEASE
    assert standing(listed).state == "broken"


def test_only_those_who_answer_for_the_source_see_its_pulls(listed: Place) -> None:
    listed.pull()
    Organ.objects.create(code="jt-330200", name="示例另一市局", kind="city_bureau", region="330200", sectors=["all"])
    people = {
        code: Scope.of(Person.objects.create_user(username=code, role="officer", organ=Organ.objects.get(code=code)))
        for code in ("zj", "jt-330200")
    }
    assert standing(listed, people["zj"]).state == "done"
    assert pulls.pulls(people["zj"], "hz-drop").count() == 1
    assert pulls.connections(people["jt-330200"], at=listed.now) == []
    assert pulls.pulls(people["jt-330200"], "hz-drop").count() == 0
    assert pulls.connections(Scope.public(), at=listed.now) == []
    with pytest.raises(Refused, match="F13"):
        ask_again(listed.one, people["jt-330200"], at=listed.now)


def test_the_firm_of_a_penalty_is_found(place: Place) -> None:
    place.put("a.csv", penalty(1))
    place.pull()
    assert Record._base_manager.get().payload["uscc"] == FIRM
