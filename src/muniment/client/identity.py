"""Who may write, with which keys: request, admit, rotate, revoke, compromise, list (docs/spec, sections 5.2 and 6.4).

    line = key_request.format(request(home, "example.com/credit", "bob", "person"))    # on Bob's machine, without the ledger
    ledger.keys.admit(line, roles=["approver"])                                        # by somebody who may
    ledger.keys.rotate()                                                               # one's own key

A key file is never overwritten: a key that ended is kept beside its successor, so that nobody wonders what signed the past.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from muniment.client import home as homes
from muniment.client import key_request
from muniment.client.drafting import Plain
from muniment.client.home import Home
from muniment.client.key_request import Request
from muniment.client.questions import Questions
from muniment.client.things import Recorded
from muniment.client.writing import Writer
from muniment.core.format import dsse
from muniment.core.rules import genesis
from muniment.core.rules.genesis import Kind
from muniment.core.rules.records import Actor, Key
from muniment.errors import InvalidInput, MunimentError, NotFound
from muniment.index.rows import ActorRow, EventRow, KeyRow
from muniment.ledger import signers

MAX_SIGNED = 10_000


class Holder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An actor and all its keys; `here` is the public key (64 hex) whose file lies in this home."""

    actor: ActorRow
    keys: tuple[KeyRow, ...]
    here: str | None


