"""The OpenSSF Model Signing statement: what we write, what we read, what we refuse."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from muniment.core.format import manifest, oms
from muniment.core.format.manifest import Line
from muniment.core.format.oms import Resource, Statement
from muniment.errors import InvalidInput, VerificationError

# `a.txt` sorts before `a/b` by code points and after it by component.
LINES = [Line(path, hashlib.sha256(path.encode()).hexdigest(), len(path)) for path in ("a/b", "a.txt", "z")]
MANIFEST = manifest.build(LINES)
STATEMENT = oms.build(MANIFEST, name="credit-risk")


def changed(**fields: Any) -> bytes:
    """The statement with some of its JSON replaced, by a path of keys joined with two underscores."""
    value = json.loads(oms.encode(STATEMENT))
    for path, new in fields.items():
        *parents, last = path.split("__")
        inner = value
        for parent in parents:
            inner = inner[int(parent) if parent.isdigit() else parent]
        inner[last] = new
    return json.dumps(value).encode()


def code_of(raw: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        oms.decode(raw)
    return caught.value.code


def test_the_statement_holds_what_the_specification_asks() -> None:
    value = json.loads(oms.encode(STATEMENT))
    expected = hashlib.sha256(b"".join(bytes.fromhex(line.sha256) for line in MANIFEST.lines)).hexdigest()
    assert value == {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://model_signing/signature/v1.0",
        "subject": [{"name": "credit-risk", "digest": {"sha256": expected}}],
        "predicate": {
            "resources": [
                {"name": path, "digest": hashlib.sha256(path.encode()).hexdigest(), "algorithm": "sha256"}
                for path in ("a.txt", "a/b", "z")
            ],
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [".git", ".gitattributes", ".github", ".gitignore", "model.sig"],
            },
        },
    }


def test_both_round_trips() -> None:
    raw = oms.encode(STATEMENT)
    assert oms.decode(raw) == STATEMENT
    assert oms.encode(oms.decode(raw)) == raw
    bare = oms.build(MANIFEST, name="x", ignored=())
    assert b"ignore_paths" not in oms.encode(bare)
    assert oms.decode(oms.encode(bare)) == bare


def test_any_json_form_is_read_because_foreign_payloads_are_not_canonical() -> None:
    assert oms.decode(json.dumps(json.loads(oms.encode(STATEMENT)), indent=2).encode()) == STATEMENT


def test_the_order_of_the_reference_implementation_is_read_too() -> None:
    other = Statement("m", oms.sort_by_component(STATEMENT.resources))
    assert [resource.name for resource in other.resources] == ["a/b", "a.txt", "z"]
    assert oms.subject_digest(other.resources) != oms.subject_digest(STATEMENT.resources)
    oms.check(oms.decode(oms.encode(other)), MANIFEST)


def test_any_other_order_or_a_name_twice_is_refused() -> None:
    first, second, third = STATEMENT.resources
    for resources in ((third, first, second), (first, first, second)):
        assert code_of(oms.encode(Statement("m", resources))) == "oms-order"


@pytest.mark.parametrize("name", ["/a", "../a", "a/../b", "", "a//b", "a\nb"])
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    assert code_of(oms.encode(Statement("m", (Resource(name, "0" * 64),)))) in {"bad-path", "oms-schema"}


def test_check_says_what_differs() -> None:
    oms.check(STATEMENT, MANIFEST)
    other = manifest.build([Line("z", "0" * 64, 1), *LINES[:2]])
    with pytest.raises(VerificationError) as caught:
        oms.check(STATEMENT, other)
    assert (caught.value.step, caught.value.code) == (12, "oms-mismatch")
    assert "z changed (1 of 3 files); the other 2 are identical" in str(caught.value)


def test_a_single_file_is_called_dot_by_the_reference_implementation() -> None:
    one = manifest.build(LINES[2:])
    oms.check(Statement("z", (Resource(".", LINES[2].sha256),)), one)
    oms.check(oms.decode(oms.encode(Statement("z", (Resource(".", LINES[2].sha256),)))), one)
    with pytest.raises(VerificationError):
        oms.check(Statement("z", (Resource(".", "0" * 64),)), one)
    with pytest.raises(VerificationError):
        oms.check(Statement("z", (Resource(".", LINES[2].sha256),)), MANIFEST)


def test_names_are_compared_in_normal_form_c() -> None:
    digest = "0" * 64
    oms.check(Statement("m", (Resource("e\u0301", digest),)), manifest.build([Line("é", digest, 1)]))
    with pytest.raises(VerificationError):
        oms.check(Statement("m", (Resource("e\u0301", digest), Resource("é", digest))), manifest.build([Line("é", digest, 1)]))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not-json"),
        (b"\xff", "not-json"),
        (b"null", "oms-schema"),
        (b'{"a":' * 5000, "too-deep"),
        (oms.encode(STATEMENT)[:-1], "not-json"),
        (oms.encode(STATEMENT).replace(b'"name":"z"', b'"name":"z","name":"z"'), "repeated-key"),
        (oms.encode(STATEMENT).replace(b'"name":"z"', b'"name":"\\ud800"'), "not-json"),
        (changed(predicateType="https://model_signing/Digests/v0.1"), "oms-schema"),
        (changed(_type="https://in-toto.io/Statement/v0.1"), "oms-schema"),
        (changed(extra=1), "oms-schema"),
        (changed(subject=[]), "oms-schema"),
        (changed(predicate__resources=[]), "oms-schema"),
        (changed(predicate__extra=1), "oms-schema"),
        (changed(predicate__serialization__method="shards"), "oms-schema"),
        (changed(predicate__serialization__shard_size=5), "oms-schema"),
        (changed(predicate__serialization__hash_type="blake3"), "oms-schema"),
        (changed(predicate__resources__0__algorithm="blake3"), "oms-schema"),
        (changed(predicate__resources__0__digest="zz"), "oms-schema"),
        (changed(predicate__resources__0__digest="0" * 64), "oms-subject"),
        (changed(subject__0__digest={"sha256": "0" * 64}), "oms-subject"),
    ],
)
def test_what_is_no_statement_of_files_is_refused(raw: bytes, code: str) -> None:
    assert code_of(raw) == code


def test_fields_of_resources_that_we_do_not_know_are_left_alone() -> None:
    assert oms.decode(changed(predicate__resources__0__media_type="text/plain")) == STATEMENT


def test_a_statement_needs_a_name() -> None:
    with pytest.raises(InvalidInput):
        oms.build(MANIFEST, name="")
