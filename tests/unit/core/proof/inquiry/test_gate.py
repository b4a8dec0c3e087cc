"""core.proof.inquiry.gate: what speaks against a start, found alike by who proves it and by who verifies it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

import makers
import worlds
from muniment.core.proof import answer as answers
from muniment.core.proof.answer import Answer
from muniment.core.proof.inquiry import GateFindings, GateQuestion
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import Verified, tell, verify_answer
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger import prover
from worlds import World

LATE = "2027-01-01T00:00:00.000000Z"
SOON = "2026-11-23T12:30:00.000000Z"


class Scene:
    """A version that learned from data through another version, is approved and serves."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.raw, self.clean = world.dataset("raw", "raw"), world.dataset("clean", "clean")
        world.record("dataset.transformed", operation="clean", inputs=[self.raw], outputs=[self.clean])
        self.parent = worlds.digest("parent")
        world.record("model.registered", model="parent", version=self.parent, derivation="trained", data=[self.clean])
        self.version = worlds.digest("v1")
        fields = {"model": "credit-risk", "version": self.version, "derivation": "distilled", "parents": [self.parent]}
        world.record("model.registered", **fields)
        of = {"version": self.version, "environment": "production"}
        self.approval = world.record("approval.decided", of=of, decision="approve", meaning="approval")
        world.deploy(self.version, approvals=[self.approval])

    def trust(self) -> Trust:
        return Trust(makers.ORIGIN, self.world.ledger, (makers.VERIFIER,))

    def answer(self, version: str = "", environment: str = "production", **fields: tuple[str, ...]) -> Answer:
        """The proved answer."""
        question = GateQuestion(environment=environment, name="credit-risk", version=version or self.version, **fields)
        with self.world.engine.view() as view:
            return prover.prove_inquiry(view, question)

    def verify(self, answer: Answer) -> Verified:
        """The same, verified from its bytes."""
        return verify_answer(answers.encode(answer), self.trust())

    def ask(self, version: str = "", environment: str = "production", **fields: tuple[str, ...]) -> GateFindings:
        """What is found, by prover and verifier alike."""
        answer = self.answer(version, environment, **fields)
        found = self.verify(answer).result.findings
        assert isinstance(found, GateFindings)
        assert found == answer.result.findings
        return found

    def rules(self, **fields: tuple[str, ...]) -> list[str]:
        """What speaks against the start."""
        return [each.rule for each in self.ask(**fields).objections]

    def waive(self, rule: str, until: str = LATE, environment: str = "production") -> str:
        fields = {"rule": rule, "version": self.version, "environment": environment, "expiresAt": until}
        return self.world.record("waiver.granted", **fields)

    def hold(self) -> str:
        return self.world.record("incident.recorded", version=self.version, severity="high", hold=True, awareAt=LATE)

    def compromise(self, actor: str, from_index: int) -> None:
        """Others may have had the actor's key from an entry on."""
        key = worlds.SIGNERS[actor].public_key.hex()
        self.world.record(
            "key.changed", "ci" if actor == "alice" else "alice", of=actor, change="compromise", key=key, fromIndex=from_index
        )


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    world = worlds.found(tmp_path / "ledger.db")
    yield Scene(world)
    world.close()


def test_what_runs_may_start(scene: Scene) -> None:
    found = scene.ask()
    assert (found.allowed, found.title, found.place, found.objections) == (
        True,
        "credit-risk@1",
        "deployment/production/credit-risk",
        (),
    )
    assert found.since is not msgspec.UNSET
    assert scene.answer().result.statuses == ("holds",)
    (first, *_) = tell(scene.verify(scene.answer()))
    assert first.endswith("credit-risk@1 may start as production/credit-risk.")


def test_what_does_not_run_there_must_not(scene: Scene) -> None:
    other = scene.world.model("credit-risk", "v2")
    assert [each.rule for each in scene.ask(other).objections] == ["other-version"]
    assert [each.rule for each in scene.ask(environment="staging").objections] == ["not-deployed"]
    assert [each.rule for each in scene.ask("9" * 64).objections] == ["unknown", "other-version"]
    assert scene.answer("9" * 64).result.statuses == ("fails",)
    scene.world.deploy(scene.version, "stop")
    assert scene.rules() == ["not-deployed"]


def test_holds_retirement_and_withdrawals_are_heard(scene: Scene) -> None:
    scene.hold()
    assert scene.rules() == ["hold"]
    scene.world.record("dataset.withdrawn", data=scene.raw, cause="consent")
    withdrawn = scene.ask().objections[-1]
    assert withdrawn.about == tuple(
        f"{kind}/{digest}"
        for kind, digest in (("version", scene.version), ("version", scene.parent), ("data", scene.clean), ("data", scene.raw))
    )
    assert withdrawn.called == ("credit-risk@1", "parent@1", "clean@1", "raw@1")
    told = " ".join(tell(scene.verify(scene.answer())))
    assert "raw@1 was withdrawn" in told
    assert "credit-risk@1 <- parent@1 <- clean@1 <- raw@1" in told


def test_an_approval_is_disputed_from_its_entry_on(scene: Scene) -> None:
    with scene.world.engine.view() as view:
        index = view.find(scene.approval)
    assert index is not None
    scene.compromise("alice", index + 1)
    assert scene.rules() == []
    scene.compromise("alice", index)
    assert scene.rules() == ["approval-disputed"]
    key = worlds.ALICE.public_key.hex()
    assert scene.ask().objections[0].about == (f"approval/{scene.approval}", f"key/{key}")


