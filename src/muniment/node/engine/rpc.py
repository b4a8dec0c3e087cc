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

from muniment.core.format import layout
from muniment.errors import Unavailable
from muniment.net.address import Address
from muniment.net.reply import Lost, Pool, Reply

T = TypeVar("T")
Taken = Literal["taken", "pending"]

MAX_ANSWER_BYTES = 64 << 20
CONNECT_S = 1.0
READ_S = 10.0

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
_BEFORE = b'{"jsonrpc":"2.0","id":0,"method":"broadcast_tx_sync","params":{"tx":"'
_AFTER = b'"}}'
# Its errors have one code for everything; only the text tells (v0.38.25, mempool/errors.go).
_FULL = ("mempool is full",)
_KNOWN = ("tx already exists in cache",)


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How far the engine is, and whether it takes blocks from others still."""

    height: int
    catching_up: bool


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
            raise Unavailable(
                f"the engine did not take a transaction: {answer.log[:300]}",
                code="engine-refused",
                hint="`muniment node status` says whether the application here is well.",
            )
        return "taken"

    def status(self) -> Status:
        """Where it stands."""
        found = self._call("status", _Status).sync_info
        return Status(height=int(found.latest_block_height), catching_up=found.catching_up)

    def count_peers(self) -> int:
        """How many other engines it is connected to now."""
        return int(self._call("net_info", _NetInfo).n_peers)

    def unconfirmed(self) -> int:
        """How many transactions wait for a block."""
        return int(self._call("num_unconfirmed_txs", _Unconfirmed).total)

    def forward(self, body: bytes) -> bytes:
        """The engine's answer to a JSON-RPC request, as it is."""
        return self._send(body).body

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            if self._pool is not None and self._process == os.getpid():
                self._pool.close()
            self._pool = None

    def _call(self, method: str, type_: type[T]) -> T:
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": 0, "method": method, "params": {}})
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


class _SyncInfo(msgspec.Struct, frozen=True):
    latest_block_height: str
    catching_up: bool


class _Status(msgspec.Struct, frozen=True):
    sync_info: _SyncInfo


class _NetInfo(msgspec.Struct, frozen=True):
    n_peers: str


class _Unconfirmed(msgspec.Struct, frozen=True):
    total: str


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


layout.settle(globals().values())
