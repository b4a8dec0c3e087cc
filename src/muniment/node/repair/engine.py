"""CometBFT's data while it does not run: what its stored blocks say of the ledger, and how it is taken back or emptied.

The blocks in its store were signed by more than two thirds of the validators, whatever this node's own application made of them.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from muniment import disk
from muniment.errors import Unavailable
from muniment.net import address
from muniment.node.engine import release
from muniment.node.engine.rpc import EngineRpc
from muniment.node.light.calls import Ask

START_SECONDS = 20.0
ROLLBACK_SECONDS = 120.0
_POLL_SECONDS = 0.05

WIPED = ("blockstore.db", "state.db", "evidence.db", "cs.wal", "tx_index.db")
"""All that the engine can get back from others. What the validator signed last stays: without it, it would sign twice."""


class _Header(msgspec.Struct):
    app_hash: str


class _Data(msgspec.Struct):
    txs: tuple[str, ...] = ()


class _Evidence(msgspec.Struct):
    evidence: tuple[msgspec.Raw, ...] = ()


class _Block(msgspec.Struct):
    data: _Data
    evidence: _Evidence


class _Result(msgspec.Struct):
    header: _Header | None = None
    block: _Block | None = None
    last_height: str = "0"


class _Answer(msgspec.Struct):
    result: _Result | None = None


class Blocks:
    """The engine's stored blocks. `last` is the height of the newest one, 0 where there is none."""

    def __init__(self, ask: Ask, last: int) -> None:
        self._ask = ask
        self.last = last

    def root(self, height: int) -> bytes | None:
        """The application hash after a height, as the block after it says; None where that block is not there."""
        found = _read(self._ask, "header", height=str(height + 1))
        return bytes.fromhex(found.header.app_hash) if found is not None and found.header is not None else None

    def is_empty(self, height: int) -> bool:
        """Was there nothing to judge in the block of a height? False where that is not known."""
        found = _read(self._ask, "block", height=str(height))
        block = None if found is None else found.block
        return block is not None and not block.data.txs and not block.evidence.evidence


def has_data(home: Path) -> bool:
    """Is there a store of blocks? `home` is the engine's."""
    return (home / "data" / "blockstore.db").is_dir() and (home / "data" / "state.db").is_dir()


@contextmanager
def open_blocks(program: Path, home: Path) -> Iterator[Blocks]:
    """The blocks, read by `cometbft inspect`, which serves them at a port of this machine meanwhile. Raises Unavailable."""
    port = _find_port()
    command: list[str | Path] = [program, "inspect", "--home", str(home), "--rpc.laddr", f"tcp://127.0.0.1:{port}"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=release.clear(os.environ)
    )
    rpc = EngineRpc(address.parse(f"http://127.0.0.1:{port}"))
    try:
        yield Blocks(rpc.forward, _wait(process, rpc.forward))
    finally:
        rpc.close()
        process.terminate()
        try:
            process.communicate(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def roll_back(program: Path, home: Path) -> None:
    """Have the engine forget what the application made of its newest block; the block stays. Doing it twice is doing it once.

    Raises Unavailable (`engine-store`) where it cannot.
    """
    try:
        done = subprocess.run(
            [program, "rollback", "--home", str(home)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ROLLBACK_SECONDS,
            check=False,
            env=release.clear(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unreadable(str(error)) from None
    if done.returncode != 0 or "Rolled back" not in done.stdout:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise _unreadable(said[-1] if said else "it says nothing")


def wipe(home: Path) -> None:
    """Remove the engine's blocks and state, and never what its validator signed last. Doing it again goes on where it ended."""
    data = home / "data"
    for name in WIPED:
        with suppress(FileNotFoundError):
            shutil.rmtree(data / name)
    if data.is_dir():
        disk.sync(data)


def _wait(process: subprocess.Popen[bytes], ask: Ask) -> int:
    """The newest height, once it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = (process.communicate()[1] or b"").decode(errors="replace").strip().splitlines()
            raise _unreadable(said[0] if said else "it ended at once")
        try:
            found = _read(ask, "blockchain")
        except Unavailable:
            time.sleep(_POLL_SECONDS)
            continue
        return int(found.last_height) if found is not None else 0
    raise _unreadable("it does not answer")


def _read(ask: Ask, method: str, **params: str) -> _Result | None:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    try:
        return msgspec.json.decode(ask(msgspec.json.encode(body)), type=_Answer).result
    except msgspec.MsgspecError as error:
        raise _unreadable(str(error)) from None


def _find_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _unreadable(reason: str) -> Unavailable:
    return Unavailable(
        f"the engine's stored blocks cannot be read: {reason[:300]}",
        code="engine-store",
        hint="Take them from the other members: `muniment node repair --from-others`.",
    )
