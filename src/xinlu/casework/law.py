"""Which procedure a case goes by: the version in force when it was opened, for as long as it lasts."""

from __future__ import annotations

from datetime import date

from xinlu.casework.refusal import Refused
from xinlu.gazette import current
from xinlu.journal.effects import offered
from xinlu.law.calendar import WorkingCalendar
from xinlu.law.library import Library
from xinlu.law.procedure import Procedure


def in_force(name: str, *, on: date) -> Procedure:
    """The version of a procedure in which cases can be opened on a day. Raises :class:`Refused`: CW-001, CW-002."""
    versions = current.library().procedures.get(name, ())
    found = next((one for one in versions if one.in_force.covers(on)), None)
    if found is None:
        raise Refused("CW-001", f"{on.isoformat()} 没有有效的程序“{name}”")
    if not found.in_motion:
        raise Refused("CW-002", f"程序“{found.title}”还没有投入办理")
    known = offered()
    for action in found.actions.values():
        if missing := [effect for effect in action.effects if effect not in known]:
            raise Refused("CW-002", f"“{action.title}”的效果 {missing[0]} 还没有对应的功能")
    return found


def version(name: str, version: str) -> Procedure:
    """The version under which a case was opened. Raises :class:`Refused`: CW-001."""
    versions = current.library().procedures.get(name, ())
    found = next((one for one in versions if one.version == version), None)
    if found is None:
        raise Refused("CW-001", f"没有程序“{name}”的“{version}”版")
    return found


def moving(library: Library | None = None) -> list[Procedure]:
    """Every version of every procedure of which there may be cases."""
    library = library or current.library()
    return [one for versions in library.procedures.values() for one in versions if one.in_motion]


def calendar() -> WorkingCalendar:
    """The working calendar in use; a library without one knows no day."""
    found = current.library().calendar
    if found is None:
        raise Refused("CW-001", "法规文件夹没有工作日历")
    return found
