"""Masking."""

from __future__ import annotations

import pytest

from xinlu.access import masking


@pytest.mark.parametrize(
    ("kind", "clear", "masked"),
    [
        ("name", "张三", "张*"),
        ("name", "欧阳小三", "欧**三"),
        ("id_number", "33010619900307123X", "330*************3X"),
        ("phone", "13812345678", "138****5678"),
        ("plate", "浙A12312", "浙A***12"),
        ("address", "浙江省杭州市西湖区文三路1号2幢", "浙江省杭州市西湖区****"),
        ("address", "浙江省义乌市稠城街道1号", "浙江省义乌市****"),
        ("account", "6222021202001234567", "***************4567"),
        ("account", "123", "***"),
        ("none", "公开", "公开"),
    ],
)
def test_a_value_is_masked_as_its_field_says(kind: str, clear: str, masked: str) -> None:
    assert masking.mask(kind, clear) == masked


@pytest.mark.parametrize("kind", [k for k in masking.MASKS if k != "none"])
def test_no_mask_lets_a_short_value_through(kind: str) -> None:
    for length in range(1, 6):
        clear = "一二三四五"[:length]
        assert "*" in masking.mask(kind, clear)
    assert masking.mask(kind, "") == ""


def test_an_unknown_mask_hides_everything() -> None:
    assert masking.mask("no such mask", "abc") == "***"
