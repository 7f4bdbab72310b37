"""The machine of cases: who may do what, once, for a reason, and where the case stands then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from tests.province import ACTOR, at, firm, officer, organs

from xinlu.access.models import Person
from xinlu.access.scope import Scope, ScopeMissing
from xinlu.casework import queries
from xinlu.casework.act import HandedIn, Point, Reason, act, may, withdraw
from xinlu.casework.models import Action, Case, Seat, WrittenOnce
from xinlu.casework.open_case import NewCase, Sits, open_case, open_cases
from xinlu.casework.refusal import CODES, Refused
from xinlu.casework.start import check_procedures
from xinlu.gazette import current
from xinlu.journal import effects
from xinlu.journal.models import Event
from xinlu.journal.verify import verify
from xinlu.law.clock import Light
from xinlu.law.procedure import Procedure

pytestmark = pytest.mark.django_db

ROW = "returned-row"
LONG = Reason(words="原系统中的处罚决定书文号与纸质文书一致，没有录入错误")
POINT = Point(
    field="decision_no", title="文号", rule="目录：文号必填", words="文号少了年份，请按决定书改为〔2024〕并重新报送"
)


@pytest.fixture
def people(db) -> dict[str, Scope]:
    organs()
    wanted = {
        "source": ("jt-330106", "officer"),
        "colleague": ("jt-330106", "reviewer"),
        "reader": ("jt-330106", "reader"),
        "steward": ("zj-info-centre", "steward"),
        "city": ("jt-330100", "officer"),
        "elsewhere": ("jt-330200", "officer"),
    }
    return {name: Scope.of(officer(name, organ, role=role)) for name, (organ, role) in wanted.items()}


def row(number: int = 1, **more) -> NewCase:
    seats = {"source": Sits("jt-330106"), "steward": Sits("zj-info-centre")}
    return NewCase(f"ledger.row:{number}", f"第 {number} 行：文号为空", seats, region="330106", **more)


def opened(**more) -> int:
    return open_case(ROW, row(**more), actor=ACTOR, at=at()).pk


def code_of(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.problem.code


# ── the way of a case ───────────────────────────────────────────────────────────────────────────


def test_a_row_goes_back_is_fixed_delivered_again_and_closed(people) -> None:
    number = opened()
    act(people["source"], number, "fix", seen=0, at=at(1))
    act(people["source"], number, "redeliver", seen=1, at=at(2))
    stands = act(people["steward"], number, "close", seen=2, at=at(3))
    assert (stands.state, stands.is_open, stands.queue) == ("closed", False, None)
    told = queries.case(people["source"], number, now=at(3))
    assert told is not None
    assert [(one.number, one.name, one.party, one.organ) for one in told.actions] == [
        (1, "fix", "source", "jt-330106"),
        (2, "redeliver", "source", "jt-330106"),
        (3, "close", "steward", "zj-info-centre"),
    ]
    assert [one.verb for one in Event.objects.order_by("seq")][-4:] == [
        "casework.case.opened", "casework.case.acted", "casework.case.acted", "casework.case.acted",
    ]  # fmt: skip
    assert not verify()


def test_an_open_case_is_in_exactly_one_queue_wherever_it_stands(people) -> None:
    number = opened()
    desks = ("source", "steward", "city", "elsewhere")

    def has_it() -> list[str]:
        found = [name for name in desks if [one.number for one in queries.queue(people[name], now=at(2))] == [number]]
        assert [name for name in desks if queries.waiting(people[name])] == found
        return found

    assert has_it() == ["source"]
    act(people["source"], number, "dispute", seen=0, at=at(1), reason=LONG)
    assert has_it() == ["steward"]
    act(people["steward"], number, "return_again", seen=1, at=at(1), reason=Reason(points=(POINT,)))
    assert has_it() == ["source"]
    withdraw(people["steward"], number, seen=2, at=at(2), reason=LONG)
    assert has_it() == []


def test_the_queue_is_in_the_order_of_its_lamps(people) -> None:
    for number, day in ((1, 0), (2, 6), (3, 3)):
        open_case(ROW, row(number), actor=ACTOR, at=at(day))
    seen = queries.queue(people["source"], now=at(7))
    assert [(one.case.about, one.lamp.light) for one in seen] == [
        ("ledger.row:1", Light.YELLOW), ("ledger.row:3", Light.GREEN), ("ledger.row:2", Light.GREEN),
    ]  # fmt: skip
    assert queries.queue(people["source"], now=at(8))[0].lamp.light is Light.RED


def test_who_takes_part_sees_a_case_and_offices_above_the_region_do(people) -> None:
    number = opened()
    sees = {name for name, scope in people.items() if queries.case(scope, number, now=at())}
    assert sees == {"source", "colleague", "reader", "steward", "city"}
    assert queries.case(Scope.public(), number, now=at()) is None
    assert queries.queue(Scope.public(), now=at()) == []
    assert [one.number for one in queries.open_cases(people["city"], now=at())] == [number]
    assert queries.open_cases(people["elsewhere"], now=at()) == []
    with pytest.raises(ScopeMissing):
        list(Case.objects.all())


# ── refusals ────────────────────────────────────────────────────────────────────────────────────


def test_of_two_who_saw_the_same_only_the_first_acts(people) -> None:
    number = opened()
    act(people["source"], number, "fix", seen=0, at=at(1))
    with pytest.raises(Refused) as refused:
        act(people["colleague"], number, "dispute", seen=0, at=at(1), reason=LONG)
    assert code_of(refused) == "CW-003"
    assert Action.objects.count() == 1


def test_the_database_takes_an_action_number_once_and_never_changes_it(people) -> None:
    number = opened()
    act(people["source"], number, "fix", seen=0, at=at(1))
    first = Action.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Action(case_id=number, number=1, name="redeliver", party="source", by="x", at=at(1)).save()
    first.words = "别的"
    with pytest.raises(WrittenOnce):
        first.save()
    with pytest.raises(WrittenOnce):
        first.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Seat(case_id=number, party="third", organ="", subject=None).save()


def test_nobody_acts_out_of_turn_or_on_somebody_elses_desk(people) -> None:
    number = opened()
    for who, action, code in (
        ("steward", "fix", "CW-004"),
        ("city", "fix", "CW-004"),
        ("reader", "fix", "CW-004"),
        ("elsewhere", "fix", "CW-012"),
        ("source", "close", "CW-005"),
        ("source", "dance", "CW-005"),
    ):
        with pytest.raises(Refused) as refused:
            act(people[who], number, action, seen=0, at=at(1))
        assert code_of(refused) == code, who
        assert not may(people[who], queries.case(Scope.system("test"), number, now=at(1)), action)


def test_a_required_reason_has_fifteen_signs(people) -> None:
    number = opened()
    for words in ("", "数据没有问题", "。" * 20, "是 是 是 是 是 是 是！！！！！！！！"):
        with pytest.raises(Refused) as refused:
            act(people["source"], number, "dispute", seen=0, at=at(1), reason=Reason(words))
        assert code_of(refused) == "CW-006", words


def test_a_return_quotes_field_and_rule_at_each_point(people) -> None:
    number = opened()
    act(people["source"], number, "redeliver", seen=0, at=at(1))
    for points, code in (
        ((), "CW-007"),
        ((replace(POINT, rule=" "),), "CW-007"),
        ((POINT, replace(POINT, field="")), "CW-007"),
        ((replace(POINT, words="请改"),), "CW-006"),
    ):
        with pytest.raises(Refused) as refused:
            act(people["steward"], number, "return_again", seen=1, at=at(1), reason=Reason("x" * 20, points))
        assert code_of(refused) == code, points


def test_numbers_of_persons_in_a_reason_are_masked(people) -> None:
    number = opened()
    words = "当事人身份证 33010619900307123X 与库中登记一致，请核对后保留"
    stands = act(people["source"], number, "dispute", seen=0, at=at(1), reason=Reason(words))
    assert "33010619900307123X" not in stands.actions[0].words


def test_one_thing_has_one_open_case_and_may_come_back_later(people) -> None:
    number = opened()
    with pytest.raises(Refused) as refused:
        opened()
    assert code_of(refused) == "CW-010"
    withdraw(people["steward"], number, seen=0, at=at(1), reason=LONG)
    again = open_case(ROW, row(), actor=ACTOR, at=at(2))
    assert again.turn == 2
    about = queries.cases_about(people["steward"], ["ledger.row:1"], now=at(2))
    assert [one.is_open for one in about] == [False, True]


def test_many_cases_are_opened_at_once_or_none(people, django_assert_max_num_queries) -> None:
    with django_assert_max_num_queries(25):
        assert len(open_cases(ROW, [row(n) for n in range(1, 301)], actor=ACTOR, at=at())) == 300
    with pytest.raises(Refused):
        open_cases(ROW, [row(301), row(7)], actor=ACTOR, at=at())
    with pytest.raises(Refused):
        open_cases(ROW, [row(302), row(302)], actor=ACTOR, at=at())
    assert Case._base_manager.count() == 300
    with django_assert_max_num_queries(6):
        assert len(queries.queue(people["source"], now=at(1))) == 300


def test_every_party_has_a_seat_and_the_procedure_is_in_motion(people) -> None:
    for new, procedure, code in (
        (replace(row(), seats={"source": Sits("jt-330106")}), ROW, "CW-011"),
        (replace(row(), seats={**row().seats, "third": Sits("zj")}), ROW, "CW-011"),
        (row(), "no-such", "CW-001"),
        (row(), "credit-repair", "CW-001"),
        (row(), "publicity-and-objection", "CW-002"),
    ):
        with pytest.raises(Refused) as refused:
            open_case(procedure, new, actor=ACTOR, at=at())
        assert code_of(refused) == code
    with pytest.raises(ValueError, match="organ's or a subject's"):
        Sits()


# ── two persons, papers, effects ────────────────────────────────────────────────────────────────


def lent(procedure: Procedure) -> None:
    """The law in use, with one procedure more."""
    library = current.library()
    current.install(replace(library, procedures={**library.procedures, procedure.procedure: (procedure,)}))


@pytest.fixture
def two_persons():
    base = current.library().procedures[ROW][0]
    close = base.actions["close"].model_copy(
        update={
            "who": "source",
            "other_than": ("redeliver",),
            "effects": ("test.close",),
            "roles": ("officer", "reviewer"),
            "papers": (type(base.actions["fix"]).model_fields["papers"].annotation.__args__[0](title="核对单"),),
        }
    )  # fmt: skip
    lent(base.model_copy(update={"procedure": "two-persons", "actions": {**base.actions, "close": close}}))
    told: list[effects.Doing] = []

    def effect(doing: effects.Doing) -> dict[str, int]:
        told.append(doing)
        if doing.facts.get("fails"):
            raise RuntimeError("the verb failed")
        return {"delivery": 7}

    effects._offered["test.close"] = effect
    yield told
    effects._offered.pop("test.close", None)
    current.install(None)


PAPER = (HandedIn("核对单", "0" * 64),)


def test_two_persons_where_the_procedure_says_so_and_the_effect_runs_once(people, two_persons) -> None:
    number = open_case("two-persons", row(facts={"row": 1}), actor=ACTOR, at=at()).pk
    act(people["source"], number, "redeliver", seen=0, at=at(1))
    with pytest.raises(Refused) as refused:
        act(people["source"], number, "close", seen=1, at=at(1), papers=PAPER)
    assert code_of(refused) == "CW-008"
    with pytest.raises(Refused) as refused:
        act(people["colleague"], number, "close", seen=1, at=at(1))
    assert code_of(refused) == "CW-009"
    assert two_persons == []
    stands = act(people["colleague"], number, "close", seen=1, at=at(1), papers=PAPER, facts={"checked": "yes"})
    assert stands.actions[-1].results == {"test.close": {"delivery": 7}}
    assert [(one.case, one.about, dict(one.facts)) for one in two_persons] == [
        (number, "ledger.row:1", {"row": 1, "checked": "yes"})
    ]


def test_an_effect_that_fails_leaves_no_action(people, two_persons) -> None:
    number = open_case("two-persons", row(facts={"fails": True}), actor=ACTOR, at=at()).pk
    act(people["source"], number, "redeliver", seen=0, at=at(1))
    with pytest.raises(RuntimeError), transaction.atomic():
        act(people["colleague"], number, "close", seen=1, at=at(1), papers=PAPER)
    assert queries.case(people["source"], number, now=at(1)).seen == 1


def test_a_procedure_whose_effects_nobody_offers_is_told_at_the_start_and_opens_no_case(people, two_persons) -> None:
    assert check_procedures() == []
    effects._offered.pop("test.close")
    assert [(one.id, "test.close" in one.msg) for one in check_procedures()] == [("casework.E001", True)]
    with pytest.raises(Refused) as refused:
        open_case("two-persons", row(), actor=ACTOR, at=at())
    assert code_of(refused) == "CW-002"


def test_a_name_is_offered_to_one_verb_only() -> None:
    first, second = (lambda _doing: {}), (lambda _doing: {})
    effects.offer("test.twice", first)
    effects.offer("test.twice", first)
    with pytest.raises(effects.OfferedTwice):
        effects.offer("test.twice", second)
    effects._offered.pop("test.twice")


# ── subjects ────────────────────────────────────────────────────────────────────────────────────


def test_a_subject_holds_a_seat_for_itself_only(people) -> None:
    own, other = firm(), firm("示例桥隧有限公司")
    new = NewCase("ledger.row:9", "企业自报", {"source": Sits(subject=own), "steward": Sits("zj-info-centre")})
    number = open_case(ROW, new, actor=ACTOR, at=at()).pk
    mine, theirs = (Scope.of(Person.objects.create(username=f"f{n}", role="subject", subject=n)) for n in (own, other))
    assert [one.number for one in queries.queue(mine, now=at())] == [number]
    assert queries.case(theirs, number, now=at()) is None
    with pytest.raises(Refused):
        act(theirs, number, "fix", seen=0, at=at(1))
    assert act(mine, number, "fix", seen=0, at=at(1)).state == "fixed"


def test_a_time_without_zone_or_before_the_last_action_is_an_error_of_the_program(people) -> None:
    number = opened()
    with pytest.raises(ValueError, match="zone"):
        act(people["source"], number, "fix", seen=0, at=datetime(2024, 1, 2))
    with pytest.raises(ValueError, match="earlier"):
        act(people["source"], number, "fix", seen=0, at=at(-1))


def test_the_page_of_errors_lists_the_same_codes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| CW-")]
    assert rows == [f"| {c.code} | {c.title} | {c.basis} | {c.next_step} |" for c in CODES.values()]
