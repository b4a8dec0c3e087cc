"""CometBFT's `config.toml`: written anew at every start, from the few things that may differ between nodes.

Everything else has one value for all, each with its measured reason beside it. People edit `node.toml`
instead of this file. What is not said here has CometBFT's own default.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from muniment.node.engine import agreed
from muniment.node.settings import quote

NODE_ID_DIGITS = 40


class StateSync(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh node that begins from a snapshot: two or more RPC servers, and the block that is believed (its hash in hex)."""

    servers: tuple[str, ...]
    height: int
    hash: str


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one node's engine is told.

    name: how it is called in logs, the organisation
    socket: where the application listens
    p2p, rpc: `host:port` that it listens on, for other engines and for the application
    peers: `id@host:port` of the others
    silent: it follows the chain without a vote, with another key than its member's (node.engine.votes)
    """

    name: str
    socket: Path
    p2p: str
    rpc: str
    peers: tuple[str, ...] = ()
    state_sync: StateSync | None = None
    silent: bool = False


def format(settings: EngineSettings) -> str:
    """The text of the file."""
    return "\n".join((_BASE, _P2P, _MEMPOOL, "{state_sync}", _CONSENSUS)).format(
        state_sync=_state_sync(settings.state_sync),
        name=quote(settings.name),
        validator_key=quote("config/silent_key.json" if settings.silent else "config/priv_validator_key.json"),
        validator_state=quote("data/silent_state.json" if settings.silent else "data/priv_validator_state.json"),
        socket=quote(f"unix://{settings.socket}"),
        rpc=quote(f"tcp://{settings.rpc}"),
        p2p=quote(f"tcp://{settings.p2p}"),
        peers=quote(",".join(settings.peers)),
        members=quote(",".join(peer[:NODE_ID_DIGITS] for peer in settings.peers)),
        shared=_say(_share_a_host(settings)),
        packet=agreed.PACKET_BYTES,
        transaction=agreed.TRANSACTION_BYTES,
        mempool=256 * agreed.TRANSACTION_BYTES,
    )


def _share_a_host(settings: EngineSettings) -> bool:
    """Do two nodes stand behind one address, as they do on one machine?"""
    hosts = [peer.partition("@")[2].rpartition(":")[0] for peer in settings.peers]
    return len(set(hosts)) < len(hosts) or any(host in ("localhost", "[::1]") or host.startswith("127.") for host in hosts)


def _state_sync(wished: StateSync | None) -> str:
    if wished is None:
        return "[statesync]\nenable = false\n"
    return (
        "[statesync]\n# A fresh node begins from a snapshot of the others. Once it has blocks of its own, this is not looked at.\n"
        f"enable = true\nrpc_servers = {quote(','.join(wished.servers))}\n"
        f'trust_height = {wished.height}\ntrust_hash = {quote(wished.hash)}\ntrust_period = "87600h0m0s"\n'
        'discovery_time = "5s"\nchunk_request_timeout = "10s"\nchunk_fetchers = "4"\n'
    )


def _say(holds: bool) -> str:
    return "true" if holds else "false"


_BASE = """\
# CometBFT's settings, written by `muniment node start` at every start. Edit ../../node.toml instead.

moniker = {name}
priv_validator_key_file = {validator_key}
priv_validator_state_file = {validator_state}
proxy_app = {socket}
abci = "socket"
db_backend = "goleveldb"

# Errors of everything; from these parts also what they do. The node reads this log, and raises an alarm where it must.
log_level = "main:info,p2p:info,blocksync:info,statesync:info,evidence:info,*:error"
log_format = "json"

# Before it talks to another engine, the node is asked whether that one belongs to a member: a stranger could read every block.
filter_peers = true

[rpc]
# For this machine alone; the node submits here.
laddr = {rpc}
unsafe = false
pprof_laddr = ""
cors_allowed_origins = []
"""

_P2P = """\
[p2p]
laddr = {p2p}
persistent_peers = {peers}
# Members come in whatever else is connected.
unconditional_peer_ids = {members}
persistent_peers_max_dial_period = "10s"
# The members are known: no node asks others for addresses, nor gives any.
pex = false
addr_book_strict = false
# True where several nodes stand behind one address.
allow_duplicate_ip = {shared}
# Half the time until a block is committed; it costs nothing when idle.
flush_throttle_timeout = "10ms"
# A quarter to a half more events a second. The size of a packet must be the same at all nodes.
send_rate = 104857600
recv_rate = 104857600
max_packet_msg_payload_size = {packet}
"""

_MEMPOOL = """\
[mempool]
type = "flood"
# A transaction that was well-formed once stays so: what it may do is judged in its block.
recheck = false
broadcast = true
max_tx_bytes = {transaction}
max_txs_bytes = {mempool}
"""

_CONSENSUS = """\
[consensus]
# The least time between two blocks.
timeout_commit = "200ms"
# How long a proposer that is away holds up its turn.
timeout_propose = "750ms"
timeout_propose_delta = "250ms"
# Once more than two thirds have voted, how long the rest are waited for. After a proposer who was away, all have voted for
# nothing, and this wait follows all the same: with a second of it, a proposer's absence costs two.
timeout_prevote = "500ms"
timeout_prevote_delta = "250ms"
timeout_precommit = "250ms"
timeout_precommit_delta = "250ms"
peer_gossip_sleep_duration = "10ms"
# An idle ledger makes no blocks.
create_empty_blocks = false
create_empty_blocks_interval = "0s"
# With more, a node that was started again would stay away until others made blocks without it, and on an idle ledger for ever.
double_sign_check_height = 0

[storage]
# The ledger itself knows what became of each event.
discard_abci_responses = true

[tx_index]
indexer = "null"

[instrumentation]
prometheus = false
"""
