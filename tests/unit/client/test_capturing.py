"""client.capturing: files, told as the ledger names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.client import capturing
from muniment.core.format import manifest
from muniment.errors import CorruptStore, InvalidInput


def test_what_is_captured(loans: Path, tmp_path: Path) -> None:
    manifests = capturing.open_manifests(tmp_path / "manifests")
    captured = capturing.capture(loans, manifests)
    assert captured == capturing.read(loans)
    assert captured.digest == manifest.root(captured.manifest).hex()
    assert manifest.decode(manifests.load(captured.digest)) == captured.manifest
    assert captured.oms_digest != captured.digest


@pytest.mark.parametrize(
    ("names", "extension"),
    [(["a.csv"], "csv"), (["a.CSV", "b.csv"], "csv"), (["a.csv", "b.json"], None), (["a"], None), (["a.b c"], None)],
)
def test_the_extension_that_all_share(tmp_path: Path, names: list[str], extension: str | None) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in names:
        (folder / name).write_text(name)
    assert capturing.read(folder).extension == extension


def test_a_manifest_that_was_changed_is_noticed(loans: Path, tmp_path: Path) -> None:
    manifests = capturing.open_manifests(tmp_path / "manifests")
    captured = capturing.capture(loans, manifests)
    path = tmp_path / "manifests" / captured.digest
    for raw in (path.read_bytes().replace(b"loans", b"lons"), b"", b"{}\n"):
        path.write_bytes(raw)
        with pytest.raises(CorruptStore):
            manifests.load(captured.digest)
    with pytest.raises(InvalidInput):
        manifests.store(b"no manifest")
