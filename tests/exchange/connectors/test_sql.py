"""A table of another database: in pieces, from the mark on, read only, late and changed rows included."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy
from pydantic import ValidationError

from xinlu.exchange.connectors.contract import Memory, Parcel, Postponed, SecretName
from xinlu.exchange.connectors.sql.connect import Sql, SqlSettings
from xinlu.exchange.connectors.trouble import Trouble

POSTGRESQL = os.environ.get("XINLU_DATABASE_URL", "")
"""The server of ``dev.py test --postgres``: read as somebody else's."""

TABLE = """
CREATE TABLE cases (id INTEGER PRIMARY KEY, case_no TEXT, fine NUMERIC, decided DATE, changed TEXT, note TEXT)
"""


def nothing(name: SecretName) -> str:
    raise AssertionError(name)


class Cases:
    """A database of cases in a file, and a reader that remembers between readings."""

    def __init__(self, path: Path, **changes: object) -> None:
        self.path = path
        self.memory = Memory()
        self.settings = SqlSettings.model_validate(
            {
                "url": f"sqlite:///{path}",
                "table": "cases",
                "columns": {"case_no": "CF_WSH", "fine": "CF_NR_FK"},
                "watermark": "changed",
                "key": ["id"],
                "chunk": 2,
                "overlap_seconds": 600,
                **changes,
            }
        )
        self.run(TABLE)

    def run(self, statement: str, *values: object) -> None:
        with sqlite3.connect(self.path) as there:
            there.execute(statement, values)

    def put(self, number: int, changed: str | None, fine: object = 1) -> None:
        self.run(
            "INSERT OR REPLACE INTO cases (id, case_no, fine, decided, changed) VALUES (?, ?, ?, '2024-05-30', ?)",
            *(number, f"案{number}", fine, changed),
        )

    def read(self, *, pieces: int | None = None, start: str | None = None) -> list[Parcel | Postponed]:
        """Take what waits, at most so many pieces, and remember the mark of the last."""
        found = []
        with Sql.reach(self.settings, nothing) as reached:
            for one in reached.waiting(self.memory, start=start):
                found.append(one)
                if isinstance(one, Parcel):
                    self.memory = Memory(one.mark)
                if pieces is not None and len(found) >= pieces:
                    break
        return found

    def names(self, **said: object) -> list[list[str]]:
        """Case numbers of each piece."""
        pieces = [one for one in self.read(**said) if isinstance(one, Parcel)]  # type: ignore[arg-type]
        return [[str(cells[0]) for _, cells in one.sheet.lines] for one in pieces]


@pytest.fixture
def cases(tmp_path: Path) -> Cases:
    return Cases(tmp_path / "cases.db")


def at(minute: int, second: int = 0) -> str:
    return f"2024-06-03 08:{minute:02}:{second:02}"


def test_rows_come_in_pieces_in_order_under_the_names_of_the_catalogue(cases: Cases) -> None:
    for number, minute in ((3, 30), (1, 10), (2, 20)):
        cases.put(number, at(minute), fine=0.2)
    found = cases.read()
    assert [one.rows for one in found] == [2, 1]
    assert found[0].sheet.headers == ("CF_WSH", "CF_NR_FK")
    assert list(found[0].sheet.lines) == [(1, ["案1", Decimal("0.2")]), (2, ["案2", Decimal("0.2")])]


def test_nothing_comes_twice_and_what_is_new_comes(cases: Cases) -> None:
    for number in range(1, 6):
        cases.put(number, at(number))
    assert cases.names() == [["案1", "案2"], ["案3", "案4"], ["案5"]]
    assert cases.names() == []
    cases.put(6, at(6))
    assert cases.names() == [["案6"]]


def test_a_reading_that_stops_goes_on_from_there(cases: Cases) -> None:
    for number in range(1, 6):
        cases.put(number, at(number))
    assert cases.names(pieces=1) == [["案1", "案2"]]
    assert cases.names() == [["案3", "案4"], ["案5"]]


def test_a_late_row_within_the_overlap_comes_and_a_changed_row_comes_again(cases: Cases) -> None:
    cases.put(1, at(30))
    cases.put(2, at(40))
    assert cases.names() == [["案1", "案2"]]
    cases.put(3, at(35))  # written under an older time than the mark
    cases.put(1, at(41), fine=2)
    assert cases.names() == [["案3"], ["案1"]]
    assert cases.names() == []


def test_the_mark_does_not_go_back_for_a_late_row(cases: Cases) -> None:
    cases.put(1, at(40))
    cases.names()
    cases.put(2, at(33))
    assert cases.names() == [["案2"]]
    assert cases.memory.mark["at"]["value"] == at(40)


def test_many_rows_with_one_time_are_told_apart_by_their_key(cases: Cases) -> None:
    for number in range(1, 8):
        cases.put(number, at(10))
    assert cases.names(pieces=2) == [["案1", "案2"], ["案3", "案4"]]
    assert cases.names() == [["案5", "案6"], ["案7"]]


def test_a_number_may_be_the_watermark(tmp_path: Path) -> None:
    cases = Cases(tmp_path / "cases.db", watermark="id", overlap_steps=3, chunk=10)
    for number in (1, 2, 5):
        cases.put(number, at(1))
    assert cases.names() == [["案1", "案2", "案5"]]
    cases.put(4, at(1))
    assert cases.names() == [["案4"]]


