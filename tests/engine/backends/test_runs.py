"""Runs on a backend: kept byte for byte as runs in process, or left where the cluster can reach them."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.engine.backends.conftest import Shelve
from tests.engine.populations.drawing import draw_population
from tests.engine.populations.shelf import shipped_law

from xinlu.engine.backends import Backend, MissingExtra, UnknownBackend, installed, open_backend
from xinlu.engine.backends.runs import moved, run_kept, run_on
from xinlu.engine.shelves import Shelved
from xinlu.engine.whole import run_whole

BOOK = ("lock-credit", "2021")


@pytest.mark.backends
def test_a_run_on_a_backend_is_kept_with_the_digests_of_a_run_in_process(
    backend: Backend, shelve: Shelve, tmp_path: Path
) -> None:
    law = shipped_law(*BOOK)
    drawn = draw_population(law, Random(3), as_of=law.days[0], size=8)
    files = shelve(drawn.tables(law))
    given: Any = {"catalogue": law.library.catalogue, "as_of": drawn.as_of, "known_at": drawn.known_at}
    here = run_whole(law.books, files, folder=tmp_path / "here", **given)
    try:
        there = run_kept(backend, law.books, files, folder=tmp_path / "there", keep=here, **given)
        assert there.keys() == here.keys()
        for book, kept in here.items():
            assert (there[book].units, there[book].versions) == (kept.units, kept.versions)
            assert there[book].digest("findings") == kept.digest("findings")
            assert there[book].digest("entries") == kept.digest("entries")
            assert there[book].is_whole()
    finally:
        backend.drop()


@pytest.mark.backends
def test_results_can_stay_where_the_backend_writes_them(backend: Backend, shelve: Shelve, tmp_path: Path) -> None:
    law = shipped_law(*BOOK)
    drawn = draw_population(law, Random(4), as_of=law.days[0], size=4)
    given: Any = {"catalogue": law.library.catalogue, "as_of": drawn.as_of, "known_at": drawn.known_at}
    try:
        ran = run_on(backend, law.books, shelve(drawn.tables(law)), **given)
        ran.write(BOOK[0], str(tmp_path / "out"))
        written = pq.read_table(tmp_path / "out" / BOOK[0] / "entries")
        assert written.num_rows == ran.whole(BOOK[0], "entries").num_rows > 0
    finally:
        backend.drop()


def test_a_copy_is_read_at_the_address_that_the_cluster_knows() -> None:
    table = Shelved(2, {0: ("/copy/item_x/0.parquet",), 1: ()}, ("/copy/item_x/later.parquet",))
    there = moved({"item_x": table, "plain": [Path("/copy/p.parquet")]}, Path("/copy"), "s3a://bucket/xinlu/")
    assert there["item_x"].files == ("s3a://bucket/xinlu/item_x/0.parquet", "s3a://bucket/xinlu/item_x/later.parquet")
    assert there["plain"] == ["s3a://bucket/xinlu/p.parquet"]


def test_a_backend_of_no_known_name_is_refused() -> None:
    with pytest.raises(UnknownBackend, match="duckdb、clickhouse、spark"):
        open_backend("oracle")


@pytest.mark.parametrize("name", ["clickhouse", "spark"])
def test_without_its_packages_a_backend_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xinlu.engine.backends.find_spec", lambda package: None)
    assert not installed(name)
    with pytest.raises(MissingExtra, match=rf"pip install 'xinlu\[{name}\]'"):
        open_backend(name)


def test_duckdb_is_one_backend_among_others(shelve: Shelve) -> None:
    law = shipped_law(*BOOK)
    drawn = draw_population(law, Random(5), as_of=law.days[0], size=2)
    given: Any = {"catalogue": law.library.catalogue, "as_of": drawn.as_of, "known_at": drawn.known_at}
    backend = open_backend("duckdb", threads=1)
    try:
        result = run_on(backend, law.books, shelve(drawn.tables(law)), **given).result()
        assert result.findings[BOOK[0]]
    finally:
        backend.close()
