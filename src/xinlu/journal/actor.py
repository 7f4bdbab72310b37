"""Who did something: a person, a source, or the system itself for a stated reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """``key`` names a person (``person:12``) or the system (``system:demo``); ``organ`` is a code or empty."""

    key: str
    organ: str = ""

    @classmethod
    def system(cls, reason: str) -> Actor:
        """The system itself; the reason is part of its name in the journal.

        >>> Actor.system("nightly").key
        'system:nightly'
        """
        return cls(key=f"system:{reason}")
