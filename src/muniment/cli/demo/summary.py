"""A demo in the form that machines read: what was recorded, asked, checked and attacked."""

from __future__ import annotations

import msgspec

from muniment.cli.demo.asking import Answers
from muniment.cli.demo.attack import Attack, Caught
from muniment.cli.demo.release import Trained
from muniment.cli.demo.story import Life
from muniment.core.proof.verify.verified import UNSET
from muniment.errors import InvariantError


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The shape of every part."""


class Step(_Part, frozen=True, kw_only=True):
    """An event of the story and its entry."""

    event: str
    entry: int


class ModelVersion(_Part, frozen=True, kw_only=True):
    """A trained version: how it did on each part of the data, as it is recorded."""

    name: str
    digest: str
    training: dict[str, float]
    test: dict[str, float]
    later: dict[str, float]


class Refusal(_Part, frozen=True, kw_only=True):
    """Something that the ledger refused: what was tried, and the rule that says no."""

    name: str
    tried: str
    rule: str
    code: str
    message: str


class Learned(_Part, frozen=True, kw_only=True):
    """A version that learned from the withdrawn data: by way of what, and where it runs now."""

    version: str
    way: tuple[str, ...]
    running: tuple[str, ...]


class Withdrawal(_Part, frozen=True, kw_only=True):
    """The data set that was withdrawn, the entry that says so, what learned from it, and the file of that proof.

    gate: why what runs would not be let in again
    """

    data: str
    digest: str
    entry: int
    learned: tuple[Learned, ...]
    proof: str
    gate: str


class Dispute(_Part, frozen=True, kw_only=True):
    """The approval that was signed with a stolen key: its entry, and the entry since which that key is disputed."""

    entry: int
    standing: str
    since: int


class Question(_Part, frozen=True, kw_only=True):
    """What was asked, and the answer, out of its proof."""

    deployment: str
    at: str
    ran: str
    approved_by: tuple[str, ...]
    tier: str
    basis: str
    proof: str


class Checks(_Part, frozen=True, kw_only=True):
    """What was checked and held: receipts, changes in the complete history, entries that were replayed."""

    receipts: int
    history: int
    replayed: int


class Outcome(_Part, frozen=True, kw_only=True):
    """An attack and what noticed it; `code` is None where nothing did."""

    name: str
    tried: str
    by: str | None
    code: str | None
    message: str | None
    evidence: str | None


class Summary(_Part, frozen=True, kw_only=True):
    """All of it."""

    folder: str
    origin: str
    ledger: str
    steps: tuple[Step, ...]
    versions: tuple[ModelVersion, ...]
    refusals: tuple[Refusal, ...]
    withdrawal: Withdrawal
    dispute: Dispute
    question: Question
    checks: Checks
    attacks: tuple[Outcome, ...]
    caught: int
    commands: tuple[str, ...]
    seconds: float


def tell_life(life: Life) -> tuple[tuple[Step, ...], tuple[ModelVersion, ...], tuple[Refusal, ...]]:
    """The story's events, its versions, and what was refused."""
    steps = tuple(Step(event=each.event, entry=each.index) for each in life.recorded)
    refusals = tuple(
        Refusal(
            name=each.name,
            tried=each.tried,
            rule=each.violation.verdict.reasons[0].rule,
            code=each.violation.code,
            message=str(each.violation),
        )
        for each in life.refused
    )
    return steps, tuple(_version(each) for each in (life.first.trained, life.second.trained, life.third)), refusals


def tell_withdrawal(life: Life, proof: str) -> Withdrawal:
    """What was withdrawn, and what learned from it."""
    traced = life.traced
    learned = tuple(Learned(version=each.version, way=each.way, running=each.running) for each in traced.learned)
    return Withdrawal(
        data=traced.data.title,
        digest=traced.data.digest,
        entry=traced.withdrawn.index,
        learned=learned,
        proof=proof,
        gate=traced.gate,
    )


def tell_dispute(answers: Answers) -> Dispute:
    """How the stolen key stands, out of the proof."""
    said = answers.disputed.verified.said[0]
    if said.signer is UNSET or said.signer.disputed_from is UNSET:
        raise InvariantError("the proof does not say since when the key is disputed")
    return Dispute(entry=said.index, standing=said.signer.standing, since=said.signer.disputed_from)


def tell_answers(answers: Answers, deployment: str, proof: str) -> tuple[Question, Checks]:
    """The question with its answer, and the checks."""
    ground = answers.then.verified.ground
    question = Question(
        deployment=deployment,
        at=answers.moment,
        ran=answers.ran,
        approved_by=answers.approved_by,
        tier=ground.tier,
        basis=ground.basis,
        proof=proof,
    )
    checks = Checks(
        receipts=answers.receipts, history=len(answers.history.verified.streams[0].indices), replayed=answers.audited.size
    )
    return question, checks


def tell_attack(attack: Attack, caught: Caught | None) -> Outcome:
    """One attack."""
    if caught is None:
        return Outcome(name=attack.name, tried=attack.tried, by=None, code=None, message=None, evidence=None)
    return Outcome(
        name=attack.name,
        tried=attack.tried,
        by=caught.by,
        code=caught.code,
        message=caught.message,
        evidence=caught.evidence or None,
    )


def _version(trained: Trained) -> ModelVersion:
    return ModelVersion(
        name=trained.version.title,
        digest=trained.version.digest,
        training=trained.training.metrics(),
        test=trained.test.metrics(),
        later=trained.later.metrics(),
    )
