"""Tables on shelves: base files by shelf, later files that stand for older rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xinlu.engine.duck import Duck
from xinlu.engine.shelves import Shelved, kept_by, shelf_of
from xinlu.law.library import load_catalogue

ROOT = Path(__file__).parents[2]


def rows(**columns: list[int]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()})


@pytest.fixture
def table(tmp_path: Path) -> Shelved:
    """Records 1 to 4 on two shelves by subject; record 2 was corrected twice, record 5 is new."""
    written = {
        "s0": rows(record=[1, 2], seen=[1, 1], subject=[10, 12], points=[1, 2]),
        "s1": rows(record=[3, 4], seen=[1, 1], subject=[11, 13], points=[3, 4]),
        "a": rows(record=[2, 5], seen=[1, 1], subject=[12, 11], points=[20, 5]),
        "b": rows(record=[2, 2], seen=[1, 2], subject=[12, 12], points=[21, 22]),
    }
    for name, one in written.items():
        pq.write_table(one, tmp_path / name)
    path = {name: str(tmp_path / name) for name in written}
    return Shelved(
        2, {0: [path["s0"]], 1: [path["s1"]]}, [path["a"], path["b"]], key=("record", "seen"), kept_by="subject"
    )


def points(duck: Duck, query: str) -> list[tuple[int, int]]:
    return duck.rows(f"SELECT record, points FROM ({query}) ORDER BY ALL")


def test_later_rows_stand_for_older_ones_of_the_same_key(table: Shelved) -> None:
    duck = Duck({"item_act": table})
    assert duck.rows("SELECT record, points FROM item_act ORDER BY ALL") == [
        (1, 1), (2, 21), (2, 22), (3, 3), (4, 4), (5, 5),
    ]  # fmt: skip


def test_one_shelf_holds_its_own_rows_only_later_ones_too(table: Shelved) -> None:
    duck = Duck({})
    assert points(duck, table.query([1])) == [(3, 3), (4, 4), (5, 5)]
    assert points(duck, table.query([0])) == [(1, 1), (2, 21), (2, 22)]


def test_shelves_without_files_have_columns_and_no_rows(table: Shelved) -> None:
    bare = Shelved(4, {0: table.base[0]}, key=table.key, kept_by="subject")
    assert Duck({}).rows(bare.query([3])) == []


def test_rows_are_kept_by_their_first_subject_else_by_their_record() -> None:
    items = load_catalogue(ROOT / "standards").items
    assert kept_by(items["administrative_penalty"]) == 'coalesce("role_subject", record)'
    assert items["lock_passage"].roles[0].many
    assert kept_by(items["lock_passage"]) == "record"
    assert shelf_of(130, 64) == 2
