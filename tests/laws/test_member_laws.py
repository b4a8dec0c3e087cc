"""Laws of a consortium: whatever is said of its members, its engine could live with, and everybody comes to the same.

Random blocks of changes of members, of enrolments and of faults, most of them sensible, judged by the machine in memory, by the
store that nodes write, and by the second implementation (`tests/second`).
"""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import machine as machines
import makers
from machine import Machine
from muniment.core.format import entry, time
from muniment.core.rules import chain, council, members
from muniment.core.rules.genesis import Genesis
from muniment.core.rules.members import Fault, Validators
from muniment.core.rules.policy import Agreement
from muniment.ledger.replay import Replay
from muniment.ledger.store.file import Store
from second import consortium as engine
from second import forms
from second import machine as second

NAMES = ("acme", "bank", "globex", "lab", "tuv", "x" * 128)
PEOPLE = {"ada": "acme", "bob": "bank", "eve": "tuv"}
KINDS = ("duplicate-vote", "light-client-attack")
PURPOSES = ("validatorKey", "cosignerKey", "publisherKey")
BLOCKS = 25
stories = settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.reuse, Phase.generate)
)


def founding(chance: random.Random) -> Genesis:
    """With members or without; changes ask for nobody, or for two members."""
    plain = machines.founding()
    people = tuple(
        msgspec.structs.replace(each, organisation=PEOPLE.get(each.id, "acme"), roles=("owner",)) for each in plain.actors
    )
    asked = chance.choice(((), (), (Agreement(role="owner", count=2),), (Agreement(role="owner", count="quorum"),)))
    policy = msgspec.structs.replace(plain.policy, amendment=asked)
    found = msgspec.structs.replace(plain, actors=people, policy=policy)
    names = chance.choice(((), ("acme",), ("acme", "bank", "tuv"), NAMES))
    return machines.consortium(*names, founding_=found) if names else found


