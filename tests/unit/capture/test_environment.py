"""The environment: enough to compare two runs, nothing that names a machine or a person."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from importlib.metadata import Distribution
from pathlib import Path

import msgspec
import pytest

from muniment.capture import environment
from muniment.capture.environment import Environment, Package
from muniment.errors import InvalidInput


def install(folder: Path, name: str, metadata: str | None, direct_url: str | None = None) -> Distribution:
    place = folder / f"{name}.dist-info"
    place.mkdir()
    if metadata is not None:
        (place / "METADATA").write_text(metadata)
    if direct_url is not None:
        (place / "direct_url.json").write_text(direct_url)
    return Distribution.at(place)


def test_what_is_read_fits_and_is_stable() -> None:
    found = environment.read()
    assert found == environment.read()
    assert found.python.startswith(f"{sys.implementation.name}-3.")
    assert found.hardware.split("-")[0] in {"cpu", "nvidia", "amd"}
    assert found.platform.startswith(sys.platform)
    names = [package.name for package in found.packages]
    assert {"msgspec", "pynacl", "apsw"} <= set(names)
    assert names == sorted(names)
    raw = environment.encode(found)
    assert environment.decode(raw) == found
    assert len(environment.digest(found)) == 32


def test_it_names_no_machine_no_person_and_no_path() -> None:
    text = environment.encode(environment.read()).decode()
    secrets = [socket.gethostname(), str(Path.home()), sys.prefix, os.getcwd()]
    if len(getpass.getuser()) > 4:
        secrets.append(getpass.getuser())
    for secret in secrets:
        assert len(secret) < 3 or secret not in text


def test_packages_are_named_as_indexes_name_them(tmp_path: Path) -> None:
    found = list(
        environment._packages(
            [
                install(tmp_path, "A", "Metadata-Version: 2.1\nName: Foo.Bar__Baz\nVersion: 1.0\n"),
                install(tmp_path, "B", "Metadata-Version: 2.1\nVersion: 1.0\n"),
                install(tmp_path, "C", None),
                install(tmp_path, "D", "Metadata-Version: 2.1\nName: d\nVersion: 2\n", "not json"),
            ]
        )
    )
    assert found == [Package("foo-bar-baz", "1.0")]


@pytest.mark.parametrize(
    ("record", "source"),
    [
        ('{"url":"https://token@host/x","vcs_info":{"vcs":"git","commit_id":"abc123"}}', "git:abc123"),
        ('{"url":"file:///home/a/x.whl","archive_info":{"hashes":{"sha256":"ff00"}}}', "sha256:ff00"),
        ('{"url":"file:///home/a/x","dir_info":{"editable":true}}', "editable"),
        ('{"url":"file:///home/a/x","dir_info":{}}', "local"),
        ("[]", "local"),
    ],
)
def test_where_a_package_comes_from_is_told_without_its_address(tmp_path: Path, record: str, source: str) -> None:
    distribution = install(tmp_path, "x", "Metadata-Version: 2.1\nName: x\nVersion: 1\n", record)
    assert list(environment._packages([distribution])) == [Package("x", "1", source)]


def test_every_difference_changes_the_digest() -> None:
    base = Environment("cpython-3.11.7", "linux-x86_64", "cpu-x86_64", (Package("a", "1"),))
    others = [
        msgspec.structs.replace(base, python="cpython-3.11.8"),
        msgspec.structs.replace(base, hardware="nvidia-x86_64"),
        msgspec.structs.replace(base, packages=(Package("a", "2"),)),
        msgspec.structs.replace(base, packages=(Package("a", "1", "editable"),)),
        msgspec.structs.replace(base, packages=()),
    ]
    assert len({environment.digest(found) for found in (base, *others)}) == 6


def test_decode_is_strict() -> None:
    raw = environment.encode(Environment("cpython-3.11.7", "linux-x86_64", "cpu-x86_64", (Package("a", "1"),)))
    for bad in (b"", raw + b" ", raw.replace(b"cpu-x86_64", b"a host"), raw.replace(b'"1"', b'"1","source":"index"')):
        with pytest.raises(InvalidInput):
            environment.decode(bad)


def test_hardware_is_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_names", lambda folder: ["null", "nvidia0", "nvidiactl"])
    assert environment.read().hardware.startswith("nvidia-")
