"""The peers in node.toml, while somebody edits it and the node runs."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from muniment.node import settings as node_settings
from muniment.node.peers import Peers
from muniment.node.settings import NodeSettings, Peer

BANK, CLINIC = "a" * 40, "b" * 40
THE_BANK = Peer(organisation="bank", url="http://bank.test", p2p=f"{BANK}@bank.example:26656")
# Whoever is to exchange cosignatures there could not even begin.
NO_ADDRESS = 'organisation = "lab"\n[[peers]]\norganisation = "bank"\nurl = "https://bank.test:99999"\n'
THE_CLINIC = Peer(organisation="clinic", p2p=f"{CLINIC}@clinic.example:26656")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    write(path, THE_BANK)
    return path


def write(path: Path, *peers: Peer) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(node_settings.format(NodeSettings(organisation="lab", peers=peers)), encoding="utf-8")
    os.replace(fresh, path)


def test_who_was_admitted_meanwhile_is_known(path: Path) -> None:
    peers = Peers(path, (THE_BANK,))
    assert (peers.knows(BANK), peers.knows(CLINIC)) == (True, False)
    write(path, THE_BANK, THE_CLINIC)
    assert peers.knows(CLINIC)
    assert peers.look() == (THE_BANK, THE_CLINIC)
    write(path, THE_CLINIC)
    assert not peers.knows(BANK)


@pytest.mark.parametrize("half", ['organisation = "lab"\n[[peers]', "", 'organisation = "lab"\npears = 1\n', NO_ADDRESS, None])
def test_a_file_that_is_half_written_ends_nothing(path: Path, half: str | None, caplog: pytest.LogCaptureFixture) -> None:
    peers = Peers(path, (THE_BANK,))
    if half is None:
        path.unlink()
    else:
        path.write_text(half, encoding="utf-8")
    with caplog.at_level(logging.ERROR, "muniment.node"):
        assert [peers.knows(BANK), peers.knows(CLINIC), peers.knows(BANK)] == [True, False, True]
    # It is said once.
    assert len(caplog.records) == 1
    write(path)
    assert peers.look() == ()


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    peers = Peers(tmp_path / "node.toml")
    assert peers.look() == ()
    write(tmp_path / "node.toml", THE_CLINIC)
    assert peers.look() == (THE_CLINIC,)
