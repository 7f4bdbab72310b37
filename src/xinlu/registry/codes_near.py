"""Codes that somebody may have meant: those one slip away from a wrong one.

Check digits do the work: of the five hundred codes that differ from a wrong USCC in one sign or in the order of two
neighbours, only a handful are valid, and these few are looked up. Nothing is compared with everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from xinlu.law.identifiers import LOOKALIKES, ORGANISATION_WEIGHTS, TITLES, USCC_SIGNS, Kind, is_valid, normalise

Slip = Literal["lookalike", "swapped", "one", "missing", "extra"]
"""A letter for the digit it looks like; two neighbours changed; one sign wrong, left out, or too many."""

_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class _Sum:
    """How a check digit is made: the weighted values of all signs leave ``rest`` modulo ``modulus``."""

    signs: str
    weights: tuple[int, ...]
    modulus: int
    rest: int
    last: str
    """Signs of the check digit."""

    @property
    def length(self) -> int:
        return len(self.weights)


_SUMS = {
    "uscc": _Sum(USCC_SIGNS, (*(pow(3, n, 31) for n in range(17)), 1), 31, 0, USCC_SIGNS),
    "id_number": _Sum(_DIGITS, tuple(pow(2, n, 11) for n in range(17, -1, -1)), 11, 1, _DIGITS + "X"),
    "organisation_code": _Sum(_DIGITS + _LETTERS, (*ORGANISATION_WEIGHTS, 1), 11, 0, _DIGITS + "X"),
}
CHECKED = tuple(_SUMS)
"""Types with a check digit: only for these is one wrong sign enough of a trace."""
MARKS = {
    "lookalike": "字母与数字混淆",
    "swapped": "相邻两位颠倒",
    "one": "有一位不同",
    "missing": "漏录一位",
    "extra": "多录一位",
}


@lru_cache(maxsize=4096)
def near(type_: str, value: str) -> dict[str, Slip]:
    """Valid codes one slip away from ``value``, which is itself no valid code of its type; the surest slip holds.

    Of types without a check digit only the order of two neighbours is tried. Empty for a valid code: it means what
    it says.

    >>> near("uscc", "91330106XL00000764")
    {'91330106XL00000746': 'swapped'}
    >>> near("uscc", "9133O106XL00000746")
    {'91330106XL00000746': 'lookalike'}
    """
    if type_ not in TITLES:
        return {}
    kind: Kind = type_  # type: ignore[assignment]
    text = normalise(kind, value)
    if type_ not in CHECKED:
        return dict.fromkeys(_swapped(text), "swapped")
    made = _SUMS[type_]
    if is_valid(kind, text) or abs(len(text) - made.length) > 1:
        return {}
    found: dict[str, Slip] = {}
    for slip, several in _tries(text, made):
        for one in several:
            if one not in found and one != text and is_valid(kind, one):
                found[one] = slip
    return found


def _tries(text: str, made: _Sum) -> Iterator[tuple[Slip, Iterator[str]]]:
    if len(text) == made.length:
        yield "lookalike", iter((text.translate(LOOKALIKES),))
        yield "swapped", (one for one in _swapped(text) if _adds_up(one, made))
        yield "one", _replaced(text, made)
    elif len(text) == made.length - 1:
        longer = (text[:n] + sign + text[n:] for n in range(made.length) for sign in made.signs)
        yield "missing", (one for one in longer if _adds_up(one, made))
    else:
        shorter = (text[:n] + text[n + 1 :] for n in range(len(text)))
        yield "extra", (one for one in shorter if _adds_up(one, made))


def _swapped(text: str) -> Iterator[str]:
    for n in range(len(text) - 1):
        if text[n] != text[n + 1]:
            yield text[:n] + text[n + 1] + text[n] + text[n + 2 :]


def _value(sign: str, place: int, made: _Sum) -> int | None:
    """What a sign counts at its place; None where it cannot stand."""
    last = place == made.length - 1
    if sign not in (made.last if last else made.signs):
        return None
    if last and sign == "X" and made.modulus == 11:
        return 10
    return made.signs.index(sign)


def _adds_up(text: str, made: _Sum) -> bool:
    values = [_value(sign, place, made) for place, sign in enumerate(text)]
    total = sum(v * w for v, w in zip(values, made.weights, strict=True) if v is not None)
    return None not in values and total % made.modulus == made.rest


def _replaced(text: str, made: _Sum) -> Iterator[str]:
    """Codes with one other sign that add up."""
    values = [_value(sign, place, made) for place, sign in enumerate(text)]
    wrong = [place for place, value in enumerate(values) if value is None]
    if len(wrong) > 1:
        return
    total = sum(v * w for v, w in zip(values, made.weights, strict=True) if v is not None)
    for place in wrong or range(made.length):
        rest = total - (values[place] or 0) * made.weights[place]
        for sign in made.last if place == made.length - 1 else made.signs:
            value = _value(sign, place, made)
            if value is None or sign == text[place]:
                continue
            if (rest + value * made.weights[place]) % made.modulus == made.rest:
                yield text[:place] + sign + text[place + 1 :]
