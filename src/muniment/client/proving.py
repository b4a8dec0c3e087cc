"""Answers as this client hands them out: proved from the ledger, and verified here before anybody sees them.

    proved = ledger.prove("credit-risk@2")
    proved.save("answer.json")
    for sentence in proved.sentences: print(sentence)

The index only says where to look. What it gets wrong makes a proof fail; it can never make one hold.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import msgspec

from muniment import disk
from muniment.client.things import in_html
from muniment.client.writing import Writer
from muniment.core.format import dsse, manifest, state_map
from muniment.core.proof import answer as answers
from muniment.core.proof.answer import UNSET, Answer, AtQuestion, EntryQuestion, Question
from muniment.core.proof.authority import Tier
from muniment.core.proof.evidence import Pin
from muniment.core.proof.inquiry import Findings
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import Verified, tell, verify_answer
from muniment.core.proof.verify.statement import find_sealed
from muniment.core.rules.events import DeploymentChanged
from muniment.core.rules.records import Deployment
from muniment.errors import InvalidInput, LedgerError
from muniment.ledger.engine import View
from muniment.ledger.prover import Hints
from muniment.ledger.prover.stream import EVENT, open_entry

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""A longer list of files is left out of answers; whoever holds the files can still compare their root."""

Openings = bool | Collection[str]
"""Which sealed fields an answer opens: all that the vault here holds, none, or those with these names, such as `reason`."""

_ABOUT_FILES = frozenset({"dataset.registered", "deployment.changed", "model.registered"})


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that held when it was made: the bytes of its file, and what their verification found."""

    raw: bytes
    verified: Verified

    @property
    def sentences(self) -> tuple[str, ...]:
        """What it shows, told to a person; the answer first."""
        return tell(self.verified)

    @property
    def findings(self) -> Findings:
        """What was found, for programs. Raises InvalidInput (`no-findings`) for an answer whose statuses say all."""
        findings = self.verified.result.findings
        if findings is UNSET:
            raise InvalidInput("this answer has no findings", code="no-findings", hint="Read its statuses.")
        return findings

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file, whole or not at all."""
        return save(path, self.raw)

    def _repr_html_(self) -> str:
        return in_html(self.sentences)


def prove(writer: Writer, question: Question, hints: Hints, openings: Openings = False) -> Proved:
    """The ledger's answer to a question, as of now. `hints` say where an index believes the entries of a stream stand."""
    with writer.contact() as (view, contact):
        disclose = writer.vault.find if openings else None
        answer = writer.reach.prove(view, question, hints=hints, disclose=disclose)
        return finish(writer, view, contact.pin, answer, openings)


def finish(writer: Writer, view: View, pin: Pin, answer: Answer, openings: Openings = False) -> Proved:
    """Choose what is opened, add the list of files where the answer is about some, and verify the result, once.

    A proof is made also before outside parties have cosigned, and says so; where members vote, not before a quorum of them has.
    """
    raw = answers.write(complete(writer, answer, openings))
    tier = least_tier(writer.trust)
    return Proved(raw=raw, verified=verify_answer(raw, writer.trust, pin=pin, consistency=view.consistency, tier=tier))


def least_tier(trust: Trust) -> Tier:
    """What a proof must have to be handed out."""
    return "consortium" if trust.votes else "solo"


def complete(writer: Writer, answer: Answer, openings: Openings = False, *, with_files: bool = True) -> Answer:
    """The answer with the chosen openings only, and with the list of files where it is about some that are held here."""
    if not isinstance(openings, bool):
        answer = msgspec.structs.replace(answer, disclosures=_choose(answer, openings))
    root = _files_of(answer) if with_files else None
    files = None if root is None else _load_files(writer, root)
    return answer if files is None else msgspec.structs.replace(answer, manifest=files)


def save(path: str | os.PathLike[str], raw: bytes) -> Path:
    """Write a file: a reader sees the old content or the new one. Raises LedgerError (`not-written`)."""
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            # A pipe or a device, such as /dev/stdout.
            target.write_bytes(raw)
            return target
        # Its folder may be on a file system that cannot be told to keep a name.
        disk.write(target, raw)
    except OSError as error:
        raise LedgerError(
            f"{target} cannot be written: {error.strerror}", code="not-written", hint="Choose a file in a folder that is yours."
        ) from None
    return target


def _choose(answer: Answer, names: Collection[str]) -> tuple[answers.Opened, ...]:
    """Of the opened fields those with one of these names, or with one as the last part of their path."""
    if not answer.disclosures:
        return ()
    raws = [each.entry for each in answer.entries] + [each.entry for each in answer.events]
    raws += [] if answer.history is UNSET else [each.entry for each in answer.history.events]
    chosen = {
        sealed
        for raw in raws
        if raw.startswith(EVENT)
        for path, sealed in find_sealed(msgspec.json.decode(dsse.decode(raw).payload)["predicate"])
        if path in names or path.replace("[]", "").rpartition(".")[2] in names
    }
    return tuple(opened for opened in answer.disclosures if opened.sealed in chosen)


def _files_of(answer: Answer) -> str | None:
    """The root of the files that an answer is about; None where a list of them would help nobody."""
    question = answer.question
    if isinstance(question, EntryQuestion):
        raw = next(each.entry for each in answer.entries if each.index == question.index)
        event = open_entry(raw).event
        things = event.things() if event is not None and event.NAME in _ABOUT_FILES else ()
        return things[0][1] if things else None
    if not isinstance(question, AtQuestion) or answer.result.statuses == ("absent",):
        return None
    kind, _, name = question.stream.partition("/")
    if kind in ("data", "version"):
        return name
    if kind != "deployment":
        return None
    if answer.history is not UNSET:
        changes = [open_entry(each.entry).event for each in answer.history.events]
        return next((each.version for each in reversed(changes) if isinstance(each, DeploymentChanged)), None)
    values = [each.value for each in answer.states if each.name == question.stream]
    return msgspec.json.decode(state_map.decode_record(bytes(values[0])).state, type=Deployment).version  # type: ignore[arg-type]


def _load_files(writer: Writer, root: str) -> str | None:
    """The list of files with a root, where it is held here and not too long."""
    try:
        if not writer.manifests.holds(root):
            return None
        raw = writer.manifests.load(root)
    except LedgerError:
        # A list that was damaged or cannot be read is one that is not held here; `fsck` names it.
        return None
    if len(raw) > MAX_MANIFEST_BYTES or manifest.root(manifest.decode(raw)).hex() != root:
        return None
    return raw.decode()
