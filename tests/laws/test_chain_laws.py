"""Laws of the state machine: whatever is submitted gets a verdict, and what is admitted replays to the same roots.

Random events of every type, in random blocks, by actors with and without roles. Their fields are drawn by `strategies` and then
made to speak of few things, so that most of them fit what is recorded: a law about refusals alone would say little.
"""

from __future__ import annotations

import random
import tempfile
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import machine as machines
import makers
from machine import Machine
from muniment.core.format import dsse, state_map, time
from muniment.core.rules import chain, events
from muniment.core.rules.events import Event, stream_name
from muniment.core.rules.genesis import KeyProof
from muniment.core.rules.policy import Policy, Role, Verdict
from muniment.core.rules.requirements import WAIVABLE
from muniment.ledger.embedded import Embedded
from muniment.ledger.signers import SeedSigner
from strategies import structs

UNSET = msgspec.UNSET
VERSIONS = tuple(f"{n}" * 64 for n in range(4))
DATA = tuple(c * 64 for c in "abc")
MODELS = ("m", "risk/m")
PLACES = ("production", "test")
NAMES = ("m", "m/canary")
EVER = "9999-12-31T00:00:00.000000Z"
RULES = (*WAIVABLE, "amendment")
MEMBERS = ("acme", "1" * 64, "2")
MEMBER_KEYS = MappingProxyType({name: tuple(f"{3 * n + k:064x}" for k in range(4)) for n, name in enumerate(MEMBERS, 1)})
KEYS = tuple(SeedSigner(bytes([n]) * 32) for n in range(1, 6))
TYPES = tuple(events.TYPES.values())
# Without shrinking, which takes minutes for a run of blocks.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
quick = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)


class Scene:
    """A ledger in memory, and what a random event may speak of."""

    def __init__(self, draw: random.Random, machine: Machine) -> None:
        self.random = draw
        self.machine = machine
        self.ids: defaultdict[str, list[str]] = defaultdict(list)
        self.raws: list[bytes] = []
        self.numbers = iter(range(1, 1 << 20))

    def fresh(self) -> str:
        number = next(self.numbers)
        return str(uuid.UUID(int=number << 80 | 0x7 << 76 | 0b10 << 62 | number))

    def often(self, chance: float = 0.9) -> bool:
        return self.random.random() < chance

    def one(self, pool: tuple[str, ...] | list[str]) -> str:
        return self.random.choice(pool) if pool else self.fresh()

    def id(self, name: str) -> str:
        """An event of this type that was admitted, now and then one that nobody knows."""
        return self.one(self.ids[name]) if self.often(0.95) else self.fresh()

    def few(self, name: str) -> tuple[str, ...]:
        return (self.id(name),) if self.often(0.1) else ()

    def running(self, place: str, name: str) -> str | msgspec.UnsetType:
        found = self.state(f"deployment/{place}/{name}")
        return str(found["version"]) if found.get("status") == "running" else UNSET

    def state(self, stream: str) -> dict[str, Any]:
        """What is recorded of a stream, nothing where it does not exist."""
        found: dict[str, Any] = (self.machine.record(stream) or {"state": {}})["state"]
        return found

    def streams(self) -> tuple[str, ...]:
        """Some streams, most of which exist."""
        known = [f"version/{self.one(VERSIONS)}", f"model/{self.one(MODELS)}", f"data/{self.one(DATA)}", "policy", "acts/ada"]
        known += [f"approval/{self.id('approval.decided')}", f"deployment/{PLACES[0]}/{NAMES[0]}", "actor/eve"]
        return tuple(self.random.sample(known, self.random.randint(1, 2)))

    def key(self, actor: str) -> tuple[SeedSigner, str]:
        signer = self.random.choice(KEYS)
        return signer, machines.prove_key(actor if self.often() else "ada", signer).proof


