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
) -> None:
    """在全部主体上试算 BOOKS，留下结果与积分明细，不形成评价结果（发布用 xinlu publish）。"""
    start_django()
    from xinlu.assessment.queries import findings_of_run
    from xinlu.assessment.run import run_books
    from xinlu.journal.actor import Actor

    now = datetime.now(UTC)
    known = known_at.replace(tzinfo=UTC) if known_at else None
    for run in run_books(books, as_of=as_of.date(), known_at=known, actor=Actor.system("xinlu run"), at=now):
        out.print(f"{run.code}：{run.units} 个评价单元，{run.lines} 条积分明细（版本 {run.version}）")
        for output, answers in counts_of(findings_of_run(run)).items():
            out.print(f"  {output}：" + "，".join(f"{answer} {number}" for answer, number in answers.items()))
