"""Reading YAML 1.2 with line marks, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from xinlu.law import marks
from xinlu.law.marks import Number, parse, read
from xinlu.law.problem import LawError, Problem


def refused(text: str) -> Problem:
    with pytest.raises(LawError) as caught:
        parse(text, file="x.yaml")
    (found,) = caught.value.problems
    return found


def test_words_of_yaml_1_1_stay_text_and_only_true_and_false_are_yes_no() -> None:
    data = parse("on: no\nyes: off\na: true\nb: FALSE\nc: y\n", file="x").data
    assert data == {"on": "no", "yes": "off", "a": True, "b": False, "c": "y"}


def test_numbers_are_exact_and_keep_their_spelling() -> None:
    data = parse("a: 0.10\nb: 1200\nc: 1e3\nd: 0x1F\ne: -3\nf: 007", file="x").mapping()
    assert data["a"] == Decimal("0.10")
    assert isinstance(data["a"], Number)
    assert str(data["f"]) == "007"
    assert [data[k] for k in "bcde"] == [1200, 1000, 31, -3]


def test_dates_codes_sexagesimals_and_quoted_numbers_stay_text() -> None:
    data = parse("a: 2024-01-01\nb: '330100'\nc: 12:30:45\nd: 1_000\ne: 3.3E+17X", file="x").data
    assert data == {
        "a": "2024-01-01",
        "b": "330100",
        "c": "12:30:45",
        "d": "1_000",
        "e": "3.3E+17X",
    }


def test_keys_are_always_text() -> None:
    assert parse("5: a\ntrue: b\n2024-01-01: c\n", file="x").data == {
        "5": "a",
        "true": "b",
        "2024-01-01": "c",
    }


def test_an_empty_value_is_missing() -> None:
    assert parse("a:\nb: ~\nc: null\nd: ''", file="x").data == {
        "a": None,
        "b": None,
        "c": None,
        "d": "",
    }


def test_lines_are_those_of_the_keys_and_of_the_list_entries() -> None:
    text = "clauses:\n  bid:\n    minus: 5\n\n    when: x\nlist:\n  - a\n  - b\n"
    lines = parse(text, file="x").marks
    assert lines.line(("clauses", "bid", "when")) == 5
    assert lines.line(("list", 1)) == 8
    assert lines.line(("clauses", "bid", "absent")) == 2
    assert lines.line() == 1


def test_an_anchor_may_be_used_again() -> None:
    assert parse("a: &x {n: 1}\nb: *x", file="x").data == {"a": {"n": 1}, "b": {"n": 1}}


def test_the_merge_key_of_yaml_1_1_is_only_a_key() -> None:
    assert parse("<<: a", file="x").data == {"<<": "a"}


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\na: 2\n", "LAW-004", 2),
        ("x:\n  a: 1\n  b: 2\n  a: 3\n", "LAW-004", 4),
        ("a:\n\tb: 1\n", "LAW-005", 2),
        ("a: b: c\n", "LAW-003", 1),
        ("a: [1, 2\nb: 3\n", "LAW-003", 2),
        ("a: 'open\n", "LAW-003", 2),
        ("a: *nobody\n", "LAW-003", 1),
        ("a: &x\n  b: *x\n", "LAW-006", 1),
        ("a: !!python/object:os.system x\n", "LAW-007", 1),
        ("a: !!int '3'\n", "LAW-007", 1),
        ("? [a, b]\n: c\n", "LAW-007", 1),
        ("a: 1\n---\nb: 2\n", "LAW-007", 2),
        ("", "LAW-008", 1),
        ("# only a comment\n", "LAW-008", 1),
        ("a: \x01\n", "LAW-003", 1),
        ("[" * 5000, "LAW-006", 1),
    ],
)
def test_a_mistake_has_a_code_a_line_and_a_next_step(text: str, code: str, line: int) -> None:
    found = refused(text)
    assert (found.code, found.line) == (code, line)
    assert found.sentence
    assert found.basis
    assert found.next_step


def test_a_small_file_cannot_grow_large_through_anchors() -> None:
    bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
    bomb += "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
    assert refused(bomb).code == "LAW-006"


def test_a_gbk_file_is_refused_with_its_encoding_and_line(tmp_path: Path) -> None:
    file = tmp_path / "book.yaml"
    file.write_bytes("rulebook: a\ntitle: 公路设计企业信用评价\n".encode("gbk"))
    with pytest.raises(LawError) as caught:
        read(file)
    (found,) = caught.value.problems
    assert (found.code, found.line) == ("LAW-002", 2)
    assert "GBK" in found.sentence
    assert "UTF-8" in found.next_step


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "book.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(file).data == {"a": 1}


def test_utf_16_is_named(tmp_path: Path) -> None:
    file = tmp_path / "book.yaml"
    file.write_bytes("标题: 一\n".encode("utf-16"))
    with pytest.raises(LawError, match="UTF-16"):
        read(file)


def test_a_missing_file_is_a_coded_problem(tmp_path: Path) -> None:
    with pytest.raises(LawError, match="LAW-001"):
        read(tmp_path / "nowhere.yaml")


def test_a_file_beyond_the_size_limit_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MAX_BYTES", 10)
    file = tmp_path / "big.yaml"
    file.write_text("a: 12345678901\n", encoding="utf-8")
    with pytest.raises(LawError, match="LAW-006"):
        read(file)


def test_the_pure_python_loader_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: 1.50\nb: '2'\nc:\n  - true\n  - \"x\"\n  - |\n    long\n"
    fast = parse(text, file="x")
    monkeypatch.setattr(marks, "_BASE_LOADER", yaml.BaseLoader)
    slow = parse(text, file="x")
    assert (slow.data, slow.marks) == (fast.data, fast.marks)
