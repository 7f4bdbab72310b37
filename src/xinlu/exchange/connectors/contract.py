"""What a connector promises, and what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from xinlu.exchange.connectors.trouble import trouble
from xinlu.intake.sheet import Sheet

Mark = dict[str, Any]
"""How far a connection got, as JSON: only the connector that wrote it reads it."""


class SecretName(BaseModel):
    """Where a secret is to be found: ``{secret: hz-cases}``. The secret itself never stands in a file of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str


class Settings(BaseModel):
    """Base of the settings of a connector: a key that nobody declared is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Secrets(Protocol):
    """Gives secrets by name."""

    def __call__(self, name: SecretName) -> str:
        """The secret; :class:`~xinlu.exchange.connectors.trouble.Trouble` PU-003 when nobody has set it."""
        ...


@dataclass(frozen=True)
class Parcel:
    """One hand-over: what becomes one delivery."""

    name: str
    """Name of the file or of the piece, for people; says nothing of persons."""
    fingerprint: str
    """Tells this content at this place from every other: never handed over twice."""
    data: bytes | None = field(default=None, repr=False)
    """A file; or …"""
    sheet: Sheet | None = field(default=None, repr=False)
    """… rows that stand in no file."""
    rows: int | None = None
    """Rows, where the connector knows."""
    mark: Mark | None = None
    """How far the connection has got once this is handed over."""
    in_order: bool = False
    """What comes behind it may not be handed over before it: its mark would pass this one over."""


@dataclass(frozen=True)
class Postponed:
    """Something that is there and cannot be taken now; it is tried again with the next pull."""

    name: str
    code: str
    sentence: str


@dataclass(frozen=True)
class Memory:
    """What earlier pulls left: the last mark, and which fingerprints are done with."""

    mark: Mark | None = None
    done: frozenset[str] = frozenset()
    """Fingerprints that were handed over, or refused and not asked for again."""


class Reached(Protocol):
    """A system that can be asked."""

    def waiting(self, memory: Memory, *, start: str | None = None) -> Iterator[Parcel | Postponed]:
        """What was not handed over yet, oldest first. ``start``: begin there again instead of at the mark.

        Whoever asks may stop at any time and come back with what ``memory`` then says.

        Raises:
            Trouble: the system cannot be read any further; what was given until then stands.
        """
        ...


class Connector(Protocol):
    """One kind of system."""

    title: ClassVar[str]
    Settings: ClassVar[Any]
    """The model of its settings, a subclass of :class:`Settings`."""

    @staticmethod
    def reach(settings: Any, secrets: Secrets) -> AbstractContextManager[Reached]:
        """Connect; :class:`~xinlu.exchange.connectors.trouble.Trouble` says why not."""
        ...


def no_secret_in(text: Mapping[str, Any], *, where: str) -> None:
    """Refuse settings with a word that looks like a secret: secrets have names here.

    Raises:
        Trouble: PU-002.
    """
    for key, value in text.items():
        if key in ("password", "passphrase", "token", "private_key") and isinstance(value, str):
            raise trouble("PU-002", f"{where} 里直接写了 {key}，口令不得写在配置里")
