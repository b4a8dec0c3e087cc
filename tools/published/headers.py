"""headers.json: headers and geneses, good and bad."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec

from muniment.core.format import entry, merkle
from muniment.core.rules import beginning, genesis
from muniment.core.rules.genesis import KeyProof
from muniment.core.rules.members import Member, Publisher
from published import cast
from published.book import Book
from published.cast import Json, digest
from published.envelopes import canonical
from published.scribe import founding, public

Edit = Callable[[Json], object]


def write(book: Book) -> Json:
    """Headers as text, with what follows from their bytes."""
    first, second = book.raw_entries[0].decode(), book.raw_entries[book.header(1).size].decode()
    member = Member(cosigner=digest("cosigner"), key=digest("validator"), organisation="acme")
    publisher = Publisher(key=digest("publisher"), organisation="acme")
    consortium = msgspec.structs.replace(founding(), members=(member,), publisher=publisher)
    solo = beginning.seal(consortium, cast.moment(0), bytes(32)).raw.decode()
    # Any canonical JSON has the form; the rules alone say what must stand there.
    machine = json.loads(second) | {"validators": [{"key": digest("a")}], "evidence": {"height": 1}}
    good = {"a genesis": first, "a block": second, "a genesis with members": solo, "what machines add": canonical(machine)}
    return {
        "about": "docs/spec 4 and 5. `leafWithoutState` is what streams fold that the header itself changes.",
        "good": [_describe(name, text) for name, text in good.items()],
        "bad": [_edit(name, first if which == "genesis" else second, edit, code) for name, which, edit, code in BAD],
        "keyClaim": {"actor": "ada", "message": canonical({"actor": "ada", "key": public("ada"), "origin": cast.ORIGIN})},
        "goodGenesis": [
            {"name": "the story's", "text": genesis.encode(founding()).decode()},
            {"name": "with members", "text": genesis.encode(consortium).decode()},
            {"name": "nobody at all", "text": f'{{"actors":[],"origin":"{cast.ORIGIN}","policy":{{"roles":[]}}}}'},
        ],
        "badGenesis": [_edit(name, genesis.encode(founding()).decode(), edit, code) for name, edit, code in BAD_GENESIS],
    }


def _describe(name: str, text: str) -> Json:
    header = entry.decode_header(text.encode())
    return {
        "name": name,
        "text": text,
        "leaf": merkle.leaf(text.encode()).hex(),
        "leafWithoutState": entry.leaf_without_state(header).hex(),
    }


def _edit(name: str, text: str, edit: Edit, code: str) -> Json:
    value = json.loads(text)
    given = edit(value)
    return {"name": name, "text": given if isinstance(given, str) else canonical(value), "code": code}


def _set(**changes: object) -> Edit:
    return lambda value: value.update(changes)


def _drop(field: str) -> Edit:
    return lambda value: value.pop(field)  # type: ignore[no-any-return]


def _actor(at: int, **changes: object) -> Edit:
    def edit(value: Json) -> None:
        actors = value["actors"]
        assert isinstance(actors, list)
        actors[at].update(changes)

    return edit


def _members(*names: str, publisher: Json | None = None, **keys: str) -> Edit:
    listed = [{"cosigner": digest(f"{name} c"), "key": digest(f"{name} v"), "organisation": name, **keys} for name in names]
    return _set(members=listed, **({} if publisher is None else {"publisher": publisher}))


def _prove(actor: str, name: str, origin: str = cast.ORIGIN) -> Json:
    return msgspec.to_builtins(genesis.prove_key(origin, actor, cast.KEYS[name]))  # type: ignore[no-any-return]


BAD: tuple[tuple[str, str, Edit, str], ...] = (
    ("a block with a genesis", "block", _set(genesis={}), "bad-header"),
    (
        "a first block without a genesis",
        "genesis",
        lambda value: canonical({k: v for k, v in value.items() if k != "genesis"}),
        "bad-header",
    ),
    ("a first block with a previous one", "genesis", _set(previous=digest("x")), "bad-header"),
    ("a first block after entries", "genesis", _set(size=1), "bad-header"),
    ("a first block over another tree", "genesis", _set(root=digest("x")), "bad-header"),
    ("a second block without a previous one", "block", _set(previous="0" * 64), "bad-header"),
    ("a second block before all entries", "block", _set(size=0), "bad-header"),
    ("another protocol", "block", _set(protocol=2), "protocol-unknown"),
    ("no protocol", "block", _set(protocol=0), "protocol-unknown"),
    ("a protocol that is no number", "block", _set(protocol="1"), "bad-header"),
    ("another field", "block", _set(extra=1), "bad-header"),
    ("no state", "block", lambda value: canonical({k: v for k, v in value.items() if k != "state"}), "bad-header"),
    ("a time with a zone", "block", _set(time="2026-03-02T09:00:00.000000+00:00"), "bad-header"),
    ("a negative height", "block", _set(height=-1), "bad-header"),
    ("white space", "block", lambda value: json.dumps(value, sort_keys=True), "not-canonical"),
    ("null", "block", lambda value: json.dumps({**value, "evidence": None}, sort_keys=True, separators=(",", ":")), "null"),
)
BAD_GENESIS: tuple[tuple[str, Edit, str], ...] = (
    ("actors out of order", lambda value: value["actors"].reverse(), "schema"),  # type: ignore[attr-defined]
    ("a role that the policy does not define", _actor(1, roles=["king"]), "bad-genesis"),
    ("a person responsible who is not there", _actor(3, responsible=["erin"]), "bad-genesis"),
    ("a person who has persons", _actor(1, responsible=["bob"]), "bad-genesis"),
    ("a key of two founders", _actor(2, keys=[_prove("bob", "ada")]), "bad-genesis"),
    (
        "a key that proves nothing",
        _actor(1, keys=[msgspec.to_builtins(KeyProof(key=public("ada"), proof="A" * 86 + "=="))]),
        "key-proof",
    ),
    ("a key for somebody else", _actor(1, keys=[_prove("bob", "ada")]), "key-proof"),
    ("a key for another ledger", _actor(1, keys=[_prove("ada", "ada", "example.org/another")]), "key-proof"),
    ("an origin with a scheme", _set(origin="https://example.org/vectors"), "schema"),
    ("an unknown kind", _actor(1, kind="robot"), "schema"),
    ("a policy without roles", _set(policy={}), "schema"),
    ("a hold role that the policy lacks", _set(policy={"holdRoles": ["king"], "roles": []}), "bad-policy"),
    ("roles out of order", _set(policy={"roles": [{"name": "b"}, {"name": "a"}]}), "schema"),
    ("an empty array", _actor(0, roles=[]), "schema"),
    ("another field", _set(comment="x"), "schema"),
    ("no members at all", _set(members=[]), "schema"),
    ("a member without a cosigning key", _set(members=[{"key": digest("v"), "organisation": "acme"}]), "schema"),
    ("members out of order", _members("b", "a"), "schema"),
    ("a member twice", _members("a", "a"), "schema"),
    ("a member called none", _members("none"), "bad-members"),
    ("a key of two members", _members("a", "b", key=digest("v")), "bad-members"),
    ("a cosigner of two members", _members("a", "b", cosigner=digest("c")), "bad-members"),
    ("one key to vote and to cosign", _members("a", key=digest("v"), cosigner=digest("v")), "bad-members"),
    ("too many members", _members(*[f"m{number:02}" for number in range(65)]), "bad-members"),
    ("a publisher without members", _set(publisher={"key": digest("p"), "organisation": "a"}), "bad-genesis"),
    ("a publisher who is no member", _members("a", publisher={"key": digest("p"), "organisation": "b"}), "bad-members"),
    ("a publisher with a validator's key", _members("a", publisher={"key": digest("a v"), "organisation": "a"}), "bad-members"),
    ("no array of keys", lambda value: value["actors"][0].pop("keys"), "schema"),  # type: ignore[index]
)
