"""Checks of feeds: items, roles and fields that they name are in the catalogue."""

from __future__ import annotations

from xinlu.law.check.notes import Notes
from xinlu.law.feed import Stuck
from xinlu.law.library import Library
from xinlu.law.problem import Problem


def check_feeds(library: Library) -> list[Problem]:
    """Every problem of the feeds of a library."""
    problems: list[Problem] = []
    for name, feed in library.feeds.items():
        notes = Notes(library.files["feed", name])
        item = library.catalogue.items.get(feed.item)
        if item is None:
            notes.add("LAW-301", f"目录中没有信息项“{feed.item}”", "item")
        else:
            for index, role in enumerate(feed.plates):
                found = item.role(role)
                if found is None or "vehicle" not in found.kinds or found.many:
                    notes.add("LAW-301", f"信息项“{feed.item}”没有由一辆车充当的角色“{role}”", "plates", index)
            for index, check in enumerate(feed.checks):
                for field in (*check.by, *check.same) if isinstance(check, Stuck) else ():
                    if item.field(field) is None:
                        notes.add("LAW-301", f"信息项“{feed.item}”没有数据项“{field}”", "checks", index)
            if item.parent is not None or any(role.many for role in item.roles):
                notes.add("LAW-301", "有上级信息项或多人角色的，不能作为感知数据流", "item")
        if not feed.source.document.strip() or not feed.source.issuer.strip():
            notes.add("LAW-415", "没有写明出处文件或发布机关", "source")
        problems += notes.problems
    return problems
