"""The parts of pages: what a badge, a pager, a filter bar and a scale say."""

from __future__ import annotations

import doctest
from decimal import Decimal

import pytest

from xinlu.law.library import load, shipped
from xinlu.law.rulebook import Level
from xinlu.web import cases, difference, icons, lawbook, parts, scale
from xinlu.web.parts import Filter, FilterBar, Pager, badge_of
from xinlu.web.templatetags import xinlu_parts


@pytest.mark.parametrize("module", [parts, scale, difference, lawbook, xinlu_parts, icons, cases])
def test_examples_in_docstrings_hold(module) -> None:
    assert doctest.testmod(module).failed == 0


def levels(*names: str, colours: tuple[str, ...] = ()) -> list[Level]:
    tints = colours or (None,) * len(names)
    return [Level.model_validate({"level": n, "title": n, "colour": c}) for n, c in zip(names, tints, strict=True)]


def test_a_letter_takes_the_colour_of_its_rank_and_not_of_its_name() -> None:
    assert badge_of(level="A", levels=levels("AA", "A", "B", "C", "D")).css == "rank-2"
    assert badge_of(level="A", levels=levels("AAA", "AA", "A", "B")).css == "rank-3"


def test_the_last_level_of_any_set_has_the_last_shade() -> None:
    for size in range(2, 9):
        names = [chr(65 + n) for n in range(size)]
        shades = [badge_of(level=name, levels=levels(*names)).css for name in names]
        assert shades[0] == "rank-1"
        assert shades[-1] == "rank-5"
        assert shades == sorted(shades)


def test_a_missing_level_is_never_shown_as_a_level() -> None:
    assert badge_of(level=None, levels=levels("AA", "A")).text == "未评"
    assert badge_of(level="", levels=levels("AA", "A"), status="open").text == "待人工"


def test_a_coloured_code_has_a_sign_beside_its_colour() -> None:
    made = badge_of(level="黄码", levels=levels("蓝码", "黄码", colours=("blue", "yellow")), kind="safety_code")
    assert (made.shape, made.glyph) == ("code", "triangle")


def test_an_answer_in_words_has_no_colours_of_a_letter() -> None:
    listing = [Level(level="none", title="不列入"), Level(level="listed", title="已列入")]
    assert badge_of(level="listed", levels=listing, kind="list").css == "listed"
    assert badge_of(level="none", levels=listing, kind="list").text == "不列入"


def test_stars_are_counted_and_named() -> None:
    made = badge_of(level="star4", levels=levels("star5", "star4", "star3", "star2", "star1"))
    assert made.on == (True, True, True, True, False)
    assert made.text == "四星"


def test_every_level_of_every_shipped_book_has_a_badge() -> None:
    law = load(shipped())
    for versions in law.rulebooks.values():
        for book in versions:
            for output in book.outputs:
                for step in lawbook.levels_of(book, output):
                    made = badge_of(level=step.level, levels=lawbook.levels_of(book, output), kind=book.kind)
                    assert made.text
                    assert not made.text.isascii() or made.text.isupper(), (book.rulebook, step.level)


def test_a_pager_keeps_the_query_and_names_its_gaps() -> None:
    pager = Pager(page=10, size=20, total=1000, query={"q": "甲"})
    assert [number for number, _ in pager.links] == [1, 0, 8, 9, 10, 11, 12, 0, 50]
    assert pager.after == "?q=%E7%94%B2&page=11"
    assert Pager(page=1, size=20, total=0).first == 0


def test_the_state_of_a_filter_bar_is_its_address() -> None:
    bar = FilterBar((Filter("a", "甲", value="1"), Filter("b", "乙"), Filter("c", "丙", value="2")), {"tab": "bad"})
    assert bar.query == {"tab": "bad", "a": "1", "c": "2"}
    assert [address for _, address in bar.chips] == ["?tab=bad&c=2", "?tab=bad&a=1"]
    assert bar.clear == "?tab=bad"


def test_a_number_on_the_edge_stands_at_the_edge_of_its_band() -> None:
    cut = {"AA": ">= 95", "A": "[85, 95)", "B": "< 85"}
    five = levels("AA", "A", "B")
    assert scale.scale_of(cut=cut, levels=five, number=Decimal(85)).mark == "33.33%"
    strip = scale.scale_of(cut=cut, levels=five, number=Decimal("94.99"))
    assert [stripe.here for stripe in strip.stripes] == [False, True, False]
    assert scale.scale_of(cut=cut, levels=five, number=None).mark == ""


def test_a_strip_writes_levels_as_people_do_and_keeps_the_colours_that_a_book_gives() -> None:
    levels = [Level(level="green", title="低风险", colour="green"), Level(level="red", title="高风险", colour="red")]
    strip = scale.scale_of(cut={"green": "< 101", "red": ">= 101"}, levels=levels, number=Decimal(201))
    assert [(stripe.level, stripe.shade) for stripe in strip.stripes] == [("低风险", "green"), ("高风险", "red")]
    assert "高风险" in strip.words