def _deployment(scene: Scene, event: Any) -> dict[str, Any]:
    place, name, version = scene.one(PLACES), scene.one(NAMES), scene.one(VERSIONS)
    running = scene.running(place, name)
    usual = ("scale", "scale", "stop", "promote", "rollback") if running is not UNSET else ("start",)
    transition = scene.one(usual) if scene.often() else event.transition
    continues = transition in ("scale", "stop") and running is not UNSET
    version = str(running) if continues and scene.often() else version
    honest = UNSET if running == version else running
    return {
        "transition": transition,
        "environment": place,
        "name": name,
        "version": version,
        "replaces": honest if scene.often(0.8) else scene.random.choice([*VERSIONS, UNSET]),
        "approvals": scene.few("approval.decided"),
        "evaluations": scene.few("evaluation.completed"),
        "waivers": scene.few("waiver.granted"),
    }


def _approval(scene: Scene, event: Any) -> dict[str, Any]:
    forms: tuple[dict[str, object], ...] = (
        {"version": scene.one(VERSIONS), "environment": scene.one(PLACES)},
        {"policy": scene.one(VERSIONS)},
        {"member": scene.one(MEMBERS), "terms": scene.one(VERSIONS)},
        {"protocol": 1},
    )
    of = msgspec.convert(scene.random.choice(forms), events.ApprovalSubject)
    if event.decision != "revoke":
        return {"of": of, "revokes": UNSET, "expires_at": EVER if scene.often(0.3) else UNSET}
    revoked = scene.id("approval.decided")
    if scene.machine.replay.find(revoked) is not None and scene.often(0.8):
        decision = scene.machine.event(revoked)
        assert isinstance(decision, events.ApprovalDecided)
        of = decision.of
    return {"of": of, "revokes": revoked}


def _amendment(scene: Scene, event: Any) -> dict[str, Any]:
    target = scene.one([id_ for ids in scene.ids.values() for id_ in ids])
    known = scene.machine.replay.find(target) is not None
    return {"target": target, "about": events.streams(scene.machine.event(target)) if known and scene.often() else scene.streams()}


def _enrolment(scene: Scene, event: Any) -> dict[str, Any]:
    of = scene.one(("eve", "eve", "bob", "zoe", "job"))
    signer, proof = scene.key(of)
    keys = (KeyProof(key=signer.public_key.hex(), proof=proof),) if scene.often(0.5) else ()
    kind = "service" if of == "job" else "person" if scene.often() else event.kind
    responsible = () if kind == "person" else (scene.one(("ada", "bob", "ci")),)
    return {"of": of, "kind": kind, "responsible": responsible, "keys": keys, "roles": scene.random.choice([(), ("owner",)])}


def _key(scene: Scene, event: Any) -> dict[str, Any]:
    of = scene.one(("eve", "bob", "ci"))
    signer, proof = scene.key(of)
    own = machines.SIGNERS[of].public_key.hex()
    if event.change in ("add", "rotate"):
        replaces = own if event.change == "rotate" else UNSET
        return {"of": of, "key": signer.public_key.hex(), "proof": proof, "replaces": replaces, "expires_at": UNSET}
    disputed = UNSET if event.change == "revoke" else scene.random.randint(0, scene.machine.position.frontier.size)
    return {"of": of, "key": signer.public_key.hex() if scene.often(0.8) else own, "from_index": disputed}


def _policy(scene: Scene, event: Any) -> dict[str, Any]:
    """Nearly always one in which somebody may go on."""
    roles = (Role(name="owner", may=("*",)), Role(name="scribe", may=("note.added",)))
    return {"policy": Policy(roles=roles) if scene.often(0.98) else event.policy, "approvals": scene.few("approval.decided")}


def _model(scene: Scene, event: Any) -> dict[str, Any]:
    run = scene.id("training.started") if scene.often(0.3) else UNSET
    version, parent = scene.one(VERSIONS), scene.one(VERSIONS)
    return {
        "model": scene.one(MODELS),
        "version": version,
        "parents": (parent,) if scene.often(0.3) and parent != version else (),
        "run": run,
        "data": (scene.one(DATA),) if scene.often(0.3) and run is UNSET else (),
        "grade": scene.random.choice([UNSET, "declared", "imported"]) if scene.often() else event.grade,
    }


