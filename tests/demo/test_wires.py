"""The clients and agreements of the demo."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.utils import timezone
from tests.province import officer

from xinlu.access.load_organs import load_organs
from xinlu.access.scope import Scope
from xinlu.demo.wires import connect
from xinlu.exchange.queries import agreements, client_rows
from xinlu.journal.actor import Actor
from xinlu.ledger.deliver import register_source


@pytest.mark.django_db
def test_one_city_may_hand_over_and_another_waits_for_approval() -> None:
    load_organs(settings.STANDARDS)
    at = timezone.now()
    for organ in ("jt-330100", "jt-330200"):
        register_source(code=f"s-{organ}", title="示例", organ=organ, kind="file", actor=Actor.system("test"), at=at)
    steward = officer("demo-data", "zj-info-centre", role="steward")
    officer("demo-chief", "zj-law", role="chief")
    assert connect(at=at) == 2
    assert connect(at=at) == 0
    scope, day = Scope.of(steward), timezone.localdate()
    assert sorted(one.state for one in agreements(scope, on=day)) == ["in_force", "proposed"]
    assert [(one.client.code, one.items) for one in client_rows(scope, on=day)] == [
        ("demo-330100", 2),
        ("demo-330200", 0),
    ]
