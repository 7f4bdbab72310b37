"""``xinlu try``: a rulebook file on a facts file, with no database and no project set-up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from xinlu.cli._answers import show_answers
from xinlu.cli._screen import err, out, show_problems, standards_folder
from xinlu.engine.cases import EVERYTHING_KNOWN, by_engine, by_oracle
from xinlu.engine.changes import next_changes
from xinlu.engine.facts import Facts, as_day, as_time, read_facts
from xinlu.engine.trial import Answer, answers, as_json
from xinlu.law.check.books import check_book, understand_all
from xinlu.law.library import CASES, Library, load_catalogue, load_rulebook
from xinlu.law.marks import read
from xinlu.law.meaning import Meaning
from xinlu.law.problem import LawError, Problem, problem
from xinlu.law.rulebook import Rulebook
from xinlu.law.source import InForce

app = typer.Typer()


@app.command()
def try_book(
    book: Annotated[Path, typer.Argument(help="评价规则文件（YAML）")],
    facts: Annotated[Path, typer.Option("--facts", help="事实文件（YAML）")],
    as_of: Annotated[list[str] | None, typer.Option("--as-of", help="评价基准日，可写多次；默认用事实文件里的")] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="按当时掌握的情况（时间，UTC）；默认全部已知")
    ] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
    oracle: Annotated[bool, typer.Option("--oracle", help="用逐条的慢算法，而不用编译的引擎")] = False,
    ahead: Annotated[bool, typer.Option("--ahead/--no-ahead", help="是否推算何时自行变化")] = True,
    standards: Annotated[Path | None, typer.Option("--standards", help="法规文件夹")] = None,
) -> None:
    """用一份事实试算一部评价规则，不需要数据库。"""
    try:
        trial = _Trial(book, facts, standards, compiled=not oracle)
        days = _days(as_of, trial.facts)
        moment = _moment(known_at) or trial.facts.known_at
        results = [trial.answers(day, moment or EVERYTHING_KNOWN, ahead=ahead) for day in days]
    except LawError as error:
        show_problems(error.problems, err)
        raise typer.Exit(1) from None
    if as_json_:
        data = as_json(results, trial.book, trial.facts, moment)
        typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    show_problems(trial.problems, err)
    if trial.opened:
        out.print(f"[yellow]该版本自 {trial.opened.from_} 起施行；这里不论施行期，一律试算[/]")
    for result in results:
        show_answers(result, trial.book, trial.facts)


class _Trial:
    """A book, the books that it reads, and the facts."""

    def __init__(self, book: Path, facts: Path, standards: Path | None, *, compiled: bool) -> None:
        self.book = load_rulebook(book)
        self.library = _library(standards_folder(standards), book, self.book)
        self.opened: InForce | None = None
        self.problems, self.meaning = _understood(self.library, self.book)
        marked = read(facts)
        self.facts = read_facts(marked.mapping(), catalogue=self.library.catalogue, marks=marked.marks)
        self.compiled = compiled

    def answers(self, day: date, known_at: datetime, *, ahead: bool) -> tuple[Answer, ...]:
        """The answers of one day."""
        book = self._opened(day)
        # Frozen peer statistics are read by the oracle only.
        compiled = self.compiled and not self.facts.peers
        evaluate = (by_engine if compiled else by_oracle)(self.library, book)
        found = answers(evaluate(self.facts, day, known_at), self.meaning, self.facts, day)
        if not ahead:
            return found
        changes = next_changes(
            self.library.needed(book),
            self.facts.tables,
            catalogue=self.library.catalogue,
            book=book.rulebook,
            as_of=day,
            known_at=known_at,
            peers=self.facts.peers,
        )
        return tuple(replace(a, next_change_on=changes.get((a.finding.unit, a.output))) for a in found)

    def _opened(self, day: date) -> Rulebook:
        """The book itself, or without its in-force period when the day lies outside: a draft can be tried."""
        if self.book.governed_by.strip() != "as_of" or self.book.in_force.covers(day):
            return self.book
        self.opened = self.book.in_force
        always = InForce.model_validate({"from": date.min})
        return self.book.model_copy(update={"in_force": always})


def _understood(library: Library, book: Rulebook) -> tuple[list[Problem], Meaning]:
    """What is doubtful in the book, and its meaning."""
    understood = understand_all(library)
    meaning = understood.meanings.get((book.rulebook, book.version))
    if meaning is None or understood.problems:
        raise LawError(*understood.problems)
    return check_book(library, book, meaning), meaning


def _library(root: Path, path: Path, book: Rulebook) -> Library:
    """The catalogue, the tried file, and every book that it reads, directly or through others: from beside the
    file, else from the folder of law. Nothing else is read, so that a trial starts at once."""
    library = Library(root, load_catalogue(root), {}, {}, {}).with_book(path)
    asked: set[str] = set()
    while names := {s.findings for b in library.needed(book) for s in b.sources.values() if s.findings} - asked:
        for name in sorted(names):
            for one in _files_of(name, path, root):
                library = library.with_book(one)
        asked |= names
    return library


def _files_of(name: str, tried: Path, root: Path) -> list[Path]:
    """The versions of a book: files beside the tried one win over those in the folder of law."""
    beside = {*tried.parent.glob("*.yaml"), *tried.parent.parent.glob(f"{name}/*.yaml")} - {tried}
    for files in (beside, set(root.glob(f"*/{name}/*.yaml"))):
        found = [one for one in sorted(files) if not one.name.endswith(CASES) and _is_rulebook(one, name)]
        if found:
            return found
    return []


def _is_rulebook(path: Path, name: str) -> bool:
    try:
        data = read(path).data
    except LawError:
        return False
    return isinstance(data, dict) and data.get("rulebook") == name


def _moment(given: str | None) -> datetime | None:
    try:
        return as_time(given) if given else None
    except ValueError as error:
        raise LawError(problem("FACT-108", f"--known-at：{error}")) from None


def _days(given: Sequence[str] | None, facts: Facts) -> tuple[date, ...]:
    try:
        days = tuple(as_day(d) for d in given or ()) or facts.as_of
    except ValueError as error:
        raise LawError(problem("FACT-108", f"--as-of：{error}")) from None
    if not days:
        raise LawError(problem("FACT-115", "没有说明评价基准日"))
    return days
