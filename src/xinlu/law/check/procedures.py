"""Checks of procedures: every name known, every state reached and left, every clock answered."""

from __future__ import annotations

from itertools import pairwise

from xinlu.law.check.notes import Notes
from xinlu.law.library import Library
from xinlu.law.problem import Problem
from xinlu.law.procedure import Procedure, possible
from xinlu.law.shape import suggestion

_ABOUT = ("standing", "run", "filing", "row")


def check_procedures(library: Library) -> list[Problem]:
    """Every problem of the procedures of a library."""
    problems: list[Problem] = []
    for versions in library.procedures.values():
        for procedure in versions:
            notes = Notes(library.filed(procedure))
            _names(procedure, library, notes)
            _reach(procedure, notes)
            _clocks(procedure, library, notes)
            _queues(procedure, notes)
            _motion(procedure, notes)
            if not procedure.source.document.strip() or not procedure.source.issuer.strip():
                notes.add("LAW-415", "没有写明文号名称或发布机关", "source")
            problems += notes.problems
        for earlier, later in pairwise(versions):
            if earlier.in_force.until is None or earlier.in_force.until > later.in_force.from_:
                notes = Notes(library.filed(later))
                notes.add("LAW-705", f"与版本“{earlier.version}”的施行期重叠", "in_force")
                problems += notes.problems
    return problems


def _names(procedure: Procedure, library: Library, notes: Notes) -> None:
    items = library.catalogue.items
    if procedure.about not in (*_ABOUT, *items):
        notes.add("LAW-701", f"目录中没有信息项“{procedure.about}”", "about")
    if procedure.records is not None and procedure.records not in items:
        notes.add("LAW-701", f"目录中没有信息项“{procedure.records}”", "records")
    _known(procedure.start, procedure.states, "环节", notes, "start")
    for name, state in procedure.states.items():
        if state.queue is not None:
            _known(state.queue, procedure.parties, "参与方", notes, "states", name, "queue")
    for name, action in procedure.actions.items():
        path = ("actions", name)
        _known(action.who, procedure.parties, "参与方", notes, *path, "who")
        _known(action.to, procedure.states, "环节", notes, *path, "to")
        for state_name in action.when:
            _known(state_name, procedure.states, "环节", notes, *path, "when")
        for other in action.other_than:
            _known(other, procedure.actions, "动作", notes, *path, "other_than")


def _known(name: str, known: object, what: str, notes: Notes, *path: str | int) -> bool:
    names = list(known)  # type: ignore[call-overload]
    if name in names:
        return True
    notes.add("LAW-701", f"没有{what}“{name}”{suggestion(name, names)}", *path)
    return False


def _reach(procedure: Procedure, notes: Notes) -> None:
    reached, waiting = {procedure.start}, [procedure.start]
    while waiting:
        state = waiting.pop()
        for name in possible(procedure, state):
            target = procedure.actions[name].to
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    for name, state_ in procedure.states.items():
        if name not in reached:
            notes.add("LAW-702", f"没有动作能走到“{state_.title}”", "states", name)
        leaves = bool(possible(procedure, name))
        if not leaves and not state_.final:
            notes.add("LAW-703", f"“{state_.title}”没有可做的动作，也不是终点", "states", name)
        if leaves and state_.final:
            notes.add("LAW-703", f"“{state_.title}”是终点，却还有可做的动作", "states", name)


def _clocks(procedure: Procedure, library: Library, notes: Notes) -> None:
    for name, clock in procedure.clocks.items():
        path = ("clocks", name)
        for state in clock.on:
            _known(state, procedure.states, "环节", notes, *path, "on")
        if not clock.on:
            notes.add("LAW-704", "时限没有写明在哪个环节计算", *path, "on")
        for state in clock.pauses_in:
            _known(state, procedure.states, "环节", notes, *path, "pauses_in")
        lengths = [x for x in (clock.working_days, clock.days, clock.ends_on) if x is not None]
        if len(lengths) != 1:
            sentence = "时限要在 working_days、days、ends_on 中选一个"
            notes.add("LAW-704", sentence, *path)
        if clock.ends_on is not None and not _date_output(clock.ends_on, library):
            notes.add("LAW-704", f"没有日期输出“{clock.ends_on}”", *path, "ends_on")
        if clock.then is None:
            continue
        if not _known(clock.then, procedure.actions, "动作", notes, *path, "then"):
            continue
        action = procedure.actions[clock.then]
        for state in set(clock.on) - set(action.when):
            sentence = f"届满后的动作“{action.title}”在环节“{state}”不能做"
            notes.add("LAW-704", sentence, *path, "then")


def _queues(procedure: Procedure, notes: Notes) -> None:
    """An open case is in exactly one queue, a closed one in none."""
    for name, state in procedure.states.items():
        if state.final == (state.queue is not None):
            what = "是终点，却有队列" if state.final else "不是终点，却没有队列"
            notes.add("LAW-706", f"“{state.title}”{what}", "states", name)


def _motion(procedure: Procedure, notes: Notes) -> None:
    """What runs needs a lamp, and can use only what the machine knows."""
    if not procedure.in_motion:
        return
    if procedure.lamp is None:
        notes.add("LAW-707", "投入办理的程序没有写明亮灯的界限（lamp）")
    for name, clock in procedure.clocks.items():
        for key in ("ends_on", "then", "extend_once"):
            if getattr(clock, key) is not None:
                notes.add("LAW-707", f"时限“{clock.title}”的 {key} 还不会自动办理", "clocks", name, key)


def _date_output(name: str, library: Library) -> bool:
    book, _, output = name.partition(".")
    versions = library.rulebooks.get(book, ())
    return any(output in version.outputs for version in versions)
