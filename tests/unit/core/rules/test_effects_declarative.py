"""Effects of declarative events, and that every type has an effect."""

from __future__ import annotations

import pytest

from machine import Machine
from muniment.core.rules import effects, events

SEALED = {"sealed": "A" * 43}


@pytest.mark.parametrize("type_", events.TYPES.values(), ids=events.TYPES.keys())
def test_every_type_has_an_effect(type_: type[events.Event]) -> None:
    assert effects.effect.dispatch(type_) is not effects.effect.dispatch(object)


def test_what_an_event_is_about_exists(registered: Machine) -> None:
    assert (
        registered.refusals("note.added", "bob", about=["actor/nobody", "model/m", "model/other"], text=SEALED) == ["unknown"] * 2
    )
    before = registered.state("model/m")
    registered.say("note.added", "bob", about=["model/m", "policy"], text=SEALED)
    assert registered.state("model/m") == before
    assert registered.record("policy")["last"] == registered.position.frontier.size - 2  # type: ignore[index]


def test_a_system_is_not_built_of_itself(registered: Machine) -> None:
    assert registered.refusals("system.registered", name="s", about=["system/s"]) == ["unknown"]
    registered.say("system.registered", name="s", about=["model/m"])
    assert registered.state("system/s") == {}
    registered.say("system.registered", name="s", about=["system/s"])
    assert registered.record("system/s")["count"] == 2  # type: ignore[index]
