"""Who sees which records, standings and deliveries: read as public, county, city and province."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.province import ACTOR, at, deliver, driver, firm, organs, penalty, scopes, source

from xinlu.access.models import Person
from xinlu.access.scope import Scope
from xinlu.ledger import queries
from xinlu.ledger.disclosure import DayMissing, months_before, officer_sees_item
from xinlu.ledger.models import Record
from xinlu.ledger.standing import NewStanding, publish_standings
from xinlu.ledger.withdraw import withdraw
from xinlu.registry.enrol import NewSubject, enrol
from xinlu.registry.relate import NewRelation, relate

ITEM = "administrative_penalty"
INTERNAL = "inspection_problem"
ON = date(2024, 6, 1)


def vehicle(plate: str) -> int:
    return enrol(NewSubject("vehicle", plate, "330106", {"plate": plate}, date(2020, 1, 1)), actor=ACTOR, at=at())


def standing(subject: int) -> NewStanding:
    return NewStanding(
        subject=subject, book="sample", book_version="1", output="level", as_of=date(2023, 12, 31),
        effective_from=date(2024, 3, 1), jurisdiction="zj", status="rated", level="A",
    )  # fmt: skip


def problem(subject: int, number: str) -> dict[str, object]:
    payload = {"inspection_no": number, "problem_no": "1", "content": "示例", "found_on": "2023-05-01"}
    return {"payload": payload, "roles": {"subject": (subject,)}}


@pytest.mark.django_db
class TestRecords:
    """Records of a firm and a driver in 西湖, and of a firm in 宁波."""

    @pytest.fixture(autouse=True)
    def _province(self) -> None:
        organs()
        self.firm, self.driver, self.other = firm(), driver(), firm("宁波示例公司", region="330203")
        hz, nb = source(), source("nb-penalties", "jt-330200")
        _, rows = deliver(
            hz,
            ITEM,
            [
                penalty(
                    self.firm, "公开", legal_representative="王小明", legal_representative_id_no="330106198001011234"
                ),
                penalty(self.firm, "过期", decided_on="2021-05-31"),
                penalty(self.firm, "截止", publicity_until="2024-05-31"),
                penalty(self.driver, "个人"),
            ],
        )
        deliver(nb, ITEM, [penalty(self.other, "宁波过期", decided_on="2020-01-01")])
        deliver(hz, INTERNAL, [problem(self.firm, "内部")])
        self.public_record = rows[0].record or 0
        self.scopes = scopes()

    def seen(self, scope: Scope, on: date = ON) -> set[str]:
        rows = queries.records(scope, on=on)
        return {r.payload.get("decision_no") or r.payload["inspection_no"] for r in rows}

    def test_a_list_holds_what_the_asker_may_see(self) -> None:
        here = {"公开", "过期", "截止", "个人", "内部"}
        assert {name: self.seen(scope) for name, scope in self.scopes.items()} == {
            "public": {"公开"},
            "county": here,
            "city": here,
            "other city": {"公开", "宁波过期"},
            "province": here | {"宁波过期"},
        }

    def test_publicity_starts_on_its_first_day_and_ends_by_the_day(self) -> None:
        public = self.scopes["public"]
        seen = {
            day: self.seen(public, day)
            for day in (date(2023, 4, 30), date(2023, 5, 1), date(2024, 5, 30), date(2024, 5, 31), date(2024, 6, 1))
        }
        assert seen[date(2023, 4, 30)] == {"过期"}
        assert seen[date(2023, 5, 1)] == {"公开", "过期", "截止"}
        assert seen[date(2024, 5, 30)] == {"公开", "过期", "截止"}
        assert seen[date(2024, 5, 31)] == {"公开", "截止"}, "过期 is over, 截止 has its last day"
        assert seen[date(2024, 6, 1)] == {"公开"}

    def test_a_dossier_holds_what_the_asker_may_see(self) -> None:
        counts = {name: queries.counts_of(scope, self.firm, on=ON) for name, scope in self.scopes.items()}
        everything = {ITEM: 3, INTERNAL: 1}
        assert counts == {
            "public": {ITEM: 1},
            "county": everything,
            "city": everything,
            "other city": {ITEM: 1},
            "province": everything,
        }
        of_driver = {name: queries.records_of(s, self.driver, on=ON).count() for name, s in self.scopes.items()}
        assert of_driver == {"public": 0, "county": 1, "city": 1, "other city": 0, "province": 1}

    def test_a_subject_sees_all_its_own_but_what_is_internal(self) -> None:
        myself = Scope.of(Person.objects.create_user("me", role="subject", subject=self.firm))
        assert self.seen(myself) == {"公开", "过期", "截止"}
        man = Scope.of(Person.objects.create_user("man", role="subject", subject=self.driver))
        assert self.seen(man) == {"公开", "个人"}

    def test_a_hidden_record_is_not_there(self) -> None:
        row = Record.objects.within(Scope.system("test")).get(payload__decision_no="个人")
        for name, scope in self.scopes.items():
            visible = name in ("county", "city", "province")
            assert (queries.record(scope, row.record, on=ON) is not None) == visible
            assert bool(queries.versions(scope, row.record, on=ON)) == visible

    def test_a_withdrawn_record_is_gone_from_every_surface(self) -> None:
        withdraw([self.public_record], reason="撤销", actor=ACTOR, at=at(1))
        for scope in self.scopes.values():
            assert "公开" not in self.seen(scope)
            assert queries.record(scope, self.public_record, on=ON) is None
        assert queries.versions(self.scopes["public"], self.public_record, on=ON) == []
        assert len(queries.versions(self.scopes["city"], self.public_record, on=ON)) == 1

    def test_fields_above_the_askers_level_are_masked(self) -> None:
        fields = {
            name: queries.shown(scope, queries.record(scope, self.public_record, on=ON)).fields  # type: ignore[arg-type]
            for name, scope in self.scopes.items()
        }
        assert fields["public"]["legal_representative"] == "王*明"
        assert fields["city"]["legal_representative"] == "王小明"
        for shown in fields.values():
            assert shown["legal_representative_id_no"] == "330*************34"
            assert shown["decision_no"] == "公开"
            assert "expires_on" not in shown

    def test_a_person_named_in_a_public_record_is_masked_and_leads_nowhere(self) -> None:
        deliver(
            source("x"),
            ITEM,
            [{**penalty(self.firm, "涉车"), "roles": {"subject": (self.firm,), "vehicle": (self.driver,)}}],
            when=at(3),
        )
        public, city = self.scopes["public"], self.scopes["city"]
        for scope, name, number in ((public, "张*三", None), (city, "张小三", self.driver)):
            row = next(r for r in queries.records(scope, on=ON) if r.payload.get("decision_no") == "涉车")
            role = next(r for r in queries.shown(scope, row).roles if r.role == "vehicle")
            assert (role.title, role.name, role.number) == ("涉案车辆", name, number)

    def test_numbers_of_persons_in_a_text_are_masked_for_everybody(self) -> None:
        told = "驾驶员持 330106199001011230、电话 13812345678，超限运输"
        deliver(source("x"), ITEM, [penalty(self.firm, "正文", facts=told)], when=at(3))
        for scope in self.scopes.values():
            row = next(r for r in queries.records(scope, on=ON) if r.payload.get("decision_no") == "正文")
            assert (
                queries.shown(scope, row).fields["facts"] == "驾驶员持 330*************30、电话 138****5678，超限运输"
            )
        system = queries.shown(Scope.system("test"), row)
        assert system.fields["facts"] == told

    def test_a_name_that_is_masked_in_its_role_is_masked_in_the_text_too(self) -> None:
        stranger = driver("李远方", region="330203", id_number="330203199003071232")
        plate = vehicle("浙A12312")
        row = penalty(stranger, "外地人", party_name="李远方", facts="李远方驾驶浙A12312超限")
        deliver(source("x"), ITEM, [{**row, "roles": {"subject": (stranger,), "vehicle": (plate,)}}], when=at(3))
        shown = {}
        for name in ("city", "other city"):
            found = [r for r in queries.records(self.scopes[name], on=ON) if r.payload.get("decision_no") == "外地人"]
            shown[name] = queries.shown(self.scopes[name], found[0]).fields["party_name"]
        assert shown == {"city": "李*方", "other city": "李远方"}

    def test_the_public_counts_no_vehicle_and_who_operates_it_sees_it(self) -> None:
        plate = vehicle("浙A12312")
        listed = {
            "list_kind": "overlimit",
            "decision_no": "列 1",
            "listed_on": "2024-01-02",
            "removed_on": "2026-01-02",
        }
        deliver(source("x"), "serious_list_entry", [{"payload": listed, "roles": {"subject": (plate,)}}], when=at(3))
        publish_standings([standing(plate)], source=source("xinlu", "zj"), actor=ACTOR, at=at(4))
        operator = Scope.of(Person.objects.create_user("me", role="subject", subject=self.firm))
        public, city = self.scopes["public"], self.scopes["city"]

        def seen(scope: Scope) -> tuple[int, int]:
            return (
                queries.records(scope, on=ON, item="serious_list_entry").count(),
                sum(queries.level_counts(scope, "sample", on=ON).values()),
            )

        assert (seen(public), seen(operator), seen(city)) == ((0, 0), (0, 0), (1, 1))
        relate(NewRelation("operates", self.firm, plate, date(2022, 1, 1)), actor=ACTOR, at=at(5))
        assert (seen(public), seen(operator)) == ((0, 0), (1, 1))

    def test_queried_rows_of_an_item_beyond_sector_or_level_are_not_there(self) -> None:
        from tests.province import officer

        from xinlu.ledger.models import Delivery

        Delivery._base_manager.filter(source__code="hz-penalties").update(item="fatigue_alarm")
        for name, organ, level, count in (
            ("own", "jt-330100", "L1", 2),
            ("high", "zj", "L3", 3),
            ("low", "zj", "L2", 1),
            ("port", "zj-port-centre", "L3", 1),
        ):
            scope = Scope.of(officer(name, organ, level=level))
            assert queries.deliveries(scope).count() == count, name

    def test_sector_and_data_level_limit_an_officer(self) -> None:
        from tests.province import officer

        from xinlu.gazette import current

        narrow = Scope.of(officer("port", "zj-port-centre", level="L1"))
        items = current.catalogue().items
        waters = ("all", "water", "port", "maritime", "lock")
        hidden = [name for name, item in items.items() if item.level > "L1" or item.sector not in waters]
        assert hidden
        for name in hidden:
            assert not officer_sees_item(narrow, items[name])
        assert officer_sees_item(narrow, items[ITEM])

    def test_publicity_needs_a_day(self) -> None:
        with pytest.raises(DayMissing):
            Record.objects.within(Scope.public())

    def test_deliveries_are_seen_by_their_organ_and_those_above(self) -> None:
        seen = {name: {d.source.code for d in queries.deliveries(scope)} for name, scope in self.scopes.items()}
        hz, nb = {"hz-penalties"}, {"nb-penalties"}
        assert seen == {"public": set(), "county": set(), "city": hz, "other city": nb, "province": hz | nb}
        first = queries.deliveries(self.scopes["city"]).last()
        assert first is not None
        for name, scope in self.scopes.items():
            visible = name in ("city", "province")
            assert (queries.delivery(scope, first.pk) is not None) == visible
            assert queries.rows(scope, first.pk).exists() == visible

    def test_records_are_counted_by_month(self) -> None:
        city = self.scopes["city"]
        assert queries.months(city, on=ON, since=date(2023, 1, 1))[ITEM] == {date(2023, 5, 1): 3}


@pytest.mark.django_db
def test_standings_of_firms_are_public_and_those_of_persons_are_not() -> None:
    organs()
    one, person, unrated = firm(), driver(), firm("未评公司")
    publish_standings(
        [
            NewStanding(
                subject=number, book="sample", book_version="1", output="level", as_of=date(2023, 12, 31),
                effective_from=date(2024, 3, 1), jurisdiction="zj", status=status, level=level,
            )
            for number, status, level in ((one, "rated", "A"), (person, "rated", "B"), (unrated, "not_rated", None))
        ],
        source=source("xinlu", "zj"), actor=ACTOR, at=at(1),
    )  # fmt: skip
    who = scopes()
    seen = {name: {s.subject_id for s in queries.standings(scope, on=ON)} for name, scope in who.items()}
    everything = {one, person, unrated}
    assert seen == {
        "public": {one},
        "county": everything,
        "city": everything,
        "other city": {one},
        "province": everything,
    }
    for name, scope in who.items():
        visible = name in ("county", "city", "province")
        assert (queries.standing(scope, person, "sample", on=ON) is not None) == visible
        assert bool(queries.standing_history(scope, person, "sample")) == visible
        assert sum(queries.level_counts(scope, "sample", on=ON).values()) == (3 if visible else 1)
    myself = Scope.of(Person.objects.create_user("me", role="subject", subject=person))
    assert {s.subject_id for s in queries.standings(myself, on=ON)} == {one, person}


@given(st.dates(date(2019, 1, 1), date(2026, 12, 31)), st.integers(1, 40))
def test_publicity_counts_calendar_months_forward_from_its_start(start: date, months: int) -> None:
    """On each day near the end, the bound agrees with adding the months to the start."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    following = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last = date.fromordinal(following.toordinal() - 1).day
    end = date(year, month + 1, min(start.day, last))
    for offset in range(-4, 5):
        day = date.fromordinal(end.toordinal() + offset)
        assert (start > months_before(day, months)) == (day < end)