def test_rows_without_a_watermark_are_counted_and_told(cases: Cases) -> None:
    cases.put(1, at(10))
    cases.put(2, None)
    waits, parcel = cases.read()
    assert isinstance(waits, Postponed)
    assert (waits.code, waits.sentence) == ("PU-011", "1 行的“changed”为空")
    assert parcel.rows == 1


def test_reading_can_begin_again_at_a_day(cases: Cases) -> None:
    cases.put(1, at(10))
    cases.put(2, "2024-06-04 08:00:00")
    cases.names()
    assert cases.names(start="2024-06-04") == [["案2"]]


def test_what_stands_in_names_is_quoted_and_values_are_bound(tmp_path: Path) -> None:
    odd = '案"; DROP TABLE cases; --'
    cases = Cases(tmp_path / "cases.db", columns={odd: "CF_WSH"})
    cases.run(f'ALTER TABLE cases ADD COLUMN "{odd.replace(chr(34), chr(34) * 2)}" TEXT')
    cases.put(1, at(10))
    assert cases.names() == [["None"]]
    assert cases.names(start="2025' OR 1=1 --") == []
    cases.put(2, at(11))


def test_the_session_cannot_write(cases: Cases) -> None:
    cases.put(1, at(10))
    with Sql.reach(cases.settings, nothing) as reached, pytest.raises(sqlalchemy.exc.DBAPIError):
        reached.session.execute(sqlalchemy.text("DELETE FROM cases"))


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    settings = SqlSettings(url=url, table="cases", columns={"a": "b"}, watermark="c", key=("d",))
    with pytest.raises(Trouble, match="PU-004"), Sql.reach(settings, nothing):
        pass
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("key", "name"), [("table", "nothing"), ("watermark", "nothing"), ("columns", {"no": "CF_WSH"})]
)
def test_a_table_or_column_that_is_not_there_is_told(tmp_path: Path, key: str, name: object) -> None:
    cases = Cases(tmp_path / "cases.db")
    cases.put(1, at(10))
    cases.settings = cases.settings.model_copy(update={key: name})
    with pytest.raises(Trouble) as told:
        cases.read()
    assert told.value.problem.code in ("PU-007", "PU-011") or key == "columns"


def test_a_value_that_is_no_text_number_or_day_is_told(tmp_path: Path) -> None:
    cases = Cases(tmp_path / "cases.db", columns={"note": "BZ"})
    cases.run("INSERT INTO cases (id, changed, note) VALUES (1, ?, X'00FF')", at(10))
    with pytest.raises(Trouble, match="PU-014"):
        cases.read()


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"url": "mssql+pyodbc://reader@host/db"}, "PU-010"), ({"url": "oracle+nothing://reader@host/db"}, "PU-010")],
)
def test_a_database_that_cannot_be_kept_from_writing_is_not_opened(
    cases: Cases, changes: dict[str, str], code: str
) -> None:
    with pytest.raises(Trouble, match=code), Sql.reach(cases.settings.model_copy(update=changes), nothing):
        pass


def test_an_address_with_a_password_in_it_is_refused() -> None:
    with pytest.raises(ValidationError, match="口令") as told:
        SqlSettings(url="postgresql://reader:hunter2@host/db", table="t", columns={"a": "b"}, watermark="c", key=("d",))
    assert "口令另放" in str(told.value)


if POSTGRESQL:

    def test_postgresql_is_read_by_its_own_times_and_cannot_be_written(
        django_db_blocker: Callable[..., object],
    ) -> None:
        url = sqlalchemy.engine.make_url(POSTGRESQL.replace("postgresql:", "postgresql+psycopg:", 1))
        with sqlalchemy.create_engine(url).begin() as there:
            there.execute(sqlalchemy.text("DROP TABLE IF EXISTS pulled_cases"))
            there.execute(sqlalchemy.text("CREATE TABLE pulled_cases (id int, no text, day date, changed timestamptz)"))
            there.execute(
                sqlalchemy.text(
                    "INSERT INTO pulled_cases SELECT n, 'N' || n, '2024-05-30', timestamptz '2024-06-03 08:00Z'"
                    " + n * interval '1 minute' FROM generate_series(1, 5) AS n"
                )
            )
        settings = SqlSettings.model_validate(
            {"url": str(url), "table": "pulled_cases", "columns": {"no": "CF_WSH", "day": "CF_JDRQ"},
             "watermark": "changed", "key": ["id"], "chunk": 3}
        )  # fmt: skip
        with Sql.reach(settings, nothing) as reached:
            found = [one for one in reached.waiting(Memory()) if isinstance(one, Parcel)]
            with pytest.raises(sqlalchemy.exc.DBAPIError):
                reached.session.execute(sqlalchemy.text("DELETE FROM pulled_cases"))
        assert [one.rows for one in found] == [3, 2]
        assert next(iter(found[0].sheet.lines)) == (1, ["N1", date(2024, 5, 30)])
        with Sql.reach(settings, nothing) as reached:
            assert list(reached.waiting(Memory(found[-1].mark))) == []
