"""How a node of a consortium stands: what `muniment node status`, `/metrics` and the explorer's page about it show.

The application of a node makes one of these (`app.state.standing`); a server of a ledger with one operator has none.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class PeerStanding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Another member as this node last heard of it.

    `height`: of its newest block. `lag`: how many blocks it is behind this node, less than 0 where it is ahead. `heard`: when it
    was last heard, RFC 3339; empty if never. `agrees`: whether its newest checkpoint is this node's too; None where not known.
    """

    organisation: str
    url: str
    reached: bool
    height: int = -1
    lag: int = 0
    heard: str = ""
    agrees: bool | None = None


class CheckpointStanding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who cosigned the checkpoint of a height; `published`: whether it has the log's own line.

    `confirmed`: the time at or after which a quorum cosigned it, each by its own clock; empty where too few did. While nothing
    happens members sign the newest one anew.
    """

    height: int
    size: int
    time: str
    cosigners: tuple[str, ...]
    quorum: int
    published: bool
    confirmed: str = ""


class Alarm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something that a person should look at, since when. `organisation` is who it is about, where it is about somebody."""

    code: str
    text: str
    since: str
    organisation: str = ""


class FaultStanding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Proof of double signing that stands in a header."""

    organisation: str
    kind: str
    engine_height: int
    time: str
    height: int


class Standing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One node at one moment.

    `height` and `size` are the ledger's, `engine_height` is the consensus engine's. `engine`: running, catching-up, or
    away where it does not answer.
    `engine_peers`: how many other engines it is connected to. `waiting`: transactions that wait for a block.
    """

    organisation: str
    origin: str
    ledger: str
    release: str
    time: str
    height: int
    size: int
    sealed: str
    engine: str
    engine_height: int
    engine_peers: int
    waiting: int
    members: tuple[str, ...]
    quorum: int
    publisher: str
    protocol: int
    peers: tuple[PeerStanding, ...] = ()
    checkpoints: tuple[CheckpointStanding, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    faults: tuple[FaultStanding, ...] = ()


Stand = Callable[[], Standing]
"""Makes one now. May take some milliseconds: it reads the ledger."""
