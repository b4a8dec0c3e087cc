"""Who may talk to the engine, while somebody edits node.toml."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from muniment.node import settings as node_settings
from muniment.node.homes import NodeHome
from muniment.node.service.acquaintances import Acquaintances
from muniment.node.settings import NodeSettings, Peer

BANK, CLINIC = "a" * 40, "b" * 40


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    (tmp_path / "node").mkdir()
    return NodeHome(tmp_path)


def write(home: NodeHome, settings: NodeSettings) -> NodeSettings:
    home.settings.write_text(node_settings.format(settings), encoding="utf-8")
    return settings


def test_who_was_admitted_meanwhile_is_known(home: NodeHome) -> None:
    bank = Peer(organisation="bank", p2p=f"{BANK}@bank.example:26656")
    known = Acquaintances(home, write(home, NodeSettings(organisation="lab", peers=(bank,))))
    assert (known.knows(BANK), known.knows(CLINIC)) == (True, False)
    clinic = Peer(organisation="clinic", p2p=f"{CLINIC}@clinic.example:26656")
    write(home, NodeSettings(organisation="lab", peers=(bank, clinic)))
    assert known.knows(CLINIC)
    write(home, NodeSettings(organisation="lab", peers=(clinic,)))
    assert not known.knows(BANK)


@pytest.mark.parametrize("half", ['organisation = "lab"\n[[peers]', "", 'organisation = "lab"\npears = 1\n', None])
def test_a_file_that_is_half_written_ends_nothing(home: NodeHome, half: str | None, caplog: pytest.LogCaptureFixture) -> None:
    bank = Peer(organisation="bank", p2p=f"{BANK}@bank.example:26656")
    known = Acquaintances(home, write(home, NodeSettings(organisation="lab", peers=(bank,))))
    if half is None:
        home.settings.unlink()
    else:
        home.settings.write_text(half, encoding="utf-8")
    with caplog.at_level(logging.ERROR, "muniment.node"):
        assert [known.knows(BANK), known.knows(CLINIC), known.knows(BANK)] == [True, False, True]
    assert len(caplog.records) == 1
    write(home, NodeSettings(organisation="lab"))
    assert not known.knows(BANK)
