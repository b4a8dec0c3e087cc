"""What caches are told, and what they ask: entity tags, conditional requests, encodings (RFC 9110, sections 8.8, 12.5 and 13)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

TAG_DIGITS = 16
# A ledger is private: what says nothing about caches is for none, whoever's they are.
_DEFAULTS = ((b"cache-control", b"private, no-store"), (b"x-content-type-options", b"nosniff"))

_tags = re.compile(r'(?:W/)?("[^"]*")')


def tag(content: bytes, variant: str = "") -> str:
    """The strong entity tag of some bytes, quoted. Each encoding of the same content is a `variant` with a tag of its own."""
    return f'"{sha256(content).hexdigest()[:TAG_DIGITS]}{variant and "-" + variant}"'


def is_known(headers: Mapping[str, str], *tags: str) -> bool:
    """Does the asker hold what he asks for already (`If-None-Match`)? Then the answer is 304."""
    asked = headers.get("if-none-match", "").strip()
    return asked == "*" or any(each in tags for each in _tags.findall(asked))


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Was gzip asked for (`Accept-Encoding`)? Saying nothing asks for nothing."""
    weights: dict[str, float] = {}
    for part in headers.get("accept-encoding", "").lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        weights[name] = next((_weigh(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _weigh(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def complete(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The head of an answer, with what it did not say of itself: that nobody keeps it, and that it is of no other type."""
    found = list(headers)
    names = {name.lower() for name, _ in found}
    return found + [default for default in _DEFAULTS if default[0] not in names]
