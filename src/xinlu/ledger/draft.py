"""A record as it is about to be accepted, in the catalogue's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from xinlu.journal.digest import canonical, sm3
from xinlu.law.catalogue import Item

KEY_LENGTH = 400
KEY_SEPARATOR = "|"

Value = str | list[str]


class KeyIncomplete(ValueError):
    """A part of the business key is missing."""


@dataclass(frozen=True)
class Draft:
    """One row that passed the checks.

    ``payload``: field → text in the catalogue's spelling (``"12.50"``, ``"true"``, ``"2024-03-01"``), a list of
    texts when ``many``; missing fields are absent. ``roles``: role → subject numbers. ``number``: row in its
    delivery. ``withdraws``: the row takes the record back; then only the key matters.
    """

    number: int
    key: str
    occurred_on: date
    effective_from: date
    payload: Mapping[str, Value]
    roles: Mapping[str, tuple[int, ...]]
    effective_until: date | None = None
    parent: int | None = None
    withdraws: bool = False

    @cached_property
    def digest(self) -> str:
        """SM3 of the content: payload, roles, dates and parent."""
        return sm3(
            canonical(
                {
                    "payload": dict(self.payload),
                    "roles": {role: sorted(numbers) for role, numbers in self.roles.items() if numbers},
                    "dates": [self.occurred_on, self.effective_from, self.effective_until],
                    "parent": self.parent,
                }
            )
        )


def draft(
    item: Item,
    *,
    number: int,
    payload: Mapping[str, Value],
    roles: Mapping[str, tuple[int, ...]],
    parent: int | None = None,
    withdraws: bool = False,
) -> Draft:
    """A draft whose key and dates follow from ``item``.

    An effective end that lies before its start (a source wrote the last day for the first) is not repaired here:
    the database refuses it. Raises :class:`KeyIncomplete`, or ``ValueError`` for a missing ``occurred_on``.
    """
    occurred_on = _day(payload, item.occurred_on)
    if occurred_on is None:
        raise ValueError(f"{item.item}: {item.occurred_on} is missing")
    return Draft(
        number=number,
        key=key_of(item, payload=payload, roles=roles),
        occurred_on=occurred_on,
        effective_from=_day(payload, item.effective_from) or occurred_on,
        effective_until=_day(payload, item.effective_until),
        payload=payload,
        roles=roles,
        parent=parent,
        withdraws=withdraws,
    )


def key_of(item: Item, *, payload: Mapping[str, Value], roles: Mapping[str, tuple[int, ...]]) -> str:
    """The business key as text: the parts of ``item.key`` in their order."""
    return joined([_part(item, name, payload, roles) for name in item.key])


def parent_key_of(item: Item, *, payload: Mapping[str, Value], roles: Mapping[str, tuple[int, ...]]) -> str:
    """The business key of the parent record that a row names in ``item.parent_key``."""
    return joined([_part(item, name, payload, roles) for name in item.parent_key])


def joined(parts: list[str]) -> str:
    """Parts of a key as one text; a long key ends in a digest of its whole."""
    text = KEY_SEPARATOR.join(part.replace(KEY_SEPARATOR, "¦") for part in parts)
    if len(text) <= KEY_LENGTH:
        return text
    return f"{text[: KEY_LENGTH - 33]}…{sm3(text)[:32]}"


def _part(item: Item, name: str, payload: Mapping[str, Value], roles: Mapping[str, tuple[int, ...]]) -> str:
    if name.startswith("role:"):
        found = ",".join(str(one) for one in sorted(roles.get(name.removeprefix("role:"), ())))
    else:
        value = payload.get(name, "")
        found = value.strip() if isinstance(value, str) else ",".join(sorted(value))
    if not found:
        raise KeyIncomplete(f"{item.item}: key part {name} is missing")
    return found


def _day(payload: Mapping[str, Value], name: str | None) -> date | None:
    value = payload.get(name) if name else None
    return date.fromisoformat(value) if isinstance(value, str) and value else None