class Rotated(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A change of keys, both public keys in hex. `recorded` is None where an interrupted change was only completed."""

    actor: str
    key: str
    replaces: str
    recorded: Recorded | None


def request(home: Home, origin: str, actor: str, kind: Kind, *, new: bool = False) -> Request:
    """Make a key for an actor, or take the one that was made for the same request before, and let it ask for admission.

    `new` makes another one where one lies there, such as in the place of one that has ended; that one's file is kept beside it.
    Needs no ledger. Raises InvalidInput for a bad origin or actor and where a key for another ledger lies there.
    """
    homes.check_origin(origin)
    homes.check_new_actor(actor)
    path = home.actor_key(actor)
    if not path.exists():
        return key_request.make(origin, actor, kind, signers.create_file(path, homes.purpose(actor, origin)))
    signer = signers.load_file(path)
    if signer.purpose != homes.purpose(actor, origin):
        raise InvalidInput(
            f"{path} holds a key for another ledger ({signer.purpose})",
            code="key-of-another-ledger",
            hint="Keep a folder for each ledger: choose another one with --home.",
        )
    return key_request.make(origin, actor, kind, home.take_next_key(actor, signer.purpose) if new else signer)


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was taken over: whose it is, and its public key in hex."""

    actor: str
    key: str


def import_key(home: Home, origin: str, file: Path) -> Imported:
    """Copy a key file to where this client keeps its keys for a ledger. Raises InvalidInput (`key-of-another-ledger`), Conflict."""
    purpose = signers.load_file(file).purpose
    actor = purpose.removesuffix(f" of {origin}")
    if purpose != homes.purpose(actor, origin) or actor == purpose:
        raise InvalidInput(
            f"{file} holds a key for another ledger ({purpose})", code="key-of-another-ledger", hint=f"This one is {origin}."
        )
    homes.check_new_actor(actor)
    return Imported(actor=actor, key=signers.copy_file(file, home.actor_key(actor)).public_key.hex())


class Keys:
    """The actors and keys of one ledger, as its writer may change them."""

    def __init__(self, writer: Writer, questions: Questions) -> None:
        self._writer = writer
        self._questions = questions

    def admit(
        self,
        asked: Request | str,
        *,
        roles: Sequence[str] = (),
        organisation: str | None = None,
        responsible: Sequence[str] = (),
        reason: str | None = None,
    ) -> Recorded:
        """Enrol the actor of a request with its key and roles, or add the key to an actor that is known.

        Of a known actor only what is given changes. Raises InvalidInput for a bad request, one for another ledger, a role that
        the policy does not have, and a new actor that could do nothing or for whom nobody answers.
        """
        read = key_request.parse(asked) if isinstance(asked, str) else asked
        if read.origin != self._writer.trust.origin:
            raise InvalidInput(
                f"the request is for {read.origin}, and this ledger is {self._writer.trust.origin}",
                code="other-origin",
                hint=f"Ask for a new one: `muniment keys request --origin {self._writer.trust.origin} --actor {read.actor}`.",
            )
        self._check_roles(roles)
        known = self._questions.state(f"actor/{read.actor}", Actor)
        if known is not None and not roles and not responsible and organisation is None:
            return self._writer.record(
                "key.changed", {"of": read.actor, "change": "add", "key": read.key, "proof": read.proof, "reason": reason}
            )
        before = known or Actor(kind=read.kind)
        held = roles or before.roles
        persons = responsible or before.responsible
        if not held:
            raise InvalidInput(
                f"{read.actor} would have no role", code="no-role", hint=f"Give one with --role: {self._list_roles()}."
            )
        if read.kind == "service" and not persons:
            raise _nobody_answers(read.actor)
        fields: dict[str, Plain] = {
            "of": read.actor,
            "kind": read.kind,
            "organisation": organisation or before.organisation or None,
            "responsible": list(persons),
            "roles": list(held),
            "keys": [{"key": read.key, "proof": read.proof}],
            "reason": reason,
        }
        return self._writer.record("actor.enrolled", fields)

    def rotate(self, *, reason: str | None = None) -> Rotated:
        """Put a new key in the place of one's own; the old one signs the change and nothing after it.

        A crash after the ledger's answer leaves both files as they were: the next call finds the new key known and only
        exchanges them. One before it leaves a key that nobody knows, which the next call uses.
        """
        actor, origin = self._writer.actor, self._writer.trust.origin
        old, new = self._writer.load_signer().public_key.hex(), self._writer.make_next_key()
        key, recorded = new.public_key.hex(), None
        if self._questions.state(f"key/{key}", Key) is None:
            proof = genesis.prove_key(origin, actor, new).proof
            fields = {"of": actor, "change": "rotate", "key": key, "replaces": old, "proof": proof, "reason": reason}
            ending = self._questions.state(f"key/{old}", Key)
            # Who rotates gets no more time than was given to him.
            expires = {"expiresAt": ending.expires} if ending is not None and ending.expires is not msgspec.UNSET else {}
            recorded = self._writer.record("key.changed", {**fields, **expires})
        self._writer.take_next_key()
        return Rotated(actor=actor, key=key, replaces=old, recorded=recorded)

    def revoke(self, key: str, *, reason: str | None = None) -> Recorded:
        """End a key, named by its hex digits or their beginning: what it signed before keeps its standing."""
        return self._end(key, "revoke", {"reason": reason})

    def compromise(self, key: str, from_index: int, *, reason: str | None = None) -> Recorded:
        """End a key that others may hold: what it signed from entry `from_index` on is disputed (`signed` lists it)."""
        return self._end(key, "compromise", {"fromIndex": from_index, "reason": reason})

    def assign(
        self,
        actor: str,
        *,
        roles: Sequence[str] | None = None,
        responsible: Sequence[str] | None = None,
        organisation: str | None = None,
        reason: str | None = None,
    ) -> Recorded:
        """Set anew what a known actor may do, who answers for it and where it belongs; what is not given stays.

        Its keys stay as they are. Raises NotFound, InvalidInput as `admit`.
        """
        known = self._questions.state(f"actor/{actor}", Actor)
        if known is None:
            self._questions.resolve(actor, ["actor"])
            raise NotFound(f"there is no actor {actor!r}", code="no-such-actor", hint="`muniment keys list` shows every actor.")
        self._check_roles(roles or ())
        persons = known.responsible if responsible is None else responsible
        if known.kind == "service" and not persons:
            raise _nobody_answers(actor)
        return self._writer.record(
            "actor.enrolled",
            {
                "of": actor,
                "kind": known.kind,
                "organisation": organisation or known.organisation or None,
                "responsible": list(persons),
                "roles": list(known.roles if roles is None else roles),
                "reason": reason,
            },
        )

    def holders(self) -> list[Holder]:
        """Every actor with all its keys, by id."""
        index = self._questions.index
        return [Holder(actor=actor, keys=tuple(index.keys_of(actor.id)), here=self._key_here(actor.id)) for actor in index.actors()]

    def signed(self, key: str, from_index: int = 0) -> list[EventRow]:
        """The events that a key signed from an entry on, the first one first. Raises NotFound."""
        keyid = self._questions.resolve(key, ["key"]).digest or ""
        held = self._questions.state(f"key/{keyid}", Key)
        rows = [] if held is None else self._questions.index.events(stream=f"acts/{held.actor}", limit=MAX_SIGNED)
        with self._questions.view() as view:
            return [
                row for row in reversed(rows) if row.index >= from_index and dsse.decode(view.entry(row.index)).key.hex() == keyid
            ]

    def _end(self, text: str, change: str, fields: dict[str, Plain]) -> Recorded:
        key = self._questions.resolve(text, ["key"]).digest or ""
        held = self._questions.state(f"key/{key}", Key)
        if held is None:
            raise NotFound(f"there is no key {text!r}", hint="`muniment keys list` shows every key.")
        if key == self._writer.load_signer().public_key.hex():
            raise InvalidInput(
                "this is the key that you sign with",
                code="own-key",
                hint="Put another one in its place first: `muniment keys rotate`.",
            )
        return self._writer.record("key.changed", {"of": held.actor, "change": change, "key": key, **fields})

    def _check_roles(self, roles: Sequence[str]) -> None:
        known = [role.name for role in self._questions.policy().roles]
        for role in roles:
            if role not in known:
                near = difflib.get_close_matches(role, known, n=1)
                raise InvalidInput(
                    f"the policy in force has no role {role!r}",
                    code="no-such-role",
                    hint=f"Did you mean {near[0]}?" if near else f"Its roles are {', '.join(known)}.",
                )

    def _list_roles(self) -> str:
        return ", ".join(role.name for role in self._questions.policy().roles)

    def _key_here(self, actor: str) -> str | None:
        try:
            return signers.load_file(self._writer.home.actor_key(actor)).public_key.hex()
        except MunimentError:
            return None


def _nobody_answers(service: str) -> InvalidInput:
    return InvalidInput(
        f"nobody answers for the service {service}",
        code="nobody-responsible",
        hint="A service stands for persons: name each with --responsible.",
    )
