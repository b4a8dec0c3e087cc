"""What orders blocks, behind one shape: embedded now, others later, all over the same state machine.

An engine takes signed entries and gives verdicts; a view answers questions as of one sealed block, so that whatever a proof
is made of belongs together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from muniment.core.format.entry import Header
from muniment.core.format.state_map import StateProof
from muniment.core.proof.path import Step
from muniment.core.rules.policy import Verdict


class View(Protocol):
    """A ledger as of one sealed block; valid inside its context manager."""

    @property
    def checkpoint(self) -> bytes:
        """The signed checkpoint that ends at the newest header."""

    @property
    def size(self) -> int:
        """How many entries there are; the newest header is the last."""

    @property
    def height(self) -> int:
        """The height of the newest header."""

    def entry(self, index: int) -> bytes:
        """The exact bytes of an entry. Raises NotFound."""

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Index and exact bytes of the entries in [start, stop)."""

    def find(self, event_id: str) -> int | None:
        """The entry of the event with this id."""

    def header(self, height: int) -> Header:
        """The header of a height. Raises NotFound."""

    def sealed_by(self, index: int) -> int:
        """The height of the block that sealed an entry. Raises NotFound."""

    def height_at(self, time: str) -> int | None:
        """The newest height whose header time is at or before `time`; None before the genesis."""

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The proof that entry `index` is in the tree of `size` entries."""

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that the tree of `new` entries extends that of `old` ones."""

    def record(self, stream: str) -> bytes | None:
        """The record of a stream, canonical, without a proof. Over a network it may be of a later block, never of an earlier."""

    @property
    def changed(self) -> int:
        """The size of the newest checkpoint before this one that changed the members; 0 where none did."""

    def path(self, *, named: bool = False) -> tuple[Step, ...]:
        """How the members of a consortium came to be those who judge its checkpoint; empty in a ledger without members.

        Where a ledger moved in, the first members stand behind what named them: a path to them over that only with `named`.
        """

    def prove_state(self, stream: str) -> StateProof:
        """The proof of a stream's record, or of its absence, under the newest header.

        Over a network it raises Unavailable (`moved`) once that is no longer the ledger's newest one.
        """


class Engine(Protocol):
    """A ledger that can be written and read."""

    @property
    def origin(self) -> str:
        """The ledger's origin, as in its checkpoints."""

    @property
    def ledger(self) -> str:
        """The ledger's id: 64 hex."""

    def append(self, entries: Sequence[bytes]) -> list[Verdict]:
        """Judge signed envelopes in order; what is admitted is durable when this returns. Raises InvalidInput for bad form."""

    def judge(self, entries: Sequence[bytes]) -> list[Verdict]:
        """What `append` would answer now; nothing is written."""

    def view(self) -> AbstractContextManager[View]:
        """The ledger as of its newest sealed block."""

    def close(self) -> None:
        """Let go of files and connections."""
