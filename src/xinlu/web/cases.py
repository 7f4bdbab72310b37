"""The cases that lie beside a rulebook, as people read them: facts → answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xinlu.law.cases import Case, Cases, ExpectedFinding, read_cases
from xinlu.law.catalogue import Catalogue
from xinlu.law.library import Library
from xinlu.law.problem import LawError
from xinlu.law.rulebook import Rulebook
from xinlu.web import lawbook
from xinlu.web.parts import Badge, badge_of

_COMMON = {
    "subject": "主体",
    "parent": "上级记录",
    "recorded_at": "入库",
    "superseded_at": "失效",
    "id": "编号",
    "kind": "类别",
}


@dataclass(frozen=True)
class Answer:
    """What a unit gets under one output."""

    unit: str
    output: str
    badge: Badge | None
    words: str


@dataclass(frozen=True)
class CaseView:
    """One case: its name, on which day, the facts line by line, the answers."""

    name: str
    basis: str
    day: str
    facts: tuple[tuple[str, str], ...]
    answers: tuple[Answer, ...]
    values: tuple[tuple[str, str, str], ...]


def cases_of(law: Library, book: Rulebook) -> tuple[CaseView, ...]:
    """The cases of a book; none when it has no readable file of cases."""
    path = law.cases_path(book)
    if not path.is_file():
        return ()
    try:
        cases, _ = read_cases(path)
    except LawError:
        return ()
    return tuple(_view(cases, case, book, law.catalogue) for case in cases.cases)


def _view(cases: Cases, case: Case, book: Rulebook, catalogue: Catalogue) -> CaseView:
    names = lawbook.names_of(book, catalogue)
    return CaseView(
        name=case.case,
        basis=case.basis,
        day=case.as_of or str(cases.given.get("as_of", "")),
        facts=tuple(_facts(case.facts, names, catalogue)),
        answers=tuple(_answers(case, book)),
        values=tuple(
            (unit, names.get(name, name), lawbook.plain(value) if value is not None else "缺")
            for unit, several in case.values.items()
            for name, value in several.items()
        ),
    )


def _facts(facts: Mapping[str, Any], names: Mapping[str, str], catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    for part, lines in facts.items():
        for line in lines if isinstance(lines, list) else [lines]:
            if not isinstance(line, Mapping):
                yield part, str(line)
            else:
                yield _fact(part, line, names, catalogue)


def _fact(part: str, line: Mapping[str, Any], names: Mapping[str, str], catalogue: Catalogue) -> tuple[str, str]:
    item = catalogue.items.get(str(line.get("item", "")))
    kind = catalogue.kinds.get(str(line.get("kind", "")))
    relation = catalogue.relations.get(str(line.get("relation", "")))
    title = next((known.title for known in (item, relation, kind) if known), part)
    known = {field.name: field.title for field in (item.fields if item else kind.attributes if kind else ())}
    if item:
        known.update({role.name: role.title for role in item.roles})
    words = [
        f"{known.get(key) or names.get(key) or _COMMON.get(key, key)} {_value(value, names)}"
        for key, value in line.items()
        if key not in ("item", "relation") and not (kind and key == "kind")
    ]
    return title, "，".join(words)


def _value(value: Any, names: Mapping[str, str]) -> str:
    if isinstance(value, list):
        return "、".join(_value(one, names) for one in value)
    text = lawbook.plain(value)
    return names.get(f"'{text}'", text)


def _answers(case: Case, book: Rulebook) -> Iterator[Answer]:
    for unit, outputs in case.expect.items():
        if isinstance(outputs, str):
            yield Answer(unit, "", None, "不在参评范围" if outputs == "absent" else outputs)
            continue
        for name, answer in outputs.items():
            yield _answer(unit, name, answer, book)


def _answer(unit: str, name: str, answer: Any, book: Rulebook) -> Answer:
    output = book.outputs.get(name)
    title = output.title if output else name
    if isinstance(answer, ExpectedFinding):
        status = {"not_rated": "未评", "open": "待人工"}.get(answer.status or "", "")
        if answer.answer is None:
            return Answer(unit, title, None, "：".join(part for part in (status, answer.reason or "") if part))
        answer = answer.answer
    levels = lawbook.levels_of(book, name)
    text = lawbook.plain(answer)
    if text in [step.level for step in levels]:
        return Answer(unit, title, badge_of(level=text, levels=levels, kind=book.kind), "")
    return Answer(unit, title, None, {"not_rated": "未评", "open": "待人工"}.get(text, text))
