"""The expression language of law files: a small, safe subset of SQL scalar expressions, parsed by hand.

``parse`` gives a tree of :class:`Node`; names are resolved and types added by ``xinlu.law.meaning``.

>>> parse("coalesce(points, 0) > 3 and not repaired").op
'and'
>>> print(parse("1 + 2 * x"))
(1 + (2 * x))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


class ExpressionError(ValueError):
    """The text is not an expression. ``at`` is the 0-based column; ``args[0]`` a Chinese sentence."""

    def __init__(self, sentence: str, at: int) -> None:
        super().__init__(sentence)
        self.at = at


@dataclass(frozen=True, slots=True)
class Node:
    """One node of an expression tree.

    ``op`` is one of: ``number text date flag null`` (``value`` holds the constant), ``name`` (``value``: tuple
    of one or two identifiers), ``ref`` (a resolved name, ``value``: :class:`xinlu.law.meaning.Ref`),
    ``neg + - *``, ``= <> < <= > >=``, ``and or not``, ``in`` (first argument, then the options),
    ``is_null``, ``case`` (condition, result, condition, result, …, otherwise) and ``call`` (``value``: function).
    ``/`` is parsed as the call ``quotient``; ``between`` as two comparisons; ``is not null`` as not is_null.
    """

    op: str
    args: tuple[Node, ...] = ()
    value: object = None
    type: object = field(default=None, compare=False)
    at: int = field(default=0, compare=False)

    def walk(self) -> Iterator[Node]:
        """This node and everything below, depth first."""
        yield self
        for arg in self.args:
            yield from arg.walk()

    def __str__(self) -> str:
        return _PRINT.get(self.op, _print_operator)(self)


FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "quotient": (2, 3),
    "round": (2, 2),
    "floor": (1, 1),
    "ceil": (1, 1),
    "abs": (1, 1),
    "sqrt": (1, 1),
    "steps": (2, 2),
    "least": (2, None),
    "greatest": (2, None),
    "coalesce": (2, None),
    "present": (1, 1),
    "missing": (1, 1),
    "add_months": (2, 2),
    "add_days": (2, 2),
    "days_between": (2, 2),
    "months_between": (2, 2),
    "year": (1, 1),
    "month": (1, 1),
    "lookup": (2, None),
    "step": (2, 2),
    "worst": (2, None),
    "best": (2, None),
    "contains": (2, 2),
    "size": (1, 1),
    "starts_with": (2, 2),
}
"""Every function of the language with its least and greatest number of arguments (None: any)."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<sign><=|>=|<>|!=|[-+*/(),.=<>]))"
)
_WORDS = {"and", "or", "not", "between", "in", "is", "null", "true", "false", "case", "when", "then", "else", "end"}
_COMPARE = {"=", "<>", "!=", "<", "<=", ">", ">="}
_DEEPEST = 40
"""Nesting limit: deeper text is refused, so that no law file can exhaust the stack."""
_DEEPEST_TREE = 120
"""The same of the tree: ``a or b or c …`` is as deep as it is long. The deepest that ships has 11."""
_LONGEST = 4_000
"""Words and signs of one expression; the longest that ships has 58."""
_DIGITS = 38


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            column = at + len(text[at:]) - len(text[at:].lstrip())
            raise ExpressionError(f"第 {column + 1} 个字符“{text[column]}”不认识", column)
        kind = match.lastgroup
        word = match.group(kind)
        if kind == "number" and len(word.replace(".", "")) > _DIGITS:
            raise ExpressionError(f"数超过 {_DIGITS} 位", at)
        if len(found) >= _LONGEST:
            raise ExpressionError(f"表达式过长，超过 {_LONGEST} 个词", at)
        lowered = word.lower()
        if kind == "word" and lowered in _WORDS:
            kind, word = "keyword", lowered
        found.append(_Token(kind, word, match.start(match.lastgroup)))
        at = match.end()
    found.append(_Token("end", "", end))
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.position = 0
        self.depth = 0

    @property
    def here(self) -> _Token:
        return self.tokens[self.position]

    def take(self, *texts: str) -> _Token | None:
        """The current token if it is one of ``texts`` (a sign or keyword), stepping over it."""
        token = self.here
        if token.kind in {"sign", "keyword"} and token.text in texts:
            self.position += 1
            return token
        return None

    def expect(self, text: str) -> _Token:
        token = self.take(text)
        if token is None:
            raise self.wrong(f"这里应为“{text}”")
        return token

    def wrong(self, hint: str) -> ExpressionError:
        met = "结尾" if self.here.kind == "end" else f"“{self.here.text}”"
        return ExpressionError(f"表达式第 {self.here.at + 1} 个字符处遇到{met}，{hint}", self.here.at)

    def whole(self) -> Node:
        node = self.disjunction()
        if self.here.kind != "end":
            raise self.wrong("表达式到这里应已结束")
        if _depth(node) > _DEEPEST_TREE:
            raise ExpressionError(f"连写或嵌套超过 {_DEEPEST_TREE} 层，请改用对照表，或分成几个数值", 0)
        return node

    def deeper(self) -> None:
        """One level of nesting more."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.wrong(f"括号或函数嵌套超过 {_DEEPEST} 层")

    def disjunction(self) -> Node:
        self.deeper()
        node = self.chain(self.conjunction, "or")
        self.depth -= 1
        return node

    def conjunction(self) -> Node:
        return self.chain(self.negation, "and")

    def chain(self, operand: Callable[[], Node], *operators: str) -> Node:
        node = operand()
        while token := self.take(*operators):
            right = operand()
            if token.text == "/":
                node = Node("call", (node, right), "quotient", at=token.at)
            else:
                node = Node(token.text, (node, right), at=token.at)
        return node

    def negation(self) -> Node:
        if token := self.take("not"):
            self.deeper()
            node = Node("not", (self.negation(),), at=token.at)
            self.depth -= 1
            return node
        return self.comparison()

    def comparison(self) -> Node:
        node = self.addition()
        if token := self.take(*_COMPARE):
            sign = "<>" if token.text == "!=" else token.text
            return Node(sign, (node, self.addition()), at=token.at)
        if token := self.take("is"):
            negated = self.take("not") is not None
            self.expect("null")
            found = Node("is_null", (node,), at=token.at)
            return Node("not", (found,), at=token.at) if negated else found
        negated_token = self.take("not")
        if token := self.take("between"):
            low = self.addition()
            self.expect("and")
            inside = Node(
                "and", (Node(">=", (node, low), at=token.at), Node("<=", (node, self.addition()), at=token.at))
            )
            return Node("not", (inside,), at=token.at) if negated_token else inside
        if token := self.take("in"):
            self.expect("(")
            options = self.arguments()
            found = Node("in", (node, *options), at=token.at)
            return Node("not", (found,), at=token.at) if negated_token else found
        if negated_token:
            raise self.wrong("not 之后应为 between 或 in")
        return node

    def addition(self) -> Node:
        return self.chain(self.product, "+", "-")

    def product(self) -> Node:
        return self.chain(self.unary, "*", "/")

    def unary(self) -> Node:
        if token := self.take("-"):
            self.deeper()
            node = Node("neg", (self.unary(),), at=token.at)
            self.depth -= 1
            return node
        return self.atom()

    def atom(self) -> Node:
        token = self.here
        if token.kind == "number":
            self.position += 1
            return Node("number", value=Decimal(token.text), at=token.at)
        if token.kind == "text":
            self.position += 1
            return Node("text", value=token.text[1:-1].replace("''", "'"), at=token.at)
        if token.kind == "word":
            return self.word()
        if self.take("("):
            node = self.disjunction()
            self.expect(")")
            return node
        if self.take("true", "false"):
            return Node("flag", value=token.text == "true", at=token.at)
        if self.take("null"):
            return Node("null", at=token.at)
        if self.take("case"):
            return self.case(token.at)
        raise self.wrong("这里应为数字、文本、名称或括号")

    def word(self) -> Node:
        token = self.here
        self.position += 1
        if token.text.lower() == "date" and self.here.kind == "text":
            return self.day(token.at)
        if self.take("("):
            return self.call(token)
        if self.take("."):
            if self.here.kind not in {"word", "keyword"}:
                raise self.wrong("点号之后应为名称")
            second = self.here.text
            self.position += 1
            return Node("name", value=(token.text, second), at=token.at)
        return Node("name", value=(token.text,), at=token.at)

    def day(self, at: int) -> Node:
        text = self.here.text[1:-1]
        try:
            value = date.fromisoformat(text)
        except ValueError:
            raise self.wrong("日期应写作 date '2024-01-31'") from None
        self.position += 1
        return Node("date", value=value, at=at)

    def call(self, token: _Token) -> Node:
        name = token.text.lower()
        if name not in FUNCTIONS:
            raise ExpressionError(f"没有名为 {token.text} 的函数", token.at)
        args = () if self.take(")") else self.arguments()
        fewest, most = FUNCTIONS[name]
        if len(args) < fewest or (most is not None and len(args) > most):
            raise ExpressionError(f"函数 {name} 的参数个数不对：给了 {len(args)} 个", token.at)
        return Node("call", args, name, at=token.at)

    def arguments(self) -> tuple[Node, ...]:
        found = [self.disjunction()]
        while self.take(","):
            found.append(self.disjunction())
        self.expect(")")
        return tuple(found)

    def case(self, at: int) -> Node:
        parts: list[Node] = []
        while self.take("when"):
            parts.append(self.disjunction())
            self.expect("then")
            parts.append(self.disjunction())
        if not parts:
            raise self.wrong("case 之后应为 when")
        parts.append(self.disjunction() if self.take("else") else Node("null", at=at))
        self.expect("end")
        return Node("case", tuple(parts), at=at)


def _depth(node: Node) -> int:
    """Levels of a tree, counted without recursion: it may be deeper than the stack."""
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        here, level = waiting.pop()
        deepest = max(deepest, level)
        waiting += [(arg, level + 1) for arg in here.args]
    return deepest


def parse(text: str) -> Node:
    """The tree of ``text``. Raises :class:`ExpressionError` with a Chinese sentence and the column.

    >>> parse("a / b").value
    'quotient'
    >>> parse("1 +")
    Traceback (most recent call last):
    ...
    xinlu.law.expression.ExpressionError: 表达式第 4 个字符处遇到结尾，这里应为数字、文本、名称或括号
    """
    return _Parser(text).whole()


def _print_operator(node: Node) -> str:
    left, right = node.args
    return f"({left} {node.op} {right})"


def _print_case(node: Node) -> str:
    pairs = zip(node.args[:-1:2], node.args[1:-1:2], strict=True)
    lines = " ".join(f"when {when} then {then}" for when, then in pairs)
    return f"case {lines} else {node.args[-1]} end"


def _joined(nodes: tuple[Node, ...]) -> str:
    return ", ".join(map(str, nodes))


_PRINT: dict[str, Callable[[Node], str]] = {
    "number": lambda n: str(n.value),
    "text": lambda n: "'" + str(n.value).replace("'", "''") + "'",
    "date": lambda n: f"date '{n.value}'",
    "flag": lambda n: "true" if n.value else "false",
    "null": lambda n: "null",
    "name": lambda n: ".".join(n.value),  # type: ignore[arg-type]
    "ref": lambda n: str(n.value),
    "neg": lambda n: f"-{n.args[0]}",
    "not": lambda n: f"not ({n.args[0]})",
    "in": lambda n: f"{n.args[0]} in ({_joined(n.args[1:])})",
    "is_null": lambda n: f"{n.args[0]} is null",
    "case": _print_case,
    "call": lambda n: f"{n.value}({_joined(n.args)})",
}
