"""client.world: a view as the rules look at it."""

from __future__ import annotations

from pathlib import Path

from muniment.client.ledger import Ledger
from muniment.client.world import World
from muniment.core.rules import events
from muniment.core.rules.ancestry import walk
from muniment.core.rules.events import ModelRegistered
from muniment.core.rules.records import Version


def test_records_bodies_and_the_walk_over_them(ledger: Ledger, loans: Path, model: Path) -> None:
    data = ledger.dataset("loans", loans)
    version = ledger.register("credit-risk", model, data=[data])
    with ledger.view() as view:
        world = World(view)
        state = world.read(f"version/{version.digest}", Version)
        assert state is not None
        event = events.decode(world.body(state.made))
        assert isinstance(event, ModelRegistered)
        assert world.read(f"version/{'0' * 64}", Version) is None
        assert walk(world, version.digest).path(f"data/{data.digest}") == (f"version/{version.digest}", f"data/{data.digest}")
