"""Laws of the read model: whatever happened, it says what the state map says, and every stream it lists folds to its head."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import worlds
from muniment.core.format import entry, merkle, state_map
from muniment.core.format.dsse import Envelope
from muniment.core.rules import events
from muniment.index import Index
from muniment.ledger.engine import View
from worlds import World, digest

PAIR = ("alice", "ci")


class Storyteller:
    """Tries things in a ledger, whether the rules admit them or not."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.plans: list[str] = []
        self.approvals: list[str] = []
        self.actions: tuple[Callable[[int, int, int], str], ...] = (
            lambda a, b, c: self.say("dataset.registered", name=f"d{a}", data=digest(f"d{b}"), bytes=1, files=1),
            lambda a, b, c: self.say("model.registered", model=f"m{a % 2}", version=digest(f"m{b}"), derivation="trained"),
            lambda a, b, c: self.say("model.registered", "ci", model=f"m{a % 2}", version=digest(f"m{b}"), derivation="merged"),
            lambda a, b, c: self.plan(model=f"m{a % 2}", metric="auc", comparator="ge", threshold=f"0.{b}"),
            self.evaluate,
            lambda a, b, c: self.approve(of=self.of(a, b), decision=("approve", "reject", "conditional")[c]),
            lambda a, b, c: self.approve(of=self.of(a, b), decision="revoke", revokes=self.one(self.approvals, c)),
            lambda a, b, c: self.deploy(("start", "promote", "rollback")[c], a, b),
            lambda a, b, c: self.deploy(("scale", "scale", "stop")[c], a, b),
            lambda a, b, c: self.say("dataset.withdrawn", data=digest(f"d{b}"), cause="consent"),
            lambda a, b, c: self.say("model.retired", model=f"m{c % 2}", version=digest(f"m{b}"), cause="risk"),
            lambda a, b, c: self.say(
                "ownership.offered", model=f"m{a % 2}", **{"from": ("alice", "ci")[b % 2]}, to=("alice", "ci")[1 - b % 2]
            ),
            lambda a, b, c: self.say("ownership.accepted", ("alice", "ci")[b % 2], model=f"m{a % 2}", offer=self.one([], c)),
            self.govern,
        )

    def try_(self, chance: random.Random, steps: int) -> None:
        """Each action with three small numbers, which choose names, things and values."""
        for _ in range(steps):
            chance.choice(self.actions)(chance.randrange(3), chance.randrange(3), chance.randrange(3))

    def say(self, name: str, actor: str = "alice", /, **fields: object) -> str:
        raw = self.world.sign(name, worlds.SIGNERS[actor], actor, **fields)
        return self.world.engine.append([raw])[0].event_id

    def plan(self, **fields: object) -> str:
        self.plans.append(self.say("evaluation.planned", **fields))
        return self.plans[-1]

    def evaluate(self, a: int, b: int, c: int) -> str:
        results: list[dict[str, object]] = [{"metric": "auc", "value": f"0.{b}"}]
        if c:
            young = [{"key": "age", "value": "young"}]
            results.append({"metric": ("auc", "f1")[c - 1], "value": f"0.{a}", "slice": young})
        plan = {"plan": self.one(self.plans, a)} if self.plans else {}
        return self.say("evaluation.completed", version=digest(f"m{b}"), results=results, **plan)

    def approve(self, **fields: object) -> str:
        self.approvals.append(self.say("approval.decided", meaning="approval", **fields))
        return self.approvals[-1]

    def deploy(self, transition: str, a: int, b: int) -> str:
        """Says rightly what runs there, so that most changes are admitted."""
        with self.world.engine.view() as view:
            running = state(view, f"deployment/production/p{a // 2}") or {}
        version = digest(f"m{b}") if transition not in ("scale", "stop") else running.get("version", digest("none"))
        replaces = running.get("version") if running.get("status") == "running" and running.get("version") != version else None
        fields = {"replaces": replaces} if replaces and transition not in ("scale", "stop") else {}
        place = {"environment": "production", "name": f"p{a // 2}"}
        return self.say("deployment.changed", "ci", transition=transition, version=version, **place, **fields)

    def govern(self, a: int, b: int, c: int) -> str:
        proof = worlds.prove_key("bob")
        if a == 0:
            return self.say(
                "actor.enrolled", of="bob", kind="person", roles=["all"][: b % 2], keys=[msgspec.to_builtins(proof)][: c % 2]
            )
        if a == 1:
            return self.say("key.changed", of="bob", change="add", key=proof.key, proof=proof.proof)
        change: dict[str, object] = {"change": "revoke"} if b % 2 else {"change": "compromise", "fromIndex": c}
        return self.say("key.changed", of="bob", key=proof.key, **change)

    def of(self, a: int, b: int) -> dict[str, str]:
        return {"version": digest(f"m{b}"), "environment": "production"}

    def one(self, known: list[str], choice: int) -> str:
        return known[choice % len(known)] if known else "019c0000-0000-7000-8000-000000000000"


def record(view: View, stream: str) -> dict[str, object] | None:
    raw = view.record(stream)
    return None if raw is None else msgspec.json.decode(raw)


