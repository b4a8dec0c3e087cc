"""Sealing: a member checks all answers and makes its home into that of a node.

    sealed = seal(Path(".muniment"), gather(Path(".muniment"), draft, answers))

What a crash leaves: each file is whole or not there, and `consortium.json` comes last. Sealing again goes on where it stopped;
sealing something else is refused, because two chains would begin with the same keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from muniment.client.home import Home
from muniment.core.proof import trust
from muniment.errors import Conflict, InvalidInput, NotFound
from muniment.ledger import signers
from muniment.ledger.store.file import Store
from muniment.node import files
from muniment.node import settings as node_settings
from muniment.node.cosigning import sealing as cosignatures
from muniment.node.engine import genesis_json
from muniment.node.engine.genesis_json import AppState
from muniment.node.founding import answer as answers_
from muniment.node.founding import consortium as consortia
from muniment.node.founding import document, engine_keys, joining, ledger_file
from muniment.node.founding.answer import Answer
from muniment.node.founding.consortium import Consortium, Start
from muniment.node.founding.document import UNSET
from muniment.node.founding.draft import Draft
from muniment.node.founding.ledger_file import Clock
from muniment.node.places import NodePlaces
from muniment.node.settings import NodeSettings, Peer


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A home that is a node's. `again`: it was sealed before, with the same bytes. `settings` are its addresses."""

    consortium: Consortium
    organisation: str
    settings: NodeSettings
    again: bool


def gather(folder: Path, draft: Draft, answers: Iterable[Answer], start: Start | None = None) -> Consortium:
    """Seal a draft with these answers, and this home's own where it is not among them. Raises as `consortium.build`."""
    given = list(answers)
    own = _own_answer(NodePlaces(folder))
    if own is not None and own.body.draft == document.identify(draft) and own.organisation in draft.members:
        given.append(own)
    return consortia.build(draft, given, start)


def seal(folder: Path, consortium: Consortium, clock: Clock) -> Sealed:
    """Make a home into that of a node of this consortium, which was built or verified before.

    The ledger that moves in lies there already (`moving`). Raises NotFound (`not-joined`), Conflict (`sealed-already`,
    `other-answer`), InvalidInput (`already-a-ledger`, `keys-differ`), Unavailable.
    """
    places, raw = NodePlaces(folder), document.encode(consortium)
    answer = joining.load_answer(places)
    again = _is_sealed(places, raw)
    check_own(places, consortium, answer)
    if not again:
        _settle_ledger(places, consortium, answer, clock)
        _settle_trust(Home(folder), consortium)
        files.write(places.engine_genesis, format_genesis(consortium).encode())
        engine_keys.begin_state(places.validator_state)
        settings = _with_peers(node_settings.load(places.settings), consortium)
        files.write(places.settings, node_settings.format(settings).encode())
        files.write(places.consortium, raw)
    settings = node_settings.load(places.settings)
    return Sealed(consortium=consortium, organisation=answer.organisation, settings=settings, again=again)


def format_genesis(consortium: Consortium) -> str:
    """CometBFT's genesis.json: the same bytes at every member."""
    start = consortium.start
    return genesis_json.format(
        time=start.time,
        protocol=start.protocol,
        validators=[(each.organisation, each.key) for each in consortium.validators.members],
        state=AppState(start.ledger, start.leaf, consortium.origin, start.root, start.size),
    )


def _own_answer(places: NodePlaces) -> Answer | None:
    try:
        return joining.load_answer(places)
    except NotFound:
        return None


def _is_sealed(places: NodePlaces, raw: bytes) -> bool:
    """Was the same sealed here before? Raises Conflict (`sealed-already`) where it was something else."""
    try:
        before = files.read(places.consortium, consortia.MAX_CONSORTIUM_BYTES)
    except NotFound:
        return False
    if before != raw:
        raise Conflict(
            f"another consortium is sealed in {places.home} already: {consortia.decode(before).fingerprint}",
            code="sealed-already",
            hint="Compare the fingerprints with the other members. To begin anew, all members join again, each in another home.",
        )
    return True


