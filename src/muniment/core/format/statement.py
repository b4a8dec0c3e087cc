"""in-toto Statement v1, and the sealed form of what must not stand in a ledger in clear (docs/spec, sections 2.3 and 3.3).

    raw = encode(b'{"text":...}', "urn:muniment:event:note.added:v1", [("credit-risk", "9f86...")])
    Statement[Predicate]                           # the typed form of the same bytes, for a strict decoder

    sealed = seal("approved after the second review", salt)     # goes into the signed event
    check_disclosure(sealed, disclose("approved ...", salt))    # what its holder shows later

A statement says of its subjects (things by name and digest) what its predicate states. One statement has one sequence of
bytes: canonical JSON with exactly the keys `_type`, `predicate`, `predicateType` and `subject`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

from muniment.core.format import encoding
from muniment.core.format.encoding import HexDigest, Value
from muniment.errors import InvalidInput, VerificationError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
SALT_BYTES = 16
_HEAD = b'{"_type":"https://in-toto.io/Statement/v1","predicate":'

# base64url without padding; the last character is one whose unused bits are zero, so that each value has one text.
SealedDigest = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$(?!\n)")]
Salt = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{21}[AQgw]$(?!\n)")]
# A subject is called by its own name or by the name of its stream: ASCII either way.
SubjectName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$(?!\n)", max_length=512)]

P = TypeVar("P", bound=msgspec.Struct)


class DigestSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The digests of a subject: SHA-256 and no other, so that a subject has one identity."""

    sha256: HexDigest


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A thing that a statement is about: what people call it, and its digest."""

    name: SubjectName
    digest: DigestSet

    @property
    def sha256(self) -> str:
        """The digest, 64 lower hex digits."""
        return self.digest.sha256


class Statement(msgspec.Struct, Generic[P], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """in-toto Statement v1 around a predicate of one type."""

    type: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(name="_type")
    predicate: P
    predicate_type: str = msgspec.field(name="predicateType")
    subject: Annotated[tuple[Subject, ...], msgspec.Meta(min_length=1)]


class Outline(msgspec.Struct, Generic[P], frozen=True):
    """The predicate alone, for a reader that proves the rest of a statement by writing it again and comparing."""

    predicate: P


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A commitment to a value that is not shown: `sealed` = base64url(SHA-256(salt | canonical value))."""

    sealed: SealedDigest


class Disclosure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What opens a sealed field: the salt (16 bytes, base64url) and the value. It lives in the vault, never in the ledger."""

    salt: Salt
    value: object


def outline_of(predicate: type[P]) -> type[Outline[P]]:
    """The outline around predicates of this type."""
    return Outline[predicate]  # type: ignore[valid-type]


def statement_of(predicate: type[P]) -> type[Statement[P]]:
    """The statement around predicates of this type."""
    return Statement[predicate]  # type: ignore[valid-type]


def subject(name: str, sha256: str) -> Subject:
    """A subject by its name and its digest (lower hex)."""
    return Subject(name, DigestSet(sha256))


def encode(predicate: bytes, predicate_type: str, subjects: Iterable[tuple[str, str]]) -> bytes:
    """The canonical bytes of a statement from a canonical predicate and subjects as (name, digest in lower hex).

    Names and the type hold no character that JSON escapes. The pieces are joined, not wrapped in a Statement, because this
    runs once for every event that is read.
    """
    listed = ",".join([f'{{"digest":{{"sha256":"{sha256}"}},"name":"{name}"}}' for name, sha256 in subjects])
    return _HEAD + predicate + f',"predicateType":"{predicate_type}","subject":[{listed}]}}'.encode()


def predicate_of(payload: bytes) -> bytes:
    """The predicate's own bytes in what `encode` wrote."""
    return payload[len(_HEAD) : payload.rfind(b',"predicateType":"')]


def seal(value: Value, salt: bytes) -> Sealed:
    """Commit to a value with a salt of 16 random bytes. Raises InvalidInput for another length or an inexpressible value."""
    if len(salt) != SALT_BYTES:
        raise InvalidInput(f"a salt has {SALT_BYTES} bytes, not {len(salt)}", code="bad-salt", hint="Draw 16 random bytes.")
    return Sealed(_format(hashlib.sha256(salt + encoding.encode(value)).digest()))


def disclose(value: Value, salt: bytes) -> Disclosure:
    """What its holder keeps in order to open `seal(value, salt)` later."""
    return Disclosure(_format(salt), value)


def check_disclosure(sealed: Sealed, disclosure: Disclosure) -> None:
    """Check that a disclosure opens a sealed field.

    Raises VerificationError (step 12, `disclosure`) where it opens something else, InvalidInput where it is no disclosure.
    """
    salt = base64.urlsafe_b64decode(_check_salt(disclosure.salt) + "==")
    digest = _format(hashlib.sha256(salt + encoding.encode(disclosure.value)).digest())
    if digest != sealed.sealed:
        raise VerificationError(
            "the disclosed text is not the one that was sealed",
            step=12,
            code="disclosure",
            hint="Do not rely on the disclosed text; ask its holder for the original disclosure.",
            details={"sealed": sealed.sealed, "disclosed": digest},
        )


def _check_salt(text: str) -> str:
    try:
        return msgspec.convert(text, Salt)
    except msgspec.ValidationError:
        raise InvalidInput("a salt is 22 characters of base64url", code="bad-salt") from None


def _format(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
