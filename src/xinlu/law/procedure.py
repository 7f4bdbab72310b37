"""The procedure plane: who must do what next, and by when; whatever is decided comes back as a record.

A procedure file lists *states* and *actions*. The state of a case is never stored: it is computed from the
append-only list of its actions (:func:`state_after`). A clock starts with an action or with entering a state,
counts working days, and names the action that is due when it ends. Effects are names of verbs of other rooms;
this module knows the format, it sets nothing in motion: that is the room ``casework``, and it takes only procedures
that say ``in_motion``. How clocks run is told by :mod:`xinlu.law.clock`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
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
    quotes: tuple[Literal["field", "rule"], ...] = ()
    """What each point of the reason must quote: the field that is wrong, the rule that says so."""
    roles: tuple[Name, ...] = ()
    """Roles of the persons of an office who may do it; empty: everybody there who does more than read."""
    other_than: tuple[Name, ...] = ()
    """Actions whose person may not be the one who takes this: two persons, for as long as the case lasts."""
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


class Lamp(Piece):
    """When the lamp of a deadline turns yellow; it is red when the time is over, and grey while it is paused."""

    yellow_share: Decimal = Field(ge=0, le=1)
    """At or below this share of the working time that was given."""
    yellow_working_days: int = Field(ge=0)
    """Or with at most so many working days left."""


class Procedure(LawModel):
    """One version of one procedure, exactly as its file says."""

    procedure: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    version: str
    title: str
    about: str
    """What a case is about: a catalogue item, or one of ``standing``, ``run``, ``filing``, ``row``."""
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
    in_motion: StrictBool = False
    """Whether cases of it are handled here: then each effect is a verb that a room offers."""
    lamp: Lamp | None = None
    reason_signs: int = Field(default=15, ge=1)
    """Letters, figures and characters that a required reason has at least; marks and blanks do not count."""

    def grade_of(self, part: Piece) -> Grade:
        """The grade of a part: its own, or the procedure's."""
        return part.grade or self.source.grade


def possible(procedure: Procedure, state: str) -> tuple[str, ...]:
    """Names of the actions that may be taken in ``state``, in the order of the file."""
    return tuple(name for name, action in procedure.actions.items() if state in action.when)


def signs(text: str) -> int:
    """How many letters, figures and characters a text has; marks and blanks say nothing.

    >>> signs("缺 2 页。。。")
    3
    """
    return sum(sign.isalnum() for sign in text)


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
