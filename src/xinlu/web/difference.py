"""What differs between two texts or two versions of a book, as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Parts = tuple[tuple[bool, str], ...]
"""Pieces of a text; True where both versions agree."""


@dataclass(frozen=True)
class Change:
    """One place that differs."""

    kind: Literal["added", "removed", "changed"]
    where: str
    before: Parts
    after: Parts


def split(before: str, after: str) -> tuple[Parts, Parts]:
    """Cut two texts into what agrees and what differs.

    >>> split("扣3分", "扣5分")
    (((True, '扣'), (False, '3'), (True, '分')), ((True, '扣'), (False, '5'), (True, '分')))
    """
    old: list[tuple[bool, str]] = []
    new: list[tuple[bool, str]] = []
    for tag, i, j, k, m in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if i < j:
            old.append((tag == "equal", before[i:j]))
        if k < m:
            new.append((tag == "equal", after[k:m]))
    return tuple(old), tuple(new)


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """All places that differ between two mappings of place → text, in the order of the new version;
    what is gone stands at the end.

    >>> [change.kind for change in changes({"甲": "1", "乙": "2"}, {"乙": "3", "丙": "4"})]
    ['changed', 'added', 'removed']
    """
    found: list[Change] = []
    for where, text in after.items():
        if where not in before:
            found.append(Change("added", where, (), ((False, text),)))
        elif before[where] != text:
            old, new = split(before[where], text)
            found.append(Change("changed", where, old, new))
    gone = [Change("removed", where, ((False, text),), ()) for where, text in before.items() if where not in after]
    return (*found, *gone)
