"""Names and reach of places."""

from __future__ import annotations

from xinlu.dossier.places import city_code, inside, place_name


def test_a_city_reaches_over_its_counties_and_no_further() -> None:
    ningbo = inside("330200")
    assert {"330200", "330203"} <= ningbo
    assert "330106" not in ningbo
    assert "330782" not in inside("330700")


def test_an_unknown_place_is_itself_and_lies_in_no_city() -> None:
    assert inside("999999") == {"999999"}
    assert (place_name("999999"), city_code("999999")) == ("999999", "")
