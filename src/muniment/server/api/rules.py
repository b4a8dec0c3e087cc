"""The policy in force, the environments, and runs: as the ledger stands, without a proof."""

from __future__ import annotations

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from muniment.client.governed import Enacted
from muniment.client.showing import Shown
from muniment.core.rules import policy
from muniment.server.api import answering
from muniment.server.api.answering import Asked
from muniment.server.api.parameters import EventId
from muniment.server.hosting import Hosted
from muniment.server.listing import Listed


class EnvironmentRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An environment. `rules` are what the policy in force asks there; null where the policy does not list it.

    `running` counts the deployments that run there now, `stopped` the others.
    """

    name: str
    rules: policy.Environment | None
    running: int
    stopped: int


@get(
    "/v1/policy",
    opt=answering.told(Enacted, "The policy, and how it came into force.", tagged=True),
    sync_to_thread=True,
)
def read_policy(request: Asked, hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """The policy in force."""
    return answering.answer(request, hosted, lambda: hosted.reader.policies.in_force())


@get(
    "/v1/environments",
    opt=answering.told(Listed[EnvironmentRow], "By name.", tagged=True),
    sync_to_thread=True,
)
def list_environments(request: Asked, hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """The environments that the policy lists, and those in which something was ever deployed."""
    return answering.answer(request, hosted, lambda: _list(hosted))


@get(
    "/v1/runs/{event_id:str}",
    opt=answering.told(Shown, "The run.", tagged=True),
    sync_to_thread=True,
)
def read_run(request: Asked, hosted: NamedDependency[Hosted], event_id: EventId) -> Response[bytes]:
    """A training run, by the id of the event that started it."""
    return answering.answer(request, hosted, lambda: hosted.reader.show(f"run/{event_id}"))


def _list(hosted: Hosted) -> Listed[EnvironmentRow]:
    deployed = answering.listing(hosted, lambda index: index.deployments())
    rules = {each.name: each for each in hosted.reader.policy().environments}
    rows = []
    for name in sorted({*rules, *[row.environment for row in deployed.items]}):
        statuses = [row.status for row in deployed.items if row.environment == name]
        running = statuses.count("running")
        rows.append(EnvironmentRow(name=name, rules=rules.get(name), running=running, stopped=len(statuses) - running))
    return Listed(items=rows, size=deployed.size)


ROUTES = (read_policy, list_environments, read_run)
