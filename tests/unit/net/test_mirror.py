"""A mirror of a served ledger: complete, resumable, and untouched by a server that lies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import hosts
import lying
import makers
from league import ORGANISATIONS, League
from lying import Liar, Said
from muniment.cli.application import run
from muniment.core.format import checkpoint, merkle
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.format.tiles import bundles_for, path, tiles_for
from muniment.core.proof import trust as trusts
from muniment.core.proof.evidence import SplitView
from muniment.errors import Conflict, NotFound, Unavailable, VerificationError
from muniment.ledger.embedded import Embedded
from muniment.ledger.pins import Contact, Pins
from muniment.ledger.signers import SeedSigner
from muniment.ledger.store.file import Store
from muniment.net.mirror import Mirror, Mirrored
from several_nodes import serve


class Sea(NamedTuple):
    """A ledger of 300 entries, its node, and a folder that is to mirror it."""

    life: makers.Life
    liar: Liar
    host: hosts.Host
    mirror: Mirror
    pins: Pins
    folder: Path

    def run(self) -> Mirrored:
        return self.mirror.run(self.compare)

    def compare(self, note: bytes, prove: object) -> Contact:
        return self.pins.check(note, self.host.trust, prove)  # type: ignore[arg-type]

    def files(self) -> dict[str, bytes]:
        found = self.folder.rglob("*")
        return {str(each.relative_to(self.folder)): each.read_bytes() for each in sorted(found) if each.is_file()}


@pytest.fixture
def sea(tmp_path: Path) -> Iterator[Sea]:
    (tmp_path / "home").mkdir()
    life = makers.found(tmp_path / "home" / "ledger.db").grow(300, 60)
    host = hosts.host(tmp_path / "home", life.engine, Liar)
    pins, folder = Pins(tmp_path / "pins"), tmp_path / "mirror"
    mirror = Mirror(hosts.transport(host.url), folder, host.trust, keep=pins.keep)
    yield Sea(life, host.front, host, mirror, pins, folder)
    host.close()


def expected(size: int) -> set[str]:
    return {"checkpoint", *(path(each) for each in tiles_for(size)), *(path(each) for each in bundles_for(size))}


def test_a_mirror_holds_every_tile_and_entry_and_the_checkpoint(sea: Sea) -> None:
    done = sea.run()
    assert (done.size, done.before, done.written) == (300, 0, len(expected(300)))
    assert set(sea.files()) == expected(300)
    with sea.life.engine.view() as view:
        assert sea.files()["checkpoint"] == view.checkpoint


def test_it_needs_nothing_but_checkpoint_and_tiles(sea: Sea) -> None:
    sea.run()
    assert all(asked.startswith(("GET /checkpoint", "GET /tile/")) for asked in sea.liar.asked)


def test_the_next_run_adds_what_is_new_and_reads_nothing_twice(sea: Sea) -> None:
    sea.run()
    sea.liar.asked.clear()
    assert sea.run().written == 0
    assert len(sea.liar.asked) <= 6
    sea.life.grow(600, 60)
    sea.liar.asked.clear()
    done = sea.run()
    assert (done.size, done.before) == (600, 300)
    assert expected(600) <= set(sea.files())
    assert "GET /tile/entries/000" not in sea.liar.asked
    # The partial files of the checkpoint before are there for whoever reads it now.
    assert expected(300) <= set(sea.files())
    sea.life.grow(610, 9)
    sea.run()
    assert expected(610) <= set(sea.files())


def test_a_run_that_was_cut_goes_on_where_it_stopped(sea: Sea) -> None:
    sea.life.grow(900, 90)

    def lie(asked: str, said: Said) -> Said:
        return Said(404, "text/plain", b"") if asked.startswith("/tile/entries/002") else said

    sea.liar.lie = lie
    with pytest.raises(Unavailable) as found:
        sea.run()
    assert found.value.code == "tile-missing"
    assert "checkpoint" not in sea.files()
    sea.liar.lie = lying.honest
    sea.liar.asked.clear()
    sea.run()
    assert expected(900) <= set(sea.files())
    assert not [asked for asked in sea.liar.asked if asked.startswith(("GET /tile/entries/000", "GET /tile/entries/001"))]


def test_what_lies_in_the_folder_is_checked_too(sea: Sea) -> None:
    sea.life.grow(900, 90)
    sea.liar.lie = lying.replace("/tile/entries/002", b"", status=404, type="text/plain")
    with pytest.raises(Unavailable):
        sea.run()
    spoiled = sea.folder / "tile/entries/001"
    spoiled.write_bytes(spoiled.read_bytes().replace(b"payload", b"payloaf", 1))
    sea.liar.lie = lying.honest
    sea.run()
    assert b"payloaf" not in spoiled.read_bytes()


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        ("/tile/entries/001", "inclusion-entry"),
        ("/tile/entries/000", "inclusion-entry"),
        ("/tile/0/000", "inclusion-tile"),
        ("/tile/0/001", "inclusion-edge"),
        ("/tile/1/000", "inclusion-edge"),
    ],
)
def test_a_changed_byte_leaves_the_last_good_mirror(sea: Sea, prefix: str, code: str) -> None:
    def lie(asked: str, said: Said) -> Said:
        middle = len(said.body) // 2
        body = said.body[:middle] + bytes([said.body[middle] ^ 1]) + said.body[middle + 1 :]
        return said._replace(body=body) if asked.startswith(prefix) else said

    sea.liar.lie = lie
    with pytest.raises(VerificationError) as found:
        sea.run()
    assert (found.value.step, found.value.code) == (7, code)
    assert "checkpoint" not in sea.files()
    sea.liar.lie = lying.honest
    sea.run()
    assert set(sea.files()) >= expected(300)


def test_a_ledger_that_was_cut_off_is_a_split_view(sea: Sea) -> None:
    with sea.life.engine.view() as view:
        old = view.checkpoint
    sea.life.grow(400, 60)
    sea.run()
    before = sea.files()
    sea.liar.lie = lying.replace("/checkpoint", old)
    with pytest.raises(SplitView) as found:
        sea.run()
    assert Path(str(found.value.details["evidence"])).is_file()
    assert sea.files() == before


def test_a_rewritten_ledger_is_a_split_view_and_a_tile_that_does_not_fit_accuses_nobody(sea: Sea) -> None:
    sea.run()
    before = sea.files()
    with sea.life.engine.view() as view:
        entries = [raw for _, raw in view.entries(0, view.size)]
    leaves = [merkle.leaf(raw) for raw in [entries[0], b"other", *entries[2:]]]
    forged = checkpoint.sign(Checkpoint(makers.ORIGIN, 300, merkle.root(leaves)), makers.LOG)
    sea.liar.lie = lying.replace("/checkpoint", forged)
    # Its tiles do not lead to it: that is found first, and says nothing about the ledger.
    with pytest.raises(VerificationError) as found:
        sea.run()
    assert (found.value.code, isinstance(found.value, SplitView)) == ("inclusion-edge", False)

    def lie(asked: str, said: Said) -> Said:
        if asked.startswith("/checkpoint"):
            return said._replace(body=forged)
        if asked.startswith("/tile/0/000"):
            return said._replace(body=b"".join(leaves[:256]))
        if asked.startswith("/tile/1/000"):
            return said._replace(body=merkle.root(leaves[:256]))
        return said

    sea.liar.lie = lie
    with pytest.raises(SplitView) as split:
        sea.run()
    assert split.value.code == "split-view-same-size"
    assert sea.files() == before


def test_lines_of_an_earlier_day_take_no_newer_ones_place(tmp_path: Path) -> None:
    """Members sign the newest checkpoint anew while nothing happens; a slow node, or a bad one, shows what they said before."""
    league = League(tmp_path / "ledger.db")
    league.note()
    with league.store.view() as view:
        earlier = view.checkpoint
    host = serve(tmp_path / "node", tmp_path / "ledger.db", league.trust, Embedded(Store.open(tmp_path / "ledger.db"), None))
    pins, folder = Pins(tmp_path / "pins"), tmp_path / "mirror"
    mirror = Mirror(hosts.transport(host.url), folder, league.trust, keep=pins.keep)
    league.now += 600_000_000
    later = league.cosign(earlier, ORGANISATIONS)
    try:
        for shown, kept in ((earlier, earlier), (later, later), (earlier, later)):
            host.front.lie = lying.replace("/checkpoint", shown)
            mirror.run(lambda note, prove: pins.check(note, league.trust, prove))
            assert (folder / "checkpoint").read_bytes() == kept
    finally:
        host.close()
        league.store.close()


def test_another_ledger_and_a_forger_are_refused(sea: Sea, tmp_path: Path) -> None:
    with sea.life.engine.view() as view:
        root = checkpoint.open(view.checkpoint, makers.VERIFIER).root
    forger = SeedSigner(b"f" * 32)
    for note, step in (
        (checkpoint.sign(Checkpoint(makers.ORIGIN, 300, root), forger), 3),
        (checkpoint.sign(Checkpoint("example.com/other", 300, root), makers.LOG), 2),
        (b"hello", 1),
    ):
        sea.liar.lie = lying.replace("/checkpoint", note)
        with pytest.raises(VerificationError) as found:
            sea.run()
        assert found.value.step == step
    sea.liar.lie = lying.honest
    other = trusts.Trust(makers.ORIGIN, "0" * 64, (makers.VERIFIER,))
    with pytest.raises(VerificationError) as wrong:
        Mirror(hosts.transport(sea.host.url), sea.folder, other).run(lambda *_: None)
    assert (wrong.value.step, wrong.value.code) == (2, "ledger")
    assert sea.files() == {}
    sea.liar.lie = lying.replace("/checkpoint", b"", status=404, type="text/plain")
    with pytest.raises(NotFound):
        sea.run()


def test_the_folder_of_another_ledger_is_left_alone(sea: Sea) -> None:
    sea.folder.mkdir()
    (sea.folder / "checkpoint").write_text("something else")
    with pytest.raises(Conflict) as found:
        sea.run()
    assert found.value.code == "other-tiles"
    assert (sea.folder / "checkpoint").read_text() == "something else"


def test_the_command_says_whom_it_believes_and_verify_accepts_what_it_made(
    sea: Sea, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MUNIMENT_TOKEN", hosts.TOKEN)
    trust = tmp_path / "home" / "trust.toml"
    assert run(["mirror", sea.host.url, "there", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["size"] == 300
    assert "First contact" in said.err
    assert run(["verify", "there", "--trust", str(trust)]) == 0
    with sea.life.engine.view() as view:
        old = view.checkpoint
    sea.life.grow(310, 9)
    assert run(["mirror", sea.host.url, "there", "--trust", str(trust)]) == 0
    sea.liar.lie = lying.replace("/checkpoint", old)
    capsys.readouterr()
    assert run(["mirror", sea.host.url, "there"]) == 3
    assert "evidence" in capsys.readouterr().err
    assert run(["verify", "there", "--trust", str(trust)]) == 0


def test_plain_tiles_need_a_trust_file(sea: Sea, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MUNIMENT_TOKEN", hosts.TOKEN)
    sea.liar.lie = lying.replace("/v1/", b"not here", status=404, type="text/html")
    assert run(["mirror", sea.host.url, "there"]) == 5
    assert run(["mirror", sea.host.url, "there", "--trust", str(tmp_path / "home" / "trust.toml")]) == 0
