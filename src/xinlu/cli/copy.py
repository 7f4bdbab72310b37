"""``xinlu copy``: look after the columnar copy that the engine reads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import out

app = typer.Typer(help="列式副本：同步、合并、重建、核对。", no_args_is_help=True)


@contextmanager
def _copying() -> Iterator[None]:
    """Set up, and say at the end what is there and how long it took."""
    start_django()
    from xinlu.ledger import columnar

    begin = time.monotonic()
    yield
    spent = time.monotonic() - begin
    found = columnar.measured()
    out.print(
        f"副本完整到变更 {found.change}：{found.base_rows} 行在 {found.shelves} 个分架的基础文件，"
        f"{found.later_rows} 行在 {found.later_files} 个后续文件，共 {found.size / 1e6:.1f} MB。用时 {spent:.1f} 秒"
    )


@app.command("sync")
def sync_copy(
    tidy: bool = typer.Option(True, "--tidy/--no-tidy", help="后续文件多了就并入基础文件（默认），或不并入"),
) -> None:
    """把数据库的新变更追加到副本，随即可读。"""
    with _copying():
        from xinlu.ledger import columnar

        columnar.sync(tidy=tidy)


@app.command("compact")
def compact_copy() -> None:
    """把所有后续文件并入基础文件；行不变。"""
    with _copying():
        from xinlu.ledger import columnar

        columnar.compact()


@app.command("rebuild")
def rebuild_copy() -> None:
    """从数据库重写整个副本。"""
    with _copying():
        from xinlu.ledger import columnar

        columnar.rebuild()


@app.command("check")
def check_copy() -> None:
    """核对副本与数据库：文件摘要、每张表的行数与内容。不符时以 1 结束。"""
    start_django()
    from xinlu.ledger import columnar

    found = columnar.check()
    for name in found.broken:
        out.print(f"文件缺失或内容已变：{name}；请运行 xinlu copy rebuild")
    if found.change != found.newest:
        out.print(f"副本完整到变更 {found.change}，数据库已到 {found.newest}；请先运行 xinlu copy sync")
    for table, (held, truth) in found.different.items():
        out.print(f"{table}：副本 {held} 行，数据库 {truth} 行，内容不一致；请运行 xinlu copy rebuild")
    if not found.equal:
        raise typer.Exit(1)
    out.print(f"副本与数据库一致，变更 {found.change}")
