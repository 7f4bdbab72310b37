"""OAuth 2.0 client credentials (RFC 6749, section 4.4): a client shows its secret and gets a token for an hour.

The protocol is Authlib's; here is what it asks of us: who a client is, and where a token is kept (as a keyed digest).
"""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from authlib.integrations.django_oauth2 import AuthorizationServer
from authlib.integrations.django_oauth2.requests import DjangoOAuth2Payload, DjangoOAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from xinlu.access.scope import Scope
from xinlu.access.sealing import blind_index
from xinlu.exchange import clients
from xinlu.exchange.models import Client, Token
from xinlu.exchange.refusal import CODES, Refused
from xinlu.journal.actor import Actor
from xinlu.journal.append import append

LIFE = timedelta(hours=1)
SCOPES = {
    "records": "报送数据，取回执",
    "sandbox": "试报：只核对，不写入",
}
"""What a token may be good for, in words."""

# Authlib tells tokens at level DEBUG.
logging.getLogger("authlib").setLevel(logging.INFO)


@dataclass(frozen=True)
class Caller:
    """Who calls: a client with a token that is good now."""

    client: Client
    scopes: frozenset[str]

    @property
    def scope(self) -> Scope:
        """What the caller may see: what its own organ handed over. Queries take its own client's part of it."""
        return Scope.machine(f"client:{self.client.code}", organ=self.client.source.organ.code)

    @property
    def actor(self) -> Actor:
        """The caller as the journal names it."""
        return self.scope.actor

    def require(self, scope: str) -> None:
        """Refuse (EX-007) a token that is not good for ``scope``."""
        if scope not in self.scopes:
            raise Refused("EX-007", f"令牌的权限中没有 {scope}（{SCOPES[scope]}）", place="Authorization")


def caller_of(token: str, *, at: datetime) -> Caller:
    """Who holds ``token``.

    Raises:
        Refused: EX-001 nobody, or no longer; EX-006 the client was suspended.
    """
    found = (
        Token.objects.select_related("client__source__organ")
        .filter(digest=blind_index(token), expires_at__gt=at)
        .first()
    )
    if found is None:
        raise Refused("EX-001", "访问令牌无效或已过期", place="Authorization")
    if clients.is_suspended(found.client):
        raise Refused("EX-006", "客户端已停用", place="Authorization")
    return Caller(found.client, frozenset(found.scopes.split()))


class _Client(ClientMixin):
    """A client as Authlib asks for it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get_client_id(self) -> str:
        return self.client.code

    def get_allowed_scope(self, scope: str | None) -> str | None:  # type: ignore[override]
        asked = scope.split() if scope else list(SCOPES)
        return " ".join(sorted(set(asked))) if set(asked) <= SCOPES.keys() else None

    def check_client_secret(self, client_secret: str) -> bool:
        good = clients.knows_secret(self.client, client_secret, at=timezone.now())
        return good and not clients.is_suspended(self.client)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint == "token" and method in _Grant.TOKEN_ENDPOINT_AUTH_METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == _Grant.GRANT_TYPE


class _Grant(ClientCredentialsGrant):
    """The secret may stand in the header or in the form."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


class _Request(DjangoOAuth2Request):
    """A request whose transport is the site's business: ``XINLU_HTTPS`` lets nothing else in, a demo has none."""

    def __init__(self, request: HttpRequest) -> None:
        address = request.build_absolute_uri(request.path).replace("http://", "https://", 1)
        OAuth2Request.__init__(self, str(request.method), address, headers=request.headers)
        self.payload = DjangoOAuth2Payload(request)
        self._request = request


class _Server(AuthorizationServer):
    """Authlib's server over our tables."""

    def __init__(self) -> None:
        super().__init__(Client, Token)
        self.scopes_supported = list(SCOPES)
        self.register_token_generator("default", _generate)  # type: ignore[arg-type]
        self.register_grant(_Grant)

    def create_oauth2_request(self, request: HttpRequest) -> DjangoOAuth2Request:
        return _Request(request)

    def query_client(self, client_id: str) -> _Client | None:  # type: ignore[override]
        found = Client._base_manager.filter(code=client_id[:40]).first()
        return _Client(found) if found is not None else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        assert isinstance(request.client, _Client)
        client, at = request.client.client, timezone.now()
        Token.objects.filter(expires_at__lte=at).delete()
        Token.objects.create(
            client=client,
            digest=blind_index(token["access_token"]),
            scopes=token["scope"],
            issued_at=at,
            expires_at=at + LIFE,
        )
        append(
            actor=Scope.machine(f"client:{client.code}", organ=client.source.organ.code).actor,
            verb="exchange.token.issued",
            obj=f"exchange.client:{client.code}",
            facts={"scopes": token["scope"].split()},
            at=at,
        )


def _generate(*, client: _Client, scope: str | None, **_: Any) -> dict[str, Any]:
    return {
        "token_type": "Bearer",
        "access_token": secrets.token_urlsafe(32),
        "expires_in": int(LIFE.total_seconds()),
        "scope": client.get_allowed_scope(scope) or "",
    }


_server: list[_Server] = []


def answer(request: HttpRequest) -> HttpResponse:
    """The answer to a request at the token endpoint: a token, or an error in the form of RFC 6749, section 5.2.

    Who may not come in learns no more than that: an unknown client and a wrong secret get the same answer.
    """
    if not _server:
        _server.append(_Server())
    response = cast(HttpResponse, _server[0].create_token_response(request))
    if response.status_code < 400:
        return response
    error = json.loads(response.content)["error"]
    stranger = error == "invalid_client"
    known = CODES["EX-008" if stranger else "EX-009"]
    said = {
        "error": error,
        "error_description": "client authentication failed" if stranger else "the request for a token is not valid",
        "code": known.code,
        "title": known.title,
        "basis": known.basis,
        "next_step": known.next_step,
    }
    headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": 'Basic realm="xinlu"'} if stranger else {})
    text = json.dumps(said, ensure_ascii=False)
    return HttpResponse(text, status=401 if stranger else 400, content_type="application/json", headers=headers)
