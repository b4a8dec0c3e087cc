"""The first contact with a node: whose ledger it says it is, and that this is believed from then on.

    trust = meet(settings)          # the trust file that was named, or kept from the first contact, or is kept now

Trust on first use is said aloud, with a fingerprint that two people can compare. Whoever was handed the trust file in another
way names it (`--trust`) and takes nothing on the node's word. Several nodes must all hand out the same one: there is no vote
about whom to believe, and a node that is away is named.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from muniment import disk
from muniment.client.home import Home
from muniment.config import Config
from muniment.core.format import merkle
from muniment.core.format.keys import Verifier
from muniment.core.proof import path as paths
from muniment.core.proof import trust as trusts
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput, Unavailable, VerificationError
from muniment.ledger.pins import fingerprint
from muniment.net import address, frames
from muniment.net.entries import Entries
from muniment.net.transport import Transport
from muniment.net.view import read_path
from muniment.net.ways import SEVERAL, Ways
from muniment.net.wire import About, Frame

_AWAY = "Check the address (http or https?) and the network, and try again; or name the ledger's trust file with --trust."


class FirstContactWarning(UserWarning):
    """A ledger was believed because nothing was known of it before."""


def meet(settings: Config) -> Trust:
    """Whom to believe about the ledger at the node that the settings name.

    Raises InvalidInput for a bad address, token or trust file; at the first contact also Unavailable where every node is away, and
    VerificationError where what one shows does not fit the trust file that it hands out, or where two hand out different ones.
    """
    home = Home(settings.home)
    if settings.trust is not None:
        trust = home.load_trust(settings.trust)
        _make_folder(home.folder)
        return trust
    if is_known(settings.home):
        return home.load_trust()
    transports = open_transports(settings)
    try:
        trust, away = _ask_all(transports)
    finally:
        for each in transports:
            each.close()
    _make_folder(home.folder)
    if not _keep(home.trust, trusts.format(trust)):
        # Another process met it at the same moment; what it kept is what counts.
        return home.load_trust()
    answered = [each.address.url for each in transports if each.address.url not in away]
    warnings.warn(say(trust, answered, [_tell_silent(*each) for each in away.items()]), FirstContactWarning, stacklevel=2)
    return trust


def is_known(home: Path) -> bool:
    """Was the ledger of this home met before, so that it can be written to while its node is away?"""
    return Home(home).trust.exists()


def say(trust: Trust, answered: Sequence[str], silent: Sequence[str] = ()) -> str:
    """What a first contact came to, for a person: the nodes that answered, and those that did not, with the reason."""
    alike = ", which all say the same" if len(answered) > 1 else ""
    missing = f" No answer from {'; '.join(silent)}." if silent else ""
    return (
        f"First contact with the ledger {trust.origin} at {', '.join(answered)}{alike}. Its fingerprint is {fingerprint(trust)}: "
        f"compare it with its owner's by another way than this one.{missing}"
    )


def _tell_silent(url: str, error: Unavailable) -> str:
    return f"{url} (away)" if error.code == "unreachable" else f"{url} ({str(error).rstrip('.')})"


def open_ways(settings: Config) -> Ways:
    """The ways to the nodes that the settings name. Raises as `open_transports`."""
    return Ways(open_transports(settings))


def open_transports(settings: Config) -> tuple[Transport, ...]:
    """The way to each node that the settings name, in their order.

    One token goes to all of them; several, with spaces between them, go to one each.
    Raises InvalidInput (`no-url`, `bad-url`, `bad-token`, `token-in-clear`).
    """
    found = tuple(map(address.parse, settings.urls))
    if not found:
        raise InvalidInput("no node is named", code="no-url", hint="Set MUNIMENT_URL to the address of a node.")
    tokens: list[str | None] = [settings.token]
    if settings.token is not None and len(found) > 1:
        tokens = [*settings.token.split()]
    if len(tokens) == 1:
        tokens *= len(found)
    if len(tokens) != len(found):
        raise InvalidInput(
            f"there are {len(tokens)} tokens for {len(found)} nodes",
            code="bad-token",
            hint="Write one token for all nodes, or one for each in the order of their addresses, with spaces between them.",
        )
    for token, each in zip(tokens, found, strict=True):
        address.check_token(token, each)
    patience = SEVERAL if len(found) > 1 else None
    return tuple(Transport(each, token, ca=settings.ca, patience=patience) for each, token in zip(found, tokens, strict=True))


def _ask_all(transports: Sequence[Transport]) -> tuple[Trust, dict[str, Unavailable]]:
    """The trust file that all nodes that answer hand out, and why the others did not, by their addresses."""
    offers: dict[str, Trust] = {}
    away: dict[str, Unavailable] = {}
    for transport in transports:
        try:
            offers[transport.address.url] = _ask(transport)
        except Unavailable as error:
            away[transport.address.url] = error
    if not offers:
        telling = max(away.values(), key=lambda each: each.code != "unreachable")
        raise Unavailable(
            f"{telling}; this client has not met its ledger yet",
            code=telling.code,
            hint=telling.hint if telling.code != "unreachable" else _AWAY,
            retry_after=telling.retry_after,
            details=telling.details,
        )
    first, *others = offers.values()
    if any(_terms(each) != _terms(first) for each in others):
        said = [f"{url}: {each.origin}, {fingerprint(each)}" for url, each in offers.items()]
        raise VerificationError(
            f"the nodes do not say the same about whom to believe: {'; '.join(said)}",
            step=2,
            code="trust-differs",
            hint="Ask somebody whom you trust for the ledger's trust file, and name it with --trust; nothing was kept.",
            details={"nodes": [*offers]},
        )
    return first, away


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
    return trust if not trust.votes else _walk(transport, trust)


def _walk(transport: Transport, trust: Trust) -> Trust:
    """The trust file of members, once a path leads to them from the genesis: the ledger's id vouches for nobody else."""
    try:
        return paths.follow(trust, read_path(transport))
    except InvalidInput as error:
        raise VerificationError(f"the node's path has no valid form: {error}", step=1, code=error.code) from None


def _terms(trust: Trust) -> tuple[object, ...]:
    """What a trust file says, in whatever order it names keys. Where members vote, a log's key decides nothing."""
    logs = frozenset[Verifier]() if trust.votes else frozenset(trust.log_keys)
    return trust.origin, trust.ledger, logs, frozenset(trust.cosigners), trust.quorum


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"{folder} cannot be made: {error.strerror}", code="home-unwritable", hint="Choose another folder with --home."
        ) from None


def _keep(path: Path, text: str) -> bool:
    """Write the trust file, whole and durably; False where there is one by now."""
    try:
        disk.create(path, text.encode())
        return True
    except FileExistsError:
        return False
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}",
            code="home-unwritable",
            hint="What is not remembered is not believed. Make room, or choose another folder with --home.",
        ) from None