def state(view: View, stream: str) -> dict[str, str] | None:
    found = record(view, stream)
    return None if found is None else found["state"]  # type: ignore[return-value]


def check_streams(index: Index, view: View) -> set[str]:
    """Every stream of every event folds to its head, over exactly the entries that the index lists."""
    streams = {"policy", "protocol", "actor/alice", "actor/ci", f"key/{worlds.ALICE.public_key.hex()}"}
    for _, raw in view.entries(0, view.size):
        read = entry.decode(raw)
        if isinstance(read, Envelope):
            streams.update(events.streams(events.decode(read.payload)))
    for stream in streams:
        found = record(view, stream)
        assert found is not None
        head = state_map.key(stream)
        indices = index.stream_indices(stream)
        for each in indices:
            leaf = merkle.leaf(view.entry(each)) if each else entry.leaf_without_state(view.header(0))
            head = hashlib.sha256(b"\x04" + head + each.to_bytes(8, "big") + leaf).digest()
        assert (len(indices), indices[0], indices[-1], head.hex()) == tuple(
            found[key] for key in ("count", "first", "last", "head")
        )
        assert [row.index for row in index.events(stream=stream, limit=1_000)] == [each for each in reversed(indices) if each]
    return streams


def check_versions(index: Index, view: View, streams: set[str]) -> None:
    models = {row.name: row for row in index.models()}
    assert sorted(models) == sorted(stream[6:] for stream in streams if stream.startswith("model/"))
    for name, row in models.items():
        expected = {"count": row.count, "owner": row.owner, "latest": row.latest, "offeredTo": row.offered_to}
        found = state(view, f"model/{name}") or {}
        assert ("offer" in found) == (row.offered_to is not None)
        assert {**found, "offer": None} == {**{key: value for key, value in expected.items() if value is not None}, "offer": None}
    listed = [(f"version/{row.digest}", name, row) for name in models for row in index.versions(name)]
    assert sorted(stream for stream, _, _ in listed) == sorted(stream for stream in streams if stream.startswith("version/"))
    for stream, name, row in listed:
        found = state(view, stream) or {}
        assert (found["model"], found["ordinal"], found["made"]) == (name, row.ordinal, row.index)
        assert (found["status"] == "retired") == (row.retired is not None)
        assert index.name_of(row.digest) == f"{name}@{row.ordinal}"
        assert index.resolve(f"{name}@{row.ordinal}").digest == row.digest
        for decision in index.approvals(row.digest):
            approval = state(view, f"approval/{decision.event_id}") or {}
            assert (approval["of"], approval["decision"], approval["index"]) == (stream, decision.decision, decision.index)
            assert (approval["status"] == "revoked") == (decision.revoked is not None)
            assert approval["time"] == decision.time
        for measured in index.evaluations(row.digest):
            evaluation = state(view, f"evaluation/{measured.event_id}") or {}
            assert (evaluation.get("passed"), evaluation.get("plan")) == (measured.passed, measured.plan)
            assert (evaluation["version"], evaluation["index"]) == (row.digest, measured.index)


def check_others(index: Index, view: View, streams: set[str]) -> None:
    datasets = {row.name: row for row in index.datasets()}
    assert sorted(datasets) == sorted(stream[8:] for stream in streams if stream.startswith("dataset/"))
    for name, row in datasets.items():
        assert state(view, f"dataset/{name}") == {"count": row.count, "latest": row.latest}
        for each in index.data(name):
            found = state(view, f"data/{each.digest}") or {}
            assert (found["name"], found["ordinal"], found.get("withdrawn")) == (name, each.ordinal, each.withdrawn)
    deployments = {f"deployment/{row.environment}/{row.name}": row for row in index.deployments()}
    assert sorted(deployments) == sorted(stream for stream in streams if stream.startswith("deployment/"))
    for stream, deployment in deployments.items():
        fields = ("ordinal", "since", "status", "transition", "version")
        assert state(view, stream) == {field: getattr(deployment, field) for field in fields}
    for actor in index.actors():
        found = state(view, f"actor/{actor.id}") or {}
        assert (found["kind"], found.get("roles", []), found.get("responsible", [])) == (
            actor.kind,
            list(actor.roles),
            list(actor.responsible),
        )
    for key in index.keys_of():
        found = state(view, f"key/{key.key}") or {}
        assert (found["actor"], found["since"], found.get("until"), found.get("disputedFrom")) == (
            key.actor,
            key.since,
            key.until,
            key.disputed_from,
        )


@pytest.mark.parametrize("start", range(4))
def test_the_index_says_what_the_state_says(start: int, long: bool, tmp_path: Path) -> None:
    for seed in range(start, 100 if long else 8, 4):
        chance = random.Random(seed)
        world = worlds.found(tmp_path / f"ledger-{seed}.db")
        index = Index(tmp_path / f"index-{seed}.db")
        teller = Storyteller(world)
        for _ in range(4):
            teller.try_(chance, 40)
            with world.engine.view() as view:
                index.follow(view)
                streams = check_streams(index, view)
                check_versions(index, view, streams)
                check_others(index, view, streams)
        index.close()
        world.close()
