"""What the SDK hands back: names beside digests, and where each thing stands in the ledger."""

from __future__ import annotations

import html

import msgspec

from muniment.core.format import digest


class Recorded(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event in the ledger. `index` and `height` are -1 while it waits in the spool; `again` marks a repetition.

    `receipt` is the C2SP tlog-proof text, already verified by this client.
    """

    event: str
    event_id: str
    index: int = -1
    height: int = -1
    again: bool = False
    receipt: str = ""

    @property
    def sealed(self) -> bool:
        """Has the ledger acknowledged it?"""
        return self.index >= 0


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
        place = f"entry {self.recorded.index}" if self.recorded.sealed else "waiting to be sent"
        return f"<code>{html.escape(str(self))}</code> <small>{place}</small>"


class Dataset(_Thing, frozen=True, kw_only=True):
    """A registered data set; `digest` is its manifest root."""


class Version(_Thing, frozen=True, kw_only=True):
    """A registered version of a model; `digest` is its manifest root, `number` is None until it is sealed."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a model must reach."""

    id: str
    recorded: Recorded
