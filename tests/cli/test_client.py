"""``xinlu client``."""

from __future__ import annotations

import pytest
from tests.exchange.conftest import Wire, open_wire
from typer.testing import CliRunner

from xinlu.cli.client import app
from xinlu.exchange import clients
from xinlu.exchange.models import Client, Credential


@pytest.fixture
def wire(db: None) -> Wire:
    return open_wire()


def said(*words: str, ends: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == ends, done.output
    return done.output


def test_a_client_is_registered_listed_and_given_new_secrets(wire: Wire) -> None:
    shown = said("register", "hz-new", "--source", "hz-law", "--title", "示例新系统", "--contact", "示例科")
    secret, key = (line.partition("\t")[2] for line in shown.splitlines()[-2:])
    made = Client._base_manager.get(code="hz-new")
    assert clients.knows_secret(made, secret, at=made.registered_at)
    assert clients.signing_keys(made, at=made.registered_at) == [key]
    assert "hz-new" in said("list")
    assert secret not in said("rotate", "hz-new", "--at-once")
    assert Credential.objects.filter(client=made).count() == 2


def test_a_client_is_suspended_and_resumed(wire: Wire) -> None:
    said("suspend", "hz-law-1", "--reason", "停机检修")
    assert "已停用" in said("list")
    assert "EX-107" in said("suspend", "hz-law-1", "--reason", "再停", ends=2)
    said("resume", "hz-law-1")
    assert not clients.is_suspended(wire.client)


def test_what_is_not_there_is_told_as_a_problem(wire: Wire) -> None:
    assert "EX-035" in said("rotate", "nobody", ends=2)
    assert "EX-110" in said("register", "x-1-2", "--source", "nothing", "--title", "示例", ends=2)
