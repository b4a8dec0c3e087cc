"""A manifest: many files under one root (docs/spec, section 2.2; the tree is RFC 6962).

    manifest = build([Line("config.json", "9f86…", 812), Line("model.safetensors", "51c2…", 9_000)])
    root(manifest)                              # what the ledger calls the model, folder or data set
    proof = prove(manifest, "config.json")      # that this one file belongs to it
    check(root_bytes, line, proof)              # by someone who never saw the other files

Each file is one canonical JSON line `{"path","sha256","size"}`. Lines are sorted by the UTF-8 bytes of their paths, and the root
is the RFC 6962 root over the lines without their newlines, so path, content and length of every file are bound by it.

Limits: 1 to 1,000,000 lines, 1,024 bytes a path, 256 MiB for the encoded manifest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Annotated

import msgspec

from muniment.core.format import difference, digest, merkle
from muniment.core.format.difference import Difference
from muniment.core.format.encoding import MAX_INTEGER, HexDigest, Natural, decoder, encode_struct
from muniment.errors import InvalidInput, NotFound, VerificationError

MAX_LINES = 1_000_000
MAX_PATH_BYTES = 1_024
MAX_BYTES = 256 * 1024 * 1024

_MAX_LINE_BYTES = 8_192
_MAX_PROOF_BYTES = 2_048
_SUBJECT_STEP = 12

# Printable ASCII without the backslash, which another system would read as a separator.
_plain = re.compile(r"[ -\[\]-~]+\Z")
# Text that shows something else than it holds: separators of lines, and marks that turn the direction of reading.
_misleading = re.compile("[\\\\\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its path inside the folder, the SHA-256 of its bytes as hex, its length in bytes."""

    path: str
    sha256: HexDigest
    size: Natural


class Manifest(msgspec.Struct, frozen=True):
    """The lines, sorted by path. Made by `build` or `decode`, which check them."""

    lines: tuple[Line, ...]

    @property
    def total_bytes(self) -> int:
        """The length of all files together."""
        return sum(line.size for line in self.lines)


class FileProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That one line is number `index` (from 0) of `size` lines: an RFC 6962 inclusion proof, base64 in JSON."""

    index: Natural
    size: Annotated[int, msgspec.Meta(ge=1, le=MAX_LINES)]
    hashes: tuple[Annotated[bytes, msgspec.Meta(min_length=digest.BYTES, max_length=digest.BYTES)], ...]


_decode_line = decoder(Line, limit=_MAX_LINE_BYTES)
_decode_proof = decoder(FileProof, limit=_MAX_PROOF_BYTES)


def check_path(path: str) -> None:
    """Raise InvalidInput (`bad-path`) unless `path` is in its one form.

    That is: relative, `/` between segments, no empty, `.` or `..` segment, Unicode in NFC, at most 1,024 bytes of UTF-8, and
    none of the characters that could mislead a reader or a system: control characters, line separators, direction marks,
    backslashes.
    """
    reason = _fault(path)
    if reason:
        raise InvalidInput(
            f"the path {path[:200]!a} {reason}", code="bad-path", hint="Give the file a plain relative name and take it up again."
        )


def build(lines: Iterable[Line]) -> Manifest:
    """Sort and check lines. Raises InvalidInput: `empty-manifest`, `too-many-lines`, `bad-path`, `bad-digest`, `path-twice`."""
    found = tuple(lines)
    for line in found:
        check_path(line.path)
        digest.parse(line.sha256)
        if not 0 <= line.size <= MAX_INTEGER:
            raise InvalidInput(f"{line.path} cannot have the size {line.size}", code="integer-range")
    # Code points sort as their UTF-8 bytes do.
    ordered = tuple(sorted(found, key=lambda line: line.path))
    _check_paths([line.path for line in ordered])
    return Manifest(ordered)


def encode(manifest: Manifest) -> bytes:
    """One canonical JSON line a file, each ended by a newline."""
    return b"".join([encode_struct(line) + b"\n" for line in manifest.lines])


def decode(raw: bytes) -> Manifest:
    """Read an encoded manifest. Every failure is InvalidInput; `encode` gives the same bytes back."""
    if len(raw) > MAX_BYTES:
        raise InvalidInput(f"{len(raw)} bytes where a manifest has at most {MAX_BYTES}", code="too-long")
    if raw.count(b"\n") > MAX_LINES:
        raise InvalidInput(f"a manifest has at most {MAX_LINES} lines", code="too-many-lines")
    if raw and not raw.endswith(b"\n"):
        raise InvalidInput("the last line of the manifest is cut off", code="cut-off", hint="Fetch the manifest again, whole.")
    lines = tuple([_decode_line(line) for line in raw.split(b"\n")[:-1]])
    for line in lines:
        check_path(line.path)
    _check_paths([line.path for line in lines])
    return Manifest(lines)


def root(manifest: Manifest) -> bytes:
    """The 32 bytes that name everything the manifest lists: the RFC 6962 root over its lines."""
    return merkle.root(_leaves(manifest))


def prove(manifest: Manifest, path: str) -> FileProof:
    """The proof that the manifest lists `path`; linear in the number of lines. Raises NotFound (`file-not-listed`)."""
    for index, line in enumerate(manifest.lines):
        if line.path == path:
            leaves = list(_leaves(manifest))
            return FileProof(index, len(leaves), merkle.prove_inclusion(leaves, index))
    raise NotFound(
        f"the manifest lists no file {path[:200]!r}", code="file-not-listed", hint="Paths are relative to the folder, with `/`."
    )


def check(root: bytes, line: Line, proof: FileProof) -> None:
    """Check that the manifest with this root lists exactly this line.

    Raises VerificationError (step 12: `file-proof-index`, `file-proof-length`, `file-proof-root`) or InvalidInput where the line
    or a hash has no valid form.
    """
    check_path(line.path)
    digest.parse(line.sha256)
    try:
        merkle.check_inclusion(merkle.leaf(encode_struct(line)), proof.index, proof.size, proof.hashes, root)
    except VerificationError as error:
        # The tree's own checks speak of ledger entries (step 7); here the subject's bytes are in question.
        raise VerificationError(
            f"{line.path} is not shown to belong to this manifest: {error}",
            step=_SUBJECT_STEP,
            code=error.code.replace("inclusion-", "file-proof-"),
        ) from None


def encode_proof(proof: FileProof) -> bytes:
    """The proof as canonical JSON."""
    return encode_struct(proof)


def decode_proof(raw: bytes) -> FileProof:
    """Read a proof's canonical JSON, at most 2,048 bytes. Raises InvalidInput."""
    return _decode_proof(raw)


