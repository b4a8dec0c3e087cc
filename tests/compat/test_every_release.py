"""What a release wrote verifies for ever: its stores, answers, receipts, bundles and evidence, kept here as they were written.

A folder is recorded once, when its release is made, by `python tools/release.py`, and never changed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import muniment
from muniment.client.home import Home
from muniment.ledger.store.fsck import fsck

RELEASES = sorted(path for path in Path(__file__).parent.iterdir() if (path / "ledger").is_dir())
PROOFS = [path for release in RELEASES for path in sorted(release.iterdir()) if path.is_file()]


@pytest.fixture(autouse=True)
def _stranger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A client that has never seen any of it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def copy(release: Path, folder: Path) -> Home:
    """A copy, because even a reader may leave files beside a store."""
    return Home(Path(shutil.copytree(release / "ledger", folder / "ledger")))


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_its_store_is_sound(release: Path, tmp_path: Path) -> None:
    home = copy(release, tmp_path)
    report = fsck(home.store, home.load_trust().log_keys[0])
    assert report.findings == ()
    assert report.replayed
    checked = muniment.verify(home.folder, trust=home.trust)
    assert any("solo" in sentence for sentence in checked.sentences)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_its_proofs_hold(proof: Path) -> None:
    checked = muniment.verify(proof, trust=proof.parent / "ledger" / "trust.toml")
    assert checked.sentences


def test_a_release_is_recorded() -> None:
    assert [path.name for path in RELEASES] == ["0.1.0"]
    assert len(PROOFS) == 13
