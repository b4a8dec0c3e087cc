"""What the rules cost: whole lives of model versions under a policy that asks for much, against one that asks for nothing.

A life is twelve events: data registered and cleaned, a plan, a run, a version, its measurement, two approvals, its deployment and
what belongs to them. Both ledgers have the same actors and take the same events; only what `production` asks for differs.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Result, Turns, percentile, take
from bench.sample import Scale
from muniment.core.format import dsse
from muniment.core.format.encoding import Value
from muniment.core.rules import events, genesis
from muniment.core.rules.policy import Approvals, DataTerms, Environment, Policy, Role, Threshold
from muniment.ledger.embedded import Embedded
from muniment.ledger.ids import new_event_id
from muniment.ledger.signers import SeedSigner

ORIGIN = "example.com/rules"
LOG = SeedSigner(b"l" * 32)
PEOPLE = {name: SeedSigner(name.encode().ljust(32, b".")) for name in ("ada", "ben", "cleo", "dan")}
ROLES = {"ada": ("trainer",), "ben": ("approver",), "cleo": ("approver",), "dan": ("deployer",)}
ANCESTORS = 50
MAX_VERDICT_SECONDS = 0.005
LIVES_OF_BLOCK = 8

_ASKED = Environment(
    name="production",
    approvals=(Approvals(role="approver", count=2),),
    separation=("deployer", "evaluator", "registrar", "trainer"),
    evaluations=(Threshold(metric="auc", comparator="ge", threshold="0.8", dataset_role="test"),),
    data=DataTerms(licences=("CC-BY-4.0",), purposes=("credit-scoring",)),
    max_approval_age_days=90,
)


class Lives:
    """A ledger under a policy, and as many lives for it as are asked for."""

    def __init__(self, path: Path, environment: Environment) -> None:
        roles = tuple(Role(name=name, may=("*",)) for name in ("approver", "deployer", "trainer"))
        founders = tuple(
            genesis.Founder(id=name, kind="person", keys=(genesis.prove_key(ORIGIN, name, signer),), roles=ROLES[name])
            for name, signer in PEOPLE.items()
        )
        policy = Policy(roles=roles, environments=(environment,))
        self.engine = Embedded.create(path, genesis.Genesis(origin=ORIGIN, actors=founders, policy=policy), LOG)
        self.ledger = self.engine.ledger
        self._count = 0

    def grow(self, streams: int, block: int) -> None:
        """Record systems, each a stream of its own."""
        for start in range(0, streams, block):
            numbers = range(start, min(start + block, streams))
            self.append([self.sign("system.registered", "ada", name=f"s-{n}", operatorRole="provider")[1] for n in numbers])

    def live(self, count: int) -> Iterator[bytes]:
        """The events of some lives, each after those that it relies on."""
        for _ in range(count):
            self._count += 1
            yield from self.live_once(f"{self._count}")

    def descend(self, generations: int) -> bytes:
        """A deployment of the last of some data sets, each made out of the one before; what it relies on is recorded."""
        chain = [_digest(f"chain-{n}") for n in range(generations)]
        self.append([raw for number, data in enumerate(chain) for raw in self._register_data(f"chain-{number}", data)])
        pairs = itertools.pairwise(chain)
        self.append([self.sign("dataset.transformed", "ada", operation="clean", inputs=[a], outputs=[b])[1] for a, b in pairs])
        entries = list(self.live_once("descended", data=chain[-1]))
        self.append(entries[:-1])
        return entries[-1]

    def sign(self, name: str, actor: str, /, **fields: Value) -> tuple[str, bytes]:
        """A signed event and its id."""
        event_id = new_event_id()
        common = {"ledger": self.ledger, "eventId": event_id, "occurredAt": "2026-11-23T12:00:00.000000Z", "actor": actor}
        payload = events.encode(events.build(name, {**common, **fields}))
        return event_id, dsse.encode(dsse.sign(payload, PEOPLE[actor]))

    def close(self) -> None:
        """Let go of the file."""
        self.engine.close()

    def append(self, entries: list[bytes]) -> None:
        verdicts = self.engine.append(entries)
        refused = [each for each in verdicts if each.decision != "admitted"]
        if refused:
            raise AssertionError(refused[0])

    def live_once(self, life: str, data: str = "") -> Iterator[bytes]:
        """The events of one life; it learns from `data` where that is given."""
        model, version, raw, clean = f"m-{life}", _digest(f"v-{life}"), _digest(f"raw-{life}"), _digest(f"clean-{life}")
        yield from self._register_data(f"raw-{life}", raw)
        yield from self._register_data(f"clean-{life}", clean)
        yield self.sign("dataset.transformed", "ada", operation="clean", inputs=[raw], outputs=[clean])[1]
        plan, planned = self.sign("evaluation.planned", "ada", model=model, metric="auc", comparator="ge", threshold="0.8")
        yield planned
        inputs: list[Value] = [{"data": data or clean, "role": "training"}]
        parameters: list[Value] = [{"key": "max_depth", "value": 6}]
        run, started = self.sign("training.started", "ada", model=model, inputs=inputs, parameters=parameters)
        yield started
        yield self.sign("model.registered", "ada", model=model, version=version, derivation="trained", run=run)[1]
        yield self.sign("training.finished", "ada", run=run, status="finished")[1]
        results: list[Value] = [{"metric": "auc", "value": "0.9"}]
        measured, completed = self.sign(
            "evaluation.completed", "ada", version=version, plan=plan, results=results, datasetRole="test"
        )
        yield completed
        of: Value = {"version": version, "environment": "production"}
        decided = [self.sign("approval.decided", each, of=of, decision="approve", meaning="approval") for each in ("ben", "cleo")]
        yield from (raw for _, raw in decided)
        yield self.sign(
            "deployment.changed",
            "dan",
            transition="start",
            environment="production",
            name=model,
            version=version,
            approvals=sorted(event_id for event_id, _ in decided),
            evaluations=[measured],
        )[1]

    def _register_data(self, name: str, data: str) -> Iterator[bytes]:
        terms: dict[str, Value] = {"licence": "CC-BY-4.0", "purposes": ["credit-scoring"]}
        yield self.sign("dataset.registered", "ada", name=name, data=data, bytes=1, files=1, **terms)[1]


def measure(scale: Scale, folder: Path) -> list[Result]:
    """`rules.ingest` against the same without requirements, `rules.verdict` against 5 ms."""
    asking, free = Lives(folder / "asking.db", _ASKED), Lives(folder / "free.db", Environment(name="production"))
    for each in (asking, free):
        each.grow(scale.streams, block=1_000)
    found = [_measure_ingest(asking, free, scale), _measure_verdict(asking, scale)]
    asking.close()
    free.close()
    return found


def _measure_ingest(asking: Lives, free: Lives, scale: Scale) -> Result:
    turns, blocks = Turns(), max(1, scale.proofs // 100)
    events_of_turn = 0
    for _ in range(scale.rounds):
        batches = {each: [list(each.live(LIVES_OF_BLOCK)) for _ in range(blocks)] for each in (asking, free)}
        events_of_turn = sum(map(len, batches[asking]))

        def ingest(each: Lives, batches: dict[Lives, list[list[bytes]]] = batches) -> None:
            for batch in batches[each]:
                each.append(batch)

        turns.round({"free": lambda: ingest(free), "asking": lambda: ingest(asking)})
    of = "CPU of the same without requirements"
    return turns.rate("asking", "free", of, events_of_turn, "events/s", "cpu", "rules.ingest")


def _measure_verdict(asking: Lives, scale: Scale) -> Result:
    deployment = asking.descend(ANCESTORS - 1)
    (verdict,) = asking.engine.judge([deployment])
    if verdict.decision != "admitted":
        raise AssertionError(verdict)
    seconds = [take(lambda: asking.engine.judge([deployment])).wall for _ in range(scale.proofs)]
    middle = percentile(seconds, 0.5)
    spread = (percentile(seconds, 0.9) - percentile(seconds, 0.1)) / middle
    return Result("rules.verdict", middle * 1000, "ms", MAX_VERDICT_SECONDS / middle, f"5 ms, {ANCESTORS} ancestors", spread)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
