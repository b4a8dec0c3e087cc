"""What a program that Go built says of its own making: modules, versions and checksums, read without Go.

The linker writes it into every program (`debug/buildinfo`): sixteen bytes that begin with `MAGIC`, sixteen more, then two texts
with their lengths: the version of Go, and the modules between two marks.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from muniment.errors import InvalidInput

MAGIC = b"\xff Go buildinf:"
ALIGNMENT = 16
_HEADER_BYTES = 32
_INLINE = 0x2
"""The flag of the form that Go writes since 1.18, where the texts follow at once."""
_MARK_BYTES = 16
_MAX_TEXT_BYTES = 1 << 20


class Module(msgspec.Struct, frozen=True):
    """A module that went into a program. `checksum` is empty where Go built from a folder instead of a downloaded module."""

    path: str
    version: str
    checksum: str


class BuildInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The version of Go, the program's own module, and all that it depends on (what replaced them, where something did)."""

    go: str
    main: Module
    modules: tuple[Module, ...]


def load(path: Path) -> BuildInfo:
    """Read it from a file. Raises InvalidInput (`wrong-engine`) where there is none, or the file cannot be read."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
            for start in _find(raw):
                found = _decode(raw, start)
                if found is not None:
                    return found
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or "it is empty"
        raise _broken(path, f"cannot be read: {reason}") from None
    raise _broken(path, "is no program that Go built")


def parse_modules(go: str, text: str) -> BuildInfo | None:
    """The lines `mod`, `dep` and `=>`, with tabs between path, version and checksum. None where there is no main module."""
    main: Module | None = None
    modules: list[Module] = []
    target = ""
    for line in text.splitlines():
        kind, _, rest = line.partition("\t")
        path, version, checksum, *_ = [*rest.split("\t"), "", "", ""]
        module = Module(path, version, checksum)
        if kind == "mod":
            main, target = module, kind
        elif kind == "dep":
            modules.append(module)
            target = kind
        elif kind == "=>" and target == "mod":
            main = module
        elif kind == "=>" and target == "dep":
            modules[-1] = module
    return None if main is None else BuildInfo(go=go, main=main, modules=tuple(modules))


def _find(raw: mmap.mmap) -> Iterator[int]:
    start = raw.find(MAGIC)
    while start >= 0:
        if start % ALIGNMENT == 0:
            yield start
        start = raw.find(MAGIC, start + 1)


def _decode(raw: mmap.mmap, start: int) -> BuildInfo | None:
    header = raw[start : start + _HEADER_BYTES]
    # A program that reads such information holds the magic bytes too, without what follows here.
    if len(header) < _HEADER_BYTES or not header[15] & _INLINE:
        return None
    go, after = _read_text(raw, start + _HEADER_BYTES)
    text, _ = _read_text(raw, after)
    if not go.startswith(b"go") or len(text) < 2 * _MARK_BYTES:
        return None
    return parse_modules(go.decode("ascii", "replace"), text[_MARK_BYTES:-_MARK_BYTES].decode("utf-8", "replace"))


def _read_text(raw: mmap.mmap, start: int) -> tuple[bytes, int]:
    """A text with its length before it (unsigned varint), and where it ends. An impossible one is empty."""
    length, shift, at = 0, 0, start
    while at < len(raw) and shift <= 28:
        byte = raw[at]
        at += 1
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (raw[at : at + length], at + length) if length <= _MAX_TEXT_BYTES else (b"", at)
        shift += 7
    return b"", at


def _broken(path: Path, why: str) -> InvalidInput:
    return InvalidInput(f"{path} {why}", code="wrong-engine", hint="Install the right one: muniment engine install")
