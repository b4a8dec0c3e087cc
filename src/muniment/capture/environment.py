"""What the code runs on: Python, installed packages, platform, class of hardware (docs/events.md, `training.started`).

    found = read()
    encode(found)       # canonical JSON, kept as a blob, so that two runs can be compared package by package
    digest(found)       # what `training.started` names

Nothing that identifies a machine or a person is kept: no host or user name, no serial number, no address, no path. Packages are
read through `importlib.metadata`, so a virtual environment needs no pip.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Protocol

import msgspec

from muniment.core.format import digest as sha256
from muniment.core.format import encoding
from muniment.core.format.encoding import Identifier

MAX_BYTES = 16 * 1024 * 1024

_LABEL_CHARACTERS = 256
_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=_LABEL_CHARACTERS)]
_separators = re.compile(r"[-_.]+")
_odd = re.compile(r"[^a-z0-9_.]+")
_graphics = re.compile(r"nvidia[0-9]+\Z")


class Package(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True, omit_defaults=True):
    """An installed distribution: normalised name, version, and where it does not come from an index: `editable`, `local`, the
    commit of a repository (`git:<hex>`) or an archive's digest (`sha256:<hex>`).
    """

    name: _Label
    version: _Label
    source: _Label = "index"


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`python` is such as `cpython-3.11.7`, `platform` such as `linux-x86_64-glibc-2.36`, `hardware` such as `cpu-x86_64` or
    `nvidia-x86_64`: what the machine offers, which a program need not have used. Packages are sorted and unique.
    """

    python: Identifier
    platform: Identifier
    hardware: Identifier
    packages: tuple[Package, ...]


class _Metadata(Protocol):
    def __getitem__(self, key: str, /) -> str: ...


class _Distribution(Protocol):
    """What is used of `importlib.metadata.Distribution`."""

    @property
    def metadata(self) -> _Metadata: ...

    def read_text(self, filename: str, /) -> str | None: ...


_decode = encoding.decoder(Environment, limit=MAX_BYTES)


def read() -> Environment:
    """Look at the running interpreter and what is installed for it: about 0.4 ms a package."""
    # Imported here because it brings the whole of `email`, 50 ms that no other command should wait for.
    from importlib.metadata import distributions

    return Environment(
        # A build from a repository calls itself "3.11.7+".
        python=f"{sys.implementation.name}-{platform.python_version().rstrip('+')}",
        platform=_platform(),
        hardware=f"{_accelerator()}-{_machine()}",
        packages=tuple(sorted(set(_packages(distributions())))),
    )


def encode(environment: Environment) -> bytes:
    """The environment as canonical JSON."""
    return encoding.encode_struct(environment)


def decode(raw: bytes) -> Environment:
    """Read canonical JSON of at most 16 MiB. Raises InvalidInput."""
    return _decode(raw)


def digest(environment: Environment) -> bytes:
    """The 32 bytes that name this environment: SHA-256 of its canonical JSON."""
    return sha256.sha256(encode(environment))


def _packages(distributions: Iterable[_Distribution]) -> Iterable[Package]:
    for distribution in distributions:
        # One damaged installation must not hide all others, nor stop a training run.
        try:
            metadata = distribution.metadata
            name, version = metadata["Name"], metadata["Version"]
            source = _source(distribution)
        except (OSError, UnicodeError, ValueError, KeyError):
            continue
        if name and version:
            name = _separators.sub("-", name).lower()
            yield Package(name[:_LABEL_CHARACTERS], version[:_LABEL_CHARACTERS], source)


def _source(distribution: _Distribution) -> str:
    """Where a package comes from, by PEP 610, without its address: addresses hold paths, hosts and tokens."""
    text = distribution.read_text("direct_url.json")
    if not text:
        return "index"
    record = json.loads(text)
    match record:
        case {"vcs_info": {"vcs": str(system), "commit_id": str(commit)}}:
            return f"{system}:{commit}"[:_LABEL_CHARACTERS]
        case {"archive_info": {"hashes": {"sha256": str(value)}}}:
            return f"sha256:{value}"[:_LABEL_CHARACTERS]
        case {"dir_info": {"editable": True}}:
            return "editable"
    return "local"


def _platform() -> str:
    """Operating system, processor, C library: not the kernel's build, which can name its owner."""
    library, version = platform.libc_ver()
    return "-".join(part for part in (_label(sys.platform), _machine(), _label(library), _label(version)) if part)


def _machine() -> str:
    return _label(os.uname().machine) or "unknown"


def _accelerator() -> str:
    """Which kind of accelerator the system's drivers show, without loading any library."""
    if Path("/proc/driver/nvidia/gpus").is_dir() or any(_graphics.match(name) for name in _names("/dev")):
        return "nvidia"
    if Path("/dev/kfd").exists():
        return "amd"
    return "cpu"


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _label(text: str) -> str:
    return _odd.sub("-", text.lower()).strip("-._")
