"""Permissions: who may do what to a run or a projection. One table: an act is checked where it is done, and pages ask
the same table what to offer.

A user is a token in a browser's cookie, no password: this keeps people from each other's runs by mistake, or for a
joke, and not from somebody who reads the network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from aecore.errors import UserError
from aecore.store import database_snapshot, people, runs
from aecore.store.run_info import RunInfo


class NotAllowed(UserError):
    """Somebody asked for what they may not do. Its text says why."""


@dataclass(frozen=True)
class AccessRequest:
    """Somebody who wants to do something, and to what."""

    user: str
    entry: RunInfo | None = None  # the run; None for something else
    label: people.RunLabel = field(default_factory=people.RunLabel)
    requesters: Collection[str] = ()  # the people who asked for it, while it is under way
    deleted_by: str = ""


def _owner_only(request: AccessRequest) -> str:
    if request.label.owner in (None, request.user):
        return ""
    return f"It belongs to {request.label.owner_name or 'somebody else'}."


def _not_pretrained(request: AccessRequest) -> str:
    return "It came with the laboratory." if request.entry and request.entry.pretrained else ""


def _not_active(request: AccessRequest) -> str:
    return "It is being trained: stop it first." if request.entry and request.entry.active else ""


def _requesters_only(request: AccessRequest) -> str:
    return (
        ""
        if not request.requesters or request.user in request.requesters
        else "Only those who asked for it can do that."
    )


def _deleter_or_owner(request: AccessRequest) -> str:
    return "" if request.deleted_by == request.user else _owner_only(request)


Rule = Callable[[AccessRequest], str]  # why not, in a sentence; empty where it is allowed


@dataclass(frozen=True)
class Action:
    """Something that people do, and what has to be true of them and of what they do it to."""

    participle: str  # as in "cannot be renamed"
    rules: tuple[Rule, ...]


ACTIONS: dict[str, Action] = {
    "pin": Action("pinned", ()),  # everybody, for themselves
    "resume": Action("resumed", ()),  # everybody: whoever resumes a run asks for it
    "stop": Action("stopped", (_requesters_only,)),
    "pause": Action("paused", (_requesters_only,)),
    "rename": Action("renamed", (_not_pretrained, _owner_only)),
    "delete": Action("deleted", (_not_pretrained, _not_active, _owner_only)),
    "restore": Action("restored", (_deleter_or_owner,)),
    "delete permanently": Action("deleted permanently", (_deleter_or_owner,)),
    "cancel": Action("cancelled", (_requesters_only,)),  # a projection that is being computed
}


def denial_reason(action: str, request: AccessRequest) -> str:
    """Why somebody may not do that; empty when they may."""
    return next(filter(None, (rule(request) for rule in ACTIONS[action].rules)), "")


def check(action: str, request: AccessRequest, what: str) -> None:
    """Raises NotAllowed when somebody may not do that to `what`."""
    if why := denial_reason(action, request):
        raise NotAllowed(f"{what} cannot be {ACTIONS[action].participle}. {why}")


def request_for_run(run: str, user: str) -> AccessRequest:
    """Somebody and a run, as both stand now. Raises UserError when there is no such run, or when nobody can tell whose
    it is."""
    asked = database_snapshot.snapshot().requesters.get(run, ())
    return AccessRequest(user, runs.entry(run), people.label(run, user), asked)
