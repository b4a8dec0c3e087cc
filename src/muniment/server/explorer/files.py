"""The files of a version or data set, as far as their list is held here, and how two lists differ."""

from __future__ import annotations

import msgspec

from muniment.core.format import manifest
from muniment.core.format.difference import sentence
from muniment.core.format.manifest import Line, Manifest
from muniment.errors import MunimentError
from muniment.server.explorer.source import Source

MAX_SHOWN = 40
MAX_BYTES = 1 << 20
"""How long a list may be that a page reads; the whole of a longer one is at /v1/manifests."""


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """The files behind a root. `shown` are the first of them."""

    count: int
    bytes: int
    shown: tuple[Line, ...]


class FilesDiffer(msgspec.Struct, frozen=True, kw_only=True):
    """How the files of two versions differ, in a sentence and by path."""

    said: str
    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]


def read_files(source: Source, root: str) -> Files | None:
    """The files behind a root; None where their list is not held here, is damaged, or is too long for a page."""
    found = _read(source, root)
    return None if found is None else Files(count=len(found.lines), bytes=found.total_bytes, shown=found.lines[:MAX_SHOWN])


def compare_files(source: Source, a: str, b: str) -> FilesDiffer | None:
    """How the files of two versions differ; None where not both lists are held here."""
    left, right = _read(source, a), _read(source, b)
    if left is None or right is None:
        return None
    found = manifest.compare(left, right)
    return FilesDiffer(
        said=sentence(found),
        changed=tuple(found.changed[:MAX_SHOWN]),
        added=tuple(found.added[:MAX_SHOWN]),
        removed=tuple(found.removed[:MAX_SHOWN]),
    )


def _read(source: Source, root: str) -> Manifest | None:
    size = source.manifests.size(root)
    if size is None or size > MAX_BYTES:
        return None
    try:
        return manifest.decode(source.manifests.load(root))
    except MunimentError:
        # `fsck` names what is damaged; a reader is shown the rest.
        return None
