"""How names and identifiers are compared: one spelling for each."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

NAME_LENGTH = 200


@lru_cache(maxsize=8192)
def normalised(name: str) -> str:
    """One spelling of a name: compatibility forms folded, no spaces, upper case.

    >>> normalised("示例 交通（浙江）Ａ公司")
    '示例交通(浙江)A公司'
    """
    folded = unicodedata.normalize("NFKC", name)
    return "".join(folded.split()).upper()[:NAME_LENGTH]


@lru_cache(maxsize=16384)
def initials(name: str) -> str:
    """First letters of the pinyin, as people type them in a search box.

    >>> initials("示例交通(浙江)A公司")
    'SLJTZJAGS'
    """
    # Its dictionaries take 55 MB: only who enrols or searches needs them.
    from pypinyin import Style, lazy_pinyin

    letters = lazy_pinyin(normalised(name), style=Style.FIRST_LETTER, strict=False)
    return "".join(c for part in letters for c in part if c.isalnum()).upper()[:NAME_LENGTH]


def normalised_identifier(value: str) -> str:
    """One spelling of an identifier: folded, no spaces or dashes, upper case.

    >>> normalised_identifier(" 浙a·12345 "), normalised_identifier("3301-06")
    ('浙A12345', '330106')
    """
    folded = unicodedata.normalize("NFKC", value)
    return "".join(c for c in folded if c.isalnum()).upper()