def _parameter(scene: Scene, event: Any) -> dict[str, Any]:
    """Of few values, and mostly with the one that is recorded."""
    version = events.ParameterOwner(version=scene.one(VERSIONS))
    place = events.ParameterOwner(environment=scene.one(PLACES), name=scene.one(NAMES))
    of, new = (version if scene.often(0.5) else place), scene.random.choice([1, True, "1"])
    stream = stream_name.parameter(of.stream(), "threshold", "cut")
    old = scene.state(stream).get("value", UNSET) if scene.often() else scene.random.choice([1, UNSET])
    return {"of": of, "target": "threshold", "path": "cut", "old": old, "new": new}


def _observation(scene: Scene, event: Any) -> dict[str, Any]:
    place, name, seen = scene.one(PLACES), scene.one(NAMES), scene.one(VERSIONS)
    matches = (scene.running(place, name) == seen) is scene.often()
    return {"environment": place, "name": name, "seen": seen, "matches": matches}


def _evaluation(scene: Scene, event: Any) -> dict[str, Any]:
    plan = scene.id("evaluation.planned") if scene.often(0.5) else UNSET
    metrics = tuple(msgspec.structs.replace(each, metric="auc") for each in event.results[:1])
    role = scene.state(f"plan/{plan}").get("datasetRole", UNSET) if scene.often() else event.dataset_role
    return {"version": scene.one(VERSIONS), "plan": plan, "data": UNSET, "dataset_role": role, "results": metrics}


def _member(scene: Scene, event: Any) -> dict[str, Any]:
    """With keys of its own, most of the time."""
    member, active = scene.one(MEMBERS), scene.state("members").get("active", ())
    change = event.change if scene.often(0.5) else "rotate" if member in active else "admit"
    keyed = change in ("admit", "rotate")
    votes, cosigns, publishes = scene.random.sample(MEMBER_KEYS[member if scene.often() else MEMBERS[0]], 3)
    return {
        "member": member,
        "change": change,
        "validator_key": votes if keyed else UNSET,
        "cosigner_key": cosigns if keyed and (change == "admit" or scene.often(0.5)) else UNSET,
        "publisher_key": publishes if change == "publish" else UNSET,
        "approvals": scene.few("approval.decided"),
    }


def _closing(scene: Scene, event: Any) -> dict[str, Any]:
    incident = scene.id("incident.recorded")
    found = scene.state(f"incident/{incident}")
    version = found.get("version", VERSIONS[0]) if scene.often(0.8) else scene.one(VERSIONS)
    return {"incident": incident, "version": version}


def _offer(scene: Scene, event: Any) -> dict[str, Any]:
    model = scene.one(MODELS)
    owner = scene.state(f"model/{model}").get("owner", event.actor) if scene.often() else event.actor
    return {"model": model, "actor": owner, "from_": owner, "to": "ci" if owner == "ada" else "ada"}


def _acceptance(scene: Scene, event: Any) -> dict[str, Any]:
    model = scene.one(MODELS)
    found = scene.state(f"model/{model}")
    actor = found.get("offeredTo", event.actor) if scene.often() else event.actor
    return {"model": model, "actor": actor, "offer": found.get("offer", scene.fresh())}


