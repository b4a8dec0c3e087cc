"""What a member's node shows, and a bundle of a consortium's ledger: every change is caught, each with its own word."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

import hosts
import lying
import makers
from league import League
from muniment import config
from muniment.client.ledger import Ledger
from muniment.client.opening import connect
from muniment.core.format import encoding, time
from muniment.core.proof import authority
from muniment.core.proof import bundle as bundles
from muniment.core.proof import trust as trusts
from muniment.core.proof.evidence import SplitView
from muniment.core.proof.verify.bundle import verify_bundle
from muniment.errors import InvalidInput, MunimentError, Unavailable, VerificationError
from muniment.ledger.embedded import Embedded
from muniment.ledger.store.file import Store
from several_nodes import serve, strip

VERSION, DATA = "2" * 64, "1" * 64
EVENTS = (
    ("dataset.registered", {"name": "loans", "data": DATA, "bytes": 1, "files": 1}),
    ("model.registered", {"model": "credit-risk", "version": VERSION, "derivation": "trained", "data": [DATA]}),
    *(("system.registered", {"name": f"system-{number}", "operatorRole": "provider"}) for number in range(4)),
)
FLIPS = 150
MAX_AGE = 600


class Scene:
    """A ledger whose blocks all four members cosigned, its node, and a client that has seen it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[hosts.Host] = []
        self.league = League(folder / "true.db")
        self.events = [makers.sign(self.league.ledger, name, **fields) for name, fields in EVENTS]
        self.earlier: list[Path] = []
        for each in self.events:
            self.earlier.append(folder / f"earlier-{len(self.earlier)}.db")
            self.league.store.backup(self.earlier[-1])
            self.league.append(each)
        self.node = self.serve(folder / "true.db")

    def rewrite(self, events: Sequence[bytes], **named: Any) -> Path:
        """The file of another history that all four members signed just as well, as if there had been no other."""
        path = self.folder / f"other-{len(self.hosts)}.db"
        other = League(path, **named)
        for each in events:
            other.append(each)
        other.store.close()
        return path

    def event(self, ledger: str) -> bytes:
        """An event that never happened."""
        return makers.sign(ledger, "system.registered", name="forged", operatorRole="provider")

    def serve(self, path: Path) -> hosts.Host:
        """A node over a file."""
        self.hosts.append(serve(self.folder / f"node-{len(self.hosts)}", path, self.league.trust, Embedded(Store.open(path), None)))
        return self.hosts[-1]

    def meet(self, node: hosts.Host) -> Ledger:
        """The same client at a node: it has a trust file, and remembers what it saw."""
        trust = self.folder / "reader.toml"
        trust.write_text(trusts.format(self.league.trust))
        environment = {"HOME": str(self.folder), "MUNIMENT_TRUST": str(trust), "MUNIMENT_TOKEN": hosts.TOKEN}
        with warnings.catch_warnings(action="ignore"):
            return connect(config.resolve({**environment, "MUNIMENT_URL": node.url}, self.folder, {}))

    def close(self) -> None:
        for each in self.hosts:
            each.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = Scene(tmp_path_factory.mktemp("scene"))
    made.meet(made.node).close()
    yield made
    made.close()


@pytest.fixture(scope="module")
def bundle(scene: Scene) -> bytes:
    ledger = scene.meet(scene.node)
    bundled = bundles.decode(ledger.bundle("credit-risk@1").raw)
    ledger.close()
    # Whom a bundle says is to be believed is for readers who have nobody else's word; nothing is verified by it.
    raw = bundles.encode(msgspec.structs.replace(bundled, trust=msgspec.UNSET))
    assert verify_bundle(raw, scene.league.trust, tier="consortium")
    return raw


@pytest.fixture
def lie(scene: Scene) -> Iterator[Callable[[lying.Lie], None]]:
    def tell(said: lying.Lie) -> None:
        scene.node.front.lie = said

    yield tell
    scene.node.front.lie = lying.honest


