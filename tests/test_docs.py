"""Documentation as a tested contract: what exists is documented, and what is shown is what comes out."""

from __future__ import annotations

import functools
import inspect
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

import xinlu.cli.try_
from xinlu.cli import _Commands, _modules
from xinlu.engine.facts import read_facts
from xinlu.law import procedure, rulebook
from xinlu.law.cases import Case, Cases
from xinlu.law.expression import FUNCTIONS
from xinlu.law.library import load, shipped
from xinlu.law.marks import read
from xinlu.law.problem import Severity
from xinlu.law.source import Document, InForce

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *EXAMPLES.rglob("*.md")])
BOOKS = sorted(p for p in EXAMPLES.rglob("*.yaml") if not p.name.endswith("facts.yaml"))
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: what its fence says, and its lines."""

    page: Path
    line: int
    info: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    found: list[str] | None = None
    info: tuple[str, ...] = ()
    start = 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.startswith("```"):
            if found is not None:
                found.append(line)
        elif found is None:
            found, info, start = [], tuple(line[3:].split()), number
        else:
            yield Block(page, start, info, "\n".join(found))
            found = None


def named_blocks(kind: str) -> list[Block]:
    """Blocks whose fence names a file: ``yaml`` excerpts, ``text`` results."""
    return [b for page in PAGES for b in blocks(page) if b.info[:1] == (kind,) and len(b.info) > 1]


@functools.cache
def trial(book: Path, *more: str) -> dict[str, Any]:
    """What ``xinlu try --json`` says of an example."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xinlu.cli.try_, "load_catalogue", _catalogue)
        asked = [str(book), "--facts", str(facts_of(book)), "--json", "--no-ahead", *more]
        done = CliRunner().invoke(xinlu.cli.try_.app, asked)
    assert done.exit_code == 0, f"{book.name}: {done.output}"
    said: dict[str, Any] = json.loads(done.stdout)
    return said


_catalogue = functools.cache(xinlu.cli.try_.load_catalogue)


def facts_of(book: Path) -> Path:
    """``rule.facts.yaml``, else ``period.facts.yaml`` (shared by ``period-year.yaml`` …), else ``facts.yaml``."""
    stem = book.stem
    while stem:
        path = book.with_name(f"{stem}.facts.yaml")
        if path.exists():
            return path
        stem = stem.rpartition("-")[0]
    return book.with_name("facts.yaml")


def result(book: Path, *, why: bool = False) -> str:
    """The answers of an example, one line each; several days are told apart. ``why`` adds the entries."""
    answers = trial(book)["results"]
    several = len({a["as_of"] for a in answers}) > 1
    lines = [f"{a['as_of']}  {_line(a)}" if several else _line(a) for a in answers]
    entries = (e for a in answers for e in a["entries"] if e["kind"] not in ("output", "status"))
    return "\n".join([*lines, *(dict.fromkeys(_entry(e) for e in entries) if why else ())])


def _entry(entry: dict[str, Any]) -> str:
    number = next((entry[k] for k in ("share", "raw", "text") if entry[k] is not None), "")
    return f"  {entry['step']:<9}{entry['kind']:<9}{entry['clause'] or '':<10}{entry['record'] or '':<4}{number:>4}"


def _line(answer: dict[str, Any]) -> str:
    head = f"{answer['unit']}  {answer['output']}"
    if answer["status"] != "rated":
        return f"{head}: {'未评' if answer['status'] == 'not_rated' else '待人工'}（{answer['reason']}）"
    said = answer["answer"]
    text = str(said).lower() if isinstance(said, bool) else str(said)
    return f"{head} = {text}" + (f" of {answer['out_of']} ({answer['partial']})" if answer["out_of"] else "")


# ── examples ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("book", BOOKS, ids=lambda p: p.stem)
def test_every_example_book_answers(book: Path) -> None:
    assert trial(book)["results"]