GROUND: Mapping[str, Callable[[Scene, Any], dict[str, Any]]] = MappingProxyType(
    {
        "dataset.registered": lambda scene, event: {"name": scene.one(MODELS), "data": scene.one(DATA)},
        "dataset.transformed": lambda scene, event: {"inputs": (DATA[0],), "outputs": (scene.one(DATA[1:]),)},
        "dataset.withdrawn": lambda scene, event: {"data": scene.one(DATA)},
        "training.started": lambda scene, event: {
            "model": scene.one(MODELS),
            "inputs": (events.TrainingInput(data=DATA[0], role="test"), events.TrainingInput(data=DATA[0], role="training")),
            "base_versions": (scene.one(VERSIONS),) if scene.often(0.3) else (),
        },
        "training.finished": lambda scene, event: {"run": scene.id("training.started")},
        "model.registered": _model,
        "parameter.changed": _parameter,
        "model.retired": lambda scene, event: {"model": scene.one(MODELS), "version": scene.one(VERSIONS), "replacement": UNSET},
        "evaluation.planned": lambda scene, event: {"model": scene.one(MODELS), "data": UNSET, "metric": "auc"},
        "evaluation.completed": _evaluation,
        "approval.decided": _approval,
        "waiver.granted": lambda scene, event: {"version": scene.one(VERSIONS), "rule": scene.one(RULES), "expires_at": EVER},
        "deployment.changed": _deployment,
        "deployment.observed": _observation,
        "incident.recorded": lambda scene, event: {"version": scene.one(VERSIONS)},
        "incident.closed": _closing,
        "ownership.offered": _offer,
        "ownership.accepted": _acceptance,
        "record.amended": _amendment,
        "actor.enrolled": _enrolment,
        "key.changed": _key,
        "policy.amended": _policy,
        "member.changed": _member,
        # The one that follows would be admitted, and nothing else after it.
        "protocol.upgraded": lambda scene, event: {"protocol": scene.random.choice((0, 1, 3)), "approvals": ()},
        "attempt.refused": lambda scene, event: {"of": scene.one(("eve", "nobody")), "actor": scene.one(("ci", event.actor))},
        "disclosure.made": lambda scene, event: {"events": (scene.id("dataset.registered"),)},
        "ledger.linked": lambda scene, event: {},
    }
)


def submit(scene: Scene, event: Event) -> bytes:
    """The event, grounded in the scene, as somebody signs it."""
    if scene.raws and not scene.often(0.96):
        known = scene.random.choice(scene.raws)
        return known if scene.often(0.5) else machines.sign_again(known, makers.BOB)
    actor = scene.one(("ada", "ada", "ada", "ada", "ci", "ci", "bob", "eve"))
    event = msgspec.structs.replace(
        event,
        ledger=scene.machine.ledger if scene.often(0.99) else "f" * 64,
        event_id=scene.fresh() if scene.often(0.98) else scene.one([id_ for ids in scene.ids.values() for id_ in ids]),
        actor=actor,
        on_behalf_of=() if scene.often() else (scene.one(("bob", "bob", "ci", "nobody")),),
    )
    ground = GROUND.get(event.NAME, lambda scene, event: {"about": scene.streams()})
    event = events.arrange(msgspec.structs.replace(event, **ground(scene, event)))
    signer = machines.SIGNERS[event.actor] if scene.often(0.97) else scene.random.choice(KEYS)
    raw = dsse.encode(dsse.sign(events.encode(event), signer))
    scene.raws.append(raw)
    return raw


class Templates(dict[str, Event]):
    """One event of each type."""

    def __repr__(self) -> str:
        return "templates"


# Any event of each type; its fields that name something are given meaning once it is played.
templates = st.fixed_dictionaries({each.NAME: structs(each) for each in TYPES}).map(Templates)
seeds = st.integers(0, 2**32)
FIRST = ("dataset.registered",) * 6 + ("model.registered",) * 8
# What builds upon one another comes more often than what only counts.
WEIGHTS = [1 if issubclass(each, events.Declarative) else 4 for each in TYPES]
WEIGHTS[TYPES.index(events.DeploymentChanged)] = 20


def tell(stage: Scene, given: Templates, blocks: int) -> Iterator[list[bytes]]:
    """Random blocks, the first of which registers things to speak of."""
    names: Sequence[str] = FIRST
    for _ in range(blocks):
        yield [submit(stage, given[name]) for name in names]
        names = stage.random.choices([each.NAME for each in TYPES], WEIGHTS, k=stage.random.randint(1, 8))


@quick
@given(given=templates, seed=seeds)
def test_whatever_is_submitted_gets_a_verdict_and_replays(given: Templates, seed: int) -> None:
    stage = Scene(random.Random(seed), Machine())
    for raws in tell(stage, given, 30):
        play(stage, raws)
    machine, again = stage.machine, stage.machine.again()
    assert again.position == machine.position
    assert again.records == machine.replay.records
    assert again.map.root() == machine.replay.map.root()
    check_counters(machine)


