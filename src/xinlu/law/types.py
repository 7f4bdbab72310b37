"""Types of the expression language: what a name holds, with the digits of every number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

MOST_DIGITS = 38
QUOTIENT_SCALE = 12

Kind = Literal["number", "text", "date", "flag", "level", "subject", "list", "null"]


@dataclass(frozen=True, slots=True)
class Type:
    """The type of an expression.

    ``digits``/``scale`` belong to numbers (at most 38 digits). ``missing``: the value may be absent.
    ``levels``: level codes best first (None: the set is taken from the context). ``codes``: code list of a
    text. ``of``: element type of a list.
    """

    kind: Kind
    digits: int = 0
    scale: int = 0
    missing: bool = False
    levels: tuple[str, ...] | None = None
    codes: str | None = None
    of: Type | None = None

    @property
    def whole_digits(self) -> int:
        """Digits before the point."""
        return self.digits - self.scale

    def or_missing(self, missing: bool = True) -> Type:
        """The same type, possibly absent."""
        return replace(self, missing=self.missing or missing)

    def sure(self) -> Type:
        """The same type, surely present."""
        return replace(self, missing=False)


def number(whole: int, scale: int, *, missing: bool = False) -> Type:
    """A number type, held to 38 digits; beyond that a run refuses with an overflow rather than rounding.

    >>> number(30, 12).digits
    38
    """
    return Type("number", min(whole + scale, MOST_DIGITS), scale, missing)


def of_decimal(value: Decimal) -> Type:
    """The narrowest number type that holds ``value``.

    >>> of_decimal(Decimal("0.25")).scale
    2
    """
    exponent = value.as_tuple().exponent
    scale = max(0, -exponent) if isinstance(exponent, int) else 0
    whole = max(1, len(str(abs(int(value)))))
    return number(whole, scale)


TEXT = Type("text")
DATE = Type("date")
FLAG = Type("flag")
SUBJECT = Type("subject")
COUNT = number(18, 0)
NULL = Type("null", missing=True)


def join(first: Type, second: Type) -> Type | None:
    """The type that holds values of both, or None when they do not mix."""
    if first.kind == "null":
        return second.or_missing()
    if second.kind == "null":
        return first.or_missing()
    missing = first.missing or second.missing
    if first.kind == second.kind == "number":
        whole = max(first.whole_digits, second.whole_digits)
        return number(whole, max(first.scale, second.scale), missing=missing)
    if {first.kind, second.kind} == {"level", "text"}:
        return (first if first.kind == "level" else second).or_missing(missing)
    if first.kind == second.kind:
        codes = first.codes if first.codes == second.codes else None
        return replace(first, missing=missing, codes=codes, levels=first.levels or second.levels)
    return None
