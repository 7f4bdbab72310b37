"""The columnar copy says what the database says."""

from __future__ import annotations

import errno
import json
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

from xinlu.engine import manifest
from xinlu.engine.manifest import Manifest
from xinlu.gazette import current
from xinlu.ledger import columnar
from xinlu.ledger.columnar import CopyError, compact, rebuild, sync, tables
from xinlu.ledger.columns import schemas
from xinlu.ledger.withdraw import withdraw
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

    def test_later_files_are_folded_in_when_they_hold_more_than_a_twentieth_or_are_eight(self) -> None:
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


class SyncEqualsRebuild(TestCase):
    """Whatever happened in whatever order, syncing on the way and building at the end give the same rows.

    Once folded, they are the same files too, byte for byte."""

    @classmethod
    def setUpTestData(cls) -> None:
        organs()
        cls.where, cls.firm, cls.driver = source(), firm(), driver()

    def setUp(self) -> None:
        # One item is enough, and much quicker than all of them.
        whole = current.library()
        small = whole.catalogue.model_copy(update={"items": {ITEM: whole.catalogue.items[ITEM]}})
        current.install(replace(whole, catalogue=small))
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
