"""The OpenSSF Model Signing manifest of a model, beside ours (OMS specification v1.0, sections 5 and 6).

    statement = build(manifest, name="credit-risk")
    subject_digest(statement.resources)         # the digest that OMS tools call the model by
    encode(statement)                           # the payload that such a tool signs; keep the bytes
    check(decode(payload), manifest)            # does a foreign signature speak of these files?

Only the `files` serialization with SHA-256 is written and read: then one hash of each file serves both manifests.

The subject digest is SHA-256 over the raw file digests in the order of the names. It binds neither names nor sizes, so it is
good for looking a model up, and the manifest root stays the model's identity.

The specification sorts names by code points. The reference implementation (`model_signing` 1.1.1) sorts them by path component
instead, which differs where a folder stands beside a file such as `a/x` and `a.txt`, and it calls a model that is a single file
`.` where the specification says its file name. We write the specification's form and read both.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from muniment.core.format import difference, digest, encoding
from muniment.core.format.encoding import HexDigest
from muniment.core.format.manifest import Manifest, check_path, digests
from muniment.errors import InvalidInput, VerificationError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
SIGNATURE = "model.sig"
# At the top of the model only: `sub/.gitignore` belongs to the model (specification, section 6.2.1).
IGNORED = (".git", ".gitattributes", ".github", ".gitignore", SIGNATURE)
MAX_BYTES = 256 * 1024 * 1024

_SUBJECT_STEP = 12
_SINGLE_FILE = "."

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class Resource(msgspec.Struct, frozen=True):
    """One file: its name is its path inside the model, or the file name where the model is a single file."""

    name: _Text
    digest: HexDigest
    algorithm: Literal["sha256"] = "sha256"


class Statement(msgspec.Struct, frozen=True):
    """What an OMS signature states: the model's name (a label only), its files, and what was passed over."""

    name: str
    resources: tuple[Resource, ...]
    ignored: tuple[str, ...] = ()


class _DigestSet(msgspec.Struct, frozen=True):
    sha256: HexDigest


class _Subject(msgspec.Struct, frozen=True):
    name: _Text
    digest: _DigestSet


class _Serialization(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    method: Literal["files"]
    hash_type: Literal["sha256"]
    allow_symlinks: bool
    ignore_paths: tuple[_Text, ...] = ()


class _Predicate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    resources: Annotated[tuple[Resource, ...], msgspec.Meta(min_length=1)]
    serialization: _Serialization


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(name="_type")
    subject: Annotated[tuple[_Subject, ...], msgspec.Meta(min_length=1, max_length=1)]
    predicate_type: Literal["https://model_signing/signature/v1.0"] = msgspec.field(name="predicateType")
    predicate: _Predicate


_decode_wire = msgspec.json.Decoder(_Wire).decode


def build(manifest: Manifest, *, name: str, ignored: Iterable[str] = IGNORED) -> Statement:
    """The statement for the files of a manifest. `name` is the last component of the model's path.

    Raises InvalidInput (`bad-name`) for an empty name.
    """
    if not name:
        raise InvalidInput("an OpenSSF statement needs a name for the model", code="bad-name")
    resources = tuple([Resource(line.path, line.sha256) for line in manifest.lines])
    return Statement(name, resources, tuple(sorted(set(ignored))))


def subject_digest(resources: Iterable[Resource]) -> bytes:
    """The 32 bytes that stand for the whole model: SHA-256 over the raw digests as listed (specification, section 6.5.1)."""
    return digest.sha256(b"".join([digest.parse(resource.digest) for resource in resources]))


def sort_by_component(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """The order in which `model_signing` 1.1.1 lists resources: folder by folder, not by the whole name."""
    return tuple(sorted(resources, key=lambda resource: resource.name.split("/")))


def encode(statement: Statement) -> bytes:
    """The in-toto statement as canonical JSON. OMS asks for no canonical form, so these bytes are one valid choice of many."""
    serialization: dict[str, object] = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
    if statement.ignored:
        serialization["ignore_paths"] = statement.ignored
    return encoding.encode(
        {
            "_type": STATEMENT_TYPE,
            "predicateType": PREDICATE_TYPE,
            "subject": [{"name": statement.name, "digest": {"sha256": digest.format(subject_digest(statement.resources))}}],
            "predicate": {"resources": statement.resources, "serialization": serialization},
        }
    )


def decode(raw: bytes) -> Statement:
    """Read the payload of an OMS envelope, in any JSON form; whoever calls has verified its signature, or says so.

    Raises InvalidInput: `not-json`, `too-long`, `too-deep`, `repeated-key`, `oms-schema` (also for shards, other hashes and the
    withdrawn predicate type `https://model_signing/Digests/v0.1`), `bad-path`, `oms-order`, `oms-subject` (the subject digest
    does not follow from the resources).
    """
    encoding.check_limits(raw, MAX_BYTES)
    try:
        wire = _decode_wire(raw)
        json.loads(raw.decode("utf-8"), object_pairs_hook=_check_unique)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"not an OpenSSF Model Signing statement of files by SHA-256: {error}",
            code="oms-schema",
            hint="Sign the model with `model_signing` 1.0 or newer, with its default hashing.",
        ) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"not JSON: {error}", code="not-json") from None
    resources, subject = wire.predicate.resources, wire.subject[0]
    _check_names(resources)
    if subject_digest(resources) != digest.parse(subject.digest.sha256):
        raise InvalidInput("the statement's digest of the model does not follow from its files", code="oms-subject")
    return Statement(subject.name, resources, wire.predicate.serialization.ignore_paths)


def check(statement: Statement, manifest: Manifest) -> None:
    """Check that the statement lists exactly the files of the manifest, whatever the order.

    Raises VerificationError (step 12, `oms-mismatch`) that says what differs. Names are compared in NFC, as the manifest has
    them; the sizes are ours alone.
    """
    stated = {unicodedata.normalize("NFC", resource.name): resource.digest for resource in statement.resources}
    listed = digests(manifest)
    if stated.keys() == {_SINGLE_FILE} and len(listed) == 1:
        stated = dict.fromkeys(listed, stated[_SINGLE_FILE])
    found = difference.compare(stated, listed)
    if not found.is_empty or len(stated) != len(statement.resources):
        raise VerificationError(
            f"the OpenSSF Model Signing statement is about other files: {difference.sentence(found)}",
            step=_SUBJECT_STEP,
            code="oms-mismatch",
        )


def _check_names(resources: tuple[Resource, ...]) -> None:
    """Relative paths, each once, in the specification's or the reference implementation's order (sections 5.2.1, 6.1.2)."""
    names = [resource.name for resource in resources]
    if names == [_SINGLE_FILE]:
        return
    for name in names:
        check_path(unicodedata.normalize("NFC", name))
    if len(set(names)) != len(names):
        raise InvalidInput("a file is listed twice in the statement", code="oms-order")
    if names != sorted(names) and resources != sort_by_component(resources):
        raise InvalidInput("the files of the statement are not sorted by name", code="oms-order")


def _check_unique(pairs: list[tuple[str, object]]) -> None:
    """A repeated key would be read one way by us and another way by somebody else."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise InvalidInput("a key is repeated in the statement", code="repeated-key")
