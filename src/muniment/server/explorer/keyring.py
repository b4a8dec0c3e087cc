"""The page of a visitor's keys: those that this browser holds, how to make one, and for administrators what asks for admission.

The keys themselves are made and kept in the browser (static/browser_keys.js); this server hears of public halves alone.
"""

from __future__ import annotations

import shlex
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency

from muniment.core.rules import policy_text
from muniment.core.rules.policy import Role
from muniment.core.rules.records import Key
from muniment.server import guard
from muniment.server.access import entrance
from muniment.server.access.pending import Pending
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source
from muniment.server.hosting import Hosted

MAX_SHOWN = 50
ENROLS = "actor.enrolled"
CHANGES = "key.changed"


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A request with the command that admits it. `known` says that its actor is enrolled already, with these roles."""

    pending: Pending
    command: str
    known: bool
    roles: tuple[str, ...]


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A role that may be given, and what its holders may do."""

    name: str
    said: str


class KeysPage(msgspec.Struct, frozen=True, kw_only=True):
    """The requests that this visitor may see, and the roles of the policy in force. `more` requests are left out.

    admits: whether the visitor's sign-in is an administrator's; may_enrol, may_add: the roles whose holders may admit
    """

    origin: str
    ledger: str
    waiting: tuple[Waiting, ...]
    more: int
    roles: tuple[Offered, ...]
    may_enrol: tuple[str, ...]
    may_add: tuple[str, ...]
    admits: bool


def read_keys(source: Source, pending: tuple[Pending, ...], *, admits: bool) -> KeysPage:
    """Read the page of keys, with the requests that wait."""
    policy = source.policy
    # What was admitted from a terminal meanwhile waits no more.
    pending = tuple(each for each in pending if source.state(f"key/{each.key}", Key) is None)
    actors = {each.id: each for each in source.index.actors()}
    held = {each.actor: actors[each.actor].roles for each in pending if each.actor in actors}
    return KeysPage(
        origin=source.hosted.origin,
        ledger=source.hosted.reader.id,
        waiting=tuple(_tell(each, policy.roles, held) for each in pending[:MAX_SHOWN]),
        more=max(0, len(pending) - MAX_SHOWN),
        roles=tuple(Offered(name=role.name, said=policy_text.describe_role(role)) for role in policy.roles),
        may_enrol=policy.roles_that_may(ENROLS),
        may_add=policy.roles_that_may(CHANGES),
        admits=admits,
    )


def _tell(pending: Pending, roles: tuple[Role, ...], held: dict[str, tuple[str, ...]]) -> Waiting:
    known = pending.actor in held
    more = [] if known else ["--role", roles[0].name if len(roles) == 1 else "ROLE"]
    more += ["--responsible", "PERSON"] if pending.kind == "service" and not known else []
    command = shlex.join(["muniment", "keys", "admit", pending.request, *more])
    return Waiting(pending=pending, command=command, known=known, roles=held.get(pending.actor, ()))


def _list_requests(request: Request[Any, Any, Any], hosted: Hosted, *, admits: bool) -> tuple[Pending, ...]:
    """What waits for admission: all of it for an administrator, for others what they asked for."""
    raw = cast(guard.Raw, request.scope)
    if entrance.ACCESS not in raw:
        return ()
    return entrance.access_of(raw).requests.list(hosted.name, None if admits else guard.caller_of(raw).id)


@page("/keys")
def show_keys(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """The keys of this browser, and what asks for admission."""
    caller = guard.caller_of(cast(guard.Raw, request.scope))
    admits = caller.may("admin", hosted.name)
    pending = _list_requests(request, hosted, admits=admits)
    with open_source(hosted) as source:
        found = read_keys(source, pending, admits=admits)
    return render(request, hosted, "keys.html", "Keys of this browser", found, section="actors")


ROUTES = (show_keys,)
