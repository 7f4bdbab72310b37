"""``xinlu demo``: build the demo province once, and say who can sign in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from xinlu.cli import start_django
from xinlu.cli._screen import out

if TYPE_CHECKING:
    from xinlu.demo.build import Advance, Built

SHOWN = 40
"""Differences that a check prints."""

app = typer.Typer(help="示例省。")


@app.command("demo")
def demo(
    scale: Annotated[float, typer.Option("--scale", help="规模；1 约为全省的五百分之一", min=0.01, max=4)] = 1,
    book: Annotated[list[str] | None, typer.Option("--book", help="只运行这些评价办法，可多次给出；默认全部")] = None,
    check: Annotated[bool, typer.Option("--check", help="把结果与预设答案逐一核对")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="丢弃现有数据库、列式副本和批次，从头再建")] = False,
) -> None:
    """建成示例省：生成报送文件、入库、逐年评价并发布。建成以后再次运行不改动任何数据。"""
    start_django()
    from django.conf import settings

    from xinlu.demo import marker
    from xinlu.demo.world import DEMO_SEED, DEMO_TODAY

    folder = Path(settings.VAR) / "demo"
    recipe = marker.recipe(seed=DEMO_SEED, scale=scale, today=DEMO_TODAY)
    state = marker.state(folder, recipe)
    if state == "foreign":
        out.print("数据库里已有主体，不是示例省。请用 XINLU_VAR 或 XINLU_DATABASE_URL 指定一个空的位置再建示例省。")
        raise typer.Exit(2)
    if fresh or state == "cut_short":
        out.print("清除" + ("未建完的" if state == "cut_short" else "现有的") + "示例省 …")
        marker.clear(folder)
        state = "empty"
    if state == "empty":
        marker.begin(folder, recipe)
        _build(scale, book)
        _count_use()
        marker.finish(folder)
    elif state == "older":
        out.print("示例省由较早的版本或不同的规模建成，照旧可用；要重建：xinlu demo --fresh")
    else:
        out.print("示例省已建成，没有改动。")
    out.print(f"演示日 {DEMO_TODAY.isoformat()}：页面以这一天为今天；改用别的日子：XINLU_TODAY=2026-06-30")
    if check:
        _check(folder, book)
    _accounts()


def _count_use() -> None:
    """Count the use of clauses now, once for each run, so that nobody waits for it on a page."""
    from xinlu.assessment.clause_use import kept_use
    from xinlu.assessment.models import Run

    for run in Run.objects.all():
        kept_use(run)


def _check(folder: Path, books: list[str] | None) -> None:
    from xinlu.demo.verify import delivery_differences, differences, read_manifest, replay_differences

    manifest = read_manifest(folder)
    found = [*delivery_differences(manifest), *differences(manifest, books), *replay_differences(manifest)]
    for one in found[:SHOWN]:
        out.print(one)
    if found:
        out.print(f"与预设不符 {len(found)} 处")
        raise typer.Exit(1)
    units = sum(day["units"] for book in manifest["books"].values() for day in book.values())
    out.print(f"报送 {len(manifest['files'])} 份、预设答案 {units} 个单元次，全部相符")


def _build(scale: float, books: list[str] | None) -> None:
    from xinlu.demo.build import Steps, build

    class Bars(Steps):
        """Each step as a bar."""

        @contextmanager
        def step(self, title: str, total: int | None = None) -> Iterator[Advance]:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Progress(*columns, console=out) as progress:
                task = progress.add_task(title, total=total)
                yield lambda done: progress.advance(task, done)
                progress.update(task, total=total or 1, completed=total or 1)

    _say(build(scale=scale, books=books, steps=Bars()))


def _say(built: Built) -> None:
    out.print(
        f"示例省：{built.subjects} 个主体，{built.relations} 条关系，{built.records} 条记录，"
        f"{built.files} 份报送文件（收下 {built.accepted} 行，疑问 {built.queried} 行，重复 {built.duplicate} 行），"
        f"{built.runs} 个评价批次，{built.standings} 个评价结果。"
    )
    spent = "，".join(f"{_STEPS.get(step, step)} {seconds:.1f} 秒" for step, seconds in built.seconds.items())
    out.print(f"用时：{spent}。报送文件和预设答案在 {built.folder}")


_STEPS = {
    "generate": "生成",
    "deliver": "入库",
    "columnar": "列式副本",
    "run": "运行",
    "publish": "发布",
    "accounts": "账号",
    "filings": "填报",
}


def _accounts() -> None:
    from xinlu.demo.accounts import ACCOUNTS, PASSWORD

    table = Table(title="示例账号（仅供演示，数据全部虚构）", title_justify="left")
    for heading in ("用户名", "身份", "密码"):
        table.add_column(heading)
    for one in ACCOUNTS:
        table.add_row(one.username, one.title, PASSWORD)
    out.print(table)
