"""What a verification found: everything that a person wants to be told, as plain values (docs/spec, section 10.5).

A `Verified` exists only after every step held. It never says more than was shown: each time names its clock, each record
says whose word the state is, and what was not compared is said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from muniment.core.format.difference import Difference
from muniment.core.format.encoding import Value
from muniment.core.format.state_map import Record
from muniment.core.proof.answer import Question, Result, Whole
from muniment.core.proof.authority import Basis, Tier, Voice
from muniment.core.proof.evidence import Relation
from muniment.core.proof.inquiry import Block
from muniment.core.rules.events.predicate import Grade

Absent = msgspec.UnsetType
UNSET = msgspec.UNSET

KeyStanding = Literal["in-force", "ended", "disputed"]
Held = Literal["in-this-file", "not-in-this-file"]
Led = Literal["former", "later"]
"""Whether a trust path led to members before the reader's own, or on to those after them."""


class Found(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """The shape of everything that is reported."""


class Clock(Found, frozen=True, kw_only=True):
    """A time and whose clock it is, in words."""

    whose: str
    time: str


class Signer(Found, frozen=True, kw_only=True):
    """Who signed, and how his key and he himself stand in the newest header's state.

    key: the public key, 64 hex
    standing: `in-force`; `ended` after this entry, at `until`; or `disputed` since `disputed_from`, at or before it
    roles: those held now; `unchanged` says that the actor's record has not changed since before this entry
    """

    actor: str
    key: str
    standing: KeyStanding
    since: int
    until: int | Absent = UNSET
    disputed_from: int | Absent = UNSET
    kind: str
    organisation: str | Absent = UNSET
    responsible: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    status: str
    unchanged: bool


class Thing(Found, frozen=True, kw_only=True):
    """Something with a digest that a statement is about, and what it is called."""

    name: str
    digest: str


class SealedField(Found, frozen=True, kw_only=True):
    """A sealed field of a statement, and its value if the answer opens it."""

    path: str
    sealed: str
    value: object = UNSET


class Said(Found, frozen=True, kw_only=True):
    """A signed event: what its actor says. `predicate` is the statement's own JSON, read when somebody asks for it.

    `block` is the block that sealed it, where the answer shows that; `signer` is absent where no state was shown (a receipt).
    `event_form` is "unknown" for an event that this release has no schema for, whose fields are shown as they are.
    """

    index: int
    event: str
    event_id: str
    actor: str
    occurred_at: str
    grade: Grade | Absent = UNSET
    raw: msgspec.Raw = msgspec.field(name="predicate")
    things: tuple[Thing, ...] = ()
    sealed: tuple[SealedField, ...] = ()
    known: bool
    block: Block | Absent = UNSET
    signer: Signer | Absent = UNSET

    @property
    def predicate(self) -> Mapping[str, Value]:
        """What is said, as plain values."""
        found: dict[str, Value] = msgspec.json.decode(self.raw)
        return found


class Shown(Found, frozen=True, kw_only=True):
    """A stream's record under the newest header; absent where the proof shows that there is none."""

    stream: str
    record: Record | Absent = UNSET


class Moment(Found, frozen=True, kw_only=True):
    """What an answer to "at a time" rests on: the block that was newest then, and the one after it.

    Without `next` this is the latest sealed state, and nothing is said about the time asked for.
    """

    block: Block
    next: Block | Absent = UNSET


class Serving(Found, frozen=True, kw_only=True):
    """What a deployment runs since entry `since`; where it is not running, `version` ran there last and `since` stopped it."""

    running: bool
    since: int
    version: Thing


class Subject(Found, frozen=True, kw_only=True):
    """The files that the answer is about: their manifest root, where its lines are, and whether files were compared."""

    thing: Thing
    held: Held
    compared: bool
    difference: Difference | Absent = UNSET


class Ground(Found, frozen=True, kw_only=True):
    """What every verification says about the checkpoint beneath it.

    signed: whether a key of the ledger signed it (in a consortium the votes may stand in for it)
    tier, basis, basis_by: how much weight it has, whose word the state is, and the organisations behind that
    voices, quorum, known: the organisations that cosigned, how many the trust file asks for, how many it lists
    led: whether a trust path led from the reader's members to later ones, or to former ones, who judged it; absent for his own
    pin: how it relates to what this client had seen; absent where that was not compared
    """

    origin: str
    ledger: str
    size: int
    root: str
    signed: bool
    tier: Tier
    basis: Basis
    basis_by: tuple[str, ...] = ()
    voices: tuple[Voice, ...] = ()
    quorum: int = 0
    known: int = 0
    led: Led | Absent = UNSET
    pin: Relation | Absent = UNSET


class Verified(Found, frozen=True, kw_only=True):
    """An answer that held.

    head: the newest block of the checkpoint; every record below is as of it
    current: the checkpoint was fresh by `clocks`' first entry and not older than what was pinned; else it holds "as of height H"
    clocks: each time that bounds the checkpoint, with its clock
    said: signed events, by index
    history: which of them are the past of the stream asked about
    streams: which of them are all entries of these streams
    serving: what the deployment that was asked about ran at the time
    """

    ground: Ground
    question: Question
    result: Result
    head: Block
    current: bool
    clocks: tuple[Clock, ...]
    said: tuple[Said, ...] = ()
    history: tuple[int, ...] = ()
    streams: tuple[Whole, ...] = ()
    states: tuple[Shown, ...] = ()
    moment: Moment | Absent = UNSET
    serving: Serving | Absent = UNSET
    subject: Subject | Absent = UNSET


class VerifiedReceipt(Found, frozen=True, kw_only=True):
    """A receipt that held. `included` is False where neither entry nor leaf was at hand: only the checkpoint was verified."""

    ground: Ground
    index: int
    included: bool
    clocks: tuple[Clock, ...]
    said: Said | Absent = UNSET
    header: Block | Absent = UNSET


class VerifiedBundle(Found, frozen=True, kw_only=True):
    """A bundle that held: each answer and receipt in it, and the sizes of the checkpoints, all of one history."""

    answers: tuple[Verified, ...] = ()
    receipts: tuple[VerifiedReceipt, ...] = ()
    sizes: tuple[int, ...] = ()
