"""From marked YAML to typed law: pydantic's complaints become coded problems with a line."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar, Union

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from xinlu.law.marks import Marked, Place
from xinlu.law.problem import LawError, Problem, problem

Model = TypeVar("Model", bound=BaseModel)

_UNIONS = (Union, types.UnionType)


def shape(model: type[Model], marked: Marked, *, at: Place = ()) -> Model:
    """The content of a file (or of the part under ``at``) as ``model``.

    Raises:
        LawError: every mistake in the file, each with its line.
    """
    data: Any = marked.data if at else marked.mapping()
    for part in at:
        data = data[part]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise LawError(*_problems(model, error, marked, at)) from None


def suggestion(word: str, known: Iterable[str]) -> str:
    """“，是不是想写“x”？” for the known name nearest to ``word``, or an empty text.

    >>> suggestion("tilte", ["title", "text"])
    '，是不是想写“title”？'
    """
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"，是不是想写“{near[0]}”？" if near else ""


def _problems(model: type[BaseModel], error: ValidationError, marked: Marked, at: Place) -> list[Problem]:
    found: dict[tuple[int, str], Problem] = {}
    for details in error.errors(include_url=False):
        line = marked.marks.line((*at, *details["loc"]))
        made = _problem(model, details, marked.file, line)
        # One wrong value in a union of types gives one complaint per type: the first is enough.
        key = (line, details["type"] if made.code == "LAW-201" else made.code)
        if made.code in ("LAW-201", "LAW-202"):
            key = (line, made.sentence)
        found.setdefault(key, made)
    return list(found.values())


def _problem(model: type[BaseModel], details: ErrorDetails, file: str, line: int) -> Problem:
    loc, kind = details["loc"], details["type"]
    name = next((str(p) for p in reversed(loc) if isinstance(p, str)), "")
    where = _where(loc)
    if kind == "extra_forbidden":
        hint = suggestion(name, _keys(_model_at(model, loc[:-1])))
        if any(sign in name for sign in "()'<>="):  # the rest of an expression behind a comma
            hint = "；花括号里含逗号的表达式要加引号"
        return problem("LAW-201", f"不认识的键“{name}”{hint}", file=file, line=line)
    if kind == "missing":
        return problem("LAW-202", f"{where}缺少“{name}”", file=file, line=line)
    if kind in ("literal_error", "enum"):
        allowed = _allowed(details)
        hint = suggestion(str(details["input"]), allowed)
        listed = "、".join(allowed)
        sentence = f"{where}的值“{details['input']}”不在允许的范围内（{listed}）{hint}"
        return problem("LAW-204", sentence, file=file, line=line)
    if kind == "too_long":
        sentence = f"{where} 有 {len(details['input'])} 个，至多 {details['ctx']['max_length']} 个"
        return problem("LAW-430", sentence, file=file, line=line)
    if kind == "string_pattern_mismatch":
        sentence = f"名称“{details['input']}”不合格式"
        return problem("LAW-205", sentence, file=file, line=line)
    if kind in ("value_error", "assertion_error"):
        reason = str(details.get("ctx", {}).get("error", details["msg"]))
        return problem("LAW-206", f"{where}：{reason}", file=file, line=line)
    sentence = f"{where}应为{_wanted(kind)}，写的是“{_shown(details['input'])}”"
    return problem("LAW-203", sentence, file=file, line=line)


_WANTED = (
    ("date", "日期（如 2024-03-01）"),
    ("bool", "true 或 false"),
    ("decimal", "数"),
    ("int", "整数"),
    ("tuple", "列表（方括号或“- ”开头的几行）"),
    ("list", "列表（方括号或“- ”开头的几行）"),
    ("dict", "“键: 值”的映射"),
    ("model", "“键: 值”的映射"),
    ("string_too_short", "非空的文字"),
    ("string", "文字"),
    ("greater", "更大的数"),
    ("less", "更小的数"),
)


def _wanted(kind: str) -> str:
    return next((chinese for english, chinese in _WANTED if kind.startswith(english)), "别的写法")


def _shown(value: object) -> str:
    text = "空" if value is None else str(value)
    return text if len(text) <= 40 else text[:40] + "…"


def _where(loc: tuple[int | str, ...]) -> str:
    parts = [f"第 {p + 1} 项" if isinstance(p, int) else str(p) for p in loc[:-1] if p != "[key]"]
    last = loc[-1] if loc else ""
    if isinstance(last, int):
        parts.append(f"第 {last + 1} 项")
    elif last and last != "[key]":
        parts.append(str(last))
    return " › ".join(parts)


def _allowed(details: ErrorDetails) -> list[str]:
    expected = str(details.get("ctx", {}).get("expected", ""))
    return [w.strip().strip("'") for w in expected.replace(" or ", ", ").split(",") if w.strip()]


def _keys(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [info.alias or name for name, info in model.model_fields.items()]


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model class that stands at ``loc``; None when the path leaves typed ground."""
    here: Any = model
    for part in loc:
        here = _inside(here, part)
    found = _models(here)
    return found[0] if found else None


def _inside(annotation: Any, part: int | str) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if part in (name, info.alias):
                return info.annotation
        return None
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _inside(args[0], part)
    if origin in _UNIONS:
        return next((x for a in args if (x := _inside(a, part)) is not None), None)
    if origin is dict:
        return args[1]
    if origin in (tuple, list):
        return args[0]
    return None


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for a in typing.get_args(annotation) for m in _models(a)]
