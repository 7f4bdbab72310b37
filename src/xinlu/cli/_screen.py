"""How commands print: problems, and where law is looked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from xinlu import published_folder
from xinlu.law.library import shipped
from xinlu.law.problem import Problem, Severity

_WIDE = None if sys.stdout.isatty() else 120
"""Into a file or pipe, wide enough for a table; on a terminal, as wide as that."""

out = Console(highlight=False, width=_WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
_WORDS = {Severity.ERROR: "错误", Severity.WARNING: "提醒"}


def show_problems(problems: Iterable[Problem], console: Console = out) -> None:
    """Each problem with its place, sentence, basis and next step."""
    for one in problems:
        place = f"{one.file}:{one.line}" if one.line else one.file
        line = Text()
        line.append(f"{place or '（无文件）'}\n", style="bold")
        line.append(f"  {_WORDS[one.severity]} {one.code}  ", style=_COLOURS[one.severity])
        line.append(one.sentence)
        if one.next_step:
            line.append(f"\n  怎么办：{one.next_step}", style="cyan")
        if one.basis:
            line.append(f"\n  依据：{one.basis}", style="dim")
        console.print(line)


def standards_folder(given: Path | None) -> Path:
    """The folder of law: as given, what this installation has published, ``standards`` here, else the shipped one."""
    if given is not None:
        return given
    if published := published_folder():
        err.print(f"[dim]所读：本系统已发布的法规（{published}）[/]")
        return published
    here = Path("standards")
    return here if (here / "catalogue").is_dir() else shipped()
