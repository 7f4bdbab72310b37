"""Statistics over peers on other engines, over the run and against a frozen snapshot."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from tests.engine.populations.meeting import difference
from tests.engine.test_peers import DAY, KNOWN, STATS, book, catalogue, firms

from xinlu.engine.backends import Backend
from xinlu.engine.backends.runs import run_on
from xinlu.engine.duck import Duck
from xinlu.engine.run import prepare, run
from xinlu.law.catalogue import Catalogue
from xinlu.law.rulebook import Rulebook

pytestmark = pytest.mark.backends

__all__ = ["catalogue", "firms"]  # fixtures


def every_statistic() -> Rulebook:
    """One book with each statistic in both orders."""
    books = {f"{stat}_{order}": book(stat, order) for stat in STATS for order in ("ascending", "descending")}
    first = next(iter(books.values()))
    values = {name: one.values["place"] for name, one in books.items()}
    outputs = {name: {"title": name, "value": name} for name in books}
    return Rulebook.model_validate({**_plain(first), "values": values, "outputs": outputs})


def _plain(one: Rulebook) -> dict[str, Any]:
    return {
        **one.model_dump(by_alias=True, exclude_unset=True, exclude={"values", "outputs", "in_force"}),
        "in_force": {"from": "2020-01-01"},
    }


@pytest.mark.parametrize("frozen", [False, True])
def test_peers_stand_as_they_do_in_process(
    backend: Backend, catalogue: Catalogue, firms: pa.Table, frozen: bool
) -> None:
    one, tables = every_statistic(), {"subject_firm": firms}
    given: Any = {"catalogue": catalogue, "as_of": DAY, "known_at": KNOWN}
    if frozen:
        whole = prepare([one], Duck(dict(tables)), **given)
        whole.run()
        given["peers"] = {"peers": whole.snapshot("peers")}
    expected = run([one], tables, **given)
    try:
        assert difference(expected, run_on(backend, [one], tables, **given).result()) is None
    finally:
        backend.drop()
