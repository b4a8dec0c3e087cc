"""A key file that is taken over, such as by the founder of a ledger who works through a node."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.client import home as homes
from muniment.client import identity, opening
from muniment.client.home import Home
from muniment.errors import Conflict, InvalidInput
from muniment.ledger import signers


def test_a_key_is_copied_for_the_ledger_that_it_was_made_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_STATE", str(tmp_path / "state"))
    with opening.init(tmp_path / "ledger", origin="example.com/credit", actor="alice") as ledger:
        source = Home(ledger.home).actor_key("alice")
        signer = signers.load_file(source)
        there = Home(tmp_path / "client")
        found = identity.import_key(there, "example.com/credit", source)
        assert (found.actor, found.key) == ("alice", signer.public_key.hex())
        copied = signers.load_file(there.actor_key("alice"))
        assert copied.sign(b"x") == signer.sign(b"x")
        assert (copied.path.stat().st_mode & 0o777, copied.purpose) == (0o600, homes.purpose("alice", "example.com/credit"))
        with pytest.raises(Conflict):
            identity.import_key(there, "example.com/credit", source)
        for origin, file in (("example.com/other", source), ("example.com/credit", Home(ledger.home).log_key)):
            with pytest.raises(InvalidInput):
                identity.import_key(Home(tmp_path / "none"), origin, file)
