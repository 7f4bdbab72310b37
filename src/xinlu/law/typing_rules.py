"""Typing of expressions: every function and operator, with guards for what may be missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from xinlu.law.expression import Node
from xinlu.law.types import (
    COUNT,
    DATE,
    FLAG,
    NULL,
    QUOTIENT_SCALE,
    SUBJECT,
    TEXT,
    Type,
    join,
    number,
    of_decimal,
)


class TypeTrouble(ValueError):
    """An expression that parses but has no meaning. ``code`` is stable; ``args[0]`` a Chinese sentence."""

    def __init__(self, code: str, sentence: str, at: int = 0) -> None:
        super().__init__(sentence)
        self.code = code
        self.at = at


@dataclass(frozen=True, slots=True)
class Ref:
    """A resolved name.

    ``space``: ``row`` (column of the source row), ``attr`` (attribute of ``qualifier`` beside the row),
    ``parent`` (column of the parent row), ``other`` (candidate row of needs/lacks), ``unit`` (attribute or
    field of the unit, or the unit itself with the name ``unit``), ``fold``, ``value``, ``param``,
    ``day`` (as_of, period_from, period_until), ``level`` (the level so far), ``x`` (the number looked up).
    """

    space: str
    name: str
    qualifier: str = ""

    def __str__(self) -> str:
        return f"{self.qualifier}.{self.name}" if self.qualifier else self.name


@dataclass(frozen=True, slots=True)
class Binding:
    """What a name stands for."""

    ref: Ref
    type: Type


Names = Mapping[str, Binding]


@dataclass(frozen=True)
class Surroundings:
    """What an expression may speak of: names (``x`` or ``alias.x``), tables, code lists, the level set."""

    names: Names
    tables: Mapping[str, tuple[tuple[Type, ...], Type]] = field(default_factory=dict)
    """Table → types of its keys, type of its value."""
    codes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    levels: tuple[str, ...] = ()


_SIGNS = {"+", "-", "*"}
_ORDER = {"<", "<=", ">", ">="}
_EQUAL = {"=", "<>"}


def assign_types(node: Node, around: Surroundings, *, sure: frozenset[Ref] = frozenset()) -> Node:
    """The tree with names resolved and every node typed. ``sure``: references known to be present here.

    Raises :class:`TypeTrouble`.
    """
    return _Typist(around).visit(node, sure)


def certain(node: Node, outcome: bool) -> frozenset[Ref]:
    """References that are surely present when the typed condition ``node`` has the ``outcome``.

    ``present(x) and y > 1`` being true makes x present; ``missing(x)`` being false does too.
    """
    if node.op == "not":
        return certain(node.args[0], not outcome)
    if node.op in {"and", "or"}:
        sides = [certain(arg, outcome) for arg in node.args]
        return sides[0] | sides[1] if (node.op == "and") == outcome else sides[0] & sides[1]
    absent_when = None
    if node.op == "is_null" or (node.op == "call" and node.value == "missing"):
        absent_when = True
    elif node.op == "call" and node.value == "present":
        absent_when = False
    if absent_when is not None and node.args[0].op == "ref" and absent_when != outcome:
        return frozenset({node.args[0].value})  # type: ignore[arg-type]
    return frozenset()


class _Typist:
    def __init__(self, around: Surroundings) -> None:
        self.around = around

    def visit(self, node: Node, sure: frozenset[Ref]) -> Node:
        if node.op in _CONSTANTS:
            return replace(node, type=_CONSTANTS[node.op](node))
        if node.op == "name":
            return self.name(node, sure)
        if node.op in {"and", "or"}:
            return self.logic(node, sure)
        if node.op == "case":
            return self.case(node, sure)
        args = tuple(self.visit(arg, sure) for arg in node.args)
        node = replace(node, args=args)
        if node.op == "not":
            self.condition(args[0])
            return replace(node, type=FLAG)
        if node.op == "neg":
            self.must(args[0], "number")
            return replace(node, type=args[0].type)
        if node.op in _SIGNS:
            return replace(node, type=self.arithmetic(node, *args))
        if node.op in _ORDER | _EQUAL:
            return self.comparison(node)
        if node.op == "in":
            return self.membership(node)
        if node.op == "is_null":
            return replace(node, type=FLAG)
        return self.call(node)

    def name(self, node: Node, sure: frozenset[Ref]) -> Node:
        text = ".".join(node.value)  # type: ignore[arg-type]
        binding = self.around.names.get(text)
        if binding is None:
            raise TypeTrouble("LAW-101", f"没有名为“{text}”的字段、参数、折算或数值", node.at)
        found = binding.type.sure() if binding.ref in sure else binding.type
        return Node("ref", value=binding.ref, type=found, at=node.at)

    def logic(self, node: Node, sure: frozenset[Ref]) -> Node:
        left = self.visit(node.args[0], sure)
        right = self.visit(node.args[1], sure | certain(left, node.op == "and"))
        self.condition(left)
        self.condition(right)
        return replace(node, args=(left, right), type=FLAG)

    def case(self, node: Node, sure: frozenset[Ref]) -> Node:
        args: list[Node] = []
        result = NULL
        for when, then in zip(node.args[:-1:2], node.args[1:-1:2], strict=True):
            condition = self.visit(when, sure)
            self.condition(condition)
            answer = self.visit(then, sure | certain(condition, True))
            sure = sure | certain(condition, False)
            args += [condition, answer]
            result = self.joined(result, answer)
        last = self.visit(node.args[-1], sure)
        result = self.joined(result, last)
        # The first join starts from null only to have something to join with.
        missing = any(arg.type.missing for arg in [*args[1::2], last])  # type: ignore[attr-defined]
        return replace(node, args=(*args, last), type=replace(result, missing=missing))

    def joined(self, so_far: Type, node: Node) -> Type:
        found = join(so_far, _type(node))
        if found is None:
            raise TypeTrouble("LAW-102", "case 或 coalesce 的各个结果类型不同", node.at)
        return found

    def must(self, node: Node, *kinds: str) -> Type:
        found = _type(node)
        if found.kind not in kinds and found.kind != "null":
            wanted = "、".join(_KIND_NAMES[k] for k in kinds)
            raise TypeTrouble("LAW-102", f"“{node}”是{_KIND_NAMES[found.kind]}，这里应为{wanted}", node.at)
        return found

    def present(self, node: Node) -> None:
        if _type(node).missing:
            raise TypeTrouble(
                "LAW-103", f"“{node}”可能缺失，须先用 present()、coalesce() 或 is not null 说明缺失时怎么办", node.at
            )

    def condition(self, node: Node) -> None:
        self.must(node, "flag")
        self.present(node)

    def arithmetic(self, node: Node, left: Node, right: Node) -> Type:
        a, b = self.must(left, "number"), self.must(right, "number")
        missing = a.missing or b.missing
        if node.op == "*":
            found = number(a.whole_digits + b.whole_digits, a.scale + b.scale, missing=missing)
        else:
            found = number(max(a.whole_digits, b.whole_digits) + 1, max(a.scale, b.scale), missing=missing)
        if found.scale > 24:
            raise TypeTrouble("LAW-104", f"“{node}”的小数位达 {found.scale} 位，请先用 round() 定小数位", node.at)
        return found

    def comparison(self, node: Node) -> Node:
        left, right = self.level_sides(*node.args)
        self.present(left)
        self.present(right)
        a, b = _type(left), _type(right)
        if a.kind != b.kind:
            names = f"{_KIND_NAMES[a.kind]}与{_KIND_NAMES[b.kind]}"
            raise TypeTrouble("LAW-102", f"“{node}”比较的两边类型不同：{names}", node.at)
        if node.op in _ORDER and a.kind in {"text", "flag", "subject", "list"}:
            raise TypeTrouble("LAW-102", f"{_KIND_NAMES[a.kind]}没有大小，不能用 {node.op} 比较", node.at)
        self.known_code(left, right)
        self.known_code(right, left)
        return replace(node, args=(left, right), type=FLAG)

    def level_sides(self, *sides: Node) -> tuple[Node, ...]:
        """Give levels without a set, and literals beside a level, one common set."""
        if not any(_type(side).kind == "level" for side in sides):
            return sides
        chosen = next((_type(s).levels for s in sides if _type(s).kind == "level" and _type(s).levels), None)
        levels = chosen or self.around.levels
        if not levels:
            raise TypeTrouble("LAW-105", "比较等级前，评价办法要先给出等级顺序（levels）", sides[0].at)
        return tuple(self.as_level(side, levels) for side in sides)

    def as_level(self, node: Node, levels: tuple[str, ...]) -> Node:
        found = _type(node)
        if node.op == "text":
            if node.value not in levels:
                raise TypeTrouble("LAW-105", f"等级“{node.value}”不在等级顺序 {'/'.join(levels)} 中", node.at)
            return replace(node, type=Type("level", levels=levels))
        if found.kind != "level":
            raise TypeTrouble("LAW-102", f"“{node}”不是等级", node.at)
        if found.levels and found.levels != levels:
            raise TypeTrouble("LAW-105", f"“{node}”的等级顺序与另一边不同", node.at)
        return replace(node, type=replace(found, levels=levels))

    def known_code(self, literal: Node, other: Node) -> None:
        codes = _type(other).codes
        if literal.op != "text" or codes is None or codes not in self.around.codes:
            return
        if literal.value not in self.around.codes[codes]:
            raise TypeTrouble("LAW-106", f"代码表 {codes} 中没有“{literal.value}”", literal.at)

    def membership(self, node: Node) -> Node:
        args = self.level_sides(*node.args)
        for option in args:
            self.present(option)
            if join(_type(args[0]), _type(option)) is None:
                raise TypeTrouble("LAW-102", f"“{node}”中各项类型不同", node.at)
            self.known_code(option, args[0])
        return replace(node, args=args, type=FLAG)

    def call(self, node: Node) -> Node:
        rule: Callable[[_Typist, Node], Node | Type] = _CALLS[str(node.value)]
        found = rule(self, node)
        return found if isinstance(found, Node) else replace(node, type=found)


def _type(node: Node) -> Type:
    assert isinstance(node.type, Type)
    return node.type


def _any_missing(nodes: Sequence[Node]) -> bool:
    return any(_type(node).missing for node in nodes)


def _quotient(typist: _Typist, node: Node) -> Type:
    a, b = typist.must(node.args[0], "number"), typist.must(node.args[1], "number")
    scale = _literal_digits(node.args[2]) if len(node.args) == 3 else QUOTIENT_SCALE
    divisor = node.args[1]
    never_zero = divisor.op == "number" and divisor.value != 0
    missing = a.missing or b.missing or not never_zero
    return number(a.whole_digits + b.scale, scale, missing=missing)


def _literal_digits(node: Node) -> int:
    value = node.value
    if node.op == "number" and isinstance(value, Decimal) and value == int(value) and 0 <= value <= QUOTIENT_SCALE:
        return int(value)
    raise TypeTrouble("LAW-102", f"小数位数应写成 0 到 {QUOTIENT_SCALE} 的整数", node.at)


def _round(typist: _Typist, node: Node) -> Type:
    found = typist.must(node.args[0], "number")
    return number(found.whole_digits + 1, _literal_digits(node.args[1]), missing=found.missing)


def _whole(typist: _Typist, node: Node) -> Type:
    found = typist.must(node.args[0], "number")
    return number(found.whole_digits + 1, 0, missing=found.missing)


def _sqrt(typist: _Typist, node: Node) -> Type:
    found = typist.must(node.args[0], "number")
    return number(found.whole_digits // 2 + 1, QUOTIENT_SCALE, missing=True)


def _steps(typist: _Typist, node: Node) -> Type:
    a, b = typist.must(node.args[0], "number"), typist.must(node.args[1], "number")
    if node.args[1].op == "number" and node.args[1].value == 0:
        raise TypeTrouble("LAW-102", "每步的大小不能为 0", node.at)
    return number(a.whole_digits + b.scale + 1, 0, missing=a.missing or b.missing)


def _extreme(typist: _Typist, node: Node) -> Type:
    found = NULL
    for arg in node.args:
        typist.must(arg, "number", "date")
        found = typist.joined(found, arg)
    return replace(found, missing=_any_missing(node.args))


def _coalesce(typist: _Typist, node: Node) -> Node:
    args = typist.level_sides(*node.args)
    found = NULL
    for arg in args:
        found = typist.joined(found, arg)
    return replace(node, args=args, type=replace(found, missing=all(_type(a).missing for a in args)))


def _shift(typist: _Typist, node: Node) -> Type:
    typist.must(node.args[0], "date")
    if typist.must(node.args[1], "number").scale:
        raise TypeTrouble("LAW-102", "增减的月数或天数应为整数", node.at)
    return DATE.or_missing(_any_missing(node.args))


def _gap(typist: _Typist, node: Node) -> Type:
    typist.must(node.args[0], "date")
    typist.must(node.args[1], "date")
    return number(7, 0, missing=_any_missing(node.args))


def _date_part(typist: _Typist, node: Node) -> Type:
    return number(4, 0, missing=typist.must(node.args[0], "date").missing)


def _lookup(typist: _Typist, node: Node) -> Node:
    name = node.args[0]
    table = typist.around.tables.get(str(name.value)) if name.op == "text" else None
    if table is None:
        raise TypeTrouble("LAW-107", f"没有名为 {name} 的对照表", node.at)
    keys, value = table
    given = node.args[1:]
    if len(given) != len(keys):
        raise TypeTrouble("LAW-107", f"对照表 {name} 要 {len(keys)} 个键，给了 {len(given)} 个", node.at)
    for arg, key in zip(given, keys, strict=True):
        if join(_type(arg), key) is None:
            raise TypeTrouble("LAW-102", f"“{arg}”与对照表 {name} 的键类型不同", arg.at)
    return replace(node, type=value.or_missing(_any_missing(given)))


def _step(typist: _Typist, node: Node) -> Node:
    levels = typist.level_sides(node.args[0])[0]
    typist.must(levels, "level")
    if typist.must(node.args[1], "number").scale:
        raise TypeTrouble("LAW-102", "升降的级数应为整数", node.at)
    missing = _any_missing(node.args)
    return replace(node, args=(levels, node.args[1]), type=_type(levels).or_missing(missing))


def _better(typist: _Typist, node: Node) -> Node:
    args = typist.level_sides(*node.args)
    for arg in args:
        typist.must(arg, "level")
    return replace(node, args=args, type=replace(_type(args[0]), missing=_any_missing(args)))


def _contains(typist: _Typist, node: Node) -> Type:
    whole, part = node.args
    found = typist.must(whole, "list")
    typist.present(whole)
    typist.present(part)
    if found.of is not None and join(found.of, _type(part)) is None:
        raise TypeTrouble("LAW-102", f"“{part}”与列表的类型不同", part.at)
    if found.of is not None:
        typist.known_code(part, replace(part, op="ref", type=found.of))
    return FLAG


def _size(typist: _Typist, node: Node) -> Type:
    return number(9, 0, missing=typist.must(node.args[0], "list").missing)


def _starts(typist: _Typist, node: Node) -> Type:
    for arg in node.args:
        typist.must(arg, "text")
        typist.present(arg)
    return FLAG


_CALLS: dict[str, Callable[[_Typist, Node], Node | Type]] = {
    "quotient": _quotient,
    "round": _round,
    "floor": _whole,
    "ceil": _whole,
    "abs": lambda typist, node: typist.must(node.args[0], "number"),
    "sqrt": _sqrt,
    "steps": _steps,
    "least": _extreme,
    "greatest": _extreme,
    "coalesce": _coalesce,
    "present": lambda typist, node: FLAG,
    "missing": lambda typist, node: FLAG,
    "add_months": _shift,
    "add_days": _shift,
    "days_between": _gap,
    "months_between": _gap,
    "year": _date_part,
    "month": _date_part,
    "lookup": _lookup,
    "step": _step,
    "worst": _better,
    "best": _better,
    "contains": _contains,
    "size": _size,
    "starts_with": _starts,
}

_CONSTANTS: dict[str, Callable[[Node], Type]] = {
    "number": lambda node: of_decimal(node.value),  # type: ignore[arg-type]
    "text": lambda node: TEXT,
    "date": lambda node: DATE,
    "flag": lambda node: FLAG,
    "null": lambda node: NULL,
}

_KIND_NAMES = {
    "number": "数字",
    "text": "文本",
    "date": "日期",
    "flag": "是/否",
    "level": "等级",
    "subject": "主体",
    "list": "列表",
    "null": "空",
}

__all__ = ["COUNT", "SUBJECT", "Binding", "Names", "Ref", "Surroundings", "TypeTrouble", "assign_types", "certain"]
