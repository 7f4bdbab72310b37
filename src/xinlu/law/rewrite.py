"""Change one value of a law file and leave every other character as it was written.

Comments, order, quotes and layout of a law file are the work of its author. A form for single numbers, the new
name of a copied version and the end of the version before therefore change the text of one value only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import yaml

from xinlu.law.marks import Number as Written
from xinlu.law.marks import Place, parse, scalar

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_INTERVAL = re.compile(r"\s*(?:[\[(].*[\])]|[<>]=?\s*\S+)\s*")
_PLAIN = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`][^:#,\[\]{}]*")


class CannotRewrite(ValueError):
    """The value cannot be changed by itself; ``args[0]`` says why in Chinese."""


@dataclass(frozen=True)
class Single:
    """One number of a law file that can be changed by itself."""

    place: Place
    written: str
    line: int
    kind: str
    """``number``, ``interval`` (a band such as ``[85, 95)``), ``length`` (``12 months``) or ``day``."""


def rewrite(text: str, place: Place, value: str) -> str:
    """``text`` with ``value`` written at ``place``; quotes stay as they were, and are added where they are needed.

    >>> print(rewrite("a: {n: 3}  # 三分", ("a", "n"), "5"))
    a: {n: 5}  # 三分
    >>> print(rewrite('cut: {A: ">= 95"}', ("cut", "A"), ">= 96"))
    cut: {A: ">= 96"}

    Raises:
        CannotRewrite: nothing stands at ``place``, or no single value, or one that an alias repeats elsewhere.
        LawError: ``text`` is no YAML.
    """
    before = parse(text, file="").data
    node = _node(text, place)
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
        raise CannotRewrite("这里不是单个的值")
    start, end = node.start_mark.index, node.end_mark.index
    made = text[:start] + _spelled(value, node.style) + text[end:]
    _only_changed(before, parse(made, file="").data, place)
    return made


def put(text: str, place: Place, value: str | tuple[str, ...] | None) -> str:
    """``text`` with a key of a mapping set, added or (None) taken away; a tuple is written as a list of codes.

    Comments and every other line stay. A key that is added to a block stands behind its first key.

    >>> print(put("a: {n: 3}", ("a", "m"), "5"))
    a: {n: 3, m: 5}
    >>> print(put("title: 甲\\nuses: [x]  # 用途\\n", ("uses",), ("x", "y")), end="")
    title: 甲
    uses: [x, y]  # 用途
    >>> print(put("title: 甲\\nmonths: 3\\n", ("months",), None), end="")
    title: 甲

    Raises:
        CannotRewrite: there is no such mapping, or what stands there takes several lines.
        LawError: ``text`` is no YAML.
    """
    before = parse(text, file="").data
    holder = _node(text, place[:-1])
    if not isinstance(holder, yaml.MappingNode):
        raise CannotRewrite(f"“{' › '.join(map(str, place[:-1]))}”不是一组键")
    there = next(((key, node) for key, node in holder.value if key.value == place[-1]), None)
    if value is None:
        made = text if there is None else _without_key(text, holder, *there)
    elif there is None:
        made = _with_key(text, holder, str(place[-1]), _written(value))
    elif isinstance(value, str) and isinstance(there[1], yaml.ScalarNode):
        return rewrite(text, place, value)
    else:
        made = text[: there[1].start_mark.index] + _written(value) + text[there[1].end_mark.index :]
    _only_changed(before, parse(made, file="").data, place)
    return made


def _written(value: str | tuple[str, ...]) -> str:
    return _spelled(value, None) if isinstance(value, str) else f"[{', '.join(_spelled(one, None) for one in value)}]"


def _with_key(text: str, holder: yaml.MappingNode, key: str, written: str) -> str:
    first_key, first = holder.value[0]
    if holder.flow_style:
        end = holder.value[-1][1].end_mark.index
        return f"{text[:end]}, {key}: {written}{text[end:]}"
    if first.start_mark.line != first.end_mark.line:
        raise CannotRewrite("这里不便加入，请在全文中写")
    newline = text.find("\n", first.end_mark.index)
    end = len(text) if newline < 0 else newline
    return f"{text[:end]}\n{' ' * first_key.start_mark.column}{key}: {written}{text[end:]}"


def _without_key(text: str, holder: yaml.MappingNode, key: yaml.Node, node: yaml.Node) -> str:
    place = next(index for index, (one, _) in enumerate(holder.value) if one is key)
    if holder.flow_style:
        if place:
            return text[: holder.value[place - 1][1].end_mark.index] + text[node.end_mark.index :]
        after = holder.value[1][0].start_mark.index if len(holder.value) > 1 else node.end_mark.index
        return text[: key.start_mark.index] + text[after:]
    if key.start_mark.line != node.end_mark.line:
        raise CannotRewrite("这里有几行，请在全文中删去")
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    newline = text.find("\n", node.end_mark.index)
    return text[:start] + (text[newline + 1 :] if newline >= 0 else "")


def close(text: str, until: date) -> str:
    """``text`` of a dated law file with ``in_force.until`` set, the key added where there is none.

    >>> print(close("in_force: {from: 2013-01-01}  # 试行", date(2027, 1, 1)))
    in_force: {from: 2013-01-01, until: 2027-01-01}  # 试行

    Raises:
        CannotRewrite: the file has no ``in_force.from``.
    """
    period = _node(text, ("in_force",))
    if not isinstance(period, yaml.MappingNode):
        raise CannotRewrite("没有写 in_force（施行期）")
    if any(key.value == "until" for key, _ in period.value):
        return rewrite(text, ("in_force", "until"), until.isoformat())
    start = _node(text, ("in_force", "from"))
    if period.flow_style:
        return text[: start.end_mark.index] + f", until: {until}" + text[start.end_mark.index :]
    key = next(key for key, _ in period.value if key.value == "from")
    newline = text.find("\n", start.end_mark.index)
    end = len(text) if newline < 0 else newline
    return text[:end] + f"\n{' ' * key.start_mark.column}until: {until}" + text[end:]


def singles(text: str) -> tuple[Single, ...]:
    """Every number, band, length of time and day of a law file, in the order of the file.

    >>> [(one.place, one.written, one.kind) for one in singles("n: 3\\ncut: {A: '< 60'}\\nvalid: 12 months")]
    [(('n',), '3', 'number'), (('cut', 'A'), '< 60', 'interval'), (('valid',), '12 months', 'length')]
    """
    found = []
    for place, node in _scalars(_composed(text), ()):
        if kind := _kind(node):
            found.append(Single(place, str(node.value), node.start_mark.line + 1, kind))
    return tuple(found)


def _kind(node: yaml.ScalarNode) -> str:
    value = str(node.value)
    if not node.style and isinstance(scalar(value), Written):
        return "number"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return "day"
    if re.fullmatch(r"\d+ (?:months|days)", value):
        return "length"
    return "interval" if _INTERVAL.fullmatch(value) and re.search(r"\d", value) else ""


def _scalars(node: yaml.Node, place: Place) -> Iterator[tuple[Place, yaml.ScalarNode]]:
    if isinstance(node, yaml.ScalarNode):
        yield place, node
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _scalars(child, (*place, index))
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield from _scalars(child, (*place, key.value))


def _composed(text: str) -> yaml.Node:
    parse(text, file="")  # refuses what is empty, hostile or broken, with its line
    node = yaml.compose(text, Loader=_LOADER)
    assert node is not None
    return node


def _node(text: str, place: Place) -> yaml.Node:
    node: yaml.Node = _composed(text)
    for part in place:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            child = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
            child = node.value[part]
        if child is None:
            raise CannotRewrite(f"没有“{' › '.join(map(str, place))}”这一处")
        node = child
    return node


def _spelled(value: str, style: str | None) -> str:
    if "\n" in value or "\r" in value:
        raise CannotRewrite("值不能分成几行")
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or not _PLAIN.fullmatch(value) or value != value.strip():
        number = isinstance(scalar(value), Written)
        if number and style != '"':
            return value  # a negative number begins with a sign that _PLAIN does not allow
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value


def _only_changed(before: object, after: object, place: Place) -> None:
    """Nothing else may have changed: an alias elsewhere would carry the new value along."""
    if _without(before, place) != _without(after, place):
        raise CannotRewrite("这个值在别处被引用（锚点），请在文本中修改")


def _without(data: object, place: Place) -> object:
    if not place:
        return None
    first, rest = place[0], place[1:]
    if isinstance(data, dict):
        if not rest:  # a key that was added or taken away is the change itself
            return {key: value for key, value in data.items() if key != first}
        return {key: _without(value, rest) if key == first else value for key, value in data.items()}
    if isinstance(data, list):
        return [_without(value, rest) if index == first else value for index, value in enumerate(data)]
    return data
