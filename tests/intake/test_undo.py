"""A delivery is undone while nobody made anything of it, and withdrawn afterwards; what stood before stands again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.intake.conftest import ACTOR, SYSTEM, Desk, as_csv, penalty

from xinlu.access.scope import Scope
from xinlu.gazette import current
from xinlu.intake.problems import Refused
from xinlu.intake.undo import books_that_read, taking_back, undo, withdraw
from xinlu.journal.models import Event
from xinlu.ledger.deliver import register_source
from xinlu.ledger.models import Record, Source, TakenBack
from xinlu.ledger.standing import NewStanding, publish_standings

WHY = "上传了另一个月的文件，全部作废"
FINE = {"CF_NR_FK": "0.3", "CF_NR": "警告，罚款3000元"}


def now_known() -> dict[str, str]:
    """Decision number → fine, of what holds now."""
    rows = Record._base_manager.filter(superseded_at__isnull=True, item="administrative_penalty")
    return {row.payload["decision_no"][-2:-1]: row.payload["fine_amount"] for row in rows}


def code_of(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [one.code for one in refused.value.problems]


def test_undoing_gives_back_what_stood_before_and_withdraws_what_was_new(desk: Desk) -> None:
    desk.hand(as_csv([penalty(1), penalty(2), penalty(3)]))
    second = desk.hand(as_csv([penalty(1, **FINE), penalty(2, 操作="撤销"), penalty(4)]))
    assert now_known() == {"1": "0.300000", "3": "0.200000", "4": "0.200000"}
    done = undo(SYSTEM, second.delivery, reason=WHY, at=desk.at + timedelta(hours=1))
    assert (done.kind, done.withdrawn, done.restored) == (TakenBack.Kind.UNDONE, 1, 2)
    assert now_known() == {"1": "0.200000", "2": "0.200000", "3": "0.200000"}
    assert Event.objects.filter(verb="ledger.delivery.undone").count() == 1
    assert Event.objects.filter(verb="intake.delivery.undone").count() == 1
    restored = Record._base_manager.filter(superseded_at__isnull=True, delivery=second.delivery)
    assert not restored.exists()


def test_the_past_still_knows_what_was_undone(desk: Desk) -> None:
    first = desk.hand(as_csv([penalty(1)]))
    undo(SYSTEM, first.delivery, reason=WHY, at=desk.at + timedelta(hours=1))
    (row,) = Record._base_manager.filter(item="administrative_penalty")
    assert (row.withdrawn, row.recorded_at, row.superseded_at) == (True, desk.at, desk.at + timedelta(hours=1))


def test_an_undone_file_can_be_delivered_again(desk: Desk) -> None:
    file = as_csv([penalty(1), penalty(2)])
    first = desk.hand(file)
    undo(SYSTEM, first.delivery, reason=WHY, at=desk.at + timedelta(hours=1))
    assert now_known() == {}
    again = desk.hand(file)
    assert (again.accepted, again.duplicate, again.repeated) == (2, 0, False)
    assert len(now_known()) == 2


def test_a_delivery_is_undone_once_within_a_day_and_with_a_reason(desk: Desk) -> None:
    first, second = desk.hand(as_csv([penalty(1)])), desk.hand(as_csv([penalty(2)]))
    with pytest.raises(Refused) as refused:
        undo(SYSTEM, first.delivery, reason=WHY, at=desk.at)
    assert code_of(refused) == ["B03"]
    with pytest.raises(Refused) as refused:
        undo(SYSTEM, second.delivery, reason="错了", at=desk.at + timedelta(minutes=1))
    assert code_of(refused) == ["B07"]
    undo(SYSTEM, second.delivery, reason=WHY, at=desk.at + timedelta(minutes=1))
    with pytest.raises(Refused) as refused:
        withdraw(SYSTEM, second.delivery, reason=WHY, at=desk.at + timedelta(minutes=2))
    assert code_of(refused) == ["B02"]
    done = withdraw(SYSTEM, first.delivery, reason=WHY, at=desk.at + timedelta(minutes=3))
    assert (done.kind, done.withdrawn, now_known()) == (TakenBack.Kind.WITHDRAWN, 1, {})


def test_what_something_later_changed_stays_and_bars_undoing(desk: Desk) -> None:
    first = desk.hand(as_csv([penalty(1), penalty(2)]))
    desk.at -= timedelta(hours=23)
    desk.hand(as_csv([penalty(1, **FINE)]))
    at = desk.at + timedelta(minutes=5)
    with pytest.raises(Refused) as refused:
        undo(SYSTEM, first.delivery, reason=WHY, at=at)
    assert code_of(refused) == ["B05"]
    assert withdraw(SYSTEM, first.delivery, reason=WHY, at=at).withdrawn == 1
    assert now_known() == {"1": "0.300000"}


def book_that_reads(item: str) -> str:
    return min(books_that_read(current.library(), item))


def publish(desk: Desk, book: str) -> None:
    """A standing of a firm that the delivery does not even name."""
    register_source(code="xinlu", title="本平台", organ="zj", kind="xinlu", actor=ACTOR, at=desk.at)
    one = NewStanding(
        subject=desk.numbers["other_firm"],
        book=book,
        book_version="1",
        output="level",
        as_of=date(2024, 6, 1),
        effective_from=date(2024, 6, 5),
        jurisdiction="zj",
        status="rated",
        level="A",
    )
    publish_standings([one], source=Source.objects.get(code="xinlu"), actor=ACTOR, at=desk.at + timedelta(minutes=1))


def test_a_standing_published_since_may_have_read_it_and_then_it_can_only_be_withdrawn(desk: Desk) -> None:
    first = desk.hand(as_csv([penalty(1)]))
    book = book_that_reads("administrative_penalty")
    publish(desk, book)
    at = desk.at + timedelta(minutes=2)
    found = taking_back(SYSTEM, first.delivery, at=at)
    assert found is not None
    assert (found.can_undo, found.can_withdraw) == (False, True)
    assert [one.code for one in found.against_undoing] == ["B04"]
    withdraw(SYSTEM, first.delivery, reason=WHY, at=at)
    (event,) = Event.objects.filter(verb="intake.delivery.withdrawn")
    assert event.facts["read_by"] == [book]


def test_a_book_that_does_not_read_the_item_bars_nothing(desk: Desk) -> None:
    first = desk.hand(as_csv([penalty(1)]))
    law = current.library()
    publish(desk, min(set(law.rulebooks) - books_that_read(law, "administrative_penalty")))
    assert undo(SYSTEM, first.delivery, reason=WHY, at=desk.at + timedelta(minutes=2)).withdrawn == 1


def test_books_read_what_the_books_they_read_read() -> None:
    law = current.library()
    through = {
        (book, one.findings)
        for book, vs in law.rulebooks.items()
        for v in vs
        for one in v.sources.values()
        if one.findings
    }
    for item in ("administrative_penalty", "transport_violation", "weighing"):
        readers = books_that_read(law, item)
        assert {reader for reader, read in through if read in readers} <= readers


def test_only_the_organ_that_delivered_takes_back_and_nobody_else_learns_of_it(desk: Desk) -> None:
    first = desk.hand(as_csv([penalty(1)]))
    for scope in (Scope.public(), Scope(kind="officer", key="p:1", organ="jt-330100")):
        assert taking_back(scope, first.delivery, at=desk.at) is None
        with pytest.raises(Refused) as refused:
            undo(scope, first.delivery, reason=WHY, at=desk.at)
        assert code_of(refused) == ["B01"]
    assert len(now_known()) == 1


def test_a_registration_cannot_be_taken_back_whole(desk: Desk) -> None:
    row = {"统一社会信用代码": "", "名称": "示例", "生效日期": "2024-01-01"}
    first = desk.hand(as_csv([row]), kind="enterprise")
    with pytest.raises(Refused) as refused:
        withdraw(SYSTEM, first.delivery, reason=WHY, at=desk.at + timedelta(minutes=1))
    assert code_of(refused) == ["B08"]
