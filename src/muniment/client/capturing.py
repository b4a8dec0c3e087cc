"""Files on disk, told as the ledger names them, with their manifest kept beside the ledger."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from muniment.capture import files
from muniment.capture.hashing import Progress
from muniment.core.format import digest, manifest, oms
from muniment.core.format.manifest import Manifest
from muniment.ledger.blobs import Blobs, Evidence

PathLike = str | os.PathLike[str]

_extension = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


class Captured(msgspec.Struct, frozen=True):
    """What was read: the manifest, its root, the OpenSSF digest of the same files, and their extension where all share one."""

    manifest: Manifest
    digest: str
    oms_digest: str
    extension: str | None


def read(path: PathLike, progress: Progress | None = None) -> Captured:
    """Hash the files at `path`. Raises CaptureError."""
    found = files.read(path, progress=progress)
    extensions = {Path(line.path).suffix.lstrip(".").lower() for line in found.manifest.lines}
    only = extensions.pop() if len(extensions) == 1 else ""
    return Captured(
        manifest=found.manifest,
        digest=digest.format(manifest.root(found.manifest)),
        oms_digest=digest.format(oms.subject_digest(oms.build(found.manifest, name=found.name).resources)),
        extension=only if _extension.match(only) else None,
    )


def capture(path: PathLike, manifests: Evidence, progress: Progress | None = None) -> Captured:
    """Hash the files at `path` and keep their manifest, durably, before anything is said about them."""
    captured = read(path, progress)
    manifests.store(manifest.encode(captured.manifest))
    return captured


def open_manifests(folder: Path) -> Blobs:
    """The folder of manifests, each under its own root."""
    return Blobs(folder, identify=identify)


def identify(raw: bytes) -> bytes:
    """The root of an encoded manifest. Raises InvalidInput."""
    return manifest.root(manifest.decode(raw))