class Story:
    """One ledger in three machines."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        begun = founding(self.random)
        self.machine = Machine(begun)
        self.second = second.Ledger.found(self.machine.entries[0])
        self.store = Store.create(folder / "ledger.db", begun, time.format(makers.NOON), makers.seal)
        self.consensus = 0

    @property
    def in_force(self) -> Validators | None:
        return chain.validators_in_force(self.machine.replay)

    def key(self, name: str, purpose: str) -> str:
        """A key of an organisation, at times somebody's or for something else."""
        chance = self.random
        if chance.random() < 0.1:
            name, purpose = chance.choice(NAMES), chance.choice(PURPOSES)
        return machines.member_key(name, f"{purpose} {chance.randint(1, 3)}")

    def change(self) -> list[bytes]:
        """A change of members, with the approvals of some."""
        chance, machine = self.random, self.machine
        name = chance.choice(NAMES)
        seated = self.in_force is not None and self.in_force.find(name) is not None
        usual = ("rotate", "publish", "remove") if seated else ("admit",)
        change = chance.choice(usual if chance.random() < 0.9 else ("admit", "rotate", "publish", "remove"))
        named = {"admit": PURPOSES[:2], "publish": PURPOSES[2:], "remove": ()}.get(change) or ()
        if change == "rotate":
            named = chance.choice((PURPOSES[:1], PURPOSES[1:2], PURPOSES[:2]))
        said: dict[str, Any] = {"member": name, "change": change, **{each: self.key(name, each) for each in named}}
        if len({*said.values()}) < len(said):
            return []
        (plain,) = chain.open_submissions([machine.sign("member.changed", **said)])
        of = {"member": name, "terms": plain.event.terms()}  # type: ignore[attr-defined]
        votes = [(makers.next_id(), each) for each in chance.sample(sorted(PEOPLE), chance.randint(0, 3))]
        raws = [
            machine.sign("approval.decided", each, None, id_, of=of, decision="approve", meaning="approval") for id_, each in votes
        ]
        author = chance.choice(sorted(PEOPLE))
        return [*raws, machine.sign("member.changed", author, approvals=sorted(id_ for id_, _ in votes), **said)]

    def enrol(self) -> list[bytes]:
        """Somebody of some organisation, by somebody."""
        chance = self.random
        of = chance.choice(("zoe", "max", "eve"))
        said = {"of": of, "kind": "person", "organisation": chance.choice(NAMES), "roles": ["owner"]}
        return [self.machine.sign("actor.enrolled", chance.choice(sorted(PEOPLE)), **said)]

    def faults(self) -> tuple[Fault, ...]:
        """Faults of members, of those who were, and of nobody; now and then far too many."""
        chance = self.random
        known = [members.address(machines.member_key(name, f"{PURPOSES[0]} {n}")) for name in NAMES for n in (1, 2, 3)]
        known += [members.address(machines.member_key(name, "validator")) for name in NAMES]
        number = chance.choice((0, 0, 0, 1, 1, 2, 5, 150))
        return tuple(
            Fault(
                address=chance.choice((*known, f"{chance.getrandbits(160):040x}")),
                height=chance.choice((0, 1, 9, 10, (1 << 53) - 1)),
                kind=chance.choice(KINDS),  # type: ignore[arg-type]
                organisation=chance.choice((msgspec.UNSET, "bank")),
                time=chance.choice(("0001-01-01T00:00:00.000000Z", "2026-11-23T11:00:00.000000Z", "9999-12-31T23:59:59.999999Z")),
            )
            for _ in range(number)
        )

    def block(self) -> tuple[list[bytes], tuple[Fault, ...]]:
        """Play a block; the events that were admitted, and the faults that were given."""
        chance = self.random
        raws: list[bytes] = []
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            raws += chance.choice((self.change, self.change, self.change, self.enrol))()
        if chance.random() < 0.3:
            raws.append(self.machine.sign("system.registered", name=f"s{chance.randint(1, 3)}"))
        faults, known = self.faults(), len(self.machine.blocks)
        moment = time.format(time.parse(self.machine.position.time) + machines.SECOND)
        self.machine.faults = faults
        verdicts = self.machine.block(*raws)
        header = self.machine.entries[-1] if len(self.machine.blocks) > known else b""
        self._compare(moment, raws, faults, verdicts, header)
        return [raw for raw, each in zip(raws, verdicts, strict=True) if each.decision == "admitted"], faults

    def _compare(self, moment: str, raws: list[bytes], faults: tuple[Fault, ...], verdicts: Any, header: bytes) -> None:
        plain = json.loads(msgspec.json.encode(faults))
        other, found = self.second.run(moment, raws, self.random.sample(plain, len(plain)))
        assert other == header
        for verdict, said in zip(verdicts, found, strict=True):
            assert (verdict.decision, verdict.index) == (said["decision"], said.get("index", -1))
            assert list(dict.fromkeys(reason.rule for reason in verdict.reasons)) == list(dict.fromkeys(said.get("rules", [])))
        self.consensus += self.random.randint(1, 3)
        submissions = chain.open_submissions(raws)
        staged = self.store.stage(submissions, lambda _: moment, faults)
        if self.random.random() < 0.3:
            # The engine may run a block again before it is committed.
            staged = self.store.stage(submissions, lambda _: moment, tuple(reversed(faults)))
        assert (staged.sealed.raw if staged.sealed else b"") == header
        self.store.commit(staged, makers.seal, self.consensus)
        mark = self.store.mark()
        assert mark is not None
        assert (mark.height, mark.root) == (self.consensus, self.machine.position.frontier.root())


