"""The addresses in node.toml while the node runs: read again where the file changed, and only what can be read."""

from __future__ import annotations

import os
from pathlib import Path

from muniment.node import settings
from muniment.node.cosigning.neighbours import Neighbours, nobody
from muniment.node.settings import NodeSettings, Peer

BANK, LAB = Peer(organisation="bank", url="http://bank.test"), Peer(organisation="lab", url="http://lab.test")


def write(path: Path, *peers: Peer) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(settings.format(NodeSettings(organisation="watch", peers=peers)))
    os.replace(fresh, path)


def test_it_is_looked_at_again_where_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    neighbours = Neighbours(path)
    assert neighbours.look() == ()
    write(path, BANK)
    assert neighbours.look() == (BANK,)
    assert neighbours.look() == ()
    write(path, BANK, LAB)
    assert neighbours.look() == (BANK, LAB)


def test_what_cannot_be_read_yet_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text("organisation =")
    neighbours = Neighbours(path)
    assert neighbours.look() == ()
    write(path, LAB)
    assert neighbours.look() == (LAB,)


def test_by_default_nobody_comes() -> None:
    assert nobody() == ()
