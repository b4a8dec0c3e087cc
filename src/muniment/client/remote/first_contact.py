"""The first contact with a node: whose ledger it says it is, and that this is believed from then on.

    trust = meet(settings)          # the trust file that was named, or kept from the first contact, or is kept now

Trust on first use is said aloud, with a fingerprint that two people can compare. Whoever was handed the trust file in another
way names it (`--trust`) and takes nothing on the node's word.
"""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from pathlib import Path

from muniment.client.home import Home
from muniment.config import Config
from muniment.core.format import merkle
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput, Unavailable, VerificationError
from muniment.ledger.folder import sync_folder
from muniment.ledger.pins import fingerprint
from muniment.net import address, frames
from muniment.net.entries import Entries
from muniment.net.transport import Transport
from muniment.net.wire import About, Frame

_AWAY = "Check the address (http or https?) and the network, and try again; or name the ledger's trust file with --trust."


class FirstContactWarning(UserWarning):
    """A ledger was believed because nothing was known of it before."""


def meet(settings: Config) -> Trust:
    """Whom to believe about the ledger at the node that the settings name.

    Raises InvalidInput for a bad address, token or trust file; at the first contact also Unavailable where the node is away, and
    VerificationError where what it shows does not fit the trust file that it hands out.
    """
    home = Home(settings.home)
    if settings.trust is not None:
        trust = home.load_trust(settings.trust)
        _make_folder(home.folder)
        return trust
    if is_known(settings.home):
        return home.load_trust()
    transport = open_transport(settings)
    try:
        trust = _ask(transport)
    except Unavailable as error:
        raise Unavailable(
            f"{error}; this client has not met its ledger yet",
            code=error.code,
            hint=error.hint if error.code != "unreachable" else _AWAY,
            retry_after=error.retry_after,
            details=error.details,
        ) from None
    finally:
        transport.close()
    _make_folder(home.folder)
    if not _keep(home.trust, trusts.format(trust)):
        # Another process met it at the same moment; what it kept is what counts.
        return home.load_trust()
    warnings.warn(say(trust, transport.address.url), FirstContactWarning, stacklevel=2)
    return trust


def is_known(home: Path) -> bool:
    """Was the ledger of this home met before, so that it can be written to while its node is away?"""
    return Home(home).trust.exists()


def say(trust: Trust, url: str) -> str:
    """What a first contact came to, for a person."""
    return (
        f"First contact with the ledger {trust.origin} at {url}. Its fingerprint is {fingerprint(trust)}: "
        "compare it with its owner's by another way than this one."
    )


def open_transport(settings: Config) -> Transport:
    """The way to the node that the settings name. Raises InvalidInput (`no-url`, `bad-url`, `bad-token`, `token-in-clear`)."""
    if not settings.url:
        raise InvalidInput("no node is named", code="no-url", hint="Set MUNIMENT_URL to the address of a node.")
    found = address.parse(settings.url)
    address.check_token(settings.token, found)
    return Transport(found, settings.token, ca=settings.ca)


def _ask(transport: Transport) -> Trust:
    """The trust file that a node hands out, once what it shows fits it."""
    about = transport.read("/v1/ledger", About)
    try:
        trust = trusts.parse(about.trust)
    except InvalidInput as error:
        raise VerificationError(f"the node hands out no trust file: {error}", step=2, code=error.code) from None
    if (trust.origin, trust.ledger) != (about.origin, about.ledger):
        raise VerificationError("the node's trust file is about another ledger than it says it serves", step=2, code="ledger")
    opened = frames.open_frame(transport.read("/v1/view", Frame), trust)
    genesis = opened.raw if opened.size == 1 else Entries(transport).read(0, opened)
    if merkle.leaf(genesis).hex() != trust.ledger:
        raise VerificationError(
            "the ledger at the node does not begin with the genesis that its trust file names", step=2, code="ledger"
        )
    return trust


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"{folder} cannot be made: {error.strerror}", code="home-unwritable", hint="Choose another folder with --home."
        ) from None


def _keep(path: Path, text: str) -> bool:
    """Write the trust file, whole and durably; False where there is one by now."""
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}.unfinished")
    try:
        try:
            with beside.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # Unlike a rename, this never takes the place of what another process kept meanwhile.
            os.link(beside, path)
            sync_folder(path.parent)
            return True
        except FileExistsError:
            return False
        finally:
            with suppress(FileNotFoundError):
                beside.unlink()
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}",
            code="home-unwritable",
            hint="What is not remembered is not believed. Make room, or choose another folder with --home.",
        ) from None
