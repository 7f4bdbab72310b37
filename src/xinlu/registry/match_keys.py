"""Spellings under which a subject is looked up when no identifier is equal, kept with the names in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from xinlu.access.sealing import blind_index
from xinlu.journal.insert import insert_many
from xinlu.law.identifiers import normalise
from xinlu.law.regions import load_regions
from xinlu.registry.firm_name import Places, called_person, folded, sound
from xinlu.registry.models import NEVER_LISTED, MatchKey

BATCH = 2000
OWNERS = ("operator_name", "legal_representative")
"""Attributes that name who owns or represents a subject."""

Key = tuple[str, str]
"""What it is and the spelling."""


def places() -> Places:
    """Names of divisions, of the law in ``XINLU_STANDARDS``."""
    return _places(Path(settings.STANDARDS) / "regions.yaml")


@lru_cache(maxsize=2)
def _places(path: Path) -> Places:
    return Places.of(load_regions(path))


def is_kept(kind: str, *, natural: bool) -> bool:
    """Whether a subject is looked up by name at all: natural persons and vehicles never are."""
    return not natural and kind not in NEVER_LISTED


def name_keys(names: Iterable[str], owners: Iterable[str]) -> set[Key]:
    """Keys of everything that a subject is or was called, and of its owners.

    >>> sorted(name_keys(["杭州示例顺达物流有限公司"], []))
    [('core', '示例顺达物流'), ('sound', 'shi li shun da wu liu')]
    """
    found = {key for name in names for key in called_keys(name)}
    return found | {owner_key(one) for one in owners if one}


def called_keys(name: str) -> set[Key]:
    """Keys of one name."""
    core = places().parts(name).core if name else ""
    found: set[Key] = {("core", core[:120]), ("sound", sound(core)[:120])} if core else set()
    if person := called_person(core):
        found.add(owner_key(person))
    return found


def owner_key(name: str) -> Key:
    """Names of persons are kept as blind indexes only."""
    return ("owner", blind_index(folded(name)))


def code_keys(identifiers: Iterable[tuple[str, str]]) -> set[Key]:
    """The organisation code inside each USCC: (type, value) → keys.

    >>> code_keys([("uscc", "91330106XL00000746")])
    {('organ', 'XL0000074')}
    """
    codes = (normalise("uscc", value) for type_, value in identifiers if type_ == "uscc")
    return {("organ", one[8:17]) for one in codes if len(one) == 18}


def owners_of(attributes: Mapping[str, object]) -> list[str]:
    """Names of owners among the attributes of a period."""
    return [value for name in OWNERS if isinstance(value := attributes.get(name), str) and value]


def add_keys(keys: Mapping[int, set[Key]]) -> None:
    """Write the keys of subjects that have none of them yet. The caller holds a transaction and has written in it."""
    rows = [MatchKey(subject_id=n, what=w, key=k) for n, several in keys.items() for w, k in sorted(several)]
    insert_many(MatchKey, rows)


def renew_name_keys(keys: Mapping[int, set[Key]]) -> None:
    """Make these the only keys from names that the subjects have; those from codes stay."""
    numbers = sorted(keys)
    for start in range(0, len(numbers), BATCH):
        part = numbers[start : start + BATCH]
        held: dict[int, dict[Key, int]] = {number: {} for number in part}
        rows = MatchKey.objects.filter(subject__in=part).exclude(what="organ")
        for pk, number, what, key in rows.values_list("pk", "subject_id", "what", "key"):
            held[number][what, key] = pk
        gone = [pk for number in part for key, pk in held[number].items() if key not in keys[number]]
        for first in range(0, len(gone), BATCH):
            MatchKey.objects.filter(pk__in=gone[first : first + BATCH]).delete()
        add_keys({number: keys[number] - held[number].keys() for number in part})


def missing_code_keys(identifiers: Sequence[tuple[int, str, str]]) -> dict[int, set[Key]]:
    """Of (subject, type, value): the keys that the subjects do not have yet."""
    wanted: dict[int, set[Key]] = {}
    for number, type_, value in identifiers:
        if found := code_keys([(type_, value)]):
            wanted.setdefault(number, set()).update(found)
    held = MatchKey.objects.filter(subject__in=sorted(wanted), what="organ").values_list("subject_id", "what", "key")
    for number, what, key in held:
        wanted[number].discard((what, key))
    return wanted
