from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from xinlu.law.catalogue import Catalogue, Disclosure
from xinlu.law.check.books import check_book
from xinlu.law.library import load, load_catalogue, shipped
from xinlu.law.problem import LawError
from xinlu.law.source import InForce
from xinlu.law.uses import Use, contradictions, permits, refusal, require, usable, words

DAY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(shipped())


def code(found: object) -> str:
    return str(found).split()[0] if found else ""


def test_a_use_that_the_catalogue_lists_is_not_refused(catalogue: Catalogue) -> None:
    for use in Use:
        assert refusal(catalogue, "administrative_penalty", use, on=DAY, consent=True) is None


def test_what_is_not_in_the_catalogue_in_force_may_be_used_for_nothing(catalogue: Catalogue) -> None:
    assert code(refusal(catalogue, "rumour", Use.RATING, on=DAY)) == "LAW-311"
    assert code(refusal(catalogue, "administrative_penalty", Use.RATING, on=date(2018, 6, 30))) == "LAW-311"


def test_court_and_tax_facts_enter_no_rating_and_leave_nowhere(catalogue: Catalogue) -> None:
    for item in ("court_enforcement", "tax_matter"):
        for use in (Use.RATING, Use.PUBLICITY, Use.SHARING, Use.THIRD_PARTY):
            assert code(refusal(catalogue, item, use, on=DAY, consent=True)) == "LAW-312"
        assert refusal(catalogue, item, Use.INSPECTION, on=DAY) is None
        assert words(catalogue.items[item]) == "监督检查"


def test_a_third_party_needs_the_consent_of_the_subject(catalogue: Catalogue) -> None:
    assert code(refusal(catalogue, "voluntary_statement", Use.THIRD_PARTY, on=DAY)) == "LAW-313"
    assert refusal(catalogue, "voluntary_statement", Use.THIRD_PARTY, on=DAY, consent=True) is None


def test_one_forbidden_item_keeps_all_from_leaving_and_each_is_told(catalogue: Catalogue) -> None:
    require(catalogue, "honour", "administrative_permit", use=Use.SHARING, on=DAY)
    with pytest.raises(LawError) as refused:
        require(catalogue, "honour", "weighing", "tax_matter", use=Use.SHARING, on=DAY)
    assert [one.code for one in refused.value.problems] == ["LAW-312", "LAW-312"]


def test_what_the_public_sees_is_public_of_class_and_of_use(catalogue: Catalogue) -> None:
    shown = usable(catalogue, Use.PUBLICITY, on=DAY)
    assert shown == {name for name, one in catalogue.items.items() if one.disclosure is Disclosure.PUBLIC}
    assert "complaint" not in shown


def test_a_disclosure_class_and_the_uses_may_not_contradict(catalogue: Catalogue) -> None:
    assert [name for name, one in catalogue.items.items() if contradictions(one)] == []
    inside = catalogue.items["complaint"].model_copy(update={"uses": ("rating", "sharing")})
    assert contradictions(inside) == ["“内部使用”的信息项不得用于政务共享"]
    assert not permits(inside, Use.SHARING)
    silent = catalogue.items["honour"].model_copy(update={"uses": ("rating",)})
    assert contradictions(silent) == ["“主动公开”的信息项，用途中没有社会公开"]


def refused_books(item: str, **changed: object) -> set[str]:
    """Codes of uses that ``xinlu law check`` tells of the books that read ``item``, after a change of it."""
    law = load(shipped())
    amended = law.catalogue.items[item].model_copy(update=changed)
    items = {**law.catalogue.items, item: amended}
    other = replace(law, catalogue=law.catalogue.model_copy(update={"items": items}))
    books = [book for versions in law.rulebooks.values() for book in versions]
    return {one.code for book in books for one in check_book(other, book, None) if one.code in ("LAW-307", "LAW-310")}


def test_a_book_may_not_read_an_item_that_is_not_for_rating() -> None:
    assert refused_books("bid_behaviour") == set()
    assert refused_books("bid_behaviour", uses=("inspection",)) == {"LAW-307"}


def test_a_book_may_not_outlive_an_item_that_it_reads() -> None:
    ended = InForce(**{"from": date(2010, 1, 1), "until": date(2025, 1, 1)})
    assert refused_books("bid_behaviour", in_force=ended) == {"LAW-310"}
