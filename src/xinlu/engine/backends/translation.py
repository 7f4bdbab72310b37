"""Portable steps into the dialect of another engine: names made whole, calls replaced, the rest written by SQLGlot.

A step is parsed once (:meth:`xinlu.engine.compile.draft.Step.tree`). SQLGlot's qualifier spells out every star and
gives each column its table and its name, so that no engine's own rules about them matter. Then a dialect goes over
the tree from the leaves up and puts its own expression in the place of what only DuckDB has, and of each primitive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from xinlu.engine.compile.primitives import CALL

Rewrite = Callable[[exp.Expr], exp.Expr | None]
"""Gives what takes the place of a node, or None to leave it."""


class Translator:
    """Writes steps in one dialect; knows the columns of every table and step so far.

    ``rewrites``: kind of node → what takes its place. ``primitives``: name of a primitive → its expression, from the
    texts of its arguments in the dialect.
    """

    def __init__(
        self,
        dialect: str,
        rewrites: Mapping[type[exp.Expr], Rewrite],
        primitives: Mapping[str, Callable[..., str]],
        functions: Mapping[str, Callable[..., str]],
    ) -> None:
        self.dialect = dialect
        self.rewrites = dict(rewrites)
        self.calls: dict[str, Callable[..., str]] = {f"{CALL}{name}": write for name, write in primitives.items()}
        self.calls |= functions
        self.columns: dict[str, dict[str, str]] = {}

    def know(self, table: str, columns: Iterable[str]) -> None:
        """Note the columns of a table that is not made by a step."""
        self.columns[table] = dict.fromkeys(columns, "TEXT")

    def translated(self, sql: str, name: str | None = None) -> str:
        """SQL of the dialect for portable SQL; its columns are noted under ``name``."""
        tree: Any = qualify(
            sqlglot.parse_one(sql, read="duckdb"),
            schema=dict(self.columns),
            dialect="duckdb",
            expand_alias_refs=False,
            validate_qualify_columns=False,
        )
        if name is not None:
            self.know(name, tree.named_selects)
        return self.rewritten(tree).sql(dialect=self.dialect)

    def rewritten(self, tree: exp.Expr) -> exp.Expr:
        """The tree with every node replaced, leaves first."""
        holder = exp.Paren(this=tree)
        # A node is visited before what it holds; the other way round, children are ready before their parents.
        for node in reversed(list(tree.dfs())):
            replaced = self.replacement(node)
            if replaced is not None and replaced is not node:
                node.replace(replaced)
        result: exp.Expr = holder.this
        holder.set("this", None)
        return result

    def replacement(self, node: exp.Expr) -> exp.Expr | None:
        if isinstance(node, exp.Anonymous):
            write = self.calls.get(node.name.lower())
            return raw(write(*(self.text(one) for one in node.expressions))) if write is not None else None
        rewrite = self.rewrites.get(type(node))
        return rewrite(node) if rewrite is not None else None

    def text(self, node: exp.Expr | Any) -> str:
        """The SQL text of a node that has been rewritten already."""
        return str(node.sql(dialect=self.dialect))


def raw(sql: str) -> exp.Expr:
    """SQL text as a node that is written as it is."""
    return exp.Var(this=sql)


def arguments(texts: Iterable[str]) -> str:
    """Texts with commas."""
    return ", ".join(texts)


def ordering(order: exp.Order) -> list[tuple[exp.Expr, bool]]:
    """Keys of an ORDER BY and whether each goes downwards."""
    return [(one.this, bool(one.args.get("desc"))) for one in order.expressions]


def picking(
    picked: Callable[[exp.Expr, str], exp.Expr], text: Callable[[exp.Expr], str]
) -> dict[type[exp.Expr], Rewrite]:
    """Rewrites of ``first(x ORDER BY …)`` and ``last(…)``, alone or under a ``FILTER``.

    ``picked(node, keep)`` writes one of them with ``keep`` behind its aggregate; ``text`` writes a condition."""

    def alone(node: exp.Expr) -> exp.Expr | None:
        return None if isinstance(node.parent, exp.Filter) else picked(node, "")

    def filtered(node: exp.Expr) -> exp.Expr | None:
        if not isinstance(node.this, (exp.First, exp.Last)):
            return None
        return picked(node.this, f" FILTER (WHERE {text(node.expression.this)})")

    return {exp.First: alone, exp.Last: alone, exp.Filter: filtered}


__all__ = ["Rewrite", "Translator", "arguments", "ordering", "picking", "raw"]
