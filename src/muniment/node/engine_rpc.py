"""What is asked of this node's own engine: JSON-RPC over HTTP to CometBFT, on connections that are kept.

    rpc = EngineRpc(address.parse("http://127.0.0.1:26657"))
    rpc.broadcast(transaction)          # "taken", or "pending" where the engine has it already
    rpc.status().height

Everything raises Unavailable: `engine-away` where it does not answer, `busy` where it holds too many transactions already. Whether
it is well is never asked here: an engine that has given up on consensus says that it is.
"""

from __future__ import annotations

import base64
import os
import threading
from typing import Literal, TypeVar

import msgspec

from muniment.errors import Unavailable
from muniment.net.address import Address
from muniment.net.reply import Lost, Pool, Reply

T = TypeVar("T")
Taken = Literal["taken", "pending"]

MAX_ANSWER_BYTES = 64 << 20
CONNECT_S = 1.0
READ_S = 10.0
PAGE = 100
"""The most validators that the engine lists at once; a consortium has fewer."""

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
_BEFORE = b'{"jsonrpc":"2.0","id":0,"method":"broadcast_tx_sync","params":{"tx":"'
_AFTER = b'"}}'
# Its errors have one code for everything; only the text tells (v0.38.25, mempool/errors.go).
_FULL = ("mempool is full",)
_KNOWN = ("tx already exists in cache",)


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How far the engine is. `time` is that of its newest block, RFC 3339 as the engine writes it; `power` 0: it has no vote."""

    node: str
    network: str
    height: int
    earliest: int
    time: str
    app_hash: str
    catching_up: bool
    address: str
    power: int


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Another engine that this one is connected to: its node id (40 hex), its name, and where it is."""

    node: str
    moniker: str
    remote: str


class Validator(msgspec.Struct, frozen=True, kw_only=True):
    """One who votes: address (40 lower hex), Ed25519 key (64 hex), power."""

    address: str
    key: str
    power: int


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block of the engine: who proposed it (40 lower hex), how many transactions, and the evidence in it as JSON."""

    height: int
    time: str
    proposer: str
    transactions: int
    evidence: tuple[msgspec.Raw, ...]


class EngineRpc:
    """The way to the engine. Safe for threads and after a fork."""

    def __init__(self, address: Address, *, connect_s: float = CONNECT_S, read_s: float = READ_S) -> None:
        self.address = address
        self._connect_s = connect_s
        self._read_s = read_s
        self._pool: Pool | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    def broadcast(self, transaction: bytes) -> Taken:
        """Have a transaction checked and passed on; that says nothing about whether it will ever be in a block.

        Raises Unavailable: `busy`, `engine-away`, and `engine-refused` where this node's own application did not take it.
        """
        body = b"".join((_BEFORE, base64.b64encode(transaction), _AFTER))
        try:
            answer = self._ask(body, _Checked)
        except _Told as told:
            if any(text in told.text for text in _KNOWN):
                return "pending"
            if any(text in told.text for text in _FULL):
                raise Unavailable(
                    "too many events wait for their block", code="busy", hint="Send them again in a moment.", retry_after=1.0
                ) from None
            raise told.error from None
        if answer.code != 0:
            raise Unavailable(f"the engine did not take a transaction: {answer.log[:300]}", code="engine-refused")
        return "taken"

    def status(self) -> Status:
        """Where it stands."""
        found = self._call("status", _Status)
        sync, validator = found.sync_info, found.validator_info
        return Status(
            node=found.node_info.id,
            network=found.node_info.network,
            height=int(sync.latest_block_height),
            earliest=int(sync.earliest_block_height or 0),
            time=sync.latest_block_time,
            app_hash=sync.latest_app_hash.lower(),
            catching_up=sync.catching_up,
            address=validator.address.lower(),
            power=int(validator.voting_power or 0),
        )

    def peers(self) -> tuple[Peer, ...]:
        """The engines that it is connected to now."""
        found = self._call("net_info", _NetInfo)
        return tuple(Peer(node=each.node_info.id, moniker=each.node_info.moniker, remote=each.remote_ip) for each in found.peers)

    def unconfirmed(self) -> int:
        """How many transactions wait for a block."""
        return int(self._call("num_unconfirmed_txs", _Unconfirmed).total)

    def validators(self, height: int | None = None) -> tuple[Validator, ...]:
        """Who votes at a height; None: at the newest one."""
        params = {"per_page": str(PAGE)} | ({} if height is None else {"height": str(height)})
        found = self._call("validators", _Validators, params)
        return tuple(
            Validator(address=each.address.lower(), key=base64.b64decode(each.pub_key.value).hex(), power=int(each.voting_power))
            for each in found.validators
        )

    def block(self, height: int) -> Block:
        """A block that the engine still has. Raises Unavailable (`engine-error`) where it does not."""
        found = self._call("block", _Blocked, {"height": str(height)}).block
        return Block(
            height=int(found.header.height),
            time=found.header.time,
            proposer=found.header.proposer_address.lower(),
            transactions=len(found.data.txs or ()),
            evidence=found.evidence.evidence or (),
        )

    def forward(self, body: bytes) -> bytes:
        """The engine's answer to a JSON-RPC request, as it is."""
        return self._send(body).body

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            if self._pool is not None and self._process == os.getpid():
                self._pool.close()
            self._pool = None

    def _call(self, method: str, type_: type[T], params: dict[str, str] | None = None) -> T:
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": 0, "method": method, "params": params or {}})
        try:
            return self._ask(body, type_)
        except _Told as told:
            raise told.error from None

    def _ask(self, body: bytes, type_: type[T]) -> T:
        """One answer. Raises Unavailable, and _Told where the engine itself says what is wrong."""
        return _read(self._send(body), type_)

    def _send(self, body: bytes) -> Reply:
        try:
            return self._open_pool().ask("POST", f"{self.address.url}/", body, dict(_HEADERS), MAX_ANSWER_BYTES)
        except Lost as lost:
            raise Unavailable(
                f"the engine of this node does not answer: {lost.error}",
                code="engine-away",
                hint="It is started again by itself; `muniment node status` says more.",
                retry_after=2.0,
            ) from None

    def _open_pool(self) -> Pool:
        if self._process != os.getpid():
            # Forked: the parent's connections are the parent's.
            self._lock, self._pool, self._process = threading.Lock(), None, os.getpid()
        with self._lock:
            if self._pool is None:
                # Here, because it loads the HTTP client.
                from muniment.net.connecting import Connections

                self._pool = Connections(self.address, None, self._connect_s, self._read_s, self._read_s)
            return self._pool


