"""Canonical JSON: one sequence of bytes for each value, and InvalidInput for all else."""

from __future__ import annotations

import subprocess
import sys
import time

import msgspec
import pytest

from muniment.core.format import encoding
from muniment.core.format.encoding import HexDigest, Natural
from muniment.errors import InvalidInput

DEEP = b"[" * 16 + b"]" * 16


class Thing(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A small schema."""

    digest: HexDigest
    size: Natural
    flag: bool = False


read = encoding.decoder(Thing)
THING = b'{"digest":"' + b"a" * 64 + b'","size":3}'


def code(raw: bytes) -> str:
    """Why bytes are not canonical JSON."""
    with pytest.raises(InvalidInput) as caught:
        encoding.decode(raw)
    return caught.value.code


def code_of(value: object) -> str:
    """Why a value has no canonical form."""
    with pytest.raises(InvalidInput) as caught:
        encoding.encode(value)
    return caught.value.code


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[]",
        b'"a"',
        b"true",
        b"-9007199254740991",
        b'{"A":1,"_":2,"a":[true,false,"\\u0000\\n\xe2\x80\xa8\x7f"]}',
        '{"a":"é e\u0301 \U0001f600"}'.encode(),
        DEEP,
    ],
)
def test_canonical_bytes_are_read_and_written_alike(raw: bytes) -> None:
    assert encoding.encode(encoding.decode(raw)) == raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "not-json"),
        (b"{}\x00", "not-json"),
        (b"\xef\xbb\xbf{}", "not-json"),
        (b'{"a":"\x00"}', "not-json"),
        (b'{"a":"\xff"}', "not-json"),
        (b'{"a":"\xc0\x80"}', "not-json"),
        (b'{"a":"\xed\xa0\x80"}', "not-json"),
        (b'{"a":"\\ud800"}', "not-json"),
        (b'{"a":1e99999}', "not-json"),
        (b'{"a":' + b"1" * 40_000 + b"}", "not-json"),
        (b'{"a":' + b"1" * 4_300 + b"}", "integer-range"),
        (b'{"a":9007199254740992}', "integer-range"),
        (b'{"a":1.0}', "float"),
        (b'{"a":1e5}', "float"),
        (b'{"a":-0.0}', "float"),
        (b'{"a":null}', "null"),
        (b'{"a b":1}', "bad-key"),
        (b'{"":1}', "bad-key"),
        (b'{"a\\n":1}', "bad-key"),
        ('{"é":1}'.encode(), "bad-key"),
        (b'{"a":-0}', "not-canonical"),
        (b'{"a":1}\n', "not-canonical"),
        (b'{"a": 1}', "not-canonical"),
        (b'{"b":1,"a":1}', "not-canonical"),
        (b'{"a":1,"a":1}', "not-canonical"),
        (b'{"a":"\\/"}', "not-canonical"),
        (b'{"a":"\\u0041"}', "not-canonical"),
        (b'{"a":"\\u007f"}', "not-canonical"),
        (b'{"a":"\\u000A"}', "not-canonical"),
        (b"[" + DEEP + b"]", "too-deep"),
        (b'"' + b"x" * encoding.MAX_PAYLOAD_BYTES + b'"', "too-long"),
    ],
)
def test_all_other_bytes_are_refused(raw: bytes, expected: str) -> None:
    assert code(raw) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": None}, "null"),
        ({"a": 1.5}, "float"),
        ({"a": float("nan")}, "float"),
        ({1: 2}, "bad-key"),
        ({"a": 2**53}, "integer-range"),
        # Python refuses to write so many digits, in an error message too.
        ({"a": 10**5_000}, "integer-range"),
        ({"a": "\ud800"}, "not-expressible"),
        ({"a": object()}, "not-expressible"),
    ],
)
def test_what_has_no_form_is_not_written(value: object, expected: str) -> None:
    assert code_of(value) == expected


def test_what_contains_itself_is_not_written() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert code_of(loop) == "not-expressible"
    deep: object = 1
    for _ in range(17):
        deep = [deep]
    assert code_of(deep) == "too-deep"


def test_the_bytes_do_not_hang_on_the_hash_seed() -> None:
    script = "from muniment.core.format.encoding import encode; print(encode({'b': {'x', 'y', 'z'}, 'a': {'q'}}))"
    said = {
        subprocess.run([sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in "012"
    }
    assert said == {b'b\'{"a":["q"],"b":["x","y","z"]}\'\n'}


def test_a_typed_reader_takes_the_one_form() -> None:
    assert read(THING) == Thing("a" * 64, 3)
    assert read(THING.replace(b",", b',"flag":true,')).flag


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (THING.replace(b"3", b"true"), "schema"),
        (THING.replace(b'"size"', b'"flag":1,"size"'), "schema"),
        (THING.replace(b'"size"', b'"flag":false,"size"'), "schema"),
        (THING.replace(b'"size"', b'"other":1,"size"'), "schema"),
        (THING.replace(b"3", b"-1"), "schema"),
        (THING.replace(b"3", b"3.0"), "float"),
        (THING.replace(b'","size', b'\\n","size'), "schema"),
        (THING.replace(b"aaaa", b"AAAA"), "schema"),
        (THING + b" ", "not-canonical"),
        (b"[]", "schema"),
    ],
)
def test_a_typed_reader_refuses_all_else(raw: bytes, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(raw)
    assert caught.value.code == expected


def test_hostile_bytes_take_no_time() -> None:
    began = time.process_time()
    for raw in (b'{"a":"' + b"\\" * 48_000, b'"' * 48_000, b'{"' * 24_000, b'{"a":"' + b'\\"' * 21_000, b"[" * 16 + b'"' * 40_000):
        for _ in range(10):
            code(raw)
    assert time.process_time() - began < 2
