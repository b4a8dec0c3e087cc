"""A small ledger with a whole story in it, its trust files and its witnesses, for the tests of proofs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import makers
import msgspec

from muniment.core.format import checkpoint, keys, manifest, note, statement
from muniment.core.format.manifest import Line, Manifest
from muniment.core.proof import answer as answers
from muniment.core.proof import receipt as receipts
from muniment.core.proof.answer import Answer
from muniment.core.proof.trust import Cosigner, Statement, Trust
from muniment.ledger.signers import SeedSigner

DATA = "1" * 64
REASON, SALT = "the second review found nothing", b"s" * 16
FILES = manifest.build([Line("config.json", "c" * 64, 812), Line("model.safetensors", "d" * 64, 9_000)])
V1 = manifest.root(FILES).hex()
V2 = "2" * 64
PLACE = "deployment/production/credit-risk"
WITNESSES = {name: SeedSigner(name.encode().ljust(32, b"!")) for name in ("alpha", "beta", "gamma", "beta2")}
WITNESSED_AT = 1_795_435_300  # POSIX seconds, soon after makers.NOON


class Story:
    """Indices of what happened, in order; each in a block of its own, one second after the other."""

    def __init__(self, path: Path) -> None:
        self.life = makers.found(path)
        self.trust = Trust(makers.ORIGIN, self.life.ledger, (makers.VERIFIER,))
        self.approvals: list[str] = []
        self.data = self.say("dataset.registered", name="loans", data=DATA, bytes=1, files=1, grade="observed")
        self.first = self.say("model.registered", model="credit-risk", version=V1, derivation="trained", data=[DATA])
        self.approval = self.approve(V1)
        self.start = self.deploy("start", V1)
        self.second = self.say("model.registered", model="credit-risk", version=V2, derivation="finetuned", parents=[V1])
        self.approve(V2)
        self.promote = self.deploy("promote", V2, replaces=V1)
        self.scale = self.say(
            "deployment.changed", transition="scale", environment="production", name="credit-risk", version=V2, trafficShare="0.5"
        )
        self.note = self.say("note.added", about=[f"version/{V1}"], text=msgspec.to_builtins(statement.seal(REASON, SALT)))
        self.rollback = self.deploy("rollback", V1, replaces=V2)

    def say(self, name: str, /, **fields: object) -> int:
        """Record one event in a block of its own."""
        return self.life.append(self.life.sign(name, **fields))[0].index

    def approve(self, version: str) -> int:
        """Approve a version for production."""
        self.approvals.append(makers.next_id())
        return self.say(
            "approval.decided",
            event_id=self.approvals[-1],
            of={"version": version, "environment": "production"},
            decision="approve",
            meaning="approval",
        )

    def deploy(self, transition: str, version: str, **fields: object) -> int:
        """Deploy a version with the approval that was given last."""
        return self.say(
            "deployment.changed",
            transition=transition,
            environment="production",
            name="credit-risk",
            version=version,
            approvals=self.approvals[-1:],
            **fields,
        )

    def time_of(self, index: int) -> str:
        """The time of the header that sealed an entry."""
        with self.life.engine.view() as view:
            return view.header(view.sealed_by(index)).time


def witnessed(trust: Trust, cosigners: Iterable[tuple[str, str, Statement]], quorum: int) -> Trust:
    """The trust file with witnesses, given as (name of the key, organisation, statement)."""
    listed = tuple(
        Cosigner(keys.derive(f"{name}.example/w", WITNESSES[name].public_key, keys.COSIGNATURE), organisation, said)
        for name, organisation, said in cosigners
    )
    return Trust(trust.origin, trust.ledger, trust.log_keys, listed, quorum)


def cosign(raw: bytes, *names: str, time: int = WITNESSED_AT) -> bytes:
    """A signed checkpoint with the cosignatures of these witnesses."""
    parsed = note.parse(raw)
    lines = [checkpoint.cosign(parsed, f"{name}.example/w", WITNESSES[name], time) for name in names]
    return note.format(note.attach(parsed, lines))


def cosign_answer(answer: Answer, *names: str, time: int = WITNESSED_AT) -> Answer:
    """An answer whose checkpoint these witnesses cosigned."""
    receipt = receipts.parse(answer.receipt)
    text = receipts.format(msgspec.structs.replace(receipt, checkpoint=cosign(receipt.checkpoint, *names, time=time)))
    return msgspec.structs.replace(answer, receipt=text)


def replace(answer: Answer, **changes: object) -> bytes:
    """The bytes of an answer in which something was changed."""
    return answers.encode(msgspec.structs.replace(answer, **changes))


def other_files() -> Manifest:
    """The files of the first version after somebody changed one."""
    return manifest.build([Line("config.json", "e" * 64, 812), Line("model.safetensors", "d" * 64, 9_000)])


def forge(raw: bytes, signer: SeedSigner = makers.LOG, **changes: object) -> bytes:
    """A checkpoint that says something else, signed anew."""
    found = checkpoint.parse(note.parse(raw).text)
    fields = {"origin": found.origin, "size": found.size, "root": found.root} | changes
    return checkpoint.sign(checkpoint.Checkpoint(**fields), signer)  # type: ignore[arg-type]


def opening(sealed: statement.Sealed) -> statement.Disclosure | None:
    """What a vault that holds the reason would answer."""
    return statement.disclose(REASON, SALT) if sealed == statement.seal(REASON, SALT) else None
