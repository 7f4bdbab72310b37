"""A filing goes from the firm through two offices to the ledger, comes back by field, and is locked."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from tests.intake.filing.conftest import ENGINEER, KNOWN, MANAGER, PERSON, Desk, desk, scan

from xinlu.access.scope import Scope
from xinlu.casework import queries as cases
from xinlu.casework.act import Point, Reason, act, withdraw
from xinlu.casework.filing import ask_unlock, offices, review_of, submit, unlock_of
from xinlu.casework.refusal import Refused
from xinlu.casework.start import check_procedures
from xinlu.casework.state import Standing
from xinlu.intake.filing import queries
from xinlu.intake.filing.paper import hand_in
from xinlu.intake.filing.refusal import FilingRefused
from xinlu.intake.models import Filing
from xinlu.journal.verify import verify
from xinlu.law.clock import Light
from xinlu.ledger import queries as ledger
from xinlu.ledger.models import Delivery, Record
from xinlu.registry import queries as registry
from xinlu.registry.models import Relation

__all__ = ["desk"]
pytestmark = pytest.mark.django_db
SYSTEM = Scope.system("test")
POINT = Point(
    "sections/sections-2/contract_price",
    "标段 合同价",
    "中标通知书与合同",
    "合同价与所附合同不一致，请按合同第三页改为一万二千万元",
)
REASON = Reason(points=(POINT,))


def filed(desk: Desk) -> tuple[Filing, dict[str, str], Standing]:
    filing = desk.start()
    names = desk.fill(filing)
    return filing, names, submit(desk.firm, filing.pk, at=desk.tick())


def do(desk: Desk, who: Scope, number: int, action: str, **more) -> Standing:
    seen = cases.case(who, number, now=desk.at).seen
    return act(who, number, action, seen=seen, at=desk.tick(), **more)


def approved(desk: Desk, number: int, version: int = 1) -> Standing:
    do(desk, desk.county, number, "pass")
    return do(desk, desk.city, number, "approve", facts={"version": version})


def code(refused) -> str:
    return refused.value.problem.code


def test_an_approved_filing_is_a_delivery_of_the_firm_that_ratings_can_read(desk: Desk) -> None:
    filing, _, stands = filed(desk)
    assert [one.number for one in cases.queue(desk.county, now=desk.at)] == [stands.number]
    assert [one.number for one in cases.queue(desk.city, now=desk.at)] == []
    done = approved(desk, stands.number)
    assert (done.state, done.is_open) == ("approved", False)

    (record,) = Record.objects.within(SYSTEM).filter(item="works_performance")
    assert record.payload["contract_price"] == "12500.500000"
    assert (record.source.code, record.source.kind, record.source.organ.code) == (
        f"self-{desk.number}",
        "self",
        "jt-330100",
    )
    ways = Delivery.objects.within(SYSTEM).values_list("way", "queried")
    assert set(ways) == {("form", 0)}
    day = date(2026, 3, 3)
    firm = registry.period(SYSTEM, desk.number, on=day)
    assert (firm.name, firm.attributes["registered_capital"]) == ("示例路桥有限公司", "8000.000000")
    engineer = registry.find(SYSTEM, value=ENGINEER, type_="id_number")
    related = {(one.relation, one.to_subject_id) for one in registry.relations(SYSTEM, desk.number, on=day)}
    section = registry.find(SYSTEM, value="SLXM-2026-01-TJ1")
    assert {("employs", engineer.pk), ("performs", section.pk), ("performs", desk.known["section"])} <= related
    assert ledger.records(desk.firm, on=day).filter(item="works_performance").count() == 1
    version = queries.versions(desk.firm, filing.pk)[0]
    assert version.approval.case == stands.number
    assert len(version.approval.deliveries) == Delivery.objects.within(SYSTEM).count()
    assert not verify()


def test_two_persons_and_both_offices_are_needed(desk: Desk) -> None:
    _, _, stands = filed(desk)
    for who, action in ((desk.firm, "pass"), (desk.city, "pass"), (desk.county, "approve"), (desk.elsewhere, "pass")):
        with pytest.raises(Refused):
            do(desk, who, stands.number, action) if cases.case(who, stands.number, now=desk.at) else act(
                who, stands.number, action, seen=0, at=desk.at
            )
    do(desk, desk.county, stands.number, "pass")
    with pytest.raises(Refused) as refused:
        do(desk, desk.second, stands.number, "refuse", reason=REASON)
    assert code(refused) == "CW-004", "only a reviewer or chief refuses"


def test_one_office_for_both_steps_still_means_two_persons(desk: Desk) -> None:
    assert offices("330106") == ("jt-330106", "jt-330100")
    assert offices("330782") == ("jt-330782", "jt-330782")
    assert offices("320000") == ("zj-works-centre", "zj-works-centre")


def test_a_return_by_field_stops_the_clock_and_comes_back_as_the_next_version(desk: Desk) -> None:
    filing, names, stands = filed(desk)
    with pytest.raises(Refused) as refused:
        do(desk, desk.county, stands.number, "return", reason=Reason(words="请改一下合同价再报上来谢谢配合"))
    assert code(refused) == "CW-007"
    back = do(desk, desk.county, stands.number, "return", reason=REASON)
    assert (back.queue, back.lamp.light) == ("firm", Light.PAUSED)
    assert [one.number for one in cases.queue(desk.firm, now=desk.at)] == [stands.number]
    assert back.actions[-1].points[0]["field"] == POINT.field
    with pytest.raises(FilingRefused) as same:
        submit(desk.other, filing.pk, at=desk.tick())
    assert code(same) == "SF-007"
    desk.save(filing, "sections", names["sections"], contract_price="12000")
    again = submit(desk.firm, filing.pk, at=desk.tick())
    assert (again.number, again.state) == (stands.number, "submitted")
    do(desk, desk.county, stands.number, "pass")
    with pytest.raises(FilingRefused) as stale:
        do(desk, desk.city, stands.number, "approve", facts={"version": 1})
    assert code(stale) == "SF-008"
    assert cases.case(desk.city, stands.number, now=desk.at).state == "passed", "the refused approval left no action"
    do(desk, desk.city, stands.number, "approve", facts={"version": 2})
    assert (
        registry.period(SYSTEM, registry.find(SYSTEM, value="SLXM-2026-01-TJ1").pk, on=date(2026, 3, 3)).attributes[
            "contract_price"
        ]
        == "12000.000000"
    )


def test_nothing_is_submitted_twice_and_a_withdrawn_filing_may_come_again(desk: Desk) -> None:
    filing, _, stands = filed(desk)
    with pytest.raises(FilingRefused) as refused:
        submit(desk.firm, filing.pk, at=desk.tick())
    assert code(refused) == "SF-010"
    withdraw(desk.firm, stands.number, seen=0, at=desk.tick())
    again = submit(desk.firm, filing.pk, at=desk.tick())
    assert again.number != stands.number
    approved(desk, again.number, version=2)
    with pytest.raises(FilingRefused) as refused:
        submit(desk.firm, filing.pk, at=desk.tick())
    assert code(refused) == "SF-005"


def test_what_a_later_version_leaves_out_is_taken_back(desk: Desk) -> None:
    filing, names, stands = filed(desk)
    approved(desk, stands.number)
    desk.at = datetime(2026, 3, 20, 2, tzinfo=UTC)
    desk.remove(filing, "persons", names["persons"])
    desk.remove(filing, "performance", names["performance"])
    desk.save(filing, "persons", **{**PERSON, "name": "吴示例", "id_number": MANAGER})
    again = submit(desk.firm, filing.pk, at=desk.tick())
    approved(desk, again.number, version=2)
    engineer = registry.find(SYSTEM, value=ENGINEER, type_="id_number").pk
    (ended,) = Relation.objects.filter(relation="employs", to_subject=engineer, superseded_at__isnull=True)
    assert (ended.valid_from, ended.valid_until) == (date(2024, 5, 1), date(2026, 3, 20))
    assert not Record.objects.within(SYSTEM).filter(item="works_performance", superseded_at__isnull=True).exists()
    version = queries.versions(desk.firm, filing.pk)[1]
    assert queries.base_of(filing, below=version).number == 1


def test_registered_persons_and_projects_stay_as_they_are(desk: Desk) -> None:
    filing = desk.start()
    desk.fill(filing)
    project = queries.draft(desk.firm, filing.pk)["projects"][0]["row"]
    desk.save(filing, "projects", project, name="改了名的旧工程")
    desk.save(filing, "persons", **{**PERSON, "name": "改了名的人", "id_number": KNOWN})
    stands = submit(desk.firm, filing.pk, at=desk.tick())
    approved(desk, stands.number)
    assert registry.period(SYSTEM, desk.known["project"], on=date(2026, 3, 3)).name == "旧示例公路工程"
    assert registry.period(SYSTEM, desk.known["person"], on=date(2026, 3, 3)).name == "李示例"


def test_the_next_year_begins_with_what_was_approved(desk: Desk) -> None:
    desk.at = datetime(2025, 3, 3, 2, tzinfo=UTC)
    filing = desk.start(2025)
    names = desk.fill(filing)
    hand_in(desk.firm, filing.pk, "sections", names["sections"], "合同协议书", scan(), at=desk.tick())
    approved(desk, submit(desk.firm, filing.pk, at=desk.tick()).number)
    desk.at = datetime(2026, 3, 3, 2, tzinfo=UTC)
    following = desk.start(2026)
    assert queries.draft(desk.firm, following.pk) == queries.versions(desk.firm, filing.pk)[0].content
    (token,) = queries.draft(desk.firm, following.pk)["sections"][-1]["papers"]
    assert queries.papers(desk.firm, following)[token].title == "合同协议书"
    assert queries.paper(desk.county, token) is not None
    assert queries.paper(desk.elsewhere, token) is None


def test_offices_see_a_filing_once_it_was_submitted_and_no_other_city_does(desk: Desk) -> None:
    filing, _, _ = filed(desk)
    sees = {
        name
        for name in ("firm", "other", "county", "city", "elsewhere", "province")
        if queries.filing(getattr(desk, name), filing.pk) is not None
    }
    assert sees == {"firm", "county", "city", "province"}
    assert queries.draft(desk.county, filing.pk) is None


def test_a_locked_filing_is_opened_again_for_ten_working_days(desk: Desk) -> None:
    desk.at = datetime(2025, 3, 3, 2, tzinfo=UTC)
    filing = desk.start(2025)
    desk.fill(filing)
    with pytest.raises(FilingRefused) as refused:
        ask_unlock(desk.firm, filing.pk, words="需要更正标段合同价，原填报漏填了补充协议金额", at=desk.tick())
    assert code(refused) == "SF-009"
    desk.at = datetime(2025, 7, 1, 2, tzinfo=UTC)
    with pytest.raises(FilingRefused) as refused:
        submit(desk.firm, filing.pk, at=desk.tick())
    assert code(refused) == "SF-002"
    with pytest.raises(Refused) as short:
        ask_unlock(desk.firm, filing.pk, words="要改", at=desk.tick())
    assert code(short) == "CW-006"
    asked = ask_unlock(desk.firm, filing.pk, words="需要更正标段合同价，原填报漏填了补充协议金额", at=desk.tick())
    assert [one.number for one in cases.queue(desk.city, now=desk.at)] == [asked.number]
    with pytest.raises(Refused):
        do(desk, desk.second, asked.number, "grant")
    granted = do(desk, desk.city, asked.number, "grant")
    assert granted.actions[-1].results == {"intake.unlock_filing": {"until": "2025-07-16"}}
    assert queries.locks_on(filing, on=date(2025, 7, 15)) == date(2025, 7, 16)
    assert not queries.is_open(filing, on=date(2025, 7, 16))
    assert submit(desk.firm, filing.pk, at=desk.tick()).state == "submitted"
    assert review_of(filing, now=desk.at).is_open
    assert not unlock_of(filing, now=desk.at).is_open


def test_every_procedure_in_motion_calls_what_is_there(desk: Desk) -> None:
    assert check_procedures() == []
