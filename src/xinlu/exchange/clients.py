"""Clients: registered, given secrets, suspended and let in again.

A client has two secrets. With the *client secret* it gets access tokens; with the *signing key* it signs what it sends.
Both are 256 random bits and shown once. Of the first a keyed digest is kept – a slow hash would add nothing to so many
random bits – the second is kept sealed, because verifying needs it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Max, Q

from xinlu.access.sealing import blind_index, seal, unseal
from xinlu.exchange.models import Client, ClientAct, Credential, Token
from xinlu.exchange.refusal import Refused
from xinlu.journal.actor import Actor
from xinlu.journal.append import append
from xinlu.ledger.models import Source

OVERLAP = timedelta(days=7)
"""How long the old pair of secrets still opens after a new one was issued."""
_CODE = re.compile(r"[a-z][a-z0-9-]{2,39}")
_STOPS = (ClientAct.Kind.SUSPENDED, ClientAct.Kind.RESUMED)


@dataclass(frozen=True)
class Secrets:
    """What a client is given, to be shown once; never printed with the object."""

    client: str
    secret: str = field(repr=False)
    signing_key: str = field(repr=False)


@transaction.atomic
def register(
    *, source: Source, code: str, title: str, contact: str = "", actor: Actor, at: datetime
) -> tuple[Client, Secrets]:
    """Make a client for ``source`` and give it its first secrets.

    Raises:
        Refused: EX-109 code or title of the wrong form, EX-110 the code is taken.
    """
    if not _CODE.fullmatch(code):
        raise Refused("EX-109", "客户端编号应为 3～40 个小写字母、数字或连字符，以字母开头", place="code")
    if not title.strip():
        raise Refused("EX-109", "没有写系统名称", place="title")
    if Client._base_manager.filter(code=code).exists():
        raise Refused("EX-110", f"客户端编号“{code}”已被使用", place="code")
    client = Client._base_manager.create(
        code=code, title=title.strip()[:120], source=source, contact=contact.strip()[:60], registered_at=at
    )
    note(client, ClientAct.Kind.REGISTERED, actor=actor, at=at)
    _told("registered", client, actor, at, source=source.code)
    return client, _issue(client, at)


@transaction.atomic
def rotate(client: Client, *, actor: Actor, at: datetime, at_once: bool = False) -> Secrets:
    """Issue new secrets. The old ones open for another :data:`OVERLAP`, or no longer when ``at_once`` (a leak)."""
    until = at if at_once else at + OVERLAP
    kept = Credential.objects.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=until), client=client)
    kept.update(valid_until=until)
    if at_once:
        Token.objects.filter(client=client).delete()
    note(client, ClientAct.Kind.ROTATED, actor=actor, at=at, words="立即作废旧密钥" if at_once else "")
    _told("rotated", client, actor, at, at_once=at_once)
    return _issue(client, at)


@transaction.atomic
def suspend(client: Client, *, reason: str, actor: Actor, at: datetime) -> None:
    """Shut the door: no token is given, and those that were given open nothing.

    Raises:
        Refused: EX-107 it is shut already, EX-108 without a reason.
    """
    if not reason.strip():
        raise Refused("EX-108", "停用要写明理由", place="words")
    if is_suspended(client):
        raise Refused("EX-107", "客户端已经停用")
    note(client, ClientAct.Kind.SUSPENDED, actor=actor, at=at, words=reason.strip()[:400])
    Token.objects.filter(client=client).delete()
    _told("suspended", client, actor, at)


@transaction.atomic
def resume(client: Client, *, actor: Actor, at: datetime) -> None:
    """Open the door again (EX-107 when it is not shut)."""
    if not is_suspended(client):
        raise Refused("EX-107", "客户端没有停用")
    note(client, ClientAct.Kind.RESUMED, actor=actor, at=at)
    _told("resumed", client, actor, at)


def is_suspended(client: Client) -> bool:
    """Whether the last act that opens or shuts the door shut it."""
    last = ClientAct.objects.filter(client=client, kind__in=_STOPS).order_by("-number").first()
    return last is not None and last.kind == ClientAct.Kind.SUSPENDED


def knows_secret(client: Client, secret: str, *, at: datetime) -> bool:
    """Whether ``secret`` is one of the client's that still opens."""
    return live(client, at).filter(secret_digest=blind_index(secret)).exists()


def signing_keys(client: Client, *, at: datetime) -> list[str]:
    """The keys whose signatures are good, newest first."""
    return [unseal(one.sealed_key) for one in live(client, at).order_by("-issued_at", "-pk")]


def live(client: Client, at: datetime) -> models.QuerySet[Credential]:
    """Secrets that open at ``at``."""
    return Credential.objects.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=at), client=client)


def note(client: Client, kind: ClientAct.Kind, *, actor: Actor, at: datetime, words: str = "") -> None:
    """Write an act of a client, with the next number."""
    last = ClientAct.objects.filter(client=client).aggregate(last=Max("number"))["last"] or 0
    ClientAct.objects.create(client=client, number=last + 1, kind=kind, by=actor.key, at=at, words=words)


def _issue(client: Client, at: datetime) -> Secrets:
    made = Secrets(client.code, secrets.token_urlsafe(32), secrets.token_urlsafe(32))
    Credential.objects.create(
        client=client, secret_digest=blind_index(made.secret), sealed_key=seal(made.signing_key), issued_at=at
    )
    return made


def _told(verb: str, client: Client, actor: Actor, at: datetime, **facts: object) -> None:
    append(actor=actor, verb=f"exchange.client.{verb}", obj=f"exchange.client:{client.code}", facts=facts, at=at)
