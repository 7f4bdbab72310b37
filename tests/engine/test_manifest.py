"""The manifest of a columnar copy."""

from pathlib import Path

from xinlu.engine.manifest import RELATION_KEY, Files, Manifest
from xinlu.law.library import load_catalogue

ROOT = Path(__file__).parents[2]
MANIFEST = Manifest(
    7, "abc", 2, {"relation": Files({0: ("r0",), 1: ("r1",)}, ("r2",)), "item_weighing": Files({0: ("w0", "w1")})}
)


def test_a_manifest_reads_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(MANIFEST.text(), encoding="utf-8")
    assert Manifest.read(tmp_path) == MANIFEST


def test_no_manifest_and_one_of_another_format_hold_nothing(tmp_path: Path) -> None:
    assert Manifest.read(tmp_path) == Manifest()
    (tmp_path / "manifest.json").write_text('{"format": 1}', encoding="utf-8")
    assert Manifest.read(tmp_path) == Manifest()


def test_tables_lie_in_folders_of_their_own_and_know_what_identifies_a_row(tmp_path: Path) -> None:
    tables = MANIFEST.shelved(tmp_path, load_catalogue(ROOT / "standards"))
    assert tables["relation"].files == tuple(str(tmp_path / "relation" / name) for name in ("r0", "r1", "r2"))
    assert (tables["relation"].key, tables["relation"].kept_by) == (RELATION_KEY, "from_subject")
    assert tables["item_weighing"].key == ("record", "recorded_at")
