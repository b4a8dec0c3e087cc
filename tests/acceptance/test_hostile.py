"""What hostile input can do: be refused, with a reason, and nothing else.

An event of another ledger, a signature by somebody else, JSON that is nested without end, and anything that is not what it
should be: every public parser answers with InvalidInput, whatever the bytes and however deep the caller's own stack.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import makers
from cases import Case, canonical, decode64, load, trust_of
from muniment.client import key_request
from muniment.core.format import checkpoint, dsse, encoding, entry, keys, manifest, note, oms, state_map, tiles, time
from muniment.core.proof import answer, bundle, evidence, receipt, tlog_policy, trust, verify
from muniment.core.rules import chain, events, genesis
from muniment.errors import InvalidInput, MunimentError, VerificationError

# The floor of the stack that a caller must leave: no parser of ours goes deeper than its own few functions.
FRAMES = 24
DEEP = 5_000


def as_text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    """A parser of text, fed with the text that a careless caller makes of bytes: lone surrogates and all."""
    return lambda raw: parse(raw.decode("utf-8", "surrogateescape"))


# Every public parser, with a valid input of it to spoil.
PARSERS: dict[str, Callable[[bytes], object]] = {
    "encoding.decode": encoding.decode,
    "dsse.decode": dsse.decode,
    "entry.decode": entry.decode,
    "entry.decode_header": entry.decode_header,
    "genesis.decode": genesis.decode,
    "events.decode": events.decode,
    "chain.open_submission": chain.open_submission,
    "manifest.decode": manifest.decode,
    "manifest.decode_proof": manifest.decode_proof,
    "oms.decode": oms.decode,
    "tiles.decode_bundle": tiles.decode_bundle,
    "tiles.parse_path": as_text(tiles.parse_path),
    "state_map.decode_proof": state_map.decode_proof,
    "state_map.decode_record": state_map.decode_record,
    "note.parse": note.parse,
    "checkpoint.parse": as_text(checkpoint.parse),
    "keys.parse": as_text(keys.parse),
    "time.parse": as_text(time.parse),
    "receipt.parse": as_text(receipt.parse),
    "answer.decode": answer.decode,
    "bundle.decode": bundle.decode,
    "evidence.decode": evidence.decode,
    "evidence.decode_pin": evidence.decode_pin,
    "trust.parse": as_text(trust.parse),
    "tlog_policy.parse_policy": as_text(lambda text: tlog_policy.parse_policy(text, "0" * 64)),
    "key_request.parse": as_text(key_request.parse),
}


def find_valid() -> dict[str, bytes]:
    """A valid input of each parser, from the published vectors."""
    ledger, headers = load("ledger"), load("headers")
    envelope = decode64(ledger["blocks"][1]["entries"][0]["entry"])
    head = ledger["blocks"][-1]["checkpoint"]
    files = load("manifests")["good"][0]
    digest = {"sha256": "a" * 64}
    statement = {
        "_type": oms.STATEMENT_TYPE,
        "predicate": {
            "resources": [{"algorithm": "sha256", "digest": "0" * 64, "name": "a"}],
            "serialization": {"allow_symlinks": False, "hash_type": "sha256", "method": "files"},
        },
        "predicateType": oms.PREDICATE_TYPE,
        "subject": [{"digest": digest | {"sha256": _digest_of_zeroes()}, "name": "m"}],
    }
    return {
        "encoding.decode": dsse.decode(envelope).payload,
        "dsse.decode": envelope,
        "entry.decode": decode64(ledger["blocks"][1]["header"]["entry"]),
        "entry.decode_header": headers["good"][0]["text"].encode(),
        "genesis.decode": headers["goodGenesis"][0]["text"].encode(),
        "events.decode": dsse.decode(envelope).payload,
        "chain.open_submission": envelope,
        "manifest.decode": files["manifest"].encode(),
        "manifest.decode_proof": canonical(next(iter(files["proofs"].values()))),
        "oms.decode": canonical(statement),
        "tiles.decode_bundle": decode64(load("tree")["bundle"]["bytes"]),
        "tiles.parse_path": b"tile/0/x001/067.p/5",
        "state_map.decode_proof": canonical(load("state-map")["ledger"]["proofs"][0]),
        "state_map.decode_record": canonical(ledger["records"]["model/credit-risk"]),
        "note.parse": head.encode(),
        "checkpoint.parse": note.parse(head.encode()).text.encode(),
        "keys.parse": ledger["logKey"].encode(),
        "time.parse": b"2026-03-04T12:00:00.000000Z",
        "receipt.parse": load("receipts")["good"][0]["receipt"].encode(),
        "answer.decode": canonical(load("answers")["good"][0]["answer"]) + b"\n",
        "bundle.decode": canonical(load("bundles")["good"][0]["bundle"]) + b"\n",
        "evidence.decode": canonical(load("evidence")["good"][0]["evidence"]) + b"\n",
        "evidence.decode_pin": canonical(load("evidence")["pins"]["good"]) + b"\n",
        "trust.parse": load("trust")["good"][1]["text"].encode(),
        "tlog_policy.parse_policy": load("trust")["policies"][1]["policy"].encode(),
        "key_request.parse": load("key-requests")["good"][0]["line"].encode(),
    }


def _digest_of_zeroes() -> str:
    return hashlib.sha256(bytes(32)).hexdigest()


VALID = find_valid()


def refuse(name: str, raw: bytes) -> str:
    """Feed one parser; demand that it accepts, or refuses as it may. Says which."""
    try:
        PARSERS[name](raw)
    except InvalidInput as error:
        found = error
    else:
        return ""
    assert found.code != InvalidInput.code, name
    assert str(found), name
    return found.code


def test_every_parser_takes_what_is_valid() -> None:
    assert set(VALID) == set(PARSERS)
    assert {name: refuse(name, raw) for name, raw in VALID.items()} == dict.fromkeys(PARSERS, "")


JSON = ("{", "}", "[", "]", '"', ":", ",", "\\", "null", "true", "1e9", "-0", "0.5", "9" * 30, "9" * 5_000, "\\ud800", "\\u0000")
OURS = ('"payload"', '"height"', '{"genesis":', '{"evidence":', '"_type":"https://in-toto.io/Statement/v1"')
TYPES = ('"predicateType":"urn:muniment:event:note.added:v1"', '"format":"urn:muniment:answer:v1"')
LINES = ("c2sp.org/tlog-proof@v1\n", "index ", "\u2014 a AAAA\n", "\n\n", "tile/", "origin = ", "[[cosigners]]\n", "quorum none\n")
BYTES = (b"\n", b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"=", b"AAAA", b"muniment-key-request:v1:")
_pieces = st.sampled_from([text.encode() for text in (*JSON, *OURS, *TYPES, *LINES)] + list(BYTES))
garbage = st.binary(max_size=200) | st.lists(_pieces | st.binary(max_size=4), max_size=40).map(b"".join)


@given(garbage)
@example(b"origin = " + b"1" * 5_000)
@example(b"origin = 2026-13-45")
@example(b'{"a":' + b"1" * 5_000 + b"}")
@example(b"[" * 100_000)
@example(b'{"payload":' * 20_000)
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_garbage_is_refused_by_every_parser(raw: bytes) -> None:
    for name in PARSERS:
        refuse(name, raw)


def spoil(raw: bytes, chance: random.Random) -> bytes:
    """A valid input with a few things wrong with it."""
    for _ in range(chance.randint(1, 3)):
        at, end = sorted((chance.randrange(len(raw) + 1), chance.randrange(len(raw) + 1)))
        piece = chance.choice(
            [b'"', b"}", b"]", b",", b"\n", b"0", b"-", b"\x00", b"\xff", b"\\", b"null", b"1.5", b"[[", b'""', raw[at:end][:64]]
        )
        raw = chance.choice(
            [
                raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :],
                raw[:at] + piece + raw[at:],
                raw[:at] + raw[min(at + chance.randint(1, 8), len(raw)) :],
                raw[:end],
                raw[at:end] + raw,
            ]
        )
        if not raw:
            break
    return raw


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_a_spoilt_input_is_refused_or_is_another_valid_one(name: str, long: bool) -> None:
    chance = random.Random(name)
    codes = {refuse(name, spoil(VALID[name], chance)) for _ in range(5_000 if long else 300)}
    # Something was refused, and for more than one reason where a form has more than one.
    assert codes - {""}


@pytest.mark.parametrize("name", sorted(PARSERS))
@pytest.mark.parametrize("nest", ['{"a":', "[", '{"payload":', '{"height":[', '"' + "[" * 9])
def test_nesting_without_end_is_refused_at_any_depth_of_the_stack(name: str, nest: str) -> None:
    raw = nest.encode() * DEEP
    for frames in (FRAMES, FRAMES + 40, 400):
        assert descend(frames, lambda: refuse(name, raw))
        assert descend(frames, lambda: refuse(name, raw + b"1" + b"}" * DEEP))


@pytest.mark.parametrize("frames", range(FRAMES, 120, 7))
def test_what_is_valid_is_taken_at_any_depth_of_the_stack(frames: int) -> None:
    shallow = {name for name in PARSERS if not descend(frames + 60, lambda name=name: refuse(name, VALID[name]))}  # type: ignore[misc]
    assert shallow == set(PARSERS)


def descend(left: int, work: Callable[[], Any]) -> Any:
    """Do something with only so many frames of the stack left."""
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1

    def down(more: int) -> Any:
        return work() if more <= 0 else down(more - 1)

    return down(sys.getrecursionlimit() - depth - left)


def test_an_answer_with_any_byte_changed_is_refused_or_still_true() -> None:
    """Flip bytes of a whole answer: nothing but the error tree comes out, and no flip makes it say something else."""
    case: Case = load("answers")["good"][0]
    raw, known = canonical(case["answer"]) + b"\n", trust_of("solo")
    before = verify.verify_answer(raw, known).result
    chance = random.Random(7)
    for _ in range(150):
        changed = bytearray(raw)
        changed[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        try:
            assert verify.verify_answer(bytes(changed), known).result == before
        except (InvalidInput, VerificationError):
            continue


def test_an_event_of_one_ledger_is_refused_by_another(tmp_path: Path) -> None:
    one, other = makers.found(tmp_path / "a.db"), makers.found(tmp_path / "b.db", makers.StepClock(makers.NOON + 1))
    assert one.ledger != other.ledger
    entry_of_one = one.system("scoring")
    assert one.append(entry_of_one)
    for raw in (entry_of_one, one.system("another")):
        (verdict,) = other.engine.append([raw])
        assert verdict.decision == "refused"
        assert [reason.rule for reason in verdict.reasons] == ["ledger"]
    with other.engine.view() as view:
        assert view.size == 1


def test_a_key_that_is_not_the_actor_s_is_refused(tmp_path: Path) -> None:
    life = makers.found(tmp_path / "a.db")
    mallory = makers.SeedSigner(b"m" * 32)
    for signer, said in ((makers.BOB, "belongs to bob"), (mallory, "belongs to nobody here")):
        (verdict,) = life.engine.append([life.sign("system.registered", signer=signer, actor="ada", name="scoring")])
        assert verdict.decision == "refused"
        assert [reason.rule for reason in verdict.reasons] == ["key"]
        assert said in verdict.reasons[0].found
    with life.engine.view() as view:
        assert view.size == 1


@pytest.mark.parametrize("what", ["two signatures", "none", "a signature of zeroes", "a header"])
def test_a_submission_of_another_shape_is_invalid(tmp_path: Path, what: str) -> None:
    life = makers.found(tmp_path / "a.db")
    raw = life.system("scoring")
    value = encoding.decode(raw, limit=len(raw))
    assert isinstance(value, dict)
    shapes = {
        "two signatures": canonical({**value, "signatures": [*value["signatures"]] * 2}),  # type: ignore[misc]
        "none": canonical({**value, "signatures": []}),
        "a signature of zeroes": dsse.encode(dsse.Envelope(dsse.decode(raw).payload, makers.ADA.public_key, bytes(64))),
        "a header": load("headers")["good"][1]["text"].encode(),
    }
    with pytest.raises(MunimentError) as caught:
        life.engine.append([shapes[what]])
    codes = {
        "two signatures": "one-signature",
        "none": "one-signature",
        "a signature of zeroes": "bad-signature",
        "a header": "header-submitted",
    }
    assert (type(caught.value), caught.value.code) == (InvalidInput, codes[what])
