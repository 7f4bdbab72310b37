"""``xinlu run``: run a book over the ledger as a trial."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

import typer

from xinlu.cli import start_django
from xinlu.cli._screen import out
from xinlu.engine.result import Finding

app = typer.Typer(help="运行评价办法。")
_STATUS = {"not_rated": "未评", "open": "待人工", "rated": "已评"}


def counts_of(findings: list[Finding]) -> dict[str, Counter[str]]:
    """Output → answer → number of units; numbers and dates count as rated."""
    counts: dict[str, Counter[str]] = {}
    for one in findings:
        answer = one.level if one.level is not None else _STATUS[one.status]
        counts.setdefault(one.output, Counter())[answer] += 1
    return {output: Counter(dict(counter.most_common())) for output, counter in counts.items()}


@app.command("run")
def run_book(
    books: Annotated[list[str], typer.Argument(help="评价办法标识，可写多个")],
    as_of: Annotated[datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="评价日")],
    known_at: Annotated[datetime | None, typer.Option("--known-at", help="所知截至（UTC），默认现在")] = None,
    backend: Annotated[
        str | None, typer.Option("--backend", help="换一个计算后端：clickhouse[:地址] 或 spark[:地址]，默认本机 DuckDB")
    ] = None,
    copy: Annotated[str | None, typer.Option("--copy", help="后端读取列式副本的地址，如 s3a://bucket/columnar")] = None,
    to: Annotated[str | None, typer.Option("--to", help="结果留在这个地址（须同时给出 --backend），不带回本机")] = None,
) -> None:
    """在全部主体上试算 BOOKS，留下结果与积分明细，不形成评价结果（发布用 xinlu publish）。"""
    if backend is None and (copy or to):
        raise typer.BadParameter("--copy 与 --to 要和 --backend 一起用")
    start_django()
    from xinlu.assessment.queries import findings_of_run
    from xinlu.assessment.run import leave_books, run_books
    from xinlu.engine.backends import MissingExtra, UnknownBackend
    from xinlu.journal.actor import Actor

    now = datetime.now(UTC)
    known = known_at.replace(tzinfo=UTC) if known_at else None
    try:
        if backend is not None and to is not None:
            left = leave_books(books, as_of=as_of.date(), known_at=known or now, backend=backend, to=to, copy=copy)
            out.print("\n".join(f"结果在 {place}" for place in left))
            return
        runs = run_books(
            books,
            as_of=as_of.date(),
            known_at=known,
            actor=Actor.system("xinlu run"),
            at=now,
            backend=backend,
            copy=copy,
        )
    except (MissingExtra, UnknownBackend) as error:
        raise typer.BadParameter(str(error)) from error
    for run in runs:
        out.print(f"{run.code}：{run.units} 个评价单元，{run.lines} 条积分明细（版本 {run.version}）")
        for output, answers in counts_of(findings_of_run(run)).items():
            out.print(f"  {output}：" + "，".join(f"{answer} {number}" for answer, number in answers.items()))
