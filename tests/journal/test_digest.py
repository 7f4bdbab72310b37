"""Digests of facts."""

from __future__ import annotations

import pytest

from xinlu.journal.digest import canonical, sm3


def test_sm3_gives_the_digest_of_the_standard() -> None:
    assert sm3("abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_order_of_keys_does_not_matter_and_floats_have_no_place() -> None:
    assert canonical({"a": 1, "b": [True, None]}) == canonical({"b": [True, None], "a": 1})
    with pytest.raises(TypeError, match="float"):
        canonical({"a": 1.5})
