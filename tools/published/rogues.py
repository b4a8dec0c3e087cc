"""Answers by an operator who breaks the rules and signs all the same: each is sound but for the one thing that it is named after.

    for name, answer, step, code in tell(): ...

They lie under a ledger of their own, with one person and one key, so that each of them is small.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import msgspec

from muniment.core.format import dsse, encoding, state_map, statement
from muniment.core.format.state_map import Record
from muniment.core.proof.answer import Answer, EntryQuestion, Result, StateQuestion
from muniment.core.rules import events, genesis
from muniment.core.rules.genesis import Founder, Genesis
from muniment.core.rules.policy import Policy, Role
from published import cast
from published.book import Book
from published.cast import KEYS, Json, digest, moment
from published.proofs import assemble
from published.scribe import public

Told = tuple[str, Answer, int, str]
ACTOR, KEY, OTHER = "actor/ada", f"key/{public('ada')}", f"key/{public('bob')}"
FIRST = 1
"""The entry that all of them are about: the first one after the genesis."""


def found() -> Book:
    """The smallest ledger there is."""
    ada = Founder(id="ada", kind="person", keys=(genesis.prove_key(cast.ORIGIN, "ada", KEYS["ada"]),), roles=("owner",))
    policy = Policy(roles=(Role(name="owner", may=("*",)),))
    return Book.found(Genesis(origin=cast.ORIGIN, actors=(ada,), policy=policy), moment(0))


def sign(book: Book, number: int = 1, key: str = "ada", **common: object) -> bytes:
    """A small event of a ledger."""
    fields: Json = {
        "ledger": book.ledger,
        "eventId": cast.event_id(number),
        "occurredAt": moment(0),
        "actor": "ada",
        "name": f"s{number}",
    }
    return cast.sign(events.build("system.registered", fields | common), key)  # type: ignore[arg-type]


def tell() -> Iterator[Told]:
    """Every such answer."""
    yield from _break_tree()
    yield from _break_entries()
    yield from _break_signers()
    yield from _break_records()
    yield from _break_openings()


def tell_unknown() -> tuple[Book, Answer]:
    """A sound answer about an event that this release does not know: it is shown as it is."""
    book = found()
    payload = json.loads(dsse.decode(sign(book)).payload)
    payload["predicateType"] = "urn:muniment:event:system.dreamed:v1"
    book.force(moment(1), [_resign(payload)])
    return book, _ask(book)


def _ask(book: Book, *streams: str, indices: tuple[int, ...] = (0,), height: int = 1) -> Answer:
    """Who says what in the first entry."""
    result = Result(height=height, statuses=("recorded",), grade="declared")
    return assemble(book, EntryQuestion(index=FIRST), result, indices=indices, streams=streams)


def _resign(payload: object) -> bytes:
    return dsse.encode(dsse.sign(encoding.encode(payload), KEYS["ada"]))


def _force(entry: Callable[[Book], bytes], **changes: object) -> Book:
    book = found()
    book.force(moment(1), [entry(book)], **changes)
    return book


def _break_tree() -> Iterator[Told]:
    """Step 8: headers that are not where or what they should be."""
    book = _force(sign)
    book.force(moment(2), [sign(book, 2)], headless=True)
    last = Result(height=1, statuses=("recorded",))
    headless = assemble(book, EntryQuestion(index=2), last, note=book.sign_checkpoint())
    yield "a checkpoint that ends at an event", headless, 8, "header-last"
    yield "a header over other entries", _ask(_force(sign, root=digest("x"))), 8, "header-root"
    yield "a header that says another index", _ask(_force(sign, size=7)), 8, "header-index"
    yield "an entry that is nothing", _ask(_force(lambda _: b"hello")), 8, "header-form"
    yield "a header of a later protocol", _ask(_force(sign, protocol=2)), 8, "protocol-unknown"
    yield "a header that continues another one", _ask(_force(sign, previous=digest("x"))), 8, "header-successor"
    yield "a header of another height", _ask(_force(sign, height=7), height=7), 8, "header-successor"


def _break_entries() -> Iterator[Told]:
    """Step 9: entries that no honest ledger takes."""

    def spoil(change: Callable[[bytes], bytes]) -> Book:
        return _force(lambda book: change(sign(book)))

    def unsign(raw: bytes) -> bytes:
        return dsse.encode(msgspec.structs.replace(dsse.decode(raw), signature=bytes(64)))

    def without_name(raw: bytes) -> bytes:
        payload = json.loads(dsse.decode(raw).payload)
        del payload["predicate"]["name"]
        return _resign(payload)

    yield "an envelope with white space", _ask(spoil(lambda raw: raw + b" "), ACTOR, KEY), 9, "entry-form"
    yield "a signature of zeroes", _ask(spoil(unsign)), 9, "signature"
    yield "an event without a field", _ask(spoil(without_name)), 9, "event-form"
    yield "no statement at all", _ask(spoil(lambda _: _resign([1])), ACTOR, KEY), 9, "event-form"
    yield "signed for another ledger", _ask(_force(lambda book: sign(book, ledger=digest("another ledger")))), 9, "ledger"


def _change(book: Book, stream: str, *, first: int = 0, last: int = 0, **state: object) -> dict[str, bytes]:
    """The record of a stream, with another state."""
    known = book.record(stream)
    before = {} if known is None else json.loads(known)["state"]
    fields = {key: value for key, value in (before | state).items() if value is not None}
    count = 1 if first == last else 2
    return {stream: state_map.encode_record(Record(count, first, digest("head"), last, msgspec.Raw(encoding.encode(fields))))}


def _break_signers() -> Iterator[Told]:
    """Step 10: keys and actors that could not have signed."""

    def made(entry: Callable[[Book], bytes] = sign, stream: str = KEY, **state: object) -> Answer:
        book = found()
        records = _change(book, stream, **state) if state else {}  # type: ignore[arg-type]
        book.force(moment(1), [entry(book)], records=records)
        return _ask(book)

    yield "a key that nobody enrolled", made(lambda book: sign(book, key="bob")), 10, "key-unknown"
    yield "somebody else's key", made(lambda book: sign(book, actor="bob"), "actor/bob", kind="person"), 10, "key-actor"
    yield "a key that was enrolled later", made(since=FIRST, first=FIRST, last=FIRST), 10, "key-early"
    yield "a key that had ended", made(until=FIRST - 1), 10, "key-ended"
    yield "a key that had expired", made(expires=moment(1)), 10, "key-expired"
    nobody = {"actor": "bob", "since": 0}
    yield (
        "an actor whom nobody enrolled",
        made(lambda book: sign(book, key="bob", actor="bob"), OTHER, **nobody),
        10,
        "actor-unknown",
    )


def _break_records() -> Iterator[Told]:
    """Step 11: records that no honest state holds."""

    def made(records: Callable[[Book], dict[str, bytes]]) -> Answer:
        book = found()
        book.force(moment(1), [sign(book)], records=records(book))
        question, result = StateQuestion(streams=(KEY,)), Result(height=1, statuses=("present",))
        return assemble(book, question, result, indices=(0, FIRST), streams=(KEY,))

    yield "a record of another form", made(lambda _: {KEY: b'{"count":1}'}), 11, "state-record"
    yield "a key that belongs to nobody", made(lambda book: _change(book, KEY, actor=None)), 11, "state-record"
    yield "a record that counts what is yet to come", made(lambda book: _change(book, KEY, last=3)), 11, "state-future"


def _break_openings() -> Iterator[Told]:
    """Step 12: a prompt whose digest is that of another text than the one which was sealed."""
    version, salt = digest("version"), bytes(16)
    for label, value in (("another text than the one with that digest", "rm -rf everything"), ("a number in place of a text", 7)):
        book, sealed = found(), statement.seal(value, salt)
        fields: Json = {
            "ledger": book.ledger,
            "eventId": cast.event_id(1),
            "occurredAt": moment(0),
            "actor": "ada",
            "new": {"digest": digest("be nice"), "sealed": sealed.sealed},
            "of": {"version": version},
            "path": "system",
            "target": "prompt",
        }
        book.force(moment(1), [cast.sign(events.build("parameter.changed", fields), "ada")])
        result = Result(height=1, statuses=("recorded",), grade="declared")
        opened = [(sealed.sealed, statement.disclose(value, salt))]
        yield label, assemble(book, EntryQuestion(index=FIRST), result, indices=(0,), opened=opened), 12, "disclosure"
