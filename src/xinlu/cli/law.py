"""``xinlu law``: check law files and show a book."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from xinlu.cli import start_django
from xinlu.cli._book import show_rulebook
from xinlu.cli._screen import err, out, show_problems, standards_folder
from xinlu.engine.cases import failing_cases
from xinlu.law.check import check
from xinlu.law.library import load, load_rulebook
from xinlu.law.problem import LawError, Problem, Severity, by_place, problem
from xinlu.law.rulebook import Rulebook
from xinlu.law.shape import suggestion

app = typer.Typer(no_args_is_help=True)


@app.callback()
def law() -> None:
    """法规文件：检查与查看。"""


@app.command("check")
def check_law(
    path: Annotated[
        Path | None, typer.Argument(help="法规文件夹，或其中一个文件；默认已发布的法规，没有发布过时为 standards/")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
    cases: Annotated[bool, typer.Option("--cases/--no-cases", help="是否运行案例")] = True,
) -> None:
    """检查目录、评价规则、程序和案例；有错误时退出码为 1。"""
    try:
        problems = _problems(path, cases=cases)
    except LawError as error:
        problems = error.problems
    errors = [p for p in problems if p.severity is Severity.ERROR]
    if as_json:
        typer.echo(json.dumps([asdict(p) for p in problems], ensure_ascii=False, indent=2))
    else:
        show_problems(problems)
        warnings = len(problems) - len(errors)
        out.print(f"{len(errors)} 个错误，{warnings} 个提醒" if problems else "没有发现问题")
    raise typer.Exit(1 if errors else 0)


@app.command("show")
def show_book(
    book: Annotated[str, typer.Argument(help="评价规则的标识，如 highway-design-firm，或规则文件")],
    version: Annotated[str | None, typer.Option("--version", help="版本；默认最新")] = None,
    standards: Annotated[Path | None, typer.Option(help="法规文件夹")] = None,
) -> None:
    """像读文件一样读一部评价规则：条款、参数、等级和读法。"""
    try:
        library = load(standards_folder(standards))
        if book.endswith(".yaml"):
            chosen: Rulebook | None = load_rulebook(Path(book))
        elif version is not None:
            chosen = library.version(book, version)
        else:
            chosen = next(iter(reversed(library.rulebooks.get(book, ()))), None)
        if chosen is None:
            hint = suggestion(book, library.rulebooks)
            raise LawError(problem("FACT-116", f"没有评价规则“{book}”{version or ''}{hint}"))
    except LawError as error:
        show_problems(error.problems, err)
        raise typer.Exit(1) from None
    show_rulebook(chosen, library.rulebooks.get(chosen.rulebook, ()))


@app.command("verify")
def verify_law() -> None:
    """核对已发布的法规：内容、摘要和审计链是否相符；有不符时退出码为 1。"""
    start_django()
    from xinlu.gazette import current
    from xinlu.gazette.queries import editions
    from xinlu.gazette.seal import faults

    published = list(editions())
    found = [(edition, one) for edition in published for one in faults(edition)]
    for edition, one in found:
        err.print(f"[red]{edition.title} {edition.version or '首版'}：{one.sentence}[/]")
    whole = current.is_restored()
    if not whole:
        err.print("[red]供读取的法规文件夹与数据库不符；重启网站即按数据库恢复。[/]")
    if not found and whole:
        out.print(f"{len(published)} 次发布，内容、摘要和审计链相符")
    raise typer.Exit(1 if found or not whole else 0)


def _problems(path: Path | None, *, cases: bool) -> tuple[Problem, ...]:
    root, inside = _root(path)
    library = load(root)
    name = "" if inside is None else (Path(root.name) / inside.relative_to(root)).as_posix()
    stem = name.removesuffix(".cases.yaml").removesuffix(".yaml")

    def asked(file: str) -> bool:
        return inside is None or file == name or file.startswith((f"{stem}.", f"{stem}/"))

    found = [p for p in check(library) if asked(p.file)]
    if cases:
        books = [b for versions in library.rulebooks.values() for b in versions]
        with err.status("正在运行案例……"):
            found += failing_cases(library, [b for b in books if asked(library.filed(b).marked.file)])
    return by_place(found)


def _root(path: Path | None) -> tuple[Path, Path | None]:
    """The folder of law, and the part of it that is asked for (None: all)."""
    if path is None:
        return standards_folder(None), None
    whole = path.resolve()
    for folder in (whole, *whole.parents):
        if (folder / "catalogue").is_dir():
            return folder, None if folder == whole else whole
    return whole, None
