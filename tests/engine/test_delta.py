"""A partial run on top of a whole one reads as a whole run of the later day or knowledge."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from tests.engine.populations.drawing import draw_population
from tests.engine.populations.laying import lay, once
from tests.engine.populations.shelf import shipped_law
from tests.engine.test_incremental import AFTER, BEFORE, changed_at_random

from xinlu.engine.delta import DEEPEST, Delta, TooDeep, read_run, write_delta
from xinlu.engine.duck import Duck
from xinlu.engine.exact import add_length
from xinlu.engine.incremental import changed_since, reckon_changed, reckon_later
from xinlu.engine.kept import Kept
from xinlu.engine.reckon import Reckoner
from xinlu.engine.whole import run_whole


def rows(run: Kept | Delta, name: str) -> list[dict[str, object]]:
    return run.table(name).to_pylist()


@pytest.mark.parametrize("book", ["overlimit-enterprise", "taxi-driver", "lock-convoy"])
def test_partial_runs_on_a_whole_one_read_as_the_whole_run_of_their_day(book: str, tmp_path: Path) -> None:
    version = "2011" if book == "overlimit-enterprise" else "2018" if book == "taxi-driver" else "2021"
    law = shipped_law(book, version)
    catalogue = law.library.catalogue
    random = Random(f"{book} delta")
    drawn = draw_population(law, random, as_of=law.days[0], size=12)
    tables = lay(changed_at_random(once(drawn.tables(law), catalogue), random), tmp_path / "copy", catalogue, random)

    def whole(name: str, as_of: object, known_at: datetime) -> Kept:
        given = {"catalogue": catalogue, "as_of": as_of, "known_at": known_at}
        return run_whole(law.books, tables, folder=tmp_path / name, **given)[book]  # type: ignore[arg-type]

    later = add_length(drawn.as_of, "40 days", 1)
    base = whole("base", drawn.as_of, BEFORE)
    known = whole("known", drawn.as_of, AFTER)
    after = whole("after", later, AFTER)
    reckoner = Reckoner(law.books, tables, catalogue, drawn.as_of, AFTER, index=tmp_path / "index", threads=1)
    changed = changed_since(Duck(tables), catalogue, after=BEFORE, until=AFTER)
    partial = reckon_changed(reckoner, changed)
    first = write_delta(tmp_path / "first", base, partial.results[book], partial.units[book])
    partial = reckon_later(reckoner.on(later), drawn.as_of)
    second = write_delta(tmp_path / "second", first, partial.results[book], partial.units[book])
    for run, expected in ((first, known), (second, after), (read_run(tmp_path / "second"), after)):
        for name in ("findings", "entries"):
            assert rows(run, name) == rows(expected, name)
            for unit in set(expected.table("findings")["unit"].to_pylist()):
                assert run.of_unit(name, unit).equals(expected.of_unit(name, unit))
    assert not list(tmp_path.glob("*.draft*"))


def test_partial_runs_stand_on_one_another_only_so_deep(tmp_path: Path) -> None:
    law = shipped_law("overlimit-vehicle", "2011")
    drawn = draw_population(law, Random(1), as_of=law.days[0], size=2)
    tables = dict(drawn.tables(law))
    given = {"catalogue": law.library.catalogue, "as_of": drawn.as_of, "known_at": AFTER}
    run: Kept | Delta = run_whole(law.books, tables, folder=tmp_path / "base", **given)["overlimit-vehicle"]  # type: ignore[arg-type]
    reckoner = Reckoner(law.books, tables, **given)  # type: ignore[arg-type]
    units = run.table("findings")["unit"].unique().to_numpy()[:1]
    result = reckoner.reckon({"overlimit-vehicle": units})["overlimit-vehicle"]
    for number in range(DEEPEST):
        run = write_delta(tmp_path / f"delta {number}", run, result, units)
    with pytest.raises(TooDeep):
        write_delta(tmp_path / "one more", run, result, units)
    assert isinstance(run.table("entries"), pa.Table)
