"""The columnar copy says what the database says."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from tests.province import ACTOR, at, deliver, driver, firm, organs, penalty, source

from xinlu.engine import manifest, pack
from xinlu.engine.manifest import Manifest
from xinlu.gazette import current
from xinlu.ledger import columnar
from xinlu.ledger.columnar import CopyError, compact, rebuild, sync, tables
from xinlu.ledger.columns import schemas
from xinlu.ledger.models import Record
from xinlu.ledger.withdraw import withdraw
from xinlu.registry.enrol import NewSubject, enrol
from xinlu.registry.relate import NewRelation, relate
from xinlu.registry.revise import Revision, revise

ITEM = "administrative_penalty"
TABLE = f"item_{ITEM}"


def rows(folder: Path, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    return duckdb.sql(f"SELECT {columns} FROM ({tables(folder)[table].query()}) ORDER BY ALL").fetchall()


def naive(value: datetime) -> datetime:
    return value.replace(tzinfo=None)


@pytest.mark.django_db
class TestCopy:
    @pytest.fixture(autouse=True)
    def _province(self, tmp_path: Path) -> None:
        organs()
        self.folder = tmp_path
        self.where, self.firm, self.driver = source(), firm(status="active", registered_capital="12.5"), driver()

    def test_every_table_of_the_catalogue_is_there_with_its_columns(self) -> None:
        sync(self.folder)
        found = tables(self.folder)
        wanted = schemas(current.catalogue())
        assert set(found) == set(wanted)
        for table, shelved in found.items():
            assert shelved.files
            for path in shelved.files:
                assert pq.read_schema(path).equals(wanted[table]), table

    def test_text_becomes_what_the_catalogue_says(self) -> None:
        deliver(self.where, ITEM, [penalty(self.firm, "1号", penalty_kinds=["fine", "warning"], expires_on="")])
        sync(self.folder)
        columns = "role_subject, role_vehicle, occurred_on, fine_amount, penalty_kinds, expires_on, decision_no"
        assert rows(self.folder, TABLE, columns) == [
            (self.firm, None, date(2023, 5, 1), Decimal("0.200000"), ["fine", "warning"], None, "1号")
        ]
        capital = "subject, name, region, valid_from, valid_until, status, registered_capital"
        assert rows(self.folder, "subject_enterprise", capital) == [
            (self.firm, "示例路桥有限公司", "330106", date(2015, 1, 1), None, "active", Decimal("12.500000"))
        ]
        assert [n for (n,) in rows(self.folder, "subject_practitioner", "subject")] == [self.driver]

    def test_both_versions_of_a_corrected_record_stand_in_it(self) -> None:
        deliver(self.where, ITEM, [penalty(self.firm, "1号")])
        sync(self.folder)
        deliver(self.where, ITEM, [penalty(self.firm, "1号", fine_amount="0.300000")], when=at(1))
        sync(self.folder)
        assert rows(self.folder, TABLE, "recorded_at, superseded_at, fine_amount") == [
            (naive(at()), naive(at(1)), Decimal("0.200000")),
            (naive(at(1)), None, Decimal("0.300000")),
        ]

    def test_a_withdrawal_only_ends_what_was_known(self) -> None:
        _, outcomes = deliver(self.where, ITEM, [penalty(self.firm, "1号")])
        sync(self.folder)
        withdraw([outcomes[0].record or 0], reason="撤销", actor=ACTOR, at=at(1))
        sync(self.folder)
        assert rows(self.folder, TABLE, "recorded_at, superseded_at") == [(naive(at()), naive(at(1)))]

    def test_relations_keep_both_time_axes(self) -> None:
        start, end = date(2020, 1, 1), date(2023, 1, 1)
        relate(NewRelation("employs", self.firm, self.driver, start), actor=ACTOR, at=at(1))
        sync(self.folder)
        relate(NewRelation("employs", self.firm, self.driver, start, end), actor=ACTOR, at=at(2))
        sync(self.folder)
        columns = "from_subject, to_subject, valid_until, recorded_at, superseded_at"
        assert rows(self.folder, "relation", columns) == [
            (self.firm, self.driver, end, naive(at(2)), None),
            (self.firm, self.driver, None, naive(at(1)), naive(at(2))),
        ]

    def test_a_sync_without_news_writes_nothing(self) -> None:
        first = sync(self.folder)
        before = {p: p.stat().st_mtime_ns for p in self.folder.rglob("*.parquet")}
        assert sync(self.folder) == first
        assert {p: p.stat().st_mtime_ns for p in self.folder.rglob("*.parquet")} == before

    def test_a_change_appends_one_file_to_each_table_that_it_touched(self) -> None:
        deliver(self.where, ITEM, [penalty(self.firm, f"{n}号") for n in range(6)])
        before = sync(self.folder)
        deliver(self.where, ITEM, [penalty(self.firm, "5号", fine_amount="9.000000")], when=at(1))
        after = sync(self.folder, tidy=False)
        assert {table for table, files in after.tables.items() if files != before.tables[table]} == {TABLE}
        assert after.tables[TABLE].base == before.tables[TABLE].base
        assert [duckdb.read_parquet(file).shape[0] for file in tables(self.folder)[TABLE].later] == [2]
        assert len(rows(self.folder, TABLE)) == 7

    def test_later_files_are_folded_in_when_they_hold_more_than_a_twentieth_or_are_eight(
        self, few_tables: None
    ) -> None:
        rows_before = [penalty(self.firm, f"{n}号") for n in range(60)]
        deliver(self.where, ITEM, rows_before)
        sync(self.folder)
        later = []
        for n in range(1, 10):
            deliver(self.where, ITEM, [penalty(self.firm, "更正", fine_amount=f"{n}.000000")], when=at(n))
            later.append(len(sync(self.folder).tables[TABLE].later))
        # 1, 3, then 5 rows on 60 are later ones: the third sync folds them in. Then 2 on 63, 4 on 63, and so on.
        assert later == [1, 2, 0, 1, 0, 1, 0, 1, 0]
        with pytest.MonkeyPatch.context() as lasting:
            lasting.setattr(columnar, "LATER_SHARE", 100)
            counts = []
            for n in range(10, 20):
                deliver(self.where, ITEM, [penalty(self.firm, "更正", fine_amount=f"{n}.000000")], when=at(n))
                counts.append(len(sync(self.folder).tables[TABLE].later))
        assert counts == [1, 2, 3, 4, 5, 6, 7, 0, 1, 2]
        assert len(rows(self.folder, TABLE)) == 79

    def test_a_crash_before_the_manifest_leaves_the_old_copy_whole(self, monkeypatch: pytest.MonkeyPatch) -> None:
        deliver(self.where, ITEM, [penalty(self.firm, "1号")])
        before = sync(self.folder)
        deliver(self.where, ITEM, [penalty(self.firm, "2号")], when=at(1))

        def crash(path: Path, text: str) -> None:
            raise OSError(errno.ENOSPC, "no space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(columnar, "_replace", crash)
            with pytest.raises(CopyError, match="COPY-001"):
                sync(self.folder)
        assert Manifest.read(self.folder) == before
        assert len(rows(self.folder, TABLE)) == 1
        sync(self.folder)
        assert len(rows(self.folder, TABLE)) == 2
        assert not [*self.folder.rglob(".draft*"), *self.folder.rglob(".work*")]

    def test_a_reader_keeps_the_state_that_he_started_with(self) -> None:
        deliver(self.where, ITEM, [penalty(self.firm, "1号")])
        sync(self.folder)
        held = tables(self.folder)[TABLE]
        deliver(self.where, ITEM, [penalty(self.firm, "2号")], when=at(1))
        sync(self.folder)
        assert not sync(self.folder).tables[TABLE].later
        assert duckdb.sql(f"SELECT count(*) FROM ({held.query()})").fetchall() == [(1,)]

    def test_a_copy_of_another_shape_is_written_anew(self) -> None:
        deliver(self.where, ITEM, [penalty(self.firm, "1号")])
        whole = sync(self.folder)
        stored = json.loads((self.folder / manifest.NAME).read_text())
        stored["shape"] = "older catalogue"
        stored["tables"].pop(TABLE)
        (self.folder / manifest.NAME).write_text(json.dumps(stored))
        assert sync(self.folder) == whole

    def test_a_number_with_too_many_digits_is_an_error_and_not_rounded(self) -> None:
        deliver(self.where, ITEM, [penalty(self.firm, "1号", fine_amount="0.1234567")])
        with pytest.raises(CopyError, match=r"COPY-003.*fine_amount is no number of at most 6 digits"):
            sync(self.folder)


@pytest.fixture
def few_tables() -> Iterator[None]:
    """One item and one kind are enough, and much quicker than all of them."""
    whole = current.library()
    kept = {
        "items": {ITEM: whole.catalogue.items[ITEM]},
        "kinds": {"enterprise": whole.catalogue.kinds["enterprise"]},
    }
    current.install(replace(whole, catalogue=whole.catalogue.model_copy(update=kept)))
    yield
    current.install(None)


class Killed(BaseException):
    """The process is gone: from here on it does nothing more, tidying included."""


STEPS = [
    (columnar, "stage"),
    (columnar, "write"),
    (columnar, "settle"),
    (columnar, "pack"),
    (columnar, "_split"),
    (pack, "write"),
    (pack, "settle"),
    (Path, "mkdir"),
    (Path, "replace"),
    (Path, "unlink"),
    (shutil, "rmtree"),
    (columnar, "flush"),
    (os, "fsync"),
]


@contextmanager
def killed_at(step: int) -> Iterator[list[str]]:
    """The process dies at the step of this number, counted over all places where it touches a disk; gives the steps."""
    done: list[str] = []
    with pytest.MonkeyPatch.context() as patched:

        def dying(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
            def maybe(*words: Any, **more: Any) -> Any:
                done.append(name)
                if len(done) >= step:
                    raise Killed(name)
                return act(*words, **more)

            return maybe

        for owner, name in STEPS:
            patched.setattr(owner, name, dying(name, getattr(owner, name)))
        yield done


@pytest.mark.django_db
class TestFaults:
    @pytest.fixture(autouse=True)
    def _province(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_tables: None) -> None:
        organs()
        self.folder = tmp_path
        self.where, self.firm = source(), firm()
        monkeypatch.setattr(columnar, "SHELF_ROWS", 2)

    def known(self) -> list[tuple[Any, ...]]:
        return rows(self.folder, TABLE, "decision_no, superseded_at")

    @pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.slow)])
    @pytest.mark.parametrize("act", [sync, compact, rebuild])
    def test_whenever_it_dies_the_copy_is_the_old_or_the_new_one_and_the_next_sync_mends_all(
        self, act: Callable[..., Manifest], every: int
    ) -> None:
        deliver(self.where, ITEM, [penalty(self.firm, f"{n}号") for n in range(5)])
        sync(self.folder)
        if act is compact:
            deliver(self.where, ITEM, [penalty(self.firm, "4号", fine_amount="1.000000")], when=at(1))
            sync(self.folder, tidy=False)
        saved = self.folder.with_name(f"{self.folder.name}-saved")
        shutil.copytree(self.folder, saved)
        old = self.known()
        if act is not compact:
            deliver(self.where, ITEM, [penalty(self.firm, "4号", fine_amount="1.000000")], when=at(1))
        act(self.folder)
        new = self.known()
        seen = set()
        for step in range(every // 2 + 1, 1000, every):
            shutil.rmtree(self.folder)
            shutil.copytree(saved, self.folder)
            try:
                with killed_at(step) as done:
                    act(self.folder)
            except Killed:
                pass
            else:
                break
            assert self.known() in (old, new), done
            seen.add(self.known() == new)
            sync(self.folder)
            assert self.known() == new, done
            assert not [*self.folder.rglob(".draft*"), *self.folder.rglob(".work*"), *self.folder.glob(".manifest*")]
            assert columnar.check(self.folder).equal
        assert len(done) > 10
        assert every > 1 or seen == ({True} if act is compact else {False, True})

    @pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
    @pytest.mark.parametrize("limit", [100, 1500, 3000])
    def test_a_full_disk_is_told_with_a_code_and_the_copy_of_before_is_served(self, limit: int) -> None:
        import resource

        deliver(self.where, ITEM, [penalty(self.firm, "1号")])
        before = sync(self.folder)
        texts = [penalty(self.firm, f"{n}号", facts=f"{n * 7919 % 1_000_003}" * 40) for n in range(2, 200)]
        deliver(self.where, ITEM, texts, when=at(1))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(CopyError, match="COPY-001") as told:
                sync(self.folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        (problem,) = told.value.problems
        assert "仍可读取" in problem.next_step
        assert Manifest.read(self.folder) == before
        assert len(self.known()) == 1
        assert not [*self.folder.rglob(".draft*"), *self.folder.rglob(".work*")]
        sync(self.folder)
        assert len(self.known()) == 199

    def test_a_value_that_its_column_cannot_hold_stops_the_sync_and_names_the_record(self) -> None:
        deliver(self.where, ITEM, [penalty(self.firm, "1号")])
        before = sync(self.folder)
        wrong = {
            "penalty_kinds": ("fine", "penalty_kinds is no list"),
            "fine_amount": ("12.5e3", "no number of at most 6 digits"),
            "expires_on": ("2024-13-01", "date"),
        }
        for n, (name, (value, said)) in enumerate(wrong.items(), start=1):
            _, (outcome,) = deliver(self.where, ITEM, [penalty(self.firm, f"{n}错", **{name: value})], when=at(n))
            with pytest.raises(CopyError, match=rf"COPY-003.*{said}"):
                sync(self.folder)
            assert Manifest.read(self.folder) == before
            withdraw([outcome.record or 0], reason="错", actor=ACTOR, at=at(n + 1))
            Record._base_manager.filter(record=outcome.record).update(payload={"decision_no": f"{n}错"})
        sync(self.folder)
        assert len(self.known()) == 4


@pytest.mark.django_db
def test_a_province_lies_on_as_many_shelves_as_its_rows_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_tables: None
) -> None:
    organs()
    where = source()
    firms = [firm(f"示例{n}有限公司") for n in range(12)]
    monkeypatch.setattr(columnar, "SHELF_ROWS", 6)
    deliver(where, ITEM, [penalty(one, f"{one}-1号") for one in firms])
    assert sync(tmp_path).shelves == 4
    held = tables(tmp_path)
    for table in (TABLE, "subject_enterprise"):
        assert sorted(held[table].base) == [0, 1, 2, 3]
        for shelf, files in held[table].base.items():
            by = "role_subject" if table == TABLE else "subject"
            numbers = [n for file in files for (n,) in duckdb.sql(f"SELECT {by} FROM '{file}'").fetchall()]
            assert {n % 4 for n in numbers} == {shelf}
            assert numbers == sorted(numbers)
    deliver(where, ITEM, [penalty(one, f"{one}-{n}号") for one in firms for n in (2, 3)], when=at(1))
    assert sync(tmp_path, tidy=False).shelves == 4
    kept = {table: rows(tmp_path, table) for table in tables(tmp_path)}
    assert compact(tmp_path).shelves == 8
    assert {table: rows(tmp_path, table) for table in tables(tmp_path)} == kept
    assert rebuild(tmp_path.with_name("anew")) == Manifest.read(tmp_path)


@pytest.mark.django_db
def test_periods_said_twice_at_one_instant_are_one_row_the_last_one(tmp_path: Path, few_tables: None) -> None:
    organs()
    one = firm()
    day = date(2020, 1, 1)
    for address in ("甲", "乙", "丙"):
        revise(Revision(one, day, attributes={"address": address}), actor=ACTOR, at=at(1))
        sync(tmp_path, tidy=False)
    said = rows(tmp_path, "subject_enterprise", "valid_from, recorded_at, superseded_at, address")
    assert said[-1] == (day, naive(at(1)), None, "丙")
    assert len(said) == 3
    assert columnar.check(tmp_path).equal
    assert compact(tmp_path) == rebuild(tmp_path.with_name("anew"))


@pytest.mark.django_db
def test_several_subjects_in_one_role_are_a_list_in_order(tmp_path: Path) -> None:
    organs()
    where = source()
    vessels = [enrol_vessel(n) for n in range(3)]
    item = current.catalogue().items["lock_passage"]
    payload = {field.name: sample(field.type.value) for field in item.fields}
    deliver(where, "lock_passage", [{"payload": payload, "roles": {"members": tuple(reversed(vessels))}}])
    sync(tmp_path)
    assert rows(tmp_path, "item_lock_passage", "role_members") == [(sorted(vessels),)]


def enrol_vessel(number: int) -> int:
    return enrol(NewSubject("vessel", f"示例{number}", "330106", {}, date(2015, 1, 1)), actor=ACTOR, at=at())


def sample(kind: str) -> str:
    return {"date": "2024-01-01", "number": "1", "yes_no": "true"}.get(kind, "1")


class SyncEqualsRebuild(TestCase):
    """Whatever happened in whatever order, syncing on the way and building at the end give the same rows.

    Once folded, they are the same files too, byte for byte."""

    @classmethod
    def setUpTestData(cls) -> None:
        organs()
        cls.where, cls.firm, cls.driver = source(), firm(), driver()

    def setUp(self) -> None:
        whole = current.library()
        kept = {
            "items": {ITEM: whole.catalogue.items[ITEM]},
            "kinds": {"enterprise": whole.catalogue.kinds["enterprise"]},
        }
        current.install(replace(whole, catalogue=whole.catalogue.model_copy(update=kept)))
        self.addCleanup(current.install, None)

    @given(
        st.lists(
            st.sampled_from(["new", "correct", "withdraw", "revise", "relate", "sync", "append", "compact"]),
            max_size=12,
        )
    )
    def test_syncing_on_the_way_gives_the_same_rows_as_building_at_the_end(self, steps: list[str]) -> None:
        with TemporaryDirectory() as first, TemporaryDirectory() as second:
            a, b = Path(first), Path(second)
            known: list[str] = []
            for n, step in enumerate(steps, start=1):
                if step in ("sync", "append"):
                    sync(a, tidy=step == "sync")
                elif step == "compact":
                    compact(a)
                else:
                    self.do(step, n, known)
            sync(a, tidy=False)
            rebuild(b)
            for table in tables(a):
                assert rows(a, table) == rows(b, table), table
            assert compact(a) == Manifest.read(b) == rebuild(a)

    def do(self, step: str, n: int, known: list[str]) -> None:
        if step == "new":
            known.append(f"{n}号")
            deliver(self.where, ITEM, [penalty(self.firm, known[-1])], when=at(n))
        elif step == "revise":
            revise(Revision(self.firm, date(2020, 1, n), attributes={"address": str(n)}), actor=ACTOR, at=at(n))
        elif step == "relate":
            until = date(2021, 1, n)
            relate(NewRelation("employs", self.firm, self.driver, date(2020, 1, 1), until), actor=ACTOR, at=at(n))
        elif known:
            row = penalty(self.firm, known[-1], fine_amount=f"{n}.000000") | {"withdraws": step == "withdraw"}
            deliver(self.where, ITEM, [row], when=at(n))
