"""A demo in the form that machines read: what was recorded, asked, checked and attacked."""

from __future__ import annotations

import msgspec

from muniment.cli.demo.asking import Answers
from muniment.cli.demo.attack import Attack, Caught
from muniment.cli.demo.release import Trained
from muniment.cli.demo.story import Life


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
    """The deployment that the ledger refused."""

    version: str
    code: str
    message: str


class Question(_Part, frozen=True, kw_only=True):
    """What was asked, and the answer, out of its proof."""

    deployment: str
    at: str
    ran: str
    approved_by: str
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
    refusal: Refusal
    question: Question
    checks: Checks
    attacks: tuple[Outcome, ...]
    caught: int
    commands: tuple[str, ...]
    seconds: float


def tell_life(life: Life) -> tuple[tuple[Step, ...], tuple[ModelVersion, ...], Refusal]:
    """The story's events, its versions, and the refusal."""
    steps = tuple(Step(event=each.event, entry=each.index) for each in life.recorded)
    refusal = Refusal(version=life.unregistered, code=life.refusal.code, message=str(life.refusal))
    return steps, (_version(life.first), _version(life.second)), refusal


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
    checks = Checks(receipts=answers.receipts, history=len(answers.history.verified.history), replayed=answers.audited.size)
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