def check_own(places: NodePlaces, consortium: Consortium, answer: Answer) -> None:
    """Check that what is sealed is what this home answered, and that its keys are here. Raises as `seal`."""
    sealed = consortium.find(answer.organisation)
    if sealed is not None and sealed != answer:
        raise Conflict(
            f"the answer of {answer.organisation} that is sealed is not the one that this home gave last",
            code="other-answer",
            hint="Send your newest answer to the others and seal with it, or seal in the home that gave the other one.",
        )
    if sealed is None and answer.body.draft != document.identify(consortium.draft):
        raise Conflict(
            f"this home answered another draft ({answer.body.draft[:8]}…)",
            code="other-draft",
            hint="Join with this file first: `muniment consortium join`, in a home of its own.",
        )
    answers_.verify_keys(answer)
    here = {
        "cosigner": signers.load_file(places.cosigner_key),
        "engine": engine_keys.load(places.engine_node_key),
        "validator": engine_keys.load(places.validator_key),
    }
    listed = {str(use): key for use, key in answer.body.list_keys().items()}
    if other := [use for use, signer in here.items() if signer.public_key.hex() != listed[use]]:
        raise InvalidInput(
            f"the {other[0]} key in {places.home} is not the one of its answer",
            code="keys-differ",
            hint="Restore the key's file from a backup, or join again before anybody seals.",
        )


def _settle_ledger(places: NodePlaces, consortium: Consortium, answer: Answer, clock: Clock) -> None:
    """The ledger's file, standing exactly where the chain starts."""
    if consortium.moved and not places.ledger.exists():
        raise NotFound(
            "the ledger that moves in is not here",
            code="no-ledger",
            hint="Give the copy that its owner made, with --ledger FILE.",
        )
    if not places.ledger.exists():
        signer = signers.load_file(places.cosigner_key)
        sealing = ledger_file.cosigning(answer.organisation, signer, clock)
        ledger_file.create(places.ledger, consortium, sealing)
        return
    store = Store.open(places.ledger)
    try:
        found = ledger_file.measure(store)
    finally:
        store.close()
    if found != consortium.start:
        raise InvalidInput(
            f"{places.home} holds a ledger that is not where this consortium starts ({found.size} entries of {found.ledger[:8]}…)",
            code="already-a-ledger",
            hint="Choose another home with --home; a ledger moves in with `muniment consortium new --from`.",
        )
    if consortium.moved:
        # Until the first block of the members there is nothing else that a reader could believe them by.
        signer = signers.load_file(places.cosigner_key)
        cosignatures.stand_behind(places.ledger, consortium.start.height, answer.organisation, signer, clock() // 1_000_000)


def _settle_trust(home: Home, consortium: Consortium) -> None:
    """Whom this home believes from now on; an earlier trust file is kept beside."""
    text = trust.format(consortium.trust()).encode()
    if home.trust.exists():
        before = files.read(home.trust, trust.MAX_TRUST_CHARACTERS * 4)
        if before != text:
            files.write(home.trust.with_name("trust-before.toml"), before)
    files.write(home.trust, text)


def meet(folder: Path, answer: Answer) -> bool:
    """Write where a member is reached into this node's addresses, where it does not stand there yet; whether it did not.

    The engine talks to nobody else. Raises InvalidInput (`other-origin`), Conflict (`other-address`) where something else stands
    there: that is for people to settle.
    """
    places = NodePlaces(folder)
    settings = node_settings.load(places.settings)
    origin = joining.load_answer(places).body.origin
    answers_.verify_keys(answer)
    if answer.body.origin != origin:
        raise InvalidInput(
            f"{answer.organisation} answered for {answer.body.origin}, and this node is of {origin}",
            code="other-origin",
            hint="Ask for the answer to a draft or a sealed file of this ledger.",
        )
    peer = _peer(answer)
    known = next((each for each in settings.peers if each.organisation == peer.organisation), None)
    if known == peer or peer.organisation == settings.organisation:
        return False
    if known is not None:
        raise Conflict(
            f"{places.settings} says something else about {peer.organisation}",
            code="other-address",
            hint=f"Correct it there: url = {peer.url!r}, p2p = {peer.p2p!r}.",
        )
    text = files.read(places.settings, node_settings.MAX_FILE_BYTES).decode() + node_settings.format_peer(peer)
    node_settings.parse(text, str(places.settings))
    files.write(places.settings, text.encode())
    return True


def _peer(answer: Answer) -> Peer:
    return Peer(organisation=answer.organisation, url="" if answer.body.url is UNSET else answer.body.url, p2p=answer.peer)


def _with_peers(settings: NodeSettings, consortium: Consortium) -> NodeSettings:
    """The addresses as they are, with the other members as they answered; whom somebody wrote there himself stays."""
    known = {each.organisation for each in settings.peers} | {settings.organisation}
    told = tuple(_peer(each) for each in consortium.answers if each.organisation not in known)
    return msgspec.structs.replace(settings, peers=(*settings.peers, *told))
