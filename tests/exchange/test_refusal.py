"""The guide to the interface: its codes, and the client that it shows."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from django.utils import timezone
from tests.exchange.conftest import ITEM, Wire, penalty

from xinlu.exchange.refusal import CODES, STATUS
from xinlu.exchange.signature import signed_of, verify

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def example() -> ModuleType:
    """``examples/api/send.py``."""
    spec = importlib.util.spec_from_file_location("send", ROOT / "examples" / "api" / "send.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_the_guide_lists_every_code() -> None:
    rows = [line for line in GUIDE.splitlines() if " | EX-" in line]
    assert rows == [
        f"| {STATUS[one.code]} | {one.code} | {one.title} | {one.basis} | {one.next_step} |" for one in CODES.values()
    ]


def test_every_code_is_used() -> None:
    room = ROOT / "src" / "xinlu" / "exchange"
    text = "".join(path.read_text(encoding="utf-8") for path in room.glob("*.py") if path.name != "refusal.py")
    assert {code for code in CODES if f'"{code}"' not in text} == set()


@pytest.mark.parametrize("algorithm", ["HMAC-SHA256", "HMAC-SM3"])
def test_the_client_of_the_guide_signs_as_we_verify(algorithm: str) -> None:
    said = {"method": "POST", "path": "/api/v1/items/a/records", "body": b'{"rows": [{}]}'}
    try:
        headers = example().signed("a key", *said.values(), algorithm=algorithm)
    except ValueError:
        pytest.skip("this OpenSSL knows no SM3")
    verify(signed_of(headers, at=timezone.now()), ["a key"], **said)


def test_the_operations_of_the_guide_are_those_of_the_document(wire: Wire) -> None:
    paths = wire.browser.get("/api/v1/openapi.json").json()["paths"]
    there = {
        f"`{method.upper()} {path.removeprefix('/api/v1')}`" for path, methods in paths.items() for method in methods
    }
    assert {one for one in there if f"| {one} |" not in GUIDE} == set()
    assert f'"item": "{ITEM}"' in GUIDE
    assert set(wire.send([penalty(1)]).json()["rows"][0]) >= {"row", "outcome", "record"}
