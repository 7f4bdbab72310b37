"""SQL of one made-up value: of a field of an item, or of an attribute of a subject.

Every value is a function of the row's number and the seed: ``h`` is the row's own draw, and each field takes a draw
of its own from it. So the province is the same on any number of threads and in any order of making.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made_by
from decimal import Decimal
from functools import cached_property
from zlib import crc32

from xinlu.demo.reference import shape
from xinlu.demo.reference.asked import Asked
from xinlu.engine.compile.primitives import text_literal
from xinlu.law.catalogue import Catalogue, Field, FieldType
from xinlu.law.expression import Node, parse


def draw(name: str, h: str = "h") -> str:
    """SQL of a field's own draw: UBIGINT, the same for the same row and name."""
    return f"hash({h}, {crc32(name.encode())})"


def below(name: str, many: int, h: str = "h") -> str:
    """SQL of a number in [0, ``many``)."""
    return f"CAST({draw(name, h)} % {max(many, 1)} AS INTEGER)"


def one_of(name: str, values: Sequence[str], h: str = "h") -> str:
    """SQL of one of ``values`` (SQL texts, repeated by weight)."""
    if len(values) == 1:
        return values[0]
    return f"([{', '.join(values)}])[1 + {below(name, len(values), h)}]"


def sql_type(field: Field) -> str:
    """The DuckDB type of a field's column."""
    plain = {
        FieldType.DATE: "DATE",
        FieldType.YES_NO: "BOOLEAN",
        FieldType.NUMBER: f"DECIMAL({field.digits or 18}, {field.scale})",
    }.get(field.type, "VARCHAR")
    return f"{plain}[]" if field.many else plain


@dataclass(frozen=True)
class Rules:
    """What the checks of an item say of its fields."""

    checks: tuple[str, ...] = ()

    @cached_property
    def trees(self) -> tuple[Node, ...]:
        return tuple(parse(text) for text in self.checks)

    @cached_property
    def needed(self) -> frozenset[str]:
        """Fields that a check wants to be there."""
        return frozenset(
            _name(node.args[0]) or ""
            for tree in self.trees
            for node in tree.walk()
            if node.op == "call" and node.value == "present"
        )

    def choices(self, field: str) -> tuple[Decimal, ...]:
        """Numbers of which a field must be one."""
        for tree in self.trees:
            for node in tree.walk():
                if node.op == "in" and _name(node.args[0]) == field and node.args[1].op == "number":
                    return tuple(one.value for one in node.args[1:])  # type: ignore[misc]
        return ()

    def bounds(self, field: str, step: Decimal) -> tuple[Decimal | None, Decimal | None]:
        """Smallest and largest number that checks allow, where they say."""
        least: Decimal | None = None
        most: Decimal | None = None
        for tree in self.trees:
            for node in tree.walk():
                if node.op in ("<", "<=", ">", ">=") and node.args[1].op == "number" and _name(node.args[0]) == field:
                    bound = node.args[1].value
                    assert isinstance(bound, Decimal)
                    if node.op[0] == ">":
                        least = bound + (step if node.op == ">" else 0)
                    else:
                        most = bound - (step if node.op == "<" else 0)
        return least, most

    def no_more_than(self, field: str) -> tuple[str, ...]:
        """Fields that ``field`` must not exceed (numbers) or follow (dates)."""
        return tuple(
            right
            for tree in self.trees
            for node in tree.walk()
            if node.op in ("<=", "<") and _name(node.args[0]) == field
            for right in [_name(node.args[1])]
            if right is not None
        )

    def no_less_than(self, field: str) -> tuple[str, ...]:
        """Fields that ``field`` must not fall below (numbers) or precede (dates)."""
        return tuple(
            left
            for tree in self.trees
            for node in tree.walk()
            if node.op in ("<=", "<") and _name(node.args[1]) == field
            for left in [_name(node.args[0])]
            if left is not None
        )


def _name(node: Node) -> str | None:
    if node.op == "name" and isinstance(node.value, tuple):
        return str(node.value[0])
    if node.op == "call" and node.value == "coalesce":
        return _name(node.args[0])
    return None