def test_a_rollback_rests_on_the_approvals_of_before(scene: Scene) -> None:
    with scene.world.engine.view() as view:
        index = view.find(scene.approval)
    assert index is not None
    other = scene.world.model("credit-risk", "v2", "ci")
    scene.world.deploy(other, "promote", replaces=scene.version)
    scene.world.deploy(scene.version, "rollback", replaces=other)
    assert scene.rules() == []
    scene.compromise("alice", index)
    assert scene.rules() == ["approval-disputed"]


def test_a_waiver_of_the_gate_lifts_everything_here_until_it_expires(scene: Scene) -> None:
    scene.hold()
    waiver, elsewhere = scene.waive("gate"), scene.waive("gate", environment="staging")
    of_hold = scene.waive("hold")
    assert not scene.ask().allowed
    assert not scene.ask(waivers=(elsewhere,)).allowed
    # Only a deployment brings a waiver of another rule along.
    assert not scene.ask(waivers=(of_hold,)).allowed
    found = scene.ask(waivers=(waiver,))
    assert (found.allowed, found.until, found.objections[0].waiver) == (True, LATE, waiver)
    assert not scene.ask(waivers=(makers.next_id(),)).allowed


def test_a_waiver_ends_with_its_time_or_with_its_key(scene: Scene) -> None:
    scene.hold()
    waiver = scene.waive("gate", SOON)
    assert scene.ask(waivers=(waiver,)).allowed
    with scene.world.engine.view() as view:
        index = view.find(waiver)
    assert index is not None
    scene.compromise("alice", index)
    assert not scene.ask(waivers=(waiver,)).allowed


def test_a_waiver_that_the_deployment_named_goes_on_to_help(scene: Scene) -> None:
    scene.hold()
    other = scene.waive("hold")
    scene.world.deploy(scene.version, "start", approvals=[scene.approval], waivers=[other])
    found = scene.ask()
    assert (found.allowed, found.objections[0].rule, found.objections[0].waiver) == (True, "hold", other)
    with scene.world.engine.view() as view:
        index = view.find(other)
    assert index is not None
    scene.compromise("alice", index)
    assert scene.rules() == ["waiver-disputed", "hold"]


def test_a_start_that_rests_on_a_waiver_ends_with_it(scene: Scene) -> None:
    """Here the environment asks for nothing that the version met; the waiver of approvals is what carries the start."""
    soon = "2026-11-23T12:00:30.000000Z"
    scene.world.deploy(scene.version, "start", waivers=[scene.waive("approvals", soon)])
    assert (scene.ask().allowed, scene.ask().until) == (True, soon)
    while scene.ask().allowed:
        # A block takes a second here; the waiver ends after half a minute.
        scene.waive("gate", LATE, environment="staging")
    found = scene.ask()
    assert (found.allowed, [each.rule for each in found.objections]) == (False, ["waiver-expired"])


def test_the_standing_of_keys_is_shown(scene: Scene) -> None:
    alice, ci, nobody = worlds.ALICE.public_key.hex(), worlds.CI.public_key.hex(), worlds.BOB.public_key.hex()
    scene.compromise("ci", 3)
    found = scene.ask(keys=tuple(sorted((alice, ci, nobody)))).standing
    assert {each.key: (each.actor, each.in_force) for each in found} == {
        alice: ("alice", True),
        ci: ("ci", False),
        nobody: (msgspec.UNSET, False),
    }


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: msgspec.structs.replace(found, allowed=True),
        lambda found: msgspec.structs.replace(found, objections=()),
        lambda found: msgspec.structs.replace(found, allowed=True, objections=()),
        lambda found: msgspec.structs.replace(found, title="credit-risk@2"),
    ],
)
def test_findings_that_do_not_follow_are_found_out(scene: Scene, spoil: Callable[[GateFindings], GateFindings]) -> None:
    scene.hold()
    answer = scene.answer()
    findings = answer.result.findings
    assert isinstance(findings, GateFindings)
    claimed = spoil(findings)
    result = msgspec.structs.replace(answer.result, findings=claimed, statuses=(claimed.status(),))
    with pytest.raises(VerificationError) as caught:
        scene.verify(msgspec.structs.replace(answer, result=result))
    assert (caught.value.step, caught.value.code in ("findings", "result")) == (11, True)


def test_an_answer_that_leaves_something_out_fails(scene: Scene) -> None:
    scene.world.record("dataset.withdrawn", data=scene.raw, cause="consent")
    answer = scene.answer()
    for number in range(len(answer.states)):
        left = answer.states[:number] + answer.states[number + 1 :]
        with pytest.raises((VerificationError, InvalidInput)):
            scene.verify(msgspec.structs.replace(answer, states=left))
    for number in range(len(answer.entries)):
        left_entries = answer.entries[:number] + answer.entries[number + 1 :]
        with pytest.raises((VerificationError, InvalidInput)):
            scene.verify(msgspec.structs.replace(answer, entries=left_entries))


def test_an_answer_about_one_version_is_none_about_another(scene: Scene) -> None:
    answer = scene.answer()
    assert isinstance(answer.question, GateQuestion)
    for changed in (
        msgspec.structs.replace(answer.question, version=scene.parent),
        msgspec.structs.replace(answer.question, environment="staging"),
    ):
        with pytest.raises(VerificationError):
            scene.verify(msgspec.structs.replace(answer, question=changed))
