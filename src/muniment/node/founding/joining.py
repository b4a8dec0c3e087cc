"""Joining: a member makes its keys at home and answers the draft. Nothing secret leaves the home; the answer is public.

    joined = join(Path(".muniment"), draft, "bank", Asked(p2p="node.bank.example:26656"))
    joined.answer

Joining again takes the keys that are there, so that an interrupted call is completed, an address corrected, and a draft that
was written anew answered with the same keys. Once the consortium is sealed here, its keys are changed by events only.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from muniment.client import home as homes
from muniment.client.home import Home
from muniment.core.format import keys
from muniment.core.rules import genesis
from muniment.errors import Conflict, InvalidInput, NotFound
from muniment.ledger import signers
from muniment.node import files
from muniment.node import settings as node_settings
from muniment.node.founding import answer as answers
from muniment.node.founding import consortium as consortia
from muniment.node.founding import document, engine_keys
from muniment.node.founding import draft as drafts
from muniment.node.founding.answer import Answer, Body, FirstActor, Use
from muniment.node.founding.consortium import Consortium
from muniment.node.founding.document import UNSET
from muniment.node.founding.draft import Draft
from muniment.node.places import NodePlaces
from muniment.node.settings import NodeSettings

MAX_INVITATION_BYTES = consortia.MAX_CONSORTIUM_BYTES

_ANY = "0.0.0.0"
_NODE = answers.name_service("")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a member says about itself; what is empty is chosen, or left out of the answer.

    person: the id of its first person; else the one whose key lies here, or a new pseudonym
    url, p2p: where others reach its ledger, and its engine (`host:port`)
    listen, p2p_listen, rpc: what this machine listens on (`host:port`)
    """

    person: str = ""
    url: str = ""
    p2p: str = ""
    listen: str = node_settings.LISTEN
    p2p_listen: str = ""
    rpc: str = node_settings.RPC


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered: a draft, or a sealed file by somebody who is to be admitted later."""

    draft: Draft
    sealed: Consortium | None = None


def read_invitation(raw: bytes) -> Invitation:
    """Read a draft, or a sealed file, and verify the latter. Raises InvalidInput (`bad-draft`), and as `consortium.verify`."""
    if consortia.FORMAT.encode() in raw:
        sealed = consortia.verify(consortia.decode(raw))
        return Invitation(draft=sealed.draft, sealed=sealed)
    return Invitation(draft=drafts.decode(raw))


def join(folder: Path, invitation: Invitation, organisation: str, asked: Asked) -> Answer:
    """Make an organisation's keys in its home and write its answer there, durably.

    Raises InvalidInput (`no-such-member`, `member-already`, `bad-address`, `bad-actor`), Conflict (`sealed-already`,
    `joined-already`, `key-exists`), Unavailable where the keys cannot be kept from other users.
    """
    draft, places, home = invitation.draft, NodePlaces(folder), Home(folder)
    _check_invited(invitation, organisation)
    _check_unsealed(places)
    _check_same(places, draft, organisation)
    settings = _settle(organisation, asked)
    person = _choose_person(home, asked.person, organisation)
    # So that no key slips into somebody's repository, not even by a crash before the ledger is there.
    files.write(folder / ".gitignore", b"*\n")
    signing = _make_keys(home, places, draft, organisation, person)
    body = Body(
        format=answers.FORMAT,
        draft=document.identify(draft),
        origin=draft.origin,
        organisation=organisation,
        validator=signing["validator"].public_key.hex(),
        cosigner=signing["cosigner"].public_key.hex(),
        engine=signing["engine"].public_key.hex(),
        publisher=signing["publisher"].public_key.hex() if "publisher" in signing else UNSET,
        person=FirstActor(id=person, key=genesis.prove_key(draft.origin, person, signing["person"])),
        service=FirstActor(
            id=answers.name_service(organisation),
            key=genesis.prove_key(draft.origin, answers.name_service(organisation), signing["service"]),
        ),
        p2p=asked.p2p or UNSET,
        url=asked.url or UNSET,
    )
    answer = answers.verify_keys(answers.sign(body, signing))
    files.write(places.settings, node_settings.format(settings).encode())
    # Last: whoever finds an answer finds every key that it names. A crash before it leaves keys that nobody has seen.
    files.write(places.answer, document.encode(answer))
    return answer


def load_answer(places: NodePlaces) -> Answer:
    """What this home answered. Raises NotFound (`not-joined`), InvalidInput (`bad-answer`)."""
    try:
        return answers.load(places.answer)
    except NotFound:
        raise NotFound(
            f"nobody joined a consortium from {places.home}",
            code="not-joined",
            hint="Run `muniment consortium join` here first, or name the home where you did with --home.",
        ) from None


def _check_invited(invitation: Invitation, organisation: str) -> None:
    """A draft names who is asked; a sealed file lists who is a member already, and anybody else may ask to be admitted."""
    listed = organisation in invitation.draft.members
    if invitation.sealed is None and not listed:
        raise InvalidInput(
            f"the draft does not name {organisation}",
            code="no-such-member",
            hint=f"It names {', '.join(invitation.draft.members)}.",
        )
    if invitation.sealed is not None and listed:
        raise Conflict(
            f"{organisation} founded this consortium",
            code="member-already",
            hint="Build its node's home with `muniment consortium seal`, in the home where it joined.",
        )


def _check_unsealed(places: NodePlaces) -> None:
    if places.consortium.exists():
        raise Conflict(
            f"a consortium is sealed in {places.home} already",
            code="sealed-already",
            hint="Choose another home with --home; a member's keys are changed with `muniment member rotate`.",
        )


def _check_same(places: NodePlaces, draft: Draft, organisation: str) -> None:
    """Keys that were made for one organisation in one ledger are not used for another."""
    if not places.answer.exists():
        return
    before = load_answer(places).body
    if (before.origin, before.organisation) != (draft.origin, organisation):
        raise Conflict(
            f"this home answered as {before.organisation} for {before.origin}",
            code="joined-already",
            hint="Keep a home for each member of each consortium: choose another one with --home.",
        )


def _settle(organisation: str, asked: Asked) -> NodeSettings:
    for text in (asked.listen, asked.p2p_listen, asked.p2p, asked.rpc):
        if text:
            node_settings.split_place(text)
    if asked.url and not node_settings.is_url(asked.url):
        raise InvalidInput(f"{asked.url!r} is no address", code="bad-address", hint="Begin it with https:// or http://.")
    p2p = asked.p2p_listen
    if not p2p and asked.p2p:
        host, port = node_settings.split_place(asked.p2p)
        # Who is reached on this machine alone listens on it alone.
        p2p = asked.p2p if host in ("127.0.0.1", "localhost", "::1") else f"{_ANY}:{port}"
    return NodeSettings(organisation=organisation, listen=asked.listen, url=asked.url, p2p=p2p or node_settings.P2P, rpc=asked.rpc)


def _choose_person(home: Home, asked: str, organisation: str) -> str:
    here = [actor for actor in home.actors() if not actor.endswith(_NODE)]
    if not asked and len(here) > 1:
        raise InvalidInput(
            f"{len(here)} actors have a key here",
            code="no-actor",
            hint=f"Say with --person who speaks for {organisation} first: {', '.join(here)}.",
        )
    person = asked or (here[0] if here else f"person-{os.urandom(3).hex()}")
    homes.check_new_actor(person)
    if person.endswith(_NODE):
        raise InvalidInput(f"{person} would be the name of a node", code="bad-actor", hint="Choose another --person.")
    return person


def _make_keys(home: Home, places: NodePlaces, draft: Draft, organisation: str, person: str) -> dict[Use, keys.Signer]:
    """The keys of a member: those that are there, else new ones, each durable before it signs anything."""
    origin, service = draft.origin, answers.name_service(organisation)
    validator, engine = places.validator_key, places.engine_node_key
    made: dict[Use, keys.Signer] = {
        "cosigner": _keep(places.cosigner_key, homes.purpose("cosigner", origin)),
        "engine": engine_keys.load(engine) if engine.exists() else engine_keys.create_engine(engine),
        "person": _keep(home.actor_key(person), homes.purpose(person, origin)),
        "service": _keep(home.actor_key(service), homes.purpose(service, origin)),
        "validator": engine_keys.load(validator) if validator.exists() else engine_keys.create_validator(validator),
    }
    engine_keys.begin_state(places.validator_state)
    if draft.publisher == organisation:
        made["publisher"] = _publisher(home, places, draft)
    return made


def _publisher(home: Home, places: NodePlaces, draft: Draft) -> signers.FileSigner:
    """The key that signs the log's line: where a ledger's own key lies here, its owner goes on with it."""
    if draft.ledger is not UNSET:
        for path in (home.log_key, places.publisher_key):
            if path.exists():
                return signers.load_file(path)
    return _keep(places.publisher_key, homes.purpose("the publisher", draft.origin))


def _keep(path: Path, purpose: str) -> signers.FileSigner:
    if not path.exists():
        return signers.create_file(path, purpose)
    signer = signers.load_file(path)
    if signer.purpose != purpose:
        raise InvalidInput(
            f"{path} holds a key for something else ({signer.purpose})",
            code="key-of-another-ledger",
            hint="Keep a home for each ledger: choose another one with --home.",
        )
    return signer