class _Told(Exception):
    """What the engine itself says is wrong."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def error(self) -> Unavailable:
        """The same for a caller who expected an answer."""
        return Unavailable(
            f"the engine of this node says: {self.text[:300]}", code="engine-error", hint="`muniment node status` says more."
        )


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    data: str = ""


class _Answer(msgspec.Struct, frozen=True):
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None


class _Checked(msgspec.Struct, frozen=True):
    code: int = 0
    log: str = ""


class _NodeInfo(msgspec.Struct, frozen=True):
    id: str
    network: str = ""
    moniker: str = ""


class _SyncInfo(msgspec.Struct, frozen=True):
    latest_block_height: str
    latest_block_time: str
    latest_app_hash: str
    catching_up: bool
    earliest_block_height: str = "0"


class _ValidatorInfo(msgspec.Struct, frozen=True):
    address: str
    voting_power: str


class _Status(msgspec.Struct, frozen=True):
    node_info: _NodeInfo
    sync_info: _SyncInfo
    validator_info: _ValidatorInfo


class _Peer(msgspec.Struct, frozen=True):
    node_info: _NodeInfo
    remote_ip: str


class _NetInfo(msgspec.Struct, frozen=True):
    peers: tuple[_Peer, ...] = ()


class _Unconfirmed(msgspec.Struct, frozen=True):
    total: str


class _Key(msgspec.Struct, frozen=True):
    value: str


class _Validator(msgspec.Struct, frozen=True):
    address: str
    pub_key: _Key
    voting_power: str


class _Validators(msgspec.Struct, frozen=True):
    validators: tuple[_Validator, ...]


class _Header(msgspec.Struct, frozen=True):
    height: str
    time: str
    proposer_address: str


class _Data(msgspec.Struct, frozen=True):
    txs: tuple[str, ...] | None = None


class _Evidence(msgspec.Struct, frozen=True):
    evidence: tuple[msgspec.Raw, ...] | None = None


class _Block(msgspec.Struct, frozen=True):
    header: _Header
    data: _Data
    evidence: _Evidence


class _Blocked(msgspec.Struct, frozen=True):
    block: _Block


def _read(reply: Reply, type_: type[T]) -> T:
    """The result in an answer. CometBFT tells its errors with status 500 as well."""
    try:
        answer = msgspec.json.decode(reply.body, type=_Answer)
        if answer.error is not None:
            raise _Told(f"{answer.error.message}: {answer.error.data}")
        return msgspec.json.decode(answer.result, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise Unavailable(
            f"the engine of this node answered {reply.status}, and not as the engine does",
            code="engine-away",
            hint="Is the address in node.toml that of the engine? `muniment node status` says more.",
            retry_after=2.0,
        ) from None
