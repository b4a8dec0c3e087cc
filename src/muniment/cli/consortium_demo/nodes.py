"""Four real nodes on this machine, each the processes that `muniment node start` makes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from muniment.cli.consortium_demo.place import MEMBERS, NAME, PERSONS, Place
from muniment.core.format import time as times
from muniment.errors import MunimentError, Unavailable
from muniment.ledger.embedded import system_clock
from muniment.net import address
from muniment.net.transport import Patience, Transport
from muniment.node.founding import answer as answers
from muniment.node.founding import document, drafting, joining, sealing
from muniment.node.founding.consortium import Consortium
from muniment.node.homes import NodeHome
from muniment.node.process import orders, record
from muniment.server.access import store
from muniment.server.access.tokens import Tokens, Wish
from muniment.server.process import options
from muniment.server.standing import Standing

START_SECONDS = 180.0
CATCH_UP_SECONDS = 180.0
STOP_SECONDS = 20.0
IMPATIENCE = Patience(connect=1.0, read=5.0, answer=5.0, retries=0.0, attempts=1)


class Node:
    """One organisation's node."""

    def __init__(self, place: Place, organisation: str) -> None:
        self.home = NodeHome(place.home(organisation))
        self.organisation = organisation
        self.url = f"http://{self.home.load_settings().listen}"
        self.token = _make_token(self.home.home)
        self._log = self.home.folder / "demo.log"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it; `wait` says when it answers."""
        variables = {key: value for key, value in os.environ.items() if not key.startswith("MUNIMENT_") or "COMETBFT" in key}
        command = [sys.executable, "-m", "muniment", "node", "start", "--home", str(self.home.home), "--json"]
        with self._log.open("w") as log:
            # In a session of its own: Ctrl-C is for the story, which then stops its nodes.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, text=True, env=variables, start_new_session=True, cwd=self.home.home
            )

    def wait(self) -> None:
        """Wait until its engine takes part. Raises Unavailable (`node-silent`)."""
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends:
            standing = self.stand()
            if standing is not None and standing.engine == "running":
                return
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.2)
        raise Unavailable(f"the node of {self.organisation} did not start", code="node-silent", hint=f"Its log is {self._log}.")

    def stand(self) -> Standing | None:
        """How it stands by its own word; None while it does not answer."""
        transport = Transport(address.parse(self.url), self.token, patience=IMPATIENCE)
        try:
            return transport.read("/v1/standing", Standing)
        except MunimentError:
            return None
        finally:
            transport.close()

    def kill(self) -> None:
        """kill -9 of all of it: what a machine does that loses its power."""
        written = record.read(self.home.folder)
        pids = [written.get(part, {}).get("process") for part in (orders.APPLICATION, orders.ENGINE)]
        for pid in (self._process.pid if self._process is not None else None, *pids):
            if isinstance(pid, int):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._end()

    def stop(self) -> None:
        """Stop it as an administrator does."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        self._end()

    def _end(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class Nodes:
    """All of them. `close` stops whatever runs."""

    def __init__(self, place: Place, consortium: Consortium) -> None:
        self.consortium = consortium
        self.by_name = {each: Node(place, each) for each in MEMBERS}

    def start(self) -> None:
        """Start all, and wait until all take part."""
        for node in self.by_name.values():
            node.start()
        for node in self.by_name.values():
            node.wait()

    def close(self) -> None:
        """Stop all."""
        for node in self.by_name.values():
            node.stop()


def found(place: Place) -> Nodes:
    """Draft, join and seal, as four organisations do it by hand: the keys of each are made in its own home."""
    origin = f"{NAME}-{os.urandom(4).hex()}"
    draft = drafting.draft_new(origin, MEMBERS, times.format(system_clock() - 1_000_000), publisher=MEMBERS[0])
    raw = document.encode(draft)
    (place.folder / "draft.json").write_bytes(raw)
    ports = iter(_find_ports(3 * len(MEMBERS)))
    told = []
    for each in MEMBERS:
        listen, p2p, rpc = (f"127.0.0.1:{next(ports)}" for _ in range(3))
        asked = joining.Asked(person=PERSONS[each], url=f"http://{listen}", p2p=p2p, p2p_listen=p2p, listen=listen, rpc=rpc)
        told.append(joining.join(place.home(each), joining.read_invitation(raw), each, asked))
    sealed = []
    for each in MEMBERS:
        # What travels between them is the answers, in the bytes of their files.
        gathered = sealing.gather(place.home(each), draft, [answers.decode(document.encode(one)) for one in told])
        sealed.append(sealing.seal(place.home(each), gathered, system_clock).consortium)
    return Nodes(place, sealed[0])


def _make_token(home: Path) -> str:
    state = home / options.STATE
    state.mkdir(mode=0o700, exist_ok=True)
    with closing(store.open(state)) as file:
        return Tokens(file).create(Wish(name="demo", scopes=("read", "write")), "demo").token


def _find_ports(count: int) -> list[int]:
    """Ports that nobody listens at now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