HISTORIES: dict[str, tuple[Callable[[Scene], Path], str]] = {
    "reordered": (lambda scene: scene.rewrite([*scene.events[:-2], *reversed(scene.events[-2:])]), "split-view-same-size"),
    "one left out, one put in": (
        lambda scene: scene.rewrite([*scene.events[:-1], scene.event(scene.league.ledger)]),
        "split-view-same-size",
    ),
    "rewritten and grown": (
        lambda scene: scene.rewrite([*reversed(scene.events[-4:]), *scene.events[:2], scene.event(scene.league.ledger)]),
        "split-view-inconsistent",
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_who_saw_the_ledger_is_shown_no_other_history_though_all_members_sign_it(scene: Scene, name: str) -> None:
    make, code = HISTORIES[name]
    with pytest.raises(SplitView) as caught:
        scene.meet(scene.serve(make(scene)))
    assert (caught.value.step, caught.value.code) == (5, code)
    assert Path(str(caught.value.details["evidence"])).is_file()


@pytest.mark.parametrize("blocks", [-1, 2])
def test_who_saw_the_ledger_takes_no_earlier_state_for_the_newest(scene: Scene, blocks: int) -> None:
    """A member's node may honestly lag: it accuses nobody, and nobody goes on with it."""
    ledger = scene.meet(scene.serve(scene.earlier[blocks]))
    with pytest.raises(Unavailable, match="the node is behind") as caught, ledger.view():
        pass
    ledger.close()
    assert caught.value.code == "behind"


def test_everything_rewritten_is_another_ledger_also_for_who_never_saw_this_one(scene: Scene, tmp_path: Path) -> None:
    stranger = Scene.__new__(Scene)
    stranger.folder, stranger.hosts, stranger.league = tmp_path, [], scene.league
    path = stranger.rewrite([], publishing="bravo")
    with pytest.raises(VerificationError) as caught:
        stranger.meet(stranger.serve(path))
    stranger.close()
    assert (caught.value.step, caught.value.code) == (2, "ledger")


def test_two_members_are_no_quorum(scene: Scene, lie: Callable[[lying.Lie], None]) -> None:
    lie(strip(3))
    with pytest.raises(VerificationError) as caught:
        scene.meet(scene.node)
    assert (caught.value.step, caught.value.code) == (4, "quorum")


def test_a_flipped_bit_of_the_checkpoint_is_caught_wherever_it_is(scene: Scene, lie: Callable[[lying.Lie], None]) -> None:
    with scene.league.store.view() as view:
        size = len(view.checkpoint)
    codes = set()
    for at in range(0, size, 11):

        def flip(frame: Any, at: int = at) -> Any:
            raw = bytearray(frame["checkpoint"].encode())
            raw[at] ^= 1
            return frame | {"checkpoint": raw.decode()}

        lie(lying.change("/v1/view", flip))
        try:
            ledger = scene.meet(scene.node)
        except (VerificationError, InvalidInput) as error:
            codes.add(error.code)
        else:
            # A line whose name or key id is another one is a stranger's: the voice is lost, and the others are enough.
            with ledger.view() as view:
                head = authority.open_head(view.checkpoint, scene.league.trust)
            ledger.close()
            assert at > view.checkpoint.index(b"\n\n")
            assert (len(head.voices), head.signed) in {(3, True), (4, False)}
    assert {"cosignature", "origin"} <= codes


def test_a_flipped_bit_of_an_entry_is_caught(scene: Scene, lie: Callable[[lying.Lie], None]) -> None:
    ledger = scene.meet(scene.node)
    with ledger.view() as view:
        genuine = view.entry(1)
    ledger.close()
    for at in range(0, len(genuine), 97):
        changed = bytearray(genuine)
        changed[at] ^= 1

        def forge(asked: str, said: lying.Said, changed: bytes = bytes(changed)) -> lying.Said:
            body = said.body.replace(genuine, changed).replace(base64.b64encode(genuine), base64.b64encode(changed))
            return said._replace(body=body)

        ledger = scene.meet(scene.node)
        lie(forge)
        with pytest.raises(MunimentError) as caught, ledger.view() as view:
            view.entry(1)
        lie(lying.honest)
        ledger.close()
        assert caught.value.code == "inclusion-root", at


def test_a_flipped_bit_of_a_bundle_is_caught_wherever_it_is(scene: Scene, bundle: bytes) -> None:
    for number in range(FLIPS):
        at = number * len(bundle) // FLIPS
        changed = bytearray(bundle)
        changed[at] ^= 1 << number % 8
        try:
            verify_bundle(bytes(changed), scene.league.trust)
        except (VerificationError, InvalidInput):
            continue
        # The one change that is left: a signature line that is a stranger's now is a voice less, and the others are enough.
        assert bundle[bundle.rfind(b"\\n", 0, at) + 2 :].startswith("— ".encode()), at


def test_a_bundle_that_is_cut_or_thinned_or_old_is_caught(scene: Scene, bundle: bytes) -> None:
    trust = scene.league.trust
    for cut in (1, 2, 100, len(bundle) // 2):
        with pytest.raises(InvalidInput):
            verify_bundle(bundle[:-cut], trust)
    few = msgspec.json.decode(bundle)
    for each in few["answers"]:
        each["receipt"] = "\n".join(line for line in each["receipt"].split("\n") if "/bravo" not in line and "/delta" not in line)
    with pytest.raises(VerificationError) as caught:
        verify_bundle(encoding.encode(few) + b"\n", trust)
    assert (caught.value.step, caught.value.code) == (4, "quorum")
    # Sealed at noon, and nobody has signed it anew.
    later = time.format(scene.league.now + (MAX_AGE + 60) * 1_000_000)
    with pytest.raises(VerificationError) as caught:
        verify_bundle(bundle, trust, now=later, max_age=MAX_AGE)
    assert (caught.value.step, caught.value.code) == (6, "stale")
