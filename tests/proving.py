"""A small ledger with a whole story in it, its trust files and its witnesses, for the tests of proofs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

import makers
from muniment.core.format import checkpoint, encoding, entry, keys, manifest, merkle, note, state_map, statement
from muniment.core.format.manifest import Line, Manifest
from muniment.core.proof import answer as answers
from muniment.core.proof import receipt as receipts
from muniment.core.proof.answer import Answer, Included, Numbered
from muniment.core.proof.trust import Cosigner, Statement, Trust
from muniment.ledger.engine import View
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
        self.rollback = self.deploy("rollback", V1, replaces=V2, approvals=self.approvals[:1])
        with self.life.engine.view() as view:
            self.times = {index: view.header(view.sealed_by(index)).time for index in range(view.size)}

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
            **{"approvals": self.approvals[-1:], **fields},
        )


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


def resign(raw: bytes, signer: SeedSigner = makers.LOG, **changes: object) -> bytes:
    """A checkpoint that says something else, signed anew."""
    found = checkpoint.parse(note.parse(raw).text)
    fields = {"origin": found.origin, "size": found.size, "root": found.root} | changes
    return checkpoint.sign(checkpoint.Checkpoint(**fields), signer)  # type: ignore[arg-type]


def forge(
    answer: Answer,
    view: View,
    *,
    entries: Mapping[int, bytes] = MappingProxyType({}),
    records: Mapping[str, bytes | None] = MappingProxyType({}),
    header: Mapping[str, object] = MappingProxyType({}),
    **changes: object,
) -> bytes:
    """The same answer by an operator who lies: he holds the log's key and signs whatever entries and records he likes.

    `entries` and `records` take the place of true ones (None: the stream is absent), `header` changes the newest header,
    `changes` the answer itself. Everything is proved and signed as an honest operator would.
    """
    everything = dict(view.entries(0, view.size)) | dict(entries)
    known = {each.name: None if each.value is msgspec.UNSET else bytes(each.value) for each in answer.states} | dict(records)
    root, states = prove_states(known)
    last = view.size - 1
    leaves = [merkle.leaf(everything[index]) for index in range(last)]
    if last not in entries:
        honest = entry.decode_header(everything[last])
        fields = {"state": root.hex(), "root": merkle.root(leaves).hex()} | dict(header)
        everything[last] = entry.encode_header(msgspec.structs.replace(honest, **fields))
    leaves.append(merkle.leaf(everything[last]))
    signed = checkpoint.sign(checkpoint.Checkpoint(makers.ORIGIN, len(leaves), merkle.root(leaves)), makers.LOG)
    included = tuple(
        Included(entry=everything[each.index], index=each.index, proof=merkle.prove_inclusion(leaves, each.index))
        for each in answer.entries
    )
    history = answer.history
    if history is not msgspec.UNSET:
        events = tuple(Numbered(entry=everything[each.index], index=each.index) for each in history.events)
        history = msgspec.structs.replace(history, events=events)
    index = receipts.parse(answer.receipt).index
    receipt = receipts.Receipt(index=index, proof=merkle.prove_inclusion(leaves, index), checkpoint=signed)
    made = {
        "entries": included,
        "states": tuple(states[name] for name in sorted(states)),
        "genesis": merkle.prove_inclusion(leaves, 0),
        "receipt": receipts.format(receipt),
        "history": history,
    }
    return replace(answer, **{**made, **changes})


def prove_states(records: Mapping[str, bytes | None]) -> tuple[bytes, dict[str, state_map.StateProof]]:
    """The root of a map with these records alone, and the proof of each: present, or absent where it is None."""
    values = {state_map.key(name): value for name, value in records.items() if value is not None}
    leaves = {key: state_map.leaf(key, value) for key, value in values.items()}
    tree = state_map.Tree.decode([], 0)
    change = tree.build(tree.plan(leaves), [], leaves)
    tree.commit(change)
    proofs = {}
    for name, value in records.items():
        path = tree.prove(state_map.key(name), sorted(leaves.items()))
        if value is None:
            proofs[name] = state_map.prove_absence(name, None if path.end is None else values[path.end], path)
        else:
            proofs[name] = state_map.prove_presence(name, value, path)
    return change.root, proofs


def edit_record(view: View, stream: str, **changes: object) -> bytes:
    """A record in which its state says something else."""
    record = state_map.decode_record(view.record(stream) or b"")
    state = msgspec.json.decode(record.state) | changes
    return state_map.encode_record(msgspec.structs.replace(record, state=msgspec.Raw(encoding.encode(state))))


def opening(sealed: statement.Sealed) -> statement.Disclosure | None:
    """What a vault that holds the reason would answer."""
    return statement.disclose(REASON, SALT) if sealed == statement.seal(REASON, SALT) else None
