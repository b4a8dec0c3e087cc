"""Answers: what every key of a member signs, and what nobody can be cheated with."""

import base64
import os
from pathlib import Path

import msgspec
import pytest

import founders
from muniment.core.rules import genesis
from muniment.errors import InvalidInput
from muniment.ledger.signers import SeedSigner
from muniment.node.founding import answer as answers
from muniment.node.founding import consortium as consortia
from muniment.node.founding import document
from muniment.node.founding.answer import Answer, FirstActor


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Answer]]:
    folder = tmp_path_factory.mktemp("answers")
    return folder, founders.join_all(folder, founders.draft())


def forge(organisation: str, *, origin: str = founders.ORIGIN, **fields: object) -> Answer:
    """A whole answer by somebody who has keys of his own and says about himself what he likes."""
    draft = founders.draft()
    keys = {use: SeedSigner(os.urandom(32)) for use in ("cosigner", "engine", "person", "service", "validator")}
    if organisation == draft.publisher:
        keys["publisher"] = SeedSigner(os.urandom(32))
    keys |= fields.pop("keys", {})  # type: ignore[arg-type]
    person, service = str(fields.pop("person", f"{organisation}-eve")), answers.name_service(organisation)
    said = {
        "format": answers.FORMAT,
        "draft": document.identify(draft),
        "origin": origin,
        "organisation": organisation,
        "validator": keys["validator"].public_key.hex(),
        "cosigner": keys["cosigner"].public_key.hex(),
        "engine": keys["engine"].public_key.hex(),
        "person": FirstActor(id=person, key=genesis.prove_key(origin, person, keys["person"])),
        "service": FirstActor(id=service, key=genesis.prove_key(origin, service, keys["service"])),
    }
    if "publisher" in keys:
        said["publisher"] = keys["publisher"].public_key.hex()
    return answers.sign(answers.Body(**{**said, **fields}), keys)  # type: ignore[arg-type]


def refused(code: str, answer: Answer) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        answers.verify(answer, founders.draft())
    assert caught.value.code == code, caught.value
    return caught.value


def test_an_answer_is_public(told: tuple[Path, list[Answer]]) -> None:
    """Nothing of any private key stands in what leaves a home, in whatever form it could be written."""
    folder, given = told
    public = b"".join(document.encode(each) for each in given)
    public += document.encode(consortia.build(founders.draft(), given))
    seeds = []
    for path in folder.rglob("*.key"):
        seeds.append(bytes.fromhex(path.read_text().rpartition("seed: ")[2].strip()))
    for path in [*folder.rglob("node_key.json"), *folder.rglob("priv_validator_key.json")]:
        seeds.append(base64.b64decode(msgspec.json.decode(path.read_bytes())["priv_key"]["value"])[:32])
    assert len(seeds) == 4 * 5 + 1
    for seed in seeds:
        for form in (seed, seed.hex().encode(), base64.b64encode(seed)[:-1], base64.urlsafe_b64encode(seed)[:-1]):
            assert form not in public


def test_each_signature_is_over_the_whole_body(told: tuple[Path, list[Answer]]) -> None:
    answer = told[1][1]
    assert answers.verify(answer, founders.draft()) == answer
    for changed in (
        {"url": "https://evil.example"},
        {"p2p": "evil.example:26656"},
        {"validator": told[1][2].body.validator},
        {"organisation": "clinic"},
    ):
        body = msgspec.structs.replace(answer.body, **changed)
        code = "bad-answer" if "organisation" in changed else "answer-signature"
        refused(code, msgspec.structs.replace(answer, body=body))


@pytest.mark.parametrize("use", ["cosigner", "engine", "person", "service", "validator"])
def test_every_key_must_have_signed(told: tuple[Path, list[Answer]], use: str) -> None:
    answer, other = told[1][1], told[1][2]
    signatures = msgspec.structs.replace(answer.signatures, **{use: getattr(other.signatures, use)})
    error = refused("answer-signature", msgspec.structs.replace(answer, signatures=signatures))
    assert use in str(error)


def test_an_answer_to_another_draft_is_no_answer_to_this_one(tmp_path: Path) -> None:
    later = msgspec.structs.replace(founders.draft(), time="2026-11-23T15:00:00.000000Z")
    refused("other-draft", founders.join(tmp_path, later, "bank"))


def test_an_answer_for_another_ledger(tmp_path: Path) -> None:
    refused("other-origin", forge("bank", origin="example.com/other"))


def test_a_stranger_is_no_member() -> None:
    refused("no-such-member", forge("mallory"))


def test_the_publishers_key_is_for_the_publisher() -> None:
    refused("publisher-key", forge("bank", keys={"publisher": SeedSigner(os.urandom(32))}))
    answers.verify(forge("lab"), founders.draft())


def test_one_key_for_two_things() -> None:
    key = SeedSigner(os.urandom(32))
    refused("bad-answer", forge("bank", keys={"validator": key, "cosigner": key}))


def test_a_key_that_was_not_meant_for_this_ledger() -> None:
    """Somebody's key proof for another ledger cannot be carried over, even by somebody who has the key sign the answer."""
    key = SeedSigner(os.urandom(32))
    proved = FirstActor(id="bank-eve", key=genesis.prove_key("example.com/other", "bank-eve", key))
    body = msgspec.structs.replace(forge("bank", keys={"person": key}).body, person=proved)
    forged = forge("bank", keys={"person": key})
    keys = {use: SeedSigner(os.urandom(32)) for use in ("cosigner", "engine", "service", "validator")} | {"person": key}
    service = FirstActor(id="bank-node", key=genesis.prove_key(founders.ORIGIN, "bank-node", keys["service"]))
    body = msgspec.structs.replace(
        forged.body,
        person=proved,
        service=service,
        **{use: keys[use].public_key.hex() for use in ("cosigner", "engine", "validator")},
    )
    refused("key-proof", answers.sign(body, keys))  # type: ignore[arg-type]


def test_the_node_is_called_like_its_organisation() -> None:
    key = SeedSigner(os.urandom(32))
    named = FirstActor(id="clinic-node", key=genesis.prove_key(founders.ORIGIN, "clinic-node", key))
    refused("bad-answer", forge("bank", keys={"service": key}, service=named))


def test_a_port_beyond_the_last(tmp_path: Path) -> None:
    refused("bad-answer", forge("bank", p2p="bank.example:70000"))


@pytest.mark.parametrize("raw", [b"", b"{}", b"null", b"[" * 100, b'{"body":1}', b"\xff\xfe", b"x" * 20_000])
def test_what_is_no_answer(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        answers.decode(raw)
    assert caught.value.code == "bad-answer"


def test_an_answer_has_one_form(told: tuple[Path, list[Answer]]) -> None:
    raw = document.encode(told[1][0])
    assert answers.decode(raw) == answers.decode(raw.removesuffix(b"\n")) == told[1][0]
    for other in (raw + b"\n", b" " + raw, raw.replace(b'{"body"', b'{"again":1,"body"'), raw[:-2] + b',"x":1}'):
        with pytest.raises(InvalidInput):
            answers.decode(other)
