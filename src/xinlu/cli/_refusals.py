"""What a command says instead of a stack trace when law or database do not let it work."""

from __future__ import annotations

import sys

from xinlu.law.problem import LawError, Problem

_BASIS = "命令与环境（docs/commands.md）"
_TABLES = ("no such table", "no such column", "undefinedtable", "undefinedcolumn")


def problems_of(error: Exception) -> tuple[Problem, ...]:
    """The problems behind an error that a person can mend; none for an error of the program.

    What a database says may quote rows, so that only its kind is told.
    """
    if isinstance(error, LawError):
        return error.problems
    # Without Django nothing below can have been raised, and commands that need none do not load it.
    if "django.db.utils" not in sys.modules:
        return ()
    from django.core.exceptions import ImproperlyConfigured
    from django.db.utils import OperationalError, ProgrammingError

    if isinstance(error, ImproperlyConfigured):
        return (_problem("CLI-003", f"设置有误：{error}", "请改正环境变量后再试"),)
    if not isinstance(error, OperationalError | ProgrammingError):
        return ()
    cause = f"{error} {type(error.__cause__).__name__}".lower()
    if any(word in cause for word in _TABLES):
        return (
            _problem(
                "CLI-001",
                "数据库里没有所需的表：还没有建库，或由较早的版本建成",
                "请先运行 python -m django migrate --settings xinlu.settings；示例省一步建成：python3 dev.py demo",
            ),
        )
    if isinstance(error, OperationalError):
        return (
            _problem("CLI-002", "数据库连不上或正忙", "请确认 XINLU_DATABASE_URL 与数据库服务，没有别的命令在写，再试"),
        )
    return ()


def _problem(code: str, sentence: str, next_step: str) -> Problem:
    return Problem(code=code, sentence=sentence, basis=_BASIS, next_step=next_step)
