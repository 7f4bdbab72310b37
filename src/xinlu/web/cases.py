"""The cases that lie beside a rulebook, as people read them: facts → answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from xinlu.law.library import Library
from xinlu.law.rulebook import Rulebook


@dataclass(frozen=True)
class CaseView:
    """One case: its name, and what goes in and comes out as the file says it."""

    name: str
    facts: str
    answers: str


def cases_of(law: Library, book: Rulebook) -> tuple[CaseView, ...]:
    """The cases of a book; none when it has no file of cases yet."""
    path = law.cases_path(book)
    if not path.is_file():
        return ()
    read = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - plain texts only
    listed = read.get("cases", ()) if isinstance(read, Mapping) else read or ()
    shared = {key: part for key, part in read.items() if key != "cases"} if isinstance(read, Mapping) else {}
    return tuple(_view(case, shared) for case in listed if isinstance(case, Mapping))


def _view(case: Mapping[str, Any], shared: Mapping[str, Any]) -> CaseView:
    name = str(case.get("case") or case.get("name") or case.get("title") or "")
    answers = case.get("expect") or case.get("answers") or case.get("then") or {}
    facts = {key: part for key, part in case.items() if part is not answers and key not in ("case", "name", "title")}
    return CaseView(name, _text(facts), _text(answers))


def _text(part: Any) -> str:
    return str(yaml.safe_dump(part, allow_unicode=True, sort_keys=False, width=100)).strip()