@pytest.mark.parametrize("book", BOOKS, ids=lambda p: p.stem)
def test_the_slow_evaluator_says_the_same_of_every_example(book: Path) -> None:
    assert trial(book, "--oracle") == trial(book)


@pytest.mark.parametrize("book", BOOKS, ids=lambda p: p.stem)
def test_every_example_book_is_marked_as_a_sample_and_has_no_error(book: Path) -> None:
    tried = xinlu.cli.try_._Trial(book, facts_of(book), None, compiled=True)
    assert tried.book.source.grade == "sample"
    assert [p for p in tried.problems if p.severity is Severity.ERROR] == []


@pytest.mark.parametrize("block", named_blocks("yaml"), ids=str)
def test_an_excerpt_stands_in_its_file(block: Block) -> None:
    file = (ROOT / block.info[1]).read_text(encoding="utf-8")
    for part in block.text.split("\n# …\n"):
        assert dedent(part) in file or part in file, f"{block.info[1]} has no longer:\n{part}"


@pytest.mark.parametrize("block", named_blocks("text"), ids=str)
def test_a_shown_result_is_what_comes_out(block: Block) -> None:
    assert result(ROOT / block.info[1], why="why" in block.info) == block.text


GUIDE = (DOCS / "language.md").read_text(encoding="utf-8")
PERIODS = re.findall(r"\| ([\d-]{10}) … ([\d-]{10}) \| \[(period-[a-z-]+)\]", GUIDE)


@pytest.mark.parametrize(("first", "last", "book"), PERIODS)
def test_the_days_of_a_period_are_those_in_the_table(first: str, last: str, book: str) -> None:
    answers = {a["output"]: a["answer"] for a in trial(EXAMPLES / "language" / f"{book}.yaml")["results"][:3]}
    until = date.fromisoformat(last) + timedelta(days=1)
    assert (answers["from"], answers["until"]) == (first, until.isoformat())


def test_every_language_example_is_shown_with_its_result_in_the_guide() -> None:
    missing = [b.stem for b in BOOKS if b.parent.name == "language" and f"examples/language/{b.name}" not in GUIDE]
    assert missing == []


# ── the language ────────────────────────────────────────────────────────────────────────────────


def keys_of_law() -> list[str]:
    """Every key that a file of rules, cases or procedures may have, as ``Model.key``."""
    own = [m for _, m in inspect.getmembers(rulebook, inspect.isclass) if m.__module__ == rulebook.__name__]
    others = [Document, InForce, procedure.Procedure, procedure.State, procedure.Action, procedure.Clock]
    others += [procedure.Lamp, Case, Cases]
    models = [m for m in own if issubclass(m, BaseModel)] + others
    return sorted(f"{m.__name__}.{field.alias or name}" for m in models for name, field in m.model_fields.items())


@pytest.mark.parametrize("key", keys_of_law())
def test_every_key_of_a_law_file_is_in_the_guide(key: str) -> None:
    name = re.escape(key.rpartition(".")[2])
    code = "\n".join([*re.findall(r"`([^`\n]+)`", GUIDE), *(b.text for b in blocks(DOCS / "language.md"))])
    assert re.search(rf"(?<![\w-]){name}(?![\w-])", code), f"docs/language.md never says `{name}` ({key})"


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_every_function_is_in_the_guide(function: str) -> None:
    assert f"`{function}(" in GUIDE


def test_every_value_of_a_choice_is_in_the_guide() -> None:
    text = inspect.getsource(rulebook)
    choices = {
        value for found in re.findall(r"Literal\[(.*?)\]", text, re.S) for value in re.findall(r'"(\w+)"', found)
    }
    assert {c for c in choices if not re.search(rf"\b{c}\b", GUIDE)} == set()


def test_the_facts_file_that_is_shown_can_be_read(tmp_path: Path) -> None:
    shown = next(b for b in blocks(DOCS / "facts.md") if b.info[:1] == ("yaml",))
    path = tmp_path / "facts.yaml"
    path.write_text(shown.text, encoding="utf-8")
    marked = read(path)
    facts = read_facts(marked.mapping(), catalogue=_catalogue(shipped()), marks=marked.marks)
    assert len(facts.subjects) == 3
    assert len(facts.as_of) == 2


