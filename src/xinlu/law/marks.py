"""YAML 1.2 files with line marks: what was written, exactly, and where.

Built on PyYAML's nodes, with scalars resolved by the YAML 1.2 core schema instead of 1.1: numbers become
:class:`~decimal.Decimal`, only ``true``/``false`` are yes/no, dates, codes, ``on``, ``no`` and ``yes`` stay
text, and keys are always text. A repeated key is an error.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import yaml

from xinlu.law.problem import LawError, Problem, problem

Plain: TypeAlias = "str | Decimal | bool | list[Plain] | dict[str, Plain] | None"
Place: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 8 * 1024 * 1024
MAX_NODES = 400_000
"""After aliases are expanded, so that a small file cannot become a large one."""
MAX_DEPTH = 40
_LONGEST_NUMBER = 100
"""What is longer stays text: no number of law has so many digits, and reading one takes long."""

_BASE_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")


class Number(Decimal):
    """A number that remembers how it was written, so that a code such as ``007`` or ``1.10`` keeps its
    form where the model wants text.

    >>> str(Number("1.10")), Number("1.10") == 1.1
    ('1.10', False)
    >>> str(Number("007"))
    '007'
    """

    written: str

    def __new__(cls, written: str) -> Number:
        """Read ``written``: decimal, with optional exponent, or ``0o``/``0x`` whole numbers."""
        based = written.startswith(("0o", "0x"))
        number = super().__new__(cls, int(written, 0) if based else written)
        number.written = written
        return number

    def __str__(self) -> str:
        """As written."""
        return self.written


@dataclass(frozen=True)
class Marks:
    """The lines of a file by path: ``("clauses", "bid", "minus")`` → 17."""

    file: str
    lines: Mapping[Place, int] = field(repr=False)

    def line(self, path: Sequence[str | int] = ()) -> int:
        """Line (from 1) of the longest known beginning of ``path``; parts nobody wrote are passed over.

        >>> parse("a:\\n  b: 1\\n", file="x.yaml").marks.line(("a", "b", "nowhere"))
        2
        """
        known: Place = ()
        for part in path:
            if (*known, part) in self.lines:
                known = (*known, part)
        return self.lines.get(known, 1)


@dataclass(frozen=True)
class Marked:
    """The content of one file with its marks and the digest of its bytes."""

    data: Plain
    marks: Marks
    digest: str

    @property
    def file(self) -> str:
        """The file's name as problems show it."""
        return self.marks.file

    def mapping(self) -> dict[str, Plain]:
        """The content when it is a mapping.

        Raises:
            LawError: LAW-203, the file holds a list or a single value.
        """
        if isinstance(self.data, dict):
            return self.data
        raise LawError(problem("LAW-203", "文件的最外层应是“键: 值”", file=self.file, line=1))


def read(path: Path, *, name: str | None = None) -> Marked:
    """Read a file; ``name`` is what problems call it (default: the path as given).

    A UTF-8 byte order mark is passed over; other encodings are refused, because guessing one would change law.

    Raises:
        LawError: LAW-001 … LAW-008.
    """
    shown = name or str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LawError(problem("LAW-006", f"文件超过 {MAX_BYTES // 1024 // 1024} MB", file=shown))
        raw = path.read_bytes()
    except OSError:
        raise LawError(problem("LAW-001", f"读不了文件“{shown}”", file=shown)) from None
    return parse(_text(raw, shown), file=shown, digest=hashlib.sha256(raw).hexdigest())


def parse(text: str, *, file: str, digest: str = "") -> Marked:
    """Read YAML text.

    >>> parse("on: no\\nday: 2024-01-01\\nn: 1.50", file="x.yaml").data
    {'on': 'no', 'day': '2024-01-01', 'n': Decimal('1.50')}

    Raises:
        LawError: LAW-003 … LAW-008, with the line.
    """
    try:
        _limit(text, file)
        node = yaml.compose(text, Loader=_BASE_LOADER)
    except yaml.YAMLError as error:
        raise LawError(_yaml_problem(error, text, file)) from None
    if node is None:
        raise LawError(problem("LAW-008", "文件里没有内容", file=file, line=1))
    builder = _Builder(file)
    data = builder.build(node, (), frozenset())
    return Marked(data, Marks(file, builder.lines), digest or hashlib.sha256(text.encode()).hexdigest())


