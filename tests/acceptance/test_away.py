"""The node is away in the middle of the work: nothing is lost, nothing is doubled, and the order is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import hosts
import muniment
from lying import Liar, Said
from muniment.cli.application import run
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.remote.first_contact import FirstContactWarning
from muniment.core.format import dsse
from muniment.core.rules import events
from muniment.ledger.blobs import Blobs
from muniment.vault import Vault

ACTOR = "alice"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[hosts.Host]:
    """A node over a new ledger, and a client in an environment of its own."""
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "client"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUNIMENT_TOKEN", hosts.TOKEN)
    muniment.init(tmp_path / "served", origin="example.com/credit", actor=ACTOR).close()
    # Another machine: what this one saw while founding is not known there.
    shutil.rmtree(tmp_path / "client")
    (tmp_path / "loans.csv").write_text("income,paid\n1,1\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"weights")
    started = hosts.house(tmp_path / "served", Liar)
    yield started
    started.close()


def enter(node: hosts.Host) -> Ledger:
    """The client's first contact; its actor's key was admitted before."""
    with pytest.warns(FirstContactWarning, match=r"fingerprint is [0-9a-f]{16}-[0-9a-f]{16}"):
        ledger = muniment.open(node.url)
    there = Home(ledger.home).actor_key(ACTOR)
    there.parent.mkdir(parents=True, mode=0o700)
    shutil.copy(node.hosting.by_name[""].home.actor_key(ACTOR), there)
    return ledger


def said(node: hosts.Host) -> list[str]:
    """The names of all events in the node's ledger, in order."""
    with node.hosting.by_name[""].reader.view() as view:
        raws = [raw for _, raw in view.entries(0, view.size)]
    return [events.decode(dsse.decode(raw).payload).NAME for raw in raws if raw.startswith(b'{"payload"')]


def test_what_is_recorded_while_the_node_is_away_arrives_whole_and_in_order(node: hosts.Host, tmp_path: Path) -> None:
    with enter(node) as ledger:
        data = ledger.dataset("loans", tmp_path / "loans.csv", licence="CC-BY-4.0")
        node.stop()
        waits = pytest.warns(muniment.RecordingWarning, match="3 events wait to be sent")
        with waits, ledger.training("credit-risk", inputs={"training": data}) as training:
            training.register("credit-risk", tmp_path / "model")
        assert len(ledger.pending()) == 3
        assert said(node) == ["dataset.registered"]
    # Another process, still away: it opens, says so, and keeps what is recorded.
    with pytest.warns(muniment.RecordingWarning, match="3 of your events wait"):
        away = muniment.open(node.url)
    assert away.contact is None
    away.close()
    node.start()
    with pytest.warns(muniment.RecordingWarning):
        back = muniment.open(node.url)
    with back:
        back.note("dataset/loans", "written once the node was back")
        assert back.pending() == []
        assert back.rejected() == []
        proved = back.history("credit-risk@1")
        assert "no others" in proved.sentences[0]
    expected = ["dataset.registered", "training.started", "model.registered", "training.finished", "note.added"]
    assert said(node) == expected
    home = node.hosting.by_name[""].home
    # The lists of files and the prose came along.
    assert len(list(Blobs(home.manifests).digests())) == 2
    assert Vault(home.vault).check() == ()
    assert home.vault.read_bytes().count(b"\n") >= 1


def test_a_connection_that_breaks_at_every_second_request_doubles_nothing(node: hosts.Host, tmp_path: Path) -> None:
    liar: Liar = node._app
    turn = 0

    def lie(path: str, answer: Said) -> Said:
        nonlocal turn
        turn += path.startswith("/v1/entries")
        # The event is committed by now; its sender never hears of it.
        return Said(502, "text/html", b"<h1>Bad gateway</h1>") if path.startswith("/v1/entries") and turn % 2 else answer

    with enter(node) as ledger:
        data = ledger.dataset("loans", tmp_path / "loans.csv", licence="CC-BY-4.0")
        liar.lie = lie
        for number in range(4):
            done = ledger.note("dataset/loans", f"note {number}")
            assert done.receipt
        assert data.name == "loans"
    assert said(node) == ["dataset.registered", *["note.added"] * 4]
    assert turn == 8


def test_the_command_line_works_with_a_node_as_with_a_folder(
    node: hosts.Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    enter(node).close()
    monkeypatch.setenv("MUNIMENT_URL", node.url)
    assert run(["dataset", "loans", "loans.csv", "--licence", "CC-BY-4.0"]) == 0
    assert run(["register", "credit-risk", "model", "--derivation", "trained", "--data", "loans"]) == 0
    assert run(["prove", "credit-risk", "--out", "answer.json"]) == 0
    capsys.readouterr()
    assert run(["verify", "answer.json", "--trust", str(tmp_path / "served" / "trust.toml")]) == 0
    assert run(["log"]) == 0
    assert "credit-risk@1" in capsys.readouterr().out
    node.stop()
    assert run(["log"]) == 6
    node.start()
