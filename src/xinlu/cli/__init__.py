"""The command ``xinlu``: one module per command or group of commands.

A module of this package that has a typer application called ``app`` is a command of the same name (``try_`` is
``try``, ``load_demo`` is ``load-demo``); it is imported when it is asked for. With one command in it the module
is that command, with several it is a group. Modules whose names begin with an underscore are not commands.

Only commands that need the database call :func:`start_django`, inside the command: ``law`` and ``try`` never do,
so they work without any project set-up.
"""

from __future__ import annotations

import os
import pkgutil
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

import xinlu
from xinlu.cli._refusals import problems_of
from xinlu.cli._screen import err, show_problems

__all__ = ["main", "start_django"]


class _Commands(TyperGroup):
    """Finds commands by the name of their module."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 the base class gives it
        """Names of all commands, sorted; imports nothing."""
        return sorted(n.rstrip("_").replace("_", "-") for n in _modules())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a module, imported now; None when there is no such module."""
        if cmd_name not in self.list_commands(ctx):
            return None
        stem = cmd_name.replace("-", "_")
        module = import_module(f"{__name__}.{stem if stem in _modules() else stem + '_'}")
        application = getattr(module, "app", None)
        if not isinstance(application, typer.Typer):
            return None
        command = get_command(application)
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what a person can mend is told as a problem, and ends with 2."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            problems = problems_of(error)
            if not problems:
                raise
            show_problems(problems, err)
            raise typer.Exit(2) from None


def _modules() -> set[str]:
    return {m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")}


_app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"xinlu {xinlu.__version__}")
        raise typer.Exit


@_app.callback()
def _xinlu(
    version: Annotated[bool, typer.Option("--version", help="显示版本", is_eager=True, callback=_show_version)] = False,
) -> None:
    """信路 Xinlu：把信用法规当作带日期的数据来运行，每一分都能追到记录和条款。"""


def main() -> None:
    """Run the command line."""
    _app(prog_name="xinlu")


def start_django() -> None:
    """Set up Django for a command that needs the database; call it before importing any model."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xinlu.settings")
    import django

    django.setup()
