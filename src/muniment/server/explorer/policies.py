"""The page of the policy: what is asked for, in sentences and as a file, since when, and how it came to be."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency

from muniment.client.governed import Enacted
from muniment.core.rules import policy_text
from muniment.core.rules.policy_text import Change
from muniment.server.explorer import links
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source
from muniment.server.hosting import Hosted

MAX_SHOWN = 50


class Amended(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that was in force, and what it changed; nothing where it is the first one."""

    enacted: Enacted
    changes: tuple[Change, ...]


class PolicyPage(msgspec.Struct, frozen=True, kw_only=True):
    """The policy in force, and those before it, the newest first. `earlier` older ones are left out."""

    enacted: Enacted
    sentences: tuple[str, ...]
    roles: tuple[str, ...]
    doubts: tuple[str, ...]
    text: str
    history: tuple[Amended, ...]
    earlier: int
    answer: str


def read_policy(source: Source) -> PolicyPage:
    """Read the page of the policy."""
    past = source.hosted.reader.policies.history()
    enacted, active = past[-1], source.hosted.reader.policies.members()
    shown = past[-MAX_SHOWN - 1 :]
    history = [Amended(enacted=new, changes=policy_text.compare(old.policy, new.policy)) for old, new in pairwise(shown)]
    if len(past) <= MAX_SHOWN:
        history.insert(0, Amended(enacted=past[0], changes=()))
    return PolicyPage(
        enacted=enacted,
        sentences=tuple(policy_text.sentences(enacted.policy, active)),
        roles=tuple(policy_text.describe_role(role) for role in enacted.policy.roles),
        doubts=tuple(policy_text.doubts(enacted.policy, active)),
        text=policy_text.format(enacted.policy),
        history=tuple(reversed(history)),
        earlier=len(past) - len(history),
        answer=links.answer(source.base, "prove", thing="policy"),
    )


@page("/policy")
def show_policy(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """The page of the policy."""
    with open_source(hosted) as source:
        read = read_policy(source)
    return render(request, hosted, "policy.html", "Policy", read, section="policy")


ROUTES = (show_policy,)
