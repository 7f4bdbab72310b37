"""What is checked when the program starts: a procedure in motion calls only what is there."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error

from xinlu.access.models import Person
from xinlu.casework.law import moving
from xinlu.journal.effects import offered
from xinlu.law.library import Library
from xinlu.law.problem import LawError


def check_procedures(library: Library | None = None, **_more: Any) -> list[CheckMessage]:
    """An error for each effect that no room offers (E001) and each role that nobody can have (E002).

    Law that cannot be read at all is not this check's business: ``xinlu law check`` tells what is wrong with it.
    """
    library = library if isinstance(library, Library) else None
    try:
        procedures = moving(library)
    except LawError:
        return []
    known, found = offered(), []
    for procedure in procedures:
        for name, action in procedure.actions.items():
            where = f"{procedure.procedure} {procedure.version}, action {name}"
            found += [
                Error(
                    f"{where}: no room offers the effect {effect}",
                    hint="Offer it in the room's apps.py",
                    id="casework.E001",
                )
                for effect in action.effects
                if effect not in known
            ]
            found += [
                Error(
                    f"{where}: there is no role {role}",
                    hint=f"One of {', '.join(Person.Role.values)}",
                    id="casework.E002",
                )
                for role in action.roles
                if role not in Person.Role.values
            ]
    return list(found)
