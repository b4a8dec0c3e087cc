"""The smallest application that the engine can have here: it verifies signatures once, and remembers nothing else.

    python -m bench.bare SOCKET         # prints the SHA-256 of each transaction that was committed

What four engines under it do is what any application could reach at most, whatever it decides and writes.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from pathlib import Path

from bench.sample import unpack, verify_all
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.abci.server import Server
from muniment.node.chain import batch
from muniment.node.chain.application import MAX_BLOCK_EVENTS


class Bare:
    """What all connections of one engine ask."""

    def __init__(self) -> None:
        self._verified: dict[bytes, int] = {}
        self._root = b""
        self._decided: list[bytes] = []

    def __call__(self, request: abci.Request) -> abci.Response:
        """Answer one question."""
        match request.WhichOneof("value"):
            case "check_tx":
                self._verify(request.check_tx.tx)
                return abci.Response(check_tx=abci.ResponseCheckTx())
            case "finalize_block":
                return abci.Response(finalize_block=self._finalize(request.finalize_block))
            case "commit":
                sys.stdout.write("".join(f"{name.hex()}\n" for name in self._decided))
                sys.stdout.flush()
                return abci.Response(commit=abci.ResponseCommit())
            case "process_proposal":
                for raw in request.process_proposal.txs:
                    self._verify(raw)
                accept = abci.ResponseProcessProposal.ACCEPT
                return abci.Response(process_proposal=abci.ResponseProcessProposal(status=accept))
            case "prepare_proposal":
                return abci.Response(prepare_proposal=self._propose(request.prepare_proposal))
            case "info":
                return abci.Response(info=abci.ResponseInfo(app_version=1))
            case "init_chain":
                return abci.Response(init_chain=abci.ResponseInitChain())
            case "echo":
                return abci.Response(echo=abci.ResponseEcho(message=request.echo.message))
            case "list_snapshots":
                return abci.Response(list_snapshots=abci.ResponseListSnapshots())
            case _:
                return abci.Response(query=abci.ResponseQuery())

    def _propose(self, request: abci.RequestPrepareProposal) -> abci.ResponsePrepareProposal:
        """As many events as a block of ours may have."""
        taken, events = list[bytes](), 0
        for raw in request.txs:
            events += self._verify(raw)
            if events > MAX_BLOCK_EVENTS:
                break
            taken.append(raw)
        return abci.ResponsePrepareProposal(txs=taken)

    def _finalize(self, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock:
        for raw in request.txs:
            self._verify(raw)
        self._decided = [hashlib.sha256(raw).digest() for raw in request.txs]
        if self._decided:
            self._root = hashlib.sha256(self._root + b"".join(self._decided)).digest()
        done = [abci.ExecTxResult()] * len(self._decided)
        return abci.ResponseFinalizeBlock(tx_results=done, app_hash=self._root)

    def _verify(self, raw: bytes) -> int:
        """How many events a transaction has; they are verified the first time."""
        name = hashlib.sha256(raw).digest()
        if name not in self._verified:
            entries = batch.decode(raw)
            verify_all(unpack(entries))
            self._verified[name] = len(entries)
        return self._verified[name]


def main(socket: Path) -> None:
    """Answer until this process is killed."""
    application = Bare()
    Server(socket, lambda: application).open()
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
