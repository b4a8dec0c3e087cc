"""A ledger at several nodes, as one engine (ledger.engine.Engine): one node is asked, and another where it fails or lies.

    several = Several(Ways((Transport(a), Transport(b))), trust, Reader(recall=..., keep=...))
    verdicts = several.append(entries)
    with several.view() as view: ...            # one block; another node may hand out what the first no longer does

All nodes share what was seen of the ledger, so that none can show another history than the others did. An event may be sent to a
second node after the first did not answer: it is known by its id, and the answer is then where it stands. Which node answered
matters to nobody, because nothing is believed that the quorum of the trust file, or the ledger's own key, did not sign.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import msgspec

from muniment.core.format import merkle
from muniment.core.format.entry import Header
from muniment.core.format.state_map import StateProof
from muniment.core.format.tiles import WIDTH
from muniment.core.proof.answer import Answer, Question
from muniment.core.proof.evidence import Pin
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.core.rules import chain
from muniment.core.rules.policy import Verdict
from muniment.errors import InvalidInput, LedgerError, MunimentError
from muniment.net import wire
from muniment.net.reader import STRANGER, Named, Reader
from muniment.net.remote import Remote
from muniment.net.transport import Transport
from muniment.net.view import BlockView, RemoteView
from muniment.net.ways import NodeWarning, Ways, is_of_node

T = TypeVar("T")


class Several(Named):
    """A ledger at one node or several. Safe for threads and after a fork; the arguments are those of `Remote`, for all of them."""

    def __init__(self, ways: Ways, trust: Trust, reader: Reader = STRANGER) -> None:
        super().__init__(trust)
        self.ways = ways
        self._reader = reader
        self._remotes: dict[Transport, Remote] = {}

    def append(self, entries: Sequence[bytes]) -> list[Verdict]:
        """Judge signed envelopes in order, at one node; raises as `Remote.append` where no node answers as it should.

        That an event is refused is a node's word, and nothing proves it: another one is asked whether it would take it.
        """
        try:
            node, verdicts = self.ask(partial(self._append, entries))
        except LedgerError as error:
            if isinstance(error.__cause__, InvalidInput):
                # All of them say so, as nodes of an earlier release may of an event that they do not know.
                raise error.__cause__ from None
            raise
        refused = [raw for raw, each in zip(entries, verdicts, strict=True) if each.decision == "refused"]
        if not refused or not self.ways.are_several:
            return verdicts
        lost: MunimentError | None = None
        for other in map(self._reach, self.ways.others(node.transport)):
            try:
                if all(each.decision == "refused" for each in other.judge(refused)):
                    return verdicts
            except MunimentError as error:
                if not is_of_node(error):
                    raise
                continue
            warnings.warn(
                f"{node.transport.address.url} refused what {other.transport.address.url} takes: it was sent there.",
                NodeWarning,
                stacklevel=2,
            )
            try:
                return other.append(entries)
            except MunimentError as error:
                if not is_of_node(error):
                    raise
                lost = error
        if lost is not None:
            # It may be in the ledger by now: that it was refused is no answer any more.
            raise lost
        return verdicts

    def judge(self, entries: Sequence[bytes]) -> list[Verdict]:
        """What `append` would answer now, by one node's word; nothing is written."""
        return self.ask(lambda node: node.judge(entries))

    @contextmanager
    def view(self) -> Iterator[SeveralView]:
        """The newest sealed block of the node that answers. Raises SplitView where every node contradicts what was seen."""
        yield SeveralView(self, *self.ask(lambda node: (node, node.look())))

    def prove(self, question: Question, disclose: wire.Disclose, check: Callable[[Answer], T]) -> T:
        """A node's answer to a question, as far as `check` believes it: what that raises leads to the next node."""
        return self.ask(lambda node: check(node.prove(question, disclose)))

    def ask(self, question: Callable[[Remote], T], *, first: Remote | None = None) -> T:
        """What the first node answers that answers as it should (net.ways.Ways.ask)."""
        return self.ways.ask(lambda way: question(self._reach(way)), first=None if first is None else first.transport)

    def recall(self) -> Pin | None:
        """The newest checkpoint that any node showed in this process, or that this client remembers."""
        known = [self._reader.recall(), *[each.seen for each in tuple(self._remotes.values())]]
        return max((each for each in known if each is not None), key=lambda each: each.size, default=None)

    def close(self) -> None:
        """Let go of connections."""
        self.ways.close()

    def _append(self, entries: Sequence[bytes], node: Remote) -> tuple[Remote, list[Verdict]]:
        try:
            return node, node.append(entries)
        except InvalidInput as error:
            if not self.ways.are_several:
                raise
            # Raises the same where it is so.
            chain.open_submissions(entries)
            raise LedgerError(f"it finds fault with the form of what is well formed: {error}", code="form-refused") from error

    def _reach(self, way: Transport) -> Remote:
        found = self._remotes.get(way)
        if found is None:
            # Two threads may make one each: whoever comes second keeps that of the first.
            made = Remote(way, self.trust, msgspec.structs.replace(self._reader, recall=self.recall))
            found = self._remotes.setdefault(way, made)
        return found


