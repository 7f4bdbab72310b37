"""What one version of a filing says otherwise than another, row by row and field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from xinlu.intake.filing import content as said
from xinlu.intake.filing.content import Content, Resolved, Row
from xinlu.intake.filing.refusal import Place
from xinlu.intake.models import FilingPaper
from xinlu.law.filing import Form, Part

PAPERS = "papers"
"""Stands for the papers of a row where a field is named."""


@dataclass(frozen=True)
class Change:
    """One field that differs. ``old`` and ``new`` are for people: masked, codes by title; empty for nothing."""

    place: Place
    kind: Literal["added", "removed", "changed"]
    part_title: str
    row_title: str
    title: str
    old: str = ""
    new: str = ""


def difference(
    form: Form, old: Content | None, new: Content, *, papers: Mapping[str, FilingPaper] | None = None
) -> list[Change]:
    """Every difference, in the order of the form; against None everything is added.

    A row that came or went is told field by field too. ``papers`` gives papers their titles.
    """
    found: list[Change] = []
    for name, part in form.parts.items():
        before = {row["row"]: row for row in (old or {}).get(name, [])}
        after = {row["row"]: row for row in new.get(name, [])}
        for key in dict.fromkeys([*after, *before]):
            found += _row(name, part, before.get(key), after.get(key), papers or {})
    return found


def _row(name: str, part: Part, old: Row | None, new: Row | None, papers: Mapping[str, FilingPaper]) -> list[Change]:
    kind: Literal["added", "removed", "changed"] = "added" if old is None else "removed" if new is None else "changed"
    held = new or old
    assert held is not None
    title, key = said.row_title(part, held), held["row"]
    found = []
    for field in said.fields_of(part):
        before, after = _value(old, field), _value(new, field)
        if said.compared(before) != said.compared(after):
            place = Place(name, key, field.name)
            told = said.shown(field, before), said.shown(field, after)
            found.append(Change(place, kind, part.title, title, field.title, *_apart(told)))
    told_before, told_after = _papers(old, papers), _papers(new, papers)
    if (old or {}).get("papers", []) != (new or {}).get("papers", []):
        found.append(Change(Place(name, key, PAPERS), kind, part.title, title, "附件", told_before, told_after))
    return found


def _value(row: Row | None, field: Resolved) -> said.Value:
    return row["values"].get(field.name, "") if row else ""


def _apart(told: tuple[str, str]) -> tuple[str, str]:
    """Two values that differ and look the same are told apart: masked numbers may."""
    old, new = told
    return (old, f"{new}（已改）") if old and old == new else (old, new)


def _papers(row: Row | None, papers: Mapping[str, FilingPaper]) -> str:
    tokens = row["papers"] if row else []
    return "、".join(papers[one].title if one in papers else "附件" for one in tokens)
