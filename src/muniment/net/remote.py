"""A ledger at a node, as an engine (ledger.engine.Engine): whatever the node says is checked before it is believed.

    remote = Remote(Transport(address.parse(url), token), trust, Reader(recall=..., keep=...))
    verdicts = remote.append(entries)           # proved to be in the ledger when this returns
    with remote.view() as view: ...             # as of the newest block; every entry with its proof

One `append` costs one round trip: the node answers with the block and the proofs, which are the next view. What a node can do
is be away, or leave things out of lists; it cannot show an entry, a record or a time that the ledger did not sign.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from muniment.core.format import merkle
from muniment.core.format.statement import Sealed
from muniment.core.proof import answer as answers
from muniment.core.proof import evidence
from muniment.core.proof import path as paths
from muniment.core.proof.answer import Answer, Opened, Question
from muniment.core.proof.evidence import Pin, Relation, SplitView
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify.statement import find_sealed
from muniment.core.rules import chain
from muniment.core.rules.chain import Submission
from muniment.core.rules.policy import Verdict
from muniment.errors import InvalidInput, VerificationError
from muniment.net import frames, judging, wire
from muniment.net.entries import Entries
from muniment.net.frames import Opened as OpenedFrame
from muniment.net.reader import STRANGER, Follow, Named, Reader
from muniment.net.transport import Transport
from muniment.net.view import RemoteView, read_path
from muniment.net.wire import Frame, Judged, Rehearsed, Submitted

KEPT_S = 1.0

_INCLUSION_STEP = 7
_AUTHORITY_STEPS = (3, 4)


class Remote(Named):
    """A ledger at a node. Safe for threads and after a fork."""

    def __init__(self, transport: Transport, trust: Trust, reader: Reader = STRANGER) -> None:
        super().__init__(trust)
        self.transport = transport
        self._reader = reader
        self._followed = 0
        self._entries = Entries(transport)
        self._seen: Pin | None = None
        # The view of a thread's own last `append`.
        self._own = threading.local()

    @property
    def seen(self) -> Pin | None:
        """The newest checkpoint that this node showed in this process."""
        return self._seen

    def append(self, entries: Sequence[bytes]) -> list[Verdict]:
        """Judge signed envelopes in order; what is admitted is durable, and was shown to be in the ledger, when this returns.

        Raises InvalidInput for bad form or signature (then nothing was sent), Unavailable where the node cannot be reached or
        cannot write: then an entry may be in the ledger all the same, and submitting it again tells; VerificationError where
        the node's answer does not hold.
        """
        verdicts: list[Verdict] = []
        for batch in judging.divide(chain.open_submissions(entries), entries):
            verdicts += self._submit(batch)
        return verdicts

    def judge(self, entries: Sequence[bytes]) -> list[Verdict]:
        """What `append` would answer now, by the node's word; nothing is written."""
        verdicts: list[Verdict] = []
        for batch in judging.divide(chain.open_submissions(entries), entries):
            body = wire.Submission(entries=tuple(msgspec.Raw(raw) for _, raw in batch))
            told = self.transport.ask("/v1/judgements", body, Rehearsed)
            verdicts += [judging.read(each, submission) for each, (submission, _) in judging.pair(told.verdicts, batch)]
        return verdicts

    @contextmanager
    def view(self) -> Iterator[RemoteView]:
        """The ledger as of its newest sealed block. Raises SplitView where it does not continue what was seen of it."""
        yield self.look()

    def look(self, opened: OpenedFrame | None = None) -> RemoteView:
        """A view of the newest block, raising as `view`; or of a block that was checked elsewhere, read from this node."""
        found = opened or self._take_own() or self.meet(lambda since: self.transport.read("/v1/view", Frame, query=_since(since)))
        return RemoteView(self, self._entries, found)

    def meet(self, ask: Callable[[int | None], Frame]) -> OpenedFrame:
        """Check a frame that the node gives now, and that it continues what was seen before the node was asked."""
        seen = self._newest()
        since: int | None = None if seen is None else seen.size
        try:
            frame = ask(since)
        except InvalidInput as error:
            if error.code != "bad-size":
                raise
            # The node says it has fewer entries: see what it has, for the evidence.
            since, frame = None, ask(None)
        opened = self._open(frame, since, 0 if seen is None else seen.size)
        self._compare(seen, opened)
        if self._seen is None or self._seen.size < opened.size:
            self._seen = opened.pin
        self._entries.note_header(opened.header)
        return opened

    def prove(self, question: Question, disclose: wire.Disclose = False) -> Answer:
        """The node's answer to a question, as of its newest block. It is about this question; nobody has verified it yet."""
        raw = self.transport.send("/v1/answers", wire.Asking(question=question, disclose=disclose), limit=answers.MAX_ANSWER_BYTES)
        try:
            answer = answers.decode(raw)
        except InvalidInput as error:
            raise VerificationError(f"the node's answer has no valid form: {error}", step=1, code=error.code) from None
        if answer.question != question:
            raise VerificationError("the node answered another question", step=1, code="other-question")
        return answer

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The node's proof that the tree of `new` entries extends that of `old` ones; whoever knows the roots checks it."""
        query = (("old", str(old)), ("new", str(new)))
        return frames.parse_hashes(self.transport.read("/v1/proofs/consistency", wire.Proof, query=query).hashes)

    def close(self) -> None:
        """Let go of connections."""
        self.transport.close()

    def _open(self, frame: Frame, since: int | None, size: int) -> OpenedFrame:
        """Check a frame, by those who were led to where the members have changed meanwhile; `size` was seen before.

        Who shows less than was seen leads nowhere: that would be back.
        """
        follow = self._reader.follow
        try:
            opened = frames.open_frame(frame, self.trust, since)
        except VerificationError as error:
            leads = error.step in _AUTHORITY_STEPS and frame.size >= size
            if follow is None or not leads or not self._lead(follow, frame):
                raise
            return frames.open_frame(frame, self.trust, since)
        if follow is None or opened.changed <= self._followed or opened.size < size:
            return opened
        try:
            led = self._lead(follow, frame)
        except VerificationError:
            # Those whom this client knows have signed it: that is enough, and nothing else is learnt from this node.
            return opened
        return frames.open_frame(frame, self.trust, since) if led else opened

    def _lead(self, follow: Follow, frame: Frame) -> bool:
        """Walk the node's path; False where it leads nowhere new."""
        steps = read_path(self.transport) if frame.changed else ()
        try:
            trust = follow(self.trust, steps) if steps else self.trust
            self._followed = paths.read_end(steps)
        except InvalidInput as error:
            # It is the node's word, and no fault of whoever asked.
            raise VerificationError(f"the node's path has no valid form: {error}", step=1, code=error.code) from None
        led = trust != self.trust
        self.trust = trust
        return led

    def _submit(self, batch: Sequence[tuple[Submission, bytes]]) -> list[Verdict]:
        self._reader.prepare()
        opened_fields = tuple(each for submission, _ in batch for each in self._open_fields(submission))
        body = wire.Submission(entries=tuple(msgspec.Raw(raw) for _, raw in batch), disclosures=opened_fields)
        answered: list[Submitted] = []

        def ask(since: int | None) -> Frame:
            answered.append(self.transport.ask("/v1/entries", body, Submitted, query=_since(since)))
            return answered[-1].view

        opened = self.meet(ask)
        verdicts: list[Verdict] = []
        for judged, (submission, raw) in judging.pair(answered[-1].verdicts, batch):
            verdict = judging.read(judged, submission)
            if verdict.decision != "refused":
                if verdict.index < 0:
                    raise judging.bad("it names no entry")
                self._check_place(verdict, judged, submission, raw, opened)
            verdicts.append(verdict)
        if all(each.decision != "refused" for each in verdicts):
            # What was refused may be recorded in a later block: then the next view is asked for.
            self._own.view = time.monotonic(), os.getpid(), opened
        return verdicts

    def _check_place(self, verdict: Verdict, judged: Judged, submission: Submission, raw: bytes, opened: OpenedFrame) -> None:
        """Check that an entry, or what it repeats, is in the ledger where the node says."""
        if judged.proof is not msgspec.UNSET and verdict.index < opened.size:
            proof = frames.parse_hashes(judged.proof)
            try:
                merkle.check_inclusion(merkle.leaf(raw), verdict.index, opened.size, proof, opened.root)
            except VerificationError:
                if verdict.decision == "admitted":
                    raise
            else:
                height = None if judged.height is msgspec.UNSET else judged.height
                self._entries.note(verdict.index, raw, opened.size, proof, height)
                return
        if verdict.decision == "admitted":
            raise VerificationError(
                f"the node does not show that entry {verdict.index} is in the ledger", step=_INCLUSION_STEP, code="entry-missing"
            )
        # Signed anew since, or the same thing registered by somebody else: the entry that stands there must say so.
        if not judging.is_repetition(self._entries.read(verdict.index, opened), submission):
            raise VerificationError(
                f"the node says that entry {verdict.index} has what was submitted, and it has not",
                step=_INCLUSION_STEP,
                code="inclusion-entry",
                details={"index": verdict.index},
            )

    def _open_fields(self, submission: Submission) -> Iterator[Opened]:
        """What opens the sealed fields of an event, as far as it is held here."""
        payload = submission.envelope.payload
        if b'"sealed"' not in payload:
            return
        for _, digest in find_sealed(msgspec.json.decode(payload)["predicate"]):
            found = self._reader.disclose(Sealed(digest))
            if found is not None:
                yield Opened(salt=found.salt, sealed=digest, value=found.value)

    def _newest(self) -> Pin | None:
        """What was seen last, in this process or another one."""
        pinned, seen = self._reader.recall(), self._seen
        if pinned is None or seen is None:
            return pinned or seen
        return max(pinned, seen, key=lambda each: each.size)

    def _compare(self, seen: Pin | None, opened: OpenedFrame) -> Relation | None:
        if seen is None:
            return None

        def prove(old: int, new: int) -> tuple[bytes, ...]:
            return opened.consistency if (old, new) == (opened.since, opened.size) else self.consistency(old, new)

        try:
            return evidence.check(seen, opened.head, prove, contact=True)
        except SplitView as split:
            raise SplitView(split.evidence, path=self._reader.keep(split.evidence)) from None

    def _take_own(self) -> OpenedFrame | None:
        """The view that came with this thread's last `append`, once, and while it is as new as anything that was seen."""
        kept: tuple[float, int, OpenedFrame] | None = self._own.__dict__.pop("view", None)
        if kept is None or kept[0] < time.monotonic() - KEPT_S or kept[1] != os.getpid():
            return None
        newest = self._newest()
        return kept[2] if newest is None or newest.size <= kept[2].size else None


def _since(size: int | None) -> tuple[tuple[str, str], ...]:
    return () if size is None else (("from", str(size)),)
