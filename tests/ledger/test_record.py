"""What becomes of the rows of a delivery."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction
from tests.province import ACTOR, at, deliver, firm, organs, penalty, source

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.ledger import queries
from xinlu.ledger.deliver import Unaccounted, close_delivery, open_delivery
from xinlu.ledger.models import Delivery, Record, RecordRole
from xinlu.ledger.record import Outcome, accept
from xinlu.ledger.versions import ClockBackwards
from xinlu.ledger.withdraw import withdraw

pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")
ITEM = "administrative_penalty"
ON = date(2024, 6, 1)


@pytest.fixture(autouse=True)
def _organs() -> None:
    organs()


def kinds(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(one.outcome, one.code) for one in outcomes]


def versions(number: int | None) -> list[Record]:
    assert number is not None
    return queries.versions(SYSTEM, number, on=ON)


def test_a_new_row_becomes_a_record_that_names_its_subjects_by_role() -> None:
    where, one, vehicle = source(), firm(), firm("车")
    delivery, outcomes = deliver(where, ITEM, [penalty(one, "浙杭1号", vehicle=vehicle)])
    row = versions(outcomes[0].record)[0]
    assert kinds(outcomes) == [("accepted", "")]
    assert (row.subject_id, row.occurred_on, row.effective_from, row.effective_until) == (
        one, date(2023, 5, 1), date(2023, 5, 1), None,
    )  # fmt: skip
    assert (row.delivery, row.row, row.source, row.recorded_at) == (delivery, 1, where, at())
    assert dict(row.roles.values_list("role", "subject")) == {"subject": one, "vehicle": vehicle}


def test_handing_over_the_same_again_changes_nothing() -> None:
    where, rows = source(), [penalty(firm(), "1号")]
    deliver(where, ITEM, rows, digest="a")
    before = list(Record.objects.within(SYSTEM).values())
    again, outcomes = deliver(where, ITEM, rows, when=at(1), digest="a")
    other_file, _ = deliver(where, ITEM, rows, when=at(2), digest="b")
    assert kinds(outcomes) == [("duplicate", "")]
    assert outcomes[0].record == before[0]["record"]
    assert list(Record.objects.within(SYSTEM).values()) == before
    assert (again.duplicate, other_file.duplicate) == (1, 1)


def test_other_content_in_a_later_delivery_is_a_new_version_of_the_same_record() -> None:
    where, one = source(), firm()
    _, first = deliver(where, ITEM, [penalty(one, "1号")])
    _, second = deliver(where, ITEM, [penalty(one, "1号", fine_amount="0.300000")], when=at(1))
    assert kinds(second) == [("accepted", "")]
    old, new = versions(first[0].record)
    assert second[0].record == first[0].record
    assert (old.superseded_at, new.recorded_at, new.superseded_at) == (at(1), at(1), None)
    assert (old.payload["fine_amount"], new.payload["fine_amount"]) == ("0.200000", "0.300000")
    assert old.change == new.change, "one change supersedes and writes"


def test_an_old_file_handed_over_again_brings_back_neither_the_corrected_nor_the_withdrawn() -> None:
    where, one = source(), firm()
    rows = [penalty(one, "1号"), penalty(one, "2号")]
    deliver(where, ITEM, rows, digest="old")
    deliver(where, ITEM, [penalty(one, "1号", fine_amount="0.300000")], when=at(1))
    deliver(where, ITEM, [penalty(one, "2号") | {"withdraws": True}], when=at(2))
    _, outcomes = deliver(where, ITEM, rows, when=at(3), digest="old")
    assert kinds(outcomes) == [("duplicate", ""), ("duplicate", "")]
    left = queries.records(SYSTEM, on=ON)
    assert [(r.payload["decision_no"], r.payload["fine_amount"]) for r in left] == [("1号", "0.300000")]


def test_one_key_twice_in_a_delivery_is_a_duplicate_or_a_question() -> None:
    one = firm()
    rows = [penalty(one, "1号"), penalty(one, "1号"), penalty(one, "1号", fine_amount="9.000000")]
    delivery, outcomes = deliver(source(), ITEM, rows)
    assert kinds(outcomes) == [("accepted", ""), ("duplicate", ""), ("queried", "LD-001")]
    assert outcomes[1].record == outcomes[0].record
    assert (delivery.accepted, delivery.duplicate, delivery.queried) == (1, 1, 1)


def test_another_source_may_agree_but_not_contradict() -> None:
    one = firm()
    deliver(source(), ITEM, [penalty(one, "1号")])
    other = source("xh-penalties", "jt-330106")
    _, agrees = deliver(other, ITEM, [penalty(one, "1号")], when=at(1))
    _, contradicts = deliver(other, ITEM, [penalty(one, "1号", fine_amount="9.000000")], when=at(2))
    _, withdraws = deliver(other, ITEM, [penalty(one, "1号") | {"withdraws": True}], when=at(3))
    assert kinds(agrees + contradicts + withdraws) == [
        ("duplicate", ""),
        ("queried", "LD-002"),
        ("queried", "LD-002"),
    ]


def test_a_row_can_withdraw_and_the_record_can_come_back() -> None:
    where, one = source(), firm()
    _, first = deliver(where, ITEM, [penalty(one, "1号")])
    take_back = [penalty(one, "1号") | {"withdraws": True}]
    _, gone = deliver(where, ITEM, take_back, when=at(1), digest="w1")
    _, gone_again = deliver(where, ITEM, take_back, when=at(2), digest="w2")
    _, unknown = deliver(where, ITEM, [penalty(one, "2号") | {"withdraws": True}], when=at(2))
    assert kinds(gone + gone_again + unknown) == [("accepted", ""), ("duplicate", ""), ("queried", "LD-003")]
    (old,) = versions(first[0].record)
    assert (old.withdrawn, old.superseded_at) == (True, at(1))
    assert queries.record(SYSTEM, first[0].record or 0, on=ON) is None
    _, back = deliver(where, ITEM, [penalty(one, "1号")], when=at(3), digest="back")
    assert kinds(back) == [("accepted", "")]
    assert back[0].record == first[0].record


def test_a_period_that_ends_before_it_starts_is_queried() -> None:
    payload = {"book": "b", "output": "level", "jurisdiction": "zj", "kind": "imported", "status": "rated",
               "as_of_day": "2023-01-01", "published_on": "2023-05-01", "ends_on": "2022-01-01"}  # fmt: skip
    _, outcomes = deliver(source(), "rating_result", [{"payload": payload, "roles": {"subject": (firm(),)}}])
    assert kinds(outcomes) == [("queried", "LD-004")]


def test_knowledge_does_not_run_backwards() -> None:
    where, one = source(), firm()
    deliver(where, ITEM, [penalty(one, "1号")], when=at(5))
    with pytest.raises(ClockBackwards):
        deliver(where, ITEM, [penalty(one, "1号", fine_amount="0.300000")], when=at(5))


def test_a_delivery_is_closed_only_when_every_row_is_accounted_for() -> None:
    where = source()
    delivery = open_delivery(where, digest="d", delivered=2, actor=ACTOR, at=at())
    with pytest.raises(Unaccounted):
        close_delivery(delivery, [Outcome(1, "accepted", 1)], actor=ACTOR, at=at())
    with pytest.raises(Unaccounted):
        close_delivery(delivery, [Outcome(1, "accepted", 1)] * 2, actor=ACTOR, at=at())
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.within(SYSTEM).filter(pk=delivery.pk).update(accepted=1, closed_at=at())
    queried = Outcome(2, "queried", code="XX-1", sentence="为什么", raw={"列": "值"})
    closed = close_delivery(delivery, [queried, Outcome(1, "duplicate")], actor=ACTOR, at=at())
    assert close_delivery(closed, [], actor=ACTOR, at=at()) == closed
    assert [(r.number, r.raw) for r in queries.rows(SYSTEM, delivery.pk)] == [(1, None), (2, {"列": "值"})]


def test_a_queried_row_must_say_why() -> None:
    delivery = open_delivery(source(), digest="d", delivered=1, actor=ACTOR, at=at())
    with pytest.raises(IntegrityError), transaction.atomic():
        close_delivery(delivery, [Outcome(1, "queried")], actor=ACTOR, at=at())


def test_the_database_keeps_one_current_version() -> None:
    _, outcomes = deliver(source(), ITEM, [penalty(firm(), "1号")])
    row = versions(outcomes[0].record)[0]
    row.pk, row.recorded_at = None, at(1)
    row._state.adding = True
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_an_officer_withdraws_for_a_reason() -> None:
    one = firm()
    _, outcomes = deliver(source(), ITEM, [penalty(one, "1号"), penalty(one, "2号")])
    numbers = [o.record or 0 for o in outcomes]
    with pytest.raises(ValueError, match="reason"):
        withdraw(numbers, reason=" ", actor=ACTOR, at=at(1))
    assert withdraw(numbers[:1], reason="复议撤销", actor=ACTOR, at=at(1)) == 1
    assert withdraw(numbers[:1], reason="复议撤销", actor=ACTOR, at=at(2)) == 0
    assert [r.record for r in queries.records(SYSTEM, on=ON)] == numbers[1:]


def test_a_child_finds_its_parent_by_business_key() -> None:
    where, one = source(), firm()
    deliver(where, ITEM, [penalty(one, "1号"), penalty(one, "2号")])
    found = queries.numbers_by_key(ITEM, [f"1号|{one}", "unknown"], source=where)
    row = Record.objects.within(SYSTEM).get(record=found[f"1号|{one}"])
    assert list(found) == [f"1号|{one}"]
    assert row.payload["decision_no"] == "1号"


def test_rows_beyond_one_batch_are_all_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xinlu.ledger.record.BATCH", 3)
    monkeypatch.setattr("xinlu.ledger.versions.BATCH", 3)
    where, one = source(), firm()
    rows = [penalty(one, f"{n}号") for n in range(10)]
    deliver(where, ITEM, rows, digest="1")
    _, outcomes = deliver(where, ITEM, [penalty(one, f"{n}号", fine_amount="1.000000") for n in range(10)], when=at(1))
    assert {o.outcome for o in outcomes} == {"accepted"}
    assert Record.objects.within(SYSTEM).count() == RecordRole.objects.count() == 20


def test_two_deliveries_cannot_both_supersede_one_version() -> None:
    where, one = source(), firm()
    item = current.catalogue().items[ITEM]
    _, outcomes = deliver(where, ITEM, [penalty(one, "1号")])
    stale = versions(outcomes[0].record)[0]
    deliver(where, ITEM, [penalty(one, "1号", fine_amount="1.000000")], when=at(1))
    from xinlu.ledger.versions import supersede

    with pytest.raises(RuntimeError, match="meantime"):
        supersede([(stale.pk, stale.recorded_at)], at=at(2), change=99)
    delivery = open_delivery(where, digest="x", delivered=0, actor=ACTOR, at=at(2))
    assert accept(delivery, item, [], at=at(2)) == []


def test_a_delivery_keeps_how_it_arrived() -> None:
    where = source()
    asked = open_delivery(where, digest="w", delivered=0, actor=ACTOR, at=at(), way="api")
    assert open_delivery(where, digest="x", delivered=0, actor=ACTOR, at=at()).way == "file"
    assert close_delivery(asked, [], actor=ACTOR, at=at()).way == "api"
    with pytest.raises(IntegrityError), transaction.atomic():
        open_delivery(where, digest="y", delivered=0, actor=ACTOR, at=at(), way="pigeon")
