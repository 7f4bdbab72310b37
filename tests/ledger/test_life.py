"""The life cycle: every record stands in one stage, none is shown late, and what goes leaves a stub."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import IntegrityError, transaction
from tests.province import ACTOR, at, deliver, driver, firm, organs, penalty, scopes, source

from xinlu.access.scope import Scope
from xinlu.journal.actor import Actor
from xinlu.journal.insert import insert_many
from xinlu.journal.models import Event
from xinlu.journal.verify import verify
from xinlu.ledger import columnar, life, queries
from xinlu.ledger.archive import VERB_ARCHIVED, archive
from xinlu.ledger.destroy import DestructionRefused, carry_out, due, propose
from xinlu.ledger.life import Stage
from xinlu.ledger.models import Archived, Delivery, Destroyed, Destruction, Record
from xinlu.ledger.withdraw import withdraw

PENALTY, CLASS, LIST, REPAIR = (
    "administrative_penalty",
    "penalty_classification",
    "serious_list_entry",
    "credit_repair",
)
SYSTEM = Scope.system("test")
OTHER = Actor(key="person:2")
FIRST = Actor(key="person:1")


def later(day: date, months: int) -> date:
    """The same day some months later, or the last day of a month that has none: worked out day by day."""
    month = day.year * 12 + day.month - 1 + months
    for last in range(day.day, 0, -1):
        try:
            return date(month // 12, month % 12 + 1, last)
        except ValueError:
            continue
    raise AssertionError


@dataclass
class Fact:
    """A penalty and all that is known about it, as a person would note it."""

    number: str
    decided: date
    natural: bool = False
    until: date | None = None
    final: date | None = None
    simple: bool = False
    revoked: date | None = None
    repaired: date | None = None
    lists: list[tuple[date, date | None]] = field(default_factory=list)
    withdrawn: bool = False


def reckoned(fact: Fact, on: date) -> Stage:
    """The stage of a penalty, by reading the rules aloud."""
    if fact.withdrawn or (fact.revoked and fact.revoked <= on):
        return Stage.WITHDRAWN
    ends = later(fact.decided, 60)
    last = ends - timedelta(days=1)
    still_listed = any(a <= last and (b is None or b > last) and (b is None or b > on) for a, b in fact.lists)
    if on >= ends and not still_listed:
        return Stage.LAPSED
    if fact.repaired and fact.repaired <= on:
        return Stage.REPAIRED
    if fact.simple or (fact.final and fact.final > on) or fact.natural or on < fact.decided:
        return Stage.HELD
    shown = on < later(fact.decided, 36) and (fact.until is None or on <= fact.until)
    return Stage.SHOWN if shown else Stage.OVER


def facts_of(chance: random.Random, number: str, subjects: int) -> Fact:
    decided = date(2018, 1, 31) + timedelta(days=chance.randrange(2800))

    def after(share: float, most: int = 2400) -> date | None:
        return decided + timedelta(days=chance.randrange(1, most)) if chance.random() < share else None

    return Fact(
        number,
        decided,
        until=after(0.3, 1200),
        final=after(0.3, 200),
        simple=chance.random() < 0.05,
        revoked=after(0.08),
        repaired=after(0.15, 1000),
        withdrawn=chance.random() < 0.05,
    )


def told(fact: Fact, subject: int) -> dict[str, Any]:
    more = {"publicity_until": fact.until.isoformat()} if fact.until else {}
    return penalty(subject, fact.number, decided_on=fact.decided.isoformat(), **more)


def classified(fact: Fact, subject: int, parent: int) -> dict[str, Any] | None:
    said: dict[str, Any] = {"decision_no": fact.number, "decided_on": fact.decided.isoformat()}
    said |= {"severity_class": "general"}
    if fact.final:
        said["final_on"] = fact.final.isoformat()
    if fact.simple:
        said["simple_procedure"] = "true"
    if fact.revoked:
        said["set_aside_on"] = fact.revoked.isoformat()
    if len(said) == 3:
        return None
    return {"payload": said, "roles": {"subject": (subject,)}, "parent": parent}


def repair(fact: Fact, subject: int) -> dict[str, Any]:
    assert fact.repaired
    said = {"repair_no": f"修{fact.number}", "repair_kind": "end_publicity", "repaired_item": PENALTY}
    said |= {"penalty_decision_no": fact.number, "decided_on": fact.repaired.isoformat(), "result": "granted"}
    return {"payload": said, "roles": {"subject": (subject,)}}


def listing(number: str, subject: int, since: date, until: date | None) -> dict[str, Any]:
    said = {"list_kind": "overlimit", "decision_no": number, "listed_on": since.isoformat(), "reason": "示例"}
    if until:
        said["removed_on"] = until.isoformat()
    return {"payload": said, "roles": {"subject": (subject,)}}


NOW = datetime(2027, 1, 1, tzinfo=UTC)


def plant(facts: Mapping[int, list[Fact]]) -> dict[str, int]:
    """Deliver what is known; gives decision number → record."""
    where = source()
    rows = [(one, subject) for subject, several in facts.items() for one in several]
    _, done = deliver(where, PENALTY, [told(one, subject) for one, subject in rows])
    numbers = {one.number: outcome.record or 0 for (one, _), outcome in zip(rows, done, strict=True)}
    classes = [classified(one, subject, numbers[one.number]) for one, subject in rows]
    deliver(where, CLASS, [one for one in classes if one])
    deliver(where, REPAIR, [repair(one, subject) for one, subject in rows if one.repaired])
    lists = {
        (subject, since, until): listing(f"列{subject}-{since}", subject, since, until)
        for one, subject in rows
        for since, until in one.lists
    }
    deliver(where, LIST, list(lists.values()))
    gone = [numbers[one.number] for one, _ in rows if one.withdrawn]
    if gone:
        withdraw(gone, reason="撤销", actor=ACTOR, at=at(1))
    return numbers


def generated(count: int, seed: int, subjects: list[int], person: int) -> dict[int, list[Fact]]:
    """Penalties of some subjects, every fourth of which was on a list for a time; one subject is a person."""
    chance = random.Random(seed)
    found: dict[int, list[Fact]] = {subject: [] for subject in subjects}
    for number in range(count):
        found[chance.choice(subjects)].append(facts_of(chance, f"罚{number}", len(subjects)))
    for place, subject in enumerate(subjects):
        if place % 4 == 0:
            since = date(2022, 1, 1) + timedelta(days=chance.randrange(900))
            until = since + timedelta(days=chance.randrange(30, 900)) if chance.random() < 0.8 else None
            for one in found[subject]:
                one.lists = [(since, until)]
    for one in found[person]:
        one.natural = True
    return found


@pytest.mark.django_db
class TestStages:
    @pytest.fixture(autouse=True)
    def _province(self) -> None:
        organs()
        self.person = driver()
        self.subjects = [firm(f"示例{n}路桥有限公司") for n in range(9)] + [self.person]

    def test_every_record_stands_where_a_plain_reckoning_puts_it_on_each_day(self) -> None:
        facts = generated(240, 7, self.subjects, self.person)
        numbers = plant(facts)
        everything = [one for several in facts.values() for one in several]
        chance = random.Random(3)
        days = [date(2018, 1, 31), date(2025, 2, 28), date(2025, 3, 1)]
        days += [
            chance.choice(everything).decided + timedelta(days=chance.choice((1095, 1096, 1826, 1827))) for _ in "1234"
        ]
        met = set()
        for on in days:
            rows = life.staged(SYSTEM, on=on, item=PENALTY).values_list("record", "stage")
            assert dict(rows) == {numbers[one.number]: reckoned(one, on) for one in everything}, on
            public = set(queries.records(Scope.public(), on=on, item=PENALTY).values_list("record", flat=True))
            assert public == {numbers[one.number] for one in everything if reckoned(one, on) is Stage.SHOWN}
            met |= {stage for _, stage in rows}
        assert met == {Stage.HELD, Stage.SHOWN, Stage.OVER, Stage.LAPSED, Stage.REPAIRED, Stage.WITHDRAWN}

    def test_counts_are_those_of_the_rows_and_of_the_scope(self) -> None:
        plant(generated(60, 11, self.subjects, self.person))
        on = date(2024, 6, 1)
        for scope in (scopes()["other city"], SYSTEM):
            found = life.counts(scope, on=on)
            rows = {stage: life.rows(scope, stage, on=on).count() for stage in Stage if stage in list(Stage)[1:8]}
            assert {stage: found[stage] for stage in rows} == rows
        assert sum(life.counts(SYSTEM, on=on, item=PENALTY).values()) == 60

    def test_a_leap_day_ends_on_the_last_of_february(self) -> None:
        facts = {self.subjects[0]: [Fact("闰", date(2020, 2, 29), lists=[(date(2025, 2, 27), date(2025, 6, 1))])]}
        record = plant(facts)["闰"]
        stages = {
            on: life.stage_of(SYSTEM, record, on=on) for on in (date(2025, 2, 28), date(2025, 5, 31), date(2025, 6, 1))
        }
        assert list(stages.values()) == [Stage.OVER, Stage.OVER, Stage.LAPSED]

    def test_the_life_of_a_record_tells_stamps_and_days(self) -> None:
        fact = Fact("甲", date(2020, 5, 6), repaired=date(2021, 1, 4))
        record = plant({self.subjects[0]: [fact]})["甲"]
        steps = life.history(SYSTEM, record, on=date(2024, 1, 1))
        told = [(one.stage, one.day) for one in steps if one.day]
        assert told == [
            (Stage.SHOWN, date(2020, 5, 6)),
            (Stage.REPAIRED, date(2021, 1, 4)),
            (Stage.OVER, date(2023, 5, 6)),
            (Stage.LAPSED, date(2025, 5, 6)),
        ]
        assert {one.stage for one in steps if one.at} == {Stage.COLLECTED, Stage.HELD, Stage.REPAIRED}
        assert life.history(scopes()["other city"], record, on=date(2024, 1, 1)) == []


@pytest.mark.django_db
class TestDeeds:
    @pytest.fixture(autouse=True)
    def _province(self, settings, tmp_path) -> None:
        settings.VAR, settings.COLUMNAR = tmp_path, tmp_path / "columnar"
        organs()
        self.firm = firm()
        self.old = Fact("旧", date(2018, 3, 1), final=date(2018, 5, 1))
        self.new = Fact("新", date(2023, 3, 1))
        self.numbers = plant({self.firm: [self.old, self.new]})
        self.day = date(2024, 1, 2)

    def values(self) -> set[str]:
        """Every decision number in every file of the copy."""
        files = columnar.tables()[f"item_{PENALTY}"].files
        return {one for file in files for one in pq.read_table(file)["decision_no"].to_pylist()}

    def test_a_dry_run_says_what_would_go_and_changes_nothing(self) -> None:
        events = Event.objects.count()
        found = archive(on=self.day, actor=ACTOR, at=at(1), dry_run=True)
        assert found.by == {(PENALTY, "lapsed"): 1, (CLASS, "parent"): 1}
        assert (Archived.objects.count(), Event.objects.count()) == (0, events)
        assert archive(on=self.day, actor=ACTOR, at=at(1)) == found
        assert archive(on=self.day, actor=ACTOR, at=at(2)).records == 0
        event = Event.objects.get(verb=VERB_ARCHIVED)
        assert (event.facts["records"], event.facts["digest"]) == (2, found.digest)

    def test_an_archived_record_leaves_present_use_and_stays_in_the_past(self) -> None:
        record = self.numbers["旧"]
        archive(on=self.day, actor=ACTOR, at=at(1))
        assert life.stage_of(SYSTEM, record, on=self.day) is Stage.ARCHIVED
        assert queries.record(SYSTEM, record, on=self.day) is None
        assert [one.payload["decision_no"] for one in queries.versions(SYSTEM, record, on=self.day)] == ["旧"]
        assert queries.versions(Scope.public(), record, on=self.day) == []

    def test_a_row_about_it_brings_nothing_back(self) -> None:
        archive(on=self.day, actor=ACTOR, at=at(1))
        same, other = told(self.old, self.firm), told(Fact("旧", date(2018, 3, 2)), self.firm)
        for when, destroyed in ((2, False), (6, True)):
            if destroyed:
                carry_out(propose(on=self.day, reason="到期", actor=FIRST, at=at(3)).pk, actor=OTHER, at=at(4))
            outcomes = [
                deliver(source(), PENALTY, [row], when=at(when + n))[1][0] for n, row in enumerate((same, other))
            ]
            assert [(one.outcome, one.code, one.record) for one in outcomes] == [
                ("duplicate", "", self.numbers["旧"]),
                ("queried", "LD-005", self.numbers["旧"]),
            ]
        assert Record._base_manager.filter(item=PENALTY).count() == 1

    def test_two_persons_destroy_and_a_stub_is_left(self) -> None:
        columnar.sync()
        assert self.values() == {"旧", "新"}
        archive(on=self.day, actor=ACTOR, at=at(1))
        columnar.sync()
        order = propose(on=self.day, reason="保存期满", actor=FIRST, at=at(2))
        with pytest.raises(DestructionRefused) as refused:
            carry_out(order.pk, actor=FIRST, at=at(3))
        assert refused.value.problems[0].code == "LC-001"
        with pytest.raises(IntegrityError), transaction.atomic():
            Destruction.objects.filter(pk=order.pk).update(done_by=FIRST.key, done_at=at(3), change=1)
        before = life.counts(SYSTEM, on=self.day)
        done = carry_out(order.pk, actor=OTHER, at=at(3))
        assert carry_out(order.pk, actor=OTHER, at=at(4)).done_at == done.done_at
        after = life.counts(SYSTEM, on=self.day)
        assert sum(before.values()) == sum(after.values())
        assert (before[Stage.ARCHIVED], after[Stage.ARCHIVED], after[Stage.DESTROYED]) == (2, 0, 2)
        stub = Destroyed._base_manager.get(item=PENALTY)
        assert (stub.record, stub.because, len(stub.digest)) == (self.numbers["旧"], "lapsed", 64)
        assert "旧" not in repr(stub.__dict__)
        assert [one.stage for one in life.history(SYSTEM, stub.record, on=self.day)] == [
            Stage.ARCHIVED,
            Stage.DESTROYED,
        ]
        assert verify() == ()
        for one in Delivery._base_manager.all():
            assert one.delivered == one.rows.within(SYSTEM).count()
        columnar.expunge()
        assert self.values() == {"新"}
        assert not any("旧" in path.read_bytes().decode("utf-8", "ignore") for path in self.files())
        assert columnar.check().equal

    def files(self):
        return [path for path in columnar._place(None).rglob("*.parquet") if path.is_file()]

    def test_a_list_that_changed_meanwhile_is_not_carried_out(self) -> None:
        archive(on=self.day, actor=ACTOR, at=at(1))
        order = propose(on=self.day, reason="保存期满", actor=FIRST, at=at(2))
        deliver(source(), LIST, [listing("列1", self.firm, date(2022, 1, 1), None)], when=at(2))
        with pytest.raises(DestructionRefused) as refused:
            carry_out(order.pk, actor=OTHER, at=at(3))
        assert refused.value.problems[0].code == "LC-002"
        assert due(on=self.day).records == 0
        assert Record._base_manager.filter(record=self.numbers["旧"]).exists()

    def test_nothing_is_proposed_without_reason_before_its_day_or_for_nothing(self) -> None:
        codes = []
        for on, reason in ((self.day, " "), (date(2030, 1, 1), "期满"), (self.day, "期满")):
            with pytest.raises(DestructionRefused) as refused:
                propose(on=on, reason=reason, actor=FIRST, at=at(2))
            codes.append(refused.value.problems[0].code)
        assert codes == ["LC-005", "LC-006", "LC-003"]


@pytest.mark.slow
@pytest.mark.django_db
def test_of_a_million_records_none_is_shown_late_on_any_day() -> None:
    """What the public sees on generated days, set-wise over all, against the plain reckoning of a sample."""
    organs()
    subjects = [firm(f"示例{n}路桥有限公司") for n in range(400)]
    person = driver()
    facts = generated(4_000, 23, [*subjects, person], person)
    numbers = plant(facts)
    everything = [one for several in facts.values() for one in several]
    # The many: the same penalties again and again under other numbers, without anything else known about them.
    made = sorted(Record._base_manager.filter(item=PENALTY, superseded_at__isnull=True), key=lambda one: one.record)
    plain = [one for one in made if one.record in set(numbers.values())][:10_000]
    record, total = 10_000_000, 1_000_000
    by_day: dict[date, list[int]] = {}
    while record < 10_000_000 + total - len(made):
        several = []
        for row in plain:
            record += 1
            day = date(2018, 1, 31) + timedelta(days=record % 2900)
            by_day.setdefault(day, []).append(record)
            several.append(
                Record(
                    record=record, item=PENALTY, key=f"多{record}|{row.subject_id}", digest=row.digest,
                    subject_id=row.subject_id, occurred_on=day, effective_from=day,
                    payload={"decision_no": f"多{record}", "decided_on": day.isoformat()},
                    recorded_at=row.recorded_at, change=row.change, source_id=row.source_id,
                )
            )  # fmt: skip
        insert_many(Record, several)
    assert Record._base_manager.filter(item=PENALTY).count() >= total - len(plain)
    persons = {row.subject_id for row in plain} & {person}
    assert Record._base_manager.filter(record__gt=10_000_000, subject=person).exists() == bool(persons)
    chance = random.Random(5)
    days = [date(2025, 2, 28)] + [date(2021, 1, 1) + timedelta(days=chance.randrange(2200)) for _ in "12"]
    for on in days:
        seen = set(queries.records(Scope.public(), on=on, item=PENALTY).values_list("record", flat=True))
        assert {n for n in seen if n < 10_000_000} == {
            numbers[one.number] for one in everything if reckoned(one, on) is Stage.SHOWN
        }
        due = {n for day, several in by_day.items() if day <= on < later(day, 36) for n in several}
        theirs = set(
            Record._base_manager.filter(record__gt=10_000_000, subject=person).values_list("record", flat=True)
        )
        assert {n for n in seen if n > 10_000_000} == due - theirs, on