@dataclass(frozen=True)
class Cells:
    """Writes cells of one table, ``item_<item>`` or ``subject_<kind>``.

    ``given``: SQL of fields that are worked out elsewhere (dates of the record, keys, what is copied from a subject).
    ``day``: SQL of the day that other dates follow; None for subjects, whose dates lie before the province begins.
    """

    table: str
    catalogue: Catalogue
    asked: Asked
    rules: Rules = Rules()
    given: Mapping[str, str] = made_by(default_factory=dict)
    day: str | None = None
    anchor: str = ""
    """The field that holds ``day``."""
    steady: str = "h"
    """Draw of what stays when a record is corrected; ``h`` is that of one version."""

    def cell(self, field: Field) -> str:
        """SQL of one field, cast to its column's type."""
        own = self.given.get(field.name)
        value = own if own is not None else self.made(field)
        return f"CAST({value} AS {sql_type(field)})"

    def made(self, field: Field) -> str:
        """SQL of a field that nothing gives."""
        single = self.single(field)
        value = f"[{single}]" if field.many else single
        share = self.present(field)
        if share >= 100:
            return value
        if share <= 0:
            return "NULL"
        return f"CASE WHEN {below(field.name + ' there', 100, self.steady)} < {share} THEN {value} END"

    def single(self, field: Field) -> str:
        if field.type is FieldType.DATE:
            return self.date(field)
        if field.type is FieldType.YES_NO:
            return f"{below(field.name, 100)} < 15"
        if field.type is FieldType.NUMBER:
            return self.number(field)
        return one_of(field.name, self.words(field), self.steady)

    def present(self, field: Field) -> int:
        """Per cent of rows that have the field."""
        if field.required or field.name in self.rules.needed:
            return 100
        if (self.table, field.name) in shape.PRESENT:
            return shape.PRESENT[self.table, field.name]
        if field.name in shape.ENDED:
            return 15
        if self.asked.of(self.table, field.name):
            return 97
        if field.type is FieldType.TEXT or field.level in ("L3", "L4"):
            return 0
        return 80 if self.day is not None else 97

    # ── words ───────────────────────────────────────────────────────────────────────────────────

    def words(self, field: Field) -> list[str]:
        """Words of a text, code or level, as SQL, repeated by weight."""
        wanted = [str(one) for one in self.asked.of(self.table, field.name) if isinstance(one, str)]
        values = self.catalogue.code_lists[field.codes].values if field.codes in self.catalogue.code_lists else {}
        if values:
            weights = dict.fromkeys(values, 1) | shape.CODES.get(str(field.codes), {})
            liked = [code for code in wanted if code in values]
            if liked and (self.day is not None or field.codes not in shape.CODES):
                # Three rows in four have a code that some book asks for.
                weights = dict.fromkeys(values, 1) | dict.fromkeys(liked, -(-3 * len(values) // len(liked)))
            found = [code for code in values for _ in range(weights[code])]
        elif wanted:
            found = wanted
        else:
            found = ["A", "B", "C"] if field.type is FieldType.LEVEL else [f"示例{field.title}"[: field.length or 40]]
        return [text_literal(one) for one in found]

    # ── numbers ─────────────────────────────────────────────────────────────────────────────────

    def number(self, field: Field) -> str:
        choices = self.rules.choices(field.name)
        if choices:
            listed = [str(one) for one in choices]
            # The gravest comes least often.
            by_weight = [one for place, one in enumerate(listed, start=1) for _ in range(place * place)]
            return one_of(field.name, by_weight)
        least, most = self.range(field)
        step = Decimal(1).scaleb(-min(field.scale, 2))
        steps = int((most - least) / step) + 1
        value = f"{least} + {below(field.name, steps)} * CAST({step} AS DECIMAL(9, {min(field.scale, 2)}))"
        if not field.scale:
            value = f"{int(least)} + {below(field.name, steps)}"
        for other in self.rules.no_more_than(field.name):
            one = next((f for f in self.fields() if f.name == other), None)
            if one is not None and one.type is FieldType.NUMBER:
                value = f"least({value}, {self.cell(one)})"
        return value

    def range(self, field: Field) -> tuple[Decimal, Decimal]:
        """Smallest and largest number of a field."""
        step = Decimal(1).scaleb(-field.scale)
        constants = [
            one
            for one in self.asked.of(self.table, field.name)
            if isinstance(one, Decimal) and not isinstance(one, bool)
        ]
        chosen = shape.RANGES.get(field.name)
        if chosen is not None:
            least, most = (Decimal(one) for one in chosen)
        elif constants:
            least, most = min(Decimal(0), *constants), max(constants) * Decimal("1.5")
        else:
            least, most = (Decimal(one) for one in shape.RANGES_BY_UNIT.get(field.unit, shape.RANGE))
        low, high = self.rules.bounds(field.name, step)
        least = least if low is None else max(least, low)
        most = most if high is None else min(most, high)
        ceiling = Decimal(10) ** ((field.digits or 18) - field.scale) - 1
        return least, max(least, min(most, ceiling))

    # ── dates ───────────────────────────────────────────────────────────────────────────────────

    def date(self, field: Field) -> str:
        """A day: shortly after the day of the record, long after it for ends, before it where a check says so."""
        ends = field.name in shape.ENDED or any(word in field.name for word in ("until", "expires", "ends"))
        if self.day is None:
            first, days = ("2024-06-01", 2000) if ends else ("2000-01-01", 7000)
            return f"DATE '{first}' + {below(field.name, days, self.steady)}"
        if self.anchor in self.rules.no_more_than(field.name):
            return f"{self.day} - {below(field.name, 30, self.steady)}"
        day = f"{self.day} + {90 if ends else 1} + {below(field.name, 1200 if ends else 60, self.steady)}"
        for other in self.rules.no_less_than(field.name):
            one = next((f for f in self.fields() if f.name == other and f.name != self.anchor), None)
            if one is not None and one.type is FieldType.DATE:
                day = f"greatest({day}, {self.cell(one)})"
        return day

    def fields(self) -> Iterable[Field]:
        room, _, name = self.table.partition("_")
        return self.catalogue.items[name].fields if room == "item" else self.catalogue.kinds[name].attributes
