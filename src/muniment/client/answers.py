"""The proving half of the SDK: answers that others can verify, and what leaves a ledger as files.

    proved = ledger.at("production/credit-risk", "2026-03-04T12:00Z")
    proved.save("answer.json")

The index only says where to look; what is handed out is proved from the ledger, and was verified here.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import get_args

import msgspec

from muniment.client import bundling, copying, exporting, parameters, proving, showing
from muniment.client.bundling import Bundled
from muniment.client.copying import Copied
from muniment.client.exporting import Exported
from muniment.client.proving import Openings, Proved
from muniment.client.questions import Questions
from muniment.client.showing import Shown
from muniment.core.format import time
from muniment.core.proof import receipt
from muniment.core.proof.answer import AtQuestion, EntryQuestion, Question, StateQuestion
from muniment.core.proof.inquiry import (
    BlameQuestion,
    ClaimQuestion,
    DiffQuestion,
    HistoryQuestion,
    ImpactQuestion,
    LineageQuestion,
)
from muniment.core.proof.inquiry.claim import Claim
from muniment.core.proof.inquiry.lineage import Direction
from muniment.core.proof.part import UNSET
from muniment.core.rules.events import Stream
from muniment.core.rules.events.model import Target
from muniment.errors import Conflict, InvalidInput, NotFound
from muniment.index.rows import ThingKind
from muniment.ledger import prover
from muniment.ledger.embedded import system_clock

# Evidence of double signing stands in headers.
_CHANGED_BY_HEADERS = ("member", "validator")


class Answers(Questions):
    """Questions to one ledger whose answers come with a proof.

    `disclose` opens sealed fields that the vault here holds: all of them, or those with the names that are given.
    """

    def show(self, thing: str) -> Shown:
        """What the ledger knows of a thing, for people to read; the prose that the vault here holds is opened. No proof."""
        kind = thing.partition("/")[0]
        found = self.resolve(thing, [kind] if kind in ("model", "dataset") and "@" not in thing else None)  # type: ignore[list-item]
        index = self.index
        with self._writer.engine.view() as view:
            return showing.show(found, index, view, self._writer)

    def prove(self, thing: str, *, disclose: Openings = False) -> Proved:
        """That a thing was recorded: the entry that made it or last changed it, who signed it, and how his key stands.

        `thing` is as for `resolve`; an entry is named by its index. Raises NotFound, InvalidInput (`ambiguous`).
        """
        found = self.resolve(thing)
        if found.stream is not None and (found.index == 0 or found.kind in _CHANGED_BY_HEADERS):
            # What a header made or may have changed last has no entry that says so alone; the state does.
            return self.prove_state(found.stream)
        return self._ask(EntryQuestion(index=found.index), disclose)

    def prove_state(self, *streams: str) -> Proved:
        """What the newest block says about streams by their whole names, such as `version/<digest>`; absence included.

        Raises InvalidInput (`bad-stream`).
        """
        for stream in streams:
            _check_stream(stream)
        return self._ask(StateQuestion(streams=tuple(sorted(set(streams)))))

    def prove_absent(self, *streams: str) -> Proved:
        """That nothing was ever recorded under these streams. Raises Conflict (`not-absent`) where something was."""
        proved = self.prove_state(*streams)
        for stream, status in zip(sorted(set(streams)), proved.verified.result.statuses, strict=True):
            if status != "absent":
                raise Conflict(
                    f"{stream} is recorded, so there is no proof of its absence",
                    code="not-absent",
                    hint=f"See it with `muniment prove --state {stream}`.",
                )
        return proved

    def history(self, thing: str, *, disclose: Openings = False) -> Proved:
        """All events of a thing, with the proof that there are no others; a model's with those of all its versions.

        A model, a data set or an actor is named as `model/NAME`, `dataset/NAME`, `actor/ID` where the name alone means its
        newest version. Raises NotFound, InvalidInput (`too-many-events`, `too-long`).
        """
        return self._ask(HistoryQuestion(of=self._stream(thing)), disclose)

    def impact(self, dataset: str, *, disclose: Openings = False) -> Proved:
        """Which versions learned from a data set, through any number of steps, and where they run now.

        `loans` and `dataset/loans` mean all its versions, `loans@2` or a digest one of them. Raises NotFound, InvalidInput
        (`bad-question`, `too-many-things`, `too-many-events`).
        """
        kinds: list[ThingKind] = ["data"] if "@" in dataset else ["dataset"]
        try:
            stream = self._stream(dataset, kinds)
        except NotFound:
            stream = self._stream(dataset, ["data", "version"])
        return self._ask(ImpactQuestion(of=stream), disclose)

    def lineage(self, thing: str, direction: Direction = "up", *, disclose: Openings = False) -> Proved:
        """What a version or data set was made of (`up`), or what was made of it (`down`). Raises as `impact`."""
        return self._ask(LineageQuestion(direction=direction, of=self._stream(thing, ["version", "data"])), disclose)

    def blame(self, thing: str, path: str, target: Target | None = None, *, disclose: Openings = False) -> Proved:
        """Who set a parameter of a version or deployment, when and why: every value that it has had.

        Without a target the one under which something is recorded. Raises NotFound (`no-such-parameter`), InvalidInput
        (`ambiguous`), where several targets have this path.
        """
        stream = self._stream(thing, ["version", "deployment"])
        if target is None:
            with self._writer.engine.view() as view:
                target = parameters.find_target(view, stream, path)
        return self._ask(BlameQuestion(of=stream, path=path, target=target), disclose)

    def diff(self, a: str, b: str, *, disclose: Openings = False) -> Proved:
        """How two versions differ: data, parents, parameters, code, environment, seed, metrics, approvals. Raises NotFound."""
        return self._ask(DiffQuestion(a=self._stream(a, ["version"]), b=self._stream(b, ["version"])), disclose)

    def claim(self, claim: Claim, thing: str, environment: str | None = None, *, disclose: Openings = False) -> Proved:
        """Whether something holds of a version or data set now, such as `not-approved` for an environment.

        The answer proves either way: `findings.holds` says which. Raises NotFound, InvalidInput (`bad-claim`).
        """
        stream = self._stream(thing, ["data"] if claim.endswith("withdrawn") else ["version"])
        place = UNSET if environment is None else environment
        return self._ask(ClaimQuestion(claim=claim, environment=place, of=stream), disclose)

    def at(self, thing: str, moment: str = "now", *, disclose: Openings = False) -> Proved:
        """What a deployment (`environment/name`) ran, or how another thing stood, at a time; UTC unless the text says otherwise.

        The clock is that of the headers, the operator's claim. Raises NotFound, InvalidInput (`bad-time`).
        """
        when = time.format(system_clock()) if moment.lower() == "now" else time.parse_loosely(moment)
        stream = self._stream(thing)
        return self._ask(AtQuestion(stream=stream, time=when), disclose)

    def bundle(self, thing: str, *, disclose: Openings = False) -> Bundled:
        """One file with the proofs of a thing's whole life. Raises NotFound, InvalidInput (`too-many-events`, `too-long`)."""
        found = self.resolve(thing)
        stream = self._stream(thing)
        index = self.index
        running = [row for row in index.deployments() if found.kind == "version" and row.version == found.digest]
        contents = bundling.Contents(
            stream=stream,
            indices=tuple(index.stream_indices(stream)),
            states=tuple(f"deployment/{row.environment}/{row.name}" for row in running),
        )
        with self._writer.contact() as (view, contact):
            return bundling.bundle(self._writer, view, contact.pin, contents, disclose)

    def receipt(self, thing: str) -> str:
        """The C2SP tlog-proof text that a thing's entry is in the ledger."""
        found = self.resolve(thing)
        with self._writer.contact() as (view, _):
            return receipt.format(prover.prove_receipt(view, found.index))

    def export_tiles(self, folder: str | os.PathLike[str], progress: exporting.Progress | None = None) -> Exported:
        """Write the ledger in the C2SP static layout (`checkpoint`, `tile/...`). Raises Conflict, LedgerError (`not-written`)."""
        with self._writer.contact() as (view, _):
            return exporting.export_tiles(view, Path(folder), progress)

    def backup(self, target: str | os.PathLike[str]) -> Copied:
        """Copy the ledger and what belongs to it, without keys, to a new folder; only its file to `*.db`. Raises as `back_up`.

        A ledger at a node is backed up where it lies, or mirrored: InvalidInput (`not-at-a-node`).
        """
        if (url := self._writer.reach.url) is not None:
            raise InvalidInput(
                f"a backup needs the ledger's own folder, and this one is at {url}",
                code="not-at-a-node",
                hint="Back it up on the machine where it lies; `muniment mirror` copies what is public of it, and verifies it.",
            )
        return copying.back_up(self._writer.home, Path(target))

    def _ask(self, question: Question, disclose: Openings = False) -> Proved:
        """The answer to a question; the index says where the entries of each stream stand."""
        return proving.prove(self._writer, question, self._hint, disclose)

    def _hint(self, stream: str) -> Sequence[int]:
        return self.index.stream_indices(stream)

    def _stream(self, thing: str, kinds: Collection[ThingKind] | None = None) -> str:
        """The stream of a thing; one that was never recorded may be named as a whole, such as `deployment/production/x`."""
        kind, _, name = thing.partition("/")
        if kinds is None and kind in ("actor", "dataset", "model") and "@" not in thing:
            kinds = [kind]  # type: ignore[list-item]
        try:
            found = self.resolve(thing, kinds)
        except NotFound:
            if not name or kind not in (get_args(ThingKind) if kinds is None else kinds):
                raise
            _check_stream(thing)
            return thing
        if found.stream is None:
            raise NotFound(f"{thing} is the header of a block, which has no history", code="no-history", hint="Name a thing.")
        return found.stream


def _check_stream(text: str) -> None:
    try:
        msgspec.convert(text, Stream)
    except msgspec.ValidationError:
        raise InvalidInput(
            f"{text[:200]!r} is no stream",
            code="bad-stream",
            hint="Write its whole name, such as version/<64 hex digits>, approval/<event id>, model/NAME, deployment/ENV/NAME.",
        ) from None
