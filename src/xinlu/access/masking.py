"""Masking (脱敏): one set of functions for pages, papers, sheets, interfaces and logs alike.

The clear value never leaves the server to be hidden there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

STAR = "*"
_ID_NUMBER = re.compile(r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{9}[\dXx](?![0-9A-Za-z])")
_MOBILE = re.compile(r"(?<![0-9A-Za-z])1[3-9]\d{9}(?![0-9A-Za-z])")


def name(text: str) -> str:
    """Name of a natural person: the first character, and the last of three or more.

    >>> name("张三"), name("张小三"), name("欧阳小三"), name("张")
    ('张*', '张*三', '欧**三', '*')
    """
    text = text.strip()
    match len(text):
        case 0:
            return ""
        case 1:
            return STAR
        case 2:
            return text[0] + STAR
    return text[0] + STAR * (len(text) - 2) + text[-1]


def id_number(text: str) -> str:
    """Identity or certificate number: three leading and two closing characters, if at least three stay hidden.

    >>> id_number("33010619900101123X"), id_number("12345")
    ('330*************3X', '*****')
    """
    return _ends(text, 3, 2)


def phone(text: str) -> str:
    """Telephone number: three and four digits.

    >>> phone("13812345678")
    '138****5678'
    """
    return _ends(text, 3, 4)


def plate(text: str) -> str:
    """Number plate: province, letter and the last two characters.

    >>> plate("浙A12312"), plate("浙AD12345")
    ('浙A***12', '浙A****45')
    """
    return _ends(text, 2, 2)


def address(text: str) -> str:
    """Address: down to the county or district; nothing of an address that names none.

    >>> address("浙江省杭州市西湖区文三路1号"), address("文三路1号")
    ('浙江省杭州市西湖区****', '****')
    """
    found = re.match(r"^(.*?[省市州])?(.*?[区县旗]|.*?[市])", text.strip())
    return (found.group(0) if found else "") + STAR * 4 if text.strip() else ""


def account(text: str) -> str:
    """Bank account: the last four digits.

    >>> account("6222021202001234567")
    '***************4567'
    """
    return _ends(text, 0, 4)


def within(text: str) -> str:
    """Free text with the identity and mobile numbers in it masked; the rest as it is.

    >>> within("当事人（330106199001011230），电话13812345678，罚款 2000 元")
    '当事人（330*************30），电话138****5678，罚款 2000 元'
    >>> within("统一社会信用代码 91330106XL70000180")
    '统一社会信用代码 91330106XL70000180'
    """
    text = _ID_NUMBER.sub(lambda found: id_number(found.group()), text)
    return _MOBILE.sub(lambda found: phone(found.group()), text)


def _ends(text: str, head: int, tail: int) -> str:
    text = text.strip()
    hidden = len(text) - head - tail
    if hidden < 3:
        return STAR * len(text)
    return text[:head] + STAR * hidden + text[len(text) - tail :]


def _clear(text: str) -> str:
    return text


def _hidden(text: str) -> str:
    return STAR * len(text)


MASKS: dict[str, Callable[[str], str]] = {
    "none": _clear,
    "name": name,
    "id_number": id_number,
    "phone": phone,
    "plate": plate,
    "address": address,
    "account": account,
}


def mask(kind: str, text: str) -> str:
    """``text`` under the mask that the catalogue names for its field; an unknown mask hides everything.

    >>> mask("phone", "13812345678"), mask("nothing known", "abc")
    ('138****5678', '***')
    """
    return MASKS.get(kind, _hidden)(text)
