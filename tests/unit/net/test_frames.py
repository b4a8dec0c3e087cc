"""What a node says of its newest block: what can be read of it, and by which release."""

from __future__ import annotations

from pathlib import Path

import pytest

import makers
from muniment.core.format import entry
from muniment.errors import Unavailable, VerificationError
from muniment.ledger.store.file import Store
from muniment.net import frames


def test_a_header_of_a_later_release_is_not_held_against_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(makers.found(tmp_path / "ledger.db").close())
    try:
        with store.view() as view:
            raw = view.entry(0)
    finally:
        store.close()
    assert frames.open_header(raw).height == 0
    with pytest.raises(VerificationError, match="what stands for a header is none"):
        frames.open_header(b"{}")
    monkeypatch.setattr(entry, "PROTOCOLS", frozenset({2}))
    with pytest.raises(Unavailable, match="this release speaks 2") as refused:
        frames.open_header(raw)
    assert refused.value.code == "protocol-unknown"
