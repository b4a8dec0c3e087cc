"""Reads the published vectors (docs/spec/vectors), as docs/spec/vectors.md tells a second implementation to read them."""

from __future__ import annotations

import base64
import copy
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from muniment.core.format import keys
from muniment.core.proof import trust
from muniment.core.proof.trust import Trust
from muniment.errors import InvalidInput, VerificationError

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "spec" / "vectors"
Case = dict[str, Any]


@functools.cache
def load(topic: str) -> Case:
    """One file."""
    return json.loads((FOLDER / f"{topic}.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def each(topic: str, *lists: str) -> pytest.MarkDecorator:
    """Run a test with every case of these lists, called by the cases' names."""
    cases = [case for name in lists for case in load(topic)[name]]
    return pytest.mark.parametrize("case", cases, ids=[str(case.get("name", at)) for at, case in enumerate(cases)])


def decode64(text: str) -> bytes:
    """Standard base64."""
    return base64.b64decode(text, validate=True)


def hashes(texts: Sequence[str]) -> tuple[bytes, ...]:
    """The hashes of a proof."""
    return tuple(map(decode64, texts))


def canonical(value: object) -> bytes:
    """Canonical JSON, by a writer that knows nothing of ours; the vectors hold no character that needs more."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def raw_of(case: Case) -> bytes:
    """The bytes of a case, given as text or as base64."""
    return decode64(case["base64"]) if "base64" in case else case["text"].encode()  # type: ignore[no-any-return]


def edited(good: object, operations: Sequence[Case]) -> Any:
    """A value after RFC 6902 operations: add, remove and replace."""
    document = copy.deepcopy(good)
    for operation in operations:
        *path, last = operation["path"].split("/")[1:]
        at: Any = document
        for step in path:
            at = at[int(step)] if isinstance(at, list) else at[step]
        key = int(last) if isinstance(at, list) else last
        if operation["op"] == "remove":
            del at[key]
        elif operation["op"] == "add" and isinstance(at, list):
            at.insert(key, operation["value"])
        else:
            assert operation["op"] == "add" or (operation["op"] == "replace" and (isinstance(at, list) or key in at))
            at[key] = operation["value"]
    return document


def fails(case: Case, work: Callable[[], object]) -> None:
    """Demand the failure that a case names: InvalidInput with its code, or VerificationError with its step and code."""
    with pytest.raises(VerificationError if "step" in case else InvalidInput) as caught:
        work()
    found = (getattr(caught.value, "step", None), caught.value.code)
    assert found == (case.get("step"), case["code"]), caught.value


@functools.cache
def trust_of(name: str) -> Trust:
    """A trust file of trust.json."""
    return trust.parse(next(case["text"] for case in load("trust")["good"] if case["name"] == name))


def verifier(vkey: str) -> keys.Verifier:
    """A verifier key."""
    return keys.parse(vkey)