# ── commands ────────────────────────────────────────────────────────────────────────────────────


def commands() -> list[tuple[str, Any]]:
    """Every command of ``xinlu`` by its full name."""
    found = []
    group = _Commands()
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        assert command is not None, f"xinlu {name} has no application"
        inner = getattr(command, "commands", None)
        found += [(f"xinlu {name} {n}", c) for n, c in inner.items()] if inner else [(f"xinlu {name}", command)]
    return found


def test_commands_are_found() -> None:
    assert {name.split()[1] for name, _ in commands()} == {m.rstrip("_") for m in _modules()}


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda c: c if isinstance(c, str) else "")
def test_every_command_and_option_is_documented(name: str, command: Any) -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (xinlu [a-z ]+)\n(.*?)(?=^## |\Z)", page, re.S | re.M))
    assert name in sections, f"docs/commands.md has no section “{name}”"
    own = [p for p in command.params if p.name not in ("help", "install_completion", "show_completion")]
    said = {opt for p in own for opt in (*p.opts, *p.secondary_opts) if opt.startswith("--")}
    assert {opt for opt in said if f"`{opt}" not in sections[name]} == set()


def test_commands_that_are_gone_are_not_documented() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## (xinlu [a-z ]+)$", page, re.M)) == {name for name, _ in commands()}


def test_every_word_of_dev_py_is_documented() -> None:
    offered = re.findall(r'commands\.add_parser\("(\w+)"', (ROOT / "dev.py").read_text(encoding="utf-8"))
    said = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert len(offered) > 3
    assert [word for word in offered if f"python3 dev.py {word}" not in said] == []


def test_every_setting_of_the_environment_is_documented() -> None:
    named = set(re.findall(r"``(XINLU_\w+)``", (ROOT / "src" / "xinlu" / "settings.py").read_text(encoding="utf-8")))
    said = (DOCS / "commands.md").read_text(encoding="utf-8").partition("## Environment")[2]
    assert len(named) > 5
    assert {name for name in named if f"`{name}`" not in said} == set()


def test_every_benchmark_is_documented() -> None:
    said = (DOCS / "performance.md").read_text(encoding="utf-8")
    assert [p.name for p in (ROOT / "bench").glob("[a-z]*.py") if f"\n## {p.stem}\n" not in said] == []


# ── decisions ───────────────────────────────────────────────────────────────────────────────────

DECISIONS = sorted((DOCS / "adr").glob("*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda p: p.name)
def test_a_decision_has_its_form(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(r"\d{4}-[a-z0-9-]+\.md$", page.name)
    assert re.match(r"# [A-Z][^\n.]+\n\nDate: \d{4}-\d\d-\d\d · Status: \w+", text), "title, date and status"
    assert re.findall(r"^## (\w+)", text, re.M) == ["Context", "Decision", "Consequences"] or re.findall(
        r"^## (\w+)", text, re.M
    ) == ["Decision", "Context", "Consequences"]
    consequences = text.split("## Consequences")[1]
    assert "\n- Bad: " in consequences, "bad consequences are said too"
    assert re.search(r"\n- (?!Bad: )", consequences), "and good ones"
    assert len(text.split()) < 450, "at most one page"


def test_each_decision_has_a_number_of_its_own() -> None:
    numbers = [p.name[:4] for p in DECISIONS]
    assert len(set(numbers)) == len(numbers)


def test_the_architecture_lists_every_decision() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert [p.name for p in DECISIONS if f"adr/{p.name}" not in text] == []


# ── architecture ────────────────────────────────────────────────────────────────────────────────


def test_every_room_is_in_the_architecture_on_the_floor_that_the_linter_keeps() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        layers = tomllib.load(file)["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = {p.parent.name for p in (ROOT / "src" / "xinlu").glob("*/__init__.py")}
    floors = [[room for room in re.findall(r"\w+", layer) if room in rooms] for layer in reversed(layers)]
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d+ \| (.+?) \|", text, re.M)
    told = [re.findall(r"`(\w+)`", row) for row in rows]
    order = [room for floor in told for room in floor]
    assert sorted(order) == sorted(rooms)
    place = {room: n for n, floor in enumerate(floors) for room in floor}
    assert [place[room] for room in order] == sorted(place[room] for room in order)


# ── pages ───────────────────────────────────────────────────────────────────────────────────────


def anchors(page: Path) -> set[str]:
    """What a heading is called in a link."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{page.name}: {target}"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{page.name}: {target}"


def test_pages_name_no_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/(home|work|root|Users)/", page.read_text(encoding="utf-8")), page.name


def test_both_readmes_have_the_same_shape() -> None:
    english, chinese = (page.read_text(encoding="utf-8") for page in READMES)

    def shape(text: str) -> list[int]:
        return [len(h) for h in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", text, flags=re.S), re.M)]

    assert shape(english) == shape(chinese)
    assert [b.text for b in blocks(READMES[0])] == [b.text for b in blocks(READMES[1])]
    assert re.findall(r"!\[[^]]*\]\((\S+)\)", english) == re.findall(r"!\[[^]]*\]\((\S+)\)", chinese)


def test_pictures_are_small() -> None:
    pictures = sorted((DOCS / "images").glob("*"))
    assert [p.name for p in pictures if p.stat().st_size >= 400_000] == []


def test_the_readme_counts_what_is_shipped() -> None:
    books = load(shipped()).rulebooks
    cases = sum(
        len(re.findall(r"^  - case:", p.read_text(encoding="utf-8"), re.M)) for p in shipped().rglob("*.cases.yaml")
    )
    said = (
        f"{len(books)} rulebooks in {sum(map(len, books.values()))} versions, with more than {cases // 100 * 100} cases"
    )
    assert said in READMES[0].read_text(encoding="utf-8")


def tour() -> list[tuple[str, str]]:
    """Commands of the README's tour that need no database, each with what the README shows of its output."""
    shown = []
    for block in blocks(READMES[0]):
        if block.info != ("console",):
            continue
        for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            if command.startswith(".venv/bin/xinlu try "):
                shown.append((command, output))
    return shown


@pytest.mark.parametrize(("command", "output"), tour(), ids=lambda t: t[:60])
def test_the_tour_prints_what_the_readme_shows(command: str, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(xinlu.cli.try_.app, shlex.split(command)[2:])
    printed = [line.rstrip() for line in done.output.splitlines()]
    told = [line.rstrip() for line in output.splitlines() if line.strip() not in ("", "…")]
    place = 0
    for line in told:
        assert line in printed[place:], f"not printed, or not in this order: {line}"
        place = printed.index(line, place) + 1
    assert done.exit_code == 0


def test_the_tour_shows_a_command_and_its_output() -> None:
    assert any(output for _, output in tour())


@pytest.mark.parametrize(
    ("old", "new", "more", "said"),
    [
        ('minus: "20"', 'minus: "40"', (), "C（差）"),
        ('minus: "20"', 'minsu: "20"', (), "LAW-201"),
        ("", "", ("--as-of", "2026-02-10"), "100"),
    ],
)
def test_what_the_tour_says_of_a_changed_rule_holds(
    tmp_path: Path, old: str, new: str, more: tuple[str, ...], said: str
) -> None:
    rule = (EXAMPLES / "tour" / "rule.yaml").read_text(encoding="utf-8")
    assert old in rule
    (tmp_path / "rule.yaml").write_text(rule.replace(old, new), encoding="utf-8")
    facts = str(EXAMPLES / "tour" / "facts.yaml")
    done = CliRunner().invoke(xinlu.cli.try_.app, [str(tmp_path / "rule.yaml"), "--facts", facts, "--no-ahead", *more])
    firm = done.output.partition("瓯江示例物流")[0]
    assert said in firm