class SeveralView(BlockView):
    """A view of one block; where the node that showed it fails, another one is asked for what belongs to the same block."""

    def __init__(self, several: Several, node: Remote, view: RemoteView) -> None:
        super().__init__(view.opened)
        self._several = several
        self._node = node
        self._view = view

    def entry(self, index: int) -> bytes:
        """The exact bytes of an entry, which is shown to be in this view's tree. Raises NotFound."""
        return self._ask(lambda view: view.entry(index))

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Index and exact bytes of the entries in [start, stop), read from tiles that lead to this view's root."""
        at, end = max(start, 0), min(stop, self.size)
        while at < end:
            # One bundle at a time: where a node fails in the middle, the next one goes on there.
            until = min((at // WIDTH + 1) * WIDTH, end)
            yield from self._ask(partial(_read_entries, at, until))
            at = until

    def find(self, event_id: str) -> int | None:
        """The entry of the event with this id; that there is none is the node's word."""
        return self._ask(lambda view: view.find(event_id))

    def header(self, height: int) -> Header:
        """The header of a height. Raises NotFound."""
        return self._ask(lambda view: view.header(height))

    def sealed_by(self, index: int) -> int:
        """The height of the block that sealed an entry, by the headers around it. Raises NotFound."""
        return self._ask(lambda view: view.sealed_by(index))

    def height_at(self, time: str) -> int | None:
        """The newest height whose header time is at or before `time`, by that header and the next one."""
        return self._ask(lambda view: view.height_at(time))

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The proof that entry `index` is in the tree of `size` entries; whoever knows the root checks it."""
        if not self._several.ways.are_several or size != self.size:
            return self._ask(lambda view: view.inclusion(index, size))

        def prove(view: RemoteView) -> tuple[bytes, ...]:
            proof = view.inclusion(index, size)
            # As below: so a false one is noticed while another node can be asked.
            merkle.check_inclusion(merkle.leaf(view.entry(index)), index, size, proof, self.opened.root)
            return proof

        return self._ask(prove)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that the tree of `new` entries extends that of `old` ones; where both roots are known here, it is checked."""
        pin = self._several.recall()
        if not self._several.ways.are_several or pin is None or (pin.size, self.size) != (old, new):
            return self._ask(lambda view: view.consistency(old, new))
        root = bytes.fromhex(pin.root)

        def prove(view: RemoteView) -> tuple[bytes, ...]:
            proof = view.consistency(old, new)
            # Checked by whoever asks as well: there a false proof would accuse the ledger, and here only the node.
            merkle.check_consistency(old, new, proof, root, self.opened.root)
            return proof

        return self._ask(prove)

    def record(self, stream: str) -> bytes | None:
        """The record of a stream under the newest header, by a proof: it may be of a later block than this view, never earlier."""
        return self._ask(lambda view: view.record(stream))

    def path(self, *, named: bool = False) -> tuple[Step, ...]:
        """How the members came to be who they are; whoever walks it checks it (core.proof.path)."""
        return self._ask(lambda view: view.path(named=named))

    def prove_state(self, stream: str) -> StateProof:
        """The proof of a stream's record under this view's header. Raises Unavailable (`moved`) once there is a newer one."""
        return self._ask(lambda view: view.prove_state(stream))

    def _ask(self, question: Callable[[RemoteView], T]) -> T:
        def ask(node: Remote) -> T:
            view = self._view if node is self._node else node.look(self.opened)
            answer = question(view)
            self._node, self._view = node, view
            return answer

        return self._several.ask(ask, first=self._node)


def _read_entries(start: int, stop: int, view: RemoteView) -> list[tuple[int, bytes]]:
    return list(view.entries(start, stop))
