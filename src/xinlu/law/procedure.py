"""The procedure plane: who must do what next, and by when; whatever is decided comes back as a record.

A procedure file lists *states* and *actions*. The state of a case is never stored: it is computed from the
append-only list of its actions (:func:`state_after`). A clock starts with an action or with entering a state,
counts working days, and names the action that is due when it ends. Effects are names of verbs of other rooms;
this module knows the format and checks it, it sets nothing in motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StringConstraints

from xinlu.law.source import Document, Grade, InForce, LawModel

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Verb = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
"""Room and verb: ``ledger.withdraw``."""


class Piece(LawModel):
    """A part of a procedure that says where it comes from; None inherits the procedure's grade."""

    grade: Grade | None = None
    clause: str = ""
    note: str = ""


class State(Piece):
    """Where a case stands. A case begins in the procedure's ``start``."""

    title: str
    queue: str | None = None
    """Who has it on the desk: a party or office of :attr:`Procedure.parties`; None at an end."""
    final: StrictBool = False


class Paper(Piece):
    """A paper that an action needs or makes."""

    title: str
    required: StrictBool = True


class Action(Piece):
    """One thing somebody may do; it leads from any of the states in ``when`` to the state ``to``."""

    title: str
    who: str
    """A party of the procedure."""
    when: tuple[Name, ...]
    to: Name
    papers: tuple[Paper, ...] = ()
    makes: tuple[Paper, ...] = ()
    """Papers that the action gives to somebody."""
    reason: Literal["none", "free", "required"] = "free"
    effects: tuple[Verb, ...] = ()


class Clock(Piece):
    """A time limit. It starts when the case comes into one of the states ``on`` from outside, and stops when the
    case goes to a state that is neither in ``on`` nor in ``pauses_in``."""

    title: str
    on: tuple[Name, ...]
    """The states whose days it counts."""
    working_days: int | None = Field(default=None, ge=1)
    days: int | None = Field(default=None, ge=1)
    ends_on: str | None = None
    """Instead of a number: a date output ``book.output`` of a rulebook that says when it ends."""
    pauses_in: tuple[Name, ...] = ()
    """States that stop it only for a while: their days are not counted."""
    then: Name | None = None
    """Action that follows by itself at the end (the publicity period ran out); None: the lamp turns red."""
    extend_once: int | None = Field(default=None, ge=1)
    """Working days by which the head of the office may extend once."""


class Procedure(LawModel):
    """One version of one procedure, exactly as its file says."""

    procedure: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    version: str
    title: str
    about: str
    """Catalogue item, or ``standing`` or ``run``: what a case is about."""
    in_force: InForce
    source: Document
    summary: str = ""
    open_points: tuple[str, ...] = ()
    parties: dict[Name, str]
    """Who takes part: name → Chinese title."""
    start: Name
    states: dict[Name, State]
    actions: dict[Name, Action]
    clocks: dict[Name, Clock] = {}
    records: Name | None = None
    """Catalogue item into which the decision is written back."""

    def grade_of(self, part: Piece) -> Grade:
        """The grade of a part: its own, or the procedure's."""
        return part.grade or self.source.grade


def possible(procedure: Procedure, state: str) -> tuple[str, ...]:
    """Names of the actions that may be taken in ``state``, in the order of the file."""
    return tuple(name for name, action in procedure.actions.items() if state in action.when)


def state_after(procedure: Procedure, actions: Sequence[str]) -> str:
    """The state of a case in which ``actions`` were taken, in order.

    Raises:
        ValueError: an action is unknown, or not possible in the state reached; a Chinese sentence.
    """
    state = procedure.start
    for name in actions:
        action = procedure.actions.get(name)
        if action is None:
            raise ValueError(f"程序“{procedure.title}”没有动作“{name}”")
        if state not in action.when:
            title = procedure.states[state].title
            raise ValueError(f"在“{title}”时不能“{action.title}”")
        state = action.to
    return state
