"""An application as small as can be, for tests of what stands around one: `python tests/acting.py FOLDER SOCKET`.

It keeps height and app hash in FOLDER/state.json. Files in FOLDER change how it behaves:
wrong (it remembers another state than it computed), mute (it gives its supervisor no answer), ends (it ends at once),
unfit (it says that it cannot run), dies (it dies once within a block), stubborn (it does not stop when it is told to),
absurd (it gives its validator a power that the engine cannot bear), halts (it answers no block any more, and says so),
aside (it cannot tell where its ledger stands, and ends), fades (it ends a second after it was ready).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

from muniment.errors import Conflict
from muniment.node.abci.proto import keys_pb2 as keys
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.abci.server import Halted, Server
from muniment.node.process.supervised import Supervised
from muniment.node.service import ending


class Acting:
    """Answers the engine; its state is the digest of all transactions."""

    def __init__(self, folder: Path, supervised: Supervised) -> None:
        self._folder = folder
        self._supervised = supervised
        self._staged: dict[str, object] = {}

    @property
    def _state(self) -> dict[str, object]:
        try:
            found = json.loads((self._folder / "state.json").read_text())
        except FileNotFoundError:
            return {"height": 0, "hash": "00" * 32}
        assert isinstance(found, dict)
        return found

    def __call__(self, request: abci.Request) -> abci.Response:
        kind = request.WhichOneof("value")
        answer = getattr(self, f"_{kind}", None)
        return answer(getattr(request, str(kind))) if answer else abci.Response(**{str(kind): {}})

    def _info(self, asked: abci.RequestInfo) -> abci.Response:
        if (self._folder / "aside").exists():
            raise Conflict("something was written beside the chain", code="moved-aside", hint="Repair it.")
        state = self._state
        known = bytes.fromhex(str(state["hash"]))
        if (self._folder / "wrong").exists():
            known = bytes(32)
        return abci.Response(
            info=abci.ResponseInfo(app_version=1, last_block_height=int(str(state["height"])), last_block_app_hash=known)
        )

    def _init_chain(self, asked: abci.RequestInitChain) -> abci.Response:
        return abci.Response(init_chain=abci.ResponseInitChain(app_hash=bytes(32)))

    def _prepare_proposal(self, asked: abci.RequestPrepareProposal) -> abci.Response:
        return abci.Response(prepare_proposal=abci.ResponsePrepareProposal(txs=asked.txs))

    def _process_proposal(self, asked: abci.RequestProcessProposal) -> abci.Response:
        return abci.Response(process_proposal=abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.ACCEPT))

    def _finalize_block(self, asked: abci.RequestFinalizeBlock) -> abci.Response:
        if (self._folder / "dies").exists():
            (self._folder / "dies").unlink()
            os._exit(7)
        if (self._folder / "halts").exists():
            self._supervised.tell_halted("protocol-unknown", "protocol 2 is not spoken here")
            raise Halted
        known = bytes.fromhex(str(self._state["hash"]))
        for tx in asked.txs:
            known = hashlib.sha256(known + tx).digest()
        self._staged = {"height": asked.height, "hash": known.hex()}
        found = abci.ResponseFinalizeBlock(tx_results=[abci.ExecTxResult() for _ in asked.txs], app_hash=known)
        if (self._folder / "absurd").exists():
            key = json.loads((self._folder / "engine" / "config" / "priv_validator_key.json").read_text())["pub_key"]["value"]
            found.validator_updates.add(pub_key=keys.PublicKey(ed25519=base64.b64decode(key)), power=(1 << 63) - 1)
        return abci.Response(finalize_block=found)

    def _commit(self, asked: abci.RequestCommit) -> abci.Response:
        fresh = self._folder / "state.new"
        fresh.write_text(json.dumps(self._staged))
        os.replace(fresh, self._folder / "state.json")
        return abci.Response(commit=abci.ResponseCommit())


def main(folder: Path, socket: Path) -> None:
    """Answer until a signal says to stop."""
    supervised = Supervised.from_environment(os.environ)
    assert supervised is not None
    heard = (folder / "heard").open("a", buffering=1)
    if (folder / "ends").exists():
        sys.exit(9)
    supervised.start(
        lambda: not (folder / "mute").exists(),
        on_alarms=lambda alarms: heard.write(json.dumps({"alarms": [each.code for each in alarms]}) + "\n"),
        on_end=lambda: os._exit(3),
    )
    if (folder / "unfit").exists():
        supervised.tell_failed("no-ledger", "there is no ledger here", "Make one.", 5)
        sys.exit(5)
    acting = Acting(folder, supervised)
    Server(socket, lambda: acting, ending.tell_and_end(supervised)).open()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: None if (folder / "stubborn").exists() else stopping.set())
    supervised.tell_ready({"url": "http://127.0.0.1:1", "lines": ["It acts."]})
    if (folder / "fades").exists() and not stopping.wait(1.0):
        os._exit(9)
    stopping.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
