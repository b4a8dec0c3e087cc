"""A mirror of a ledger that is served somewhere: whose it is, what this client saw of it before, and the copying itself."""

from __future__ import annotations

from pathlib import Path

from muniment.client.remote import first_contact
from muniment.config import Config
from muniment.core.proof.trust import Trust
from muniment.errors import LedgerError, MunimentError, NotFound, VerificationError
from muniment.ledger.pins import Pins
from muniment.net.mirror import Mirror, Mirrored, Progress


class Mirroring:
    """One folder that follows the ledger at the address that the settings name."""

    def __init__(self, settings: Config, folder: Path, trust: Trust) -> None:
        self._trust = trust
        self._pins = Pins(settings.state / "pins")
        self._transport = first_contact.open_transport(settings)
        self._mirror = Mirror(self._transport, folder, trust, keep=self._pins.keep)

    def run(self, progress: Progress | None = None) -> Mirrored:
        """Bring the folder to the newest checkpoint. Raises as `net.mirror.Mirror.run`."""
        return self._mirror.run(lambda raw, prove: self._pins.check(raw, self._trust, prove), progress)

    def close(self) -> None:
        """Let go of connections."""
        self._transport.close()


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


def _is_plain(error: MunimentError) -> bool:
    """Did something answer that is no node?"""
    return error.code in ("bad-answer", "no-such-page", "not-a-node") or isinstance(error, NotFound)
