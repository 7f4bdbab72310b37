"""A book is understood whole: names, types, digits, what may be missing, and the order of its steps."""

from __future__ import annotations

from typing import Any

import pytest

from xinlu import standards_folder
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import load_catalogue
from xinlu.law.meaning import Misunderstood, understand
from xinlu.law.rulebook import Rulebook

SOURCE = {"document": "测试", "issuer": "信路", "grade": "sample"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(standards_folder())


def book(**parts: Any) -> Rulebook:
    return Rulebook.model_validate(
        {
            "rulebook": "t",
            "version": "1",
            "title": "测试",
            "kind": "industry_credit",
            "sector": "road_transport",
            "rates": {"subject": "vehicle"},
            "in_force": {"from": "2020-01-01"},
            "source": SOURCE,
            "levels": [{"level": "A", "title": "好"}, {"level": "B", "title": "差"}],
            "sources": {"acts": {"item": "overlimit_act", "unit": {"role": "vehicle"}, "within": "life"}},
            "outputs": {"n": {"title": "次数", "value": "1"}},
            **parts,
        }
    )


def problems(catalogue: Catalogue, **parts: Any) -> list[tuple[str, tuple[str | int, ...]]]:
    with pytest.raises(Misunderstood) as caught:
        understand(book(**parts), catalogue)
    return [(one.code, one.path) for one in caught.value.problems]


def output(text: str, **more: Any) -> dict[str, Any]:
    return {"n": {"title": "次数", "value": text, **more}}


def test_an_unknown_name_is_told_at_its_key(catalogue):
    assert problems(catalogue, outputs=output("nothing + 1")) == [("LAW-101", ("outputs", "n", "value"))]


def test_a_text_is_no_number(catalogue):
    assert problems(catalogue, outputs=output("1 + 'x'"))[0][0] == "LAW-102"


def test_what_may_be_missing_must_be_guarded_before_it_is_compared(catalogue):
    assert problems(catalogue, outputs=output("axles > 3"))[0][0] == "LAW-103"
    for guarded in (
        "present(axles) and axles > 3",
        "coalesce(axles, 0) > 3",
        "axles is not null and axles > 3",
        "missing(axles) or axles > 3",
        "case when present(axles) then axles > 3 else false end",
        "case when missing(axles) then false else axles > 3 end",
    ):
        understand(book(outputs=output(guarded)), catalogue)


def test_a_guard_on_one_side_of_or_guards_nothing(catalogue):
    text = "(present(axles) or present(name)) and axles > 3"
    assert problems(catalogue, outputs=output(text))[0][0] == "LAW-103"


def test_arithmetic_on_the_missing_stays_missing_and_needs_no_guard(catalogue):
    meaning = understand(book(outputs=output("axles * 2 + 1")), catalogue)
    assert meaning.outputs["n"].missing


def test_a_level_must_be_in_the_set(catalogue):
    wrong = {"level": {"title": "等级", "otherwise": "C"}}
    assert problems(catalogue, outputs=wrong) == [("LAW-105", ("outputs", "level"))]


def test_a_code_must_be_in_its_list(catalogue):
    rates = {"subject": "vehicle", "where": "present(vehicle_class) and vehicle_class = 'spaceship'"}
    assert problems(catalogue, rates=rates)[0] == ("LAW-106", ("rates", "where"))


def test_products_with_too_many_digits_behind_the_point_are_refused(catalogue):
    values = {"a": {"is": "1 / 3"}, "b": {"is": "a * a"}, "c": {"is": "b * a"}}
    assert problems(catalogue, values=values)[0] == ("LAW-104", ("values", "c", "is"))


def test_a_circle_is_an_error_and_never_a_default(catalogue):
    values = {"a": {"is": "b + 1"}, "b": {"is": "a + 1"}}
    assert problems(catalogue, values=values)[0][0] == "LAW-110"


def test_steps_come_after_what_they_read_whatever_the_order_of_the_file(catalogue):
    meaning = understand(
        book(
            values={"late": {"is": "early + n_acts"}, "early": {"is": "2"}},
            folds={"n_acts": {"over": "acts", "count": True}},
        ),
        catalogue,
    )
    order = [name for _, name in meaning.order]
    assert order.index("acts") < order.index("n_acts") < order.index("late")
    assert order.index("early") < order.index("late")


def test_a_fold_does_exactly_one_thing(catalogue):
    folds = {"n": {"over": "acts", "count": True, "total": "1"}}
    assert problems(catalogue, folds=folds)[0] == ("LAW-111", ("folds", "n"))


def test_points_may_not_be_missing(catalogue):
    clauses = {"c": {"title": "条款", "hits": "acts", "minus": "excess_ratio / 0.1"}}
    found = problems(catalogue, clauses=clauses, folds={"s": {"sum": ["c"]}})
    assert found[0][1] == ("clauses", "c", "minus")


def test_the_digits_of_a_sum_leave_room_for_ten_million_rows(catalogue):
    clauses = {"c": {"title": "条款", "hits": "acts", "minus": "2.5"}}
    meaning = understand(book(clauses=clauses, folds={"s": {"sum": ["c"]}}), catalogue)
    assert meaning.folds["s"].scale == 1
    assert meaning.folds["s"].whole_digits >= 8


def test_every_shipped_book_is_understood_with_the_facts_it_reads(catalogue):
    meaning = understand(book(outputs=output("coalesce(axles, 0)")), catalogue)
    assert [ref.name for ref in meaning.facts] == ["axles"]
