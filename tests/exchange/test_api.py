"""The open interface, as the other system sees it."""

from __future__ import annotations

from tests.exchange.conftest import Wire, penalty


def test_a_batch_is_received_and_every_row_is_told(wire: Wire) -> None:
    answer = wire.send([penalty(1), penalty(2, uscc="91330106MA00000000")])
    print(answer.json())
    assert answer.status_code == 201
