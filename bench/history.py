"""What a team does to models, as entries of a sample: data sets, runs, versions, evaluations, approvals and deployments.

Every tenth version belongs to one busy model, and every tenth change of a deployment to one busy deployment: pages of things
with a long history are measured beside those of things with a short one.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import NamedTuple

from bench.sample import Sample
from muniment.core.format.encoding import Value

MODELS = 100
ENVIRONMENTS = 8
PLACES = 200
BLOCK = 1_000


class History(NamedTuple):
    """What was written: names by which pages are found."""

    datasets: tuple[str, ...]
    runs: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    """Model and digest."""
    deployments: tuple[tuple[str, str], ...]
    """Environment and name."""

    def pages(self) -> dict[str, list[str]]:
        """Paths of pages by their kind, the busiest things first."""
        versions = [digest for _, digest in self.versions[:40]]
        return {
            "overview": ["/"],
            "models": ["/models"],
            "model": [f"/models/{name}" for name in dict.fromkeys(model for model, _ in self.versions[:40])],
            "version": [f"/models/{model}/1" for model in dict.fromkeys(model for model, _ in self.versions[:40])],
            "diff": [f"/diff?a={first}&b={second}" for first, second in pairwise(versions)],
            "datasets": ["/datasets"],
            "dataset": [f"/datasets/{name}" for name in self.datasets[:40]],
            "run": [f"/runs/{id_}" for id_ in self.runs[:40]],
            "environments": ["/environments"],
            "environment": [f"/environments/env-{number}" for number in range(ENVIRONMENTS)],
            "deployment": [f"/environments/{environment}/{name}" for environment, name in self.deployments[:40]],
            "lineage": [f"/lineage/version/{digest}" for digest in versions],
            "actors": ["/actors"],
            "actor": ["/actors/ada"],
            "policy": ["/policy"],
            "search-name": [f"/search?q={model}" for model, _ in self.versions[:40]],
            "search-digest": [f"/search?q={digest[:8]}" for digest in versions],
            "search-nothing": [f"/search?q=credit-rsik-{number}" for number in range(20)],
        }


def write(sample: Sample, count: int) -> History:
    """Write about `count` entries: six for each version, and one for each tenth data set."""
    events: list[bytes] = []
    runs, versions, deployments = list[str](), list[tuple[str, str]](), dict[tuple[str, str], str]()
    datasets = [f"data-{number}" for number in range(max(1, count // 60))]
    roots = [_root(name) for name in datasets]
    for name, root in zip(datasets, roots, strict=True):
        events.append(sample.event("dataset.registered", name=name, data=root, bytes=1_000, files=3, licence="CC-BY-4.0")[1])
    for number in range(count // 6):
        busy = number % 10 == 0
        model = "model-0" if busy else f"model-{number % MODELS}"
        version, data = _root(f"version {number}"), roots[number % len(roots)]
        inputs: Value = [{"data": data, "role": "training"}]
        parameters: Value = [{"key": "max_depth", "value": number % 12}, {"key": "objective", "value": "binary"}]
        run, started = sample.event("training.started", model=model, inputs=inputs, parameters=parameters, gitCommit="c" * 40)
        measured: Value = [{"metric": "auc", "value": f"0.{800 + number % 100}"}]
        approval, approved = sample.event(
            "approval.decided", of={"version": version, "environment": "env-0"}, decision="approve", meaning="approval"
        )
        events += [
            started,
            sample.event("training.finished", run=run, status="finished", metrics=measured)[1],
            sample.event("model.registered", model=model, version=version, derivation="trained", run=run)[1],
            sample.event("evaluation.completed", version=version, results=measured, data=data, datasetRole="test")[1],
            approved,
        ]
        runs.append(run)
        versions.append((model, version))
        place = ("env-0", "busy") if busy else (f"env-{number % ENVIRONMENTS}", f"place-{number % PLACES}")
        change: dict[str, Value] = {"transition": "start", "environment": place[0], "name": place[1], "version": version}
        if place in deployments:
            change |= {"transition": "promote", "replaces": deployments[place]}
        if place[0] == "env-0":
            change["approvals"] = [approval]
        deployments[place] = version
        events.append(sample.event("deployment.changed", **change)[1])
    for start in range(0, len(events), BLOCK):
        refused = [each for each in sample.engine.append(events[start : start + BLOCK]) if each.decision == "refused"]
        if refused:
            raise RuntimeError(f"a measurement wrote what is not allowed: {refused[0]}")
    return History(tuple(datasets), tuple(runs), tuple(versions), tuple(deployments))


def _root(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