def digests(manifest: Manifest) -> dict[str, str]:
    """Path to digest, without the sizes: what other manifests list too."""
    return {line.path: line.sha256 for line in manifest.lines}


def compare(old: Manifest, new: Manifest) -> Difference:
    """What changed from `old` to `new`; `difference.sentence` tells it in words."""
    return difference.compare(digests(old), digests(new))


def _leaves(manifest: Manifest) -> Iterator[bytes]:
    for line in manifest.lines:
        yield merkle.leaf(encode_struct(line))


def _fault(path: str) -> str:
    """Why a path is not in its one form, or nothing."""
    if not path:
        return "is empty"
    if len(path) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES} bytes"
    if _plain.match(path) is None:
        try:
            raw = path.encode("utf-8")
        except UnicodeEncodeError:
            return "is not valid Unicode text"
        if len(raw) > MAX_PATH_BYTES:
            return f"is longer than {MAX_PATH_BYTES} bytes"
        if _misleading.search(path) or any(unicodedata.category(character) == "Cc" for character in path):
            return "holds a control character, a direction mark or a backslash"
        if not unicodedata.is_normalized("NFC", path):
            return "is not in Unicode normal form C"
    for segment in path.split("/"):
        if not segment:
            return "has an empty segment, or starts or ends with `/`"
        if segment in (".", ".."):
            return f"has a segment `{segment}`"
    return ""


def _check_paths(paths: list[str]) -> None:
    """At least one, not too many, strictly ascending, and none of them both a file and a folder."""
    if not paths:
        raise InvalidInput(
            "a manifest without files names nothing", code="empty-manifest", hint="Point to a folder that holds files."
        )
    if len(paths) > MAX_LINES:
        raise InvalidInput(f"a manifest has at most {MAX_LINES} lines", code="too-many-lines")
    for before, after in pairwise(paths):
        if before == after:
            raise InvalidInput(f"the path {before} is listed twice", code="path-twice")
        if before > after:
            raise InvalidInput(f"the path {after} is not in the order of bytes", code="not-sorted")
    # Sorted, what begins with a path follows it at once. Kept are the paths with which the current one begins, each of which
    # begins with the one below, so that only the last can be its folder: no memory grows with the depth of folders.
    begins: list[str] = []
    for path in paths:
        while begins and not path.startswith(begins[-1]):
            begins.pop()
        if begins and path[len(begins[-1])] == "/":
            raise InvalidInput(f"{begins[-1]} is listed as a file and as a folder", code="path-twice")
        begins.append(path)
