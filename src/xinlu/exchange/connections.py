"""Connections (数据连接): which systems are pulled from, how often, and as which source their rows come.

They stand in one YAML file, ``XINLU_CONNECTIONS`` (``connections.yaml`` in ``XINLU_VAR``), which holds no secret and
may be reviewed like law. A secret has a name there and stands either in the environment, ``XINLU_SECRET_HZ_CASES``
for ``hz-cases``, or sealed with the field key under ``XINLU_VAR/secrets/``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, field_validator

from xinlu.access import sealing
from xinlu.exchange.connectors import CONNECTORS
from xinlu.exchange.connectors.contract import Connector, SecretName, Settings, no_secret_in
from xinlu.exchange.connectors.trouble import Trouble, pull_problem, trouble
from xinlu.law.marks import Marked, read
from xinlu.law.problem import LawError, Problem
from xinlu.law.shape import shape

_EVERY = re.compile(r"(\d{1,4})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SECRET = re.compile(r"[a-z][a-z0-9-]{0,60}")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Connection(_Model):
    """One system that is pulled from."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")
    title: str
    source: str
    """Code of the source whose rows these are."""
    organ: str = ""
    """Code of the source's organ: makes the source known at the first pull."""
    item: str | None = None
    kind: str | None = None
    relation: str | None = None
    """At most one of the three; none: the names of the columns tell."""
    mode: Literal["accept_good", "all_or_nothing"] = "accept_good"
    every: str = ""
    """How often: ``15m``, ``1h``, ``1d``; empty: only when somebody asks."""
    connector: str
    settings: dict[str, Any]

    @field_validator("every")
    @classmethod
    def _is_a_rhythm(cls, value: str) -> str:
        if value and (not _EVERY.fullmatch(value) or value.startswith("0")):
            raise ValueError("every 应写成 15m、1h、1d 的样子")
        return value

    @field_validator("connector")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in CONNECTORS:
            raise ValueError(f"没有连接方式“{value}”，可用的有 {'、'.join(CONNECTORS)}")
        return value

    @property
    def rhythm(self) -> timedelta | None:
        """``every`` as a time; None when only people ask.

        >>> Connection(name="a", title="a", source="a", connector="sql", every="90m", settings={}).rhythm
        datetime.timedelta(seconds=5400)
        """
        found = _EVERY.fullmatch(self.every)
        return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None

    @property
    def kind_of_system(self) -> type[Connector]:
        """The connector."""
        return CONNECTORS[self.connector]

    @property
    def own_settings(self) -> Settings:
        """The settings as the connector has them; they were checked when the file was read."""
        found: Settings = self.kind_of_system.Settings.model_validate(self.settings)
        return found


@dataclass(frozen=True)
class Read:
    """What the file says: connections that can be used, and what is wrong with the others."""

    connections: tuple[Connection, ...]
    problems: tuple[Problem, ...] = ()


def place() -> Path:
    """The file of connections."""
    return Path(settings.CONNECTIONS)


def read_connections(path: Path | None = None) -> Read:
    """Read the file; no file: no connections. A connection with a mistake is left out, and its mistakes are told."""
    file = path or place()
    if not file.is_file():
        return Read(())
    try:
        marked = read(file, name=file.name)
        listed = marked.mapping().get("connections")
    except LawError as error:
        return Read((), tuple(_told(one) for one in error.problems))
    if not isinstance(listed, list):
        return Read((), (pull_problem("PU-002", "缺少列表“connections”", file=file.name, line=1),))
    good: list[Connection] = []
    problems: list[Problem] = []
    for number in range(len(listed)):
        try:
            # Settings belong to a connector each, which is not known before the rest is read.
            one = shape(Connection, marked, at=("connections", number))
        except LawError as error:
            problems += [_told(problem) for problem in error.problems]
            continue
        found = _wrong(one, number, marked, {other.name for other in good})
        problems += found
        if not found:
            good.append(one)
    return Read(tuple(good), tuple(problems))


def connection(name: str, path: Path | None = None) -> Connection:
    """One connection.

    Raises:
        Trouble: PU-001 there is none of this name, PU-002 it has a mistake.
    """
    found = read_connections(path)
    for one in found.connections:
        if one.name == name:
            return one
    if found.problems:
        raise Trouble(found.problems[0])
    raise trouble("PU-001", f"没有连接“{name}”")


def _wrong(one: Connection, number: int, marked: Marked, names: set[str]) -> list[Problem]:
    where = ("connections", number)

    def said(sentence: str, *place: str) -> Problem:
        return pull_problem("PU-002", sentence, file=marked.file, line=marked.marks.line((*where, *place)))

    found = []
    if one.name in names:
        found.append(said(f"连接“{one.name}”写了两次", "name"))
    if sum(what is not None for what in (one.item, one.kind, one.relation)) > 1:
        found.append(said("item、kind、relation 至多写一个", "item"))
    try:
        no_secret_in(one.settings, where=f"连接“{one.name}”")
        shape(one.kind_of_system.Settings, marked, at=(*where, "settings"))
    except LawError as error:
        found += [_told(problem) for problem in error.problems]
    except Trouble as error:
        found.append(error.problem.at(marked.file, marked.marks.line((*where, "settings"))))
    return found


def _told(one: Problem) -> Problem:
    return pull_problem("PU-002", one.sentence, file=one.file, line=one.line)


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────


def secret(name: SecretName) -> str:
    """The secret of this name: from the environment, else the sealed one.

    Raises:
        Trouble: PU-003, nobody has set it, or it was sealed with another key.
    """
    if found := os.environ.get(variable_of(name.secret)):
        return found
    file = _sealed_file(name.secret)
    try:
        return sealing.unseal(file.read_text(encoding="ascii").strip())
    except OSError:
        raise trouble("PU-003", f"口令“{name.secret}”没有设置") from None
    except (sealing.SealBroken, ValueError):
        raise trouble("PU-003", f"口令“{name.secret}”解不开：封存后换过密钥，或文件被改过") from None


def seal_secret(name: str, clear: str) -> Path:
    """Keep a secret sealed under ``XINLU_VAR/secrets/``; gives the file.

    Raises:
        Trouble: PU-002, not a name of a secret, or the secret is empty.
    """
    if not clear:
        raise trouble("PU-002", "口令是空的")
    file = _sealed_file(name)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(sealing.seal(clear), encoding="ascii")
    draft.replace(file)
    return file


def variable_of(name: str) -> str:
    """The variable of the environment that a secret may stand in.

    >>> variable_of("hz-cases")
    'XINLU_SECRET_HZ_CASES'
    """
    return f"XINLU_SECRET_{name.upper().replace('-', '_')}"


def _sealed_file(name: str) -> Path:
    if not _SECRET.fullmatch(name):
        raise trouble("PU-002", f"“{name[:20]}”不能作口令的名称：用小写字母、数字和连字符")
    return Path(settings.VAR) / "secrets" / name
