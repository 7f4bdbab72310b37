"""SM3 digests (GB/T 32905-2016) of text and of facts in their canonical spelling."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives import hashes


def sm3(text: str | bytes) -> str:
    """The SM3 digest of ``text`` as 64 hexadecimal digits.

    >>> sm3("abc")[:16]
    '66c7f0f462eeedd9'
    """
    state = hashes.Hash(hashes.SM3())
    state.update(text.encode() if isinstance(text, str) else text)
    return state.finalize().hex()


def canonical(facts: Any) -> str:
    """JSON with sorted keys and no spaces; dates, times and decimals as text.

    A float is refused: it has no one spelling.

    >>> canonical({"b": Decimal("1.50"), "a": [date(2024, 1, 2), None]})
    '{"a":["2024-01-02",null],"b":"1.50"}'
    """
    return _SPELLING.encode(_plain(facts))


_SPELLING = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_AS_IT_IS = frozenset((str, int, bool, type(None)))


def _plain(value: Any) -> Any:
    if value.__class__ in _AS_IT_IS:
        return value
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return format(value, "f")
        case datetime() | date():
            return value.isoformat()
        case dict():
            return {str(key): _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
    raise TypeError(f"{type(value).__name__} has no canonical spelling: {value!r}")
