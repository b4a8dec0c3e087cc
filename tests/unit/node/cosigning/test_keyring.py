"""The keys of a member: found when they are needed, also those that came while the node ran."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import makers
from muniment.errors import Unavailable
from muniment.ledger import signers
from muniment.node.cosigning.keyring import Keyring


def test_a_key_is_found_once_its_file_is_there(tmp_path: Path) -> None:
    now, later = tmp_path / "cosigner.key", tmp_path / "next" / "cosigner.key"
    first = signers.create_file(now, "bank")
    ring = Keyring(paths=(now, later))
    second = signers.SeedSigner(b"s" * 32)
    assert ring.find(second.public_key) is None
    made = signers.create_file(later, "bank")
    assert ring.find(made.public_key) is not None
    assert ring.find(first.public_key) is not None
    assert ring.find(None) is None


def test_a_key_whose_file_went_away_is_still_known(tmp_path: Path) -> None:
    path = tmp_path / "cosigner.key"
    made = signers.create_file(path, "bank")
    ring = Keyring(paths=(path,))
    assert ring.some() is not None
    path.unlink()
    assert ring.find(makers.ADA.public_key) is None
    assert ring.find(made.public_key) is not None


def test_a_key_that_others_can_read_is_told_at_the_start_and_stops_no_block(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cosigner.key"
    signers.create_file(path, "bank")
    path.chmod(0o644)
    ring = Keyring(paths=(path,))
    with pytest.raises(Unavailable, match="other users can read"):
        ring.check()
    with caplog.at_level(logging.WARNING):
        assert ring.some() is None
        assert ring.some() is None
    assert len(caplog.records) == 1
    path.chmod(0o600)
    ring.check()


def test_given_keys_need_no_file() -> None:
    ring = Keyring([makers.ADA, makers.BOB])
    assert ring.some() is makers.ADA
    assert ring.find(makers.BOB.public_key) is makers.BOB
