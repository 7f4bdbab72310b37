"""What the rulebooks ask of columns: every constant that a book compares a field or an attribute with.

A province made from the catalogue alone would hit hardly a clause, since many clauses want a code that stands in no
code list. The constants are read from the typed expressions, so that a new book needs no new code here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from xinlu.law.catalogue import Catalogue
from xinlu.law.expression import Node
from xinlu.law.meaning import Meaning
from xinlu.law.rulebook import Rulebook, Source
from xinlu.law.typing_rules import Ref

Constant = str | Decimal | date | bool
Column = tuple[str, str]
"""``(table, field)``: ``("item_weighing", "axles")``, ``("subject_vehicle", "fuel")``."""
_MIRRORED = {"=", "<>", "<", "<=", ">", ">="}


@dataclass
class Asked:
    """Constants by column, in the order of the books; ``standings``: (book, output) pairs that a book reads as
    standings, with the readers."""

    constants: dict[Column, dict[Constant, int]] = field(default_factory=dict)

    def of(self, table: str, name: str) -> tuple[Constant, ...]:
        """What is compared with a column, most often asked first."""
        found = self.constants.get((table, name), {})
        return tuple(sorted(found, key=lambda one: -found[one]))

    def note(self, column: Column | None, constant: Constant) -> None:
        """Count one comparison."""
        if column is not None:
            counts = self.constants.setdefault(column, {})
            counts[constant] = counts.get(constant, 0) + 1


def asked(meanings: Iterable[Meaning], catalogue: Catalogue) -> Asked:
    """Everything that the books of ``meanings`` compare columns with."""
    found = Asked()
    for meaning in meanings:
        _Listener(meaning, catalogue, found).listen()
    return found


class _Listener:
    def __init__(self, meaning: Meaning, catalogue: Catalogue, found: Asked) -> None:
        self.meaning = meaning
        self.book: Rulebook = meaning.book
        self.catalogue = catalogue
        self.found = found

    def listen(self) -> None:
        for path, tree in self.meaning.expressions.items():
            source = self.source_of(path)
            for node in tree.walk():
                for ref, constant in self.compared(node):
                    self.found.note(self.column(ref, source), constant)
        for clause in self.book.clauses.values():
            rows = self.book.sources[clause.hits]
            codes = clause.code if isinstance(clause.code, tuple) else (clause.code,)
            for code in codes:
                if code is not None and rows.item is not None and rows.code_field is not None:
                    self.found.note((f"item_{rows.item}", rows.code_field), code)

    def source_of(self, path: tuple[str | int, ...]) -> str | None:
        """The source whose rows an expression is about."""
        part, name = path[0], str(path[1]) if len(path) > 1 else ""
        if part == "sources":
            return name
        if part == "clauses":
            return self.book.clauses[name].hits
        if part == "folds":
            return self.book.folds[name].over
        return None

    def compared(self, node: Node) -> Iterator[tuple[Ref, Constant]]:
        """References and the constants that they meet in one node."""
        if node.op in _MIRRORED:
            left, right = node.args
            yield from self.pairs(left, [right])
            yield from self.pairs(right, [left])
        elif node.op == "in" or (node.op == "call" and node.value in ("contains", "starts_with")):
            yield from self.pairs(node.args[0], node.args[1:])
        elif node.op == "call" and node.value == "lookup":
            yield from self.looked_up(node)

    def pairs(self, one: Node, others: Iterable[Node]) -> Iterator[tuple[Ref, Constant]]:
        ref = _reference(one)
        if ref is not None:
            for other in others:
                constant = self.constant(other)
                if constant is not None:
                    yield ref, constant

    def looked_up(self, node: Node) -> Iterator[tuple[Ref, Constant]]:
        """The keys of a table, each beside what is looked up by it."""
        table = self.book.tables[str(node.args[0].value)]
        for place, key in enumerate(node.args[1:]):
            ref = _reference(key)
            if ref is not None and table.by == "keys":
                for row in table.rows:
                    yield ref, row.when[place]

    def constant(self, node: Node) -> Constant | None:
        if node.op in ("text", "number", "date", "flag"):
            return node.value  # type: ignore[return-value]
        if node.op == "ref" and isinstance(node.value, Ref) and node.value.space == "param":
            return self.book.parameters[node.value.name].value
        return None

    def column(self, ref: Ref, source: str | None) -> Column | None:
        """The column that a reference stands for; None for dates of time, findings and computed values."""
        if ref.space == "unit":
            rates = self.book.rates
            return (f"subject_{rates.subject}" if rates.subject else f"item_{rates.record}", ref.name)
        if source is None:
            return None
        one = self.book.sources[source]
        if ref.space == "attr":
            return (f"subject_{one.attributes[ref.qualifier].kind}", ref.name)
        if ref.space == "parent":
            parent = self.meaning.parent_source(source)
            return _of_item(self.book.sources, parent, ref.name)
        if ref.space in ("row", "other"):
            return _of_item(self.book.sources, source, ref.name)
        return None


def _of_item(sources: Mapping[str, Source], source: str | None, name: str) -> Column | None:
    item = sources[source].item if source is not None else None
    return None if item is None else (f"item_{item}", name)


def _reference(node: Node) -> Ref | None:
    """The reference inside a plain name, or inside what only guards it (``coalesce``, ``round``)."""
    if node.op == "ref" and isinstance(node.value, Ref):
        return node.value
    if node.op == "call" and node.value == "coalesce":
        return _reference(node.args[0])
    return None
