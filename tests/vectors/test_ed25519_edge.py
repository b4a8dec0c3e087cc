"""C2SP's Ed25519 edge cases: protocol 1 takes libsodium's verdict, pinned here case by case.

OpenSSL accepts more of them. Behind a filter on the bytes (canonical A and R, neither of small order, S < L), written here
from RFC 8032 alone, it must agree on every case: so another implementation can give our verdict without libsodium.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from muniment.core.format import keys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

# fmt: off
ACCEPTED = (
    7, 29, 50, 117, 139, 161, 182, 249, 305, 411, 425, 438, 465, 473, 481, 489, 497, 511, 525, 538, 565, 573,
    581, 589, 597, 611, 625, 638, 665, 673, 681, 689, 697, 711, 725, 738, 765, 773, 781, 789, 797, 832, 899,
)
# fmt: on

Case = tuple[int, bytes, bytes, bytes]


@pytest.fixture(scope="module")
def cases(shared_vectors: Path) -> list[Case]:
    published = json.loads((shared_vectors / "ed25519-edge" / "ed25519vectors.json").read_text())
    return [(case["number"], bytes.fromhex(case["key"]), case["msg"].encode(), bytes.fromhex(case["sig"])) for case in published]


def test_exactly_these_43_of_914_are_accepted(cases: list[Case]) -> None:
    accepted = [number for number, key, message, signature in cases if keys.is_valid(key, message, signature)]
    assert (len(cases), len(ACCEPTED)) == (914, 43)
    assert accepted == list(ACCEPTED)


def test_openssl_behind_the_filter_agrees_on_all(cases: list[Case]) -> None:
    for number, key, message, signature in cases:
        expected = passes_filter(key, signature) and openssl_accepts(key, message, signature)
        assert keys.is_valid(key, message, signature) == expected, number


def test_the_filter_is_needed(cases: list[Case]) -> None:
    assert sum(openssl_accepts(key, message, signature) for _, key, message, signature in cases) == 208


def openssl_accepts(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def passes_filter(key: bytes, signature: bytes) -> bool:
    in_order = int.from_bytes(signature[32:], "little") < L
    return in_order and all(is_canonical(point) and not is_of_small_order(point) for point in (key, signature[:32]))


def is_canonical(point: bytes) -> bool:
    return int.from_bytes(point, "little") & (2**255 - 1) < P


def is_of_small_order(point: bytes) -> bool:
    """Is eight times this point the neutral one? What is no point at all is for the verification to refuse."""
    y = int.from_bytes(point, "little") & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return False
    for _ in range(3):
        x, y = double(x, y)
    return (x, y) == (0, 1)


def double(x: int, y: int) -> tuple[int, int]:
    """RFC 8032, section 5.1.4, in affine coordinates (a = -1)."""
    product = D * x * x * y * y % P
    return 2 * x * y * pow(1 + product, -1, P) % P, (y * y + x * x) * pow(1 - product, -1, P) % P