class Laws:
    """What holds after every block."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.engine = {each.key: 1 for each in story.in_force.members} if story.in_force else {}
        self.uses: dict[tuple[str, str], str] = {}
        self.faults: Counter[str] = Counter()

    def check(self, admitted: list[bytes], faults: tuple[Fault, ...], before: Validators | None) -> None:
        """Check the newest header, if there is one, against what was said."""
        story, after = self.story, self.story.in_force
        header = story.machine.header
        changed = [each for raw in admitted if (each := _change_of(raw)) is not None]
        sealed = bool(admitted) or (bool(faults) and before is not None) or (bool(faults) and after is not None)
        if not sealed:
            return
        assert ("validators" in header) == bool(changed)
        if after is None:
            return
        members.check(after)
        assert story.machine.state("members")["active"] == [each.organisation for each in after.members]
        if changed:
            assert members.decode(forms.canonical(header["validators"])) == after
            self._tell_engine({"members": msgspec.to_builtins(before.members) if before else []}, header["validators"])
        else:
            assert after == before
        for each in changed:
            for purpose in (name for name in PURPOSES[:2] if name in each):
                assert self.uses.setdefault((purpose, each[purpose]), each["member"]) == each["member"]
                assert (({*PURPOSES[:2]} - {purpose}).pop(), each[purpose]) not in self.uses
        told = header.get("evidence", [])
        assert len(told) <= members.MAX_FAULTS
        self.faults.update(each["organisation"] for each in told if "organisation" in each)
        for name in NAMES:
            record = story.machine.record(f"member/{name}")
            assert (record or {"state": {}})["state"].get("faults", 0) == self.faults[name]
        assert council.folded(entry.decode_header(story.machine.entries[-1])) == tuple(
            sorted({stream for each in told if "organisation" in each for stream in _streams(each)})
        )

    def _tell_engine(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """What CometBFT refuses would halt every node: an unknown key removed, an empty set, a power beyond bounds."""
        for each in engine.updates(before, after):
            assert (each["key"] in self.engine) == (each["power"] == 0)
            if each["power"]:
                self.engine[each["key"]] = 1
            else:
                del self.engine[each["key"]]
        assert self.engine
        assert sorted(self.engine) == sorted(each["key"] for each in after["members"])
        addresses = [members.address(key) for key in self.engine]
        assert len(set(addresses)) == len(addresses)


def _change_of(raw: bytes) -> dict[str, Any] | None:
    (submission,) = chain.open_submissions([raw])
    if submission.event.NAME != "member.changed":
        return None
    said: dict[str, Any] = json.loads(submission.envelope.payload)["predicate"]
    return said


def _streams(fault: dict[str, Any]) -> tuple[str, str]:
    return f"member/{fault['organisation']}", f"validator/{fault['address']}"


def tell(seed: int, folder: Path, blocks: int = BLOCKS) -> Story:
    story = Story(seed, folder)
    laws = Laws(story)
    for _ in range(blocks):
        before = story.in_force
        admitted, faults = story.block()
        laws.check(admitted, faults, before)
    return story


@stories
@given(seed=st.integers(0, 2**32))
def test_all_machines_come_to_the_same_and_the_engine_can_live_with_it(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        story = tell(seed, Path(folder))
        again = story.machine.again()
        assert again.position == story.machine.position
        assert again.records == story.machine.replay.records
        assert again.map.root() == story.machine.replay.map.root()
        assert {name: story.machine.replay.record(name) for name in story.second.records} == {
            name: forms.canonical(record) for name, record in story.second.records.items()
        }
        with story.store.view() as view:
            for name in story.second.records:
                assert view.record(name) == story.machine.replay.record(name)
        story.store.close()


def test_a_story_has_everything_in_it(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for seed in range(6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        story = tell(seed, folder)
        for raw, submissions in story.machine.blocks:
            header = json.loads(raw)
            seen.update(each for each in ("validators", "evidence") if each in header)
            seen.update(["both"] if {"validators", "evidence"} <= header.keys() else [])
            seen.update(["faults alone"] if "evidence" in header and not submissions else [])
            seen.update(each.event.change for each in submissions if each.event.NAME == "member.changed")  # type: ignore[attr-defined]
        story.store.close()
    wanted = ("validators", "evidence", "both", "faults alone", "admit", "rotate", "publish", "remove")
    assert [each for each in wanted if not seen[each]] == []


@pytest.mark.parametrize("seed", range(2))
def test_a_header_that_tells_other_faults_does_not_replay(seed: int, tmp_path: Path) -> None:
    """Left out, named otherwise or made up: the state is not the one that follows."""
    story = tell(seed, tmp_path, 12)
    story.store.close()
    machine = story.machine
    tried = 0
    for number, (raw, submissions) in enumerate(machine.blocks):
        header = json.loads(raw)
        for wrong in _forge(header):
            replay = Replay(machine.bodies.__getitem__)
            for earlier, those in machine.blocks[:number]:
                replay.advance(earlier, those)
            with pytest.raises(Exception, match="block"):
                replay.advance(forms.canonical(wrong), submissions)
            tried += 1
    assert tried > 10


def _forge(header: dict[str, Any]) -> list[dict[str, Any]]:
    if header["height"] == 0:
        return []
    # Of strangers a header may tell or not: their faults change nothing, and whoever decided the block signs for it.
    binding = [name for name in ("validators", "evidence") if name in header and "organisation" in str(header[name])]
    forged = [{key: item for key, item in header.items() if key != each} for each in binding]
    if "evidence" in header:
        first, *rest = header["evidence"]
        forged += [header | {"evidence": [first | {"organisation": "nobody"}, *rest]}, header | {"evidence": [first, first, *rest]}]
        forged += [header | {"evidence": [first | {"height": first["height"] ^ 1}, *rest]}] if "organisation" in first else []
        forged += [header | {"evidence": rest}] if rest and "organisation" in first else []
    if "validators" in header:
        listed = header["validators"]["members"]
        forged += [header | {"validators": header["validators"] | {"members": [listed[0] | {"key": "0" * 64}, *listed[1:]]}}]
    else:
        forged += [header | {"validators": {"members": []}}]
    return forged
