"""A rulebook that would explode is refused with a code, quickly, wherever the blow-up would come from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xinlu import standards_folder
from xinlu.law.catalogue import Catalogue
from xinlu.law.check.clauses import check_clauses
from xinlu.law.check.notes import Notes
from xinlu.law.expression import ExpressionError, parse
from xinlu.law.library import Filed, load_catalogue
from xinlu.law.marks import MAX_BYTES, Marked, read
from xinlu.law.marks import parse as parse_yaml
from xinlu.law.meaning import Misunderstood, understand
from xinlu.law.problem import LawError
from xinlu.law.rulebook import Rulebook
from xinlu.law.shape import shape

HEAD = """rulebook: large
version: "1"
title: 测试
kind: industry_credit
sector: road_transport
rates: {subject: enterprise}
in_force: {from: 2020-01-01}
source: {document: 测试, issuer: 信路, grade: sample}
"""
OUTPUTS = "outputs:\n  n: {title: 数, value: '1'}\n"


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Refusing must not take the time that it saves."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 60


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(standards_folder())


def marked(text: str) -> Marked:
    return parse_yaml(text, file="large.yaml")


def refused(text: str) -> list[tuple[str, str]]:
    with pytest.raises(LawError) as caught:
        shape(Rulebook, marked(text))
    return [(one.code, one.sentence) for one in caught.value.problems]


def clauses(count: int, hits: str = "acts") -> str:
    return "clauses:\n" + "".join(f"  c{n}: {{title: 条款, hits: {hits}, minus: '{n}'}}\n" for n in range(count))


def test_ten_thousand_clauses_are_too_many() -> None:
    assert refused(HEAD + clauses(10_000) + OUTPUTS) == [("LAW-430", "clauses 有 10000 个，至多 1000 个")]


def test_a_thousand_clauses_are_compared_only_with_those_that_hit_the_same_rows() -> None:
    text = HEAD + clauses(1000).replace("hits: acts,", "hits: acts, when: 'x > 1',") + OUTPUTS
    whole = marked(text.replace("x > 1", "n > %d") % tuple(range(1000)))
    notes = Notes(Filed(whole, Path("large.yaml")))
    check_clauses(shape(Rulebook, whole), notes)
    assert notes.problems == []


@pytest.mark.parametrize(
    ("part", "count"), [("values", 301), ("folds", 301), ("sources", 101), ("outputs", 51), ("parameters", 1001)]
)
def test_every_part_of_a_book_has_its_limit(part: str, count: int) -> None:
    one = {
        "values": "{is: '1'}",
        "folds": "{over: acts, count: true}",
        "sources": "{item: honour}",
        "outputs": "{title: t, value: '1'}",
        "parameters": "{value: 1, title: t}",
    }[part]
    text = HEAD + f"{part}:\n" + "".join(f"  p{n}: {one}\n" for n in range(count))
    assert [code for code, _ in refused(text + ("" if part == "outputs" else OUTPUTS))] == ["LAW-430"]


@pytest.mark.parametrize(
    "text",
    [
        " + ".join(["1"] * 3000),
        " or ".join(["true"] * 3000),
        "not " * 5000 + "true",
        "- " * 5000 + "1",
        "not " * 60 + "true",
        "(" * 500 + "1" + ")" * 500,
        "abs(" * 500 + "1" + ")" * 500,
        "x in (" + ", ".join(map(str, range(20_000))) + ")",
        "case " + "when true then 1 " * 5000 + "end",
        "9" * 100_000,
    ],
    ids=["sum", "or", "not", "minus", "not-60", "brackets", "calls", "in", "case", "digits"],
)
def test_an_absurd_expression_is_refused_and_no_crash(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


def test_an_expression_as_deep_as_it_may_be_is_understood_and_printed() -> None:
    deep = parse(" + ".join(["1"] * 119))
    assert parse(str(deep).replace("(", "").replace(")", "")) == deep


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)),
        "a: &a\n  b: *a\n",
        "[" * 5000,
        "a: " + "{b: " * 100 + "1" + "}" * 100,
    ],
    ids=["aliases", "itself", "brackets", "maps"],
)
def test_yaml_that_grows_is_refused(text: str) -> None:
    with pytest.raises(LawError) as caught:
        marked(text)
    assert [one.code for one in caught.value.problems] in (["LAW-006"], ["LAW-003"])


def test_a_file_of_ten_megabytes_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"# " + b"x" * (MAX_BYTES + 2 * 1024 * 1024))
    with pytest.raises(LawError) as caught:
        read(path)
    assert [one.code for one in caught.value.problems] == ["LAW-006"]


@pytest.mark.parametrize("written", ["9" * 5000, "0x" + "f" * 5000, "1" + "0" * 5000])
def test_a_number_of_thousands_of_digits_stays_text_and_is_no_number_of_the_law(written: str) -> None:
    assert [code for code, _ in refused(HEAD + f"values:\n  v: {{is: '1', round: {written}}}\n" + OUTPUTS)] == [
        "LAW-203"
    ]


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("valid", "999999999 months", "LAW-205"),
        ("valid", "0 days", "LAW-205"),
        ("period", "{anniversary: running, of: founded_on, every: 0 months}", "LAW-205"),
        ("values", "{v: {is: '1', round: 100000000}}", "LAW-203"),
    ],
)
def test_lengths_and_digits_have_limits(key: str, value: str, code: str) -> None:
    assert code in [one for one, _ in refused(HEAD + f"{key}: {value}\n" + OUTPUTS)]


def book(**parts: Any) -> Rulebook:
    whole = parse_yaml(HEAD + OUTPUTS, file="large.yaml").mapping()
    return Rulebook.model_validate({**whole, **parts})


def misunderstood(catalogue: Catalogue, **parts: Any) -> list[tuple[str, tuple[str | int, ...]]]:
    with pytest.raises(Misunderstood) as caught:
        understand(book(**parts), catalogue)
    return [(one.code, one.path) for one in caught.value.problems]


def test_relations_of_relations_multiply_the_rows_and_are_refused(catalogue: Catalogue) -> None:
    family = {"relation": "parent_of", "unit": {"unit_end": "from"}}
    sources: dict[str, Any] = {"first": family}
    for name, before in (("second", "first"), ("third", "second"), ("fourth", "third")):
        sources[name] = {"item": "corporate_event", "unit": {"row": before, "column": "predecessor", "role": "subject"}}
    sources["second"]["unit"]["column"] = "other"
    found = misunderstood(catalogue, sources=sources)
    assert ("LAW-431", ("sources", "fourth", "unit")) in found
    assert ("LAW-431", ("sources", "third", "unit")) not in found
    del sources["fourth"]


def test_a_source_that_reaches_its_rows_without_a_key_is_refused(catalogue: Catalogue) -> None:
    keyless = {
        "acts": {"item": "corporate_event"},
        "all": {"item": "honour", "unit": {"row": "acts", "column": "occurred_on", "role": "subject"}},
    }
    assert ("LAW-431", ("sources", "all", "unit", "column")) in misunderstood(catalogue, sources=keyless)
    no_end = {"all": {"relation": "parent_of"}}
    assert ("LAW-111", ("sources", "all", "unit")) in misunderstood(catalogue, sources=no_end)


def test_sources_in_a_circle_are_refused(catalogue: Catalogue) -> None:
    circle = {
        "a": {"item": "honour", "unit": {"row": "b", "column": "subject", "role": "subject"}},
        "b": {"item": "honour", "unit": {"row": "a", "column": "subject", "role": "subject"}},
    }
    assert "LAW-110" in [code for code, _ in misunderstood(catalogue, sources=circle)]
