"""A long table of a book comes from a file of the authority: ``scripts/fill_table.py``."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from xinlu.engine.cases import by_engine, by_oracle, run_cases
from xinlu.law.library import load, shipped

SCRIPT = Path(__file__).parents[2] / "scripts" / "fill_table.py"
BOOK = shipped() / "foreign" / "fmcsa-sms-unsafe-driving" / "3.yaml"
HEADING = "section_code,value\n"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fill_table", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_table_of_the_full_length_loads_and_gives_its_severities(tmp_path: Path) -> None:
    """The list of severities has some 950 sections; the book ships eleven of them."""
    library = load(shipped())
    known = library.version("fmcsa-sms-unsafe-driving", "3")
    assert known is not None
    rows = [f"{row.when[0]},{row.value}" for row in known.tables["severity"].rows]
    rows += [f"39{number % 8}.{number}(b)({number % 9}),{number % 10 + 1}" for number in range(950 - len(rows))]
    (tmp_path / "severities.csv").write_text(HEADING + "\n".join(rows) + "\n", encoding="utf-8")
    path = tmp_path / "fmcsa-sms-unsafe-driving" / "3.yaml"
    path.parent.mkdir()
    shutil.copy(BOOK, path)
    head, *cases = re.split(r"(?m)^(?=  - case:)", BOOK.with_name("3.cases.yaml").read_text(encoding="utf-8"))
    of_the_table = [case for case in cases if "basis: Appendix A" in case]
    path.with_name("3.cases.yaml").write_text(head + "".join(of_the_table), encoding="utf-8")
    words = [sys.executable, str(SCRIPT), str(path), "severity", str(tmp_path / "severities.csv")]
    subprocess.run(words, check=True)
    longer = library.with_book(path)
    book = longer.version("fmcsa-sms-unsafe-driving", "3")
    assert book is not None
    assert len(book.tables["severity"].rows) == 950
    assert book.model_copy(update={"tables": {}}) == known.model_copy(update={"tables": {}})
    assert of_the_table
    assert run_cases(longer, book, by_oracle(longer, book)) == ()
    assert run_cases(longer, book, by_engine(longer, book)) == ()


def test_the_same_rows_leave_the_book_as_it_is(script: ModuleType) -> None:
    text = BOOK.read_text(encoding="utf-8")
    book = load(shipped()).version("fmcsa-sms-unsafe-driving", "3")
    assert book is not None
    rows = [f"{row.when[0]},{row.value}" for row in book.tables["severity"].rows]
    assert script.filled(text, "severity", HEADING + "\n".join(rows)) == text


@pytest.mark.parametrize(
    ("table", "listed", "said"),
    [
        ("severities", HEADING + "392.2C,5", "no table"),
        ("group_straight", HEADING + "392.2C,5", "no table"),
        ("severity", "code,value\n392.2C,5", "heading must be section_code,value"),
        ("severity", HEADING + "392.2C", "line 2 has 1 columns"),
        ("severity", HEADING + "392.2C,5\n392.2C,6", "line 3 says 392.2C a second time"),
        ("severity", HEADING + "392.2C,five", "line 2: “five” is no number"),
        ("severity", HEADING, "no rows"),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_line(
    script: ModuleType, table: str, listed: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        script.filled(BOOK.read_text(encoding="utf-8"), table, listed)
