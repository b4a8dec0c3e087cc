"""The page on which a person decides whether a version may run in an environment: what changes, what is asked, who has spoken.

The page shows and asks. What is decided is signed in the visitor's browser with a key that it holds (static/approve_page.js), and
reaches the ledger like any other entry; without a script the page names the command that does the same.
"""

from __future__ import annotations

import shlex
from types import MappingProxyType
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from muniment.client.governed import Explanation
from muniment.core.rules import requirements
from muniment.core.rules.policy import Environment
from muniment.core.rules.policy_text.sentence import describe_environment
from muniment.core.rules.records import Run, Version
from muniment.core.rules.requirements.scene import Side
from muniment.errors import InvariantError
from muniment.index import DeploymentRow
from muniment.server import guard
from muniment.server.explorer.comparison import DiffPage, read_diff
from muniment.server.explorer.decisions import Decision, read_decisions
from muniment.server.explorer.rendering import render
from muniment.server.explorer.routing import page
from muniment.server.explorer.source import Source, open_source
from muniment.server.explorer.versions import find_version
from muniment.server.hosting import Hosted

DECIDES = "approval.decided"
_DEEDS = MappingProxyType({"trainer": "trained", "registrar": "registered"})


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may not approve here, and what he did with the version: trained it, registered it."""

    person: str
    deeds: tuple[str, ...]


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """How many persons of a role are asked for, and who holds it."""

    role: str
    count: int
    holders: tuple[str, ...]


class Deciding(msgspec.Struct, frozen=True, kw_only=True):
    """One environment: what it asks, what runs there, how that differs, and what is met.

    diff: None where nothing runs there, or this very version
    listed: False where the policy lists other environments only
    apart: who may not approve; those who measured or deploy it are known to the rules only when it is deployed
    unanswered: what nobody answers for, so that nobody may approve
    open: the decisions that can be taken back
    """

    name: str
    listed: bool
    sentences: tuple[str, ...]
    running: DeploymentRow | None
    diff: DiffPage | None
    explained: Explanation
    apart: tuple[Apart, ...]
    unanswered: tuple[str, ...]
    voices: tuple[Voice, ...]
    decisions: tuple[Decision, ...]
    decided_before: bool
    open: tuple[Decision, ...]
    commands: tuple[tuple[str, str], ...]


class ApprovePage(msgspec.Struct, frozen=True, kw_only=True):
    """A version, and the environment that is decided about; None until one is chosen.

    able: the roles that may decide at all
    writes: whether the visitor's sign-in may send anything about this environment
    """

    model: str
    ordinal: int
    digest: str
    status: str
    holds: int
    rejected: bool
    registered_by: str
    registered_at: int
    environments: tuple[str, ...]
    deciding: Deciding | None
    able: tuple[str, ...]
    writes: bool

    @property
    def title(self) -> str:
        """`credit-risk@3`"""
        return f"{self.model}@{self.ordinal}"


def read_approve(source: Source, digest: str, environment: str, *, writes: bool) -> ApprovePage:
    """What there is to decide. Raises NotFound, InvalidInput for what is no digest."""
    model, ordinal = find_version(source, digest)
    whole = source.hosted.reader.resolve(f"version/{digest}", ["version"]).digest or ""
    state = source.state(f"version/{whole}", Version)
    if state is None:
        raise InvariantError(f"the index knows a version {whole} that the ledger does not have")
    policy = source.policy
    known = {each.name for each in policy.environments} or {row.environment for row in source.index.deployments()}
    return ApprovePage(
        model=model,
        ordinal=ordinal,
        digest=whole,
        status=state.status,
        holds=state.holds,
        rejected=bool(environment and state.count_rejections(environment)),
        registered_by=source.index.event(state.made).actor,
        registered_at=state.made,
        environments=tuple(sorted(known)),
        deciding=_read_deciding(source, whole, state, environment) if environment else None,
        able=policy.roles_that_may(DECIDES),
        writes=writes,
    )


def _read_deciding(source: Source, digest: str, version: Version, name: str) -> Deciding:
    asked = source.policy.environment(name)
    running = _find_running(source, version.model, name)
    found, before = read_decisions(source, digest)
    decisions = tuple(each for each in found if each.environment == name)
    different = running is not None and running.version != digest
    sides = {} if asked is None else _list_sides(source, version, asked)
    return Deciding(
        name=name,
        listed=source.policy.check_environment(name) is None,
        sentences=() if asked is None else tuple(describe_environment(asked)),
        running=running,
        diff=read_diff(source, running.version, digest) if running is not None and different else None,
        explained=source.hosted.reader.policies.explain(name, digest, anybody=True),
        apart=tuple(_gather(sides)),
        unanswered=tuple(party for party, side in sides.items() if not side.answered),
        voices=() if asked is None else tuple(_read_voices(source, asked)),
        decisions=decisions,
        decided_before=before,
        open=tuple(each for each in decisions if each.revoked is None),
        commands=_list_commands(f"{version.model}@{version.ordinal}", name),
    )


def _find_running(source: Source, model: str, environment: str) -> DeploymentRow | None:
    """What runs in the place where this version would go: under the model's own name, else the model's newest deployment there."""
    here = [row for row in source.index.deployments(environment) if row.status == "running" and model in (row.name, row.model)]
    return max(here, key=lambda row: (row.name == model, row.since), default=None)


def _list_sides(source: Source, version: Version, asked: Environment) -> dict[str, Side]:
    """Those from whom approvers are kept apart, as far as the rules know them when somebody approves."""
    run = None if version.run is msgspec.UNSET else source.state(f"run/{version.run}", Run)
    sides = {"trainer": requirements.trainers(run, version), "registrar": requirements.registrars(version)}
    return {party: side for party, side in sides.items() if party in asked.separation}


def _gather(sides: dict[str, Side]) -> list[Apart]:
    persons = sorted({person for side in sides.values() for person in side.persons})
    return [
        Apart(person=person, deeds=tuple(_DEEDS[party] for party, side in sides.items() if person in side.persons))
        for person in persons
    ]


def _read_voices(source: Source, asked: Environment) -> list[Voice]:
    policies = source.hosted.reader.policies
    return [Voice(role=each.role, count=each.count, holders=policies.holders(each.role)) for each in asked.approvals]


def _list_commands(title: str, environment: str) -> tuple[tuple[str, str], ...]:
    """The same decisions for a terminal, each with what it does."""
    begin = shlex.join(["muniment", "approve", title, environment])
    return (
        ("Approve", f'{begin} --reason "WHY"'),
        ("Agree under conditions", f'{begin} --conditional --conditions "WHAT MUST BE MET" --reason "WHY"'),
        ("Reject", f'{begin} --reject --reason "WHY"'),
        ("Take a decision back, named by its entry", 'muniment approve --revoke ENTRY --reason "WHY"'),
    )


def _may_write(request: Request[Any, Any, Any], hosted: Hosted, environment: str) -> bool:
    caller = guard.caller_of(cast(guard.Raw, request.scope))
    return caller.may("write", hosted.name) and (not caller.environments or environment in caller.environments)


@page("/approve/{digest:str}")
def show_approve(
    request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], digest: FromPath[str], environment: FromQuery[str] = ""
) -> Response[bytes]:
    """The page on which a version is approved or rejected for an environment."""
    with open_source(hosted) as source:
        found = read_approve(source, digest, environment, writes=_may_write(request, hosted, environment))
    title = f"Decide about {found.title}" + (f" for {environment}" if found.deciding else "")
    return render(request, hosted, "approve.html", title, found, section="models")


ROUTES = (show_approve,)
