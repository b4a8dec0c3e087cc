"""Two of four nodes away, or the network in two halves: the ledger stands still without harm, and goes on once they are back."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import msgspec
import pytest

import consortium
from consortium import Consortium, Node
from muniment.node import settings
from relays import Relay

AWAY_SECONDS = 6.0
BACK_SECONDS = 180.0
"""Far more than it takes, for machines that have much else to do."""


@pytest.fixture
def relayed(tmp_path: Path) -> Iterator[tuple[Consortium, dict[tuple[str, str], list[Relay]]]]:
    """Four nodes that reach each other over relays; the relays by pair: who calls, who is called."""
    them = consortium.found(tmp_path)
    relays: dict[tuple[str, str], list[Relay]] = {}
    places = {each.organisation: each.home.load_settings() for each in them}
    for node in them:
        peers = []
        for peer in node.home.load_settings().peers:
            identity = peer.p2p.partition("@")[0]
            pair = [
                Relay(settings.split_place(place)) for place in (places[peer.organisation].p2p, places[peer.organisation].listen)
            ]
            relays[node.organisation, peer.organisation] = pair
            peers.append(msgspec.structs.replace(peer, p2p=f"{identity}@{pair[0].place}", url=f"http://{pair[1].place}"))
        written = msgspec.structs.replace(node.home.load_settings(), peers=tuple(peers))
        node.home.settings.write_text(settings.format(written))
    with consortium.alone():
        try:
            yield them.start(), relays
        finally:
            for each in them:
                each.close()
            for relay in itertools.chain(*relays.values()):
                relay.cut()


def submit_later(node: Node, raw: bytes) -> threading.Thread:
    """Submit until it is acknowledged, in a thread."""

    def submit() -> None:
        while True:
            with suppress(httpx.HTTPError):
                (verdict,) = node.submit(raw)
                assert verdict["decision"] in ("admitted", "repeated")
                return

    thread = threading.Thread(target=submit, daemon=True)
    thread.start()
    return thread


def stands_still(them: Consortium, nodes: tuple[Node, ...], raw: bytes) -> threading.Thread:
    """Nothing is acknowledged for a while, and nothing is written anywhere; readers are answered."""
    before = [each.heads() for each in nodes]
    waiting = submit_later(nodes[0], raw)
    waiting.join(AWAY_SECONDS)
    assert waiting.is_alive()
    assert [each.heads() for each in nodes] == before
    for each in nodes:
        assert each.get("/v1/standing")["height"] == max(before[0])
    return waiting


def test_a_network_in_two_halves_stands_still_and_goes_on(
    relayed: tuple[Consortium, dict[tuple[str, str], list[Relay]]],
) -> None:
    them, relays = relayed
    them.bank.record(them.system("bank", "before"))
    them.agree()
    apart = [
        relay
        for (one, other), pair in relays.items()
        if ({one, other} & {"bank", "lab"}) and ({one, other} & {"source", "watch"})
        for relay in pair
    ]
    for relay in apart:
        relay.cut()
    waiting = stands_still(them, tuple(them), them.system("bank", "between"))
    for relay in apart:
        relay.mend()
    waiting.join(BACK_SECONDS)
    assert not waiting.is_alive()
    them.watch.record(them.system("watch", "after"))
    names = them.agree()
    assert len(names) == 4, names


def test_two_of_four_stopped_is_a_halt_without_harm(tmp_path: Path) -> None:
    with consortium.running(tmp_path) as them:
        them.bank.record(them.system("bank", "before"))
        them.agree()
        them.source.kill()
        them.watch.stop()
        waiting = stands_still(them, (them.bank, them.lab), them.system("bank", "between"))
        them.source.start().wait()
        waiting.join(BACK_SECONDS)
        assert not waiting.is_alive()
        assert len(them.agree(BACK_SECONDS, them.bank, them.lab, them.source)) == 3
        them.watch.start().wait()
        # Its engine may still be starting, which is said and tried again.
        after = submit_later(them.watch, them.system("watch", "after"))
        after.join(BACK_SECONDS)
        assert not after.is_alive()
        assert len(them.agree()) == 4
