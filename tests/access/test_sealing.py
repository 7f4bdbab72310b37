"""Field encryption."""

from __future__ import annotations

import pytest

from xinlu.access.sealing import SealBroken, blind_index, seal, unseal


def test_a_sealed_value_opens_again_and_never_looks_the_same_twice() -> None:
    sealed = seal("33010619900307123X")
    assert unseal(sealed) == "33010619900307123X"
    assert sealed != seal("33010619900307123X")
    assert "3301" not in sealed


def test_tampering_is_noticed() -> None:
    sealed = seal("33010619900307123X")
    last = "0" if sealed[-1] != "0" else "1"
    with pytest.raises(SealBroken):
        unseal(sealed[:-1] + last)
    with pytest.raises(SealBroken):
        unseal("9" + sealed[1:])


def test_the_blind_index_finds_equal_values_only() -> None:
    assert blind_index("a") == blind_index("a") != blind_index("b")