def scalar(text: str) -> Plain:
    """A plain (unquoted) scalar by the YAML 1.2 core schema.

    >>> [scalar(t) for t in ("0.50", "yes", "true", "~", "2024-01-01", "1.2.3")]
    [Decimal('0.50'), 'yes', True, None, '2024-01-01', '1.2.3']
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if len(text) <= _LONGEST_NUMBER and (_NUMBER.fullmatch(text) or _OCTAL.fullmatch(text) or _HEX.fullmatch(text)):
        return Number(text)
    return text


class _Builder:
    """Turns nodes into plain data and remembers lines; counts nodes so that aliases cannot explode."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self._count = 0

    def build(self, node: yaml.Node, path: Place, above: frozenset[int]) -> Plain:
        self._count += 1
        if self._count > MAX_NODES or len(path) > MAX_DEPTH or id(node) in above:
            raise self._refused("LAW-006", "内容过多、过深或引用了自身", node)
        self.lines.setdefault(path, node.start_mark.line + 1)
        inside = above | {id(node)}
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            self._untagged(node, "tag:yaml.org,2002:seq")
            return [self.build(child, (*path, i), inside) for i, child in enumerate(node.value)]
        return self._mapping(node, path, inside)

    def _mapping(self, node: yaml.Node, path: Place, inside: frozenset[int]) -> Plain:
        self._untagged(node, "tag:yaml.org,2002:map")
        result: dict[str, Plain] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._refused("LAW-007", "键应是文字，不能是列表或映射", key_node)
            key = key_node.value
            if key in result:
                first = self.lines[(*path, key)]
                raise self._refused("LAW-004", f"键“{key}”重复，第一次在第 {first} 行", key_node)
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, (*path, key), inside)
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Plain:
        self._untagged(node, "tag:yaml.org,2002:str")
        return str(node.value) if node.style else scalar(node.value)

    def _untagged(self, node: yaml.Node, usual: str) -> None:
        if node.tag not in (usual, None, "!"):
            raise self._refused("LAW-007", f"不支持类型标签“{node.tag}”", node)

    def _refused(self, code: str, sentence: str, node: yaml.Node) -> LawError:
        return LawError(problem(code, sentence, file=self.file, line=node.start_mark.line + 1))


def _text(raw: bytes, file: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
    guess = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "GBK" if _is_gbk(raw) else "其他编码"
    raise LawError(problem("LAW-002", f"文件不是 UTF-8 编码，看起来是 {guess}", file=file, line=line))


def _is_gbk(raw: bytes) -> bool:
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def _limit(text: str, file: str) -> None:
    # Before composing: the composer recurses, and a hostile file must not reach its limits.
    depth = 0
    for event in yaml.parse(text, Loader=_BASE_LOADER):
        if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            depth -= 1
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else None
            raise LawError(problem("LAW-006", f"嵌套超过 {MAX_DEPTH} 层", file=file, line=line))


_PHRASES = (
    ("mapping values are not allowed", "这里不该再出现冒号；文字里有冒号时请加引号，或检查缩进"),
    ("could not find expected ':'", "键后面缺少冒号"),
    ("did not find expected key", "缩进不一致，或上一行没有写完"),
    ("did not find expected '-' indicator", "列表的缩进不一致，或缺少“- ”"),
    ("expected <block end>", "缩进不一致，或上一行没有写完"),
    ("did not find expected ',' or", "方括号或花括号里缺少逗号，或没有收尾"),
    ("expected ',' or", "方括号或花括号里缺少逗号，或没有收尾"),
    ("unexpected end of stream", "引号没有收尾"),
    ("cannot start any token", "这个字符不能放在词的开头，请加引号"),
    ("undefined alias", "引用了没有定义的锚点"),
    ("but found another document", "一个文件只能有一份文档，请去掉“---”后面的部分"),
    (
        "expected alphabetic or numeric character",
        "锚点或引用（& *）的名字不对；文字以 & 或 * 开头时请加引号",
    ),
    ("special characters are not allowed", "含有不可见的控制字符"),
    ("control characters are not allowed", "含有不可见的控制字符"),
    ("unknown escape character", "双引号里的反斜杠写法不对，请改用单引号"),
)


def _yaml_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else _line_at(text, getattr(error, "position", 0))
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return problem("LAW-005", "缩进里有制表符（Tab）", file=file, line=line)
    said = " ".join(str(getattr(error, a, "") or "") for a in ("problem", "context", "reason"))
    code = "LAW-007" if "another document" in said else "LAW-003"
    meaning = next((chinese for english, chinese in _PHRASES if english in said), "写法不符合 YAML")
    column = f"（第 {mark.column + 1} 列附近）" if mark else ""
    return problem(code, f"{meaning}{column}", file=file, line=line)


def _line_at(text: str, position: int) -> int:
    return text[:position].count("\n") + 1
