"""Permissions: who may do what to a run or a map. One table: an act is checked where it is done, and pages ask the same
table what to offer.

A person is a token in a browser's cookie, no password: this keeps people from each other's runs by mistake, or for a
joke, and not from somebody who reads the network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from aecore.errors import UserError
from aecore.store import database, queue, runs


class NotAllowed(UserError):
    """Somebody asked for what they may not do. Its text says why."""


@dataclass(frozen=True)
class Case:
    """Somebody who wants to do something, and to what."""

    person: str
    entry: runs.Entry | None = None  # the run; None for something else
    label: queue.Label = field(default_factory=queue.Label)
    asked: Collection[str] = ()  # the people who asked for it, while it is under way
    deleted_by: str = ""


def _owner(case: Case) -> str:
    if case.label.owner in (None, case.person):
        return ""
    return f"It belongs to {case.label.owner_name or 'somebody else'}."


def _ours(case: Case) -> str:
    return "It came with the laboratory." if case.entry and case.entry.gallery else ""


def _at_rest(case: Case) -> str:
    return "It is being trained: stop it first." if case.entry and case.entry.moving else ""


def _asked(case: Case) -> str:
    return "" if not case.asked or case.person in case.asked else "Only those who asked for it can do that."


def _deleted(case: Case) -> str:
    return "" if case.deleted_by == case.person else _owner(case)


Rule = Callable[[Case], str]  # why not, in a sentence; empty where it is allowed


@dataclass(frozen=True)
class Act:
    """Something that people do, and what has to be true of them and of what they do it to."""

    done: str  # as in "cannot be renamed"
    rules: tuple[Rule, ...]


ACTS: dict[str, Act] = {
    "pin": Act("pinned", ()),  # everybody, for themselves
    "resume": Act("resumed", ()),  # everybody: whoever resumes a run asks for it
    "stop": Act("stopped", (_asked,)),
    "pause": Act("paused", (_asked,)),
    "rename": Act("renamed", (_ours, _owner)),
    "delete": Act("deleted", (_ours, _at_rest, _owner)),
    "restore": Act("restored", (_deleted,)),
    "delete for good": Act("deleted for good", (_deleted,)),
    "cancel": Act("cancelled", (_asked,)),  # a map that is being drawn
}


def why_not(act: str, case: Case) -> str:
    """Why somebody may not do that; empty when they may."""
    return next(filter(None, (rule(case) for rule in ACTS[act].rules)), "")


def check(act: str, case: Case, what: str) -> None:
    """Raises NotAllowed when somebody may not do that to `what`."""
    if why := why_not(act, case):
        raise NotAllowed(f"{what} cannot be {ACTS[act].done}. {why}")


def of_run(run: str, person: str) -> Case:
    """Somebody and a run, as both stand now. Raises UserError when there is no such run, or when nobody can tell whose
    it is."""
    asked = database.snapshot().wants.get(run, ())
    return Case(person, runs.entry(run), queue.label(run, person), asked)
