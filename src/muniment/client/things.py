"""What the SDK hands back: names beside digests, and where each thing stands in the ledger."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Literal

import msgspec

from muniment.core.format import digest
from muniment.core.rules.policy import Reason


class Recorded(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event in the ledger. `index` and `height` are -1 while it waits in the spool, and `obstacle` says what for; `again` marks
    a repetition.

    `receipt` is the C2SP tlog-proof text, already verified by this client.
    """

    event: str
    event_id: str
    index: int = -1
    height: int = -1
    again: bool = False
    receipt: str = ""
    obstacle: str = ""

    @property
    def sealed(self) -> bool:
        """Has the ledger acknowledged it?"""
        return self.index >= 0

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(self.event)}</code> <small>{_place(self)}</small>"


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the ledger would answer to an event as of its `size`: advice, and nothing was written.

    `event` is empty where there was nothing to record. `index` is where a repeated event stands already, else -1.
    """

    event: str = ""
    decision: Literal["admitted", "refused", "repeated"]
    size: int
    index: int = -1
    reasons: tuple[Reason, ...] = ()

    @property
    def admitted(self) -> bool:
        """Does nothing speak against it?"""
        return self.decision != "refused"

    def __str__(self) -> str:
        if not self.event:
            return "There would be nothing to record."
        said = {"admitted": "be admitted", "refused": "be refused", "repeated": "change nothing: it is recorded already"}
        stands = "1 entry" if self.size == 1 else f"{self.size} entries"
        return f"{self.event} would {said[self.decision]}, as the ledger stands ({stands})."

    def _repr_html_(self) -> str:
        reasons = "".join(f"<li>{html.escape(reason.sentence())}</li>" for reason in self.reasons)
        return html.escape(str(self)) + (f"<ul>{reasons}</ul>" if reasons else "")


class _Thing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something with a name, a digest and, once sealed, a number; and how many files it was read from, with their bytes."""

    name: str
    digest: str
    number: int | None
    files: int
    bytes: int
    recorded: Recorded

    @property
    def title(self) -> str:
        """The name with its number, as commands take it: `credit-risk@3`."""
        return self.name if self.number is None else f"{self.name}@{self.number}"

    def __str__(self) -> str:
        return f"{self.title} · {digest.short(self.digest)}"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(str(self))}</code> <small>{_place(self.recorded)}</small>"


class Dataset(_Thing, frozen=True, kw_only=True):
    """A registered data set; `digest` is its manifest root."""


class Version(_Thing, frozen=True, kw_only=True):
    """A registered version of a model; `digest` is its manifest root, `number` is None until it is sealed."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a model must reach."""

    id: str
    recorded: Recorded

    def _repr_html_(self) -> str:
        return f"<code>plan {html.escape(self.id)}</code> <small>{_place(self.recorded)}</small>"


def in_html(sentences: Sequence[str]) -> str:
    """Sentences for a notebook: the answer first, the rest below it."""
    first, *rest = [html.escape(each) for each in sentences] or [""]
    return f"<b>{first}</b>" + "".join(f"<br><small>{each}</small>" for each in rest)


def _place(recorded: Recorded) -> str:
    return f"entry {recorded.index}" if recorded.sealed else "waiting to be sent"
