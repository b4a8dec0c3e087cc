"""A mirror of a ledger that is served somewhere: whose it is, what this client saw of it before, and the copying itself."""

from __future__ import annotations

from pathlib import Path

from muniment.client.remote import first_contact
from muniment.config import Config
from muniment.core.proof import path as paths
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.errors import LedgerError, MunimentError, NotFound, VerificationError
from muniment.ledger.pins import Pins
from muniment.net.mirror import Mirror, Mirrored, Progress
from muniment.net.transport import Transport
from muniment.net.view import read_path


class Mirroring:
    """One folder that follows the ledger at the address that the settings name, or at one of several."""

    def __init__(self, settings: Config, folder: Path, trust: Trust) -> None:
        self._trust = trust
        self._folder = folder
        self._pins = Pins(settings.state / "pins")
        self._ways = first_contact.open_ways(settings)

    def run(self, progress: Progress | None = None) -> Mirrored:
        """Bring the folder to the newest checkpoint. Raises as `net.mirror.Mirror.run`."""

        def copy(way: Transport) -> Mirrored:
            steps = _read_path(way) if self._trust.votes else ()
            mirror = Mirror(way, self._folder, self._trust, keep=self._pins.keep, steps=steps)
            led = paths.follow(self._trust, steps) if steps and paths.is_led(self._trust) else self._trust
            return mirror.run(lambda raw, prove: self._pins.check(raw, led, prove), progress)

        # What one node left half done, the next one goes on with: whatever lies there is checked.
        return self._ways.ask(copy)

    def close(self) -> None:
        """Let go of connections."""
        self._ways.close()


def open(settings: Config, folder: Path) -> Mirroring:
    """A mirror in `folder`. Whom to believe: the trust file that was named, or what was kept from the first contact with a node.

    Raises NotFound (`no-trust`) where no trust file was named and the address is that of plain tiles, which hand out none.
    """
    try:
        trust = first_contact.meet(settings)
    except VerificationError:
        raise
    except LedgerError as error:
        if not _is_plain(error):
            raise
        raise NotFound(
            f"{settings.url} does not hand out a trust file",
            code="no-trust",
            hint="Name the file that the ledger's owner handed you: --trust FILE.",
        ) from None
    return Mirroring(settings, folder, trust)


def _read_path(way: Transport) -> tuple[Step, ...]:
    """The trust path of a node; plain tiles have none."""
    try:
        return read_path(way)
    except NotFound:
        return ()


def _is_plain(error: MunimentError) -> bool:
    """Did something answer that is no node?"""
    return error.code in ("bad-answer", "no-such-page", "not-a-node") or isinstance(error, NotFound)
