"""How a node without blocks begins from a snapshot: which nodes its engine asks, and which block it believes first.

    start = arrival.find_start(home.load_consortium(), store.validators, settings.peers)
    arrival.write(home, start)                      # statesync.json, which `muniment node start` hands to the engine

The engine's light client follows headers from one that it is told to believe. That one is taken only if more than a third of the
members whom this ledger knows signed it, so that at least one honest member did, and all nodes that were asked name the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import msgspec

from muniment.core.rules.members import Validators
from muniment.errors import Conflict, InvalidInput, MunimentError, NotFound, Unavailable
from muniment.node import files
from muniment.node.engine.config_toml import StateSync
from muniment.node.light import calls, commit
from muniment.node.light.commit import Commit
from muniment.node.places import NodePlaces
from muniment.node.settings import Peer

SERVERS = 2
"""The engine takes no fewer: one is asked, the others are compared with it."""

MARGIN = 2
"""The block that is believed is so many behind the newest that two nodes have: one that lags or lies keeps nobody out."""

MAX_FILE_BYTES = 64 * 1024

AskCommit = Callable[[str, int], Commit]
"""From a node's address and a height (0: the newest) to who signed it."""

_trusted = re.compile(r"([1-9][0-9]{0,18}):([0-9A-Fa-f]{64})")


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine is told, and what a person is: who signed the block, which nodes were asked, who did not answer and why."""

    sync: StateSync
    signers: tuple[str, ...]
    asked: tuple[str, ...]
    silent: tuple[tuple[str, str], ...]


def parse_trusted(text: str) -> tuple[int, str]:
    """Height and header hash of a block that a person vouches for, `HEIGHT:HASH`. Raises InvalidInput (`bad-block`)."""
    match = _trusted.fullmatch(text)
    if match is None:
        raise InvalidInput(
            f"{text[:100]!r} names no block",
            code="bad-block",
            hint="Write it HEIGHT:HASH, of a block that another member reads to you from its engine: curl http://127.0.0.1:26657/commit",
        )
    return int(match[1]), match[2].upper()


def find_start(
    chain: str, validators: Validators, peers: Iterable[Peer], ask: AskCommit, trusted: tuple[int, str] | None = None
) -> Start:
    """Ask the other members for a block to begin with. `validators` are those whom this ledger knows.

    Raises Unavailable (`too-few-nodes`) where fewer than two answer, InvalidInput (`chain-too-young`) where there is nothing to
    take yet, Conflict (`blocks-differ`, `block-unvouched`).
    """
    found, silent = _ask_all(peers, ask, 0)
    newest = sorted((each.height for _, each in found), reverse=True)
    height = trusted[0] if trusted else (newest[SERVERS - 1] if len(newest) >= SERVERS else 0) - MARGIN
    if len(found) >= SERVERS and height < 1:
        raise InvalidInput(
            "the chain has hardly begun", code="chain-too-young", hint="Start the node: it takes all blocks in a moment."
        )
    told, lost = _ask_all([peer for peer, _ in found], ask, height) if height > 0 else ([], [])
    silent = (*silent, *lost)
    if len(told) < SERVERS:
        raise Unavailable(
            f"{SERVERS} other members must answer, and {len(told)} of them did"
            + "".join(f"; {name}: {why}" for name, why in silent),
            code="too-few-nodes",
            hint="Check the addresses in node.toml (`url` of each peer), and whether those nodes run.",
        )
    hashes = {each.block.hash.hex().upper() for _, each in told} | ({trusted[1]} if trusted else set())
    if len(hashes) != 1:
        raise Conflict(
            f"the nodes name different blocks at height {height}: {', '.join(sorted(each[:16] for each in hashes))}",
            code="blocks-differ",
            hint="Ask the members aloud which one is theirs, and remove the node that lies from node.toml.",
        )
    signers = commit.signers(told[0][1], chain, validators)
    if not trusted and 3 * len(signers) <= len(validators.members):
        raise Conflict(
            f"of the {len(validators.members)} members whom this ledger knows, {len(signers)} signed block {height}",
            code="block-unvouched",
            hint="Let a member read a block aloud to you, and run `muniment node join --trust HEIGHT:HASH`.",
        )
    return Start(
        sync=StateSync(servers=tuple(peer.url.rstrip("/") + calls.PATH for peer, _ in told), height=height, hash=hashes.pop()),
        signers=signers,
        asked=tuple(peer.organisation for peer, _ in told),
        silent=silent,
    )


def write(places: NodePlaces, sync: StateSync) -> None:
    """Keep what the engine is told at its next start, durably; without effect once it has blocks. Raises Unavailable."""
    files.write(places.state_sync, msgspec.json.format(msgspec.json.encode(sync)) + b"\n")


def load(places: NodePlaces) -> StateSync | None:
    """What the engine is to be told; None where nobody wrote it. Raises InvalidInput (`bad-node-settings`)."""
    try:
        return msgspec.json.decode(files.read(places.state_sync, MAX_FILE_BYTES), type=StateSync)
    except NotFound:
        return None
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            f"{places.state_sync} cannot be read: {error}",
            code="bad-node-settings",
            hint="Move it away, and run `muniment node join` again.",
        ) from None


def has_blocks(places: NodePlaces) -> bool:
    """Has the engine of this node begun already?"""
    return (places.engine / "data" / "blockstore.db").exists()


def _ask_all(
    peers: Iterable[Peer], ask: AskCommit, height: int
) -> tuple[Sequence[tuple[Peer, Commit]], tuple[tuple[str, str], ...]]:
    found: list[tuple[Peer, Commit]] = []
    silent: list[tuple[str, str]] = []
    for peer in peers:
        try:
            if not peer.url:
                raise NotFound("node.toml has no url for it")
            found.append((peer, ask(peer.url, height)))
        except MunimentError as error:
            silent.append((peer.organisation, str(error)))
    return found, tuple(silent)
