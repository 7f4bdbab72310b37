"""Clauses and conditions: said twice, against each other, or never reached."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations

from xinlu.law.check.notes import Notes
from xinlu.law.expression import ExpressionError, Node, parse
from xinlu.law.interval import Interval
from xinlu.law.rulebook import Clause, Condition, Rulebook


def check_clauses(book: Rulebook, notes: Notes) -> None:
    """Duplicate and conflicting clauses, unknown names among them, unreachable conditions."""
    _names(book, notes)
    for alike in _by_rows(book):
        for one, other in combinations(alike, 2):
            _pair(book, one, other, notes)
    for name, output in book.outputs.items():
        _conditions(output.conditions, name, notes)


def _names(book: Rulebook, notes: Notes) -> None:
    named: list[tuple[tuple[str | int, ...], tuple[str, ...]]] = [
        (("contests", n, "among"), c.among) for n, c in book.contests.items()
    ]
    named += [
        (("outputs", n, "conditions", i, "by"), c.by)
        for n, output in book.outputs.items()
        for i, c in enumerate(output.conditions)
    ]
    for path, clauses in named:
        for clause in clauses:
            if clause not in book.clauses:
                notes.add("LAW-413", f"没有名为“{clause}”的条款", *path)


def _by_rows(book: Rulebook) -> list[list[str]]:
    """Clauses that may hit the same rows, so that a thousand clauses are not compared each with each."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for name, clause in book.clauses.items():
        one = (clause.hits, clause.span, clause.needs, clause.lacks, _normal(clause.when))
        groups.setdefault(one, []).append(name)
    return list(groups.values())


def _pair(book: Rulebook, one: str, other: str, notes: Notes) -> None:
    first, second = book.clauses[one], book.clauses[other]
    if not _same_rows(first, second) or not _counted_together(book, one, other):
        return
    if _points(first) == _points(second):
        notes.add("LAW-406", f"条款“{other}”与“{one}”来源、代码、条件和分值都相同", "clauses", other)
        return
    if not any({one, other} <= set(c.among) for c in book.contests.values()):
        sentence = f"条款“{other}”与“{one}”命中同样的行，分值不同，两次计分"
        notes.add("LAW-407", sentence, "clauses", other)


def _same_rows(a: Clause, b: Clause) -> bool:
    """Of two clauses of one group: whether their codes meet."""
    return (a.code is None and b.code is None) or bool(_codes(a) & _codes(b))


def _codes(clause: Clause) -> set[str]:
    code = clause.code
    return set() if code is None else {code} if isinstance(code, str) else set(code)


def _points(clause: Clause) -> tuple[str | None, ...]:
    return tuple(map(_normal, (clause.minus, clause.plus, clause.per, clause.at_most)))


def _counted_together(book: Rulebook, one: str, other: str) -> bool:
    for fold in book.folds.values():
        lists = (fold.sum, fold.tally, fold.running.clauses if fold.running else None)
        if any(clauses and {one, other} <= set(clauses) for clauses in lists):
            return True
    return False


def _normal(text: str | None) -> str | None:
    """The expression in one spelling; text that does not parse (reported elsewhere) as it is."""
    try:
        return None if text is None else str(parse(text))
    except ExpressionError:
        return text


def _conditions(conditions: tuple[Condition, ...], output: str, notes: Notes) -> None:
    seen: list[Node] = []
    for index, condition in enumerate(conditions):
        try:
            node = parse(condition.when)
        except ExpressionError:
            continue
        earlier = next((e for e in seen if _covers(e, node)), None)
        if earlier is not None:
            sentence = f"前面的条件“{earlier}”成立时，这个条件“{node}”永远轮不到"
            notes.add("LAW-408", sentence, "outputs", output, "conditions", index)
        seen.append(node)


def _covers(earlier: Node, later: Node) -> bool:
    """Whether ``earlier`` surely holds wherever ``later`` does."""
    if earlier == later or (earlier.op == "flag" and earlier.value is True):
        return True
    if later.op == "and":
        return any(_covers(earlier, part) for part in later.args)
    if earlier.op == "or":
        return any(_covers(part, later) for part in earlier.args)
    first, second = _bound(earlier), _bound(later)
    return first is not None and second is not None and first[0] == second[0] and _holds(first[1], second[1])


def _bound(node: Node) -> tuple[Node, Interval] | None:
    """A comparison of something with a number, as the thing and the interval."""
    if node.op not in ("<", "<=", ">", ">=", "=") or node.args[1].op != "number":
        return None
    number = node.args[1].value
    assert isinstance(number, Decimal)
    if node.op == "=":
        return node.args[0], Interval(number, True, number, True)
    if node.op.startswith("<"):
        return node.args[0], Interval(None, False, number, node.op == "<=")
    return node.args[0], Interval(number, node.op == ">=", None, False)


def _holds(outer: Interval, inner: Interval) -> bool:
    """Whether every number of ``inner`` lies in ``outer``."""
    low = outer.low is None or (
        inner.low is not None
        and (inner.low > outer.low or (inner.low == outer.low and (outer.low_closed or not inner.low_closed)))
    )
    high = outer.high is None or (
        inner.high is not None
        and (inner.high < outer.high or (inner.high == outer.high and (outer.high_closed or not inner.high_closed)))
    )
    return low and high
