"""One node lies to its readers: a client refuses what it shows, says so once, and has its answer from another node.

What two of four sign together is worth no more: their ledger is real in every other way, with their real keys, and no receipt, no
answer, no bundle, no step of a trust path out of it verifies. What three sign verifies: that is the promise's other half, and the
reason why a fourth member compares (test_node_diverged) and a client remembers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import consortium
import hosts
import lying
import serving
from consortium import Consortium
from forging import Forgery
from lying import Liar, Said
from muniment import config
from muniment.client.opening import connect
from muniment.config import Config
from muniment.core.format.encoding import Value
from muniment.core.proof import path as paths
from muniment.core.proof import trust as trusts
from muniment.core.proof.evidence import SplitView
from muniment.core.proof.verify import verify_answer, verify_bundle, verify_receipt
from muniment.errors import MunimentError, Unavailable, VerificationError
from muniment.net.ways import NodeWarning
from several_nodes import strip

TWO, THREE = ("lab", "watch"), ("lab", "source", "watch")


class Place:
    """Four nodes that run; a client that begins anew in each folder."""

    def __init__(self, folder: Path, them: Consortium) -> None:
        self.folder = folder
        self.them = them

    def settings(self, name: str, *servers: tuple[str, str]) -> Config:
        """A client of these servers (address and token each), who has the trust file from the owner."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        trust = folder / "trust.toml"
        trust.write_text(trusts.format(self.them.trust))
        environment = {
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "MUNIMENT_URL": " ".join(url for url, _ in servers),
            "MUNIMENT_TOKEN": " ".join(token for _, token in servers),
            "MUNIMENT_TRUST": str(trust),
        }
        return config.resolve(environment, folder, {})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("consortium")
    with consortium.running(folder) as them:
        for node in them:
            node.record(them.system(node.organisation, f"of-{node.organisation}"))
        them.agree()
        yield Place(folder, them)


@contextmanager
def relayed(place: Place) -> Iterator[tuple[Liar, str]]:
    """The node of `watch` behind a liar of its own: who asks there is told what the liar says."""
    liar = Liar(lying.Relayed(place.them.watch.url))
    port = serving.Port(liar)
    port.start()
    try:
        yield liar, port.url
    finally:
        port.end()


def look(settings: Config) -> int:
    """How many entries the ledger has, by whatever node is believed."""
    ledger = connect(settings)
    try:
        with ledger.view() as view:
            return view.size
    finally:
        ledger.close()


def said_of(url: str, told: list[warnings.WarningMessage]) -> list[str]:
    return [str(each.message) for each in told if each.category is NodeWarning and url in str(each.message)]


def check_refused(place: Place, name: str, liar: tuple[str, str], code: str) -> None:
    """With an honest node: its answer, and one warning that names the liar. With the liar alone: the error."""
    bank = place.them.bank
    honest = max(bank.heads().values())[0]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ledger = connect(place.settings(f"{name}-several", liar, (bank.url, bank.token)))
        for _ in range(3):
            with ledger.view() as view:
                assert view.size == honest
        ledger.close()
    (said,) = said_of(liar[0], told)
    print(f"{name}: {said}")
    with pytest.raises(MunimentError) as caught:
        look(place.settings(f"{name}-alone", liar))
    print(f"{name}, alone: {type(caught.value).__name__} {caught.value.code}: {caught.value}")
    assert caught.value.code == code


def test_a_checkpoint_with_two_of_four_lines_is_refused(place: Place) -> None:
    with relayed(place) as (liar, url):
        # The log's own line and those of two members.
        liar.lie = strip(3)
        check_refused(place, "two-lines", (url, place.them.watch.token), "quorum")


def test_a_changed_checkpoint_under_the_right_lines_is_refused(place: Place) -> None:
    def edit(frame: Any) -> Any:
        text, blank, lines = frame["checkpoint"].partition("\n\n")
        origin, size, root = text.split("\n")
        return frame | {"checkpoint": f"{origin}\n{size}\n{'B' if root[0] == 'A' else 'A'}{root[1:]}{blank}{lines}"}

    with relayed(place) as (liar, url):
        liar.lie = lying.change("/v1/view", edit)
        check_refused(place, "changed", (url, place.them.watch.token), "log-signature")


@pytest.mark.parametrize("colluding", [("watch",), TWO])
def test_another_history_of_too_few_is_refused(place: Place, colluding: tuple[str, ...]) -> None:
    forged = Forgery(place.folder / f"forged-{len(colluding)}", place.them, colluding)
    host = forged.serve(place.them.trust)
    try:
        check_refused(place, f"forged-by-{len(colluding)}", (host.url, hosts.TOKEN), "quorum")
    finally:
        host.close()


def test_an_old_state_is_not_taken_for_the_newest(place: Place) -> None:
    bank, watch = place.them.bank, place.them.watch
    with relayed(place) as (liar, url):
        old: dict[str, Said] = {}

        def remember(path: str, said: Said) -> Said:
            if path.startswith("/v1/view"):
                return old.setdefault("/v1/view", said)
            return said

        liar.lie = remember
        settings = place.settings("old", (url, watch.token), (bank.url, bank.token))
        alone = place.settings("old-alone", (url, watch.token))
        before = look(alone)
        # The client saw a newer block, at whichever node; the one that shows the old one again is not believed.
        bank.record(place.them.system("bank", "newer"))
        place.them.agree()
        newest = max(bank.heads().values())[0]
        ledger = connect(place.settings("old", (bank.url, bank.token)))
        ledger.close()
        assert look(settings) == newest > before
        seen = connect(place.settings("old-alone", (bank.url, bank.token)))
        seen.close()
        with pytest.raises(Unavailable) as caught:
            look(alone)
        assert caught.value.code == "behind"


def verified(forged: Forgery, place: Place) -> dict[str, Callable[[], Value | object]]:
    """All that could be handed to somebody, with what he does to verify it."""
    trust = place.them.trust
    return {
        "receipt": lambda: verify_receipt(forged.receipt(), trust, entry=forged.raw),
        "answer": lambda: verify_answer(forged.answer(), trust),
        "bundle": lambda: verify_bundle(forged.bundle(), trust),
        "path": lambda: paths.check_path(trust, forged.path()),
        "follow": lambda: paths.follow(trust, forged.path()),
    }


def test_two_of_four_make_nothing_that_verifies(place: Place) -> None:
    forged = Forgery(place.folder / "two", place.them, TWO)
    for name, verify in verified(forged, place).items():
        with pytest.raises(VerificationError) as caught:
            verify()
        print(f"{name}: {caught.value.code}, step {caught.value.step}: {caught.value}")
        assert (caught.value.step, caught.value.code) == (4, "path-quorum" if name in ("path", "follow") else "quorum")
    forged.close()


def test_three_of_four_could(place: Place) -> None:
    """What is trusted is that no three of four lie together: where they do, only those notice who saw the true ledger before."""
    forged = Forgery(place.folder / "three", place.them, THREE, blocks=10)
    for verify in verified(forged, place).values():
        verify()
    host = forged.serve(place.them.trust)
    bank = place.them.bank
    try:
        settings = place.settings("three", (bank.url, bank.token))
        look(settings)
        with pytest.raises(SplitView) as caught:
            look(place.settings("three", (host.url, hosts.TOKEN)))
        print(f"three: {caught.value.code}: {caught.value} {caught.value.details}")
    finally:
        host.close()
