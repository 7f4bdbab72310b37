"""The OpenAPI document, and whether the interface keeps to it under requests that nobody would write by hand."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client as Browser
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS
from tests.exchange.conftest import ITEM, Wire, penalty

from xinlu.exchange.signature import HEADERS, sign
from xinlu.gazette import current
from xinlu.law.item_schema import item_schema

KEPT = ("content_type_conformance", "response_schema_conformance", "status_code_conformance")
_nonces = itertools.count()
_keys = itertools.count()


def document() -> dict[str, Any]:
    found: dict[str, Any] = Browser().get("/api/v1/openapi.json").json()
    return found


class Proxy:
    """Signs whatever passes through it, as a client's own library would after the body is written."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.app = get_wsgi_application()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        if environ["REQUEST_METHOD"] == "POST" and not environ["PATH_INFO"].endswith("/oauth/token"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            signed = sign(
                self.wire.secrets.signing_key,
                method="POST",
                path=_path(environ),
                body=body,
                at=timezone.now(),
                nonce=f"fuzz-{next(_nonces):016d}",
            )
            for name in HEADERS:
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = signed.headers[name]
        return self.app(environ, start)


def _path(environ: dict[str, Any]) -> str:
    """The path as Django will see it."""
    from django.core.handlers.wsgi import WSGIRequest

    return WSGIRequest({**environ, "wsgi.input": io.BytesIO()}).get_full_path()


def fuzz(wire: Wire, *, examples: int) -> dict[str, Counter[int]]:
    """Send ``examples`` made-up requests to each operation and check each answer against the document.

    Gives the statuses that came of each operation.
    """
    came: dict[str, Counter[int]] = {}
    type(wire.agreement)._base_manager.update(daily_limit=4_000_000)
    receipt = wire.send([penalty(1), penalty(2, decided_on="gestern")]).json()["receipt"]
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", Proxy(wire))
    for result in schema.get_all_operations():
        operation = result.ok()
        statuses = came[f"{operation.method.upper()} {operation.path}"] = Counter()

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def attempt(case: schemathesis.Case) -> None:
            if "number" in case.path_parameters and isinstance(case.path_parameters, dict):
                case.path_parameters["number"] = receipt
            if "item" in case.path_parameters and next(_keys) % 2:
                case.path_parameters["item"] = ITEM
            answer = case.call(headers={"Authorization": f"Bearer {wire.token}"})
            assert answer.status_code < 500
            statuses[answer.status_code] += 1  # noqa: B023 called within this turn
            case.validate_response(
                answer,
                checks=[
                    CHECKS.get_one(name)
                    for name in ("content_type_conformance", "response_schema_conformance", "status_code_conformance")
                ],
            )

        given(case=operation.as_strategy())(attempt)()
    return came


def test_the_document_is_openapi_and_names_every_operation() -> None:
    said = document()
    assert said["openapi"].startswith("3.1")
    assert set(said["paths"]) == {
        "/api/v1/oauth/token",
        "/api/v1/items",
        "/api/v1/items/{item}/schema",
        "/api/v1/items/{item}/records",
        "/api/v1/sandbox/items/{item}/records",
        "/api/v1/receipts",
        "/api/v1/receipts/{number}",
        "/api/v1/receipts/{number}/rows",
        "/api/v1/receipts/{number}/resend",
    }


def test_the_row_of_every_item_is_that_of_the_catalogue(wire: Wire) -> None:
    said, law = document()["components"]["schemas"], current.catalogue()
    for name, item in law.items.items():
        own = item_schema(item, catalogue=law)
        assert said[f"Row.{name}"]["properties"] == own["properties"]
    jsonschema.Draft202012Validator.check_schema(said[f"Row.{ITEM}"])
    jsonschema.validate(penalty(1), wire.get(f"/items/{ITEM}/schema").json())


def test_every_operation_but_the_door_asks_for_a_token_and_tells_problems() -> None:
    for path, methods in document()["paths"].items():
        for said in methods.values():
            if path.endswith("/oauth/token"):
                continue
            assert "oauth" in said["security"][0]
            assert list(said["responses"]["401"]["content"]) == ["application/problem+json"]


def test_made_up_requests_are_answered_as_the_document_says(wire: Wire) -> None:
    came = fuzz(wire, examples=4)
    assert len(came) == 9
    assert came["POST /api/v1/items/{item}/records"][201] > 0


@pytest.mark.slow
def test_many_made_up_requests_are_answered_as_the_document_says(wire: Wire) -> None:
    came = fuzz(wire, examples=150)
    records = came["POST /api/v1/items/{item}/records"]
    assert records[201] > 20
    assert records[403] > 5
