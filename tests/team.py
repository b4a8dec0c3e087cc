"""People and jobs of a team at work: processes that record through the SDK at a node until they are told to stop.

team = [Client(folder / str(number), server.url, bearer, key, trust) for number in range(16)]
team[0].told()                    # what it was told by now: Told(event_id, index, receipt)
stop(team)                        # each sends what still waits, and ends
"""

from __future__ import annotations

import os
import shutil
import signal
import time as clocks
import traceback
import warnings
from collections.abc import Iterable
from itertools import count
from pathlib import Path

import msgspec

import muniment
from muniment.client.things import Recorded
from muniment.errors import Unavailable

PATIENCE_SECONDS = 180.0
NOTES = 12
"""So many notes make one job; then the ledger is opened anew."""
PAUSE_SECONDS = 0.1


class Told(msgspec.Struct, frozen=True):
    """What the SDK returned for one event. Without a receipt it was kept in the spool."""

    event_id: str
    index: int
    receipt: str
    text: str
    moment: float


class Client:
    """One process with a home of its own. It is forked, and says on a file line by line what it was told."""

    def __init__(self, folder: Path, url: str, bearer: str, actor_key: Path, trust: Path) -> None:
        self.folder = folder
        self._said = folder / "told"
        self._read = 0
        self._begun = b""
        self._lines: list[Told] = []
        (folder / "home" / "keys" / "actors").mkdir(parents=True, mode=0o700)
        shutil.copy(actor_key, folder / "home" / "keys" / "actors" / actor_key.name)
        shutil.copy(trust, folder / "home" / "trust.toml")
        self._said.touch()
        self.process = os.fork()
        if self.process == 0:
            try:
                _work(folder, url, bearer, actor_key.stem)
                os._exit(0)
            except BaseException:
                (folder / "error").write_text(traceback.format_exc())
            finally:
                os._exit(1)

    def told(self) -> list[Told]:
        """Everything that it was told by now. Raises where it ended."""
        self.check()
        with self._said.open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        self._read += len(fresh)
        *lines, self._begun = (self._begun + fresh).split(b"\n")
        self._lines += [msgspec.json.decode(line, type=Told) for line in lines]
        return self._lines

    def check(self) -> None:
        """It met nothing that it could not deal with."""
        error = self.folder / "error"
        assert not error.exists(), error.read_text()

    def stop(self) -> None:
        """Tell it to send what waits, and to end."""
        (self.folder / "stop").touch()

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        until = clocks.monotonic() + PATIENCE_SECONDS
        while clocks.monotonic() < until:
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                return os.waitstatus_to_exitcode(status)
            clocks.sleep(0.02)
        raise AssertionError(f"{self.folder.name} does not end: {len(list((self.folder / 'home' / 'spool').glob('*.json')))} wait")

    def kill(self) -> None:
        """The end, where a test failed."""
        try:
            if os.waitpid(self.process, os.WNOHANG)[0] == 0:
                os.kill(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
        except ChildProcessError:
            pass


def stop(team: Iterable[Client]) -> None:
    """Let all end, each once it has sent what waited."""
    for each in team:
        each.stop()
    for each in team:
        assert each.wait() == 0, each.check()


def _work(folder: Path, url: str, bearer: str, actor: str) -> None:
    """Jobs, one after the other; after the last one nothing waits any more."""
    warnings.simplefilter("ignore")
    os.environ |= {
        **{name: str(folder / "xdg") for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")},
        "MUNIMENT_URL": url,
        "MUNIMENT_TOKEN": bearer,
        "MUNIMENT_HOME": str(folder / "home"),
        "MUNIMENT_ACTOR": actor,
    }
    os.chdir(folder)
    file, numbers = folder / "loans.csv", count()
    said = os.open(folder / "told", os.O_WRONLY | os.O_APPEND)
    while not (folder / "stop").exists():
        with muniment.open() as ledger:
            file.write_text(f"{folder.name} {next(numbers)}")
            data = ledger.dataset(f"loans/{folder.name}", file)
            _say(said, data.recorded, "")
            for _ in range(NOTES):
                text = f"note {next(numbers)} of {folder.name}"
                _say(said, ledger.note(data, text), text)
                clocks.sleep(PAUSE_SECONDS)
    while _owes():
        clocks.sleep(0.1)


def _owes() -> bool:
    """Does something still wait? Each look is a job of its own, which sends what it can."""
    with muniment.open() as ledger:
        try:
            ledger.deliver()
        except Unavailable:
            return True
        assert ledger.rejected() == []
        return bool(ledger.pending())


def _say(said: int, recorded: Recorded, text: str) -> None:
    line = Told(recorded.event_id, recorded.index, recorded.receipt, text, clocks.monotonic())
    os.write(said, msgspec.json.encode(line) + b"\n")