@settings(quick, max_examples=4)
@given(given=templates, seed=seeds)
def test_the_embedded_engine_is_the_same_machine(given: Templates, seed: int) -> None:
    stage = Scene(random.Random(seed), Machine())
    machine = stage.machine
    now = makers.NOON
    with tempfile.TemporaryDirectory() as folder:
        engine = Embedded.create(Path(folder) / "ledger.db", machines.founding(), makers.LOG, clock=lambda: now)
        assert engine.ledger == machine.ledger
        for raws in tell(stage, given, 15):
            now = time.parse(machine.position.time) + machines.SECOND
            foreseen = engine.judge(raws)
            assert play(stage, raws) == foreseen == engine.append(raws)
        with engine.view() as view:
            assert view.size == machine.position.frontier.size
            assert view.header(view.height).state == machine.replay.map.root().hex()
            assert [view.entry(index) for index in range(view.size)] == machine.entries
        engine.close()


def play(stage: Scene, raws: list[bytes]) -> list[Verdict]:
    """Submit a block, and look at each verdict."""
    submissions = chain.open_submissions(raws)
    verdicts = stage.machine.judge(submissions)
    for submission, verdict in zip(submissions, verdicts, strict=True):
        assert verdict.event_id == submission.event.event_id
        assert (verdict.index >= 0) == (verdict.decision != "refused")
        assert bool(verdict.reasons) == (verdict.decision == "refused")
        if verdict.decision == "admitted":
            stage.ids[submission.event.NAME].append(verdict.event_id)
    return verdicts


def check_counters(machine: Machine) -> None:
    """What records count is what other records say."""
    streams = {"policy", "protocol"} | {f"{kind}/{name}" for name in machines.SIGNERS for kind in ("actor", "acts")}
    for _, submissions in machine.blocks:
        streams.update(*[submission.streams for submission in submissions])
    found = {stream: record for stream in streams if (record := machine.record(stream)) is not None}
    states: dict[str, dict[str, Any]] = {stream: record["state"] for stream, record in found.items()}
    assert {state_map.key(stream) for stream in found} >= machine.replay.records.keys() - {
        state_map.key(f"key/{signer.public_key.hex()}") for signer in machines.SIGNERS.values()
    }
    deployed = [state["version"] for state in of(states, "deployment/").values() if state["status"] == "running"]
    held = [state["version"] for state in of(states, "incident/").values() if state.get("hold") and state["status"] == "open"]
    against = Counter(
        (state["of"], state["environment"])
        for state in of(states, "approval/").values()
        if (state["decision"], state["status"]) == ("reject", "open") and "environment" in state
    )
    for stream, state in of(states, "version/").items():
        assert state.get("running", 0) == Counter(deployed)[stream[8:]]
        assert state.get("holds", 0) == Counter(held)[stream[8:]]
        rejected = {(stream, each["environment"]): each["count"] for each in state.get("rejected", ())}
        assert rejected == {key: count for key, count in against.items() if key[0] == stream}
    for many, one, name in (("dataset/", "data/", "name"), ("model/", "version/", "model")):
        for stream, state in of(states, many).items():
            ordinals = {each["ordinal"]: key for key, each in of(states, one).items() if each[name] == stream[len(many) :]}
            assert sorted(ordinals) == list(range(1, state["count"] + 1))
            assert state["count"] == 0 or ordinals[state["count"]] == one + state["latest"]
    assert all(len(machine.replay.records[state_map.key(stream)]) <= state_map.MAX_RECORD_BYTES for stream in found)


def of(states: dict[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """The states of one kind of stream."""
    return {stream: state for stream, state in states.items() if stream.startswith(kind)}


def test_every_type_of_event_is_admitted_at_times() -> None:
    """The laws above would be empty if what they submit were always refused."""
    seen: Counter[str] = Counter()

    @settings(quick, max_examples=10, derandomize=True)
    @given(given=templates, seed=seeds)
    def count(given: Templates, seed: int) -> None:
        stage = Scene(random.Random(seed), Machine())
        for raws in tell(stage, given, 40):
            play(stage, raws)
        seen.update({name: len(ids) for name, ids in stage.ids.items()})

    count()
    assert set(seen) == set(events.TYPES) - {"protocol.upgraded"}, "there is no protocol yet to go on to"
