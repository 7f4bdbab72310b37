"""Rows that wait for their subject: who may be meant, a person's word, and what it does to the ledger."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.intake.conftest import ACTOR, DRIVER, FIRM, OTHER_FIRM, PLATE, SYSTEM, Desk, as_csv, penalty

from xinlu.access.models import Organ, Person
from xinlu.access.scope import Scope
from xinlu.intake.link import CODES, CannotLink, confirm, refuse, take_equal, undo
from xinlu.intake.linked import Linking
from xinlu.intake.unlinked import Waiting, counts, looked_up, rows, waiting
from xinlu.journal.models import Event
from xinlu.law.identifiers import make_uscc
from xinlu.ledger.models import DeliveryRow, Record
from xinlu.registry.enrol import NewSubject, enrol

SWAPPED = FIRM[:-2] + FIRM[-1] + FIRM[-2]
UNKNOWN = make_uscc(77, region="330106")


def the_row(desk: Desk, *several: dict[str, str]) -> Waiting:
    """Deliver rows of which one waits."""
    desk.hand(as_csv(several))
    (one,) = looked_up(SYSTEM, rows(SYSTEM))
    return one


def say(desk: Desk, one: Waiting, subject: str = "firm", scope: Scope = SYSTEM, reason: str = "电话核实"):
    desk.at += timedelta(hours=1)
    return confirm(
        scope, one.row.pk, place=one.places[0].missing.place, subject=desk.numbers[subject], reason=reason, at=desk.at
    )


def current() -> list[Record]:
    return list(Record._base_manager.filter(superseded_at__isnull=True))


def test_a_spoilt_code_waits_with_its_candidate_until_a_person_confirms(desk: Desk) -> None:
    one = the_row(desk, penalty(1, CF_XDR_SHXYM=SWAPPED), penalty(2))
    assert one.row.code == "E02"
    assert [c.subject.pk for c in one.places[0].candidates] == [desk.numbers["firm"]]
    best = one.best
    assert best is not None
    assert best.likeness.verdict == "likely"
    assert "相邻两位颠倒" in best.likeness.reasons[0].sentence
    assert len(current()) == 1, "nothing is linked without a person"

    done = say(desk, one)
    assert done is not None
    assert done.outcome is not None
    record = Record._base_manager.get(record=done.outcome.record)
    assert (record.subject_id, record.payload["uscc"]) == (desk.numbers["firm"], FIRM)
    assert (record.delivery_id, record.row, record.recorded_at) == (one.row.delivery_id, one.row.number, desk.at)
    row = DeliveryRow._base_manager.get(pk=one.row.pk)
    assert (row.outcome, row.record) == ("queried", record.record), "what was said of the delivery stays said"
    event = Event.objects.get(verb="intake.row.linked")
    assert (event.facts["subject"], event.facts["reason"]) == (desk.numbers["firm"], "电话核实")
    assert counts(SYSTEM) == {"waiting": 0, "linked": 1, "refused": 0}


def test_a_row_without_a_code_gets_the_registered_one(desk: Desk) -> None:
    one = the_row(desk, penalty(1, CF_XDR_SHXYM="", CF_XDR_MC="示例運輸有限责任公司"))
    assert one.row.code == "E01"
    best = one.best
    assert best is not None
    assert best.subject.pk == desk.numbers["firm"]
    say(desk, one)
    (record,) = current()
    assert record.payload["uscc"] == FIRM
    assert record.payload["party_name"] == "示例運輸有限责任公司", "a spelling of its name may stay"


def test_another_spelling_of_the_name_is_no_contradiction_and_another_name_is_one(desk: Desk) -> None:
    done = desk.hand(as_csv([penalty(1, CF_XDR_MC="示例運輸公司"), penalty(2, CF_XDR_MC="示例别家仓储有限公司")]))
    assert (done.accepted, dict(done.codes)) == (1, {"E26": 1})
    (one,) = looked_up(SYSTEM, rows(SYSTEM))
    best = one.best
    assert best is not None
    assert best.likeness.verdict == "equal"
    say(desk, one)
    assert {row.payload["party_name"] for row in current()} == {"示例運輸公司", "示例运输有限公司"}


def test_refusing_sends_the_row_back_and_the_same_spelling_remembers_it(desk: Desk) -> None:
    one = the_row(desk, penalty(1, CF_XDR_SHXYM=SWAPPED))
    shown = [(c.subject.pk, c.likeness.score) for c in one.places[0].candidates]
    done = refuse(SYSTEM, one.row.pk, place=one.places[0].missing.place, reason="不是本企业", at=desk.at, shown=shown)
    assert done is not None
    assert counts(SYSTEM) == {"waiting": 0, "linked": 0, "refused": 1}
    assert current() == []
    again = the_row(desk, penalty(2, CF_XDR_SHXYM=SWAPPED.lower()))
    assert again.best is None or "曾由人认定不是该主体" in again.best.likeness.reasons[-1].sentence
    assert again.best is None or again.best.likeness.verdict == "possible"
    with pytest.raises(CannotLink, match="MT-002"):
        say(desk, one)
    assert undo(SYSTEM, done.pk, reason="看错了", at=desk.at) is not None
    assert counts(SYSTEM)["waiting"] == 2


def test_a_confirmed_spelling_is_shown_again_and_still_waits_for_a_person(desk: Desk) -> None:
    one = the_row(desk, penalty(1, CF_XDR_SHXYM=UNKNOWN, CF_XDR_MC="示例旧称货运行"))
    assert one.best is None
    say(desk, one)
    again = the_row(desk, penalty(2, CF_XDR_SHXYM=UNKNOWN, CF_XDR_MC="示例旧称货运行"))
    best = again.best
    assert best is not None
    assert best.subject.pk == desk.numbers["firm"]
    assert best.likeness.verdict == "possible"
    assert "曾由人确认属于该主体" in best.likeness.reasons[-1].sentence


def test_an_undone_confirmation_takes_its_record_back(desk: Desk) -> None:
    one = the_row(desk, penalty(1, CF_XDR_SHXYM=SWAPPED))
    done = say(desk, one)
    assert done is not None
    undone = undo(SYSTEM, done.linking.pk, reason="张冠李戴", at=desk.at + timedelta(hours=1))
    assert undone is not None
    assert undone.undoes == done.linking
    assert current() == []
    assert Record._base_manager.get().withdrawn
    assert counts(SYSTEM) == {"waiting": 1, "linked": 0, "refused": 0}
    with pytest.raises(CannotLink, match="MT-006"):
        undo(SYSTEM, done.linking.pk, reason="再撤", at=desk.at + timedelta(hours=2))
    desk.at += timedelta(hours=3)
    assert say(desk, one) is not None, "and it can be said again"
    assert len(current()) == 1


def test_undoing_a_correction_brings_the_version_before_back(desk: Desk) -> None:
    desk.hand(as_csv([penalty(1)]))
    one = the_row(desk, penalty(1, CF_XDR_SHXYM=SWAPPED, CF_NR="警告，罚款人民币3000元", CF_NR_FK="0.3"))
    done = say(desk, one)
    assert done is not None
    assert [row.payload["fine_amount"] for row in current()] == ["0.300000"]
    undo(SYSTEM, done.linking.pk, reason="不是这家", at=desk.at + timedelta(hours=1))
    assert [row.payload["fine_amount"] for row in current()] == ["0.200000"]
    assert Record._base_manager.count() == 3, "nothing is overwritten"


def test_other_faults_of_the_row_are_for_the_sender(desk: Desk) -> None:
    one = the_row(desk, penalty(1, CF_XDR_SHXYM=SWAPPED, CF_GSJZQ="2020-01-01"))
    assert [fault.code for fault in one.reading.others] == ["E10"]
    with pytest.raises(CannotLink, match="MT-004"):
        say(desk, one)
    assert not Linking.objects.exists()
    assert current() == []


def test_what_came_later_is_not_overwritten(desk: Desk) -> None:
    one = the_row(desk, penalty(1, CF_XDR_SHXYM=SWAPPED))
    desk.hand(as_csv([penalty(1, CF_NR="警告，罚款人民币5000元", CF_NR_FK="0.5")]))
    with pytest.raises(CannotLink, match="MT-005"):
        say(desk, one)


def test_a_row_waits_for_each_of_its_places(desk: Desk) -> None:
    wrong_plate = PLATE[:-2] + PLATE[-1] + PLATE[-2]
    one = the_row(desk, {**penalty(1, CF_XDR_SHXYM=SWAPPED), "涉案车辆号牌": wrong_plate})
    assert [place.missing.role.name for place in one.places] == ["subject", "vehicle"]
    first = say(desk, one)
    assert first is not None
    assert first.outcome is None
    assert counts(SYSTEM)["waiting"] == 1
    held = waiting(SYSTEM, one.row.pk)
    assert held is not None
    assert held.places[0].judged == first.linking
    second = confirm(
        SYSTEM,
        one.row.pk,
        place=one.places[1].missing.place,
        subject=desk.numbers["vehicle"],
        reason="看过照片",
        at=desk.at,
    )
    assert second is not None
    assert second.outcome is not None
    (record,) = current()
    assert dict(record.roles.values_list("role", "subject")) == {
        "subject": desk.numbers["firm"],
        "vehicle": desk.numbers["vehicle"],
    }
    undo(SYSTEM, first.linking.pk, reason="错了", at=desk.at + timedelta(hours=1))
    assert current() == [], "without one of its answers the row is not in the ledger"


def test_a_subject_of_another_kind_cannot_stand_there_and_a_reason_is_required(desk: Desk) -> None:
    one = the_row(desk, penalty(1, CF_XDR_SHXYM=SWAPPED))
    with pytest.raises(CannotLink, match="MT-003"):
        say(desk, one, "vehicle")
    with pytest.raises(CannotLink, match="MT-001"):
        say(desk, one, reason=" ")


def test_rows_whose_identifier_was_registered_since_are_taken_without_a_person(desk: Desk) -> None:
    one = the_row(desk, penalty(1, CF_XDR_SHXYM=UNKNOWN, CF_XDR_MC="示例后来物流有限公司"))
    assert take_equal(SYSTEM, [one.row.pk], at=desk.at) == 0
    new = NewSubject("enterprise", "示例后来物流有限公司", "330106", {"uscc": UNKNOWN}, date(2020, 1, 1))
    number = enrol(new, actor=ACTOR, at=desk.at)
    held = waiting(SYSTEM, one.row.pk)
    assert held is not None
    assert held.places == ()
    assert take_equal(SYSTEM, [one.row.pk], at=desk.at + timedelta(hours=1)) == 1
    assert [row.subject_id for row in current()] == [number]
    linking = Linking.objects.get()
    assert linking.kind == "equal"
    assert take_equal(SYSTEM, [one.row.pk], at=desk.at + timedelta(hours=2)) == 0


def test_only_who_sees_the_delivery_may_look_or_say_anything(desk: Desk) -> None:
    one = the_row(desk, penalty(1, CF_XDR_SHXYM=SWAPPED))
    city = Scope.of(
        Person.objects.create_user("city", role="steward", data_level="L3", organ=Organ.objects.get(code="jt-330100"))
    )
    for scope in (city, Scope.public()):
        assert waiting(scope, one.row.pk) is None
        assert say(desk, one, scope=scope) is None
        assert not rows(scope).exists()
    province = Scope.of(
        Person.objects.create_user("zj", role="steward", data_level="L3", organ=Organ.objects.get(code="zj"))
    )
    assert say(desk, one, scope=province) is not None


def test_numbers_and_names_of_persons_are_shown_masked_and_kept_nowhere(desk: Desk) -> None:
    wrong = DRIVER[:9] + str(9 - int(DRIVER[9])) + DRIVER[10:]
    said = {
        "CF_XDR_MC": "张示例",
        "CF_XDR_LB": "自然人",
        "CF_XDR_SHXYM": "",
        "CF_FRDB": "",
        "CF_XDR_ZJLX": "身份证",
        "CF_XDR_ZJHM": wrong,
    }
    one = the_row(desk, penalty(1, **said))
    best = one.best
    assert best is not None
    assert best.subject.pk == desk.numbers["driver"]
    province = Scope.of(
        Person.objects.create_user("zj", role="steward", data_level="L3", organ=Organ.objects.get(code="zj"))
    )
    (one,) = looked_up(province, rows(province))
    best = one.best
    assert best is not None
    told = str([(place.missing.shown, place.missing.why, place.missing.place) for place in one.places])
    assert wrong not in told
    assert "张示例" not in told
    pieces = "".join(text for pair in best.pairs for side in (pair.said, pair.held) for text, _ in side)
    assert DRIVER not in pieces
    say(desk, one, "driver")
    assert [row.subject_id for row in current()] == [desk.numbers["driver"]]
    assert wrong not in str(list(Linking.objects.values())) + "".join(e.facts_text for e in Event.objects.all())
    assert OTHER_FIRM not in told


def test_the_guide_lists_every_code_of_a_judgement_that_cannot_be() -> None:
    page = (Path(__file__).parents[2] / "docs" / "matching.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(MT-\d+)` \| (.+?) \| (.+?) \|$", page, re.M)
    assert rows == [(one.code, one.title, one.next_step) for one in CODES.values()]
